"""All that DVC recorded in a repository's history, found by content digest.

One ``git log`` names every ``dvc.lock`` and ``*.dvc`` that any commit of any ref
introduced, DVC's experiments (``refs/exps``) among them. Their bytes are searched for
digests, which is cheap, and only the files that hold an asked digest are parsed.

A commit *introduces* a state when it holds it and none of its parents does. A merge
counts only for what stands in none of its parents.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

from audit.canonical import dumps, sha256
from audit.facts import StageState, TrackedPath
from audit.sources.dvc.files import (
    Declared,
    Parsed,
    StageRecord,
    digests_in,
    parse_dvc,
    parse_lock,
    parse_yaml,
)
from audit.sources.dvc.yaml12 import MAX_BYTES, MalformedError
from audit.sources.git.history import GitHistory
from audit.sources.git.store import UnreadableError

_NOTHING = "0" * 40


@dataclass(slots=True)
class _Version:
    """One content of one file in the history."""

    file: str
    oid: str
    introduced: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    """Commits that introduced it, oldest first, with the ids it replaced (one a parent)."""


class DvcHistory:
    """Every stage state of a repository's history.

    ``subdirectory`` limits it to the DVC project in that folder, ``.`` is all of them.
    """

    def __init__(self, git: GitHistory, subdirectory: str = ".") -> None:
        """Read nothing yet: the index is made at the first question."""
        self.git = git
        self._below = "" if subdirectory in {"", "."} else subdirectory.strip("/") + "/"
        self._problems: dict[str, None] = {}
        self._states: dict[tuple[str, str], tuple[StageState, ...]] = {}
        self._by_out: dict[tuple[str, str], dict[str, list[StageState]]] = {}
        self._answers: dict[str, tuple[StageState, ...]] = {}
        self._declared: dict[str, dict[str, Declared]] = {}
        self._elsewhere: dict[str, dict[str, str]] = {}

    # --- the questions ----------------------------------------------------------------------

    def with_out(self, digest: str) -> tuple[StageState, ...]:
        """Return every state that has an out with this digest, the oldest first."""
        if digest not in self._answers:
            self._answers[digest] = self._joined(
                (version, state)
                for version in self._by_digest.get(digest, ())
                for state in self._outs(version).get(digest, ())
            )
        return self._answers[digest]

    @cached_property
    def all_states(self) -> tuple[StageState, ...]:
        """Every state of the history, the oldest first. This parses every file."""
        return self._joined(
            (version, state)
            for version in self._versions.values()
            for state in self.states(version.file, version.oid)
        )

    def states_at(self, commit: str, file: str) -> tuple[StageState, ...]:
        """Return the states of the ``dvc.lock`` or ``*.dvc`` at a path in a commit's tree.

        Their ``commits`` are empty. A file that is absent or cannot be read has none.
        """
        try:
            entry = self.git.entry(commit, file)
        except UnreadableError as error:
            self.note(f"{file} in commit {commit[:10]} cannot be read: {error}")
            return ()
        return self.states(file, entry.oid) if entry and entry.is_file else ()

    def holds(self, commit: str, state: StageState) -> bool:
        """Whether the state stands in the tree of a commit."""
        return any(found.id == state.id for found in self.states_at(commit, state.file))

    def elsewhere(self, state: StageState) -> dict[str, str]:
        """Return the paths of outs that no data remote is meant to hold, with the reason."""
        return self._elsewhere.get(state.id, {})

    @cached_property
    def tracked_by(self) -> dict[str, frozenset[str]]:
        """Each path that a ``*.dvc`` file ever tracked, with those files."""
        found: dict[str, set[str]] = {}
        for version in self._versions.values():
            if version.file.endswith(".dvc"):
                for state in self.states(version.file, version.oid):
                    for out in state.outs:
                        found.setdefault(out.path, set()).add(version.file)
        return {path: frozenset(files) for path, files in found.items()}

    @property
    def lock_states(self) -> int:
        """Number of distinct ``dvc.lock`` and ``*.dvc`` contents."""
        return len({version.oid for version in self._versions.values()})

    @property
    def problems(self) -> tuple[str, ...]:
        """What could not be read among all that was asked for so far, each a sentence."""
        return tuple(sorted(self._problems))

    def note(self, problem: str) -> None:
        """Add a problem, once."""
        self._problems[problem] = None

    # --- from the log to states -----------------------------------------------------------

    @cached_property
    def _versions(self) -> dict[tuple[str, str], _Version]:
        """Every content of every file, from one ``git log``, oldest first."""
        log = self.git.store.run(
            *("log", "--all", "--topo-order", "--full-history", "-m", "--raw", "--no-abbrev"),
            *("--no-renames", "--no-color", "--no-ext-diff", "--no-textconv", "--root", "-z"),
            *("--format=%x01%H", "--", ":(top)*dvc.lock", ":(top)*.dvc"),
        )
        changes: dict[tuple[str, str, str], list[str]] = {}
        for commit, mode, old, new, file in _changes(log):
            if new == _NOTHING or not self._is_dvc(file):
                continue
            if mode.startswith("100"):
                changes.setdefault((commit, file, new), []).append(old)
            else:
                kind = "a symbolic link" if mode == "120000" else "not a plain file"
                self.note(f"{file} in commit {commit[:10]} is {kind}, which is not followed")
        versions: dict[tuple[str, str], _Version] = {}
        parents, order = self.git.parents, self.git.order
        for commit, file, oid in sorted(changes, key=lambda key: order.get(key[0], 0)):
            replaced = changes[commit, file, oid]
            if len(replaced) >= len(parents.get(commit, ())):
                version = versions.setdefault((file, oid), _Version(file, oid))
                version.introduced.append((commit, tuple(replaced)))
        return versions

    @cached_property
    def _by_digest(self) -> dict[str, list[_Version]]:
        found: dict[str, list[_Version]] = {}
        for version in self._versions.values():
            for digest in digests_in(self._bytes(version)):
                found.setdefault(digest, []).append(version)
        return found

    def _is_dvc(self, file: str) -> bool:
        name = posixpath.basename(file)
        named = name == "dvc.lock" or (name.endswith(".dvc") and name != ".dvc")
        return named and file.startswith(self._below)

    def _bytes(self, version: _Version) -> bytes:
        try:
            return self.git.store.blob(version.oid, MAX_BYTES)
        except UnreadableError as error:
            commit = version.introduced[0][0][:10]
            self.note(f"{version.file} of commit {commit} cannot be read: {error}")
            return b""

    def states(self, file: str, oid: str) -> tuple[StageState, ...]:
        """Return the states of one content of a file, with empty ``commits``."""
        key = (file, oid)
        if key not in self._states:
            # A file that a tree holds and the log does not name is one that a merge took over
            # in a history that was cut off: it is read all the same.
            version = self._versions.get(key) or _Version(file, oid, [("", ())])
            self._states[key] = tuple(self._read(version))
        return self._states[key]

    def _outs(self, version: _Version) -> dict[str, list[StageState]]:
        """Return the states of a content by the digests of their outs."""
        key = (version.file, version.oid)
        if key not in self._by_out:
            found: dict[str, list[StageState]] = {}
            for state in self.states(*key):
                for digest in {out.digest for out in state.outs}:
                    found.setdefault(digest, []).append(state)
            self._by_out[key] = found
        return self._by_out[key]

    def _read(self, version: _Version) -> Iterator[StageState]:
        commit = version.introduced[0][0]
        data = self._bytes(version)
        if version.file.endswith(".dvc"):
            parsed = parse_dvc(data, version.file)
        else:
            parsed = parse_lock(data, version.file, self._declarations(commit, version))
        self._note_parsed(parsed, version.file, commit)
        for record in parsed.stages:
            state = self._state(version.file, record)
            if record.elsewhere:
                self._elsewhere[state.id] = record.elsewhere
            yield state

    def _state(self, file: str, record: StageRecord) -> StageState:
        content = [
            *(self.git.name, file, record.stage, record.command, record.params),
            *([_row(item) for item in paths] for paths in (record.deps, record.outs)),
            record.imported_from,
        ]
        return StageState(
            id=sha256(dumps(content)),
            repository=self.git.name,
            file=file,
            stage=record.stage,
            commits=(),
            command=record.command,
            deps=record.deps,
            outs=record.outs,
            params=record.params,
            imported_from=record.imported_from,
        )

    def _note_parsed(self, parsed: Parsed, file: str, commit: str) -> None:
        for problem in parsed.problems:
            self.note(f"{file} of commit {commit[:10]}: {problem}")

    def _declarations(self, commit: str, version: _Version) -> dict[str, Declared]:
        """Return what the ``dvc.yaml`` beside a lock says, at the lock's commit."""
        file = posixpath.join(posixpath.dirname(version.file), "dvc.yaml")
        try:
            entry = self.git.entry(commit, file)
            if entry is None or not entry.is_file:
                return {}
            if entry.oid not in self._declared:
                self._declared[entry.oid] = parse_yaml(self.git.store.blob(entry.oid, MAX_BYTES))
            return self._declared[entry.oid]
        except (UnreadableError, MalformedError) as error:
            self.note(f"{file} of commit {commit[:10]}: {error}")
            return {}

    # --- which commits introduced a state ------------------------------------------------

    def _joined(self, found: Iterable[tuple[_Version, StageState]]) -> tuple[StageState, ...]:
        """Return each state once, with all commits that introduced it, oldest first."""
        states: dict[str, StageState] = {}
        first: dict[str, str] = {}
        commits: dict[str, set[str]] = {}
        for version, state in found:
            states.setdefault(state.id, state)
            first.setdefault(state.id, version.introduced[0][0])
            commits.setdefault(state.id, set()).update(self._introducing(version, state))
        placed = []
        for key, state in states.items():
            # None is left only where a file changed its mode and nothing else.
            shas = commits[key] or {first[key]}
            placed.append(replace(state, commits=tuple(sorted(shas, key=self._place))))
        return tuple(sorted(placed, key=lambda s: (self._place(s.commits[0]), s.file, s.stage)))

    def _place(self, commit: str) -> int:
        return self.git.order.get(commit, 0)

    def _introducing(self, version: _Version, state: StageState) -> Iterator[str]:
        digest = next((out.digest for out in state.outs if out.digest), "")
        holding = {known.oid for known in self._by_digest.get(digest, ())}
        for commit, replaced in version.introduced:
            if not any(
                other.id == state.id
                for old in replaced
                if old != _NOTHING and (old in holding or not digest)
                for other in self.states(version.file, old)
            ):
                yield commit


def _row(path: TrackedPath) -> list[object]:
    return [path.path, path.digest, path.hash_name, path.size, path.files]


def _changes(log: bytes) -> Iterator[tuple[str, str, str, str, str]]:
    r"""Yield ``(commit, new mode, old id, new id, path)`` from ``git log --raw -z``.

    The output is a row of fields that each end in NUL: a commit is ``\x01<sha>``, a change
    is ``:<old mode> <new mode> <old id> <new id> <letter>`` and then its path.
    """
    commit = ""
    fields = iter(log.split(b"\0"))
    for item in fields:
        if item.startswith(b"\x01"):
            commit = item[1:].decode("ascii")
        elif item.strip().startswith(b":"):
            _, mode, old, new, _ = item.strip().decode("ascii").split(" ")
            yield commit, mode, old, new, next(fields).decode("utf-8", "backslashreplace")
