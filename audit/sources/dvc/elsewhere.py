"""What is reached in another way than by an equal digest: imports, and files inside folders.

A ``dvc import`` names a repository, a commit and a path: what that commit has there is
looked up in the upstream history. A dependency on one file of a tracked folder has a digest
that no lock names as an out: the states that track a folder around it are candidates, and
the folder's list decides.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from audit.facts import StageState, TrackedPath, UpstreamHolds
from audit.sources.artifacts.hashing import folder_digest
from audit.sources.dvc.compare import TreeComparison
from audit.sources.dvc.history import DvcHistory
from audit.sources.dvc.lineage import standing
from audit.sources.git.store import is_sha

_MOST = 50
"""Candidates for a folder around a file, of which more are not looked at."""
_ADDRESS = re.compile(r"(?P<address>.*)@(?P<revision>[^@]*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a ``dvc import`` names."""

    address: str
    revision: str
    """Full SHA; empty where the import is not locked to one."""
    path: str
    out: TrackedPath


@dataclass(frozen=True, slots=True)
class Found:
    """What a repository has at the commit and path of an import."""

    holds: UpstreamHolds
    digest: str = ""
    state: StageState | None = None
    reason: str = ""


def wanted(state: StageState) -> Wanted | None:
    """Return what a state was imported from by ``dvc import``, ``None`` for all others."""
    match = _ADDRESS.fullmatch(state.imported_from)
    if state.stage or match is None or not state.deps or not state.outs:
        return None
    path = state.deps[0].path
    if path == state.imported_from:
        return None  # import-url: the address is the path
    revision = match["revision"] if is_sha(match["revision"]) else ""
    return Wanted(match["address"], revision, posixpath.normpath(path), state.outs[0])


def found_at(history: DvcHistory, trees: TreeComparison, asked: Wanted) -> Found:
    """Return what the commit of an import has at its path.

    An equal digest goes first: a path may be tracked and stand in git as well.
    """
    path, out, commit = asked.path, asked.out, asked.revision
    here = list(_tracking(history, commit, {path}))
    here.sort(key=lambda item: item[1].digest != out.digest)
    if here:
        state, tracked = _known(history, here[0])
        if tracked.digest == out.digest or tracked.hash_name == out.hash_name:
            return Found(UpstreamHolds.TRACKED, tracked.digest, state)
        reason = f"its digests are named by {tracked.hash_name} there and {out.hash_name} here"
        return Found(UpstreamHolds.TRACKED, "", state, reason)
    if digests := trees.digests_at(path, commit):
        same = out.digest if out.digest in digests else digests[0]
        return Found(UpstreamHolds.GIT, same)
    for state, tracked in _tracking(history, commit, set(_folders(path))):
        reason = f"the commit tracks the folder {tracked.path}, whose list was not read"
        return Found(UpstreamHolds.INSIDE, tracked.digest, state, reason)
    if reason := _unknown(trees, path, commit):
        return Found(UpstreamHolds.UNKNOWN, reason=reason)
    return Found(UpstreamHolds.NOTHING, reason="that commit neither tracks nor holds the path")


def _unknown(trees: TreeComparison, path: str, commit: str) -> str:
    """Return why nothing can be said of a path, ``""`` where it is certainly not there."""
    if path == ".":
        return "the whole repository was imported"
    held = "what git has there could not be hashed"
    return trees.hindrance(path, commit) or (held if trees.stands(path, commit) else "")


def around(
    history: DvcHistory, state: StageState | None, path: str, commit: str
) -> tuple[tuple[StageState, TrackedPath], ...]:
    """Return states that track or put out a folder around a path, the likeliest first.

    Those that stand with the state in its commit come first, then all that ever did in the
    same files. Without a state only those in the commit count.
    """
    folders = set(_folders(path))
    if state is None:
        return tuple(_known(history, item) for item in _tracking(history, commit, folders))
    at = standing(history, state, commit)
    found: dict[tuple[str, str], tuple[StageState, TrackedPath]] = {}
    for sha in dict.fromkeys((at, *state.commits[:1])):
        for maker, out in _tracking(history, sha, folders):
            found.setdefault((maker.id, out.digest), (maker, out))
    known = {digest for _, digest in found}
    for maker, out in history.tracking(folders):
        if len(found) < _MOST and out.digest not in known:
            found.setdefault((maker.id, out.digest), (maker, out))
    return tuple(_known(history, item) for item in found.values() if item[0].id != state.id)


def inside(folder: str, members: Mapping[str, str], path: str) -> str:
    """Return the digest of a path inside a folder from the folder's list, or ``""``.

    ``members`` are the files by path relative to the folder, each with its MD5. Of a folder
    inside it, the digest that DVC gives it is made from its own files.
    """
    name = posixpath.relpath(path, folder)
    if name in members:
        return members[name]
    below = [(p[len(name) + 1 :], md5) for p, md5 in members.items() if p.startswith(f"{name}/")]
    return folder_digest(below) if below else ""


def _tracking(
    history: DvcHistory, commit: str, paths: set[str]
) -> Iterator[tuple[StageState, TrackedPath]]:
    """Yield states of a commit's tree that have one of some paths as an out."""
    locks = [file for file in history.log.files if not file.endswith(".dvc")]
    tracked = [file for path in paths for file in history.tracked_by.get(path, ())]
    for file in dict.fromkeys((*sorted(tracked), *locks)):
        for state in history.states_at(commit, file):
            for out in state.outs:
                if out.path in paths and out.digest:
                    yield state, out


def _known(
    history: DvcHistory, found: tuple[StageState, TrackedPath]
) -> tuple[StageState, TrackedPath]:
    """Return a state that was read from a tree with its commits, as the index has it."""
    state, out = found
    whole = (other for other in history.with_out(out.digest) if other.id == state.id)
    return next(whole, state), out


def _folders(path: str) -> list[str]:
    """Return the folders around a path, the nearest first."""
    parts = path.split("/")
    return ["/".join(parts[:length]) for length in range(len(parts) - 1, 0, -1)]
