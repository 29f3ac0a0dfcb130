"""What changed and what is vulnerable, on pages: told once, cut with the count, never raw."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from markupsafe import Markup
from support.hostile import hostile
from support.samples import sample_dossier, sample_report

from audit.facts import Advisory, AdvisoryFile, DataChange, FileChange, Since, ValueChange
from audit.render import brief, vulnerabilities
from audit.render import since as rows
from audit.render.environment import Medium
from audit.render.html import dossier_page, report_page
from audit.report.model import Dossier

FILE = AdvisoryFile("pypi.zip", "ab" * 32, 20_000, 1_790_064_000_000)
SINCE = Since(
    version="fraud/6",
    before="a" * 40,
    after="b" * 40,
    commits=4,
    files=(
        FileChange("src/train.py", "changed", 12, 3),
        FileChange("src/new.py", "renamed", 0, 0, "src/old.py"),
        FileChange("logo.png", "added"),
    ),
    more_files=7,
    params=(ValueChange("C", "0.5", "1.0"), ValueChange("seed", "", "7")),
    data=(
        DataChange("data/raw.csv", "1" * 32, "2" * 32),
        DataChange(
            "data/images",
            f"{'3' * 32}.dir",
            f"{'4' * 32}.dir",
            members=tuple(FileChange(f"{n:03}.png", "changed") for n in range(50)),
            more=11,
        ),
        DataChange("data/labels", "", "5" * 32 + ".dir", reason="the list could not be read"),
    ),
    schema=(ValueChange("input amount", "double", "float"),),
    environment=(ValueChange("scikit-learn", "1.5.0", "1.5.2"),),
    unknown=("Parameters of version 6 are not all known.",),
)
ADVISORIES = (
    Advisory("PYSEC-1", "numpy", "1.0", ("CVE-1",), "Runs code", "critical", ("1.1",), 1),
    Advisory("PYSEC-2", "numpy", "1.0"),
    Advisory("PYSEC-3", "numpy", "1.0", severity="low", withdrawn=True),
)


def dossier() -> Dossier:
    return replace(sample_dossier(), since=SINCE, advisories=ADVISORIES, advisory_files=(FILE,))


def section(page: str, title: str) -> str:
    """The text of one section, tags away, in one line."""
    (found,) = re.findall(rf"<h2>{title}</h2>(.*?)</section>", page, re.DOTALL)
    return " ".join(Markup(found).striptags().split())


@pytest.mark.parametrize("medium", ["pdf", "html"])
def test_a_dossier_tells_what_changed(medium: Medium) -> None:
    told = section(dossier_page(dossier(), medium), "Since version 6")
    for words in (
        "4 commits, 10 files changed (src/train.py +12 −3, src/new.py +0 −0, logo.png, 7 more)",
        "4 commits on top of the one before.",
        "019.png changed and 41 more.",
        "The list could not be read.",
        "It was src/old.py",
        "not text",
        "3 of 10 files shown; all of them stand in the repository.",
        "Parameters of version 6 are not all known.",
    ):
        assert words in told, words
    assert "None" not in told


@pytest.mark.parametrize("medium", ["pdf", "html"])
def test_a_first_version_says_nothing_of_it(medium: Medium) -> None:
    page = dossier_page(replace(dossier(), since=None), medium)
    assert "Since version" not in page
    assert "Against version" not in page


@pytest.mark.parametrize("medium", ["pdf", "html"])
def test_a_dossier_tells_what_is_vulnerable(medium: Medium) -> None:
    told = section(dossier_page(dossier(), medium), "Environment")
    for words in (
        "2 known vulnerabilities in 1 package, by pypi.zip (20,000 advisories",
        "the newest of 2026-09-22 08:00 UTC).",
        "Against version 6: 1 changed.",
        "Runs code. Also CVE-1.",
        "withdrawn",
        "not stated",
        "not fixed",
        "1970-01-01",
        "not recorded",
    ):
        assert words in told, words
    assert "None" not in told
    without = section(
        dossier_page(replace(dossier(), advisories=(), advisory_files=()), medium), "Environment"
    )
    assert "vulnerab" not in without
    none = section(dossier_page(replace(dossier(), advisories=()), medium), "Environment")
    assert "No known vulnerability, by pypi.zip" in none


def test_tables_are_cut_with_the_count() -> None:
    found = rows.values(dossier(), 2)
    assert (len(found.rows), found.total) == (2, 8)
    assert [row.cells[0] for row in rows.values(dossier(), 99).rows] == [
        *("Code", "Data", "", "", "Parameters", "", "Schema", "Environment")
    ]
    assert vulnerabilities.rows(dossier(), 1).total == 3


def test_the_report_tells_it_in_brief() -> None:
    cells = [row.cells for row in brief.record(dossier()).rows]
    (told,) = [text for part, text in cells if part == "Since version 6"]
    assert told.startswith("4 commits, 10 files changed")
    first = brief.record(replace(dossier(), since=None))
    assert not [row for row in first.rows if row.cells[0].startswith("Since")]


def test_the_method_names_the_advisory_files() -> None:
    report = replace(
        sample_report(),
        advisory_files=(replace(FILE, problems=("x.json is not JSON.",), more_problems=2),),
    )
    page = " ".join(Markup(report_page(report)).striptags().split())
    assert "x.json is not JSON. And 2 more problems." in page
    assert "abab abab abab" in page
    assert "No network was asked" not in report_page(sample_report())


@pytest.mark.parametrize("medium", ["pdf", "html"])
def test_hostile_text_stays_text(medium: Medium) -> None:
    page = dossier_page(hostile(dossier()), medium)
    assert "<script>alert" not in page
    assert "<img src=file" not in page
    assert not re.search("[\x00-\x08\u202a-\u202e\u2066-\u2069\ud800-\udfff]", page)
