"""Who uses a version, and what it was built on: runs, copies, models, traces, endpoints, stages.

MLflow keeps which logged models a run took as input, the source of a copy, and in each trace
the logged model that answered. Endpoints are known from tags alone. A DVC stage uses a version
where its lock names the digest of the version's own bytes.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from audit.config import ENDPOINTS
from audit.facts import (
    Consumer,
    LoggedModel,
    MatchMethod,
    ModelVersion,
    Registry,
    Run,
    StageState,
    VersionFacts,
)
from audit.sources import CodeSource
from audit.sources.addresses import redacted
from audit.verdicts import Grade

Key = tuple[str, str, int]
"""Workspace, model and version."""

_COPY = re.compile(r"models:/([^/@]+)/(\d+)")
_MOST_COPIES = 50
"""A chain of copies longer than this is a circle."""
_HOUR = 3_600_000


def copied_from(version: ModelVersion) -> Key | None:
    """Return the version that a version's source names, where it is a copy."""
    match = _COPY.fullmatch(version.source)
    return (version.workspace, match[1], int(match[2])) if match else None


class Uses:
    """What the registry's tables hold of the uses of each version, as of a moment."""

    def __init__(
        self, registry: Registry, as_of: int, endpoint_tags: Sequence[str] = ENDPOINTS
    ) -> None:
        """Index once; ``as_of`` (UTC ms) leaves out what came later.

        ``endpoint_tags`` are regular expressions of whole tag names.
        """
        self._as_of = as_of
        self._endpoint = [re.compile(pattern, re.IGNORECASE) for pattern in endpoint_tags]
        self._versions = {key_of(item): item for item in registry.versions}
        self._logged = {model.model_id: model for model in registry.logged_models}
        self._runs = {run.run_id: run for run in registry.runs}
        self._readers = defaultdict[str, list[Run]](list)
        for run in registry.runs:
            for model_id in run.model_inputs:
                self._readers[model_id].append(run)
        self._copies = defaultdict[Key, list[ModelVersion]](list)
        self._of_model = defaultdict[str, list[ModelVersion]](list)
        self._made = defaultdict[str, list[ModelVersion]](list)
        for version in registry.versions:
            if source := copied_from(version):
                self._copies[source].append(version)
            elif version.logged_model_id:
                self._of_model[version.logged_model_id].append(version)
            if run_id := self._run_of(version):
                self._made[run_id].append(version)
        self._traces = defaultdict[str, list[tuple[int, int]]](list)
        for use in registry.traces:
            # An hour that is not over at the moment reported is not told: nothing of it is later.
            if (use.hour + 1) * _HOUR <= as_of:
                self._traces[use.model_id].append((use.hour * _HOUR, use.count))

    def origin(self, version: ModelVersion) -> tuple[Key, ...]:
        """Return the versions that this one was copied from, the nearest first."""
        found: list[Key] = []
        source = copied_from(version)
        while source is not None and source not in found and len(found) < _MOST_COPIES:
            found.append(source)
            before = self._versions.get(source)
            source = copied_from(before) if before is not None else None
        return tuple(found)

    def bases(self, run: Run | None) -> tuple[str, ...]:
        """Return what a training run took as input: versions, else logged models by their ids."""
        found: dict[str, None] = {}
        for model_id in run.model_inputs if run else ():
            if model_id not in (run.model_outputs if run else ()):
                named = self._of_model.get(model_id)
                found.update(dict.fromkeys([item.key for item in named] if named else [model_id]))
        return tuple(found)

    def of(self, version: ModelVersion, logged: LoggedModel | None) -> tuple[Consumer, ...]:
        """Return who used a version by the moment reported, the earliest first."""
        model_id = logged.model_id if logged else ""
        found = [
            *self._runs_that_used(model_id),
            *self._copied(version),
            *self._traced(model_id),
            *self._served(version),
        ]
        return tuple(sorted(found, key=lambda item: (item.since or 0, item.kind, item.id)))

    def _runs_that_used(self, model_id: str) -> Iterator[Consumer]:
        for run in self._readers.get(model_id, ()) if model_id else ():
            if (run.started_at or 0) >= self._as_of or model_id in run.model_outputs:
                continue
            built = [
                item
                for item in self._made.get(run.run_id, ())
                if (item.created_at or 0) < self._as_of and item.logged_model_id != model_id
            ]
            for item in built:
                yield Consumer(
                    kind="model",
                    name=f"{item.model} v{item.version}",
                    id=item.key,
                    since=item.created_at,
                    detail=f"its training run {run.run_id} took this model as input",
                )
            if not built:
                yield Consumer(
                    kind="run",
                    name=run.name or run.run_id,
                    id=run.run_id,
                    since=run.started_at,
                    detail=f"a run of experiment {run.experiment} took it as input",
                )

    def _copied(self, version: ModelVersion) -> Iterator[Consumer]:
        """Yield copies, and copies of copies with what they were copied from."""
        waiting, seen = [key_of(version)], {key_of(version)}
        for source in waiting:
            for copy in self._copies.get(source, ()):
                if key_of(copy) in seen or (copy.created_at or 0) >= self._as_of:
                    continue
                seen.add(key_of(copy))
                waiting.append(key_of(copy))
                direct = source == key_of(version)
                named = "this version" if direct else f"{source[1]} v{source[2]}, a copy of this"
                yield Consumer(
                    kind="copy",
                    name=f"{copy.model} v{copy.version}",
                    id=copy.key,
                    since=copy.created_at,
                    detail=f"the copy's source names {named}",
                )

    def _traced(self, model_id: str) -> Iterator[Consumer]:
        hours = self._traces.get(model_id)
        if hours:
            count = sum(number for _, number in hours)
            first, last = min(hours)[0], max(hours)[0]
            yield Consumer(
                kind="traces",
                name=f"{count:,} trace{'' if count == 1 else 's'}",
                id=f"traces:{model_id}",
                since=first,
                detail="MLflow's traces name the logged model that answered",
                until=last,
                count=count,
            )

    def _served(self, version: ModelVersion) -> Iterator[Consumer]:
        for name, value in sorted(version.tags.items()):
            if value and any(pattern.fullmatch(name) for pattern in self._endpoint):
                shown = redacted(value)
                yield Consumer(
                    kind="endpoint",
                    name=shown,
                    id=f"{name}={shown}",
                    grade=Grade.DECLARED,
                    detail=f"the version's tag {name} says so",
                )

    def _run_of(self, version: ModelVersion) -> str:
        if copied_from(version):
            return ""
        if version.run_id in self._runs:
            return version.run_id
        model = self._logged.get(version.logged_model_id)
        return model.source_run_id if model else ""


def with_stages(facts: VersionFacts, sources: Sequence[CodeSource], as_of: int) -> VersionFacts:
    """Return a version with the DVC stages that used its very bytes by ``as_of`` as consumers.

    Each stage is listed once, as its first lock with these bytes has it; those behind the
    weights are none.
    """
    known = {state.id for state in facts.pipeline.states}
    digests = {
        match.digest
        for match in facts.pipeline.matches
        if match.method is MatchMethod.BYTES and match.digest
    }
    found: dict[tuple[str, str, str], Consumer] = {}
    for source in sources:
        for digest in sorted(digests):
            for state in source.states_using(digest):
                if state.id not in known:
                    key = (state.repository, state.file, state.stage)
                    for consumer in _stage(source, state, digest, as_of):
                        found.setdefault(key, consumer)
    return replace(facts, consumers=(*facts.consumers, *found.values())) if found else facts


def _stage(source: CodeSource, state: StageState, digest: str, as_of: int) -> Iterable[Consumer]:
    commit = source.commit(state.commits[0]) if state.commits else None
    since = commit.committed_at if commit else None
    path = next((dep.path for dep in state.deps if dep.digest == digest), "")
    if path and (since is None or since < as_of):
        yield Consumer(
            kind="dvc_stage",
            name=f"{state.stage} of {state.file}",
            id=f"{state.repository}:{state.file}:{state.stage}",
            since=since,
            grade=Grade.VERIFIED,
            detail=f"its lock in commit {state.commits[0][:10]} uses {path} with the digest of "
            "these bytes",
        )


def key_of(version: ModelVersion) -> Key:
    """Return what tells a version from all others of the registry."""
    return version.workspace, version.model, version.version
