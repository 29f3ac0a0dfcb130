"""What an event is, how it is chained, and the table that the events stand in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from audit import canonical
from audit.errors import VerificationError

WEIGHTS_SEEN = "weights_seen"
BUNDLE_SEALED = "bundle_sealed"
SNAPSHOT_TAKEN = "snapshot_taken"
ROWS_CAPTURED = "rows_captured"
ATTEMPTS_SEEN = "attempts_seen"
CAPTURE_CHECKED = "capture_checked"
WEBHOOK_RECEIVED = "webhook_received"
FLAGGED = "flagged"
UNFLAGGED = "unflagged"

GENESIS = "0" * 64
"""Stands as predecessor in the first event."""

NAME = "mlflow_audit_events"
metadata = sa.MetaData()
table = sa.Table(
    NAME,
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("kind", sa.String(64), nullable=False, index=True),
    sa.Column("subject", sa.Text, nullable=False),
    # A snapshot of a large registry is longer than the 64 KiB that MySQL's TEXT takes.
    sa.Column(
        "payload", sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb"), nullable=False
    ),
    sa.Column("previous", sa.String(64), nullable=False, unique=True),
    sa.Column("digest", sa.String(64), nullable=False),
    mysql_engine="InnoDB",
    mysql_charset="utf8mb4",
    mysql_collate="utf8mb4_bin",
    mariadb_engine="InnoDB",
    mariadb_charset="utf8mb4",
    mariadb_collate="utf8mb4_bin",
)


@dataclass(frozen=True, slots=True)
class Event:
    """One event: when (UTC ms), what kind, about what, with which details."""

    at: int
    kind: str
    subject: str
    payload: Mapping[str, Any]
    previous: str = ""
    digest: str = ""

    def sealed(self, previous: str) -> Event:
        """Return the event chained to its predecessor's digest."""
        content = [self.at, self.kind, self.subject, dict(self.payload), previous]
        digest = canonical.sha256(canonical.dumps(content))
        return Event(self.at, self.kind, self.subject, self.payload, previous, digest)


def row_of(event: Event) -> dict[str, Any]:
    """Return a chained event as a row of the table.

    The payload is written in ASCII: every database can hold it, whatever its encoding, and
    characters that some refuse (NUL, half a surrogate pair) stand in it as escapes.
    """
    return {
        "at": event.at,
        "kind": event.kind,
        "subject": event.subject,
        "payload": json.dumps(
            dict(event.payload), allow_nan=False, sort_keys=True, separators=(",", ":")
        ),
        "previous": event.previous,
        "digest": event.digest,
    }


def event_of(row: Any) -> Event:
    """Return the event in a row. Raises ``VerificationError`` for what none can be read from."""
    try:
        payload = canonical.loads(row.payload)
    except (ValueError, TypeError, RecursionError):
        payload = None
    if not isinstance(payload, dict):
        raise VerificationError(f"the ledger's event {row.seq} is not what was written")
    return Event(row.at, row.kind, row.subject, payload, row.previous, row.digest)
