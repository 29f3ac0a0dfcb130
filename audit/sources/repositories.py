"""A configured repository as the two sources it is: its history, and its data remotes."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from audit.config import Code
from audit.errors import SourceError
from audit.facts import (
    CodeDigest,
    Commit,
    DeclaredStage,
    Fresher,
    Match,
    Pipeline,
    Repository,
    StageState,
    TrackedPath,
)
from audit.facts.since import FileChange
from audit.sources.addresses import local_path
from audit.sources.dvc.compare import TreeComparison
from audit.sources.dvc.doubt import other_origins
from audit.sources.dvc.elsewhere import Found, Wanted, around, found_at
from audit.sources.dvc.entries import is_outside
from audit.sources.dvc.freshness import Freshness
from audit.sources.dvc.history import DvcHistory
from audit.sources.dvc.lineage import lock_commit, upstream
from audit.sources.dvc.match import Inferrer, agreement, best, params_of
from audit.sources.dvc.rehash import Rehash
from audit.sources.dvc.remotes import DvcRemotes, ProjectConfig
from audit.sources.dvc.unrun import never_run
from audit.sources.dvc.versioned import Kept
from audit.sources.git.history import GitHistory
from audit.sources.git.mirror import mirrored
from audit.sources.git.signatures import Signers
from audit.sources.git.store import UnreadableError

_MAX_CONFIG = 1024 * 1024


def open_code(
    entry: Code, cache: Path, rehash: Rehash | None = None
) -> tuple[DvcRepository, DvcRemotes]:
    """Return the history and the remotes of a configured repository.

    A ``url:`` is mirrored into ``cache``, or the mirror there brought up to date. ``rehash``
    reads the bytes of what remotes hold.
    Raises ``UsageError`` where there is no git repository, ``SourceError`` where git
    cannot read or reach it.
    """
    path = entry.path if entry.path is not None else mirrored(entry.url, cache)
    signers = Signers(entry.allowed_signers, entry.keyring)
    with ExitStack() as undoing:
        undoing.callback(signers.close)
        git = GitHistory(path, entry.label, entry.branches, signers)
        undoing.callback(git.close)
        code = DvcRepository(git, entry.subdirectory, entry.url)
        origin = path if entry.path is not None else local_path(entry.url)
        config = _project_config(git, entry, origin)
        # From here on the caller closes it.
        undoing.pop_all()
    return code, DvcRemotes(entry.label, config, code.elsewhere, code.kept, rehash)


class DvcRepository:
    """The code source of one repository: its commits and the DVC states of its history."""

    def __init__(self, git: GitHistory, subdirectory: str = ".", address: str = "") -> None:
        """Read nothing yet. ``subdirectory`` limits DVC files to those below it.

        ``address`` is where the repository was mirrored from.
        """
        self._git = git
        self._address = address
        self._subdirectory = subdirectory
        self._history = DvcHistory(git, subdirectory)
        self._trees = TreeComparison(self._history)

    def close(self) -> None:
        """End the git processes that were started for this repository."""
        self._git.close()

    @property
    def name(self) -> str:
        """The repository's name in the report."""
        return self._git.name

    def describe(self) -> Repository:
        """Return what the repository is, and what could not be read of it so far."""
        return self._git.describe(
            lock_states=lambda: self._history.lock_states, problems=self._history.problems
        )

    def commit(self, sha: str) -> Commit | None:
        """Return a commit by full SHA, ``None`` if this repository does not hold it."""
        return self._git.commit(sha)

    @property
    def addresses(self) -> tuple[str, ...]:
        """Addresses by which the repository is known, as configured and of its remotes."""
        return (*filter(None, [self._address]), *self._git.addresses)

    def submodule(self, sha: str) -> tuple[str, str] | None:
        """Return the path that held a submodule at this commit, and the first commit to do so."""
        try:
            return self._git.submodule(sha)
        except SourceError:
            # What cannot be read is told by ``describe``.
            return None

    def changed_files(self, before: str, after: str) -> tuple[tuple[FileChange, ...], int]:
        """Return the files that differ between two commits, and how many more do.

        Raises ``UnreadableError`` where git cannot compare them.
        """
        return self._git.changed_files(before, after)

    def changed_in_pairs(
        self, pairs: Iterable[tuple[str, str]]
    ) -> dict[tuple[str, str], tuple[tuple[FileChange, ...], int]]:
        """Return the same for many pairs at once, without those that cannot be compared."""
        return self._git.changed_in_pairs(pairs)

    def commits_between(self, before: str, after: str) -> int | None:
        """Return how many commits ``after`` has on top of ``before``, negative where it is older.

        ``None`` where neither descends from the other, or it cannot be told.
        """
        return self._git.commits_between(before, after)

    def states_with_out(self, digest: str) -> tuple[StageState, ...]:
        """Return every state that has an out with this digest, the oldest first."""
        return self._history.with_out(digest)

    def states_using(self, digest: str) -> tuple[StageState, ...]:
        """Return every stage state that has a dependency with this digest, the oldest first."""
        return self._history.with_dep(digest)

    def agreeing(
        self, states: Sequence[StageState], params: Mapping[str, str], tagged: str
    ) -> tuple[StageState, ...]:
        """Return those states that a run's parameters leave possible.

        Those in the tagged commit come first, which does not decide: it may be the one before.
        """
        left = best(states, params)
        return tuple(sorted(left, key=lambda state: not self._history.holds(tagged, state)))

    def differences(self, state: StageState, params: Mapping[str, str]) -> tuple[str, ...]:
        """Return the parameters that a run and a state both have with other values."""
        return agreement("param", params, params_of(state)).differs

    def infer(
        self, params: Mapping[str, str], metrics: Mapping[str, float]
    ) -> tuple[StageState, Match] | str:
        """Return the one state that parameters and metrics lead to, else why there is none."""
        return self._inferrer.candidates(params, metrics)

    def lock_commit(self, state: StageState, tagged: str) -> str:
        """Return the commit that the state's lock is to be read from."""
        return lock_commit(self._history, state, tagged)

    def upstream(self, state: StageState, commit: str) -> tuple[StageState, ...]:
        """Return the state and, by digest, all states that its data came from."""
        return upstream(self._history, state, commit)

    def imported(self, asked: Wanted) -> Found:
        """Return what the commit that a ``dvc import`` names has at its path."""
        return found_at(self._history, self._trees, asked)

    def around(
        self, state: StageState | None, path: str, commit: str
    ) -> tuple[tuple[StageState, TrackedPath], ...]:
        """Return states that track a folder around a path, with it, the likeliest first."""
        return around(self._history, state, path, commit)

    def listed(self, folder: str) -> tuple[TrackedPath, ...]:
        """Return the members of a folder whose list stands in git, by the folder's digest."""
        return self._history.members(folder)

    def hindrance(self, path: str, commit: str) -> str:
        """Return why a path cannot be looked for in a commit, ``""`` where it can."""
        return self._trees.hindrance(path, commit)

    def never_run(self, state: StageState, commit: str) -> tuple[DeclaredStage, ...]:
        """Return the stages that the state's DVC project declares at a commit and never ran."""
        return never_run(self._history, state, commit)

    def doubts(self, states: Sequence[StageState], commit: str, tagged: str) -> dict[str, str]:
        """Return the digests of a closure whose origin another commit tells otherwise."""
        return other_origins(self._history, states, commit, tagged)

    def compare(self, state: StageState, commit: str) -> tuple[CodeDigest, ...]:
        """Return the state's dependencies and parameters against the tree of a commit."""
        return self._trees.compare(state, commit)

    def fresher(self, pipeline: Pipeline, began: int) -> tuple[Fresher, ...]:
        """Return what was there newer than what the weights depend on, when training began."""
        return self._freshness.fresher(pipeline, began)

    def elsewhere(self, digest: str) -> str:
        """Return why no data remote is meant to hold a digest, ``""`` where one is."""
        reasons = []
        for state in self._history.with_out(digest):
            for out in state.outs:
                if out.digest == digest:
                    in_git = digest in self._trees.in_git(state)
                    reasons.append(
                        "kept in git"
                        if in_git
                        else self._history.elsewhere(state).get(out.path, "")
                    )
        return reasons[0] if reasons and all(reasons) else ""

    def kept(self, digest: str) -> Kept:
        """Return where a digest is kept, paths relative to the DVC project."""
        outs = [
            replace(out, path=posixpath.relpath(out.path, self._subdirectory))
            for state in self._history.with_out(digest)
            for out in state.outs
            if out.digest == digest and not is_outside(out.path)
        ]
        return Kept(tuple(dict.fromkeys(outs)), self._history.members(digest))

    @cached_property
    def _freshness(self) -> Freshness:
        return Freshness(self._history)

    @cached_property
    def _inferrer(self) -> Inferrer:
        return Inferrer(self._history, self._trees.metrics_at)


def _project_config(git: GitHistory, entry: Code, origin: Path | None) -> ProjectConfig:
    """Return the configuration of the DVC project: of the work tree, else of the newest commit.

    ``origin`` is the repository's own folder, from which relative paths are meant.
    """
    folder = origin / entry.subdirectory / ".dvc" if origin is not None else None
    if folder is not None and (folder / "config").is_file():
        return ProjectConfig(
            committed=_read(folder / "config"),
            local=_read(folder / "config.local"),
            folder=folder.resolve(),
        )
    file = posixpath.normpath(posixpath.join(entry.subdirectory, ".dvc/config"))
    tips = (tip for tips in git.tips.values() for tip in tips)
    for commit in (*tips, git.head):
        try:
            found = git.entry(commit, file)
            if found is not None and found.is_file:
                text = git.store.blob(found.oid, _MAX_CONFIG)
                return ProjectConfig(committed=text, folder=folder)
        except UnreadableError:
            continue
    return ProjectConfig(folder=folder, found=False)


def _read(path: Path) -> bytes:
    """Return a configuration file's bytes; a symbolic link is not followed."""
    if path.is_symlink() or not path.is_file() or path.stat().st_size > _MAX_CONFIG:
        return b""
    return path.read_bytes()
