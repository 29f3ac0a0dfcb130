"""Capture in SQLite: a trigger for each table and operation, all in the registry's own file.

Whoever may write the file may also drop the triggers; that is found, not prevented. A raw
``INSERT OR REPLACE`` fires only the insert trigger unless ``PRAGMA recursive_triggers``
is on: the row that it replaced is told by the log's rows before.
"""

# ruff: noqa: S608  (names that this package makes are put together here, never input)

from __future__ import annotations

from collections.abc import Iterator, Sequence

import sqlalchemy as sa

from audit.capture.schema import (
    APPEND_ONLY,
    LOG_TABLES,
    OPERATIONS,
    PREFIX,
    Columns,
    Found,
    Part,
    folded,
)

_TYPES = {
    "key": "INTEGER PRIMARY KEY AUTOINCREMENT",
    "ms": "INTEGER NOT NULL",
    "word": "TEXT NOT NULL",
    "text": "TEXT",
    "number": "INTEGER NOT NULL",
}
_CONTEXT = f"{PREFIX}context"
_CONTEXT_COLUMNS = ("actor", "request")
# julianday() is exact to far below a millisecond; newer functions are missing in old files' hosts.
_NOW = "CAST(ROUND((julianday('now') - 2440587.5) * 86400000) AS INTEGER)"


class SQLite:
    """See ``audit.capture.schema.Dialect``."""

    transactional = True

    def tables(self) -> dict[str, str]:
        """Return the log's tables."""
        return {name: f'"{PREFIX}{name}"' for name in LOG_TABLES}

    def now(self) -> str:
        """Return the clock."""
        return _NOW

    def parts(self, columns: Columns, schema: str) -> tuple[Part, ...]:  # noqa: ARG002
        """Return tables, then triggers."""
        return (*_tables(), *_guards(), *_captures(columns))

    def found(self, connection: sa.Connection) -> dict[str, Found]:
        """Return triggers, then tables."""
        query = sa.text(
            "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE type IN ('table', 'trigger')"
            " AND substr(name, 1, :length) = :prefix ORDER BY type DESC, name"
        )
        found = {}
        for kind, name, table, sql in connection.execute(
            query, {"length": len(PREFIX), "prefix": PREFIX}
        ):
            definition = sql
            if kind == "table":
                rows = connection.exec_driver_sql(f"PRAGMA table_info({_quoted(name)})")
                definition = ", ".join(row[1] for row in rows)
            found[f"{kind} {name}"] = Found(
                folded(definition), f"DROP {kind} {_quoted(name)}", table.startswith(PREFIX)
            )
        return found

    def notes(self, connection: sa.Connection) -> tuple[str, ...]:  # noqa: ARG002
        """Return nothing."""
        return ()

    def grants(self, reader: str) -> tuple[str, ...]:  # noqa: ARG002
        """Return nothing: who may read the file may read the log."""
        return ()


def _tables() -> Iterator[Part]:
    for name, columns in LOG_TABLES.items():
        fields = ", ".join(f'"{column}" {_TYPES[kind]}' for column, kind in columns.items())
        yield _table(f"{PREFIX}{name}", tuple(columns), fields)
    yield _table(_CONTEXT, _CONTEXT_COLUMNS, ", ".join(f"{c} TEXT" for c in _CONTEXT_COLUMNS))


def _table(name: str, columns: Sequence[str], fields: str) -> Part:
    return Part(f"table {name}", ", ".join(columns), (f'CREATE TABLE "{name}" ({fields})',))


def _guards() -> Iterator[Part]:
    """Refuse changes of the log, the silent one of ``INSERT OR REPLACE`` included."""
    for name in LOG_TABLES:
        table = f"{PREFIX}{name}"
        refuse = f"BEGIN SELECT RAISE(ABORT, '{APPEND_ONLY}'); END"
        yield _trigger(f"{table}_no_update", f"BEFORE UPDATE ON {table} {refuse}")
        yield _trigger(f"{table}_no_delete", f"BEFORE DELETE ON {table} {refuse}")
        key = "seq" if "seq" in LOG_TABLES[name] else "rowid"
        taken = f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {key} = NEW.{key})"
        yield _trigger(f"{table}_no_replace", f"BEFORE INSERT ON {table} {taken} {refuse}")


def _captures(columns: Columns) -> Iterator[Part]:
    for table, names in columns.items():
        for operation in OPERATIONS:
            old = "NULL" if operation == "insert" else _json("OLD", names)
            new = "NULL" if operation == "delete" else _json("NEW", names)
            differs = " OR ".join(f"OLD.{_quoted(n)} IS NOT NEW.{_quoted(n)}" for n in names)
            when = f" WHEN {differs}" if operation == "update" else ""
            yield _trigger(
                f"{PREFIX}{table}_{operation}",
                f"AFTER {operation.upper()} ON {table}{when} BEGIN "
                f'INSERT INTO {PREFIX}changes ("at", operation, tbl, "old", "new", actor, request,'
                f" account, client, transaction_id) VALUES ({_NOW}, '{operation}', '{table}',"
                f" {old}, {new}, (SELECT actor FROM {_CONTEXT} LIMIT 1),"
                f" (SELECT request FROM {_CONTEXT} LIMIT 1), '', '', ''); END",
            )


def _trigger(name: str, rest: str) -> Part:
    create = f"CREATE TRIGGER {name} {rest}"
    return Part(f"trigger {name}", folded(create), (f"DROP TRIGGER IF EXISTS {name}", create))


def _json(row: str, names: Sequence[str]) -> str:
    # As text: JSON cannot hold a BLOB, and a raw client's odd value must not stop its write.
    return "json_object({})".format(
        ", ".join(f"{_literal(name)}, CAST({row}.{_quoted(name)} AS TEXT)" for name in names)
    )


def _quoted(name: str) -> str:
    return '"{}"'.format(name.replace('"', '""'))


def _literal(text: str) -> str:
    return "'{}'".format(text.replace("'", "''"))
