"""Where the commit that a run names stands, in real repositories of every kind."""

import subprocess
from pathlib import Path

import pytest
from support.gitrepo import GitRepo

from audit.config import Code
from audit.facts import Commit, CommitState, Run
from audit.gather.standing import beside, place, tagged_commit
from audit.sources.repositories import DvcRepository, open_code

ABSENT = "e" * 40


def _open(path: Path, name: str = "") -> DvcRepository:
    return open_code(Code(path=path, name=name), path.parent / "cache")[0]


def _asked(sha: str, *sources: DvcRepository, address: str = "") -> Commit:
    tags = {"mlflow.source.git.commit": sha, "mlflow.source.git.repoURL": address}
    found = tagged_commit(Run("r", tags=tags), sources)
    assert found is not None
    return found


@pytest.fixture
def repo(tmp_path: Path) -> GitRepo:
    repo = GitRepo(tmp_path / "churn")
    repo.git("remote", "add", "origin", "git@git.example.org:risk/churn.git")
    return repo


def test_no_run_no_tag_and_no_sha(repo: GitRepo) -> None:
    source = _open(repo.path)
    assert tagged_commit(None, [source]) is None
    assert tagged_commit(Run("r"), [source]) is None
    assert _asked("main", source).state is CommitState.MALFORMED


def test_where_mlflow_set_no_tag_the_training_plugin_s_counts(repo: GitRepo) -> None:
    sha = repo.commit({"a": "1"})
    source = _open(repo.path)
    plugin = {"mlflow_audit.git.commit": sha}
    found = tagged_commit(Run("r", tags=plugin), [source])
    assert found == source.commit(sha)
    both = tagged_commit(Run("r", tags={**plugin, "mlflow.source.git.commit": ABSENT}), [source])
    assert both is not None
    assert both.sha == ABSENT
    assert f"another tag of the run names {sha}" in both.reason


def test_a_commit_that_a_whole_clone_lacks_is_missing(repo: GitRepo) -> None:
    repo.commit({"a": "1"})
    found = _asked(ABSENT, _open(repo.path))
    assert found.state is CommitState.MISSING
    assert "force-pushed, or the commit was never pushed" in found.reason
    address = "https://git.example.org/Risk/churn"
    assert _asked(ABSENT, _open(repo.path), address=address).state is CommitState.MISSING


@pytest.mark.parametrize("option", ["--depth=1", "--filter=blob:none"])
def test_a_clone_that_is_not_whole_rules_nothing_out(
    repo: GitRepo, tmp_path: Path, option: str
) -> None:
    repo.git("config", "uploadpack.allowFilter", "true")
    repo.commit({"a": "1"})
    repo.commit({"a": "2"})
    clone = tmp_path / "clone"
    address = f"file://{repo.path}"
    subprocess.run(["git", "clone", "--quiet", option, address, clone], check=True)
    found = _asked(ABSENT, _open(clone))
    assert found.state is CommitState.NOT_CHECKABLE
    kind = "shallow" if "depth" in option else "partial"
    assert found.reason == f"the repository clone is a {kind} clone"
    assert _asked(ABSENT).reason == "no repository is configured"


def test_an_unknown_repository_is_named_without_its_secrets(repo: GitRepo) -> None:
    sha = repo.commit({"a": "1"})
    address = "https://alice:s3cret@git.example.org/risk/other.git"
    found = _asked(ABSENT, _open(repo.path), address=address)
    assert found.state is CommitState.UNKNOWN_REPOSITORY
    assert "git.example.org/risk/other.git, which is not configured" in found.reason
    assert "s3cret" not in found.reason
    for hostile in ("https://[", "\0", "token@x", "ext::sh -c x", "-" * 5000):
        found = _asked(ABSENT, _open(repo.path), address=hostile)
        assert found.state is CommitState.UNKNOWN_REPOSITORY
        assert "token" not in found.reason
        assert _asked(sha, _open(repo.path), address=hostile).state is CommitState.REACHABLE


def test_a_commit_of_a_submodule_is_told_with_the_repository_around_it(
    repo: GitRepo, tmp_path: Path
) -> None:
    library = GitRepo(tmp_path / "library")
    inner = library.commit({"train.py": "1"})
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{inner},libs/common")
    repo.git("commit", "--quiet", "--message", "with the library")
    address = "https://git.example.org/risk/library"
    found = _asked(inner, _open(repo.path), address=address)
    assert (found.state, found.repository) == (CommitState.SUBMODULE, "churn")
    assert f"submodule libs/common, first in commit {repo.head()[:10]}" in found.reason
    outer, around = _open(repo.path), _open(library.path)
    found = _asked(inner, outer, around)
    assert (found.state, found.repository) == (CommitState.REACHABLE, "library")
    told = beside(found, outer, "churn")
    assert told is not None
    assert told.reason.startswith("churn, where the matching lock is, holds it as the commit of")


def test_a_commit_of_an_unrelated_repository_says_so(repo: GitRepo, tmp_path: Path) -> None:
    repo.commit({"a": "1"})
    tools = GitRepo(tmp_path / "tools")
    sha = tools.commit({"b": "1"})
    lock = _open(repo.path)
    found = _asked(sha, lock, _open(tools.path))
    assert (found.state, found.reason) == (CommitState.REACHABLE, "")
    told = beside(found, lock, "churn")
    assert told is not None
    assert told.reason.startswith("it is in tools, the lock that names the weights is in churn")
    assert beside(found, lock, "tools") is found
    assert beside(None, lock, "churn") is None


def test_where_two_repositories_hold_it_the_one_that_the_run_names_counts(
    repo: GitRepo, tmp_path: Path
) -> None:
    sha = repo.commit({"a": "1"})
    fork = tmp_path / "fork"
    subprocess.run(["git", "clone", "--quiet", repo.path, fork], check=True)
    sources = (_open(fork), _open(repo.path))
    assert _asked(sha, *sources).repository == "fork"
    found = _asked(sha, *sources, address="ssh://git@git.example.org:2222/risk/churn.git")
    assert (found.repository, found.reason) == ("churn", "")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("git@git.example.org:risk/churn.git", "https://u:p@GIT.example.org/risk/churn/"),
        ("ssh://git@git.example.org:22/risk/churn", "git.example.org:risk/churn"),
        ("/srv/git/churn.git", "file:///srv/git/churn"),
    ],
)
def test_addresses_of_one_place_are_equal(one: str, other: str) -> None:
    assert place(one) == place(other)
    assert place(one) != place(f"{one}x")
    assert place(one) != place("https://git.example.com/risk/churn")
