"""What was there newer than what a version was trained on, in repositories of which it is known."""

from dataclasses import replace
from pathlib import Path

import pytest
from support.gitrepo import GitRepo, lock, tracked

from audit.facts import (
    Commit,
    CommitState,
    Fresher,
    Match,
    MatchMethod,
    ModelVersion,
    Pipeline,
    Run,
    VersionFacts,
)
from audit.gather.fresher import with_fresher
from audit.sources.dvc.freshness import Freshness
from audit.sources.dvc.history import DvcHistory
from audit.sources.dvc.lineage import lock_commit, upstream
from audit.sources.git.history import GitHistory
from audit.sources.repositories import DvcRepository

RAW = ["a" * 31 + str(n) for n in range(5)]
MID = ["b" * 31 + str(n) for n in range(5)]
OUT = ["c" * 31 + str(n) for n in range(5)]


@pytest.fixture
def repo(tmp_path: Path) -> GitRepo:
    return GitRepo(tmp_path / "repo")


def raw(number: int) -> dict[str, str]:
    return {"data/raw.csv.dvc": tracked("raw.csv", RAW[number])}


def trained(number: int, mid: int, out: int) -> dict[str, str]:
    return {
        "dvc.lock": lock(
            {
                "prepare": ({"data/raw.csv": RAW[number]}, {"data/mid.csv": MID[mid]}),
                "train": ({"data/mid.csv": MID[mid]}, {"model.pkl": OUT[out]}),
            }
        )
    }


def pipeline(history: DvcHistory, out: int, tagged: str = "") -> Pipeline:
    state = history.with_out(OUT[out])[0]
    commit = lock_commit(history, state, tagged)
    return Pipeline(
        matches=(Match(state.id, MatchMethod.BYTES, commit, "model.pkl", "model.pkl", OUT[out]),),
        states=upstream(history, state, commit),
        tagged=Commit(tagged, CommitState.REACHABLE) if tagged else None,
    )


def passed_over(
    repo: GitRepo, out: int, began: int | None = None, tagged: str = ""
) -> tuple[Fresher, ...]:
    """Return what was newer than what weights were made of; trained now, if not said otherwise."""
    history = DvcHistory(GitHistory(repo.path, "repo", ("main",)))
    moment = repo.clock * 1000 + 1000 if began is None else began
    return Freshness(history).fresher(pipeline(history, out, tagged), moment)


def test_the_newest_data_is_not_stale(repo: GitRepo) -> None:
    repo.commit(raw(0))
    repo.commit(raw(1))
    repo.commit(trained(1, 1, 1))
    assert passed_over(repo, 1) == ()


def test_newer_raw_data_is_found_through_the_stages_between(repo: GitRepo) -> None:
    repo.commit(raw(0))
    used_at = repo.clock * 1000
    newer = repo.commit(raw(1))
    newer_at = repo.clock * 1000
    began = newer_at + 1000
    repo.commit(trained(0, 0, 0))
    assert passed_over(repo, 0, began) == (
        Fresher(
            "data/raw.csv",
            RAW[0],
            used_at,
            RAW[1],
            newer_at,
            newer,
            ("train", "prepare"),
            "data/raw.csv",
        ),
    )


def test_what_was_committed_after_training_began_was_not_there(repo: GitRepo) -> None:
    repo.commit(raw(0))
    began = repo.clock * 1000 + 1000
    repo.commit(raw(1))
    repo.commit(trained(0, 0, 0))
    assert passed_over(repo, 0, began) == ()


def test_data_of_the_tree_that_was_committed_after_training_is_not_stale(repo: GitRepo) -> None:
    repo.commit(raw(0))
    began = repo.clock * 1000 + 1000
    repo.commit({**raw(1), **trained(1, 1, 1)})
    assert passed_over(repo, 1, began) == ()


def test_data_that_was_brought_back_is_the_newest(repo: GitRepo) -> None:
    repo.commit(raw(0))
    repo.commit(raw(1))
    repo.commit(raw(0), "the old data was right")
    repo.commit(trained(0, 0, 0))
    assert passed_over(repo, 0) == ()


def test_a_stage_that_ran_anew_is_told_by_what_it_put_out(repo: GitRepo) -> None:
    repo.commit({**raw(0), **trained(0, 0, 0)})
    ran = lock(
        {
            "prepare": ({"data/raw.csv": RAW[0]}, {"data/mid.csv": MID[1]}),
            "train": ({"data/mid.csv": MID[0]}, {"model.pkl": OUT[0]}),
        }
    )
    newer = repo.commit({"dvc.lock": ran}, "prepare ran again")
    (item,) = passed_over(repo, 0)
    assert (item.what, item.path, item.newer, item.newer_commit, item.through) == (
        "prepare",
        "data/mid.csv",
        MID[1],
        newer,
        ("train",),
    )


def test_an_experiment_on_the_side_makes_nobody_stale(repo: GitRepo) -> None:
    first = repo.commit({**raw(0), **trained(0, 0, 0)})
    repo.git("switch", "--quiet", "--create", "side")
    side = repo.commit(raw(1))
    repo.git("switch", "--quiet", "main")
    assert passed_over(repo, 0) == ()
    # It does where the version's own commit was made on top of it.
    repo.git("switch", "--quiet", "side")
    own = repo.commit(trained(0, 0, 3))
    assert [item.newer_commit for item in passed_over(repo, 3, tagged=own)] == [side]
    assert first != side


def test_data_moved_to_another_file_or_stage_is_still_that_path(repo: GitRepo) -> None:
    repo.commit({**raw(0), **trained(0, 0, 0)})
    fetched = lock(
        {
            "fetch": ({}, {"data/raw.csv": RAW[2]}),
            "prepare": ({"data/raw.csv": RAW[0]}, {"data/mid.csv": MID[0]}),
            "train": ({"data/mid.csv": MID[0]}, {"model.pkl": OUT[0]}),
        }
    )
    repo.commit({"data/raw.csv.dvc": None, "dvc.lock": fetched})
    assert [item.newer for item in passed_over(repo, 0)] == [RAW[2]]


def test_digests_of_two_kinds_are_not_compared(repo: GitRepo) -> None:
    legacy = tracked("raw.csv", RAW[0]).replace("  hash: md5\n", "")
    assert legacy != tracked("raw.csv", RAW[0])
    repo.commit({"data/raw.csv.dvc": legacy})
    repo.commit(raw(1))
    repo.commit(trained(0, 0, 0))
    assert passed_over(repo, 0) == ()


def test_a_clock_that_went_wrong_makes_no_order(repo: GitRepo) -> None:
    repo.commit(raw(1))
    repo.clock -= 3600
    repo.commit(raw(0))
    began = (repo.clock + 7200) * 1000
    repo.commit(trained(0, 0, 0))
    assert passed_over(repo, 0, began) == ()


def test_a_version_that_no_lock_is_known_of_has_nothing_to_tell(repo: GitRepo) -> None:
    repo.commit(raw(0))
    history = DvcHistory(GitHistory(repo.path, "repo", ("main",)))
    assert Freshness(history).fresher(Pipeline(), 0) == ()


def test_each_version_is_told_of_its_own_repository_and_training(repo: GitRepo) -> None:
    repo.commit({**raw(0), **trained(0, 0, 0)})
    repo.commit(raw(1))
    source = DvcRepository(GitHistory(repo.path, "repo", ("main",)))
    known = pipeline(DvcHistory(GitHistory(repo.path, "repo", ("main",))), 0)
    elsewhere = replace(known, states=tuple(replace(s, repository="other") for s in known.states))
    late, none = Run("a", started_at=repo.clock * 1000 + 1), Run("b")
    versions = [
        VersionFacts(ModelVersion("churn", number), run=run, pipeline=of)
        for number, (run, of) in enumerate(
            [(late, known), (none, known), (None, known), (late, elsewhere), (late, Pipeline())]
        )
    ]
    told = with_fresher(versions, [source])
    source.close()
    assert [len(facts.pipeline.fresher) for facts in told] == [1, 0, 0, 0, 0]
    assert told[1:] == versions[1:]
