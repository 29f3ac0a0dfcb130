"""What capture puts into a database, described once: log tables, triggers, functions.

Each database has a module that turns the description into statements and tells what of it
is there. The MLflow tables' columns are read from the live database, so that a column
that a later MLflow adds is captured once installed again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import sqlalchemy as sa

PREFIX = "mlflow_audit_"
"""Begins the name of everything of ours that stands among MLflow's own tables."""

SCHEMA_VERSION = 1
"""Raised when the log's tables change in a way that a reader must know."""

REGISTRY_TABLES = (
    "registered_models",
    "registered_model_tags",
    "registered_model_aliases",
    "model_versions",
    "model_version_tags",
)
OPERATIONS = ("insert", "update", "delete")

APPEND_ONLY = "the capture log is append-only"
"""What a database says to whoever tries to change a row of the log."""

LOG_TABLES: Mapping[str, Mapping[str, str]] = {
    "changes": {
        "seq": "key",
        "at": "ms",
        "operation": "word",
        "tbl": "word",
        "old": "text",
        "new": "text",
        "actor": "text",
        "request": "text",
        "account": "text",
        "client": "text",
        "transaction_id": "text",
    },
    "requests": {
        "seq": "key",
        "at": "ms",
        "actor": "text",
        "method": "word",
        "path": "text",
        "status": "number",
        "model": "text",
        "version": "text",
        "request": "text",
        "peer": "text",
    },
    "installation": {"installed_at": "ms", "tool_version": "word", "schema_version": "number"},
}
"""The log's tables, their columns in order, and what a column holds."""

Columns = Mapping[str, Sequence[str]]
"""The columns of each registry table that the database has."""


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that an installation consists of.

    ``definition`` is what a database tells of it when it stands as it should; ``create``
    makes it and replaces what differs.
    """

    name: str
    definition: str
    create: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """One thing of ours that a database has: as it stands, and how to take it away.

    ``log`` marks what holds or guards the log, which a removal leaves; ``elsewhere`` what
    captures another registry of the same database.
    """

    definition: str
    drop: str
    log: bool = False
    elsewhere: bool = False


class Dialect(Protocol):
    """How one database does it."""

    transactional: bool
    """Whether an installation is made whole or not at all."""

    def tables(self) -> dict[str, str]:
        """Return the log's tables, by the short names of ``LOG_TABLES``, as SQL writes them."""

    def now(self) -> str:
        """Return the SQL expression of the database clock in UTC milliseconds."""

    def parts(self, columns: Columns, schema: str) -> tuple[Part, ...]:
        """Return all parts in the order in which they are made."""

    def found(self, connection: sa.Connection) -> dict[str, Found]:
        """Return the parts that stand, by name, in the order in which they can be dropped."""

    def notes(self, connection: sa.Connection) -> tuple[str, ...]:
        """Return what an installation ought to know of this database's rights."""

    def grants(self, reader: str) -> tuple[str, ...]:
        """Return the statements that let an account read the log, none where files decide."""


def folded(definition: str) -> str:
    """Return a definition as it is compared: databases respace and requote what they store."""
    return " ".join(definition.replace('"', "").replace("`", "").replace(";", " ; ").split())


def dialect(connection: sa.Connection) -> Dialect:
    """Return how the database behind a connection does it."""
    from audit.capture.schema.mysql import MySQL
    from audit.capture.schema.postgresql import PostgreSQL
    from audit.capture.schema.sqlite import SQLite

    found: dict[str, type[Dialect]] = {"sqlite": SQLite, "postgresql": PostgreSQL}
    return found.get(connection.dialect.name, MySQL)()
