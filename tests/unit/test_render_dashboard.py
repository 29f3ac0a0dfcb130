"""The dashboard as HTML: nothing from outside, nothing that runs but its own script."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import html.parser
import re
from urllib.parse import unquote

import pytest
from support.golden import assert_golden
from support.samples import hostile_report, sample_report

from audit.errors import UsageError
from audit.render import RENDERERS, Offer, renderer
from audit.render.dashboard import render_dashboard
from audit.report.model import Counts, PeriodHistory, Report
from audit.verdicts import Verdict

VOID = {"meta", "input", "br", "link", "img", "rect"}


class Page(html.parser.HTMLParser):
    """Collects elements, and the text that a reader sees, a line for each block."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.inline: dict[str, str] = {}
        self.text: list[str] = []
        self._open: list[str] = []
        self.feed(data.decode("utf-8"))
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        assert len(attrs) == len(dict(attrs)), "an attribute twice"
        if tag not in VOID:
            self._open.append(tag)
        if tag not in {"a", "b", "bdi", "code", "option", "span", "strong", "rect", "svg"}:
            self.text.append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] in {"style", "script"}:
            self.inline[self._open[-1]] = self.inline.get(self._open[-1], "") + data
        elif self.text:
            self.text[-1] += f" {data}" if self._open[-1] == "option" else data

    def lines(self) -> str:
        shown = (" ".join(line.split()) for line in self.text)
        return "\n".join(line for line in shown if line) + "\n"

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def empty_report() -> Report:
    return dataclasses.replace(
        sample_report(),
        verdict=Verdict.UNKNOWN,
        headline="No model version is in scope of this report.",
        counts=Counts(0, 0, 0, 0, 0, 0, 0, 0),
        exceptions=(), models=(), dossiers=(), waivers=(), changes=(), gaps=(),
        scope_reasons={}, unregistered_runs=(), interim=True, organisation="",
    )  # fmt: skip


PAGES = {
    "plain": Page(render_dashboard(sample_report())),
    "hostile": Page(render_dashboard(hostile_report())),
    "empty": Page(render_dashboard(empty_report())),
}
ALL = pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)


def test_golden_text() -> None:
    assert_golden("dashboard.txt", PAGES["plain"].lines().encode())


@ALL
def test_the_policy_names_the_only_style_and_the_only_script(page: Page) -> None:
    (policy,) = [
        str(meta["content"])
        for meta in page.all("meta")
        if meta.get("http-equiv") == "Content-Security-Policy"
    ]
    assert len(page.all("style")) == len(page.all("script")) == 1
    for tag in ("style", "script"):
        digest = base64.b64encode(hashlib.sha256(page.inline[tag].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert "http" not in policy


@ALL
def test_nothing_comes_from_outside(page: Page) -> None:
    assert {tag for tag, _ in page.elements} <= {
        "html", "head", "meta", "title", "style", "script", "body", "a", "div", "nav", "span",
        "main", "header", "p", "h1", "h2", "h3", "b", "bdi", "br", "section", "ul", "ol", "li",
        "svg", "g", "path", "text", "figure", "figcaption", "rect", "strong", "details", "summary",
        "form", "label", "input", "select", "option", "button", "table", "thead",
        "tbody", "tr", "th", "td", "dl", "dt", "dd", "code",
    }  # fmt: skip
    for _, attributes in page.elements:
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
        assert not attributes.keys() & {"src", "srcset", "action", "formaction", "xlink:href"}
    for link in page.all("a"):
        href = str(link["href"])
        assert re.fullmatch(r"#.*|(?:\.\./)?[A-Za-z0-9_./-]+\.(?:html|pdf|csv|jsonl?|md)", href), (
            href
        )
    style = page.inline["style"]
    assert re.findall(r"url\((?!data:font/woff2;base64,)", style) == []
    assert "@import" not in style


@ALL
def test_ids_are_unique_and_links_inside_lead_somewhere(page: Page) -> None:
    ids = [attributes["id"] for _, attributes in page.elements if attributes.get("id")]
    assert len(ids) == len(set(ids))
    inside = [str(a["href"])[1:] for a in page.all("a") if str(a["href"]).startswith("#")]
    assert {target for target in inside if "=" not in target} <= set(ids)


def test_hostile_text_is_written_out() -> None:
    text = PAGES["hostile"].lines()
    assert "<script>alert(1)</script>" in text
    assert "{{7*7}}" in text
    assert "‹U+202E›" in text
    assert "‹U+D800›" in text
    assert not set(text) & {"\u202e", "\u2066", "\x00", "\x1b", "\u2028"}
    assert "N" * 700 not in text


@ALL
def test_nothing_prints_as_a_programmer_would_see_it(page: Page) -> None:
    assert not re.findall(r"\b(?:None|nan|NaN|inf|undefined|null|True|False)\b", page.lines())


def test_every_version_stands_in_the_page_without_a_script() -> None:
    page, report = PAGES["plain"], sample_report()
    bodies = [body for body in page.all("tbody") if body.get("data-verdict")]
    assert len(bodies) == report.counts.in_scope
    assert not [body for body in bodies if "hidden" in body]
    verdicts = [body["data-verdict"] for body in bodies]
    assert verdicts.count("pass") == report.counts.passed
    assert all(run.run_id in str(bodies) for d in report.dossiers for run in [d.run] if run)
    assert ["hidden" in form for form in page.all("form")] == [True, True]


def test_every_action_stands_in_the_page_without_a_script() -> None:
    page, history = PAGES["plain"], sample_report().history
    rows = [row for row in page.all("tr") if row.get("data-action")]
    assert len(rows) == len(history.actions)
    assert [row["data-actor"] for row in rows] == [a.actor for a in reversed(history.actions)]
    assert [f["data-model"] for f in page.all("figure")] == ["churn", "fraud"]


def test_without_observations_there_is_no_section_of_actions() -> None:
    page = Page(render_dashboard(dataclasses.replace(sample_report(), history=PeriodHistory())))
    assert not [a for a in page.all("a") if a["href"] == "#actions"]
    assert len(page.all("form")) == 1
    assert page.all("figure") == []


@pytest.mark.parametrize(
    ("dossiers", "formats", "present", "absent"),
    [
        (("html",), ("html",), ["dossier.html"], ["dossier.pdf", "csv/", "report.pdf"]),
        (("pdf",), ("pdf", "html"), ["dossier.pdf", "report.pdf"], ["dossier.html", "csv/"]),
        ((), ("html", "csv"), ["csv/versions.csv", "#v-fraud-v7"], ["dossier.", "report.pdf"]),
    ],
)
def test_only_files_that_exist_are_linked(
    dossiers: tuple[str, ...], formats: tuple[str, ...], present: list[str], absent: list[str]
) -> None:
    page = Page(render_dashboard(sample_report(), dossiers, formats))
    links = " ".join(str(a["href"]) for a in page.all("a"))
    assert all(part in links for part in present)
    assert not [part for part in absent if part in links]


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_ink_can_be_read_on_the_paper(scheme: str) -> None:
    """WCAG 2.2, success criterion 1.4.3: a contrast of at least 4.5 to 1."""
    style = PAGES["plain"].inline["style"]
    light, dark = style.split("prefers-color-scheme: dark")
    part = light if scheme == "light" else dark.split("}")[0]
    inks = dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6});", part))
    paper = _luminance(inks.pop("paper"))
    for name in ("ink", "second", "label", "accent", "pass", "fail", "waived", "unknown"):
        darker, lighter = sorted([paper, _luminance(inks[name])])
        assert (lighter + 0.05) / (darker + 0.05) >= 4.5, name


def test_long_lists_are_cut_and_say_so() -> None:
    report = sample_report()
    long = dataclasses.replace(report, gaps=report.gaps * 10, table_rows=12)
    page = Page(render_dashboard(long))
    assert "The first 12 of 20 are shown; all stand in gaps.csv ." in page.lines().replace(
        "gaps.csv.", "gaps.csv ."
    )


def test_an_exception_of_the_job_and_one_of_several_versions() -> None:
    report = sample_report()
    job = dataclasses.replace(
        report.exceptions[0], model="", version=0, control="archive.retention-set"
    )
    several = dataclasses.replace(job, number=2, control="training.commit-recorded")
    page = Page(render_dashboard(dataclasses.replace(report, exceptions=(job, several))))
    assert "this job" in page.lines()
    links = [unquote(str(a["href"])) for a in page.all("a")]
    assert "#q=training.commit-recorded" in links


def test_a_model_of_another_workspace_links_to_its_dossier() -> None:
    report = sample_report()
    other = dataclasses.replace(report.dossiers[0], workspace="retail", slug="retail-fraud/v7")
    page = Page(render_dashboard(dataclasses.replace(report, dossiers=(other,))))
    assert "retail:fraud" in page.lines()
    hrefs = [a["href"] for a in page.all("a")]
    assert hrefs.count("models/retail-fraud/v7/dossier.html") > 1


def test_the_page_is_the_same_each_time() -> None:
    assert render_dashboard(sample_report()) == render_dashboard(sample_report())


def test_the_registry_of_renderers() -> None:
    offer = Offer(report=("html", "csv"), dossiers=())
    report = sample_report()
    files = {path for name in RENDERERS for path in renderer(name)(report, offer)}
    assert {"index.html", "report.json", "report.schema.json", "csv/versions.csv"} <= files
    with pytest.raises(UsageError, match="no such format: 'docx'"):
        renderer("docx")
