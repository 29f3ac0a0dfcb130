"""Each data-set input of a run, held against the data that DVC kept and the model's signature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from audit.config import Data, bytes_of
from audit.facts import (
    DatasetCheck,
    DatasetInput,
    DigestState,
    Pipeline,
    StageState,
    TrackedPath,
    VersionFacts,
)
from audit.facts.schema import columns_of, differing, inputs_of, shortened, unmet
from audit.sources import DataSource
from audit.sources.datasets import readers
from audit.sources.datasets.origins import Origin, origin_of, tracked_file

OFF = "the job does not ask for it (data.datasets: skip)"
_TENSORS = "its logged schema has no named columns, and digests of tensors are not computed"


def with_datasets(
    versions: Sequence[VersionFacts], remotes: Mapping[str, DataSource], rule: Data
) -> list[VersionFacts]:
    """Return the versions with what was found of the data sets that their runs logged.

    ``remotes`` are the data sources by repository. Objects are read only where the job
    asks for it, each once.
    """
    reading = _Reading(remotes, rule.datasets == "check", bytes_of(rule.datasets_most))
    return [
        replace(facts, datasets=tuple(reading.check(facts, data) for data in facts.run.datasets))
        if facts.run is not None and facts.run.datasets
        else facts
        for facts in versions
    ]


@dataclass(slots=True)
class _Reading:
    """What was read of DVC's objects so far, and whether anything is to be."""

    remotes: Mapping[str, DataSource]
    wanted: bool
    most: int
    done: dict[tuple[str, str, str], readers.Read | str] = field(default_factory=dict)

    def check(self, facts: VersionFacts, data: DatasetInput) -> DatasetCheck:
        origin = origin_of(data)
        logged = columns_of(data.schema)
        needed = inputs_of(facts.environment.signature)
        state, path = _file(facts.pipeline, origin)
        check = DatasetCheck(
            name=data.name,
            digest=data.digest,
            file=f"{path.path}@{path.digest}" if path else "",
            signature_differs=shortened([item.told for item in unmet(needed, logged)])
            if logged
            else (),
            source_kind=origin.kind,
            address=origin.address,
            pinned=origin.pinned,
        )
        if reason := _against(data, origin, path, bool(logged)):
            return replace(check, reason=reason)
        if state is None or path is None or not self.wanted:
            return replace(check, reason=OFF)
        found = self._contents(self._keeper(facts.pipeline, state, path), path)
        if isinstance(found, str):
            return replace(check, reason=found)
        equal = found.digest == data.digest
        return replace(
            check,
            state=DigestState.EQUAL if equal else DigestState.DIFFERENT,
            computed=found.digest,
            reader=found.reader,
            schema_differs=shortened(differing(logged, found.columns)) if logged else (),
        )

    def _keeper(self, pipeline: Pipeline, state: StageState, path: TrackedPath) -> str:
        """Return the repository whose remote has a file: of an import, the last one upstream."""
        same = {
            item.state: item
            for item in pipeline.imports
            if item.upstream and item.imported == item.digest == path.digest
        }
        for item in same.values():
            if item.upstream not in same and item.repository in self.remotes:
                return item.repository
        return state.repository

    def _contents(self, repository: str, path: TrackedPath) -> readers.Read | str:
        key = (repository, path.digest, path.path)
        if key not in self.done:
            # Asked before the bytes are fetched: what has no reader is not worth the way.
            if not readers.readable(path.path):
                self.done[key] = readers.read(path.path, b"")
            else:
                data = self.remotes[repository].read(path.digest, self.most)
                self.done[key] = data if isinstance(data, str) else readers.read(path.path, data)
        return self.done[key]


def _against(
    data: DatasetInput, origin: Origin, path: TrackedPath | None, has_columns: bool
) -> str:
    """Return why a data set's digest cannot be computed from the lineage, ``""`` if it can."""
    if not origin.path:
        return f"a source of the kind {origin.kind} names no file"
    if path is None:
        return "no single file of the lineage has the name that its source gives"
    if path.digest.endswith(".dir"):
        return "its source is a folder"
    if "mlflow_tensorspec" in data.schema and not has_columns:
        return _TENSORS
    return ""


def _file(pipeline: Pipeline, origin: Origin) -> tuple[StageState | None, TrackedPath | None]:
    """Return the file that a source names among what the stages used, with a stage using it."""
    used = {dep: state for state in pipeline.states if state.stage for dep in state.deps}
    path = tracked_file(origin.path, [dep for dep in used if dep.digest])
    return (used[path], path) if path is not None else (None, None)
