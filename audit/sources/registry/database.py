"""One consistent, read-only view of an MLflow database, whatever its age.

Nothing of MLflow is imported: its store migrates and creates what it misses, and
importing it takes seconds. Tables and columns that this schema does not have yet read
as empty.
"""

from __future__ import annotations

import functools
import importlib.util
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.pool import NullPool

from audit.errors import SourceError, UsageError
from audit.sources.uris import redact_uri

_DRIVERS: dict[str, tuple[tuple[str, str], ...]] = {
    "postgresql": (("psycopg", "psycopg"), ("psycopg2", "psycopg2")),
    "mysql": (("MySQLdb", "mysqldb"), ("pymysql", "pymysql")),
}
"""Per database: module to look for, and SQLAlchemy's name of the driver."""

_INSTALL = {
    "postgresql": "pip install 'mlflow-audit[postgresql]'",
    "mysql": "pip install pymysql",
}
_CONNECT_SECONDS = 10
_CHUNK = 500
"""Ids per ``IN`` list: within the limits of every database."""


class Snapshot:
    """An open transaction and the columns that each table really has."""

    def __init__(self, connection: sa.Connection, tables: Mapping[str, tuple[str, ...]]) -> None:
        self._connection = connection
        self._tables = tables
        found = sa.inspect(connection).get_multi_columns(filter_names=list(tables))
        self.columns = {
            name: {column["name"] for column in columns} for (_, name), columns in found.items()
        }

    def rows(
        self, table: str, *, where: Mapping[str, Sequence[str]] | None = None
    ) -> Sequence[Any]:
        """Return all rows of a table, its columns in the declared order.

        A column that this schema lacks is ``None``; a table that it lacks has no rows.
        ``where`` keeps rows whose column is one of the values.
        """
        present = self.columns.get(table)
        if not present or (where and not present.issuperset(where)):
            return []
        columns: list[sa.ColumnElement[Any]] = [
            sa.column(name) if name in present else sa.null().label(name)
            for name in self._tables[table]
        ]
        query = sa.select(*columns).select_from(sa.table(table))
        for name, values in (where or {}).items():
            query = query.where(sa.column(name).in_(values))
        return self._connection.execute(query).all()

    def select(self, query: sa.Select[Any]) -> Sequence[Any]:
        """Return the rows of a query of one's own, of tables and columns that are there."""
        return self._connection.execute(query).all()

    def rows_of(self, table: str, column: str, ids: Sequence[str]) -> Iterator[Any]:
        """Yield the rows of a table for many ids, some hundred ids to a query."""
        for start in range(0, len(ids), _CHUNK):
            yield from self.rows(table, where={column: ids[start : start + _CHUNK]})


@contextmanager
def snapshot(
    uri: str, tables: Mapping[str, tuple[str, ...]], *, what: str = "the registry"
) -> Iterator[Snapshot]:
    """Open a read-only transaction that sees one moment of the database.

    SQLite is opened with ``mode=ro``; PostgreSQL and MySQL run ``REPEATABLE READ`` and
    read only. ``tables`` names the columns to read, ``what`` the database in messages.

    Raises ``UsageError`` if the database is not there or lets nobody in, ``SourceError``
    if it fails while it is read.
    """
    engine = engine_of(uri)
    shown = redact_uri(uri)
    try:
        with _open(engine, tables, shown, what) as view:
            yield view
    except (exc.SQLAlchemyError, ValueError, TypeError, OverflowError) as error:
        raise SourceError(
            f"{what} cannot be read ({first_line(error)})",
            where=shown,
            remedy="Check that the account may SELECT from every table of MLflow",
        ) from error
    finally:
        engine.dispose()


@contextmanager
def _open(
    engine: sa.Engine, tables: Mapping[str, tuple[str, ...]], shown: str, what: str
) -> Iterator[Snapshot]:
    with ExitStack() as stack:
        try:
            connection = stack.enter_context(engine.connect())
            _begin(connection)
            view = Snapshot(connection, tables)
        except exc.SQLAlchemyError as error:
            raise UsageError(
                f"{what} cannot be reached ({first_line(error)})",
                where=shown,
                remedy="Check the address, the account and its password, and that it is running",
            ) from error
        yield view


def _begin(connection: sa.Connection) -> None:
    dialect = connection.dialect.name
    if dialect == "sqlite":
        connection.exec_driver_sql("BEGIN")
    elif dialect == "postgresql":
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    else:
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        connection.exec_driver_sql("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")


def engine_of(uri: str, *, write: bool = False) -> sa.Engine:
    """Return an engine that opens a connection each time, with the driver that is installed.

    SQLite is opened in autocommit and, without ``write``, with ``mode=ro``. Raises
    ``UsageError`` if this is no database address, the driver or the file is not there.
    """
    try:
        url = sa.make_url(uri)
    except (exc.ArgumentError, ValueError) as error:
        raise UsageError(
            "this is not a database address",
            where=redact_uri(uri),
            remedy="Write sqlite:///path, postgresql://user@host/database or http(s)://host",
        ) from error
    backend = url.get_backend_name()
    if backend == "sqlite":
        path = _sqlite_path(url, redact_uri(uri))
        return sa.create_engine(
            "sqlite://", creator=functools.partial(_open_sqlite, path, write), poolclass=NullPool
        )
    family = {"postgres": "postgresql", "mariadb": "mysql"}.get(backend, backend)
    if family not in _DRIVERS:
        raise UsageError(
            f"the SQL reader does not read {backend} databases",
            where=redact_uri(uri),
            remedy="Point registry.uri at the MLflow server instead (http or https)",
        )
    if "+" not in url.drivername:
        url = url.set(drivername=f"{family}+{_driver(family, redact_uri(uri))}")
    try:
        return sa.create_engine(
            url, poolclass=NullPool, connect_args={"connect_timeout": _CONNECT_SECONDS}
        )
    except (exc.ArgumentError, ImportError) as error:
        raise UsageError(
            f"the database driver {url.drivername} is not installed",
            where=redact_uri(uri),
            remedy=f"Run {_INSTALL[family]}",
        ) from error


def _driver(family: str, shown: str) -> str:
    """Return the installed driver of a database: which one is meant differs by SQLAlchemy."""
    for module, driver in _DRIVERS[family]:
        if importlib.util.find_spec(module):
            return driver
    raise UsageError(
        f"no driver for {family} is installed", where=shown, remedy=f"Run {_INSTALL[family]}"
    )


def _sqlite_path(url: sa.URL, shown: str) -> Path:
    """Return the database file that a SQLite URL names. Raises ``UsageError`` if not there."""
    name = url.database or ""
    if name.startswith("file:"):
        name = unquote(name.removeprefix("file:"))
    path = Path(name)
    if not name or name == ":memory:" or not path.is_file():
        raise UsageError(
            "there is no such registry database",
            where=shown,
            remedy="Check registry.uri: sqlite:/// takes a relative path, sqlite://// a full one",
        )
    return path.resolve()


def _open_sqlite(path: Path, write: bool) -> sqlite3.Connection:
    """Open a database file that is there, in autocommit so that ``BEGIN`` is ours."""
    mode = "rw" if write else "ro"
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?mode={mode}", uri=True, timeout=30, isolation_level=None
    )
    # Text that is not UTF-8 must not stop an audit: what cannot be decoded is shown as such.
    connection.text_factory = functools.partial(str, encoding="utf-8", errors="replace")
    return connection


def first_line(error: Exception) -> str:
    """Return what the driver said, in one line and without SQLAlchemy's statement."""
    cause = getattr(error, "orig", None) or error
    text = str(cause).strip()
    return text.splitlines()[0].strip().rstrip(".") if text else type(cause).__name__
