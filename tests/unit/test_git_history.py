"""Commits: what they say, where they stand, how they came there."""

import subprocess
from pathlib import Path

import pytest
from support.gitrepo import GitRepo

from audit.facts import CommitState
from audit.sources.git.history import GitHistory, parse_commit
from audit.sources.git.store import UnreadableError


@pytest.fixture
def repo(tmp_path: Path) -> GitRepo:
    return GitRepo(tmp_path / "repo")


def _history(repo: GitRepo, *branches: str) -> GitHistory:
    return GitHistory(repo.path, "repo", branches or ("main",))


def test_a_commit_is_told_as_its_author_wrote_it(repo: GitRepo) -> None:
    first = repo.commit({"a": "1"})
    second = repo.commit({"a": "2"}, "Ein Größenwechsel\ngoes on\n\nbody")
    commit = _history(repo).commit(second)
    assert commit is not None
    assert commit.author == commit.committer == "alice <alice@example.org>"
    assert commit.authored_at == commit.committed_at == 1_780_000_120_000
    assert commit.subject == "Ein Größenwechsel goes on"
    assert (commit.parents, commit.branches, commit.repository) == ((first,), ("main",), "repo")
    assert (commit.state, commit.merged_by, commit.signed) == (CommitState.REACHABLE, "", "")


def test_the_merge_that_brought_a_commit_is_found(repo: GitRepo) -> None:
    first = repo.commit({"a": "1"})
    repo.git("switch", "--quiet", "--create", "work")
    early, late = repo.commit({"b": "1"}), repo.commit({"b": "2"})
    repo.git("switch", "--quiet", "main")
    direct = repo.commit({"c": "1"})
    repo.git("merge", "--quiet", "--no-ff", "--no-gpg-sign", "--message", "Merge #1", "work")
    merge = repo.head()
    last = repo.commit({"c": "2"})
    repo.git("merge", "--quiet", "--no-ff", "--no-gpg-sign", "--message", "again", "work")
    history = _history(repo)
    brought = {sha: found.merged_by for sha in history.parents if (found := history.commit(sha))}
    assert brought[early] == brought[late] == merge
    assert {brought[sha] for sha in (first, direct, merge, last)} == {""}
    assert history.nearest(last, {first, early}) in {first, early}
    assert history.nearest(last, {direct, first}) == direct
    assert history.nearest(early, {direct}) == ""
    assert history.is_ancestor(early, last)
    assert not history.is_ancestor(last, early)


def test_every_place_of_a_commit_has_its_state(repo: GitRepo) -> None:
    main = repo.commit({"a": "1"})
    repo.git("switch", "--quiet", "--create", "work")
    work = repo.commit({"a": "2"})
    experiment = repo.commit({"a": "3"})
    repo.git("update-ref", "refs/exps/12/34/try", experiment)
    repo.git("reset", "--quiet", "--hard", work)
    gone = repo.commit({"a": "4"})
    repo.git("reset", "--quiet", "--hard", work)
    history = _history(repo)
    states = {sha: history.commit(sha) for sha in (main, work, experiment, gone)}
    assert [commit.state if commit else None for commit in states.values()] == [
        CommitState.REACHABLE,
        CommitState.OTHER_REF,
        CommitState.OTHER_REF,
        CommitState.UNREACHABLE,
    ]
    assert history.commit("e" * 40) is None
    assert history.commit("HEAD") is None
    tree = repo.git("rev-parse", "HEAD^{tree}")
    assert history.commit(tree) is None


def test_the_branch_of_origin_counts_as_the_branch(repo: GitRepo, tmp_path: Path) -> None:
    repo.commit({"a": "1"})
    subprocess.run(["git", "clone", "--quiet", repo.path, tmp_path / "clone"], check=True)
    newer = repo.commit({"a": "2"})
    clone = GitRepo.__new__(GitRepo)
    clone.path, clone.clock = tmp_path / "clone", repo.clock
    clone.git("fetch", "--quiet")
    commit = _history(clone).commit(newer)
    assert commit is not None
    assert commit.state is CommitState.REACHABLE
    about = _history(clone, "main", "release").describe(lock_states=lambda: 0)
    assert about.branches == ("main", "release")
    assert [problem for problem in about.problems if "release" in problem]


def test_a_shallow_or_partial_clone_says_so(repo: GitRepo, tmp_path: Path) -> None:
    first = repo.commit({"a": "1"})
    repo.commit({"a": "2"})
    repo.git("config", "uploadpack.allowFilter", "true")
    for option in ("--depth=1", "--filter=blob:none"):
        target = tmp_path / option.strip("-").partition("=")[0]
        address = f"file://{repo.path}"
        subprocess.run(
            ["git", "clone", "--quiet", "--no-checkout", option, address, target], check=True
        )
    shallow = GitHistory(tmp_path / "depth", "shallow", ("main",))
    about = shallow.describe(lock_states=lambda: 0)
    assert (about.shallow, about.partial, about.commits) == (True, False, 1)
    assert shallow.commit(first) is None
    partial = GitHistory(tmp_path / "filter", "partial", ("main",))
    about = partial.describe(lock_states=lambda: 0)
    assert (about.shallow, about.partial, about.commits) == (False, True, 2)
    # What was left out is not fetched.
    entry = partial.entry(first, "a")
    assert entry is not None
    for _ in range(2):
        with pytest.raises(UnreadableError, match="not in the object store"):
            partial.store.blob(entry.oid)
    assert partial.commit(first) is not None


def test_an_empty_repository_is_readable(repo: GitRepo) -> None:
    about = _history(repo).describe(lock_states=lambda: 0)
    assert (about.readable, about.head, about.commits) == (True, "", 0)


@pytest.mark.parametrize(
    ("first", "kind"),
    [
        ("-----BEGIN SSH SIGNATURE-----", "ssh"),
        ("-----BEGIN PGP SIGNATURE-----", "gpg"),
        ("-----BEGIN SIGNED MESSAGE-----", "x509"),
        ("something else", "unknown"),
    ],
)
def test_a_signature_is_seen_and_not_taken_for_the_message(first: str, kind: str) -> None:
    raw = (
        f"tree {'a' * 40}\nparent {'b' * 40}\nparent {'c' * 40}\n"
        "author J\xf6rg <j@example.org> -100 +0000\ncommitter nobody\nencoding ISO-8859-1\n"
        f"gpgsig {first}\n parent {'d' * 40}\n -----END-----\n\nparent {'e' * 40}\n"
    ).encode("latin-1")
    commit = parse_commit(raw)
    assert commit.signed == kind
    assert commit.parents == ("b" * 40, "c" * 40)
    assert (commit.author, commit.authored_at) == ("Jörg <j@example.org>", -100_000)
    assert (commit.committer, commit.committed_at) == ("nobody", None)
    assert commit.subject == f"parent {'e' * 40}"


@pytest.mark.parametrize("raw", [b"", b"\n\n", b"encoding rot13\n\nx", b"tree\nauthor\n", b"\xff"])
def test_a_malformed_commit_is_read_as_far_as_it_goes(raw: bytes) -> None:
    assert parse_commit(raw).parents == ()
