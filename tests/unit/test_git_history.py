"""Commits: what they say, where they stand, how they came there."""

import subprocess
from pathlib import Path

import pytest
from support.gitrepo import GitRepo

from audit.facts import CommitState
from audit.sources.git.commits import parse_commit
from audit.sources.git.history import GitHistory
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


def test_a_commit_tells_its_message_trailers_and_request(repo: GitRepo) -> None:
    message = "Cap the tenure (#12)\n\nBy years.\n\nReviewed-by: carol <carol@example.org>"
    commit = _history(repo).commit(repo.commit({"a": "1"}, message))
    assert commit is not None
    assert commit.message == message
    assert commit.trailers == (("Reviewed-by", "carol <carol@example.org>"),)
    assert (commit.pull_request, commit.merged_by, commit.merged_at) == ("#12", "", None)


def test_the_merge_gives_its_time_and_its_request(repo: GitRepo) -> None:
    repo.commit({"a": "1"})
    repo.git("switch", "--quiet", "--create", "work")
    inner = repo.commit({"b": "1"}, "Work (#3)")
    repo.git("switch", "--quiet", "main")
    repo.clock += 600
    message = "Merge branch 'work' into 'main'\n\nSee merge request risk/churn!7"
    repo.git("merge", "--quiet", "--no-ff", "--no-gpg-sign", "--message", message, "work")
    history = _history(repo)
    brought, merge = history.commit(inner), history.commit(repo.head())
    assert brought is not None
    assert merge is not None
    assert (brought.merged_at, brought.pull_request) == (repo.clock * 1000, "!7")
    assert (merge.merged_by, merge.pull_request) == ("", "!7")


def test_tags_and_refs_that_hold_a_commit_are_named(repo: GitRepo) -> None:
    first = repo.commit({"a": "1"})
    second = repo.commit({"a": "2"})
    repo.clock += 1000
    repo.git("tag", "late", first)  # a plain tag has its commit's time
    repo.git("tag", "--annotate", "--message", "x", "annotated", first)
    repo.git("tag", "--annotate", "--message", "x", "of-a-tag", "annotated")
    repo.git("tag", "second", second)
    repo.git("tag", "tree", f"{first}^{{tree}}")
    repo.git("branch", "ä–branch", second)
    repo.git("update-ref", "refs/heads/--output=x", first)
    repo.git("update-ref", "refs/remotes/origin/main", first)
    repo.git("update-ref", "refs/remotes/origin/feature", first)
    repo.git("update-ref", f"refs/exps/{first[:2]}/{first[2:]}/brave-gnat", second)
    repo.git("update-ref", "refs/pull/7/head", second)
    commits = {sha: _history(repo).commit(sha) for sha in (first, second)}
    old, new = commits[first], commits[second]
    assert old is not None
    assert new is not None
    assert old.tags == ("late", "second", "annotated", "of-a-tag")
    assert new.tags == ("second",)
    assert old.other_branches == (
        *("--output=x", "origin/feature", "ä–branch"),
        *("experiment brave-gnat", "refs/pull/7/head"),
    )
    assert new.other_branches == ("ä–branch", "experiment brave-gnat", "refs/pull/7/head")


def test_no_more_than_ten_names_are_kept(repo: GitRepo) -> None:
    sha = repo.commit({"a": "1"})
    for number in range(12):
        repo.git("tag", f"v{number:02}", sha)
    found = _history(repo).commit(sha)
    assert found is not None
    assert found.tags == tuple(f"v{number:02}" for number in range(10))


def test_what_stands_aside_says_why(repo: GitRepo) -> None:
    repo.commit({"a": "1"})
    repo.git("switch", "--quiet", "--detach")
    detached = repo.commit({"a": "2"})
    found = _history(repo).commit(detached)
    assert found is not None
    assert (found.state, found.other_branches) == (CommitState.OTHER_REF, ())
    assert found.reason == "a detached HEAD holds it, no configured branch does"
    repo.git("tag", "v1")
    repo.git("switch", "--quiet", "main")
    found = _history(repo).commit(detached)
    assert found is not None
    assert found.reason == "the tag v1 holds it, no configured branch does"
    repo.git("tag", "--delete", "v1")
    found = _history(repo).commit(detached)
    assert found is not None
    assert "a branch was force-pushed or deleted" in found.reason


def test_commits_of_submodules_are_found_by_their_sha(repo: GitRepo) -> None:
    repo.commit({"a": "1"})
    inner, other = "1" * 40, "2" * 40
    for sha in (inner, other, inner):
        repo.git("update-index", "--add", "--cacheinfo", f"160000,{sha},libs/ä x")
        repo.git("commit", "--quiet", "--message", "move the submodule")
    history = _history(repo)
    second = repo.git("rev-parse", "HEAD~1")
    assert history.submodule(inner) == ("libs/ä x", repo.git("rev-parse", "HEAD~2"))
    assert history.submodule(other) == ("libs/ä x", second)
    assert history.submodule(second) is None


def test_a_repository_knows_its_addresses(repo: GitRepo) -> None:
    assert _history(repo).addresses == (str(repo.path),)
    repo.git("remote", "add", "origin", "https://git.example.org/risk/churn.git")
    assert _history(repo).addresses[1:] == ("https://git.example.org/risk/churn.git",)
