"""Install capture in a database, check it, tell its state, and remove it again."""

# ruff: noqa: S608  (names that this package makes are put together here, never input)

from __future__ import annotations

from dataclasses import dataclass

from audit import __version__
from audit.capture.schema import SCHEMA_VERSION
from audit.capture.site import Site, opened
from audit.errors import SourceError, UsageError
from audit.facts import CaptureCheck

_NEEDED = ("registered_models", "model_versions")
_LOCK_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Step:
    """One thing and what was done about it: made, mended, stands, removed, kept, granted."""

    done: str
    name: str


@dataclass(frozen=True, slots=True)
class Installed:
    """What an installation did, and what its owner ought to know."""

    steps: tuple[Step, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Status:
    """How a capture log stands. Times are UTC milliseconds, ``None`` where there is no row."""

    check: CaptureCheck
    first_installed: int | None
    tool_version: str
    rows: int
    first: int | None
    last: int | None
    stamped: int
    """Rows in whose transaction the server named a user."""
    requests: int


def install(uri: str, reader: str = "") -> Installed:
    """Make what is missing, mend what differs, take away what does not belong.

    ``reader`` is a role that may read the log afterwards. All of it happens in one
    transaction where the database can (not in MySQL). Raises ``UsageError`` for a database
    that is not MLflow's, ``SourceError`` where the database refuses.
    """
    with opened(uri, write=True) as site:
        _require_registry(site)
        grants = site.dialect.grants(reader) if reader else ()
        if reader and not grants:
            raise UsageError(
                "this database has no accounts that could be granted anything",
                where=site.shown,
                remedy="Leave --reader out: who may read the file may read the log",
            )
        _begin(site)
        steps = [*_make(site), *_clear(site)]
        if any(step.done != "stands" for step in steps):
            table, now = site.dialect.tables()["installation"], site.dialect.now()
            site.execute(
                f"INSERT INTO {table} (installed_at, tool_version, schema_version)"
                f" VALUES ({now}, '{__version__}', {SCHEMA_VERSION})"
            )
        for grant in grants:
            site.execute(grant)
            steps.append(Step("granted", grant.removeprefix("GRANT ")))
        notes = site.dialect.notes(site.connection)
        site.connection.commit()
    return Installed(tuple(steps), notes)


def _require_registry(site: Site) -> None:
    for table in _NEEDED:
        if table not in site.columns:
            raise UsageError(
                f"this database is not MLflow's: it has no table {table}",
                where=site.shown,
                remedy="Give the server's --backend-store-uri, or its --registry-store-uri",
            )


def _begin(site: Site) -> None:
    """Begin to write; wait for MLflow's own transactions, but not for ever."""
    name = site.connection.dialect.name
    if name == "sqlite":
        site.execute("BEGIN IMMEDIATE")
    elif name == "postgresql":
        site.execute(f"SET LOCAL lock_timeout = '{_LOCK_SECONDS}s'")
    else:
        site.execute(f"SET SESSION lock_wait_timeout = {_LOCK_SECONDS}")


def _make(site: Site) -> list[Step]:
    found, steps = site.found(), []
    for part in site.parts():
        there = found.get(part.name)
        if there is not None and there.definition == part.definition:
            steps.append(Step("stands", part.name))
            continue
        if there is not None and part.name.startswith(("table ", "schema ")):
            raise SourceError(
                f"{part.name} is there and is not as capture makes it ({there.definition})",
                where=site.shown,
                remedy="Move it away: what may be a log is never replaced",
            )
        for statement in part.create:
            site.execute(statement)
        steps.append(Step("made" if there is None else "mended", part.name))
    return steps


def _clear(site: Site) -> list[Step]:
    """Take away what an older installation, or a default right of the database, left."""
    names = {part.name for part in site.parts()}
    steps = []
    for name, found in site.found().items():
        if found.elsewhere:
            raise UsageError(
                f"another registry in this database is captured already ({name})",
                where=site.shown,
                remedy="Keep one registry in a database: their log would be one",
            )
        if name not in names and not name.startswith("table "):
            site.execute(found.drop)
            steps.append(Step("removed", name))
    return steps


def remove(uri: str, *, purge: bool = False) -> tuple[Step, ...]:
    """Take capture out of a database; the log and what guards it stay unless ``purge``.

    Raises ``UsageError`` and ``SourceError`` as ``install`` does.
    """
    with opened(uri, write=True) as site:
        _begin(site)
        steps = []
        for name, found in site.found().items():
            if purge or not found.log:
                site.execute(found.drop)
            steps.append(Step("removed" if purge or not found.log else "kept", name))
        site.connection.commit()
    return tuple(steps)


def check(uri: str, now: int) -> CaptureCheck:
    """Return whether every trigger stands as installed, enabled, on all tables and columns.

    Raises ``UsageError`` for a database that cannot be reached or is not MLflow's.
    """
    with opened(uri) as site:
        _require_registry(site)
        if not site.installed():
            return CaptureCheck(now, None, ("capture is not installed",))
        return site.check(now)


def status(uri: str, now: int) -> Status | None:
    """Return how the log stands, ``None`` where there is none. Raises as ``check`` does."""
    with opened(uri) as site:
        if not site.installed():
            return None
        tables = site.dialect.tables()
        connection = site.connection
        rows, first, last, stamped = connection.exec_driver_sql(
            f"SELECT count(*), min(at), max(at), count(actor) FROM {tables['changes']}"
        ).one()
        installations = connection.exec_driver_sql(
            f"SELECT installed_at, tool_version FROM {tables['installation']} ORDER BY installed_at"
        ).all()
        requests = connection.exec_driver_sql(
            f"SELECT count(*) FROM {tables['requests']}"
        ).scalar_one()
        return Status(
            site.check(now),
            installations[0][0] if installations else None,
            installations[-1][1] if installations else "",
            rows,
            first,
            last,
            stamped,
            requests,
        )
