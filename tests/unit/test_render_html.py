"""A dossier for a screen: nothing in it runs, nothing is fetched, and it is read as written."""

from __future__ import annotations

import base64
import hashlib
import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest
from support.samples import hostile_report, sample_dossier, sample_dossiers

from audit.render.html import render_dossier_html

VOID = {"meta", "br", "col", "path", "rect", "circle"}
HIDDEN = "[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"


class Page(HTMLParser):
    def __init__(self, markup: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.text: list[str] = []
        self.style = ""
        self.script = ""
        self._open: list[str] = []
        self.feed(markup)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self._open.pop() == tag

    def handle_data(self, data):
        if self._open and self._open[-1] == "style":
            self.style += data
        elif self._open and self._open[-1] == "script":
            self.script += data
        else:
            self.text.append(data)


@pytest.fixture(params=["sample", "hostile"])
def markup(request):
    if request.param == "sample":
        return render_dossier_html(sample_dossier())
    return render_dossier_html(hostile_report().dossiers[0])


def test_nothing_is_fetched_and_one_script_runs(markup):
    page = Page(markup)
    assert not page.tags & {"img", "iframe", "object", "embed", "link", "form", "image", "base"}
    assert (markup.count("<script"), markup.count("<style")) == (1, 1)
    assert not [name for name, _ in page.attributes if name.startswith("on") or name == "style"]
    links = [value for name, value in page.attributes if name in {"href", "src", "xlink:href"}]
    assert links[0] == "../../../index.html"
    assert all(re.fullmatch(r"#(node|stack)-\d+", link) for link in links[1:])
    inks = {"fill", "stroke", "filter", "mask", "clip-path", "marker-end"}
    assert not [value for name, value in page.attributes if name in inks and "url(" in value]
    assert "url(" not in page.style


def test_the_policy_names_the_only_style_and_the_only_script(markup):
    page = Page(markup)
    (policy,) = [value for name, value in page.attributes if "default-src" in value]
    for kind, content in (("style", page.style), ("script", page.script)):
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert "http" not in policy


def test_every_node_of_the_map_is_a_link_to_what_the_page_says_of_it(markup):
    page = Page(markup)
    ids = [value for name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    links = {value[1:] for name, value in page.attributes if name == "href" and value[0] == "#"}
    assert links
    assert links <= set(ids)


def test_hidden_characters_are_written_out(markup):
    assert not re.search(HIDDEN, markup)
    markup.encode()


@pytest.mark.parametrize("dossier", sample_dossiers(), ids=lambda d: f"{d.model[:6]}-{d.version}")
def test_every_dossier_names_its_version_and_verdict(dossier):
    page = Page(render_dossier_html(dossier))
    text = " ".join(" ".join(page.text).split())
    assert f"{dossier.model}, version {dossier.version}" in text
    assert dossier.headline in text
    assert "None" not in text
    assert all(result.title in text for result in dossier.results)


def test_it_is_small():
    assert len(render_dossier_html(sample_dossier()).encode()) < 110_000


def test_graphs_and_pages_are_made_without_what_reads_repositories():
    # Each process that renders would load it, and each command that answers from a bundle.
    shown = "import sys, audit.lineage, audit.render.html; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", shown], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not [name for name in loaded if name.startswith(("audit.sources.git", "sqlalchemy"))]
