"""Dependencies on one file inside a folder that DVC tracks as a whole.

A lock has the file's own digest, which no lock names as an out: only the folder's list
holds both. The folders that stood around the file are candidates; the one whose list has
the digest at that place is where the file came from, and no other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from audit.facts import (
    Import,
    Member,
    Pipeline,
    StageState,
    TrackedPath,
    Unfollowed,
    UpstreamHolds,
    VersionFacts,
)
from audit.gather.upstream import followed, grown
from audit.sources import CodeSource, DataSource
from audit.sources.dvc.elsewhere import inside, wanted
from audit.sources.dvc.entries import is_outside
from audit.sources.dvc.lineage import maker_of

_ROUNDS = 5
"""Folders behind folders that are followed."""
_LIKELY = 2
"""Candidates whose lists are read first."""
_NOT_READ = "the lists of folders were not read"


@dataclass(frozen=True, slots=True)
class _List:
    """What is in a folder: the files by path with their digests, or why that is not known."""

    files: Mapping[str, str]
    hash_name: str = "md5"
    reason: str = ""


_Lists = dict[tuple[str, str], _List]


@dataclass(frozen=True, slots=True)
class _Asked:
    """A file whose folder is looked for."""

    source: CodeSource
    state: StageState
    path: str
    digest: str
    commit: str
    candidates: tuple[tuple[StageState, TrackedPath], ...]
    imported: Import | None = None
    """What is looked for upstream of the state, which is an import."""

    @property
    def key(self) -> tuple[str, str, str]:
        return self.source.name, self.path, self.digest


def with_members(
    versions: Sequence[VersionFacts],
    sources: Sequence[CodeSource],
    remotes: Mapping[str, DataSource],
) -> list[VersionFacts]:
    """Return the versions with the folders that their single files came from.

    ``remotes`` are the data sources by repository, none where they are not to be asked. What
    cannot be followed says why.
    """
    found = list(versions)
    lists: _Lists = {}
    open_ = list(range(len(found)))
    for _ in range(_ROUNDS):
        asked = {number: _asked(found[number].pipeline, sources) for number in open_}
        for most in (_LIKELY, None):
            unread = [
                (item.source, out.digest)
                for items in asked.values()
                for item in items
                if most or _led(item, lists)[0] is None
                for _, out in item.candidates[:most]
            ]
            _read(unread, lists, remotes)
        open_ = []
        for number, items in asked.items():
            pipeline = _joined(found[number].pipeline, items, lists, sources)
            if len(pipeline.states) > len(found[number].pipeline.states):
                open_.append(number)
            found[number] = replace(found[number], pipeline=pipeline)
        if not open_:
            break
    return found


def _asked(pipeline: Pipeline, sources: Sequence[CodeSource]) -> list[_Asked]:
    """Return the dependencies that nothing leads to their content so far."""
    by_name = {source.name: source for source in sources}
    at = {item.repository: item.revision for item in pipeline.imports if item.repository}
    at |= {s.repository: m.commit for m in pipeline.matches for s in pipeline.home}
    done = {(item.repository, item.path, item.digest) for item in pipeline.members}
    done |= {(item.repository, item.path, item.digest) for item in pipeline.unfollowed}
    proved = {(item.path, item.lock_digest) for item in pipeline.tree if item.equal}
    found: dict[tuple[str, str, str], _Asked] = {}
    wanted_paths = [
        (state, dep.path, dep.digest, at.get(state.repository, ""))
        for state in pipeline.states
        if state.stage and state.repository in by_name
        for dep in state.deps
        if dep.digest
        and dep.digest not in pipeline.doubted
        and not is_outside(dep.path)
        and maker_of(pipeline.states, state, dep) is None
        and (dep.path, dep.digest) not in proved
    ]
    for state, path, digest, commit in wanted_paths:
        source = by_name[state.repository]
        key = (state.repository, path, digest)
        if key not in done and key not in found:
            around = source.around(state, path, commit)
            found[key] = _Asked(source, state, path, digest, commit, around)
    states = {state.id: state for state in pipeline.states}
    for item in pipeline.imports:
        asked = wanted(states[item.state]) if item.state in states else None
        if item.held is UpstreamHolds.INSIDE and item.repository in by_name and asked:
            source = by_name[item.repository]
            key = (item.repository, item.path, asked.out.digest)
            if key not in done and key not in found:
                # What an import is locked to is one commit: no other folder will do.
                here = source.around(None, item.path, item.revision)
                state = states[item.state]
                found[key] = _Asked(source, state, *key[1:], item.revision, here, item)
    return list(found.values())


def _read(
    wanted_lists: Iterable[tuple[CodeSource, str]],
    lists: _Lists,
    remotes: Mapping[str, DataSource],
) -> None:
    """Add the lists of folders, each remote asked once for all that are not known yet."""
    by_source = defaultdict[str, dict[str, CodeSource]](dict)
    for source, digest in wanted_lists:
        if digest.endswith(".dir") and (source.name, digest) not in lists:
            by_source[source.name][digest] = source
    for name, digests in by_source.items():
        left = []
        for digest, source in digests.items():
            members = source.listed(digest)
            if members:
                lists[name, digest] = _List({item.path: item.digest for item in members})
            elif name in remotes:
                left.append(digest)
            else:
                lists[name, digest] = _List({}, reason=_NOT_READ)
        for digest, folder in (remotes[name].members(sorted(left)) if left else {}).items():
            # A fact names the first files of a folder only, and the list may be longer.
            files = remotes[name].whole(digest) or {}
            kind = folder.members[0].hash_name if folder.members else "md5"
            lists[name, digest] = _List(files, kind, folder.reason)


def _led(asked: _Asked, lists: _Lists) -> tuple[tuple[StageState, TrackedPath] | None, str]:
    """Return the state and folder that hold a file, or why none of the candidates is known to."""
    reasons = []
    for state, out in asked.candidates:
        folder = lists.get((asked.source.name, out.digest), _List({}, reason=_NOT_READ))
        if inside(out.path, folder.files, asked.path) == asked.digest:
            return (state, out), ""
        if folder.reason:
            reasons.append(f"it stands in the folder {out.path} ({out.digest}): {folder.reason}")
    return None, reasons[0] if reasons else ""


def _other(asked: _Asked, lists: _Lists) -> str:
    """Return the other digest that the commit of an import has at its path, or ``""``."""
    for _, out in asked.candidates if asked.imported else ():
        folder = lists.get((asked.source.name, out.digest))
        found = inside(out.path, folder.files, asked.path) if folder else ""
        if folder is not None and found and folder.hash_name == asked.state.outs[0].hash_name:
            return found
    return ""


def _imported(pipeline: Pipeline, asked: _Asked, **changes: Any) -> Pipeline:
    """Return a pipeline in which the import that was asked for says what it led to."""
    if asked.imported is None:
        return pipeline
    done = replace(asked.imported, **changes)
    return replace(
        pipeline,
        imports=tuple(done if item == asked.imported else item for item in pipeline.imports),
    )


def _unfollowed(pipeline: Pipeline, asked: _Asked, reason: str) -> Pipeline:
    """Return a pipeline that says why a file was not led to its content, if that is known."""
    reason = reason or asked.source.hindrance(asked.path, asked.commit)
    item = Unfollowed(*asked.key, reason=reason)
    return replace(pipeline, unfollowed=(*pipeline.unfollowed, *([item] if reason else [])))


def _doubts(
    pipeline: Pipeline, asked: _Asked, folder: TrackedPath, states: Sequence[StageState]
) -> str:
    """Return why a folder may have been put out from other data, ``""`` where that is certain."""
    if asked.imported is not None:
        return ""
    whole = replace(asked.state, deps=(folder,))
    tagged = pipeline.tagged.sha if pipeline.tagged else ""
    doubts = asked.source.doubts((whole, *states), asked.commit, tagged)
    return next(iter(doubts.values()), "")


def _joined(
    pipeline: Pipeline, asked: Sequence[_Asked], lists: _Lists, sources: Sequence[CodeSource]
) -> Pipeline:
    """Return a pipeline with what its files inside folders lead to."""
    for item in asked:
        led, reason = _led(item, lists)
        if led is not None:
            state, out = led
            member = Member(*item.key, folder=out.path, folder_digest=out.digest, state=state.id)
            states = item.source.upstream(state, item.commit)
            if doubts := _doubts(pipeline, item, out, states):
                pipeline = _unfollowed(pipeline, item, doubts)
                continue
            pipeline = replace(pipeline, members=(*pipeline.members, member))
            pipeline = grown(pipeline, item.source, states, (item.commit,))
            led_to = {"upstream": state.id, "digest": out.digest, "reason": ""}
            pipeline = _imported(pipeline, item, **led_to)
        elif other := _other(item, lists):
            held = UpstreamHolds.TRACKED
            pipeline = _imported(pipeline, item, held=held, digest=other, reason="")
        elif item.imported is None:
            pipeline = _unfollowed(pipeline, item, reason)
    return followed(pipeline, sources)
