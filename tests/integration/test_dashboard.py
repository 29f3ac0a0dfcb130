"""The dashboard in a real browser: from ``file://``, without a network, by its own script."""

from __future__ import annotations

import dataclasses
import html.parser
import json
import re
from pathlib import Path

import pytest
from support.chromium import Visit, visit
from support.samples import hostile_report, sample_report

from audit.render.dashboard import render_dashboard
from audit.report.model import Report

pytestmark = pytest.mark.service


class Rows(html.parser.HTMLParser):
    """Reads the table of versions, and elements by id, out of a dumped document."""

    def __init__(self, dom: str) -> None:
        super().__init__()
        self.rows: dict[str, bool] = {}
        self.tags: list[str] = []
        self.attributes: list[str] = []
        self.expanded: list[str] = []
        self.sorts: dict[str, str] = {}
        self.feed(dom)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append(tag)
        self.attributes += found
        if tag == "tbody" and found.get("data-verdict"):
            self.rows[str(found["id"])] = "hidden" not in found
        if found.get("aria-expanded") == "true":
            self.expanded.append(str(found.get("aria-controls")))
        if found.get("aria-sort"):
            self.sorts[str(found["data-sort"])] = str(found["aria-sort"])

    @property
    def shown(self) -> list[str]:
        return [name for name, shown in self.rows.items() if shown]


def count_line(seen: Visit) -> str:
    match = re.search(r'id="shown"[^>]*>([^<]*)<', seen.dom)
    assert match
    return match[1]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bundle") / "index.html"
    path.write_bytes(render_dashboard(sample_report()))
    return path


@pytest.mark.parametrize(
    ("fragment", "shown", "line"),
    [
        ("#verdict=fail&q=churn", ["v-churn-v2"], "1 of 8 versions"),
        (
            "#verdict=not_evaluated&sort=-created",
            [
                "v-churn-v3",
                "v-credit-limit-recommendation-retail-emea-challenger-2026-revision-b-v2",
                "v-churn-v1",
            ],
            "3 of 8 versions",
        ),
        ("#q=no%20such%20words", [], "0 of 8 versions"),
    ],
)
def test_the_address_keeps_the_filters(
    page: Path, fragment: str, shown: list[str], line: str
) -> None:
    seen = visit(page, fragment)
    rows = Rows(seen.dom)
    assert sorted(rows.shown) == sorted(shown)
    if "sort=-created" in fragment:
        assert rows.shown == shown
        assert rows.sorts == {"created": "descending"}
    assert count_line(seen) == line
    assert ('class="empty" hidden' in seen.dom) is bool(shown)
    assert seen.console == ""


def test_a_row_can_be_linked_and_is_then_open(page: Path) -> None:
    rows = Rows(visit(page, "#v-fraud-v7").dom)
    assert rows.expanded == ["v-fraud-v7-more"]
    assert len(rows.shown) == 8
    assert rows.sorts == {"model": "ascending"}


def test_a_full_digest_finds_its_version(page: Path) -> None:
    dossier = sample_report().dossiers[1]
    assert dossier.run is not None
    rows = Rows(visit(page, f"#q={dossier.run.run_id}").dom)
    assert rows.shown == ["v-fraud-v6"]


def test_without_its_script_the_page_still_says_everything(page: Path, tmp_path: Path) -> None:
    text = re.sub(r"script-src [^;]*;", "script-src 'none';", page.read_text(encoding="utf-8"))
    path = tmp_path / "index.html"
    path.write_text(text, encoding="utf-8")
    seen = visit(path)
    assert "Content Security Policy" in seen.console
    rows = Rows(seen.dom)
    assert len(rows.shown) == 8
    assert rows.expanded == []
    assert 'class="js"' not in seen.dom
    assert "The vendor feed has another digest in the run than in the lock" in seen.dom


@pytest.mark.parametrize("name", ["plain", "hostile"])
def test_nothing_is_asked_of_any_network(tmp_path: Path, name: str) -> None:
    report = {"plain": sample_report, "hostile": hostile_report}[name]()
    path = tmp_path / "index.html"
    path.write_bytes(render_dashboard(report))
    seen = visit(path)
    rows = Rows(seen.dom)
    assert seen.console == ""
    assert count_line(seen) == "8 versions"
    assert rows.tags.count("script") == 1
    assert not {"img", "link", "iframe", "object", "base"} & set(rows.tags)
    assert not [attribute for attribute in rows.attributes if attribute.startswith("on")]
    assert "evil.example" not in seen.net
    assert "etc/passwd" not in seen.net


# --- used by hand: a driver beside the page's own script ---------------------------------------

_DRIVER = """
<script>
addEventListener("load", () => {
  const $ = (selector) => document.querySelector(selector);
  const result = {};
  const shown = () => [...document.querySelectorAll("tbody[data-verdict]")]
    .filter((body) => !body.hidden).map((body) => body.id);
  const type = (name, value) => {
    const field = $(`[name=${name}]`);
    field.value = value;
    field.dispatchEvent(new Event("input", { bubbles: true }));
  };
  try { DRIVE } catch (error) { result.error = String(error); }
  document.title = "RESULT" + JSON.stringify(result);
});
</script>
"""


def drive(tmp_path: Path, report: Report, steps: str) -> dict[str, object]:
    """Run steps in the page, its policy lifted so that the driver may run at all."""
    text = render_dashboard(report).decode()
    text = re.sub(r"<meta http-equiv=[^>]*>", "", text, count=1)
    text = text.replace("</body>", _DRIVER.replace("DRIVE", steps) + "</body>")
    path = tmp_path / "driven.html"
    path.write_text(text, encoding="utf-8")
    seen = visit(path)
    match = re.search(r"<title>RESULT(.*?)</title>", seen.dom)
    assert match, seen.console
    result: dict[str, object] = json.loads(match[1].replace("&gt;", ">").replace("&amp;", "&"))
    assert "error" not in result, result
    return result


def test_search_filter_sort_open_and_clear(tmp_path: Path) -> None:
    result = drive(
        tmp_path,
        sample_report(),
        """
        type("q", "churn");
        type("verdict", "fail");
        result.filtered = shown();
        result.hash = location.hash;
        result.clearShown = !$("button[type=reset]").hidden;
        $("button[type=reset]").click();
        result.cleared = shown().length;
        result.clearedHash = location.hash;
        result.focus = document.activeElement.name;
        $("th[data-sort=verdict] button").click();
        result.worst = document.querySelector("tbody[data-verdict]").dataset.verdict;
        $("th[data-sort=verdict] button").click();
        result.descending = $("th[data-sort=verdict]").getAttribute("aria-sort");
        result.sortHash = location.hash;
        const row = $("#v-fraud-v7");
        row.querySelector("button.opener").click();
        result.opened = row.querySelector(".opener").getAttribute("aria-expanded");
        result.visible = row.querySelector(".more").offsetHeight > 100;
        row.querySelector("tr.row td.c-verdict").click();
        result.closed = row.querySelector(".opener").getAttribute("aria-expanded");
        result.role = $("#shown").getAttribute("role");
        """,
    )
    assert result == {
        "filtered": ["v-churn-v2"],
        "hash": "#q=churn&verdict=fail",
        "clearShown": True,
        "cleared": 8,
        "clearedHash": "",
        "focus": "q",
        "worst": "fail",
        "descending": "descending",
        "sortHash": "#sort=-verdict",
        "opened": "true",
        "visible": True,
        "closed": "false",
        "role": "status",
    }


def test_actions_are_filtered_by_actor_action_and_model(tmp_path: Path) -> None:
    result = drive(
        tmp_path,
        sample_report(),
        """
        const deeds = () => [...document.querySelectorAll(".acts tbody tr")]
          .filter((row) => !row.hidden).length;
        const told = () => $("form.acting [role=status]").textContent;
        type("actor", "=bob");
        type("action", "alias_moved");
        result.bob = [deeds(), told(), location.hash];
        $("form.acting button[type=reset]").click();
        result.all = [deeds(), told(), location.hash, document.activeElement.name];
        type("actor", "-");
        result.nobody = deeds();
        type("actor", "");
        type("of", "churn");
        result.drawn = [...document.querySelectorAll(".timelines figure")]
          .filter((figure) => !figure.hidden).length;
        type("find", "no such words");
        result.empty = !$("#history .empty").hidden;
        result.versions = shown().length;
        """,
    )
    assert result == {
        "bob": [1, "1 of 16 actions", "#actor=%3Dbob&action=alias_moved"],
        "all": [16, "16 actions", "", "find"],
        "nobody": 4,
        "drawn": 1,
        "empty": True,
        "versions": 8,
    }


def test_another_address_is_another_view(tmp_path: Path) -> None:
    result = drive(
        tmp_path,
        sample_report(),
        """
        const go = (hash) => {
          history.replaceState(null, "", hash);
          dispatchEvent(new HashChangeEvent("hashchange"));
          return shown();
        };
        result.alias = go("#alias=champion");
        result.any = go("#alias=*").length;
        result.words = go("#q=VENDOR%20feed&lineage=contradicted");
        result.severity = go("#severity=high&model=churn");
        result.row = go("#v-fraud-v5").includes("v-fraud-v5");
        result.nonsense = go("#verdict=%E0%A4%A&sort=constructor").length;
        result.anchor = go("#gaps").length;
        """,
    )
    assert result == {
        "alias": ["v-fraud-v7"],
        "any": 2,
        "words": ["v-fraud-v7"],
        "severity": ["v-churn-v3"],
        "row": True,
        "nonsense": 8,
        "anchor": 8,
    }


def test_a_thousand_versions_stay_quick(tmp_path: Path) -> None:
    report = sample_report()
    many = tuple(
        dataclasses.replace(d, model=f"{d.model}-{n}", slug=f"{d.model}-{n}/v{d.version}")
        for n in range(125)
        for d in report.dossiers
    )
    result = drive(
        tmp_path,
        dataclasses.replace(report, dossiers=many),
        """
        const start = performance.now();
        type("q", "fraud-77");
        result.count = shown().length;
        result.line = $("#shown").textContent;
        document.body.offsetHeight;
        type("q", "");
        $("th[data-sort=created] button").click();
        document.body.offsetHeight;
        result.ms = performance.now() - start;
        """,
    )
    assert result["count"] == 3
    assert result["line"] == "3 of 1,000 versions"
    assert isinstance(result["ms"], float | int)
    assert result["ms"] < 2000


@pytest.mark.parametrize("width", [360, 768, 1280])
def test_no_page_is_wider_than_its_window(tmp_path: Path, width: int) -> None:
    for name, report in (("plain", sample_report()), ("hostile", hostile_report())):
        (tmp_path / f"{name}.html").write_bytes(render_dashboard(report))
    frames = "".join(
        f'<iframe src="{name}.html" width="{width}" height="800"></iframe>'
        for name in ("plain", "hostile")
    )
    path = tmp_path / "frames.html"
    path.write_text(
        f"<!DOCTYPE html>{frames}<script>addEventListener('load', () => {{ document.title = "
        "[...document.querySelectorAll('iframe')].map((frame) => "
        "frame.contentDocument.documentElement.scrollWidth <= frame.clientWidth) })</script>"
    )
    seen = visit(path, "", "--allow-file-access-from-files")
    assert "<title>true,true</title>" in seen.dom
