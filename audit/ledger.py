"""The append-only record that outlives single runs: when weights were first seen, what was sealed.

One table of events behind one SQLAlchemy URL. Each event carries the SHA-256 of its own
content and of its predecessor's, so a changed or removed event breaks the chain. The
predecessor's digest is unique in the table: two writers cannot continue from the same event,
the later one tries again from the new head.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from audit import canonical
from audit.errors import SourceError, VerificationError

WEIGHTS_SEEN = "weights_seen"
BUNDLE_SEALED = "bundle_sealed"

_GENESIS = "0" * 64
_TRIES = 20
_metadata = sa.MetaData()
_events = sa.Table(
    "mlflow_audit_events",
    _metadata,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("kind", sa.String(64), nullable=False, index=True),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("payload", sa.Text, nullable=False),
    sa.Column("previous", sa.String(64), nullable=False, unique=True),
    sa.Column("digest", sa.String(64), nullable=False),
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


class Ledger:
    """The ledger behind a SQLAlchemy URL; the table is made if it is not there.

    Raises ``SourceError`` where the database cannot be reached or written.
    """

    def __init__(self, url: str) -> None:
        try:
            self._engine = sa.create_engine(url)
            _metadata.create_all(self._engine)
        except (sa.exc.SQLAlchemyError, ImportError) as error:
            raise SourceError(
                f"the ledger cannot be opened ({_reason(error)})",
                where=sa.engine.make_url(url).render_as_string(hide_password=True),
                remedy="Check ledger: in the job file, and that its folder can be written",
            ) from error

    def close(self) -> None:
        """Release the database connections."""
        self._engine.dispose()

    def first(self, kind: str) -> dict[str, Event]:
        """Return for each subject the first event of a kind."""
        query = sa.select(_events).where(_events.c.kind == kind).order_by(_events.c.seq)
        found: dict[str, Event] = {}
        with self._engine.connect() as connection:
            for row in connection.execute(query):
                found.setdefault(row.subject, _event(row))
        return found

    def append(self, events: list[Event]) -> str:
        """Append events in order and return the digest of the chain's head.

        Another writer's events in between are kept: the append starts again behind them.
        """
        for _ in range(_TRIES):
            try:
                with self._engine.begin() as connection:
                    return self._append(connection, events)
            except (sa.exc.IntegrityError, sa.exc.OperationalError) as error:
                last = error
        raise SourceError(f"the ledger cannot be written ({_reason(last)})") from last

    def _append(self, connection: sa.Connection, events: list[Event]) -> str:
        query = sa.select(_events.c.digest).order_by(_events.c.seq.desc()).limit(1)
        head = connection.execute(query).scalar() or _GENESIS
        rows = []
        for event in events:
            chained = event.sealed(head)
            head = chained.digest
            rows.append(
                {
                    "at": chained.at,
                    "kind": chained.kind,
                    "subject": chained.subject,
                    "payload": canonical.dumps(dict(chained.payload)).decode(),
                    "previous": chained.previous,
                    "digest": chained.digest,
                }
            )
        if rows:
            connection.execute(_events.insert(), rows)
        return head

    def verify(self) -> str:
        """Return the head's digest after checking every link.

        Raises ``VerificationError`` at the first event whose content or predecessor differs.
        """
        head = _GENESIS
        with self._engine.connect() as connection:
            for row in connection.execute(sa.select(_events).order_by(_events.c.seq)):
                event = _event(row)
                if event.previous != head or event.sealed(head).digest != event.digest:
                    raise VerificationError(f"the ledger's event {row.seq} is not what was written")
                head = event.digest
        return head


def _event(row: Any) -> Event:
    payload = canonical.loads(row.payload)
    return Event(row.at, row.kind, row.subject, payload, row.previous, row.digest)


def _reason(error: BaseException) -> str:
    return str(getattr(error, "orig", None) or error).splitlines()[0]
