"""A database as capture sees it: its dialect, MLflow's tables in it, and what of ours stands."""

# ruff: noqa: S608  (names that this package makes are put together here, never input)

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import exc

from audit.capture.schema import REGISTRY_TABLES, Columns, Dialect, Found, Part, dialect
from audit.errors import SourceError, UsageError
from audit.facts import CaptureCheck
from audit.sources.registry.database import engine_of, first_line
from audit.sources.uris import redact_uri

WEB = frozenset({"http", "https"})


@dataclass(frozen=True, slots=True)
class Site:
    """An open connection and how its database does it."""

    connection: sa.Connection
    dialect: Dialect
    columns: Columns
    """Columns of the registry's tables that the database has."""
    shown: str
    """The address without its password."""

    def parts(self) -> tuple[Part, ...]:
        """Return what ought to stand here."""
        schema = sa.inspect(self.connection).default_schema_name or ""
        return self.dialect.parts(self.columns, schema)

    def found(self) -> dict[str, Found]:
        """Return what of ours stands here."""
        return self.dialect.found(self.connection)

    def execute(self, statement: str) -> None:
        """Execute a statement as it stands, whatever signs are in it."""
        self.connection.execution_options(no_parameters=True).exec_driver_sql(statement)

    def installed(self) -> bool:
        """Return whether the log's tables are there."""
        return any(name.startswith("table ") for name in self.found())

    def wrong(self) -> tuple[str, ...]:
        """Return what is missing or not as installed, each named."""
        parts, found = self.parts(), self.found()
        if not self.columns:
            return ("MLflow's tables, as far as this account may see",)
        if not any(name.startswith("trigger ") for name in found):
            return ("all triggers, as far as this account may see",)
        names = {part.name for part in parts}
        return (
            *(f"{part.name} is missing" for part in parts if part.name not in found),
            *(
                f"{part.name} is not as installed"
                for part in parts
                if part.name in found and found[part.name].definition != part.definition
            ),
            *(f"{name} does not belong here" for name in found if name not in names),
        )

    def check(self, now: int) -> CaptureCheck:
        """Return whether every trigger stands as installed."""
        return CaptureCheck(now, self.installed_at(), self.wrong())

    def installed_at(self) -> int | None:
        """Return when installation last made or mended something: what it is seen since."""
        table = self.dialect.tables()["installation"]
        if not any(name == f"table {_bare(table)}" for name in self.found()):
            return None
        query = f"SELECT max(installed_at) FROM {table}"
        moment: int | None = self.connection.exec_driver_sql(query).scalar()
        return moment


def _bare(table: str) -> str:
    return table.strip('"`')


@contextmanager
def refusals(shown: str) -> Iterator[None]:
    """Turn what a database refuses into a ``SourceError`` of one line."""
    try:
        yield
    except exc.SQLAlchemyError as error:
        raise SourceError(
            f"the database refused ({first_line(error)})",
            where=shown,
            remedy="Check what the account may do (docs/capture.md, Rights)",
        ) from error


@contextmanager
def opened(uri: str, *, write: bool = False) -> Iterator[Site]:
    """Open a registry's database.

    Raises ``UsageError`` if it cannot be reached, ``SourceError`` if it refuses something.
    """
    shown = redact_uri(uri)
    if uri.partition("://")[0].lower() in WEB:
        raise UsageError(
            "triggers stand in a database, not in a server",
            where=shown,
            remedy="Give the address of the server's database: its --backend-store-uri",
        )
    engine = engine_of(uri, write=write)
    try:
        try:
            connection = engine.connect()
        except exc.SQLAlchemyError as error:
            raise UsageError(
                f"the database cannot be reached ({first_line(error)})",
                where=shown,
                remedy="Check the address, the account and its password, and that it is running",
            ) from error
        with connection, refusals(shown):
            yield Site(connection, dialect(connection), _columns(connection), shown)
    finally:
        engine.dispose()


def _columns(connection: sa.Connection) -> Columns:
    inspector = sa.inspect(connection)
    present = set(inspector.get_table_names()).intersection(REGISTRY_TABLES)
    columns = {
        table: tuple(column["name"] for column in inspector.get_columns(table))
        for table in REGISTRY_TABLES
        if table in present
    }
    # What reading the catalogue began must not be the transaction that is written in.
    connection.rollback()
    return columns
