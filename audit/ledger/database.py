"""The database below the ledger: opened, one writer at a time, the table guarded by triggers.

SQLite, PostgreSQL, MySQL and MariaDB each have their own way to make a writer wait and to
refuse a change. In any other database that SQLAlchemy knows the ledger works without
triggers, and the unique predecessor alone keeps writers apart.
"""

from __future__ import annotations

import contextlib
import importlib.util
import logging
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

from audit.errors import SourceError
from audit.ledger.events import NAME, metadata

_log = logging.getLogger(__name__)
_WAIT_SECONDS = 60
_CONNECT_SECONDS = 10
_DRIVERS = {
    "postgresql": ("psycopg", "psycopg2"),
    "mysql": ("mysqldb", "pymysql"),
    "mariadb": ("mysqldb", "pymysql"),
}
"""SQLAlchemy's names of the drivers, where an address names none."""

_REFUSAL = "the ledger is append-only"
_PG_LOCK = int.from_bytes(b"mlaudit\1")
_MYSQL_LOCK = f"CONCAT('{NAME}.', LEFT(DATABASE(), 40))"

_SQLITE = {
    f"{NAME}_no_update": f"""
        CREATE TRIGGER {NAME}_no_update BEFORE UPDATE ON {NAME}
        BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END""",
    f"{NAME}_no_delete": f"""
        CREATE TRIGGER {NAME}_no_delete BEFORE DELETE ON {NAME}
        BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END""",
    # INSERT OR REPLACE removes the row in its way without firing a trigger on deletion.
    f"{NAME}_no_replace": f"""
        CREATE TRIGGER {NAME}_no_replace BEFORE INSERT ON {NAME}
        WHEN EXISTS (
            SELECT 1 FROM {NAME} WHERE seq = NEW.seq OR previous = NEW.previous)
        BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END""",  # noqa: S608 – the table's own name
}
_POSTGRESQL = {
    f"{NAME}_append_only": f"""
        CREATE OR REPLACE FUNCTION {NAME}_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION '{_REFUSAL}'; END $$;
        CREATE TRIGGER {NAME}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {NAME}
        FOR EACH STATEMENT EXECUTE PROCEDURE {NAME}_refuse()""",
}
_MYSQL = {
    f"{NAME}_no_{change.lower()}": f"""
        CREATE TRIGGER {NAME}_no_{change.lower()} BEFORE {change} ON {NAME} FOR EACH ROW
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{_REFUSAL}'"""
    for change in ("UPDATE", "DELETE")
}
_GUARDS = {"sqlite": _SQLITE, "postgresql": _POSTGRESQL, "mysql": _MYSQL, "mariadb": _MYSQL}
"""By dialect: each trigger with the statements that make it."""

_STANDING = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = {}",
    "postgresql": "SELECT tgname FROM pg_trigger"
    " WHERE tgrelid = {}::regclass AND tgenabled IN ('O', 'A')",
    "mysql": "SELECT trigger_name FROM information_schema.triggers"
    " WHERE event_object_schema = DATABASE() AND event_object_table = {}",
}
_STANDING["mariadb"] = _STANDING["mysql"]


def engine_of(url: str) -> sa.Engine:
    """Return the engine of an address; it does not connect yet.

    Raises ``sa.exc.ArgumentError`` for what is no address, ``ImportError`` without a driver.
    """
    parsed = sa.make_url(url)
    backend = parsed.get_backend_name()
    if parsed.drivername == backend and backend in _DRIVERS:
        parsed = parsed.set(drivername=f"{backend}+{_driver(backend)}")
    if backend == "sqlite":
        return sa.create_engine(parsed, connect_args={"timeout": _WAIT_SECONDS})
    if backend not in _DRIVERS:
        return sa.create_engine(parsed, pool_pre_ping=True)
    settings: dict[str, str] = {}
    if backend == "postgresql":
        # A stricter level looks at the table as it was before the wait for the other writer.
        settings["isolation_level"] = "READ COMMITTED"
    return sa.create_engine(
        parsed, pool_pre_ping=True, connect_args={"connect_timeout": _CONNECT_SECONDS}, **settings
    )


def prepare(engine: sa.Engine, *, make: bool) -> bool:
    """Make table and triggers where they are missing; return whether the triggers stand.

    An account that may not create triggers, or not see them, gets ``False``. Where nothing
    is to be made, ``SourceError`` tells that there is no ledger.
    """
    if not make and not _is_there(engine):
        raise SourceError(
            "there is no ledger", where=shown(engine.url), remedy="Check the address of the ledger"
        )
    if make and not _is_there(engine):
        with one_writer(engine) as connection:
            metadata.create_all(connection)
    if _guarded(engine) or not make:
        return _guarded(engine)
    try:
        with one_writer(engine) as connection:
            standing = _standing(connection)
            for name, statements in _GUARDS.get(connection.dialect.name, {}).items():
                if name not in standing:
                    connection.exec_driver_sql(statements)
    except sa.exc.DBAPIError as error:
        # A ledger that cannot be guarded is still chained; ``Ledger.guarded`` tells.
        _log.info("the ledger's triggers cannot be made (%s)", reason(error))
    return _guarded(engine)


@contextlib.contextmanager
def one_writer(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Yield a connection whose changes are committed at the end, other writers waiting.

    A wait is no promise (it ends after a minute, and a cluster may not share it): what
    keeps the chain whole is that no two events may have the same predecessor.
    """
    with engine.connect() as connection:
        dialect = connection.dialect.name
        if dialect == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        elif dialect == "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_PG_LOCK})")
        elif dialect in {"mysql", "mariadb"}:
            connection.exec_driver_sql(f"SELECT GET_LOCK({_MYSQL_LOCK}, {_WAIT_SECONDS})")
        try:
            yield connection
            connection.commit()
        finally:
            if dialect in {"mysql", "mariadb"}:
                # With a connection that is lost the lock is gone too.
                with contextlib.suppress(sa.exc.DBAPIError):
                    connection.rollback()
                    connection.exec_driver_sql(f"SELECT RELEASE_LOCK({_MYSQL_LOCK})")


def shown(url: sa.URL) -> str:
    """Return an address without its password and without parameters, which may hold one."""
    return url.set(query={}).render_as_string(hide_password=True)


def reason(error: BaseException) -> str:
    """Return what the driver said, in one line."""
    lines = str(getattr(error, "orig", None) or error).splitlines()
    return lines[0] if lines else type(error).__name__


def _driver(backend: str) -> str:
    names = _DRIVERS[backend]
    modules = {"mysqldb": "MySQLdb"}
    return next(
        (name for name in names if importlib.util.find_spec(modules.get(name, name))), names[-1]
    )


def _is_there(engine: sa.Engine) -> bool:
    file = engine.url.database if engine.dialect.name == "sqlite" else None
    if file and not file.startswith((":", "file:")) and not Path(file).exists():
        return False  # to look would make an empty file
    with engine.connect() as connection:
        return sa.inspect(connection).has_table(NAME)


def _guarded(engine: sa.Engine) -> bool:
    with engine.connect() as connection:
        wanted = _GUARDS.get(connection.dialect.name)
        return wanted is not None and _standing(connection) >= wanted.keys()


def _standing(connection: sa.Connection) -> set[str]:
    query = _STANDING.get(connection.dialect.name)
    return set(connection.exec_driver_sql(query.format(f"'{NAME}'")).scalars()) if query else set()
