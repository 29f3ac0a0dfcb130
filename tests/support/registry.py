"""A real MLflow registry with every shape of version that the readers must cope with.

Written through MLflow's own client into a database, never by SQL: what MLflow itself does
by SQL only (``mlflow gc``) goes through its store.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HOSTILE = "größe=1+1 <script>alert('x')<b> {{7*7}} \u202e\"q\" a%b"
"""A model name with everything that MLflow allows and that hurts elsewhere."""

FILES = {
    "MLmodel": b"artifact_path: model\nsignature:\n"
    b'  inputs: \'[{"type": "double", "name": "x", "required": true}]\'\n'
    b'  outputs: \'[{"type": "double", "required": true}]\'\n  params: null\n',
    "model.pkl": bytes(range(256)) * 8,
    "requirements.txt": b"mlflow==3.17.2\nscikit-learn>=1.5\n",
    "python_env.yaml": b"python: 3.11.7\nbuild_dependencies:\n- pip==24.0\n"
    b"dependencies:\n- -r requirements.txt\n",
    "data/vocabulary.txt": "zwölf\r\nBoxkämpfer\r\n".encode(),
}
"""The artifacts of a logged model: text with CR LF, a folder, binary bytes."""


@dataclass(slots=True)
class World:
    """Where the registry is, and the ids of what stands in it."""

    uri: str
    artifacts: Path
    experiment: str = ""
    runs: dict[str, str] = field(default_factory=dict)
    logged_models: dict[str, str] = field(default_factory=dict)


@contextlib.contextmanager
def mlflow_at(uri: str) -> Iterator[Any]:
    """Yield an ``MlflowClient`` with MLflow's process-wide addresses at ``uri`` meanwhile."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlflow

        before = mlflow.get_tracking_uri(), mlflow.get_registry_uri()
        mlflow.set_tracking_uri(uri)
        mlflow.set_registry_uri(uri)
        try:
            yield mlflow.MlflowClient()
        finally:
            mlflow.set_tracking_uri(before[0])
            mlflow.set_registry_uri(before[1])
            # MLflow hands its addresses on to child processes by these variables.
            for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"):
                os.environ.pop(name, None)


def log_model(client: Any, run: str, files: Mapping[str, bytes] = FILES) -> str:
    """Return the id of a finished logged model of ``run``, with ``files`` as its artifacts."""
    from mlflow.entities import LoggedModelOutput

    model = client.create_logged_model(
        client.get_run(run).info.experiment_id,
        name="model",
        source_run_id=run,
        params={"depth": "3"},
        tags={"team": "risk"},
        model_type="sklearn",
    )
    with tempfile.TemporaryDirectory() as folder:
        for path, data in files.items():
            target = Path(folder) / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        client.log_model_artifacts(model.model_id, folder)
    client.finalize_logged_model(model.model_id, "READY")
    client.log_outputs(run, models=[LoggedModelOutput(model.model_id, step=0)])
    return str(model.model_id)


def build(uri: str, folder: Path) -> World:
    """Return a new registry at ``uri`` (an empty database), artifacts below ``folder``."""
    world = World(uri=uri, artifacts=folder / "artifacts")
    with mlflow_at(uri) as client:
        world.experiment = client.create_experiment("training", f"file://{world.artifacts}")
        _training(client, world)
        _versions(client, world)
        _copies(client, world)
        _deletions(client, world)
        _prompts(client, world)
        _consumers(client, world)
    return world


def _new_run(client: Any, world: World, name: str) -> str:
    """Create a finished run with parameters, metrics, tags and two data sets."""
    from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag

    run = client.create_run(world.experiment, run_name=name, start_time=1_760_000_000_000)
    run_id = str(run.info.run_id)
    world.runs[name] = run_id
    client.log_batch(
        run_id,
        metrics=[
            Metric("accuracy", 0.9, 1, 1),
            Metric("accuracy", 0.95, 2, 2),
            Metric("nothing", float("nan"), 1, 0),
            Metric("endless", float("inf"), 1, 0),
        ],
        params=[Param("C", "0.5"), Param("kernel", "großer Kern")],
        tags=[RunTag("mlflow.source.git.commit", "a" * 40), RunTag("mlflow.user", "alice")],
    )
    data = Dataset("customers", "1a2b3c4d", "local", '{"uri": "data/raw.csv"}', "{}", "{}")
    client.log_inputs(
        run_id,
        [
            DatasetInput(data, [InputTag("mlflow.data.context", "training")]),
            DatasetInput(Dataset("holdout", "99aa88bb", "local", "{}")),
        ],
    )
    client.set_terminated(run_id, end_time=1_760_000_060_000)
    return run_id


def _training(client: Any, world: World) -> None:
    """Create a run with a logged model for each version that has one."""
    for name in ("first", "second", "third", "fourth", "forgotten"):
        world.logged_models[name] = log_model(client, _new_run(client, world, name))
    for name in ("lost", "binned", "old", "old-deleted"):
        _new_run(client, world, name)
    client.create_run(world.experiment, run_name="running", tags={"note": "=cmd|' /C calc'!A0"})


def _versions(client: Any, world: World) -> None:
    """Register ``churn`` in each of the ways that MLflow knows."""
    import mlflow

    client.create_registered_model("churn", tags={"owner": "carol"}, description="Who leaves?")
    mlflow.register_model(f"models:/{world.logged_models['first']}", "churn")
    mlflow.register_model(f"runs:/{world.runs['second']}/model", "churn")
    client.create_model_version(
        "churn", f"models:/{world.logged_models['third']}", tags={"note": ""}, description="third"
    )
    mlflow.register_model(f"models:/{world.logged_models['fourth']}", "churn")
    outside = world.artifacts.parent / "outside"
    outside.mkdir(parents=True)
    (outside / "model.bin").write_bytes(b"not of any run")
    client.create_model_version("churn", f"file://{outside}")
    client.create_model_version("churn", "s3://bucket/model", run_id="f" * 32)
    client.create_model_version("churn", "s3://bucket/lost", run_id=world.runs["lost"])
    client.create_model_version("churn", "s3://bucket/binned", run_id=world.runs["binned"])
    for name in ("old", "old-deleted"):
        root = client.get_run(world.runs[name]).info.artifact_uri
        client.log_text(world.runs[name], "weights", "model/model.txt")
        client.create_model_version("churn", f"{root}/model", run_id=world.runs[name])
    client.create_model_version(
        "churn", f"runs:/{world.runs['old']}/model", run_id=world.runs["old"]
    )
    client.set_registered_model_alias("churn", "champion", 1)
    client.set_registered_model_alias("churn", "é", 3)
    client.set_registered_model_alias("churn", "previous", 4)
    client.set_model_version_tag("churn", "1", "approved", "yes")
    client.transition_model_version_stage("churn", "2", "Staging")
    client.create_registered_model(HOSTILE, tags={"a/b: c": "=1+1<b>"}, description="a" * 5000)
    client.create_model_version(HOSTILE, "whatever garbage", description="${jndi:x}\x07")


def _copies(client: Any, world: World) -> None:
    """Promote by copying: a copy, a copy of that, and one whose run MLflow leaves out."""
    import mlflow

    client.copy_model_version("models:/churn/1", "staging")
    client.copy_model_version("models:/staging/1", "production")
    mlflow.register_model("models:/churn/3", "shadow")
    client.create_registered_model("old name")
    client.create_model_version("old name", f"models:/{world.logged_models['second']}")
    client.copy_model_version("models:/old name/1", "production")
    client.rename_registered_model("old name", "new name")


def _deletions(client: Any, world: World) -> None:
    """Delete versions, a model, runs (one for good), a logged model and an experiment."""
    client.delete_model_version("churn", "4")
    client.delete_model_version("churn", "10")
    client.create_registered_model("abandoned")
    client.create_model_version("abandoned", f"models:/{world.logged_models['forgotten']}")
    client.copy_model_version("models:/abandoned/1", "production")
    client.delete_registered_model("abandoned")
    client.delete_run(world.runs["binned"])
    client.delete_run(world.runs["lost"])
    client._tracking_client.store._hard_delete_run(world.runs["lost"])
    other = client.create_experiment("closed", f"file://{world.artifacts}/closed")
    world.runs["closed"] = str(client.create_run(other, run_name="closed").info.run_id)
    closed = log_model(client, world.runs["closed"])
    world.logged_models["closed"] = closed
    client.create_registered_model("closed model")
    client.create_model_version("closed model", f"models:/{closed}")
    client.delete_experiment(other)
    client.delete_logged_model(world.logged_models["forgotten"])
    client.delete_logged_model(world.logged_models["third"])


def _prompts(client: Any, world: World) -> None:
    """Register a prompt, and a model that was given a prompt's tag to hide it."""
    client.register_prompt("greeting", "Hello {{name}}")
    client.create_registered_model("hidden")
    client.create_model_version("hidden", f"models:/{world.logged_models['first']}")
    client.set_model_version_tag("hidden", "1", "mlflow.prompt.is_prompt", "true")
    client.set_registered_model_tag("hidden", "mlflow.prompt.is_prompt", "true")


def _consumers(client: Any, world: World) -> None:
    """Evaluate the first logged model in a run of its own, and let it answer three requests."""
    import mlflow
    from mlflow.entities import LoggedModelInput

    run = client.create_run(world.experiment, run_name="evaluation")
    world.runs["evaluation"] = str(run.info.run_id)
    client.log_inputs(
        world.runs["evaluation"], models=[LoggedModelInput(world.logged_models["first"])]
    )
    client.log_param(world.runs["evaluation"], "threshold", "0.3")
    client.set_terminated(world.runs["evaluation"])
    answered = {"mlflow.modelId": world.logged_models["first"]}
    for _ in range(3):
        mlflow.start_span_no_context(
            "predict", experiment_id=world.experiment, metadata=answered
        ).end()
    mlflow.flush_trace_async_logging()
