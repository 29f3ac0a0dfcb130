"""The registry read straight from MLflow's database: complete, consistent, fast.

A fixed number of queries reads every table once; only the parameters and metrics are
asked for by run. They are kept for the runs that a version or logged model came from
and for those that used one. Of all other runs (sweeps, failed attempts) only what tells
them apart is kept, as nothing in a report depends on their parameters.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from audit.errors import UsageError
from audit.facts import (
    DatasetInput,
    LoggedModel,
    ModelVersion,
    RegisteredModel,
    Registry,
    Run,
)
from audit.sources.registry.assemble import assemble, finite, runs_in_use
from audit.sources.registry.database import Snapshot, snapshot
from audit.sources.registry.sql_traces import traces
from audit.sources.uris import redact_uri

_TABLES: dict[str, tuple[str, ...]] = {
    "alembic_version": ("version_num",),
    "registered_models": (
        "workspace", "name", "creation_time", "last_updated_time", "description",
    ),
    "registered_model_tags": ("workspace", "name", "key", "value"),
    "registered_model_aliases": ("workspace", "name", "alias", "version"),
    "model_versions": (
        "workspace", "name", "version", "creation_time", "last_updated_time", "description",
        "user_id", "current_stage", "source", "storage_location", "run_id", "run_link", "status",
        "status_message",
    ),
    "model_version_tags": ("workspace", "name", "version", "key", "value"),
    "experiments": ("experiment_id", "name"),
    "runs": (
        "run_uuid", "name", "experiment_id", "user_id", "status", "start_time", "end_time",
        "lifecycle_stage", "deleted_time", "artifact_uri",
    ),
    "tags": ("run_uuid", "key", "value"),
    "params": ("run_uuid", "key", "value"),
    "latest_metrics": ("run_uuid", "key", "value", "is_nan"),
    "datasets": (
        "dataset_uuid", "name", "digest", "dataset_source_type", "dataset_source",
        "dataset_schema", "dataset_profile",
    ),
    "inputs": ("input_uuid", "source_type", "source_id", "destination_type", "destination_id"),
    "input_tags": ("input_uuid", "name", "value"),
    "logged_models": (
        "model_id", "experiment_id", "name", "artifact_location", "creation_timestamp_ms",
        "last_updated_timestamp_ms", "status", "lifecycle_stage", "model_type", "source_run_id",
    ),
    "logged_model_params": ("model_id", "param_key", "param_value"),
    "logged_model_tags": ("model_id", "tag_key", "tag_value"),
    "trace_info": ("request_id", "timestamp_ms"),
    "trace_request_metadata": ("request_id", "key", "value"),
}  # fmt: skip

_REGISTRY = (
    "alembic_version",
    "registered_models",
    "registered_model_tags",
    "registered_model_aliases",
    "model_versions",
    "model_version_tags",
)
"""The tables that tell the registry's state; the others tell of runs."""

_NOT_YET: tuple[tuple[str, str, str], ...] = (
    ("model_version_tags", "", "tags of versions"),
    ("registered_model_aliases", "", "aliases"),
    ("model_versions", "storage_location", "storage locations of versions"),
    ("runs", "deleted_time", "times at which runs were deleted"),
    ("datasets", "", "data sets of runs"),
    ("logged_models", "", "logged models, and which runs used a model"),
    ("trace_request_metadata", "", "traces, and which logged model answered each"),
)
"""Table, column (or the whole table) and what a schema without it does not record."""

_LOGGED_MODEL_STATUS = {1: "PENDING", 2: "READY", 3: "FAILED"}


class SqlReader:
    """Reads SQLite, PostgreSQL and MySQL registries of any MLflow version."""

    name = "sql"

    def __init__(self, uri: str) -> None:
        self._uri = uri

    def read(self) -> Registry:
        """Return the whole registry of all workspaces, as it was at one moment.

        Raises ``UsageError`` if the database cannot be reached or is not MLflow's,
        ``SourceError`` if it fails while it is read.
        """
        with self._view(_TABLES) as view:
            registry = assemble(
                replace(
                    self._models(view),
                    blind_spots=_blind_spots(view),
                    runs=_runs(view),
                    logged_models=_logged_models(view),
                    traces=traces(view),
                )
            )
            _fill(view, registry)
        return registry

    def read_models(self) -> Registry:
        """Return models and versions of all workspaces, as they were at one moment.

        Raises as ``read`` does.
        """
        with self._view({name: _TABLES[name] for name in _REGISTRY}) as view:
            registry = self._models(view)
        return assemble(registry)

    @contextmanager
    def _view(self, tables: Mapping[str, tuple[str, ...]]) -> Iterator[Snapshot]:
        with snapshot(self._uri, tables) as view:
            if not {"name", "version", "current_stage"} <= view.columns.get(
                "model_versions", set()
            ):
                raise UsageError(
                    "this database holds no MLflow model registry",
                    where=redact_uri(self._uri),
                    remedy="Point registry.uri at the backend store of the MLflow server",
                )
            yield view

    def _models(self, view: Snapshot) -> Registry:
        return Registry(
            uri=redact_uri(self._uri),
            reader=self.name,
            schema_version="".join(row.version_num for row in view.rows("alembic_version")),
            models=_models(view),
            versions=_versions(view),
        )


def _blind_spots(view: Snapshot) -> tuple[str, ...]:
    return tuple(
        f"This registry's schema is of an older MLflow and does not record {what}."
        for table, column, what in _NOT_YET
        if table not in view.columns or (column and column not in view.columns[table])
    )


def _models(view: Snapshot) -> tuple[RegisteredModel, ...]:
    tags: Mapping[Any, dict[str, str]] = defaultdict(dict)
    for workspace, name, key, value in view.rows("registered_model_tags"):
        tags[_space(workspace), name][key] = _text(value)
    aliases: Mapping[Any, dict[str, int]] = defaultdict(dict)
    for workspace, name, alias, version in view.rows("registered_model_aliases"):
        aliases[_space(workspace), name][alias] = int(version)
    return tuple(
        RegisteredModel(
            name=name,
            workspace=_space(workspace),
            created_at=_time(created),
            updated_at=_time(updated),
            description=_text(description),
            tags=_sorted(tags[_space(workspace), name]),
            aliases=_sorted(aliases[_space(workspace), name]),
        )
        for workspace, name, created, updated, description in view.rows("registered_models")
    )


def _versions(view: Snapshot) -> tuple[ModelVersion, ...]:
    tags: Mapping[Any, dict[str, str]] = defaultdict(dict)
    for workspace, name, version, key, value in view.rows("model_version_tags"):
        tags[_space(workspace), name, version][key] = _text(value)
    return tuple(
        ModelVersion(
            model=row.name,
            version=int(row.version),
            workspace=_space(row.workspace),
            created_at=_time(row.creation_time),
            updated_at=_time(row.last_updated_time),
            description=_text(row.description),
            created_by=_text(row.user_id),
            stage=_text(row.current_stage),
            source=_text(row.source),
            storage_location=_text(row.storage_location),
            run_id=_text(row.run_id),
            run_link=_text(row.run_link),
            status=_text(row.status),
            status_message=_text(row.status_message),
            tags=_sorted(tags[_space(row.workspace), row.name, row.version]),
        )
        for row in view.rows("model_versions")
    )


def _runs(view: Snapshot) -> tuple[Run, ...]:
    """Return all runs, still without parameters and metrics."""
    experiments = {row.experiment_id: _text(row.name) for row in view.rows("experiments")}
    tags: Mapping[str, dict[str, str]] = defaultdict(dict)
    for run_id, key, value in view.rows("tags"):
        tags[run_id][key] = _text(value)
    datasets = _dataset_inputs(view)
    inputs = _links(view, "RUN_INPUT", "MODEL_INPUT")
    outputs = _links(view, "RUN_OUTPUT", "MODEL_OUTPUT")
    return tuple(
        Run(
            run_id=row.run_uuid,
            name=_text(row.name) or tags[row.run_uuid].get("mlflow.runName", ""),
            experiment_id=_text(row.experiment_id),
            experiment=experiments.get(row.experiment_id, ""),
            user=_text(row.user_id),
            status=_text(row.status),
            started_at=_time(row.start_time),
            ended_at=_time(row.end_time),
            lifecycle=_text(row.lifecycle_stage) or "active",
            deleted_at=_time(row.deleted_time),
            artifact_uri=_text(row.artifact_uri),
            tags=_sorted(tags[row.run_uuid]),
            datasets=tuple(datasets.get(row.run_uuid, ())),
            model_inputs=tuple(sorted(inputs.get(row.run_uuid, ()))),
            model_outputs=tuple(sorted(outputs.get(row.run_uuid, ()))),
        )
        for row in view.rows("runs")
    )


def _links(view: Snapshot, source: str, destination: str) -> dict[str, list[str]]:
    """Return run id to logged model ids, of one kind of link in the table ``inputs``."""
    found: dict[str, list[str]] = defaultdict(list)
    kinds = {"source_type": [source], "destination_type": [destination]}
    for row in view.rows("inputs", where=kinds):
        found[row.source_id].append(row.destination_id)
    return found


def _dataset_inputs(view: Snapshot) -> dict[str, list[DatasetInput]]:
    """Return run id to its data sets, sorted. One object per data set and context."""
    contexts = {
        row.input_uuid: _text(row.value)
        for row in view.rows("input_tags", where={"name": ["mlflow.data.context"]})
    }
    known = {row.dataset_uuid: row for row in view.rows("datasets")}
    made: dict[tuple[str, str], DatasetInput] = {}
    found: dict[str, list[DatasetInput]] = defaultdict(list)
    kinds = {"source_type": ["DATASET"], "destination_type": ["RUN"]}
    for link in view.rows("inputs", where=kinds):
        row = known.get(link.source_id)
        if row is None:
            continue
        key = (link.source_id, contexts.get(link.input_uuid, ""))
        if key not in made:
            made[key] = DatasetInput(
                name=_text(row.name),
                digest=_text(row.digest),
                source_type=_text(row.dataset_source_type),
                source=_text(row.dataset_source),
                schema=_text(row.dataset_schema),
                profile=_text(row.dataset_profile),
                context=key[1],
            )
        found[link.destination_id].append(made[key])
    for datasets in found.values():
        datasets.sort(key=lambda item: (item.name, item.digest, item.context))
    return found


def _logged_models(view: Snapshot) -> tuple[LoggedModel, ...]:
    params: Mapping[str, dict[str, str]] = defaultdict(dict)
    for model_id, key, value in view.rows("logged_model_params"):
        params[model_id][key] = _text(value)
    tags: Mapping[str, dict[str, str]] = defaultdict(dict)
    for model_id, key, value in view.rows("logged_model_tags"):
        tags[model_id][key] = _text(value)
    return tuple(
        LoggedModel(
            model_id=row.model_id,
            experiment_id=_text(row.experiment_id),
            name=_text(row.name),
            artifact_location=_text(row.artifact_location),
            created_at=_time(row.creation_timestamp_ms),
            updated_at=_time(row.last_updated_timestamp_ms),
            status=_LOGGED_MODEL_STATUS.get(row.status, ""),
            lifecycle=_text(row.lifecycle_stage) or "active",
            model_type=_text(row.model_type),
            source_run_id=_text(row.source_run_id),
            params=_sorted(params[row.model_id]),
            tags=_sorted(tags[row.model_id]),
        )
        for row in view.rows("logged_models")
    )


def _fill(view: Snapshot, registry: Registry) -> None:
    """Put parameters and metrics on the runs in use, in key order."""
    used = sorted(runs_in_use(registry.versions, registry.logged_models, registry.runs))
    runs = {run.run_id: run for run in registry.runs}
    params: Mapping[str, dict[str, str]] = defaultdict(dict)
    for run_id, key, value in view.rows_of("params", "run_uuid", used):
        params[run_id][key] = _text(value)
    metrics: Mapping[str, dict[str, float]] = defaultdict(dict)
    for run_id, key, value, is_nan in view.rows_of("latest_metrics", "run_uuid", used):
        if not is_nan and finite(value):
            metrics[run_id][key] = float(value)
    for run_id in used:
        if run_id in runs:
            runs[run_id].params.update(_sorted(params[run_id]))
            runs[run_id].metrics.update(_sorted(metrics[run_id]))


def _space(workspace: str | None) -> str:
    return workspace or "default"


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _time(value: object) -> int | None:
    return None if value is None else int(str(value))


def _sorted(items: dict[str, Any]) -> dict[str, Any]:
    return dict(sorted(items.items()))
