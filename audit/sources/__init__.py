"""What can be read, as Protocols.

A source returns facts and raises ``SourceError`` only when the whole source cannot
be asked. What cannot be read for one version is a fact about that version.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from audit.facts import (
    CodeDigest,
    Commit,
    DataObject,
    Match,
    Registry,
    Repository,
    StageState,
    Weights,
)


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

    def describe(self) -> Repository:
        """Return what the repository is and whether it can be asked."""
        ...

    def commit(self, sha: str) -> Commit | None:
        """Return a commit by full SHA, ``None`` if this repository does not hold it."""
        ...

    def states_with_out(self, digest: str) -> tuple[StageState, ...]:
        """Return every stage state of the history that has an out with this digest."""
        ...

    def agreeing(
        self, states: Sequence[StageState], params: Mapping[str, str], tagged: str
    ) -> tuple[StageState, ...]:
        """Return those states that a run's parameters and tagged commit leave possible."""
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

    def compare(self, state: StageState, commit: str) -> tuple[CodeDigest, ...]:
        """Return the state's dependencies and parameters against the tree of a commit."""
        ...

    def close(self) -> None:
        """End what was started for this repository."""
        ...


class DataSource(Protocol):
    """The DVC remotes of one repository."""

    def exist(self, digests: Sequence[str]) -> tuple[DataObject, ...]:
        """Return for each digest whether its remote holds it, asked in one batch."""
        ...


class WeightsReader(Protocol):
    """Hashes artifact folders at their storage locations."""

    def read(self, locations: Iterable[str]) -> dict[str, Weights]:
        """Return the digests of each location; unreadable ones say why."""
        ...
