"""Writing bundles: whole or not at all, by the rules of BagIt, never over another."""

from __future__ import annotations

import hashlib
import re
import stat

import pytest
from support import bundles, seals

from audit.archive import bundle, manifest
from audit.archive.bundle import Payload, next_revision, write_bundle
from audit.archive.lock import hold
from audit.canonical import sha256
from audit.errors import AuditError, UsageError


def files(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def job(tmp_path):
    return tmp_path / "output" / "quarterly"


def test_what_a_bundle_holds():
    assert files(bundles.pristine() / "2024-Q4") == {
        "bagit.txt", "bag-info.txt", "manifest-sha256.txt", "tagmanifest-sha256.txt",
        "VERIFY.md", "verify.sh",
        "evidence/ca.pem", "evidence/chain.pem", "evidence/crl.pem", "evidence/seal.pem",
        "evidence/trust-and-crl.pem",
        "data/manifest.json", "data/manifest.json.p7s", "data/report.pdf",
        "data/index.html", "data/index.html.p7s", "data/report.json", "data/report.json.p7s",
        "data/csv/models.csv", "data/csv/models.csv.p7s",
        "data/models/churn/v1/dossier.html", "data/models/churn/v1/dossier.html.p7s",
    }  # fmt: skip


@pytest.mark.parametrize("period", ["2024-Q3", "2024-Q4"])
def test_a_bundle_is_a_strict_bag(period):
    """RFC 8493, read from the text and not from our writer."""
    root = bundles.pristine() / period
    assert (root / "bagit.txt").read_bytes() == (
        b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
    )
    listed = {}
    for name in ("manifest-sha256.txt", "tagmanifest-sha256.txt"):
        lines = (root / name).read_bytes().decode("utf-8").splitlines(keepends=True)
        for line in lines:
            digest, path = re.fullmatch(r"([0-9a-f]{64}) {2}([!-~]+)\n", line).groups()
            assert path not in listed
            assert path.startswith("data/") == name.startswith("manifest")
            assert ".." not in path.split("/")
            listed[path] = digest
        assert lines == sorted(lines, key=lambda line: line[66:])
    assert files(root) == listed.keys() | {"tagmanifest-sha256.txt"}
    for path, digest in listed.items():
        assert hashlib.sha256((root / path).read_bytes()).hexdigest() == digest
    data = [path for path in (root / "data").rglob("*") if path.is_file()]
    info = dict(line.split(": ", 1) for line in (root / "bag-info.txt").read_text().splitlines())
    octets, count = info["Payload-Oxum"].split(".")
    assert (int(octets), int(count)) == (sum(p.stat().st_size for p in data), len(data))
    assert info["External-Identifier"] == f"quarterly/{period}"
    assert info["Retain-Until"] == "2035-01-31"


def test_no_private_key_is_in_a_bundle():
    for path in bundles.pristine().rglob("*"):
        assert not path.is_file() or b"PRIVATE KEY" not in path.read_bytes()


def test_the_guide_prints_the_fingerprint_to_compare():
    text = (bundles.pristine() / "2024-Q4" / "VERIFY.md").read_text()
    root = seals.sealer().root
    digest = hashlib.sha256(root.public_bytes(bundle.evidence.pem.Encoding.DER)).hexdigest()
    assert ":".join(re.findall("..", digest.upper())) in text
    assert "self-issued" in text
    assert "Example Bank" in text
    assert f"-t {bundles.WHEN // 1000}" in text
    assert "$" not in text


def test_files_are_read_only_and_folders_are_not():
    for path in (bundles.pristine() / "2024-Q4").rglob("*"):
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode & 0o222 == 0 if path.is_file() else mode & 0o200


def test_the_manifest_covers_all_but_itself_and_the_bagit_lists():
    root = bundles.pristine() / "2024-Q4"
    listed = manifest.parse((root / "data/manifest.json").read_bytes())
    covered = {f"data/{entry.path}" for entry in listed.files}
    covered |= {entry.path for entry in listed.tag_files}
    assert files(root) - covered == {
        "data/manifest.json", "data/manifest.json.p7s",
        "bagit.txt", "bag-info.txt", "manifest-sha256.txt", "tagmanifest-sha256.txt",
    }  # fmt: skip
    (pdf,) = [entry for entry in listed.files if entry.path == "report.pdf"]
    assert pdf.unsigned_sha256 == sha256(seals.tiny_pdf())
    assert pdf.sha256 != pdf.unsigned_sha256
    assert listed.seal == seals.sealer().fingerprint
    assert listed.sealed_at == "2025-01-31T00:00:00.000Z"


def test_nothing_is_overwritten_and_revisions_count_up(job):
    first = bundles.write(job)
    before = {path: path.read_bytes() for path in first.path.rglob("*") if path.is_file()}
    second, third = bundles.write(job), bundles.write(job)
    assert [made.path.name for made in (first, second, third)] == [
        "2024-Q4",
        "2024-Q4.r2",
        "2024-Q4.r3",
    ]
    assert third.manifest.revision == 3
    assert next_revision(job, "2024-Q4") == 4
    assert {path: path.read_bytes() for path in before} == before


def test_an_empty_folder_in_the_place_is_not_replaced(job):
    (job / "2024-Q4").mkdir(parents=True)
    assert bundles.write(job, None).path.name == "2024-Q4.r2"
    assert not any((job / "2024-Q4").iterdir())


def test_a_range_of_dates_as_the_period(job):
    made = bundles.write(job, None, period="2026-07-01/2026-09-30")
    assert made.path.name == "2026-07-01_2026-09-30"


def test_the_same_input_gives_the_same_bytes(tmp_path):
    files = [Payload("a.html", b"a", needs_cms=True), Payload("b.csv", b"b")]
    made = []
    for name in ("one", "two"):
        with hold(tmp_path / name) as lock:
            written = write_bundle(lock, bundles.draft(), files, seals.sealer(), bundles.WHEN)
        made.append({p.name: p.read_bytes() for p in written.path.rglob("*") if p.is_file()})
    assert made[0] == made[1]


def test_without_a_seal(job):
    made = bundles.write(job, None)
    assert not any(path.suffix == ".p7s" for path in made.path.rglob("*"))
    assert not (made.path / "evidence").exists()
    assert "not sealed" in (made.path / "VERIFY.md").read_text()
    assert made.manifest.seal == ""


def test_signatures_are_cached_by_content_and_seal(tmp_path):
    own = seals.sealer()
    item = Payload("a.html", b"a", needs_cms=True)
    known = {}

    def run(name, who, when):
        with hold(tmp_path / name) as lock:
            made = write_bundle(lock, bundles.draft(), [item], who, when, known)
        return (made.path / "data/a.html.p7s").read_bytes()

    first = run("one", own, bundles.WHEN)
    assert known[sha256(b"a"), own.fingerprint] == first
    assert run("two", own, bundles.WHEN + seals.DAY) == first
    other = run("three", seals.sealer("foreign"), bundles.WHEN)
    assert other != first


@pytest.mark.parametrize(
    "path",
    ["../evil", "/etc/passwd", "a/../b", "", "a//b", ".hidden", "a b", "a\nb", "ü", "-rf", "a/"],
)
def test_a_payload_path_that_leaves_the_bundle_or_the_portable_letters(job, path):
    with hold(job) as lock, pytest.raises(ValueError, match="cannot go into a bundle"):
        write_bundle(lock, bundles.draft(), [Payload(path, b"")], None, bundles.WHEN)
    assert names(job) == [".lock"]


@pytest.mark.parametrize("pair", [("a", "a"), ("a", "A"), ("x", "manifest.json")])
def test_a_payload_path_twice_also_where_case_does_not_count(job, pair):
    items = [Payload(path, b"") for path in pair]
    with hold(job) as lock, pytest.raises(ValueError, match="twice"):
        write_bundle(lock, bundles.draft(), items, None, bundles.WHEN)
    assert names(job) == [".lock"]


def test_content_from_a_file(job, tmp_path):
    (tmp_path / "big.csv").write_bytes(b"1,2\n")
    with hold(job) as lock:
        items = [Payload("big.csv", tmp_path / "big.csv")]
        made = write_bundle(lock, bundles.draft(), items, None, bundles.WHEN)
    assert (made.path / "data/big.csv").read_bytes() == b"1,2\n"


def test_content_from_a_file_that_is_not_there(job, tmp_path):
    items = [Payload("gone.csv", tmp_path / "gone.csv")]
    with hold(job) as lock, pytest.raises(AuditError, match=r"gone\.csv: cannot be read"):
        write_bundle(lock, bundles.draft(), items, None, bundles.WHEN)
    assert names(job) == [".lock"]


def test_leftovers_of_killed_runs_are_removed_and_nothing_else(job, tmp_path):
    ours = job / ".partial-2024-Q4-0a1b2c3d"
    (ours / "data").mkdir(parents=True)
    (ours / "data/half.pdf").write_bytes(b"%PDF")
    others = [job / ".partial-notes", job / "partial-2024-Q4-0a1b2c3d"]
    for folder in others:
        folder.mkdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    link = job / ".partial-2024-Q4-ffffffff"
    link.symlink_to(elsewhere)
    bundles.write(job, None)
    assert not ours.exists()
    assert all(folder.is_dir() for folder in (*others, elsewhere))
    assert link.is_symlink()


def test_an_interrupted_run_leaves_nothing(job):
    def items():
        yield Payload("a.html", b"a")
        assert any(name.startswith(".partial-2024-Q4-") for name in names(job))
        raise KeyboardInterrupt

    with hold(job) as lock, pytest.raises(KeyboardInterrupt):
        write_bundle(lock, bundles.draft(), items(), None, bundles.WHEN)
    assert names(job) == [".lock"]


def test_a_target_that_cannot_be_written_is_told_in_one_line(job):
    with hold(job) as lock:
        long = "x" * 150
        items = [Payload("/".join([long] * 40), b"")]
        with pytest.raises(UsageError, match="cannot be written") as caught:
            write_bundle(lock, bundles.draft(), items, None, bundles.WHEN)
    assert str(job) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert names(job) == [".lock"]
