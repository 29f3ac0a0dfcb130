"""The data at the start of two lineages, compared by content."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import TypeAlias

from audit.facts import (
    DataChange,
    FileChange,
    FolderList,
    MatchMethod,
    Pipeline,
    Run,
    TrackedPath,
    VersionFacts,
)
from audit.facts.code import CODE_SUFFIXES
from audit.sources.dvc.lineage import maker_of

MAX_MEMBERS = 50
_NAMED = 3


Whole: TypeAlias = Callable[[str], Mapping[str, str] | None]
"""Gives all files of a folder by its digest, where their list can be had."""


def unread(_folder: str) -> None:
    """Give no list of a folder: what the facts hold of it has to do."""


def data_changes(
    before: VersionFacts, after: VersionFacts, unknown: list[str], whole: Whole = unread
) -> tuple[DataChange, ...]:
    """Return the data that differs; what cannot be compared is added to ``unknown``.

    ``whole`` is asked for the folders that the facts do not list, or not to their end.

    Where the pipeline of one version is not known, the data sets that MLflow logged are
    compared by its sample digests. Another sample is another content, the same proves nothing.
    """
    for facts in (before, after):
        if not facts.pipeline.matches:
            runs = before.run, after.run
            samples = _samples(*runs)
            how = " MLflow's data sets are compared by the digests of samples." if all(runs) else ""
            name = f"version {facts.version.version}"
            unknown.append(
                f"Raw data cannot be compared: the pipeline of {name} is not known.{how}"
            )
            return samples
        if any(match.method is not MatchMethod.BYTES for match in facts.pipeline.matches):
            unknown.append(
                f"Which data version {facts.version.version} was made from is inferred from its "
                "parameters."
            )
        unknown += _doubts(facts)
    folders = (*before.pipeline.folders, *after.pipeline.folders)
    lists = {item.digest: item for item in sorted(folders, key=lambda item: item.total is not None)}
    first, second = raw_data(before.pipeline), raw_data(after.pipeline)
    # Content that both have is no change, whatever it is called.
    same = {item.digest for item in first if item.digest} & {item.digest for item in second}
    old, new = (
        _by_path(item for item in side if item.digest not in same) for side in (first, second)
    )
    found = []
    for path in sorted(old.keys() | new.keys()):
        change = _change(path, old.get(path), new.get(path), lists, whole, unknown)
        if change is not None:
            found.append(change)
    return tuple(found)


def raw_data(pipeline: Pipeline) -> tuple[TrackedPath, ...]:
    """Return what the stages used and none of them made, but for code kept in git."""
    tracked = {out.digest for state in pipeline.states if not state.stage for out in state.outs}
    return tuple(
        dict.fromkeys(
            dep
            for state in pipeline.states
            if state.stage
            for dep in state.deps
            if dep.digest not in pipeline.doubted
            if not ((maker := maker_of(pipeline.states, state, dep)) and maker.stage)
            if dep.digest in tracked or PurePosixPath(dep.path).suffix.lower() not in CODE_SUFFIXES
        )
    )


def _doubts(facts: VersionFacts) -> Iterator[str]:
    """Yield what is in doubt of where a version's data came from, a few and how many more."""
    doubted, name = sorted(facts.pipeline.doubted.items()), f"version {facts.version.version}"
    for digest, reason in doubted[:_NAMED]:
        path = _path_of(digest, facts.pipeline)
        yield f"What {path} of {name} came from is in doubt: {reason.rstrip('.')}."
    if len(doubted) > _NAMED:
        yield f"So it is of {len(doubted) - _NAMED:,} more inputs of {name}."


def _path_of(digest: str, pipeline: Pipeline) -> str:
    deps = (dep for state in pipeline.states for dep in state.deps if dep.digest == digest)
    return next((dep.path for dep in deps), digest)


def _by_path(items: Iterable[TrackedPath]) -> dict[str, TrackedPath]:
    """Return data by path; of several states of one path, the one that sorts first."""
    found: dict[str, TrackedPath] = {}
    for item in sorted(items, key=lambda item: (item.path, item.digest)):
        found.setdefault(item.path, item)
    return found


def _change(
    path: str,
    old: TrackedPath | None,
    new: TrackedPath | None,
    lists: Mapping[str, FolderList],
    whole: Whole,
    unknown: list[str],
) -> DataChange | None:
    if old is None or new is None:
        return DataChange(path, old.digest if old else "", new.digest if new else "")
    if not old.digest or not new.digest:
        unknown.append(f"{path} cannot be compared: a lock has no digest of it.")
        return None
    if old.hash_name != new.hash_name:
        unknown.append(
            f"{path} cannot be compared: its digests are of two kinds, {old.hash_name} and "
            f"{new.hash_name}."
        )
        return None
    if not (old.digest.endswith(".dir") and new.digest.endswith(".dir")):
        return DataChange(path, old.digest, new.digest)
    members, reason = _members(old.digest, new.digest, lists, whole)
    return DataChange(
        path,
        old.digest,
        new.digest,
        members=members[:MAX_MEMBERS],
        more=max(0, len(members) - MAX_MEMBERS),
        reason=reason,
    )


def _members(
    old: str, new: str, lists: Mapping[str, FolderList], whole: Whole
) -> tuple[tuple[FileChange, ...], str]:
    """Return the files of a folder that differ, or why they are not known."""
    sides = []
    for digest, when in ((old, "before"), (new, "now")):
        files = _files(digest, lists.get(digest), whole)
        if isinstance(files, str):
            return (), f"the list of its files {when} {files}"
        sides.append(files)
    first, second = sides
    changed = tuple(
        FileChange(path, _word(path in first, path in second))
        for path in sorted(first.keys() | second.keys())
        if first.get(path) != second.get(path)
    )
    return changed, ""


def _files(digest: str, known: FolderList | None, whole: Whole) -> Mapping[str, str] | str:
    """Return the files of a folder with their digests, else why they are not known."""
    if known is not None and known.total is not None and len(known.members) == known.total:
        return {item.path: item.digest for item in known.members}
    files = whole(digest)
    if files is not None:
        return files
    if known is not None and known.total is not None:
        return f"is too long to be kept ({known.total:,} files)"
    why = f": {known.reason.rstrip('.')}" if known is not None and known.reason else ""
    return f"could not be read{why}"


def _word(was: bool, now: bool) -> str:
    if was and now:
        return "changed"
    return "removed" if was else "added"


def _samples(before: Run | None, after: Run | None) -> tuple[DataChange, ...]:
    """Return MLflow's data sets with another sample digest; without both runs, none."""
    if before is None or after is None:
        return ()
    first, second = (_digests(run) for run in (before, after))
    return tuple(
        DataChange(f"data set {name}", first.get(name, ""), second.get(name, ""))
        for name in sorted(first.keys() | second.keys())
        if first.get(name) != second.get(name)
    )


def _digests(run: Run) -> dict[str, str]:
    found = defaultdict[str, list[str]](list)
    for data in run.datasets:
        found[data.name].append(data.digest)
    return {name: ", ".join(sorted(set(digests))) for name, digests in found.items()}
