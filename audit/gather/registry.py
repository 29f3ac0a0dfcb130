"""A registry's flat tables as one version's slice: its run, logged model, origin, consumers."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import replace

from audit.facts import (
    Consumer,
    Environment,
    LoggedModel,
    ModelVersion,
    Registry,
    Run,
    RunState,
    VersionFacts,
    Weights,
    model_label,
)
from audit.period import Period

_COPY = re.compile(r"models:/([^/@]+)/(\d+)")
_MOST_COPIES = 50
"""A chain of copies longer than this is a circle."""


class RegistryIndex:
    """Answers for one version what the registry's tables hold about it, as of a moment."""

    def __init__(self, registry: Registry, as_of: int) -> None:
        """Index once; ``as_of`` (UTC ms) leaves out runs and copies that came later."""
        self._as_of = as_of
        self._models = {(model.workspace, model.name): model for model in registry.models}
        self._versions = {
            (item.workspace, item.model, item.version): item for item in registry.versions
        }
        self._runs = {run.run_id: run for run in registry.runs}
        self._logged = {model.model_id: model for model in registry.logged_models}
        self._readers = defaultdict[str, list[Run]](list)
        for run in registry.runs:
            for model_id in run.model_inputs:
                self._readers[model_id].append(run)
        self._copies = defaultdict[tuple[str, str, int], list[ModelVersion]](list)
        for version in registry.versions:
            if source := self._copied_from(version):
                self._copies[source].append(version)
        self._training = {version.run_id for version in registry.versions}
        self._training |= {
            self._logged[version.logged_model_id].source_run_id
            for version in registry.versions
            if version.logged_model_id in self._logged
        }

    def location(self, version: ModelVersion) -> str:
        """Return where a version's artifacts stand, followed through copies; empty if unknown."""
        for key in (_key(version), *self._origin(version)):
            item = self._versions.get(key)
            if item is None:
                continue
            if item.storage_location:
                return item.storage_location
            model = self._logged.get(item.logged_model_id)
            if model is not None and model.artifact_location:
                return model.artifact_location
        return ""

    def facts(
        self, version: ModelVersion, weights: Weights, environment: Environment
    ) -> VersionFacts:
        """Return a version's facts, but for what the repositories hold about it."""
        origin = self._origin(version)
        model = self._models.get((version.workspace, version.model))
        logged = self._logged_model(version, origin)
        run = self._run(version, logged)
        named = run.run_id if run else version.run_id
        return VersionFacts(
            version=replace(version, logged_model_id=logged.model_id) if logged else version,
            aliases=tuple(
                sorted(
                    alias
                    for alias, number in (model.aliases if model else {}).items()
                    if number == version.version
                )
            ),
            model_description=model.description if model else "",
            model_tags=model.tags if model else {},
            run=run,
            run_state=_state(named, run.lifecycle if run else ""),
            logged_model=logged,
            logged_model_state=_state(version.logged_model_id, logged.lifecycle if logged else ""),
            origin=tuple(_label(key) for key in origin),
            weights=weights,
            environment=environment,
            consumers=self._consumers(version, logged),
        )

    def unregistered(self, period: Period) -> tuple[Run, ...]:
        """Return the period's runs that trained no registered version, without their values."""
        return tuple(
            replace(run, params={}, metrics={}, datasets=())
            for run in self._runs.values()
            if run.started_at in period and run.run_id not in self._training
        )

    def _copied_from(self, version: ModelVersion) -> tuple[str, str, int] | None:
        match = _COPY.fullmatch(version.source)
        return (version.workspace, match[1], int(match[2])) if match else None

    def _origin(self, version: ModelVersion) -> tuple[tuple[str, str, int], ...]:
        """Return the versions that this one was copied from, the nearest first."""
        found: list[tuple[str, str, int]] = []
        source = self._copied_from(version)
        while source is not None and source not in found and len(found) < _MOST_COPIES:
            found.append(source)
            before = self._versions.get(source)
            source = self._copied_from(before) if before is not None else None
        return tuple(found)

    def _logged_model(
        self, version: ModelVersion, origin: tuple[tuple[str, str, int], ...]
    ) -> LoggedModel | None:
        """Return the logged model of a version, or of the version that it copies."""
        for key in (_key(version), *origin):
            item = self._versions.get(key)
            if item is not None and item.logged_model_id in self._logged:
                return self._logged[item.logged_model_id]
        return None

    def _run(self, version: ModelVersion, logged: LoggedModel | None) -> Run | None:
        """Return the training run: the version's own, else the logged model's source run."""
        own = self._runs.get(version.run_id)
        if own is not None or logged is None:
            return own
        return self._runs.get(logged.source_run_id)

    def _consumers(self, version: ModelVersion, logged: LoggedModel | None) -> tuple[Consumer, ...]:
        runs = [
            Consumer(
                kind="run",
                name=run.name or run.run_id,
                id=run.run_id,
                since=run.started_at,
                detail=f"a run of experiment {run.experiment} took it as input",
            )
            for run in self._readers[logged.model_id if logged else ""]
            if logged is not None and (run.started_at or 0) < self._as_of
        ]
        copies = [
            Consumer(
                kind="copy",
                name=f"{copy.model} v{copy.version}",
                id=copy.key,
                since=copy.created_at,
                detail="the copy's source names this version",
            )
            for copy in self._copies[_key(version)]
            if (copy.created_at or 0) < self._as_of
        ]
        return tuple(sorted([*runs, *copies], key=lambda item: (item.since or 0, item.id)))


def _key(version: ModelVersion) -> tuple[str, str, int]:
    return version.workspace, version.model, version.version


def _label(key: tuple[str, str, int]) -> str:
    workspace, model, version = key
    return f"{model_label(model, workspace)}/{version}"


def _state(named: str, lifecycle: str) -> RunState:
    """Return what became of a run or logged model from its id and its lifecycle, if found."""
    if lifecycle:
        return RunState.DELETED if lifecycle == "deleted" else RunState.PRESENT
    return RunState.GONE if named else RunState.NONE
