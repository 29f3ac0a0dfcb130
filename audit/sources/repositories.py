"""A configured repository as the two sources it is: its history, and its data remotes."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

from audit.config import Code
from audit.facts import CodeDigest, Commit, Match, Repository, StageState
from audit.sources.addresses import local_path
from audit.sources.dvc.compare import TreeComparison
from audit.sources.dvc.history import DvcHistory
from audit.sources.dvc.lineage import lock_commit, upstream
from audit.sources.dvc.match import Inferrer, agreement, best, params_of
from audit.sources.dvc.remotes import DvcRemotes, ProjectConfig
from audit.sources.git.history import GitHistory
from audit.sources.git.mirror import mirrored
from audit.sources.git.store import UnreadableError

_MAX_CONFIG = 1024 * 1024


def open_code(entry: Code, cache: Path) -> tuple[DvcRepository, DvcRemotes]:
    """Return the history and the remotes of a configured repository.

    A ``url:`` is mirrored into ``cache``, or the mirror there brought up to date.
    Raises ``UsageError`` where there is no git repository, ``SourceError`` where git
    cannot read or reach it.
    """
    path = entry.path if entry.path is not None else mirrored(entry.url, cache)
    git = GitHistory(path, entry.label, entry.branches)
    code = DvcRepository(git, entry.subdirectory)
    origin = path if entry.path is not None else local_path(entry.url)
    config = _project_config(git, entry, origin)
    return code, DvcRemotes(entry.label, config, code.elsewhere)


class DvcRepository:
    """The code source of one repository: its commits and the DVC states of its history."""

    def __init__(self, git: GitHistory, subdirectory: str = ".") -> None:
        """Read nothing yet. ``subdirectory`` limits DVC files to those below it."""
        self._git = git
        self._history = DvcHistory(git, subdirectory)
        self._trees = TreeComparison(self._history)

    def close(self) -> None:
        """End the git processes that were started for this repository."""
        self._git.store.close()

    def describe(self) -> Repository:
        """Return what the repository is, and what could not be read of it so far."""
        return self._git.describe(
            lock_states=lambda: self._history.lock_states, problems=self._history.problems
        )

    def commit(self, sha: str) -> Commit | None:
        """Return a commit by full SHA, ``None`` if this repository does not hold it."""
        return self._git.commit(sha)

    def states_with_out(self, digest: str) -> tuple[StageState, ...]:
        """Return every state that has an out with this digest, the oldest first."""
        return self._history.with_out(digest)

    def agreeing(
        self, states: Sequence[StageState], params: Mapping[str, str], tagged: str
    ) -> tuple[StageState, ...]:
        """Return those states that a run's parameters and tagged commit leave possible."""
        return best(states, params, lambda state: self._history.holds(tagged, state))

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

    def compare(self, state: StageState, commit: str) -> tuple[CodeDigest, ...]:
        """Return the state's dependencies and parameters against the tree of a commit."""
        return self._trees.compare(state, commit)

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
