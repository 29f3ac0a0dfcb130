"""The capture log read again: rows, attempts and whether the triggers stand.

Rows are read in the order of their numbers, and only up to where no transaction can still
add one before: a number is given when a row is written, and is seen when that transaction
ends, which may be later than the end of one with a higher number.
"""

# ruff: noqa: S608  (names that this package makes are put together here, never input)

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from audit.capture.site import WEB, Site, opened, refusals
from audit.facts import Attempt, CaptureCheck, CapturedRow

_PATIENCE_SECONDS = 5.0
_PAUSE_SECONDS = 0.05
_ROW = "seq, at, operation, tbl, {old}, {new}, transaction_id, actor, request, account, client"
_ATTEMPT = "seq, at, actor, method, path, status, model, version, request, peer"
# A writer holds this lock from before its row is numbered until its transaction ends.
_WRITERS = """
SELECT virtualtransaction FROM pg_locks
WHERE locktype = 'relation' AND relation = '{table}'::regclass AND mode = 'RowExclusiveLock'
"""


class CaptureLog:
    """The capture log of one registry, read-only. Make it with ``open_log``."""

    def __init__(self, site: Site, stack: ExitStack) -> None:
        self._site = site
        self._stack = stack

    def rows(self, after: int = 0) -> list[CapturedRow]:
        """Return the captured rows with a higher number than ``after``, in order.

        What a transaction that is still open may precede is left for the next time.
        """
        quote = "`" if self._site.connection.dialect.name in {"mysql", "mariadb"} else '"'
        columns = _ROW.format(old=f"{quote}old{quote}", new=f"{quote}new{quote}")
        return [
            CapturedRow(
                seq=row[0],
                at=row[1],
                operation=row[2],
                table=row[3],
                old=_values(row[4]),
                new=_values(row[5]),
                transaction=row[6] or "",
                user=row[7] or "",
                request=row[8] or "",
                account=row[9] or "",
                client=row[10] or "",
            )
            for row in self._settled("changes", columns, after)
        ]

    def attempts(self, after: int = 0) -> list[tuple[int, Attempt]]:
        """Return the requests noted with a higher number than ``after``, with their numbers."""
        return [
            (
                row[0],
                Attempt(
                    at=row[1],
                    user=row[2] or "",
                    method=row[3],
                    path=row[4] or "",
                    status=row[5],
                    model=row[6] or "",
                    version=row[7] or "",
                    request=row[8] or "",
                    peer=row[9] or "",
                ),
            )
            for row in self._settled("requests", _ATTEMPT, after)
        ]

    def check(self, now: int) -> CaptureCheck:
        """Return whether every trigger stands as installed; ``now`` is UTC milliseconds."""
        with refusals(self._site.shown):
            self._site.connection.rollback()
            return self._site.check(now)

    def close(self) -> None:
        """Release the database connection."""
        self._stack.close()

    def _settled(self, name: str, columns: str, after: int) -> Sequence[Any]:
        table, connection = self._site.dialect.tables()[name], self._site.connection
        with refusals(self._site.shown):
            connection.rollback()
            query = f"SELECT max(seq) FROM {table}"
            last = connection.exec_driver_sql(query).scalar() or 0
            connection.rollback()
            query = f"SELECT {columns} FROM {table} WHERE seq > {after:d} AND seq <= {last:d}"
            quiet, lock = True, ""
            if connection.dialect.name == "postgresql":
                quiet = self._wait_for_writers(table)
            elif connection.dialect.name != "sqlite":
                # Waits for whoever wrote a row in between and is not done; locks no gaps.
                connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
                is_mariadb = getattr(connection.dialect, "is_mariadb", False)
                lock = " LOCK IN SHARE MODE" if is_mariadb else " FOR SHARE"
            rows = connection.exec_driver_sql(f"{query} ORDER BY seq{lock}").all()
            connection.rollback()
        return rows if quiet else _unbroken(rows, after)

    def _wait_for_writers(self, table: str) -> bool:
        """Return whether all who were writing into ``table`` are done, after some patience."""
        query = _WRITERS.format(table=table)
        end = time.monotonic() + _PATIENCE_SECONDS
        waited: set[str] | None = None
        while True:
            now = set(self._site.connection.exec_driver_sql(query).scalars())
            self._site.connection.rollback()
            waited = now if waited is None else waited & now
            if not waited or time.monotonic() > end:
                return not waited
            time.sleep(_PAUSE_SECONDS)


def open_log(uri: str) -> CaptureLog | None:
    """Open the capture log of a registry.

    ``None`` for the address of a server and for a database without a log. An account that
    may read nothing but the log is enough. Raises ``UsageError`` if the database cannot be
    reached, ``SourceError`` if it refuses.
    """
    if uri.partition("://")[0].lower() in WEB:
        return None
    with ExitStack() as stack:
        site = stack.enter_context(opened(uri))
        if site.installed():
            return CaptureLog(site, stack.pop_all())
    return None


def _unbroken(rows: Sequence[Any], after: int) -> Sequence[Any]:
    """Return the rows before the first number that is left out."""
    return [row for number, row in enumerate(rows, after + 1) if row[0] == number]


def _values(text: str | None) -> dict[str, str | None] | None:
    """Return the columns of a captured row as text, whatever type a database gave them."""
    if text is None:
        return None
    found: dict[str, Any] = json.loads(text, strict=False)
    return {name: None if value is None else str(value) for name, value in found.items()}
