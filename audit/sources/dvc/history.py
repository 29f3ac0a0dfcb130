"""All that DVC recorded in a repository's history, found by content digest.

One ``git log`` names every ``dvc.lock`` and ``*.dvc`` that any commit of any ref
introduced, DVC's experiments (``refs/exps``) among them. Their bytes are searched for
digests, which is cheap, and only the files that hold an asked digest are parsed.
"""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from functools import cached_property

from audit.canonical import dumps, sha256
from audit.facts import StageState, TrackedPath
from audit.sources.dvc.declared import Declared, parse_yaml
from audit.sources.dvc.files import Parsed, StageRecord, digests_in, parse_dvc, parse_lock
from audit.sources.dvc.log import NOTHING, Log, Version, read_log
from audit.sources.dvc.yaml12 import MAX_BYTES, MalformedError
from audit.sources.git.history import GitHistory
from audit.sources.git.store import UnreadableError

_LISTED = b"relpath"
"""Stands in a file that lists the members of a folder, whose digest is in no text."""
_MOST_AGAIN = 20
"""Commits that brought a state back, of which more are not looked for."""


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
        self._members: dict[str, tuple[TrackedPath, ...]] = {}
        self._again: dict[str, tuple[str, ...]] = {}

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

    def with_dep(self, digest: str) -> tuple[StageState, ...]:
        """Return every stage state that has a dependency with this digest, the oldest first."""
        return self._joined(
            (version, state)
            for version in self._by_digest.get(digest, ())
            for state in self.states(version.file, version.oid)
            if state.stage and any(dep.digest == digest for dep in state.deps)
        )

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

    def commits_with(self, state: StageState) -> tuple[str, ...]:
        """Return the commits that introduced any content of its file that holds a state."""
        digest = next((out.digest for out in state.outs if out.digest), "")
        return tuple(
            sha
            for version in self._by_digest.get(digest, ())
            if version.file == state.file
            if any(known.id == state.id for known in self.states(version.file, version.oid))
            for sha, _ in version.introduced
        )

    def elsewhere(self, state: StageState) -> dict[str, str]:
        """Return the paths of outs that no data remote is meant to hold, with the reason."""
        return self._elsewhere.get(state.id, {})

    def members(self, folder: str) -> tuple[TrackedPath, ...]:
        """Return the files of a folder that a lock or ``*.dvc`` lists, by the folder's digest."""
        return self._members.get(folder, ())

    def told(self, state: StageState, commit: str) -> StageState:
        """Return a state with what the ``dvc.yaml`` of a commit says of its stage.

        Added is also which later commits brought it back after it had been replaced.
        """
        found = replace(state, again_in=self._came_back(state))
        known = self.declarations(commit, state.file) if state.stage else {}
        declared = known.get(state.stage.partition("@")[0])
        if declared is None:
            return found
        return replace(found, frozen=declared.frozen, always_changed=declared.always_changed)

    def _came_back(self, state: StageState) -> tuple[str, ...]:
        """Return the commits that introduced a state on top of another that had done so."""
        if state.id not in self._again:
            later = enumerate(state.commits[1 : _MOST_AGAIN + 1], start=1)
            self._again[state.id] = tuple(
                commit
                for place, commit in later
                if self.git.nearest(commit, set(state.commits[:place]))
            )
        return self._again[state.id]

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

    def tracking(self, paths: Collection[str]) -> Iterator[tuple[StageState, TrackedPath]]:
        """Yield every state of a ``*.dvc`` file that ever had one of some paths as an out."""
        files = {file for path in paths for file in self.tracked_by.get(path, ())}
        for version in self._versions.values() if files else ():
            if version.file in files:
                for state in self.states(version.file, version.oid):
                    yield from ((state, out) for out in state.outs if out.path in paths)

    @cached_property
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
    def log(self) -> Log:
        """Where DVC's files stand in the history."""
        log = read_log(self.git, self._below)
        for problem in log.problems:
            self.note(problem)
        return log

    @property
    def _versions(self) -> dict[tuple[str, str], Version]:
        return self.log.versions

    @cached_property
    def _by_digest(self) -> dict[str, list[Version]]:
        found: dict[str, list[Version]] = {}
        for version in self._versions.values():
            data = self._bytes(version) or b""
            digests = digests_in(data)
            if _LISTED in data:
                digests |= {digest for digest in self._outs(version) if digest}
            for digest in digests:
                found.setdefault(digest, []).append(version)
        return found

    def _bytes(self, version: Version) -> bytes | None:
        """Return a content, ``None`` where it cannot be read, which is noted."""
        try:
            return self.git.store.blob(version.oid, MAX_BYTES)
        except UnreadableError as error:
            commit = version.introduced[0][0][:10]
            self.note(f"{version.file} of commit {commit} cannot be read: {error}")
            return None

    def states(self, file: str, oid: str) -> tuple[StageState, ...]:
        """Return the states of one content of a file, with empty ``commits``."""
        key = (file, oid)
        if key not in self._states:
            # A file that a tree holds and the log does not name is one that a merge took over
            # in a history that was cut off: it is read all the same.
            version = self._versions.get(key) or Version(file, oid, [("", ())])
            self._states[key] = tuple(self._read(version))
        return self._states[key]

    def _outs(self, version: Version) -> dict[str, list[StageState]]:
        """Return the states of a content by the digests of their outs."""
        key = (version.file, version.oid)
        if key not in self._by_out:
            found: dict[str, list[StageState]] = {}
            for state in self.states(*key):
                for digest in {out.digest for out in state.outs}:
                    found.setdefault(digest, []).append(state)
            self._by_out[key] = found
        return self._by_out[key]

    def _read(self, version: Version) -> Iterator[StageState]:
        commit = version.introduced[0][0]
        data = self._bytes(version)
        if data is None:
            return
        if version.file.endswith(".dvc"):
            parsed = parse_dvc(data, version.file)
        else:
            parsed = parse_lock(data, version.file, self.declarations(commit, version.file))
        self._note_parsed(parsed, version.file, commit)
        for record in parsed.stages:
            state = self._state(version.file, record)
            if record.elsewhere:
                self._elsewhere[state.id] = record.elsewhere
            for folder, files in record.members.items():
                # A dependency lists the same files, without their versions.
                if folder not in self._members or any(file.version_id for file in files):
                    self._members[folder] = files
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
            frozen=record.frozen,
            always_changed=record.always_changed,
        )

    def _note_parsed(self, parsed: Parsed, file: str, commit: str) -> None:
        for problem in parsed.problems:
            self.note(f"{file} of commit {commit[:10]}: {problem}")

    def declarations(self, commit: str, lock: str) -> dict[str, Declared]:
        """Return what the ``dvc.yaml`` beside a lock says of its stages at a commit."""
        file = posixpath.join(posixpath.dirname(lock), "dvc.yaml")
        entry = None
        try:
            entry = self.git.entry(commit, file)
            if entry is None or not entry.is_file:
                return {}
            if entry.oid not in self._declared:
                self._declared[entry.oid] = {}
                self._declared[entry.oid] = parse_yaml(self.git.store.blob(entry.oid, MAX_BYTES))
        except (UnreadableError, MalformedError) as error:
            # Said of the first commit only that is asked for: it may stand in thousands.
            self.note(f"{file} of commit {commit[:10]}: {error}")
        return self._declared.get(entry.oid, {}) if entry else {}

    # --- which commits introduced a state ------------------------------------------------

    def _joined(self, found: Iterable[tuple[Version, StageState]]) -> tuple[StageState, ...]:
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

    def _introducing(self, version: Version, state: StageState) -> Iterator[str]:
        digest = next((out.digest for out in state.outs if out.digest), "")
        holding = {known.oid for known in self._by_digest.get(digest, ())}
        for commit, replaced in version.introduced:
            if not any(
                other.id == state.id
                for old in replaced
                if old != NOTHING and (old in holding or not digest)
                for other in self.states(version.file, old)
            ):
                yield commit


def _row(path: TrackedPath) -> list[object]:
    cloud = (path.version_id, path.etag)
    plain = [path.path, path.digest, path.hash_name, path.size, path.files]
    return [*plain, *(cloud if any(cloud) else ())]
