"""What was observed of a registry over time: snapshots, captured rows, deliveries, checks.

A registry's state is a flat mapping of entries to text. An entry is a path:

- ``("model", workspace, model, "created_at")`` and ``… "description"``
- ``("model_tag", workspace, model, key)``
- ``("alias", workspace, model, alias)``: the version that it points to
- ``("version", workspace, model, version, field)`` with the fields of ``VERSION_FIELDS``
- ``("version_tag", workspace, model, version, key)``

Empty values are left out, but for ``created_at`` of a model and of a version, which says
that the thing exists. Of a deleted version (MLflow's tombstone) only ``deleted_at`` stays.
Numbers are written in decimal, times in UTC milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field

Entry = tuple[str, ...]
State = dict[Entry, str]

VERSION_FIELDS = (
    "created_at",
    "description",
    "stage",
    "source",
    "storage_location",
    "run_id",
    "deleted_at",
)
SQL_FIELDS = frozenset({"storage_location", "deleted_at"})
"""Fields of a version that only a reader of the database sees."""


@dataclass(frozen=True, slots=True)
class Change:
    """One entry that differs between two moments. ``None`` is "not there"."""

    entry: Entry
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Rename:
    """A model that has another name than before: told by its creation time and versions."""

    workspace: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The registry's state at a moment, as what changed since the snapshot before.

    The first one of a registry changes nothing into all there is. ``renames`` come before
    ``changes``, whose entries have the new names.
    """

    at: int
    """UTC ms, when the reading began; nothing later than that is sure to be in it."""
    reader: str
    """``sql`` or ``rest``: what a REST reader cannot see did not therefore change."""
    digest: str
    """SHA-256 of the whole state (``state.digest``)."""
    entries: int
    changes: tuple[Change, ...] = ()
    renames: tuple[Rename, ...] = ()
    ended_at: int | None = None
    """UTC ms, when the reading ended; ``None``: as ``at``. Readings that overlap have no order."""


@dataclass(frozen=True, slots=True)
class CapturedRow:
    """One row of the capture log: a registry row inserted, updated or deleted, by a trigger."""

    seq: int
    at: int
    """UTC ms by the database's clock."""
    operation: str
    """``insert``, ``update``, ``delete`` or ``truncate``."""
    table: str
    """MLflow's table: ``registered_models``, ``model_versions``, ``registered_model_tags``,
    ``model_version_tags`` or ``registered_model_aliases``."""
    old: dict[str, str | None] | None = None
    new: dict[str, str | None] | None = None
    transaction: str = ""
    """The database's transaction id; empty where it has none (SQLite), where the rows of
    one transaction stand side by side."""
    user: str = ""
    """Who the server authenticated, stamped in the same transaction; empty: nobody said."""
    request: str = ""
    """Id of the server's request in which it happened."""
    account: str = ""
    """The database account that changed the row."""
    client: str = ""
    """Network address or application name of the database client."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A request to the server that the plugin saw: refused, failed, without effect, or an upload.

    Requests that changed the registry are told by its rows; these are what rows do not tell.
    """

    at: int
    user: str
    method: str
    path: str
    status: int
    model: str = ""
    version: str = ""
    request: str = ""
    peer: str = ""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A webhook of MLflow's that arrived, its signature checked."""

    id: str
    sent_at: int
    """UTC ms that the server says it sent it; the action was not later."""
    received_at: int
    entity: str
    """``registered_model``, ``model_version``, ``model_version_tag``, ``model_version_alias``."""
    action: str
    """``created``, ``set`` or ``deleted``."""
    data: dict[str, str]


@dataclass(frozen=True, slots=True)
class CaptureCheck:
    """Whether every trigger stood as installed at a moment; what is not so is named."""

    at: int
    installed_at: int | None
    missing: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether the triggers saw every change at this moment."""
        return self.installed_at is not None and not self.missing


@dataclass(frozen=True, slots=True)
class Observations:
    """All that was observed of one registry, each in the order of time."""

    snapshots: tuple[Snapshot, ...] = ()
    rows: tuple[CapturedRow, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    checks: tuple[CaptureCheck, ...] = ()
    problems: tuple[str, ...] = field(default=())
    """What could not be read or did not verify, each a sentence."""
