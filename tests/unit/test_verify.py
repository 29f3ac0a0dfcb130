"""Verification: what is whole is said to be, and every tampering is named."""

from __future__ import annotations

import dataclasses
import os
import re
import shutil

import pytest
from support import bundles, seals

from audit.archive import manifest
from audit.archive.findings import Finding, Level
from audit.archive.verify import MAX_LIST, verify_bundle
from audit.errors import UsageError
from audit.seal import pem
from audit.seal.pades import sign_pdf


def own_ca():
    return seals.keys() / "ca.pem"


def wrong(path, trust=None, **options):
    outcome = verify_bundle(path, trust or own_ca(), **options)
    assert outcome.ok == (not outcome.wrong)
    assert all("\n" not in str(finding) for finding in outcome.findings)
    return outcome.wrong


@pytest.fixture
def later(tmp_path):
    return bundles.copy(tmp_path)


def test_a_whole_bundle():
    outcome = verify_bundle(bundles.pristine() / "2024-Q4", own_ca())
    assert outcome.ok
    assert outcome.anchored
    assert {finding.level for finding in outcome.findings} == {Level.OK}
    said = "\n".join(map(str, outcome.findings))
    assert "22 files as the BagIt manifests list them" in said
    assert "6 signatures sound" in said
    assert "sealed by CN=Audit seal,O=Example Bank, as of 2025-01-31T00:00:00.000Z" in said
    assert "chained to 2024-Q3" in said
    assert outcome.manifest.period == "2024-Q4"
    assert outcome.manifest_sha256 == bundles.digest(
        bundles.pristine() / "2024-Q4/data/manifest.json"
    )


@pytest.mark.parametrize(("case", "careful"), bundles.CASES, ids=bundles.case_name)
def test_tampering_is_named(later, case, careful):
    bundles.apply(case, careful, later)
    found = wrong(later)
    assert any(case.names in finding.file for finding in found), [str(item) for item in found]


def test_one_changed_file_names_no_other(later):
    (later / "data/csv/models.csv").write_text("model,version\n")
    named = {finding.file for finding in wrong(later)}
    assert named == {"data/csv/models.csv", "data/csv/models.csv.p7s", "bag-info.txt"}


def test_an_added_file_beside_data_written_into_the_lists(later):
    (later / "README.md").write_text("added\n")
    bundles.relist(later)
    assert [finding.file for finding in wrong(later)] == ["README.md"]


def test_a_foreign_key_is_called_so(later):
    found = wrong(later, seals.keys("foreign") / "ca.pem")
    assert all("foreign key" in finding.what for finding in found)
    assert {finding.file for finding in found} >= {"data/report.pdf", "data/manifest.json.p7s"}


def test_without_a_trust_anchor_the_bundle_only_agrees_with_itself(later):
    outcome = verify_bundle(later)
    assert outcome.ok
    assert not outcome.anchored
    (note,) = [finding for finding in outcome.findings if finding.level is Level.NOTE]
    assert "taken from the bundle itself" in note.what
    assert re.search(r"([0-9A-F]{2}:){31}[0-9A-F]{2}", note.what)


def test_only_the_first_certificate_of_the_bundle_is_its_anchor(later):
    """Its fingerprint is shown; a second certificate behind it must not be believed."""
    genuine = (later / "evidence/ca.pem").read_bytes()
    stranger = next(case for case in bundles.TAMPERINGS if case.name == "sealed by a stranger")
    stranger.do(later)
    (later / "evidence/ca.pem").write_bytes(
        genuine + (seals.keys("foreign") / "ca.pem").read_bytes()
    )
    bundles.relist(later)
    outcome = verify_bundle(later)
    assert any("foreign key" in finding.what for finding in outcome.wrong)


def test_a_bundle_without_a_seal(tmp_path):
    made = bundles.write(tmp_path, None)
    found = wrong(made.path)
    assert any("not sealed" in finding.what for finding in found)
    assert not verify_bundle(made.path).ok


def test_not_a_bundle(tmp_path):
    with pytest.raises(UsageError, match="not a bundle"):
        verify_bundle(tmp_path)
    with pytest.raises(UsageError, match="no such certificate"):
        verify_bundle(bundles.pristine() / "2024-Q4", tmp_path / "none.pem")


def test_quick_checks_the_one_signature_that_vouches_for_all(later):
    foreign = sign_pdf(seals.tiny_pdf(), seals.sealer("foreign"), bundles.WHEN)
    (later / "data/report.pdf").write_bytes(foreign)
    assert any("foreign key" in item.what for item in wrong(later))
    quick = wrong(later, quick=True)
    assert {item.file for item in quick} == {"data/report.pdf"}
    assert not any("foreign key" in item.what for item in quick)


# --- hostile lists and files -----------------------------------------------------------


@pytest.mark.parametrize("path", ["../../secret", "/etc/passwd", "data/../../secret"])
def test_a_list_that_points_outside_is_refused_and_not_followed(later, path):
    secret = later.parent.parent / "secret"
    secret.write_text("secret\n")
    with (later / "manifest-sha256.txt").open("a") as stream:
        stream.write(f"{bundles.digest(secret)}  {path}\n")
    assert any("out of form" in item.what for item in wrong(later))


def test_a_manifest_too_large_to_read(later):
    os.truncate(later / "data/manifest.json", MAX_LIST + 1)
    found = wrong(later)
    assert any("larger than" in item.what for item in found)


def test_a_folder_linked_into_the_bundle_is_not_entered(later, tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/file").write_text("")
    (later / "data/outside").symlink_to(tmp_path / "outside")
    (item,) = wrong(later)
    assert item == Finding(
        Level.WRONG, "data/outside", "neither a file nor a folder; it was not opened"
    )


def test_a_named_pipe_is_not_opened(later):
    os.mkfifo(later / "data/pipe")
    assert [item.file for item in wrong(later)] == ["data/pipe"]


def test_names_that_would_move_the_cursor_are_shown_inert(later):
    (later / "data/\x1b[2Jevil").write_text("")
    assert any("?[2Jevil" in str(item) for item in wrong(later))


# --- time --------------------------------------------------------------------------------


def test_an_expired_certificate_is_a_note_and_not_wrong():
    later = verify_bundle(
        bundles.pristine() / "2024-Q4", own_ca(), clock=lambda: seals.NOW + 4000 * seals.DAY
    )
    assert later.ok
    (note,) = [item for item in later.findings if item.level is Level.NOTE]
    assert "has expired since" in note.what


def test_a_fresh_revocation_list_beside_the_trusted_root(tmp_path):
    """An examiner's own list says that the key was stolen later: no claimed time helps."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    own = seals.sealer()
    key = load_pem_private_key((seals.keys() / "ca.key").read_bytes(), None)
    crl = seals.revocations(
        (own.root, key),
        own.certificate.serial_number,
        bundles.WHEN + seals.DAY,
        x509.ReasonFlags.key_compromise,
    )
    (tmp_path / "trust.pem").write_bytes(pem.write([own.root, crl]))
    found = wrong(bundles.pristine() / "2024-Q4", tmp_path / "trust.pem")
    assert all("was revoked on 2025-02-01" in item.what for item in found)


# --- the chain -----------------------------------------------------------------------------


def chain(outcome):
    return [item for item in outcome.findings if item.file == "data/manifest.json"][-1]


def test_the_first_of_a_chain(later):
    said = chain(verify_bundle(later.parent / "2024-Q3", own_ca()))
    assert said.level is Level.NOTE
    assert "first of its chain" in said.what


def test_the_previous_manifest_changed(later):
    path = later.parent / "2024-Q3/data/manifest.json"
    path.write_bytes(path.read_bytes().replace(b"2035", b"2025", 1))
    (item,) = wrong(later)
    assert "the chain is broken" in item.what
    assert "2024-Q3" in item.what


def test_the_previous_bundle_renamed_removed_or_made_anew(later):
    path = later.parent / "2024-Q3"
    path.rename(later.parent / "old")
    assert chain(verify_bundle(later, own_ca())).level is Level.OK, "found by its digest"
    shutil.rmtree(later.parent / "old")
    said = chain(verify_bundle(later, own_ca()))
    assert said.level is Level.NOTE
    assert "previous period not found" in said.what
    bundles.write(later.parent, period="2024-Q3")
    (item,) = wrong(later)
    assert "the chain is broken" in item.what


def test_the_previous_bundle_given_by_the_reader(later, tmp_path):
    elsewhere = (later.parent / "2024-Q3").rename(tmp_path / "elsewhere")
    assert verify_bundle(later, own_ca(), elsewhere).ok
    assert wrong(later, previous=tmp_path)
    assert wrong(elsewhere, previous=later), "the first of a chain follows none"


def test_the_manifest_names_no_bundle_by_a_path(later):
    listed = manifest.parse((later / "data/manifest.json").read_bytes())
    for name in ("../..", "/", "a/b", ""):
        changed = dataclasses.replace(listed, previous_bundle=name)
        (later / "data/manifest.json").write_bytes(manifest.dump(changed))
        assert any("signed" in item.what or "changed" in item.what for item in wrong(later))
