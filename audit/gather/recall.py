"""Observations read back from the ledger, and what does not fit together said in sentences."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
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


def recall(ledger: Ledger, subject: str, problems: Iterable[str] = ()) -> Observations:
    """Return all that the ledger holds about a registry, ``problems`` first among what is amiss.

    Of a row of readings that found nothing new, the first and the last are kept and one an
    hour between them, and of checks likewise: a registry may be looked at every minute.
    """
    found = list(problems)
    by_kind = defaultdict[str, list[Event]](list)
    head, count = ledger.head()
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
        snapshots=_thinned(snapshots, lambda item: bool(item.changes or item.renames)),
        rows=tuple(read(ROWS_CAPTURED, rows_of)),
        attempts=tuple(read(ATTEMPTS_SEEN, attempts_of)),
        deliveries=tuple(
            read(WEBHOOK_RECEIVED, lambda event: [canonical.load(Delivery, event.payload)])
        ),
        checks=_thinned(checks, lambda item: not item.whole),
        head=head,
        events=count,
        problems=tuple(found),
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


def _thinned(items: list[T], always: Callable[[T], bool]) -> tuple[T, ...]:
    """Return the items that ``always`` wants, those right beside them, and one an hour."""
    kept: list[T] = []
    for number, item in enumerate(items):
        near = items[max(number - 1, 0) : number + 2]
        if len(near) < 3 or any(map(always, near)) or _at(item) - _at(kept[-1]) >= _SPARSE_MS:
            kept.append(item)
    return tuple(kept)


def _at(item: Any) -> int:
    return int(item.at)
