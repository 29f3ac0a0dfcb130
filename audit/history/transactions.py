"""Captured rows: what each says of a model's entries, and which belong together.

PostgreSQL numbers its transactions. SQLite and MySQL do not: there the rows of one
request of the server belong together, and without a request those that stand side by
side within a few milliseconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from audit.facts import CapturedRow
from audit.history.books import CREATED, DESCRIPTION, Local
from audit.history.state import ModelKey, own_location

DELETED_STAGE = "Deleted_Internal"
"""The stage of MLflow's tombstones."""
NEIGHBOURS_MS = 10
"""Rows further apart than this, with nothing to join them, are of different transactions."""
_SAME_TRANSACTION_MS = 3_600_000

Image = Mapping[str, str | None]
Values = dict[Local, str | None]
"""A row's entries; ``None`` where an entry is empty."""

MODELS, VERSIONS = "registered_models", "model_versions"
MODEL_TAGS, VERSION_TAGS = "registered_model_tags", "model_version_tags"
ALIASES = "registered_model_aliases"
TABLES = frozenset({MODELS, VERSIONS, MODEL_TAGS, VERSION_TAGS, ALIASES})
_REDACTED = frozenset({"REDACTED-SOURCE-PATH", "REDACTED-RUN-ID"})


def text_of(image: Image, column: str) -> str:
    """Return a column's text; SQL's NULL is the empty text."""
    value = image.get(column)
    return "" if value is None else str(value)


def key_of(image: Image) -> ModelKey:
    """Return workspace and name of the model that a row belongs to."""
    return text_of(image, "workspace") or "default", text_of(image, "name")


def is_tombstone(image: Image) -> bool:
    """Whether a row of ``model_versions`` is of a deleted version."""
    return text_of(image, "current_stage") == DELETED_STAGE


def values(table: str, image: Image, *, sql_fields: bool = True) -> Values:
    """Return all entries that a row can have, with their values in it."""
    if table == MODELS:
        return {
            CREATED: text_of(image, "creation_time"),
            DESCRIPTION: text_of(image, "description") or None,
        }
    if table == MODEL_TAGS:
        return {("model_tag", text_of(image, "key")): text_of(image, "value") or None}
    if table == ALIASES:
        return {("alias", text_of(image, "alias")): text_of(image, "version") or None}
    number = text_of(image, "version")
    if table == VERSION_TAGS:
        return {("version_tag", number, text_of(image, "key")): text_of(image, "value") or None}
    return _version(number, image, sql_fields=sql_fields)


def _version(number: str, image: Image, *, sql_fields: bool) -> Values:
    dead = is_tombstone(image)
    source = _plain(image, "source")
    stage = text_of(image, "current_stage")
    alive: dict[str, str | None] = {
        "created_at": text_of(image, "creation_time"),
        "description": text_of(image, "description") or None,
        "stage": None if stage in ("", "None") else stage,
        "source": source or None,
        "run_id": _plain(image, "run_id") or None,
    }
    if sql_fields:
        location = text_of(image, "storage_location")
        alive["storage_location"] = own_location(source, location) or None
    found: Values = {
        ("version", number, name): None if dead else text for name, text in alive.items()
    }
    if sql_fields:
        grave = ("version", number, "deleted_at")
        found[grave] = text_of(image, "last_updated_time") if dead else None
    return found


def _plain(image: Image, column: str) -> str:
    text = text_of(image, column)
    return "" if text in _REDACTED else text


@dataclass(slots=True)
class Transaction:
    """What the rows of one transaction do as a whole; each names the id of its action."""

    renamed: dict[tuple[ModelKey, ModelKey], str] = field(default_factory=dict)
    deleted: dict[ModelKey, str] = field(default_factory=dict)
    created: dict[ModelKey, str] = field(default_factory=dict)
    removed: dict[tuple[ModelKey, str], str] = field(default_factory=dict)
    added: dict[tuple[ModelKey, str], str] = field(default_factory=dict)
    purged: set[tuple[ModelKey, str]] = field(default_factory=set)
    """Versions whose row itself was deleted."""

    def note(self, row: CapturedRow, action: str) -> None:
        """Take a row in."""
        if row.table == MODELS:
            self._note_model(row, action)
        elif row.table == VERSIONS:
            self._note_version(row, action)

    def _note_model(self, row: CapturedRow, action: str) -> None:
        if row.old is not None and row.new is not None:
            names = (key_of(row.old), key_of(row.new))
            if names[0] != names[1]:
                self.renamed[names] = action
        elif row.old is not None:
            self.deleted[key_of(row.old)] = action
        elif row.new is not None:
            self.created[key_of(row.new)] = action

    def _note_version(self, row: CapturedRow, action: str) -> None:
        image = row.new or row.old or {}
        version = (key_of(image), text_of(image, "version"))
        if row.old is None:
            self.added[version] = action
        elif row.new is None:
            self.purged.add(version)
            if not is_tombstone(row.old):
                self.removed[version] = action
        elif is_tombstone(row.new) and not is_tombstone(row.old):
            self.removed[version] = action


def transactions(rows: Sequence[CapturedRow], ids: Sequence[str]) -> list[Transaction]:
    """Return each row's transaction."""
    found: list[Transaction] = []
    open_ones: dict[str, tuple[Transaction, CapturedRow]] = {}
    previous: CapturedRow | None = None
    for row, action in zip(rows, ids, strict=True):
        if row.transaction:
            current, last = open_ones.get(row.transaction, (None, row))
            joined = current if abs(row.at - last.at) <= _SAME_TRANSACTION_MS else None
        else:
            joined = found[-1] if previous is not None and _belong(previous, row) else None
        transaction = joined or Transaction()
        transaction.note(row, action)
        found.append(transaction)
        if row.transaction:
            open_ones[row.transaction] = (transaction, row)
        previous = row
    return found


def _belong(row: CapturedRow, after: CapturedRow) -> bool:
    if row.transaction or (row.user, row.request, row.account) != (
        after.user,
        after.request,
        after.account,
    ):
        return False
    return bool(row.request) or abs(after.at - row.at) <= NEIGHBOURS_MS
