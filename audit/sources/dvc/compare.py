"""What ran against what a commit holds: dependencies, tracked data and parameters.

Nobody records that a working tree was dirty, but it can be proved afterwards: the lock
has the digest of each file that ran, and git has the files of each commit.
"""

from __future__ import annotations

import enum
import hashlib
import json
import posixpath
from collections.abc import Iterable, Iterator
from typing import Any

from audit.facts import CodeDigest, StageState, TrackedPath
from audit.sources.artifacts.hashing import folder_digest
from audit.sources.dvc.entries import TEMPLATE, is_outside
from audit.sources.dvc.files import json_text
from audit.sources.dvc.history import DvcHistory
from audit.sources.dvc.values import ABSENT, equal, look_up, numbers, parse
from audit.sources.dvc.yaml12 import MAX_BYTES, MalformedError
from audit.sources.git.store import Entry, UnreadableError

_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
_STRUCTURED = frozenset({".json", ".toml", ".yaml", ".yml"})


class Origin(enum.StrEnum):
    """Where the content of a dependency is kept."""

    GIT = "git"
    """A file or folder in the commit's tree."""
    TRACKED = "tracked"
    """Named by a ``*.dvc`` file, in the commit's tree or elsewhere in the history."""
    OUTPUT = "output"
    """Put out by a stage."""
    EXTERNAL = "external"
    """An address, or a path outside the repository."""
    UNKNOWN = "unknown"
    """None of these: a gap, unless another commit holds it."""


class TreeComparison:
    """Compares stage states with the trees of commits; what was read is kept."""

    def __init__(self, history: DvcHistory) -> None:
        """Read nothing yet."""
        self._history = history
        self._git = history.git
        self._hashed: dict[str, tuple[str, ...]] = {}
        self._values: dict[str, Any] = {}
        self._beside: dict[str, set[str]] = {}
        self._told: set[tuple[str, str]] = set()

    def origin_of(self, state: StageState, dep: TrackedPath, commit: str) -> Origin:
        """Return where a dependency's content is kept, as a commit shows it."""
        if is_outside(dep.path):
            return Origin.EXTERNAL
        if self._is_output(state, dep):
            return Origin.OUTPUT
        if self._tracked(dep.path, commit):
            return Origin.TRACKED
        if TEMPLATE in dep.path:
            return Origin.GIT if self._somewhere(dep, commit) else Origin.UNKNOWN
        if self._entry(commit, dep.path) is not None:
            return Origin.GIT
        return Origin.TRACKED if dep.path in self._history.tracked_by else Origin.UNKNOWN

    def compare(self, state: StageState, commit: str) -> tuple[CodeDigest, ...]:
        """Return the state's dependencies and parameters against the tree of a commit.

        Left out is what no commit can hold (outputs of other stages, external paths) and
        what cannot be compared (Git LFS pointers, symbolic links), which is noted as a
        problem. A digest is empty where the commit does not have the file.
        """
        if self._git.read(commit) is None:
            return ()
        return (*self._files(state, commit), *self._params(state, commit))

    def metrics_at(self, state: StageState, commit: str) -> dict[str, float]:
        """Return the numbers in the outs of the state, and of the stages after it, in git.

        Keys are dotted paths. Only files whose content at the commit is what the lock
        names count, and only stages of the same lock that use the state's outs.
        """
        found: dict[str, float] = {}
        siblings = self._history.states_at(commit, state.file)
        for member in (state, *_downstream(state, siblings)):
            for out in member.outs:
                if posixpath.splitext(out.path)[1].lower() in _STRUCTURED:
                    entry = self._entry(commit, out.path)
                    if entry is not None and out.digest in self._digests(entry, out, commit):
                        found.update(numbers(self._document(entry, out.path, commit)))
        return found

    def in_git(self, state: StageState) -> frozenset[str]:
        """Return the digests of the outs that are kept in git (``cache: false``)."""
        return frozenset(
            out.digest
            for commit in state.commits[:1]
            for out in state.outs
            if out.digest
            and (entry := self._entry(commit, out.path)) is not None
            and out.digest in self._digests(entry, out, commit)
        )

    def digests_at(self, path: str, commit: str) -> tuple[str, ...]:
        """Return what DVC may call the file or folder that git has at a path of a commit.

        Empty where there is none, or it cannot be hashed.
        """
        entry = self._entry(commit, path)
        return self._digests(entry, TrackedPath(path), commit) if entry else ()

    def stands(self, path: str, commit: str) -> bool:
        """Whether git has anything at a path of a commit."""
        return self._entry(commit, path) is not None

    def hindrance(self, path: str, commit: str) -> str:
        """Return why a path cannot be looked for in a commit, ``""`` where it can."""
        if TEMPLATE in path:
            return "its working directory is a template in dvc.yaml, so its path is not known"
        parts = path.split("/")
        for length in range(1, len(parts) + 1):
            folder = "/".join(parts[:length])
            entry = self._entry(commit, folder)
            if entry is None:
                break
            if entry.mode == "160000":
                return f"it stands in the submodule {folder}, which is not followed"
            if entry.mode == "120000":
                return f"it is reached by the symbolic link {folder}, which is not followed"
        return ""

    # --- files ------------------------------------------------------------------------------

    def _files(self, state: StageState, commit: str) -> Iterator[CodeDigest]:
        if state.imported_from:
            return
        for dep in state.deps:
            origin = self.origin_of(state, dep, commit) if dep.digest else Origin.EXTERNAL
            if TEMPLATE in dep.path:
                # Which path it had is not known: only that the content is there can be told.
                if origin is Origin.GIT:
                    yield CodeDigest(commit, dep.path, dep.digest, dep.digest)
            elif origin is Origin.TRACKED:
                digest = self._tracked(dep.path, commit)
                yield CodeDigest(commit, dep.path, dep.digest, digest, "data")
            elif origin is Origin.UNKNOWN:
                if not self._in_folder(state, dep.path) and not self.hindrance(dep.path, commit):
                    yield CodeDigest(commit, dep.path, dep.digest)
            elif origin is Origin.GIT:
                entry = self._entry(commit, dep.path)
                digests = self._digests(entry, dep, commit) if entry else ()
                if digests:
                    same = dep.digest if dep.digest in digests else digests[0]
                    yield CodeDigest(commit, dep.path, dep.digest, same)

    def _in_folder(self, state: StageState, path: str) -> bool:
        """Whether DVC ever tracked a folder around a path, or a stage beside puts one out."""
        parts = path.split("/")
        folders = {"/".join(parts[:length]) for length in range(1, len(parts))}
        return not folders.isdisjoint(self._history.tracked_by.keys() | self._beside[state.id])

    def _somewhere(self, dep: TrackedPath, commit: str) -> bool:
        """Whether a commit holds a dependency's content where its path may lead.

        Of a path below a working directory that is a template, the end is known.
        """
        found = self._git.read(commit)
        end = posixpath.normpath(dep.path.rpartition("}")[2].strip("/")).split("/")
        tail = "/" + "/".join(part for part in end if part != "..")
        try:
            names = dict(self._git.store.files(found.tree)) if found and tail != "/" else {}
            places = [f"/{name}" for name in names]
            if dep.digest.endswith(".dir"):
                inside = f"{tail}/"
                places = [p[: p.index(inside) + len(tail)] for p in places if inside in p]
            return any(
                dep.digest in self.digests_at(place.strip("/"), commit)
                for place in dict.fromkeys(places)
                if place.endswith(tail)
            )
        except UnreadableError as error:
            self._history.note(f"{dep.path} cannot be looked for in {commit[:10]}: {error}")
            return False

    def _is_output(self, state: StageState, dep: TrackedPath) -> bool:
        """Whether a stage puts out the path, by the state's own lock or by the digest."""
        if state.id not in self._beside:
            siblings = [
                other
                for commit in state.commits[:1]
                for other in self._history.states_at(commit, state.file)
            ]
            self._beside[state.id] = _outputs(siblings, state)
        return dep.path in self._beside[state.id] or dep.path in _outputs(
            self._history.with_out(dep.digest), state
        )

    def _tracked(self, path: str, commit: str) -> str:
        """Return the digest that a ``*.dvc`` file of a commit's tree has for a path, or ``""``."""
        for file in sorted(self._history.tracked_by.get(path, ())):
            for state in self._history.states_at(commit, file):
                for out in state.outs:
                    if out.path == path:
                        return out.digest
        return ""

    def _entry(self, commit: str, path: str) -> Entry | None:
        try:
            return self._git.entry(commit, path)
        except UnreadableError as error:
            self._history.note(f"{path} in commit {commit[:10]} cannot be read: {error}")
            return None

    def _digests(self, entry: Entry, path: TrackedPath, commit: str) -> tuple[str, ...]:
        """Return what DVC may have called the content, the plainest first; empty: not known."""
        try:
            if entry.is_tree:
                return self._folder(entry, path.path, commit)
            return self._file(entry)
        except UnreadableError as error:
            # Said of the first commit only that is asked for: it may stand in thousands.
            if (path.path, entry.oid) not in self._told:
                self._told.add((path.path, entry.oid))
                where = f"{path.path} in commit {commit[:10]}"
                self._history.note(f"{where} cannot be compared with the lock: {error}")
            return ()

    def _folder(self, folder: Entry, path: str, commit: str) -> tuple[str, ...]:
        """Return the digests of a folder of git, with the files that DVC tracks inside it."""
        members = [(name, self._file(entry)) for name, entry in self._git.store.files(folder.oid)]
        for tracked in self._history.tracked_by:
            if tracked.startswith(f"{path}/"):
                digest = self._tracked(tracked, commit)
                if digest and not digest.endswith(".dir"):
                    members.append((tracked.removeprefix(f"{path}/"), (digest,) * 3))
        return tuple(folder_digest((name, forms[i]) for name, forms in members) for i in range(3))

    def _file(self, entry: Entry) -> tuple[str, ...]:
        """Return a file's MD5 as it is, with LF and with CR LF as line ends.

        DVC 2 hashed text with LF, and a checkout may have turned LF into CR LF.
        """
        if not entry.is_file:
            kind = "a symbolic link" if entry.mode == "120000" else "a submodule"
            raise UnreadableError(f"it is or holds {kind}")
        if entry.oid not in self._hashed:
            data = self._git.store.blob(entry.oid)
            if data.startswith(_LFS_POINTER):
                raise UnreadableError("it is or holds a Git LFS pointer")
            unix = data if b"\0" in data else data.replace(b"\r\n", b"\n")
            dos = data if b"\0" in data else unix.replace(b"\n", b"\r\n")
            self._hashed[entry.oid] = tuple(
                hashlib.md5(form, usedforsecurity=False).hexdigest() for form in (data, unix, dos)
            )
        return self._hashed[entry.oid]

    # --- parameters and metrics -------------------------------------------------------------

    def _params(self, state: StageState, commit: str) -> Iterator[CodeDigest]:
        for name, value in state.params.items():
            file, _, key = name.partition(":")
            if TEMPLATE in file or posixpath.splitext(file)[1].lower() not in _STRUCTURED:
                continue
            entry = self._entry(commit, file)
            document = self._document(entry, file, commit) if entry else None
            at_commit = look_up(document, key)
            text = "" if at_commit is ABSENT else json_text(at_commit)
            same = text and equal(json.loads(value), json.loads(text))
            yield CodeDigest(commit, name, value, value if same else text, "params")

    def _document(self, entry: Entry, file: str, commit: str) -> Any:
        """Return a YAML, JSON or TOML file's content, ``None`` where it cannot be read."""
        if not entry.is_file:
            return None
        if entry.oid not in self._values:
            try:
                self._values[entry.oid] = parse(self._git.store.blob(entry.oid, MAX_BYTES), file)
            except (UnreadableError, MalformedError) as error:
                self._history.note(f"{file} in commit {commit[:10]} cannot be read: {error}")
                self._values[entry.oid] = None
        return self._values[entry.oid]


def _outputs(states: Iterable[StageState], but: StageState) -> set[str]:
    """Return the paths that the stages among some states put out, all but one of them."""
    return {out.path for s in states if s.stage and s.id != but.id for out in s.outs}


def _downstream(state: StageState, siblings: tuple[StageState, ...]) -> list[StageState]:
    """Return the states of the same lock that use the state's outs, directly or not."""
    made = {out.digest for out in state.outs if out.digest}
    found: dict[str, StageState] = {state.id: state}
    grown = True
    while grown:
        grown = False
        for other in siblings:
            if other.id not in found and any(dep.digest in made for dep in other.deps):
                found[other.id] = other
                made.update(out.digest for out in other.outs if out.digest)
                grown = True
    return [other for key, other in found.items() if key != state.id]
