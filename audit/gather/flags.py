"""Flags: versions that somebody marked as bad, set and taken back in the ledger.

A flag is an event of the registry's, as a snapshot is: appended, chained, never changed. Who
set it is what the command line says of itself, and stands as a claim.
"""

from __future__ import annotations

from collections.abc import Callable

from audit.errors import UsageError
from audit.facts import Flag
from audit.ledger import FLAGGED, UNFLAGGED, Event, Ledger, LedgerMovedError
from audit.period import iso
from audit.sources.uris import redact_uri

_TRIES = 20


def standing(ledger: Ledger, uri: str, as_of: int | None = None) -> tuple[Flag, ...]:
    """Return the flags of a registry that stood before a moment (UTC ms), by default at the last.

    An event that is not in the form that is written here is passed over: it flags nothing
    that could be named.
    """
    flags: dict[str, Flag] = {}
    for event in ledger.events(redact_uri(uri), FLAGGED, UNFLAGGED):
        if as_of is not None and event.at >= as_of:
            continue
        version, by, reason = (event.payload.get(name) for name in ("version", "by", "reason"))
        if not (isinstance(version, str) and isinstance(by, str) and isinstance(reason, str)):
            continue
        if event.kind == FLAGGED:
            flags[version] = Flag(version, event.at, by, reason)
        else:
            flags.pop(version, None)
    return tuple(flags[version] for version in sorted(flags))


def flag(ledger: Ledger, uri: str, version: str, by: str, reason: str, now: int) -> Flag:
    """Flag a version (``model/version``) and return the flag.

    Raises ``UsageError`` where it is flagged already: a second reason would hide the first.
    """

    def refuse(found: Flag | None) -> None:
        if found is not None:
            raise UsageError(
                f"{version} is flagged already, by {found.by} on {iso(found.at)[:10]}:"
                f" {found.reason}",
                remedy="Unflag it first to give another reason",
            )

    _append(
        ledger, uri, Event(now, FLAGGED, redact_uri(uri), _payload(version, by, reason)), refuse
    )
    return Flag(version, now, by, reason)


def unflag(ledger: Ledger, uri: str, version: str, by: str, reason: str, now: int) -> None:
    """Take the flag of a version back. Raises ``UsageError`` where it has none."""

    def refuse(found: Flag | None) -> None:
        if found is None:
            raise UsageError(
                f"{version} is not flagged", remedy="mlflow-audit flag --list shows what is"
            )

    event = Event(now, UNFLAGGED, redact_uri(uri), _payload(version, by, reason))
    _append(ledger, uri, event, refuse)


def _payload(version: str, by: str, reason: str) -> dict[str, str]:
    return {"version": version, "by": by, "reason": reason}


def _append(ledger: Ledger, uri: str, event: Event, refuse: Callable[[Flag | None], None]) -> None:
    """Append an event that follows from the flags so far, none of them missed."""
    version = str(event.payload["version"])
    for _ in range(_TRIES):
        head, _events = ledger.head()
        refuse(next((f for f in standing(ledger, uri) if f.version == version), None))
        try:
            ledger.append([event], onto=head)
        except LedgerMovedError:
            continue
        return
    raise LedgerMovedError("other writers leave no room in the ledger")
