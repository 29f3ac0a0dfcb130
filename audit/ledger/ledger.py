"""The ledger: events appended, read back and verified."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Iterator

import sqlalchemy as sa

from audit.errors import AuditError, SourceError, VerificationError
from audit.ledger.database import engine_of, one_writer, prepare, reason, shown
from audit.ledger.events import GENESIS, Event, event_of, row_of, table

_TRIES = 12
_LONGEST_PAUSE = 0.5
_PAGE = 2000


class LedgerMovedError(AuditError):
    """Another writer was faster: the chain's head is not the one that was expected."""


class Ledger:
    """The ledger behind a SQLAlchemy URL; table and triggers are made if they are not there.

    With ``make=False`` nothing is made, for those who only look. ``guarded`` tells whether
    the database is known to refuse updates and deletions: not where the account may not
    create triggers, or is not shown them.

    Every method raises ``SourceError`` where the database cannot be reached, read or written,
    and ``VerificationError`` for an event that nothing can be read from.
    """

    def __init__(self, url: str, *, make: bool = True) -> None:
        where = "ledger"
        try:
            self._engine = engine_of(url)
            where = shown(self._engine.url)
            self.guarded: bool = prepare(self._engine, make=make)
        except (sa.exc.SQLAlchemyError, ImportError, ValueError, TypeError, OSError) as error:
            raise SourceError(
                f"the ledger cannot be opened ({reason(error)})",
                where=where,
                remedy="Check ledger: in the job file, and that its folder can be written",
            ) from error

    def close(self) -> None:
        """Release the database connections."""
        self._engine.dispose()

    def first(self, kind: str) -> dict[str, Event]:
        """Return for each subject the first event of a kind."""
        query = sa.select(table).where(table.c.kind == kind).order_by(table.c.seq)
        found: dict[str, Event] = {}
        with self._reading() as connection:
            for row in connection.execute(query):
                if row.subject not in found:
                    found[row.subject] = event_of(row)
        return found

    def events(self, subject: str, *kinds: str, since: int = 0) -> list[Event]:
        """Return the events about a subject, in order; of these kinds only where any is named.

        ``since`` (UTC ms) leaves out what is older.
        """
        query = sa.select(table).where(table.c.subject == subject).order_by(table.c.seq)
        if kinds:
            query = query.where(table.c.kind.in_(kinds))
        if since:
            query = query.where(table.c.at >= since)
        with self._reading() as connection:
            return [event_of(row) for row in connection.execute(query)]

    def last(self, subject: str, kind: str) -> Event | None:
        """Return the newest event of a kind about a subject, ``None`` if there is none."""
        query = sa.select(table).where(table.c.subject == subject, table.c.kind == kind)
        with self._reading() as connection:
            row = connection.execute(query.order_by(table.c.seq.desc()).limit(1)).first()
        return event_of(row) if row else None

    def head(self) -> tuple[str, int]:
        """Return the last event's digest and how many events there are; ``("", 0)`` if none."""
        count = sa.select(sa.func.count()).select_from(table).scalar_subquery()
        with self._reading() as connection:
            digest, events = connection.execute(sa.select(_last.scalar_subquery(), count)).one()
        return digest or "", events

    def append(self, events: list[Event], onto: str | None = None) -> str:
        """Append events in order, all or none, and return the digest of the chain's head.

        Another writer's events in between are kept: the append starts again behind them.
        With ``onto``, the head that ``head()`` returned, it does not, and ``LedgerMovedError``
        is raised: who appends what follows from the events so far then looks again.
        """
        last: sa.exc.SQLAlchemyError | None = None
        written: list[Event] = []
        for attempt in range(_TRIES):
            if attempt:
                pause = min(_LONGEST_PAUSE, 0.01 * 2**attempt)
                time.sleep(pause * random.uniform(0.5, 1))  # noqa: S311 – to keep writers apart
            try:
                with one_writer(self._engine) as connection:
                    # A connection lost while it committed does not say whether it did.
                    if isinstance(last, sa.exc.OperationalError) and _stand(connection, written):
                        return written[-1].digest
                    head = connection.execute(_last).scalar() or ""
                    if onto is not None and head != onto:
                        raise LedgerMovedError("another writer added to the ledger")
                    written = _chained(events, head or GENESIS)
                    if written:
                        connection.execute(table.insert(), [row_of(event) for event in written])
            except (sa.exc.IntegrityError, sa.exc.OperationalError) as error:
                last = error
            except (sa.exc.SQLAlchemyError, UnicodeError) as error:
                raise self._unwritten(error) from error
            else:
                return written[-1].digest if written else head or GENESIS
        raise self._unwritten(last) from last

    def verify(self, head: str = "", events: int = 0) -> str:
        """Return the head's digest after checking every link.

        ``head`` is one that a bundle carries, the digest of event number ``events`` from the
        beginning: it has to stand there. Raises ``VerificationError`` at the first event
        whose content or predecessor differs, or where the head stands not.
        """
        digest, number, seq = GENESIS, 0, None
        while rows := self._page(seq):
            for row in rows:
                event, number, seq = event_of(row), number + 1, row.seq
                if event.previous != digest or event.sealed(digest).digest != event.digest:
                    raise VerificationError(f"the ledger's event {seq} is not what was written")
                digest = event.digest
                if head and number == events and digest != head:
                    raise VerificationError(
                        f"the ledger was rewritten: its event number {events} is another than"
                        f" when the bundle was sealed (SHA-256 {head[:12]}…)"
                    )
        if head and not 0 < events <= number:
            raise VerificationError(
                f"the ledger was cut or rewritten: it holds {number} events, and held {events}"
                " when the bundle was sealed"
            )
        return digest

    def _page(self, after: int | None) -> list[sa.Row[tuple[object, ...]]]:
        """Return the next rows; in pages, so that nobody who writes waits for long."""
        query = sa.select(table).order_by(table.c.seq).limit(_PAGE)
        if after is not None:
            query = query.where(table.c.seq > after)
        with self._reading() as connection:
            return list(connection.execute(query))

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        try:
            with self._engine.connect() as connection:
                yield connection
        except sa.exc.SQLAlchemyError as error:
            raise SourceError(
                f"the ledger cannot be read ({reason(error)})", where=shown(self._engine.url)
            ) from error

    def _unwritten(self, error: BaseException | None) -> SourceError:
        return SourceError(
            f"the ledger cannot be written ({reason(error) if error else 'no reason given'})",
            where=shown(self._engine.url),
        )


_last = sa.select(table.c.digest).order_by(table.c.seq.desc()).limit(1)


def _chained(events: list[Event], head: str) -> list[Event]:
    chained = []
    for event in events:
        chained.append(event.sealed(head))
        head = chained[-1].digest
    return chained


def _stand(connection: sa.Connection, events: list[Event]) -> bool:
    if not events:
        return False
    query = sa.select(table.c.digest).where(table.c.previous == events[-1].previous)
    return bool(connection.execute(query).scalar() == events[-1].digest)
