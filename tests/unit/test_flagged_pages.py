"""What pages say of flagged versions and of newer data, and that they say nothing without."""

from __future__ import annotations

import dataclasses

import pytest
from support.hostile import hostile
from support.samples import sample_dossier, sample_report

from audit.facts import Flag, Fresher
from audit.render.dashboard import render_dashboard
from audit.render.html import dossier_page, report_page
from audit.report.model import Report, ReviewRow

MARCH, JUNE = 1_772_496_000_000, 1_780_272_000_000
FRESHER = Fresher(
    "data/raw.csv", "a" * 32, MARCH, "b" * 32, JUNE, "c" * 40, ("train", "prepare"), "data/raw.csv"
)


def flagged() -> Report:
    report = sample_report()
    keys = [f"{item.label}/{item.version}" for item in report.dossiers[:2]]
    rows = (
        ReviewRow(f"digest:{'a' * 32}", "data", "data/raw.csv", tuple(keys), 1.0, 0),
        ReviewRow("package:numpy==2.0", "package", "numpy==2.0", tuple(keys), 1.0, _others(report)),
    )
    flags = tuple(Flag(key, JUNE, "alice", "drifted") for key in keys)
    out = Flag("gone/1", MARCH, "bob", "x")
    return dataclasses.replace(report, flags=(*flags, out), reviews=rows)


def _others(report: Report) -> int:
    return len(report.dossiers) - 2


def pages(report: Report) -> list[str]:
    return [report_page(report), render_dashboard(report).decode()]


def test_flagged_versions_have_a_section_and_what_all_have_is_left_out():
    for page in pages(flagged()):
        assert "Flagged versions" in page
        assert "flagged by alice on 1 June 2026" in page
        assert "flagged by bob on 3 March 2026, 00:00 UTC, not in scope" in page
        assert "data/raw.csv aaaa aaaa aaaa" in page
        assert "numpy==2.0" not in page


def test_text_of_flags_is_text():
    for page in pages(hostile(flagged())):
        assert "<script>alert" not in page
        assert not set(page) & set("\x00\x07\x1b\x7f\x85\u202e\u2066\u2028\ud800")


def test_without_a_flag_nothing_is_said_of_flags():
    for page in pages(sample_report()):
        assert "lagged" not in page


def test_one_flag_alone_has_nothing_to_be_compared_with():
    report = flagged()
    for page in pages(dataclasses.replace(report, flags=report.flags[:1], reviews=())):
        assert "can be told of two or more in scope" in page


@pytest.mark.parametrize("medium", ["pdf", "html"])
def test_a_dossier_says_what_was_newer_below_its_data(medium):
    dossier = sample_dossier()
    assert "Not the newest" not in dossier_page(dossier, medium)
    told = dossier_page(dataclasses.replace(dossier, fresher=(FRESHER,) * 21), medium)
    assert "data/raw.csv was used as committed on 3 March 2026" in told
    assert "it reached the weights through prepare, train." in told
    assert "20 of 21 newer states shown" in told
    stage = dataclasses.replace(FRESHER, what="prepare", path="data/mid.csv", through=("train",))
    told = dossier_page(dataclasses.replace(dossier, fresher=(stage,)), medium)
    assert "data/mid.csv, which stage prepare put out, was used" in told
