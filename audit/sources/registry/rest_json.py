"""MLflow's REST answers (the JSON form of its protocol buffers) as facts.

64-bit integers may come as numbers or strings; an empty field is left out or ``""``;
not-a-number comes as ``"NaN"``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from audit.facts import DatasetInput, LoggedModel, ModelVersion, RegisteredModel, Run
from audit.sources.registry.assemble import finite

Json = Mapping[str, Any]

_STATUS = {
    "LOGGED_MODEL_PENDING": "PENDING",
    "LOGGED_MODEL_READY": "READY",
    "LOGGED_MODEL_UPLOAD_FAILED": "FAILED",
}


def registered_model(item: Json, workspace: str) -> RegisteredModel:
    """Return a registered model of a search; aliases stand with the model only."""
    aliases = {alias["alias"]: int(alias["version"]) for alias in item.get("aliases", ())}
    return RegisteredModel(
        name=item["name"],
        workspace=workspace,
        created_at=_time(item, "creation_timestamp"),
        updated_at=_time(item, "last_updated_timestamp"),
        description=item.get("description", ""),
        tags=_pairs(item.get("tags", ())),
        aliases=dict(sorted(aliases.items())),
    )


def version(item: Json, workspace: str) -> ModelVersion:
    """Return a model version of a search, still without storage location."""
    return ModelVersion(
        model=item["name"],
        version=int(item["version"]),
        workspace=workspace,
        created_at=_time(item, "creation_timestamp"),
        updated_at=_time(item, "last_updated_timestamp"),
        description=item.get("description", ""),
        created_by=item.get("user_id", ""),
        stage=item.get("current_stage", ""),
        source=item.get("source", ""),
        run_id=item.get("run_id", ""),
        run_link=item.get("run_link", ""),
        status=item.get("status", ""),
        status_message=item.get("status_message", ""),
        tags=_pairs(item.get("tags", ())),
    )


def run(item: Json, experiments: Mapping[str, str]) -> Run:
    """Return a run of a search; ``experiments`` gives names by id."""
    info, data = item["info"], item.get("data", {})
    tags = _pairs(data.get("tags", ()))
    metrics = {
        metric["key"]: float(metric["value"])
        for metric in data.get("metrics", ())
        if finite(float(metric.get("value", "nan")))
    }
    return Run(
        run_id=info["run_id"],
        name=info.get("run_name", "") or tags.get("mlflow.runName", ""),
        experiment_id=info.get("experiment_id", ""),
        experiment=experiments.get(info.get("experiment_id", ""), ""),
        user=info.get("user_id", ""),
        status=info.get("status", ""),
        started_at=_time(info, "start_time"),
        ended_at=_time(info, "end_time"),
        lifecycle=info.get("lifecycle_stage", "") or "active",
        artifact_uri=info.get("artifact_uri", ""),
        params=_pairs(data.get("params", ())),
        metrics=dict(sorted(metrics.items())),
        tags=tags,
        datasets=_datasets(item.get("inputs", {})),
        model_inputs=model_inputs(item),
        model_outputs=_model_ids(item.get("outputs", {}).get("model_outputs", ())),
    )


def model_inputs(item: Json) -> tuple[str, ...]:
    """Return the ids of the logged models that a run used: only ``runs/get`` has them."""
    return _model_ids(item.get("inputs", {}).get("model_inputs", ()))


def logged_model(item: Json) -> LoggedModel:
    """Return a logged model of a search or of a single answer."""
    info = item["info"]
    return LoggedModel(
        model_id=info["model_id"],
        experiment_id=info.get("experiment_id", ""),
        name=info.get("name", ""),
        artifact_location=info.get("artifact_uri", ""),
        created_at=_time(info, "creation_timestamp_ms"),
        updated_at=_time(info, "last_updated_timestamp_ms"),
        status=_STATUS.get(info.get("status", ""), ""),
        model_type=info.get("model_type", ""),
        source_run_id=info.get("source_run_id", ""),
        params=_pairs(item.get("data", {}).get("params", ())),
        tags=_pairs(info.get("tags", ())),
    )


def metric_runs(item: Json) -> set[str]:
    """Return the ids of the runs that logged a metric on a logged model."""
    metrics = item.get("data", {}).get("metrics", ())
    return {metric["run_id"] for metric in metrics if metric.get("run_id")}


def _datasets(inputs: Json) -> tuple[DatasetInput, ...]:
    found = []
    for item in inputs.get("dataset_inputs", ()):
        dataset = item.get("dataset", {})
        found.append(
            DatasetInput(
                name=dataset.get("name", ""),
                digest=dataset.get("digest", ""),
                source_type=dataset.get("source_type", ""),
                source=dataset.get("source", ""),
                schema=dataset.get("schema", ""),
                profile=dataset.get("profile", ""),
                context=_pairs(item.get("tags", ())).get("mlflow.data.context", ""),
            )
        )
    return tuple(sorted(found, key=lambda data: (data.name, data.digest, data.context)))


def _model_ids(items: Any) -> tuple[str, ...]:
    return tuple(sorted(item["model_id"] for item in items))


def _pairs(items: Any) -> dict[str, str]:
    """Return a list of ``key`` and ``value`` objects as a mapping in key order."""
    return dict(sorted((item["key"], item.get("value", "")) for item in items))


def _time(item: Json, key: str) -> int | None:
    """Return a time; the protocol's zero is "none"."""
    return int(item[key]) or None if key in item else None
