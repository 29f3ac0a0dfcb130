"""A registry's flat tables as one version's slice: its run, logged model, origin, consumers."""

from __future__ import annotations

from dataclasses import replace

from audit.facts import (
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
from audit.gather.consumers import Key, Uses, key_of
from audit.period import Period


class RegistryIndex:
    """Answers for one version what the registry's tables hold about it, as of a moment."""

    def __init__(self, registry: Registry, uses: Uses) -> None:
        """Index once; ``uses`` tells who used a version, and what it came from."""
        self._uses = uses
        self._models = {(model.workspace, model.name): model for model in registry.models}
        self._versions = {key_of(item): item for item in registry.versions}
        self._runs = {run.run_id: run for run in registry.runs}
        self._logged = {model.model_id: model for model in registry.logged_models}
        self._training = {version.run_id for version in registry.versions}
        self._training |= {
            self._logged[version.logged_model_id].source_run_id
            for version in registry.versions
            if version.logged_model_id in self._logged
        }

    def location(self, version: ModelVersion) -> str:
        """Return where a version's artifacts stand, followed through copies; empty if unknown."""
        for key in (key_of(version), *self._uses.origin(version)):
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
        origin = self._uses.origin(version)
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
            consumers=self._uses.of(version, logged),
            bases=self._uses.bases(run),
        )

    def unregistered(self, period: Period) -> tuple[Run, ...]:
        """Return the period's runs that trained no registered version, without their values."""
        return tuple(
            replace(run, params={}, metrics={}, datasets=())
            for run in self._runs.values()
            if run.started_at in period and run.run_id not in self._training
        )

    def _logged_model(self, version: ModelVersion, origin: tuple[Key, ...]) -> LoggedModel | None:
        """Return the logged model of a version, or of the version that it copies."""
        for key in (key_of(version), *origin):
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


def _label(key: Key) -> str:
    workspace, model, version = key
    return f"{model_label(model, workspace)}/{version}"


def _state(named: str, lifecycle: str) -> RunState:
    """Return what became of a run or logged model from its id and its lifecycle, if found."""
    if lifecycle:
        return RunState.DELETED if lifecycle == "deleted" else RunState.PRESENT
    return RunState.GONE if named else RunState.NONE
