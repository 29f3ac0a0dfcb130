"""Mirrors of remote repositories in the cache."""

from pathlib import Path

import pytest
from support.gitrepo import GitRepo

from audit.config import Code
from audit.errors import SourceError, UsageError
from audit.facts import CommitState
from audit.sources.git.mirror import mirrored
from audit.sources.repositories import open_code


def test_a_mirror_follows_and_forgets_nothing(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path / "origin")
    first = repo.commit({"a": "1"})
    repo.git("update-ref", "refs/exps/12/34/try", repo.git("commit-tree", "HEAD^{tree}", "-m", "e"))
    experiment = repo.git("rev-parse", "refs/exps/12/34/try")
    entry = Code(url=f"file://{repo.path}")
    cache = tmp_path / "cache"
    code, _ = open_code(entry, cache)
    found = code.commit(experiment)
    assert found is not None
    assert found.state is CommitState.OTHER_REF
    repo.git("update-ref", "-d", "refs/exps/12/34/try")
    repo.commit({"a": "2"})
    repo.git("commit", "--quiet", "--amend", "--no-gpg-sign", "--message", "rewritten")
    code, _ = open_code(entry, cache)
    about = code.describe()
    assert (about.name, about.head, about.commits) == ("origin", repo.head(), 2)
    found = code.commit(experiment)
    assert found is not None
    assert found.state is CommitState.UNREACHABLE
    assert code.commit(first) is not None
    assert len(list((cache / "mirrors").iterdir())) == 1


def test_no_secret_of_an_address_is_kept_or_told(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as caught:
        mirrored("http://bob:s3cret@127.0.0.1:9/repo.git", tmp_path)
    assert "s3cret" not in str(caught.value)
    assert "127.0.0.1:9/repo.git" in str(caught.value)
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert kept
    assert not [path for path in kept if b"s3cret" in path.read_bytes()]


def test_a_path_is_an_address_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repo = GitRepo(tmp_path / "origin")
    sha = repo.commit({"a": "1"})
    monkeypatch.chdir(tmp_path)
    code, _ = open_code(Code(url="origin"), tmp_path / "cache")
    assert code.commit(sha) is not None


@pytest.mark.parametrize("address", ["ext::sh -c 'touch {0}'", "--upload-pack=touch {0}", "a::b"])
def test_an_address_is_never_a_command(address: str, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    with pytest.raises(UsageError, match="not an address"):
        mirrored(address.format(canary), tmp_path / "cache")
    assert not canary.exists()


def test_a_cache_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(SourceError, match="cache cannot be written"):
        mirrored("file:///nowhere", tmp_path / "cache")
    with pytest.raises(SourceError, match="git cannot mirror it"):
        mirrored(f"file://{tmp_path}/nowhere", tmp_path / "other")
