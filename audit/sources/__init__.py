"""What can be read, as Protocols.

A source returns facts and raises ``SourceError`` only when the whole source cannot
be asked. What cannot be read for one version is a fact about that version.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from audit.facts import (
    CodeDigest,
    Commit,
    DataObject,
    DeclaredStage,
    FolderList,
    Fresher,
    Match,
    Pipeline,
    Registry,
    Repository,
    StageState,
    TrackedPath,
    Weights,
)
from audit.facts.since import FileChange

if TYPE_CHECKING:
    # Whoever imports a module of this room would have to load git and DVC's files with it.
    from audit.sources.dvc.elsewhere import Found, Wanted


class RegistryReader(Protocol):
    """Reads a whole registry in bulk: ``sql`` and ``rest`` are two of them."""

    name: str

    def read(self) -> Registry:
        """Return all models, versions, runs and logged models, in a fixed order.

        Raises ``UsageError`` if the registry cannot be reached or is not MLflow's.
        """
        ...

    def read_models(self) -> Registry:
        """Return models and versions alone, as ``read`` does, for those who look often."""
        ...


class CodeSource(Protocol):
    """One configured git repository with the DVC projects in its history."""

    @property
    def name(self) -> str:
        """The repository's name in the report."""
        ...

    def describe(self) -> Repository:
        """Return what the repository is and whether it can be asked."""
        ...

    def commit(self, sha: str) -> Commit | None:
        """Return a commit by full SHA, ``None`` if this repository does not hold it."""
        ...

    @property
    def addresses(self) -> tuple[str, ...]:
        """Addresses by which the repository is known; they may hold secrets."""
        ...

    def submodule(self, sha: str) -> tuple[str, str] | None:
        """Return the path that held a submodule at this commit, and the first commit to do so."""
        ...

    def changed_files(self, before: str, after: str) -> tuple[tuple[FileChange, ...], int]:
        """Return the files that differ between two commits, and how many more do.

        Raises ``UnreadableError``, whose message is a sentence, where they cannot be compared.
        """
        ...

    def changed_in_pairs(
        self, pairs: Iterable[tuple[str, str]]
    ) -> dict[tuple[str, str], tuple[tuple[FileChange, ...], int]]:
        """Return the same for many pairs at once, without those that cannot be compared."""
        ...

    def commits_between(self, before: str, after: str) -> int | None:
        """Return how many commits ``after`` has on top of ``before``, negative where it is older.

        ``None`` where neither descends from the other, or it cannot be told.
        """
        ...

    def states_with_out(self, digest: str) -> tuple[StageState, ...]:
        """Return every stage state of the history that has an out with this digest."""
        ...

    def states_using(self, digest: str) -> tuple[StageState, ...]:
        """Return every stage state of the history that has a dependency with this digest."""
        ...

    def agreeing(
        self, states: Sequence[StageState], params: Mapping[str, str], tagged: str
    ) -> tuple[StageState, ...]:
        """Return those states that a run's parameters leave possible, the tagged commit's first."""
        ...

    def differences(self, state: StageState, params: Mapping[str, str]) -> tuple[str, ...]:
        """Return the parameters that a run and a state both have with other values."""
        ...

    def infer(
        self, params: Mapping[str, str], metrics: Mapping[str, float]
    ) -> tuple[StageState, Match] | str:
        """Return the one state that parameters and metrics lead to, else why there is none."""
        ...

    def lock_commit(self, state: StageState, tagged: str) -> str:
        """Return the commit that the state's lock is to be read from."""
        ...

    def upstream(self, state: StageState, commit: str) -> tuple[StageState, ...]:
        """Return the state and, by digest, all states that its data came from."""
        ...

    def imported(self, asked: Wanted) -> Found:
        """Return what the commit that a ``dvc import`` names has at its path."""
        ...

    def around(
        self, state: StageState | None, path: str, commit: str
    ) -> tuple[tuple[StageState, TrackedPath], ...]:
        """Return states that track a folder around a path, with it, the likeliest first.

        Without a state only those in the commit's tree.
        """
        ...

    def listed(self, folder: str) -> tuple[TrackedPath, ...]:
        """Return the members of a folder whose list stands in git, by the folder's digest."""
        ...

    def hindrance(self, path: str, commit: str) -> str:
        """Return why a path cannot be looked for in a commit, ``""`` where it can."""
        ...

    def never_run(self, state: StageState, commit: str) -> tuple[DeclaredStage, ...]:
        """Return the stages that the state's DVC project declares at a commit and never ran."""
        ...

    def doubts(self, states: Sequence[StageState], commit: str, tagged: str) -> dict[str, str]:
        """Return the digests of a closure whose origin another commit tells otherwise."""
        ...

    def compare(self, state: StageState, commit: str) -> tuple[CodeDigest, ...]:
        """Return the state's dependencies and parameters against the tree of a commit."""
        ...

    def fresher(self, pipeline: Pipeline, began: int) -> tuple[Fresher, ...]:
        """Return what was there newer than what the weights depend on, when training began."""
        ...

    def close(self) -> None:
        """End what was started for this repository."""
        ...


class DataSource(Protocol):
    """The DVC remotes of one repository."""

    def exist(self, digests: Sequence[str]) -> tuple[DataObject, ...]:
        """Return for each digest whether its remote holds it, asked in one batch."""
        ...

    def read(self, digest: str, most: int) -> bytes | str:
        """Return a file's bytes, which have the digest and are at most ``most``, else why not."""
        ...

    def members(self, digests: Sequence[str]) -> Mapping[str, FolderList]:
        """Return of each folder (``….dir``) what is in it, or why that is not known."""
        ...

    def whole(self, folder: str) -> Mapping[str, str] | None:
        """Return the digests of all files of a folder by path, ``None`` where it is not known."""
        ...


class WeightsReader(Protocol):
    """Hashes artifact folders at their storage locations."""

    def read(self, locations: Iterable[str]) -> dict[str, Weights]:
        """Return the digests of each location; unreadable ones say why."""
        ...
