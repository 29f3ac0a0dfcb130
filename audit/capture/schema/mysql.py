"""Capture in MySQL and MariaDB: a trigger for each table and operation, in the registry's database.

Rows that a foreign key changes fire no trigger there: of a rename only the row of
``registered_models`` is captured, and its children follow from it. ``TRUNCATE`` fires none.
There is no transaction id that a trigger could read; a request's id marks its rows.
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
    "key": "BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY",
    "ms": "BIGINT NOT NULL",
    "word": "VARCHAR(64) NOT NULL",
    "text": "LONGTEXT",
    "number": "INTEGER NOT NULL",
}
# Not UNIX_TIMESTAMP(): it goes by the session's zone, in which an hour may come twice.
_NOW = "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)) DIV 1000"
_HOST = "SUBSTRING_INDEX(USER(), '@', -1)"
_ACCOUNT = f"LEFT(USER(), CHAR_LENGTH(USER()) - CHAR_LENGTH({_HOST}) - 1)"
_MARK = "IF(@mlflow_audit_request IS NULL, '', CONCAT(CONNECTION_ID(), ':', @mlflow_audit_request))"


class MySQL:
    """See ``audit.capture.schema.Dialect``."""

    transactional = False

    def tables(self) -> dict[str, str]:
        """Return the log's tables."""
        return {name: f"`{PREFIX}{name}`" for name in LOG_TABLES}

    def now(self) -> str:
        """Return the clock."""
        return _NOW

    def parts(self, columns: Columns, schema: str) -> tuple[Part, ...]:  # noqa: ARG002
        """Return tables, then triggers."""
        return (*_tables(), *_guards(), *_captures(columns))

    def found(self, connection: sa.Connection) -> dict[str, Found]:
        """Return triggers, then tables; triggers only as far as the account may see them."""
        triggers = connection.execute(
            sa.text(
                "SELECT TRIGGER_NAME, EVENT_OBJECT_TABLE, ACTION_TIMING, EVENT_MANIPULATION,"
                " ACTION_STATEMENT FROM information_schema.TRIGGERS"
                " WHERE TRIGGER_SCHEMA = DATABASE() AND LEFT(TRIGGER_NAME, :length) = :prefix"
                " ORDER BY TRIGGER_NAME"
            ),
            {"length": len(PREFIX), "prefix": PREFIX},
        )
        found = {}
        for name, table, timing, operation, body in triggers:
            found[f"trigger {name}"] = Found(
                folded(f"{timing} {operation} ON {table} FOR EACH ROW {body}"),
                f"DROP TRIGGER `{name}`",
                table.startswith(PREFIX),
            )
        columns = connection.execute(
            sa.text(
                "SELECT TABLE_NAME, COLUMN_NAME FROM information_schema.COLUMNS"
                " WHERE TABLE_SCHEMA = DATABASE() AND LEFT(TABLE_NAME, :length) = :prefix"
                " ORDER BY TABLE_NAME, ORDINAL_POSITION"
            ),
            {"length": len(PREFIX), "prefix": PREFIX},
        )
        tables: dict[str, list[str]] = {}
        for table, column in columns:
            tables.setdefault(table, []).append(column)
        for table, names in tables.items():
            found[f"table {table}"] = Found(", ".join(names), f"DROP TABLE `{table}`", log=True)
        return found

    def notes(self, connection: sa.Connection) -> tuple[str, ...]:  # noqa: ARG002
        """Return nothing."""
        return ()

    def grants(self, reader: str) -> tuple[str, ...]:
        """Return the grants of reading the log's tables."""
        name, _, host = reader.rpartition("@") if "@" in reader else (reader, "", "%")
        account = f"{_literal(name)}@{_literal(host)}"
        return tuple(f"GRANT SELECT ON {table} TO {account}" for table in self.tables().values())


def _tables() -> Iterator[Part]:
    for name, columns in LOG_TABLES.items():
        table = f"{PREFIX}{name}"
        fields = ", ".join(f"`{column}` {_TYPES[kind]}" for column, kind in columns.items())
        create = (
            f"CREATE TABLE `{table}` ({fields})"
            " ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
        )
        yield Part(f"table {table}", ", ".join(columns), (create,))


def _guards() -> Iterator[Part]:
    for name in LOG_TABLES:
        for operation in ("update", "delete"):
            yield _trigger(
                f"{PREFIX}{name}_no_{operation}",
                f"BEFORE {operation.upper()} ON {PREFIX}{name} FOR EACH ROW"
                f" SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{APPEND_ONLY}'",
            )


def _captures(columns: Columns) -> Iterator[Part]:
    for table, names in columns.items():
        for operation in OPERATIONS:
            old = "NULL" if operation == "insert" else _json("OLD", names)
            new = "NULL" if operation == "delete" else _json("NEW", names)
            body = (
                f"INSERT INTO {PREFIX}changes (`at`, `operation`, `tbl`, `old`, `new`, `actor`,"
                " `request`, `account`, `client`, `transaction_id`) VALUES"
                f" ({_NOW}, '{operation}', '{table}', {old}, {new}, @mlflow_audit_actor,"
                f" @mlflow_audit_request, {_ACCOUNT}, {_HOST}, {_MARK})"
            )
            if operation == "update":
                # As bytes: most collations hold "Prod" and "prod" for the same.
                same = " AND ".join(
                    f"CAST(OLD.{_quoted(n)} AS BINARY) <=> CAST(NEW.{_quoted(n)} AS BINARY)"
                    for n in names
                )
                body = f"BEGIN IF NOT ({same}) THEN {body}; END IF; END"
            yield _trigger(
                f"{PREFIX}{table}_{operation}",
                f"AFTER {operation.upper()} ON {table} FOR EACH ROW {body}",
            )


def _trigger(name: str, rest: str) -> Part:
    create = (f"DROP TRIGGER IF EXISTS `{name}`", f"CREATE TRIGGER `{name}` {rest}")
    return Part(f"trigger {name}", folded(rest), create)


def _json(row: str, names: Sequence[str]) -> str:
    # Converted one by one: JSON_OBJECT would take the character set of the connection.
    return "JSON_OBJECT({})".format(
        ", ".join(
            f"{_literal(name)}, CONVERT({row}.{_quoted(name)} USING utf8mb4)" for name in names
        )
    )


def _quoted(name: str) -> str:
    return "`{}`".format(name.replace("`", "``"))


def _literal(text: str) -> str:
    return "'{}'".format(text.replace("\\", "\\\\").replace("'", "''"))
