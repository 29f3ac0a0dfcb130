"""The lineage map of a dossier in a real browser: by pointer, by keys, and without scripts."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import pytest
from support.chromium import visit
from support.graphs import hostile_graph, hundred, many_files, typical
from support.samples import hostile_report, sample_dossier

from audit.graph import Graph
from audit.render.html import render_dossier_html

pytestmark = pytest.mark.service

_DRIVER = """
<script>
addEventListener("load", () => setTimeout(() => {
  const $ = (selector) => document.querySelector(selector);
  const all = (selector) => [...document.querySelectorAll(selector)];
  const result = {};
  const label = (node) => node && node.getAttribute("aria-label");
  const names = (selector) => all(`.wide .node${selector}`).map(label);
  const node = (name) => all(".wide .node").find((one) => label(one) === name);
  const press = (key) => document.activeElement.dispatchEvent(
    new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
  const point = (name) => node(name).querySelector("text").dispatchEvent(
    new MouseEvent("click", { bubbles: true, cancelable: true }));
  const told = () => $(".chosen").hidden ? null : $(".chosen h3").textContent.trim();
  try { DRIVE } catch (error) { result.error = String(error); }
  document.title = "RESULT" + JSON.stringify(result);
}, 50));
</script>
"""


def page(path: Path, graph: Graph) -> Path:
    dossier = dataclasses.replace(sample_dossier(), graph=graph)
    path.write_text(render_dossier_html(dossier), encoding="utf-8")
    return path


def drive(
    tmp_path: Path, graph: Graph, steps: str, fragment: str = "", width: int = 1280
) -> dict[str, object]:
    """Run steps in the page, its policy lifted so that the driver may run at all."""
    path = page(tmp_path / "dossier.html", graph)
    text = re.sub(r"<meta http-equiv=[^>]*>", "", path.read_text(encoding="utf-8"), count=1)
    path.write_text(text.replace("</body>", _DRIVER.replace("DRIVE", steps) + "</body>"))
    seen = visit(path, fragment, f"--window-size={width},900")
    match = re.search(r"<title>RESULT(.*?)</title>", seen.dom)
    assert match, seen.console
    result: dict[str, object] = json.loads(match[1].replace("&gt;", ">").replace("&amp;", "&"))
    assert "error" not in result, result
    return result


def test_a_chosen_node_tells_all_and_shows_what_leads_to_it_and_what_comes_of_it(
    tmp_path: Path,
) -> None:
    result = drive(
        tmp_path,
        typical(),
        """
        result.folded = !$(".nodes").open;
        point("stage train");
        result.told = told();
        result.facts = $(".chosen").innerText.replace(/\\s+/g, " ");
        result.up = names(".up").sort();
        result.down = names(".down").sort();
        result.here = names(".here");
        result.current = all("[aria-current]").map(label);
        result.dim = getComputedStyle(node("environment Python 3.11.9")).opacity;
        result.on = all(".wide .edge.on").length;
        result.address = location.hash;
        result.focus = document.activeElement.textContent;
        $(".chosen .reach a").click();
        result.next = told();
        $(".chosen button").click();
        result.closed = [told(), location.hash, names(".up").length, label(document.activeElement)];
        """,
    )
    facts = str(result.pop("facts"))
    assert "dvc.lock 9b21d07" in facts
    assert "used data/train.parquet · file · verified" in facts
    assert "generated weights · weights · verified" in facts
    assert result == {
        "folded": True,
        "told": "stage train",
        "up": [
            "file data/train.parquet",
            "import data set s3://feeds/transactions/2026-08",
            "raw file data/raw/labels.csv",
            "raw file data/raw/transactions.csv",
            "raw gap vendor feed, contradicted",
            "stage prepare",
        ],
        "down": [
            "alias champion",
            "consumer evaluate",
            "logged model model",
            "model version fraud v7",
            "run train-42",
            "weights weights",
        ],
        "here": ["stage train"],
        "current": ["stage train", "stage train"],
        "dim": "0.22",
        "on": 15,
        "address": "#node-7",
        "focus": "stage train",
        "next": "import data set s3://feeds/transactions/2026-08",
        "closed": [None, "", 0, "stage train"],
    }


def test_keys_walk_the_lines_open_and_close(tmp_path: Path) -> None:
    result = drive(
        tmp_path,
        typical(),
        """
        result.stops = all(".wide .node").filter((one) => one.tabIndex === 0).length;
        node("stage prepare").focus();
        result.seen = names(".down").length;
        const walk = [];
        for (const key of ["ArrowRight", "ArrowRight", "ArrowRight", "ArrowLeft", "ArrowDown"]) {
          press(key);
          walk.push(label(document.activeElement));
        }
        result.walk = walk;
        press("Enter");
        result.opened = [told(), document.activeElement.tagName];
        press("Escape");
        result.closed = [told(), label(document.activeElement)];
        press("Home");
        result.home = label(document.activeElement);
        press("End");
        result.end = label(document.activeElement);
        press(" ");
        result.space = told();
        """,
    )
    assert result == {
        "stops": 1,
        "seen": 9,
        "walk": [
            "file data/train.parquet",
            "stage train",
            "run train-42",
            "tagged commit Tune the threshold",
            "environment Python 3.11.9",
        ],
        "opened": ["environment Python 3.11.9", "H3"],
        "closed": [None, "environment Python 3.11.9"],
        "home": "import data set s3://feeds/transactions/2026-08",
        "end": "consumer evaluate",
        "space": "consumer evaluate",
    }


def test_an_address_names_a_node_and_paper_has_every_fact(tmp_path: Path) -> None:
    result = drive(
        tmp_path,
        typical(),
        """
        result.told = told();
        dispatchEvent(new Event("beforeprint"));
        result.printed = all(".nodes, .nodes details").every((one) => one.open);
        dispatchEvent(new Event("afterprint"));
        result.folded = !$(".nodes").open;
        """,
        "#node-12",
    )
    assert result == {"told": "weights weights", "printed": True, "folded": True}


def test_on_a_phone_the_drawing_flows_down_and_is_large_enough_to_read(tmp_path: Path) -> None:
    path = page(tmp_path / "page.html", typical())
    frame = tmp_path / "frame.html"
    frame.write_text(
        f'<!DOCTYPE html><iframe src="{path.name}" width="390" height="844"></iframe>'
        "<script>addEventListener('load', () => { const page = document.querySelector('iframe')"
        ".contentDocument; const all = (found) => [...page.querySelectorAll(found)];"
        "const sizes = all('.narrow .node text').map((one) => parseFloat(getComputedStyle(one)"
        ".fontSize) * one.getScreenCTM().a); document.title = JSON.stringify(["
        "all('.wide')[0].offsetHeight, all('.narrow')[0].offsetHeight > 900,"
        "Math.min(...sizes) >= 6.5 * 96 / 72, page.documentElement.scrollWidth <= 390]) })"
        "</script>"
    )
    seen = visit(frame, "", "--allow-file-access-from-files")
    assert "<title>[0,true,true,true]</title>" in seen.dom


def test_without_scripts_every_fact_and_every_link_is_there(tmp_path: Path) -> None:
    path = page(tmp_path / "page.html", typical())
    text = re.sub(r"script-src [^;]*;", "script-src 'none';", path.read_text(encoding="utf-8"))
    path.write_text(text, encoding="utf-8")
    seen = visit(path, "#node-12")
    assert "Content Security Policy" in seen.console
    assert 'class="js"' not in seen.dom
    assert seen.dom.count("<details open") == len(typical().nodes)
    shown = re.sub(r"<[^>]*>|\s+", " ", seen.dom[seen.dom.index('class="nodes"') :])
    for node in typical().nodes:
        assert node.digest in shown
        assert node.detail in shown
    assert {f"node-{n}" for n in range(len(typical().nodes))} <= set(
        re.findall(r'id="([^"]+)"', seen.dom)
    )


@pytest.mark.parametrize("make", [hundred, hostile_graph, lambda: many_files(12), Graph])
def test_any_map_runs_without_a_word_from_the_browser(tmp_path: Path, make) -> None:
    seen = visit(page(tmp_path / "page.html", make()))
    assert seen.console == ""
    assert ('class="js"' in seen.dom) is bool(make().nodes)
    assert "evil.example" not in seen.net


def test_a_stack_is_opened_by_each_of_its_members(tmp_path: Path) -> None:
    result = drive(
        tmp_path,
        many_files(12),
        """
        result.told = told();
        result.here = names(".here");
        point("raw file 12 files");
        result.members = $(".chosen").querySelectorAll("summary").length;
        """,
        "#node-3",
    )
    assert result == {
        "told": "raw file raw/3.csv",
        "here": ["raw file 12 files"],
        "members": 12,
    }


def test_a_hostile_dossier_asks_nothing_of_any_network(tmp_path: Path) -> None:
    path = tmp_path / "hostile.html"
    path.write_text(render_dossier_html(hostile_report().dossiers[0]), encoding="utf-8")
    seen = visit(path)
    assert seen.console == ""
    assert "evil.example" not in seen.net
    assert "etc/passwd" not in seen.net
