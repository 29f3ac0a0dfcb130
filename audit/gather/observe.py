"""Observing a registry: what changed since the last time goes to the ledger, and all comes back.

A snapshot is noted as what makes the state of the one before into this one. That holds
only in the order of the chain, so what is appended follows from the head that was looked
at: where another writer was faster, it is worked out again. A reading that began before
another one ended cannot be put in order with it, and only counts where both found the same.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, replace

from sqlalchemy.exc import SQLAlchemyError

from audit import canonical
from audit.capture.log import CaptureLog, open_log
from audit.errors import AuditError, SourceError
from audit.facts import (
    Attempt,
    CaptureCheck,
    CapturedRow,
    Observations,
    Registry,
    Snapshot,
    State,
)
from audit.gather.recall import attempts_of, folded, recall, rows_of
from audit.history.state import difference, digest, state_of
from audit.ledger import (
    ATTEMPTS_SEEN,
    CAPTURE_CHECKED,
    ROWS_CAPTURED,
    SNAPSHOT_TAKEN,
    Event,
    Ledger,
    LedgerMovedError,
)
from audit.period import iso
from audit.sources.registry.database import first_line
from audit.sources.uris import redact_uri

_TRIES = 50
_BATCH = 1000
"""Captured rows to an event."""


@dataclass(frozen=True, slots=True)
class Noted:
    """What one observation added to the ledger."""

    snapshot: Snapshot | None
    """``None`` for a reading that overlaps another one."""
    first: bool = False
    """Whether nothing was noted of this registry before."""
    rows: int = 0
    attempts: int = 0
    overlaps: int | None = None
    """UTC ms at which the other reading ended, where this one found something else."""
    check: CaptureCheck | None = None
    problems: tuple[str, ...] = ()


def observe(
    registry: Registry, uri: str, ledger: Ledger, began: int, ended: int | None = None
) -> Observations:
    """Note what a reading found and what was captured; return all observations of the registry.

    ``began`` and ``ended`` (UTC ms) enclose the reading; without the second it is as the first.
    """
    noted = note(registry, uri, ledger, began, ended)
    problems = list(noted.problems)
    if noted.overlaps is not None:
        problems.append(
            f"The reading that began at {iso(began)} overlaps one that ended at "
            f"{iso(noted.overlaps)} and found something else; the next one will tell which."
        )
    return recall(ledger, redact_uri(uri), problems)


def note(
    registry: Registry, uri: str, ledger: Ledger, began: int, ended: int | None = None
) -> Noted:
    """Append to the ledger what a reading found and what was captured since the last time.

    Raises ``SourceError`` where the ledger cannot be written. A capture log that cannot be
    read is a problem, not an error.
    """
    subject = redact_uri(uri)
    state = state_of(registry, registry.reader)
    reading = Snapshot(
        at=began,
        reader=registry.reader,
        digest=digest(state),
        entries=len(state),
        ended_at=began if ended is None else ended,
    )
    for _ in range(_TRIES):
        head, _count = ledger.head()
        noted, events = _snapshot(reading, state, ledger, subject)
        captured = _captured(uri, ledger, subject, began)
        try:
            ledger.append([*events, *captured.events], onto=head)
        except LedgerMovedError:
            continue
        return replace(
            noted,
            rows=captured.rows,
            attempts=captured.attempts,
            check=captured.check,
            problems=captured.problems,
        )
    raise SourceError("the ledger is being written to without a pause", remedy="Try again")


def _snapshot(
    reading: Snapshot, state: State, ledger: Ledger, subject: str
) -> tuple[Noted, list[Event]]:
    """Return what a reading adds to the snapshots in the ledger."""
    newest = ledger.last(subject, SNAPSHOT_TAKEN)
    last = canonical.load(Snapshot, newest.payload) if newest else None
    if last is not None and _end(last) > reading.at:
        same = last.digest == reading.digest
        return Noted(None, overlaps=None if same else _end(last)), []
    if last is None or last.digest != reading.digest:
        events = ledger.events(subject, SNAPSHOT_TAKEN)
        before = folded(canonical.load(Snapshot, event.payload) for event in events)
        renames, changes = difference(before, state)
        reading = replace(reading, renames=renames, changes=changes)
    event = Event(reading.at, SNAPSHOT_TAKEN, subject, canonical.plain(reading))
    return Noted(reading, first=last is None), [event]


def _end(snapshot: Snapshot) -> int:
    return snapshot.at if snapshot.ended_at is None else snapshot.ended_at


@dataclass(frozen=True, slots=True)
class _Captured:
    """What the capture log holds that the ledger does not."""

    events: tuple[Event, ...] = ()
    rows: int = 0
    attempts: int = 0
    check: CaptureCheck | None = None
    problems: tuple[str, ...] = ()


def _captured(uri: str, ledger: Ledger, subject: str, now: int) -> _Captured:
    try:
        log = open_log(uri)
        if log is None:
            return _not_captured(ledger, subject, now)
        with closing(log):
            return _harvest(log, ledger, subject, now)
    except (AuditError, SQLAlchemyError, ValueError) as error:
        return _Captured(problems=(f"The capture log cannot be read: {first_line(error)}.",))


def _not_captured(ledger: Ledger, subject: str, now: int) -> _Captured:
    """Return that nothing watches the registry, which is news only where something did."""
    newest = ledger.last(subject, CAPTURE_CHECKED)
    if newest is None or newest.payload.get("installed_at") is None:
        return _Captured()
    check = CaptureCheck(now, None)
    event = Event(now, CAPTURE_CHECKED, subject, canonical.plain(check))
    return _Captured((event,), check=check)


def _harvest(log: CaptureLog, ledger: Ledger, subject: str, now: int) -> _Captured:
    check = log.check(now)
    about = {"installed_at": check.installed_at}
    rows = _new_rows(log, ledger, subject, check.installed_at)
    attempts = _new_attempts(log, ledger, subject, check.installed_at)
    events = []
    for start in range(0, len(rows), _BATCH):
        batch = canonical.plain(rows[start : start + _BATCH])
        events.append(Event(now, ROWS_CAPTURED, subject, {"rows": batch, **about}))
    if attempts:
        seen = canonical.plain([attempt for _, attempt in attempts])
        payload = {"last": attempts[-1][0], "attempts": seen, **about}
        events.append(Event(now, ATTEMPTS_SEEN, subject, payload))
    events.append(Event(now, CAPTURE_CHECKED, subject, canonical.plain(check)))
    return _Captured(tuple(events), len(rows), len(attempts), check)


def _new_rows(
    log: CaptureLog, ledger: Ledger, subject: str, installed_at: int | None
) -> list[CapturedRow]:
    """Return the captured rows that the ledger does not hold.

    A log that was installed anew may have begun to count again, or may not: all of it is
    held against all that is known.
    """
    newest = ledger.last(subject, ROWS_CAPTURED)
    if newest is None:
        return log.rows()
    if newest.payload.get("installed_at") == installed_at:
        return log.rows(max(row.seq for row in rows_of(newest)))
    events = ledger.events(subject, ROWS_CAPTURED)
    known = {(row.seq, row.at) for event in events for row in rows_of(event)}
    return [row for row in log.rows() if (row.seq, row.at) not in known]


def _new_attempts(
    log: CaptureLog, ledger: Ledger, subject: str, installed_at: int | None
) -> list[tuple[int, Attempt]]:
    newest = ledger.last(subject, ATTEMPTS_SEEN)
    if newest is None:
        return log.attempts()
    if newest.payload.get("installed_at") == installed_at:
        return log.attempts(int(newest.payload["last"]))
    events = ledger.events(subject, ATTEMPTS_SEEN)
    known = [attempt for event in events for attempt in attempts_of(event)]
    return [(seq, attempt) for seq, attempt in log.attempts() if attempt not in known]
