import pytest

from audit.facts import LoggedModel, ModelVersion, RegisteredModel, Registry, Run
from audit.sources.registry.assemble import (
    DELETED_STAGE,
    NO_RUNS,
    PROMPT_TAG,
    assemble,
    logged_model_id,
)

MODEL = "m-" + "a" * 32
RUN = "b" * 32


def registry(*versions: ModelVersion, **other: tuple[object, ...]) -> Registry:
    models = other.pop("models", (RegisteredModel("churn"),))
    return Registry("sqlite:///x", "sql", models=models, versions=versions, **other)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("source", "location", "expected"),
    [
        (f"models:/{MODEL}", "", MODEL),
        (f"models:///{MODEL}", "", MODEL),
        (f"models:/{MODEL}/1", "", ""),
        ("models:/churn/1", f"s3://b/1/models/{MODEL}/artifacts", MODEL),
        ("", f"/srv/1/models/{MODEL}/artifacts/", MODEL),
        ("", f"/srv/1/models/{MODEL}", ""),
        ("", f"/srv/models/{MODEL}x/artifacts", ""),
        (f"evil models:/{MODEL}", "", ""),
        ("", "", ""),
    ],
)
def test_logged_model_id(source: str, location: str, expected: str) -> None:
    assert logged_model_id(source, location) == expected


def test_a_tombstone_gets_its_lineage_back_from_the_storage_location() -> None:
    dead = ModelVersion(
        "churn",
        2,
        stage=DELETED_STAGE,
        source="REDACTED-SOURCE-PATH",
        run_id="REDACTED-RUN-ID",
        run_link="REDACTED-RUN-LINK",
        storage_location=f"/srv/1/models/{MODEL}/artifacts",
        updated_at=7,
    )
    read = registry(dead, logged_models=(LoggedModel(MODEL, source_run_id=RUN),), runs=(Run(RUN),))
    (version,) = assemble(read).versions
    assert version.deleted
    assert version.deleted_at == 7
    assert (version.source, version.run_link, version.stage) == ("", "", "")
    assert (version.logged_model_id, version.run_id) == (MODEL, RUN)


@pytest.mark.parametrize(("root", "found"), [(f"/srv/1/{RUN}/artifacts", RUN), ("/other", "")])
def test_a_tombstone_of_mlflow_2_gets_its_run_back_only_if_the_run_agrees(
    root: str, found: str
) -> None:
    dead = ModelVersion(
        "churn", 1, stage=DELETED_STAGE, storage_location=f"/srv/1/{RUN}/artifacts/model"
    )
    read = registry(dead, runs=(Run(RUN, artifact_uri=root),))
    assert assemble(read).versions[0].run_id == found


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (f"runs:/{RUN}/model", "/srv/run/model"),
        (f"runs:/{RUN}/../../etc", f"runs:/{RUN}/../../etc"),
        (f"runs:/{'c' * 32}/model", f"runs:/{'c' * 32}/model"),
        ("models:/churn/1", ""),
        ("s3://bucket/model", "s3://bucket/model"),
    ],
)
def test_the_storage_location_is_where_the_bytes_are(source: str, expected: str) -> None:
    run = Run(RUN, artifact_uri="/srv/run/")
    read = registry(ModelVersion("churn", 1, source=source), runs=(run,))
    assert assemble(read).versions[0].storage_location == expected


def test_a_prompt_is_left_out_and_a_model_dressed_as_one_is_not() -> None:
    tags = {PROMPT_TAG: "true"}
    models = tuple(RegisteredModel(name, tags=tags) for name in ("greeting", "empty", "churn"))
    read = registry(
        ModelVersion("greeting", 1, source="dummy-source", storage_location="dummy-source"),
        ModelVersion("greeting", 2, stage=DELETED_STAGE, source="REDACTED-SOURCE-PATH"),
        ModelVersion("churn", 1, source="dummy-source", storage_location="s3://bucket/model"),
        models=models,
    )
    done = assemble(read)
    assert [model.name for model in done.models] == ["churn"]
    assert [version.model for version in done.versions] == ["churn"]


def test_only_runs_in_use_keep_parameters() -> None:
    values = {"params": {"C": "1"}, "metrics": {"a": 1.0}}
    runs = (
        Run("z" * 32, **values),  # type: ignore[arg-type]
        Run("m" * 32, **values, model_inputs=(MODEL,)),  # type: ignore[arg-type]
        Run(RUN, **values),  # type: ignore[arg-type]
    )
    done = assemble(registry(ModelVersion("churn", 1, run_id=RUN), runs=runs))
    assert [run.run_id[0] for run in done.runs] == ["b", "m", "z"]
    assert [bool(run.params and run.metrics) for run in done.runs] == [True, True, False]


def test_sorted_by_workspace_name_and_number() -> None:
    versions = [ModelVersion("b", 10), ModelVersion("b", 9), ModelVersion("a", 1, workspace="x")]
    assert [version.key for version in assemble(registry(*versions)).versions] == [
        "b/9",
        "b/10",
        "x:a/1",
    ]


def test_runs_that_are_tracked_elsewhere_are_a_blind_spot() -> None:
    version = ModelVersion("churn", 1, run_id=RUN)
    assert assemble(registry(version)).blind_spots == (NO_RUNS,)
    assert assemble(registry(version, runs=(Run("c" * 32),))).blind_spots == ()


def test_addresses_in_tags_lose_their_secrets() -> None:
    tags = {
        "mlflow.source.git.repoURL": "https://alice:s3cret@git.example.org/risk/churn.git",
        "mlflow.source.name": "https://t0ken@git.example.org/risk/churn#train",
        "note": "https://alice:mine@example.org",
    }
    read = registry(runs=(Run(RUN, tags=tags),), logged_models=(LoggedModel(MODEL, tags=tags),))
    found = assemble(read)
    for item in (*found.runs, *found.logged_models):
        assert item.tags["mlflow.source.git.repoURL"].endswith("@git.example.org/risk/churn.git")
        assert "s3cret" not in str(item.tags)
        assert "t0ken" not in str(item.tags)
        assert item.tags["note"] == tags["note"]
