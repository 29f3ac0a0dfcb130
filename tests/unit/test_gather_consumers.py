"""Who uses a version, and what it was built on."""

from pathlib import Path

import pytest
from support.gitrepo import GitRepo, lock

from audit.config import Code
from audit.facts import (
    Consumer,
    LoggedModel,
    Match,
    MatchMethod,
    ModelVersion,
    Pipeline,
    Registry,
    Run,
    TraceUse,
    VersionFacts,
)
from audit.gather.consumers import Uses, with_stages
from audit.sources.repositories import open_code
from audit.verdicts import Grade

HOUR = 3_600_000
BASE = ModelVersion("base", 1, created_at=10, source="models:/m-1", logged_model_id="m-1")
TUNED = ModelVersion(
    "tuned", 1, created_at=40, source="models:/m-2", run_id="tuning", logged_model_id="m-2"
)
LOGGED = LoggedModel("m-1")
RUNS = (
    Run("tuning", started_at=30, model_inputs=("m-1",), model_outputs=("m-2",)),
    Run("scoring", name="nightly", experiment="batch", started_at=50, model_inputs=("m-1",)),
    Run("itself", started_at=5, model_inputs=("m-1",), model_outputs=("m-1",)),
)


def uses(*versions: ModelVersion, as_of: int = 10 * HOUR, **more: object) -> Uses:
    registry = Registry(
        "uri",
        "sql",
        versions=(BASE, TUNED, *versions),
        runs=RUNS,
        logged_models=(LOGGED, LoggedModel("m-2", source_run_id="tuning")),
        **more,  # type: ignore[arg-type]
    )
    return Uses(registry, as_of)


def told(consumers: tuple[Consumer, ...]) -> list[tuple[str, str, int | None]]:
    return [(item.kind, item.name, item.since) for item in consumers]


def test_runs_and_models_that_took_it_as_input() -> None:
    found = uses().of(BASE, LOGGED)
    assert told(found) == [("model", "tuned v1", 40), ("run", "nightly", 50)]
    assert all(item.grade is Grade.RECORDED for item in found)
    assert told(uses(as_of=45).of(BASE, LOGGED)) == [("model", "tuned v1", 40)]
    # The run had begun, the version that it made was not registered yet.
    assert told(uses(as_of=35).of(BASE, LOGGED)) == [("run", "tuning", 30)]


def test_what_a_training_was_built_on() -> None:
    assert uses().bases(RUNS[0]) == ("base/1",)
    assert uses().bases(RUNS[2]) == (), "its own model is no base"
    assert uses().bases(Run("r", model_inputs=("m-9",))) == ("m-9",)
    assert uses().bases(None) == ()


def test_copies_and_copies_of_copies() -> None:
    copy = ModelVersion("live", 1, created_at=60, source="models:/base/1")
    again = ModelVersion("edge", 1, created_at=70, source="models:/live/1")
    circle = ModelVersion("live", 2, created_at=80, source="models:/edge/1")
    found = [item for item in uses(copy, again, circle).of(BASE, LOGGED) if item.kind == "copy"]
    assert [item.id for item in found] == ["live/1", "edge/1", "live/2"]
    assert found[0].detail == "the copy's source names this version"
    assert found[1].detail == "the copy's source names live v1, a copy of this"
    one = ModelVersion("one", 1, source="models:/two/1")
    two = ModelVersion("two", 1, source="models:/one/1")
    assert [item.id for item in uses(one, two).of(one, None)] == ["two/1"]


def test_traces_are_counted_to_the_last_whole_hour() -> None:
    traces = (TraceUse("m-1", 2, 5), TraceUse("m-1", 4, 1), TraceUse("m-2", 3, 9))
    (found,) = (item for item in uses(traces=traces).of(BASE, LOGGED) if item.kind == "traces")
    assert (found.name, found.count, found.since, found.until) == (
        "6 traces",
        6,
        2 * HOUR,
        4 * HOUR,
    )
    (found,) = (
        item
        for item in uses(traces=traces, as_of=5 * HOUR - 1).of(BASE, LOGGED)
        if item.kind == "traces"
    )
    assert found.count == 5


@pytest.mark.parametrize(
    ("tag", "counts"),
    [
        ("endpoint", True),
        ("serving_endpoint", True),
        ("databricks.endpoint_name", True),
        ("Deployed_to", True),
        ("endpoint_owner", False),
        ("note", False),
    ],
)
def test_endpoints_are_what_tags_say(tag: str, counts: bool) -> None:
    address = "https://user:secret@models.example.org/churn"
    version = ModelVersion("served", 1, tags={tag: address, "empty_endpoint": ""})
    found = uses(version).of(version, None)
    assert [(item.kind, item.grade) for item in found] == [("endpoint", Grade.DECLARED)] * counts
    assert "secret" not in repr(found)


def test_stages_whose_lock_names_the_bytes(tmp_path: Path) -> None:
    digest, raw = "a" * 32, "b" * 32
    repo = GitRepo(tmp_path / "repo")
    train = {"train": ({"raw.csv": raw}, {"model.pkl": digest})}
    score = {**train, "score": ({"model.pkl": digest}, {"scores.csv": "c" * 32})}
    repo.commit({"dvc.lock": lock(train)})
    repo.commit({"dvc.lock": lock(score)})
    repo.commit({"dvc.lock": lock({**score, "score": ({"model.pkl": digest}, {})})})
    code, _ = open_code(Code(path=repo.path), tmp_path / "cache")
    (made,) = code.states_with_out(digest)
    match = Match(made.id, MatchMethod.BYTES, digest=digest)
    facts = VersionFacts(BASE, pipeline=Pipeline(matches=(match,), states=(made,)))
    (found,) = with_stages(facts, [code], 10**15).consumers
    assert (found.kind, found.name, found.grade) == (
        "dvc_stage",
        "score of dvc.lock",
        Grade.VERIFIED,
    )
    assert "uses model.pkl with the digest of these bytes" in found.detail
    assert with_stages(facts, [code], found.since or 0) == facts
    code.close()
