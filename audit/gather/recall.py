"""Observations read back from the ledger, and what does not fit together said in sentences."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from pydantic import ValidationError

from audit import canonical
from audit.facts import (
    Attempt,
    CaptureCheck,
    CapturedRow,
    Delivery,
    Observations,
    Snapshot,
    State,
)
from audit.history.state import applied, digest
from audit.ledger import (
    ATTEMPTS_SEEN,
    CAPTURE_CHECKED,
    ROWS_CAPTURED,
    SNAPSHOT_TAKEN,
    WEBHOOK_RECEIVED,
    Event,
    Ledger,
)
from audit.period import iso

T = TypeVar("T")

_SPARSE_MS = 3_600_000
"""Of readings that found nothing new, one in this time (an hour) is told on."""

_WRITING_MS = 5_000
"""So long after a reading a row may be dated that it saw."""


def recall(ledger: Ledger, subject: str, problems: Iterable[str] = ()) -> Observations:
    """Return all that the ledger holds about a registry, ``problems`` first among what is amiss."""
    found = list(problems)
    by_kind = defaultdict[str, list[Event]](list)
    for event in ledger.events(
        subject, SNAPSHOT_TAKEN, ROWS_CAPTURED, ATTEMPTS_SEEN, CAPTURE_CHECKED, WEBHOOK_RECEIVED
    ):
        by_kind[event.kind].append(event)

    def read(kind: str, of: Callable[[Event], list[T]]) -> list[T]:
        items = []
        for event in by_kind[kind]:
            try:
                items += of(event)
            except (ValidationError, KeyError, TypeError):
                found.append(
                    f"The ledger's event of {iso(event.at)} ({kind}) is not in the form that "
                    "this version writes; what it says is left out."
                )
        return items

    snapshots = read(SNAPSHOT_TAKEN, lambda event: [canonical.load(Snapshot, event.payload)])
    found += differing(snapshots)
    checks = read(CAPTURE_CHECKED, lambda event: [canonical.load(CaptureCheck, event.payload)])
    return Observations(
        snapshots=tuple(snapshots),
        rows=tuple(read(ROWS_CAPTURED, rows_of)),
        attempts=tuple(read(ATTEMPTS_SEEN, attempts_of)),
        deliveries=tuple(
            read(WEBHOOK_RECEIVED, lambda event: [canonical.load(Delivery, event.payload)])
        ),
        checks=tuple(checks),
        problems=tuple(found),
    )


def until(observations: Observations, moment: int) -> Observations:
    """Return what tells how the registry stood at a moment (UTC ms), the same at every later time.

    That is all up to the first snapshot after it, which closes what was open then.
    """
    closing = next((item for item in observations.snapshots if item.at > moment), None)
    if closing is None:
        return observations
    end = closing.at
    # A row that was written while the snapshot was read may be in it.
    written = (closing.ended_at or closing.at) + _WRITING_MS
    return replace(
        observations,
        snapshots=tuple(item for item in observations.snapshots if item.at <= end),
        rows=tuple(row for row in observations.rows if row.at <= written),
        attempts=tuple(item for item in observations.attempts if item.at <= moment),
        deliveries=tuple(item for item in observations.deliveries if item.sent_at <= end),
        checks=tuple(item for item in observations.checks if item.at <= end),
    )


def thinned(observations: Observations) -> Observations:
    """Return observations with fewer of those that found nothing new.

    Of a row of such readings the first and the last are kept and one an hour between them,
    and of checks likewise: a registry may be looked at every minute.
    """
    return replace(
        observations,
        snapshots=_thinned(observations.snapshots, lambda it: bool(it.changes or it.renames)),
        checks=_thinned(observations.checks, lambda item: not item.whole),
    )


def rows_of(event: Event) -> list[CapturedRow]:
    """Return the captured rows in an event."""
    return canonical.load(list[CapturedRow], event.payload["rows"])


def attempts_of(event: Event) -> list[Attempt]:
    """Return the attempts in an event."""
    return canonical.load(list[Attempt], event.payload["attempts"])


def folded(snapshots: Iterable[Snapshot]) -> State:
    """Return the state that all snapshots together come to."""
    state: State = {}
    for item in snapshots:
        if item.changes or item.renames:
            state = applied(state, item.renames, item.changes)
    return state


def differing(snapshots: Sequence[Snapshot]) -> list[str]:
    """Return a sentence where the state put together again is not the one that was read.

    The state is compared at the last snapshot; of one that found nothing new it is enough
    that it has the digest of the one before.
    """
    for before, item in itertools.pairwise(snapshots):
        if not item.changes and not item.renames and item.digest != before.digest:
            return [_DIFFERS.format(moment=iso(item.at))]
    if snapshots and digest(folded(snapshots)) != snapshots[-1].digest:
        return [_DIFFERS.format(moment=iso(snapshots[-1].at))]
    return []


_DIFFERS = (
    "The registry's state as noted in the ledger does not come to the digest of the reading of "
    "{moment}: the ledger is not what was written."
)


def _thinned(items: Sequence[T], always: Callable[[T], bool]) -> tuple[T, ...]:
    """Return the items that ``always`` wants, those right beside them, and one an hour."""
    kept: list[T] = []
    for number, item in enumerate(items):
        near = items[max(number - 1, 0) : number + 2]
        if len(near) < 3 or any(map(always, near)) or _at(item) - _at(kept[-1]) >= _SPARSE_MS:
            kept.append(item)
    return tuple(kept)


def _at(item: Any) -> int:
    return int(item.at)
