"""The registry read through an MLflow server: bulk searches in a fixed order.

What REST has no bulk query for is asked in eight threads, and only where it must be:
the storage location of copies, deleted logged models that a version names, and the
models that a run used. MLflow leaves the last out of every search; up to ``ASK_RUNS``
runs are asked one by one, those first that are likeliest to have used one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar

from audit.errors import SourceError
from audit.facts import LoggedModel, ModelVersion, RegisteredModel, Registry, Run
from audit.sources.registry import rest_json
from audit.sources.registry.assemble import PROMPT_TAG, assemble, logged_model_id
from audit.sources.registry.http import THREADS, MissingError, Server
from audit.sources.registry.rest_traces import traces
from audit.sources.uris import redact_uri

T = TypeVar("T")
R = TypeVar("R")

ASK_RUNS = 400
"""At most so many runs are asked for the models that they used."""

BLIND_SPOTS = (
    "Read through the server's REST interface: deleted versions (tombstones) cannot be seen.",
    "Logged models that were deleted are seen only where a version names them.",
    "The time at which a run was deleted cannot be seen.",
    "What the account may not see is not here: the server leaves it out without a word.",
    "Where one version of a model carries MLflow's prompt tag, the others may be hidden.",
    "The reading is not of one moment; models and versions were read twice and compared.",
)
"""What no REST reading can see: each a sentence for the report."""

CHANGED = "The registry was being changed while it was read: parts of it may not fit together."
NO_LOGGED_MODELS = "This server is older than logged models (MLflow 3) and records none."
_SOME_RUNS = (
    "{asked} of {all} runs were asked for the models that they used: REST has no bulk query "
    "for it, and what the other runs used is not seen."
)

_API = "/api/2.0/mlflow"
_READINGS = 3
_EXPERIMENTS = 500
"""Experiments per search of runs or logged models."""


class RestReader:
    """Reads the registry behind an ``http(s)`` MLflow server."""

    name = "rest"

    def __init__(self, uri: str) -> None:
        self._uri = uri

    def read(self) -> Registry:
        """Return the registry as far as REST and the account can see it.

        Raises ``UsageError`` if the server cannot be reached, refuses the account or is
        not MLflow's, ``SourceError`` if it fails on the way.
        """
        return self._asked(_read)

    def read_models(self) -> Registry:
        """Return models and versions as far as REST and the account can see them.

        Raises as ``read`` does.
        """
        return self._asked(_read_models)

    def _asked(self, read: Callable[[Server, str], Registry]) -> Registry:
        with Server(self._uri) as server:
            try:
                return assemble(read(server, redact_uri(self._uri)))
            except MissingError as error:
                raise server.not_mlflow() from error
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise SourceError(
                    f"the server's answer is not in MLflow's form ({error!r})",
                    where=redact_uri(self._uri),
                ) from error


def _read_models(server: Server, shown: str) -> Registry:
    """Read until two readings in a row are the same, as nothing changed between them."""
    spaces = _workspaces(server)
    before = _registered(server, spaces)
    blind_spots = [*BLIND_SPOTS]
    for _ in range(_READINGS):
        models, versions = _registered(server, spaces)
        if (models, versions) == before:
            break
        before = models, versions
    else:
        blind_spots.append(CHANGED)
    return Registry(
        uri=shown,
        reader=RestReader.name,
        blind_spots=tuple(blind_spots),
        models=tuple(models),
        versions=tuple(versions),
    )


def _read(server: Server, shown: str) -> Registry:
    """Read again, a few times, until models and versions are the same before and after."""
    spaces = _workspaces(server)
    models, versions = _registered(server, spaces)
    for _ in range(_READINGS):
        reading = _Reading(server, spaces, versions)
        before = models, versions
        models, versions = _registered(server, spaces)
        if (models, versions) == before:
            break
    else:
        reading.blind_spots.append(CHANGED)
    return Registry(
        uri=shown,
        reader=RestReader.name,
        schema_version=_server_version(server),
        blind_spots=(*BLIND_SPOTS, *reading.blind_spots),
        models=tuple(before[0]),
        versions=tuple(reading.versions),
        runs=tuple(reading.runs.values()),
        logged_models=tuple(reading.logged_models.values()),
        traces=reading.traces,
    )


def _server_version(server: Server) -> str:
    try:
        found = re.match(r"\d+\.\d+[\w.+-]*", server.text("/version"))
    except MissingError:
        return ""
    return f"MLflow {found[0]}" if found else ""


def _workspaces(server: Server) -> list[str]:
    """Return the names of all workspaces, and have the server send each request to one."""
    try:
        server.workspaces = bool(
            server.get("/api/3.0/mlflow/server-info", {}).get("workspaces_enabled")
        )
    except MissingError:
        return ["default"]
    if not server.workspaces:
        return ["default"]
    answer = server.get("/api/3.0/mlflow/workspaces", {})
    return sorted(item["name"] for item in answer.get("workspaces", ()))


def _registered(
    server: Server, spaces: Sequence[str]
) -> tuple[list[RegisteredModel], list[ModelVersion]]:
    """Return all models and versions, also those that carry the tag of prompts."""
    models: dict[tuple[str, str], RegisteredModel] = {}
    versions: dict[tuple[str, str, int], ModelVersion] = {}
    # Paging by the default order (last update) loses rows when one is updated meanwhile.
    for space in spaces:
        for condition in ({}, {"filter": f"tags.`{PROMPT_TAG}` = 'true'"}):
            query = {"max_results": 1000, "order_by": ["name ASC"], **condition}
            for item in server.pages(
                "GET", f"{_API}/registered-models/search", "registered_models", query, space
            ):
                models[space, item["name"]] = rest_json.registered_model(item, space)
            query |= {"max_results": 5000, "order_by": ["name ASC", "version_number ASC"]}
            for item in server.pages(
                "GET", f"{_API}/model-versions/search", "model_versions", query, space
            ):
                version = rest_json.version(item, space)
                versions[space, version.model, version.version] = version
    return list(models.values()), list(versions.values())


class _Reading:
    """One pass over the runs and logged models, and what the versions need of them."""

    def __init__(
        self, server: Server, spaces: Sequence[str], versions: Sequence[ModelVersion]
    ) -> None:
        self._server = server
        self._spaces: dict[str, str] = {}
        """Run id to workspace."""
        self._searched: dict[str, list[str]] = {}
        """Workspace to its experiments."""
        self._foreign: set[str] = set()
        """Runs that logged a metric on a logged model of another run."""
        self.blind_spots: list[str] = []
        self.runs: dict[str, Run] = {}
        self.logged_models: dict[str, LoggedModel] = {}
        for space in spaces:
            experiments = self._experiments(space)
            self._searched[space] = list(experiments)
            for start in range(0, len(experiments), _EXPERIMENTS):
                ids = list(experiments)[start : start + _EXPERIMENTS]
                self._add_runs(ids, experiments, space)
                self._add_logged_models(ids, space)
        self._add_deleted_models(versions)
        self.versions = self._located(versions)
        self._add_deleted_models(self.versions)
        self._add_model_inputs()
        named = {logged_model_id(item.source, ""): item.workspace for item in self.versions}
        named = {model_id: named[model_id] for model_id in named if model_id in self.logged_models}
        self.traces, unseen = traces(server, named, self._searched)
        self.blind_spots += unseen

    def _experiments(self, space: str) -> dict[str, str]:
        """Return the names of all experiments by id, deleted ones as well."""
        query = {"view_type": "ALL", "max_results": 1000, "order_by": ["creation_time ASC"]}
        found = self._server.pages(
            "POST", f"{_API}/experiments/search", "experiments", query, space
        )
        return {item["experiment_id"]: item.get("name", "") for item in found}

    def _add_runs(self, ids: list[str], experiments: dict[str, str], space: str) -> None:
        query = {
            "experiment_ids": ids,
            "run_view_type": "ALL",
            "max_results": 1000,
            "order_by": ["attributes.start_time ASC"],
        }
        for item in self._server.pages("POST", f"{_API}/runs/search", "runs", query, space):
            run = rest_json.run(item, experiments)
            self.runs[run.run_id] = run
            self._spaces[run.run_id] = space

    def _add_logged_models(self, ids: list[str], space: str) -> None:
        query = {
            "experiment_ids": ids,
            "max_results": 5000,
            "order_by": [{"field_name": "creation_timestamp", "ascending": True}],
        }
        found = self._server.pages("POST", f"{_API}/logged-models/search", "models", query, space)
        try:
            for item in found:
                model = rest_json.logged_model(item)
                self.logged_models[model.model_id] = model
                self._foreign |= rest_json.metric_runs(item) - {model.source_run_id}
        except MissingError:
            if NO_LOGGED_MODELS not in self.blind_spots:
                self.blind_spots.append(NO_LOGGED_MODELS)

    def _add_deleted_models(self, versions: Sequence[ModelVersion]) -> None:
        """Ask for the logged models that versions name and the search does not return."""
        named = {
            (logged_model_id(version.source, version.storage_location), version.workspace)
            for version in versions
        }

        def ask(wanted: tuple[str, str]) -> LoggedModel:
            answer = self._server.get(
                f"{_API}/logged-models/{wanted[0]}", {"allow_deleted": "true"}, wanted[1]
            )
            return replace(rest_json.logged_model(answer["model"]), lifecycle="deleted")

        gone = [item for item in sorted(named) if item[0] and item[0] not in self.logged_models]
        self.logged_models |= {model.model_id: model for model in _each(ask, gone) if model}

    def _located(self, versions: Sequence[ModelVersion]) -> list[ModelVersion]:
        """Return the versions with their storage locations.

        That is the logged model's folder, else the source itself. Only for a copy, whose
        original may be gone or another one by now, the server must be asked.
        """

        def ask(version: ModelVersion) -> str:
            query = {"name": version.model, "version": version.version}
            answer = self._server.get(
                f"{_API}/model-versions/get-download-uri", query, version.workspace
            )
            return str(answer.get("artifact_uri", ""))

        located, unclear = [], []
        for version in versions:
            model = self.logged_models.get(logged_model_id(version.source, ""))
            if model:
                located.append(replace(version, storage_location=model.artifact_location))
            elif version.source.startswith("models:"):
                unclear.append(version)
            else:
                located.append(replace(version, storage_location=version.source))
        return located + [
            replace(version, storage_location=location or "")
            for version, location in zip(unclear, _each(ask, unclear), strict=True)
        ]

    def _add_model_inputs(self) -> None:
        """Ask runs for the models that they used.

        Where there are too many, runs that logged a metric on another run's model come
        first, then the newest that made no model or version themselves.
        """
        wanted = list(self.runs.values())
        if len(wanted) > ASK_RUNS:
            makers = {model.source_run_id for model in self.logged_models.values()}
            makers |= {version.run_id for version in self.versions}
            wanted = sorted(
                (run for run in wanted if run.run_id in self._foreign or run.run_id not in makers),
                key=lambda run: (
                    run.run_id not in self._foreign,
                    -(run.started_at or 0),
                    run.run_id,
                ),
            )[:ASK_RUNS]
            self.blind_spots.append(_SOME_RUNS.format(asked=len(wanted), all=len(self.runs)))

        def ask(run: Run) -> Run:
            answer = self._server.get(
                f"{_API}/runs/get", {"run_id": run.run_id}, self._spaces[run.run_id]
            )
            return replace(run, model_inputs=rest_json.model_inputs(answer["run"]))

        self.runs |= {run.run_id: run for run in _each(ask, wanted) if run}


def _each(ask: Callable[[T], R], items: Sequence[T]) -> list[R | None]:
    """Return the answers in order, asked in threads; ``None`` for what is gone meanwhile."""

    def one(item: T) -> R | None:
        try:
            return ask(item)
        except MissingError:
            return None

    with ThreadPoolExecutor(THREADS) as threads:
        return list(threads.map(one, items))
