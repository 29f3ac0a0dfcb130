"""One version's slice of the registry: location, run, origin, consumers; and baselines."""

from pathlib import Path

from audit.facts import (
    ArtifactFile,
    Environment,
    LoggedModel,
    ModelVersion,
    RegisteredModel,
    Registry,
    Run,
    RunState,
    VersionFacts,
    Weights,
)
from audit.gather.baseline import with_baseline
from audit.gather.consumers import Uses
from audit.gather.registry import RegistryIndex
from audit.ledger import Ledger
from audit.period import Period

MODEL = LoggedModel("m-1", artifact_location="file:///a/models/m-1/artifacts", source_run_id="r1")
ORIGINAL = ModelVersion(
    "base", 1, created_at=10, source="models:/m-1", run_id="r1", logged_model_id="m-1"
)
COPY = ModelVersion("copy", 1, created_at=20, source="models:/base/1", run_id="r1")
AGAIN = ModelVersion("again", 1, created_at=30, source="models:/copy/1")


def index(*versions: ModelVersion, runs: tuple[Run, ...] = (), as_of: int = 1000) -> RegistryIndex:
    names = sorted({version.model for version in versions})
    models = tuple(RegisteredModel(name, aliases={"champion": 1}) for name in names)
    found = Registry(
        "uri", "sql", models=models, versions=versions, runs=runs, logged_models=(MODEL,)
    )
    return RegistryIndex(found, Uses(found, as_of))


def facts(of: RegistryIndex, version: ModelVersion) -> VersionFacts:
    return of.facts(version, Weights(), Environment())


def test_a_copy_of_a_copy_leads_back_to_the_original() -> None:
    run = Run("r1", lifecycle="active")
    found = index(ORIGINAL, COPY, AGAIN, runs=(run,))
    again = facts(found, AGAIN)
    assert again.origin == ("copy/1", "base/1")
    assert again.logged_model == MODEL
    assert again.run == run
    assert found.location(AGAIN) == MODEL.artifact_location
    assert [item.id for item in facts(found, ORIGINAL).consumers] == ["copy/1", "again/1"]


def test_a_circle_of_copies_ends() -> None:
    one = ModelVersion("one", 1, source="models:/two/1")
    two = ModelVersion("two", 1, source="models:/one/1")
    found = index(one, two)
    assert found.location(one) == ""
    assert facts(found, one).origin == ("two/1", "one/1")


def test_a_copy_of_a_deleted_model_still_names_it() -> None:
    assert facts(index(COPY), COPY).origin == ("base/1",)


def test_runs_are_present_deleted_gone_or_none() -> None:
    version = ModelVersion("a", 1, run_id="r9")
    assert facts(index(version), version).run_state is RunState.GONE
    deleted = Run("r9", lifecycle="deleted")
    assert facts(index(version, runs=(deleted,)), version).run_state is RunState.DELETED
    without = ModelVersion("a", 1, source="s3://bucket/model")
    assert facts(index(without), without).run_state is RunState.NONE


def test_consumers_after_the_moment_reported_are_left_out() -> None:
    early = Run("r2", name="evaluate", started_at=50, model_inputs=("m-1",), experiment="audit")
    late = Run("r3", started_at=5000, model_inputs=("m-1",))
    consumers = facts(index(ORIGINAL, runs=(early, late)), ORIGINAL).consumers
    assert [(item.kind, item.name, item.since) for item in consumers] == [("run", "evaluate", 50)]


def test_aliases_are_those_that_point_to_this_version() -> None:
    other = ModelVersion("base", 2)
    found = index(ORIGINAL, other)
    assert facts(found, ORIGINAL).aliases == ("champion",)
    assert facts(found, other).aliases == ()


def test_runs_of_the_period_without_a_version_are_unregistered() -> None:
    period = Period("2026-Q3", 100, 200)
    runs = (
        Run("r1", started_at=150),
        Run("loose", started_at=150, params={"C": "1"}),
        Run("old", started_at=50),
    )
    (loose,) = index(ORIGINAL, runs=runs).unregistered(period)
    assert loose.run_id == "loose"
    assert not loose.params


def weights(content: str) -> Weights:
    return Weights("s3://m", True, sha256=content, files=(ArtifactFile("m.pkl", 1, content, ""),))


def test_the_first_sight_is_the_baseline_of_all_later_ones(tmp_path: Path) -> None:
    ledger = Ledger(f"sqlite:///{tmp_path}/ledger.db")
    first = with_baseline({"s3://m": weights("a")}, ledger, now=500, as_of=400)["s3://m"]
    assert (first.first_seen_at, first.first_sha256, first.watched) == (500, "a", False)
    again = with_baseline({"s3://m": weights("b")}, ledger, now=900, as_of=800)["s3://m"]
    assert (again.first_seen_at, again.first_sha256, again.watched) == (500, "a", True)
    assert again.changed_files == ("m.pkl",)


def test_files_that_came_went_or_changed_are_told_apart(tmp_path: Path) -> None:
    def of(**contents: str) -> dict[str, Weights]:
        files = tuple(ArtifactFile(path, 1, sha, "") for path, sha in contents.items())
        return {"s3://m": Weights("s3://m", True, sha256=str(contents), files=files)}

    ledger = Ledger(f"sqlite:///{tmp_path}/ledger.db")
    with_baseline(of(kept="a", other="b", gone="c"), ledger, now=500, as_of=400)
    again = with_baseline(of(kept="a", other="B", new="d"), ledger, now=900, as_of=800)["s3://m"]
    assert again.changed_files == ("gone", "new", "other")
    assert (again.added_files, again.removed_files) == (("new",), ("gone",))
    assert again.changes == ("gone (removed)", "new (added)", "other")


def test_unreadable_weights_make_no_baseline(tmp_path: Path) -> None:
    ledger = Ledger(f"sqlite:///{tmp_path}/ledger.db")
    lost = Weights("s3://m", reason="access denied")
    assert with_baseline({"s3://m": lost}, ledger, now=500, as_of=400)["s3://m"] == lost
    found = with_baseline({"s3://m": weights("a")}, ledger, now=900, as_of=800)["s3://m"]
    assert found.first_seen_at == 900
    gone = with_baseline({"s3://m": lost}, ledger, now=990, as_of=950)["s3://m"]
    assert gone.first_sha256 == "a"
    assert gone.changed_files == ()
