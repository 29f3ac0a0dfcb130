"""States by digest, the commits that introduced them, and the way back to raw data."""

from pathlib import Path

import pytest
from support.gitrepo import GitRepo, lock, tracked

from audit.facts import StageState
from audit.sources.dvc.history import DvcHistory
from audit.sources.dvc.lineage import lock_commit, upstream
from audit.sources.git.history import GitHistory

RAW = ["a" * 31 + str(n) for n in range(5)]
MID = ["b" * 31 + str(n) for n in range(5)]
OUT = ["c" * 31 + str(n) for n in range(5)]


@pytest.fixture
def repo(tmp_path: Path) -> GitRepo:
    return GitRepo(tmp_path / "repo")


def _history(repo: GitRepo, subdirectory: str = ".") -> DvcHistory:
    return DvcHistory(GitHistory(repo.path, "repo", ("main",)), subdirectory)


def _only(history: DvcHistory, digest: str) -> StageState:
    (state,) = history.with_out(digest)
    return state


def _raw(states: tuple[StageState, ...]) -> list[str]:
    return [out.digest for state in states if not state.stage for out in state.outs]


def _pipeline(raw: str, mid: str, out: str) -> str:
    return lock(
        {
            "prepare": ({"data/raw.csv": raw}, {"data/mid.csv": mid}),
            "train": ({"data/mid.csv": mid}, {"model.pkl": out}),
        }
    )


def test_a_state_names_the_commits_that_introduced_it_and_no_others(repo: GitRepo) -> None:
    first = repo.commit({"dvc.lock": _pipeline(RAW[0], MID[0], OUT[0])})
    repo.commit({"dvc.lock": _pipeline(RAW[1], MID[0], OUT[0])}, "only prepare ran again")
    repo.commit({"dvc.lock": _pipeline(RAW[1], MID[1], OUT[1])})
    again = repo.commit({"dvc.lock": _pipeline(RAW[0], MID[0], OUT[0])}, "reverted")
    history = _history(repo)
    train = _only(history, OUT[0])
    assert (train.stage, train.commits) == ("train", (first, again))
    assert [len(state.commits) for state in history.with_out(MID[0])] == [2, 1]
    assert history.with_out("f" * 32) == ()
    assert history.lock_states == 3


def test_a_lock_that_only_a_merge_changed_is_found(repo: GitRepo) -> None:
    repo.commit({"dvc.lock": _pipeline(RAW[0], MID[0], OUT[0]), "params.yaml": "a: 1\n"})
    repo.git("switch", "--quiet", "--create", "work")
    branch = repo.commit({"dvc.lock": _pipeline(RAW[1], MID[1], OUT[1])})
    repo.git("switch", "--quiet", "main")
    repo.commit({"params.yaml": "a: 2\n"})
    repo.git("merge", "--quiet", "--no-ff", "--no-commit", "work")
    merge = repo.commit({"dvc.lock": _pipeline(RAW[2], MID[2], OUT[2])}, "trained in the merge")
    history = _history(repo)
    assert _only(history, OUT[2]).commits == (merge,)
    assert _only(history, OUT[1]).commits == (branch,)


def test_a_merge_is_not_named_for_what_a_parent_holds(repo: GitRepo) -> None:
    repo.commit({"dvc.lock": _pipeline(RAW[0], MID[0], OUT[0])})
    repo.git("switch", "--quiet", "--create", "work")
    branch = repo.commit({"dvc.lock": _pipeline(RAW[1], MID[1], OUT[1])})
    repo.git("switch", "--quiet", "main")
    repo.commit({"README": "x"})
    repo.git("merge", "--quiet", "--no-ff", "--no-gpg-sign", "--message", "merge", "work")
    history = _history(repo)
    state = _only(history, OUT[1])
    assert state.commits == (branch,)
    assert history.holds(repo.head(), state)
    assert lock_commit(history, state, repo.head()) == repo.head()


def test_data_is_followed_by_digest_and_never_by_a_stale_lock(repo: GitRepo) -> None:
    repo.commit({"data/raw.csv.dvc": tracked("raw.csv", RAW[0])})
    repo.commit({"dvc.lock": _pipeline(RAW[0], MID[0], OUT[0])})
    # Newer raw data, prepared again; the model was not trained again.
    repo.commit({"data/raw.csv.dvc": tracked("raw.csv", RAW[1])})
    stale = {
        "prepare": ({"data/raw.csv": RAW[1]}, {"data/mid.csv": MID[1]}),
        "train": ({"data/mid.csv": MID[0]}, {"model.pkl": OUT[0]}),
    }
    repo.commit({"dvc.lock": lock(stale)})
    # Trained on the old preparation all the same: its maker stands in an older lock.
    stale["train"] = ({"data/mid.csv": MID[0]}, {"model.pkl": OUT[3]})
    last = repo.commit({"dvc.lock": lock(stale)})
    history = _history(repo)
    states = upstream(history, _only(history, OUT[3]), last)
    assert [state.stage for state in states] == ["train", "prepare", ""]
    assert _raw(states) == [RAW[0]]


def test_of_several_makers_the_one_beside_it_is_taken(repo: GitRepo) -> None:
    repo.commit({"data/raw.csv.dvc": tracked("raw.csv", RAW[0])})
    first = repo.commit({"dvc.lock": _pipeline(RAW[0], MID[0], OUT[0])})
    repo.commit({"data/raw.csv.dvc": tracked("raw.csv", RAW[1])})
    # Other raw data, and by chance the same preparation.
    second = repo.commit({"dvc.lock": _pipeline(RAW[1], MID[0], OUT[1])})
    history = _history(repo)
    assert len(history.with_out(MID[0])) == 2
    assert _raw(upstream(history, _only(history, OUT[0]), first)) == [RAW[0]]
    assert _raw(upstream(history, _only(history, OUT[1]), second)) == [RAW[1]]
    assert _raw(upstream(history, _only(history, OUT[1]))) == [RAW[1]]


def test_of_several_older_makers_the_nearest_is_taken(repo: GitRepo) -> None:
    for number in range(2):
        repo.commit(
            {
                "data/raw.csv.dvc": tracked("raw.csv", RAW[number]),
                "dvc.lock": _pipeline(RAW[number], MID[0], OUT[number]),
            }
        )
    stale = {
        "prepare": ({"data/raw.csv": RAW[2]}, {"data/mid.csv": MID[2]}),
        "train": ({"data/mid.csv": MID[0]}, {"model.pkl": OUT[3]}),
    }
    repo.commit({"dvc.lock": lock(stale)})
    history = _history(repo)
    assert _raw(upstream(history, _only(history, OUT[3]))) == [RAW[1]]


def test_a_stage_that_copies_its_input_does_not_end_the_way(repo: GitRepo) -> None:
    copying = {
        "copy": ({"data/raw.csv": RAW[0]}, {"data/mid.csv": RAW[0]}),
        "train": ({"data/mid.csv": RAW[0]}, {"model.pkl": OUT[0]}),
    }
    repo.commit({"data/raw.csv.dvc": tracked("raw.csv", RAW[0]), "dvc.lock": lock(copying)})
    history = _history(repo)
    states = upstream(history, _only(history, OUT[0]))
    assert [state.stage or state.file for state in states] == ["train", "copy", "data/raw.csv.dvc"]


def test_the_same_content_at_another_path_links_nothing(repo: GitRepo) -> None:
    empty = "d41d8cd98f00b204e9800998ecf8427e"
    stages = {
        "notify": ({"people.csv": RAW[1]}, {"sent": empty}),
        "train": ({"raw.csv": RAW[0], "src/__init__.py": empty}, {"model": OUT[0]}),
    }
    repo.commit({"dvc.lock": lock(stages)})
    history = _history(repo)
    assert [s.stage for s in upstream(history, _only(history, OUT[0]))] == ["train"]


def test_of_equal_outs_the_one_is_followed_that_ran_with_the_rest(repo: GitRepo) -> None:
    def stages(number: int) -> dict[str, tuple[dict[str, str], dict[str, str]]]:
        return {
            "check": ({"raw.csv": RAW[number]}, {"good": MID[3]}),
            "prepare": ({"raw.csv": RAW[number]}, {"mid.csv": MID[number]}),
        }

    train = {"train": ({"good": MID[3], "mid.csv": MID[0]}, {"model": OUT[0]})}
    repo.commit({"dvc.lock": lock(stages(0) | train)})
    half = repo.commit({"dvc.lock": lock(stages(1) | train)})
    history = _history(repo)
    states = upstream(history, _only(history, OUT[0]), half)
    assert {dep.digest for s in states for dep in s.deps if dep.path == "raw.csv"} == {RAW[0]}


def test_a_circle_of_digests_ends(repo: GitRepo) -> None:
    circle = {
        "one": ({"b": MID[0]}, {"a": MID[1]}),
        "two": ({"a": MID[1]}, {"b": MID[0]}),
    }
    repo.commit({"dvc.lock": lock(circle)})
    history = _history(repo)
    assert len(upstream(history, _only(history, MID[1]))) == 2


def test_the_lock_s_commit_is_the_tagged_one_or_made_on_top_of_it(repo: GitRepo) -> None:
    repo.commit({"README": "0"})
    repo.git("switch", "--quiet", "--create", "work")
    branch = repo.commit({"dvc.lock": _pipeline(RAW[0], MID[0], OUT[0])})
    repo.git("switch", "--quiet", "main")
    tagged = repo.commit({"README": "1"})
    main = repo.commit({"dvc.lock": _pipeline(RAW[0], MID[0], OUT[0])})
    later = repo.commit({"README": "2"})
    history = _history(repo)
    state = _only(history, OUT[0])
    assert state.commits == (branch, main)
    assert lock_commit(history, state, tagged) == main
    assert lock_commit(history, state, branch) == branch
    assert lock_commit(history, state, later) == later
    assert lock_commit(history, state) == main
    assert lock_commit(history, state, "e" * 40) == main


def test_projects_in_folders_go_by_path_and_can_be_chosen(repo: GitRepo) -> None:
    repo.commit(
        {
            "one/dvc.lock": lock({"train": ({"raw": RAW[0]}, {"m": OUT[0]})}),
            "two/dvc.yaml": "stages:\n  train:\n    wdir: src\n    cmd: x\n",
            "two/dvc.lock": lock({"train": ({"../raw": RAW[1]}, {"../../m": OUT[1]})}),
            "two/raw.dvc": tracked("raw", RAW[1]),
            "notdvc.lock": lock({"train": ({}, {"m": OUT[2]})}),
        }
    )
    history = _history(repo)
    assert [out.path for out in _only(history, OUT[0]).outs] == ["one/m"]
    two = _only(history, OUT[1])
    assert ([d.path for d in two.deps], [o.path for o in two.outs]) == (["two/raw"], ["m"])
    assert _raw(upstream(history, two)) == [RAW[1]]
    assert history.with_out(OUT[2]) == ()
    assert _history(repo, "two").with_out(OUT[0]) == ()
    assert _history(repo, "two/").with_out(OUT[1]) != ()


def test_old_locks_and_old_digests_are_read(repo: GitRepo) -> None:
    text = f"train:\n  cmd: x\n  deps:\n  - {{path: raw, md5: {RAW[0]}}}\n  outs:\n"
    repo.commit({"dvc.lock": f"{text}  - {{path: m, md5: {OUT[0]}}}\n"})
    state = _only(_history(repo), OUT[0])
    assert {item.hash_name for item in (*state.deps, *state.outs)} == {"md5-dos2unix"}


def test_what_cannot_be_read_is_told_and_the_rest_is_found(repo: GitRepo) -> None:
    (repo.path / "outside.lock").write_text(_pipeline(RAW[0], MID[0], OUT[0]))
    (repo.path / "link").mkdir()
    (repo.path / "link" / "dvc.lock").symlink_to("../outside.lock")
    bomb = "a: &a [x, x]\n" + "".join(f"b{n}: &a [*a, *a]\n" for n in range(40))
    repo.commit(
        {
            "dvc.lock": _pipeline(RAW[1], MID[1], OUT[1]),
            "bomb/dvc.lock": f"{bomb}# {OUT[2]}\n",
            "big/dvc.lock": f"# {OUT[3]}\n" + " " * 4 * 1024 * 1024,
            "broken.dvc": f"outs:\n- path: x\n  md5: {OUT[4]}\n wrong\n",
        }
    )
    history = _history(repo)
    assert [len(history.with_out(digest)) for digest in OUT] == [0, 1, 0, 0, 0]
    told = "\n".join(history.problems)
    for text in (
        "link/dvc.lock in commit",
        "is a symbolic link, which is not followed",
        "bomb/dvc.lock of commit",
        "expands to more than",
        "big/dvc.lock of commit",
        "more than 4,194,304 are not read",
        "broken.dvc of commit",
    ):
        assert text in told


def test_a_link_that_becomes_a_file_keeps_its_state(repo: GitRepo) -> None:
    blob = repo.git(
        "hash-object", "-w", "--stdin", stdin=_pipeline(RAW[0], MID[0], OUT[0]).encode()
    )
    for mode in ("120000", "100644"):
        repo.git("update-index", "--add", "--cacheinfo", f"{mode},{blob},dvc.lock")
        repo.git("commit", "--quiet", "--no-gpg-sign", "--message", mode)
    assert _only(_history(repo), OUT[0]).commits == (repo.head(),)


def test_states_are_the_same_from_one_reading_to_the_next(repo: GitRepo) -> None:
    repo.commit({"dvc.lock": _pipeline(RAW[0], MID[0], OUT[0])})
    assert _history(repo).all_states == _history(repo).all_states
    assert len({state.id for state in _history(repo).all_states}) == 2
