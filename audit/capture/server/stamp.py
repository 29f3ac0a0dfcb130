"""Tells the database who is acting, in the transaction in which the registry's triggers fire.

Before the first statement of a transaction that writes one of the registry's tables the
actor and the request's id are put where the triggers look: in SQLite a row of a table that
is taken out again before the commit, in PostgreSQL settings that end with the transaction,
in MySQL and MariaDB variables of the session. Because this hangs on the statement itself it
does not matter by which way MLflow writes, and other databases (that of MLflow's users)
are not touched. Outside of a request, and where nobody is authenticated, nobody is stamped.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

from audit.capture.server.calls import CURRENT

_TABLES = (
    "registered_models|registered_model_tags|registered_model_aliases"
    "|model_versions|model_version_tags"
)
_WRITE = re.compile(
    r"\s*(?P<verb>INSERT\s+INTO|UPDATE|DELETE\s+FROM)\s+(?:[\"`]?\w+[\"`]?\.)?[\"`]?"
    rf"(?:{_TABLES})[\"`]?(?![\w.])",
    re.IGNORECASE,
)
# A request that leaves all as it was still touches the time of the last update.
_TOUCH = re.compile(
    r"\s*UPDATE\s+\S+\s+SET\s+[\"`]?last_updated_time[\"`]?\s*=\s*[^\s,]+\s+WHERE\b", re.IGNORECASE
)
_STATE = "mlflow_audit"

_SQLITE_READY = sa.text("SELECT 1 FROM sqlite_master WHERE name = 'mlflow_audit_context'")
_SQLITE_CLEAR = sa.text("DELETE FROM mlflow_audit_context")
_SQLITE_STAMP = sa.text(
    "INSERT INTO mlflow_audit_context (actor, request) VALUES (:actor, :request)"
)
# An empty setting is nobody: PostgreSQL has no settings that are null.
_POSTGRESQL_STAMP = sa.text(
    "SELECT set_config('mlflow_audit.actor', coalesce(:actor, ''), true),"
    " set_config('mlflow_audit.request', coalesce(:request, ''), true)"
)
_MYSQL_STAMP = sa.text("SET @mlflow_audit_actor = :actor, @mlflow_audit_request = :request")


@dataclass(slots=True)
class _Transaction:
    """What has been done in a connection's transaction."""

    stamped: bool = False
    context: bool = False
    """Whether a row of SQLite's context table must go before the commit."""
    changed: bool = False


def listen() -> None:
    """Stamp every transaction of this process that writes a registry's tables."""
    for name, listener in _LISTENERS:
        if not event.contains(sa.Engine, name, listener):
            event.listen(sa.Engine, name, listener)


def _begin(connection: sa.Connection) -> None:
    connection.info.pop(_STATE, None)


def _before_write(connection: sa.Connection, _cursor: Any, statement: str, *_rest: Any) -> None:
    if not _WRITE.match(statement):
        return
    transaction = connection.info.setdefault(_STATE, _Transaction())
    if not transaction.stamped:
        transaction.stamped = True
        transaction.context = _stamp(connection)


def _after_write(connection: sa.Connection, cursor: Any, statement: str, *_rest: Any) -> None:
    write = _WRITE.match(statement)
    if write is None or _TOUCH.match(statement):
        return
    # Not every driver counts the rows of an INSERT; it writes some or fails.
    if write["verb"][0] in "Ii" or cursor.rowcount != 0:
        connection.info.setdefault(_STATE, _Transaction()).changed = True


def _rollback_savepoint(connection: sa.Connection, *_rest: Any) -> None:
    """Stamp again: if it was done within the savepoint, it is undone with it."""
    transaction = connection.info.get(_STATE)
    if transaction is not None:
        transaction.stamped = False


def _commit(connection: sa.Connection) -> None:
    transaction = connection.info.pop(_STATE, None)
    if transaction is None:
        return
    if transaction.context:
        connection.execute(_SQLITE_CLEAR)
    call = CURRENT.get()
    if transaction.changed and call is not None:
        call.changed = True


def _stamp(connection: sa.Connection) -> bool:
    """Tell the database; return whether SQLite's context table has a row of ours."""
    call = CURRENT.get()
    who = {
        "actor": (call.actor or None) if call else None,
        "request": call.id if call else None,
    }
    if connection.dialect.name == "sqlite":
        # Looked at each time: capture may be installed or removed while servers run.
        if connection.execute(_SQLITE_READY).first() is None:
            return False
        connection.execute(_SQLITE_CLEAR)
        if call is not None:
            connection.execute(_SQLITE_STAMP, who)
        return call is not None
    if connection.dialect.name == "postgresql":
        connection.execute(_POSTGRESQL_STAMP, who)
    elif connection.dialect.name in {"mysql", "mariadb"}:
        connection.execute(_MYSQL_STAMP, who)
    return False


_LISTENERS = (
    ("begin", _begin),
    ("before_cursor_execute", _before_write),
    ("after_cursor_execute", _after_write),
    ("rollback_savepoint", _rollback_savepoint),
    ("commit", _commit),
)
