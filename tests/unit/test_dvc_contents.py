"""The bytes of objects under DVC: from a cache or a remote, and never without their digest."""

import hashlib
from pathlib import Path

import pytest

from audit.sources.dvc.remotes import DvcRemotes, ProjectConfig

DATA = b"customer,balance\r\nc-1,0.5\r\n"
MOST = 2**20


def md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def put(folder: Path, data: bytes, digest: str = "") -> str:
    digest = digest or md5(data)
    file = folder / digest[:2] / digest[2:]
    file.parent.mkdir(parents=True)
    file.write_bytes(data)
    return digest


@pytest.fixture
def remotes(tmp_path: Path) -> DvcRemotes:
    """A project with an empty cache and one remote, a folder."""
    (tmp_path / "remote").mkdir()
    config = b"[core]\n    remote = store\n['remote \"store\"']\n    url = ../remote\n"
    return DvcRemotes("churn", ProjectConfig(config, folder=tmp_path / ".dvc"))


def test_bytes_come_from_the_remote(remotes: DvcRemotes, tmp_path: Path) -> None:
    digest = put(tmp_path / "remote" / "files" / "md5", DATA)
    assert remotes.read(digest, MOST) == DATA
    assert remotes.read(digest, len(DATA)) == DATA
    assert "at most 25 are read" in str(remotes.read(digest, 25))


def test_bytes_come_from_the_cache_first(remotes: DvcRemotes, tmp_path: Path) -> None:
    digest = put(tmp_path / ".dvc" / "cache" / "files" / "md5", DATA)
    assert remotes.read(digest, MOST) == DATA
    assert "at most 25 are read" in str(remotes.read(digest, 25))


def test_an_empty_file_is_a_file(remotes: DvcRemotes, tmp_path: Path) -> None:
    assert remotes.read(put(tmp_path / "remote" / "files" / "md5", b""), MOST) == b""


def test_a_digest_of_dvc_2_may_be_that_of_other_line_ends(
    remotes: DvcRemotes, tmp_path: Path
) -> None:
    digest = put(tmp_path / "remote", DATA, md5(DATA.replace(b"\r\n", b"\n")))
    assert remotes.read(digest, MOST) == DATA


def test_bytes_without_their_digest_are_not_given(remotes: DvcRemotes, tmp_path: Path) -> None:
    put(tmp_path / ".dvc" / "cache" / "files" / "md5", b"other", md5(DATA))
    put(tmp_path / "remote" / "files" / "md5", b"other", md5(DATA))
    assert remotes.read(md5(DATA), MOST) == "its bytes do not have the digest"


def test_what_cannot_be_had_says_why(remotes: DvcRemotes) -> None:
    assert remotes.read("0" * 32, MOST) == "it is not in the remote"
    assert remotes.read("0" * 32 + ".dir", MOST) == "its digest is not an MD5 of DVC's"
    assert remotes.read("../../etc/passwd", MOST) == "its digest is not an MD5 of DVC's"
    bare = DvcRemotes("churn", ProjectConfig(found=False))
    assert bare.read("0" * 32, MOST) == "the repository has no DVC project (.dvc/config)"
    kept = DvcRemotes("churn", ProjectConfig(found=False), lambda _: "kept in git")
    assert kept.read("0" * 32, MOST) == "kept in git"
    empty = DvcRemotes("churn", ProjectConfig())
    assert empty.read("0" * 32, MOST) == "no DVC remote is configured"
