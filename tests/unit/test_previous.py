"""The bundle of the period before, as a fact."""

from __future__ import annotations

import re

import pytest
from support import bundles, seals

from audit.archive.previous import find_previous, previous_bundle
from audit.period import parse
from audit.seal.trust import trust_of


@pytest.fixture
def job(tmp_path):
    return bundles.copy(tmp_path).parent


def test_none(tmp_path):
    assert find_previous(tmp_path / "never", "2024-Q4") is None
    fact = previous_bundle(tmp_path, parse("2024-Q4"), None)
    assert (fact.found, fact.verified, fact.manifest_sha256) == (False, False, "")
    assert "no bundle of 2024-Q4" in fact.reason


def test_the_newest_revision(job):
    for name in ("2024-Q4.r2", "2024-Q4.r10", "2024-Q4.rx", "2024-Q4.r0", "2024-Q40", "x2024-Q4"):
        (job / name).mkdir()
    (job / "2024-Q4.r11").write_text("a file")
    (job / "2024-Q4.r12").symlink_to(job / "2024-Q4")
    assert find_previous(job, "2024-Q4") == job / "2024-Q4.r10"


def test_verified(job):
    fact = previous_bundle(job, parse("2024-Q4"), trust_of(seals.sealer()))
    assert (fact.found, fact.verified, fact.reason) == (True, True, "")
    assert fact.path == "2024-Q4"
    assert fact.manifest_sha256 == bundles.digest(job / "2024-Q4/data/manifest.json")


def test_tampered_with(job):
    for name in ("index.html", "report.json"):
        (job / "2024-Q4/data" / name).write_text("changed")
    fact = previous_bundle(job, parse("2024-Q4"), trust_of(seals.sealer()))
    assert fact.found
    assert not fact.verified
    assert re.search(r"data/(index\.html|report\.json): changed", fact.reason)
    assert "more" in fact.reason


def test_sealed_by_somebody_else(job):
    fact = previous_bundle(job, parse("2024-Q4"), trust_of(seals.sealer("foreign")))
    assert not fact.verified
    assert "foreign key" in fact.reason


def test_without_a_seal_to_trust(job):
    fact = previous_bundle(job, parse("2024-Q4"), None)
    assert fact.found
    assert not fact.verified
    assert "no seal" in fact.reason
    assert fact.manifest_sha256


def test_without_a_manifest(job):
    (job / "2024-Q4/data/manifest.json").unlink()
    fact = previous_bundle(job, parse("2024-Q4"), trust_of(seals.sealer()))
    assert (fact.found, fact.verified, fact.manifest_sha256) == (True, False, "")
    assert "manifest is missing" in fact.reason


def test_the_earlier_periods_are_named(job):
    fact = previous_bundle(job, parse("2025-Q2"), None)
    assert not fact.found
    assert fact.earlier == ("2024-Q3", "2024-Q4")
    (job / "notes").mkdir()
    (job / "notes" / "bagit.txt").write_text("of another tool")
    assert previous_bundle(job, parse("2024-Q3"), None).earlier == ("2024-Q3",)
