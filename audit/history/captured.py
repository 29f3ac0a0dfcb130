"""Captured rows → actions: exact, and each old value checked against the books.

Where a database tells only of a parent's row (InnoDB's cascades fire no triggers), what
follows for its children is derived. An old value that the books do not know was put there
unseen: in a gap that is a bracketed action, under a watch it is unexplained.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from audit.facts import CapturedRow
from audit.history.births import Births, born_by, name_of
from audit.history.books import CREATED, Book, Local
from audit.history.drafts import Draft, alterations, creation, deletion
from audit.history.journal import Journal, Span, Witness
from audit.history.model import ActionGrade, ActionKind, When
from audit.history.state import ModelKey
from audit.history.transactions import (
    ALIASES,
    MODEL_TAGS,
    MODELS,
    TABLES,
    VERSION_TAGS,
    VERSIONS,
    Image,
    Transaction,
    Values,
    key_of,
    text_of,
    values,
)

_FOLLOWS_MS = 1_000
"""An alias that goes within this time after its version went with it."""
_KIND_OF_TABLE = {ALIASES: "alias", MODEL_TAGS: "model_tag", VERSION_TAGS: "version_tag"}


@dataclass(slots=True)
class Replay:
    """Carries captured rows out, one after the other."""

    journal: Journal
    births: Births
    """Name → moments, and the creation time of the model that bore it then."""
    sql_fields: bool
    touched: set[ModelKey] = field(default_factory=set)
    _renamed: set[str] = field(default_factory=set)
    _removals: dict[tuple[str, str], tuple[str, int]] = field(default_factory=dict)

    def play(self, row: CapturedRow, action_id: str, transaction: Transaction) -> None:
        """Write down what one row did."""
        if row.table not in TABLES:
            return
        if row.operation == "truncate":
            self._truncate(row, action_id)
        elif row.old is not None and row.new is not None and key_of(row.old) != key_of(row.new):
            self._renaming(row, action_id, transaction)
        else:
            self._plain(row, row.old, row.new, _Place(action_id, transaction))

    def _renaming(self, row: CapturedRow, action_id: str, transaction: Transaction) -> None:
        assert row.old is not None and row.new is not None  # noqa: S101, PT018
        names = (key_of(row.old), key_of(row.new))
        told = transaction.renamed.get(names, "")
        self.touched.update(names)
        place = _Place(action_id, transaction)
        if row.table != MODELS and not told:
            self._plain(row, row.old, None, place)
            self._plain(row, None, row.new, place)
            return
        if row.table == MODELS:
            book = self._book(names[0], row, row.old)
            if book is not None:
                self._vacate(row, names[1], place)
                self._write(row, book, [self.journal.rename(book, names[1])], place)
                self._renamed.add(told)
        else:
            book = self.journal.books.find(names[1] if told in self._renamed else names[0])
        if book is not None:
            self._apply(row, book, row.old, row.new, place)

    def _plain(self, row: CapturedRow, old: Image | None, new: Image | None, place: _Place) -> None:
        image = new or old
        if image is None:
            return
        key = key_of(image)
        self.touched.add(key)
        if row.table == MODELS and old is None and new is not None:
            self._create(row, key, new, place)
            return
        book = self._book(key, row, old)
        if book is None:
            return
        if row.table == MODELS and new is None:
            self._check(row, book, old, new, place)
            self._write(row, book, deletion(book), place)
            self.births[key] = [birth for birth in self.births.get(key, ()) if birth[0] > row.at]
        else:
            self._apply(row, book, old, new, place)

    def _create(self, row: CapturedRow, key: ModelKey, new: Image, place: _Place) -> None:
        page = {local: text for local, text in values(MODELS, new).items() if text is not None}
        self._vacate(row, key, place)
        book = self.journal.books.open(key, text_of(new, "creation_time"))
        self._write(row, book, creation(page), place)

    def _vacate(self, row: CapturedRow, key: ModelKey, place: _Place) -> None:
        """Settle that a model has gone, or has another name, whose name another one bears."""
        stale = self.journal.books.find(key)
        if stale is None:
            return
        now = name_of(self.births, stale.workspace, stale.page.get(CREATED, ""), row.at)
        gone = now is None or now == key
        drafts = deletion(stale) if gone else [self.journal.rename(stale, now or key)]
        self._settle(row, stale, drafts, place)

    def _book(self, key: ModelKey, row: CapturedRow, old: Image | None) -> Book | None:
        """Return the model's book; of one that nobody saw made, a new one if it is no prompt.

        A model of that age that the books have under another name was renamed unseen.
        """
        book = self.journal.books.find(key)
        born = born_by(self.births, key, row.at)
        known = born.isdecimal() and int(born) <= row.at
        if book is not None and not (known and book.page.get(CREATED, "") not in ("", born)):
            return book
        if not known:
            return None
        place = _Place(f"row:{row.seq}", Transaction())
        self._vacate(row, key, place)
        twins = self.journal.books.born(key[0], born)
        if len(twins) == 1:
            self._settle(row, twins[0], [self.journal.rename(twins[0], key)], place)
            return twins[0]
        book = self.journal.books.open(key, born)
        page: dict[Local, str] = {CREATED: born}
        if row.table == MODELS and old is not None:
            page.update({k: v for k, v in values(MODELS, old).items() if v is not None})
        self._settle(row, book, creation(page), place)
        return book

    def _check(
        self, row: CapturedRow, book: Book, old: Image | None, new: Image | None, place: _Place
    ) -> None:
        """Settle what the row shows of the time before it that the books do not know.

        That is its old values, and of a new row that there was none.
        """
        image = old or new or {}
        known = values(row.table, image, sql_fields=self.sql_fields)
        if old is None:
            known = dict.fromkeys(known)
        hidden = {
            local: text
            for local, text in known.items()
            if text != book.page.get(local) and not _rewritten(local, text, book)
        }
        if hidden:
            self._settle(row, book, alterations(book, hidden), place)

    def _settle(self, row: CapturedRow, book: Book, drafts: list[Draft], place: _Place) -> None:
        since = self.journal.confirmed
        until = row.at - 1 if since is None else max(since, row.at - 1)
        prefix = "before" + place.action_id.removeprefix("row")
        span = Span(since, until, prefix, Witness(("trigger",)))
        self.journal.settle(book, drafts, span)

    def _apply(
        self, row: CapturedRow, book: Book, old: Image | None, new: Image | None, place: _Place
    ) -> None:
        key, image = book.key, new or old or {}
        number = text_of(image, "version")
        goes = key in place.transaction.deleted or key_of(image) in place.transaction.deleted
        purged = row.table == VERSION_TAGS and (key_of(image), number) in place.transaction.purged
        taken = new is None and row.table in (VERSION_TAGS, MODEL_TAGS) and (goes or purged)
        hidden = _out_of_sight(row, book, taken=taken)
        if not hidden:
            self._check(row, book, old, new, place)
        if taken:
            return  # gone with what they belong to, whose removal takes them along
        changed: Values = {}
        if new is not None:
            changed = values(row.table, new, sql_fields=self.sql_fields)
        elif old is not None:
            changed = dict.fromkeys(values(row.table, old, sql_fields=self.sql_fields))
        if row.table == VERSIONS and goes and not book.alive(number):
            return
        if hidden:
            changed = {}
        changed = {
            local: text
            for local, text in changed.items()
            if text != book.page.get(local) and not _rewritten(local, text, book)
        }
        drafts = alterations(book, changed) or _empty_tag(row, old, new)
        self._write(row, book, drafts, place)

    def _write(self, row: CapturedRow, book: Book, drafts: list[Draft], place: _Place) -> None:
        """Record drafts as this row's actions; the one that nothing caused takes its id."""
        ids: dict[Draft, str] = {}
        for draft in sorted(drafts, key=lambda item: item.cause is not None):
            place.count += 1
            ids[draft] = place.action_id + (f".{place.count}" if place.count > 1 else "")
        when = When(row.at, row.at, ActionGrade.RECORDED)
        for draft in drafts:
            derived = draft.cause is not None or row.operation == "truncate"
            cause = ids[draft.cause] if draft.cause is not None else ""
            cause = cause or self._cause(row, book, draft, place.transaction)
            if cause == ids[draft]:
                cause = ""
            if draft.kind is ActionKind.VERSION_REMOVED:
                self._removals[book.identity, draft.version] = (ids[draft], row.at)
            self.journal.record(book, draft, ids[draft], when, _witness(row, derived), cause)

    def _cause(self, row: CapturedRow, book: Book, draft: Draft, whole: Transaction) -> str:
        """Return the id of another row's action that brought this one about."""
        key = book.key
        found = ""
        if draft.kind is ActionKind.VERSION_REMOVED:
            found = whole.deleted.get(key, "")
        elif draft.kind is ActionKind.ALIAS_REMOVED:
            found = whole.deleted.get(key, "") or whole.removed.get((key, draft.before), "")
            action, at = self._removals.get((book.identity, draft.before), ("", 0))
            if abs(row.at - at) <= _FOLLOWS_MS and not book.alive(draft.before):
                found = found or action
        elif row.operation == "insert" and draft.kind is ActionKind.VERSION_TAG_SET:
            found = whole.added.get((key, draft.version), "")
        elif row.operation == "insert" and draft.kind is ActionKind.MODEL_TAG_SET:
            found = whole.created.get(key, "")
        return found

    def _truncate(self, row: CapturedRow, action_id: str) -> None:
        """Derive what the emptying of a whole table took away."""
        place = _Place(action_id, Transaction())
        for book in sorted(self.journal.books.books.values(), key=lambda item: item.key):
            self.touched.add(book.key)
            if row.table == MODELS:
                self._write(row, book, deletion(book), place)
                continue
            if row.table == VERSIONS:
                gone: Values = {
                    local: None
                    for local in book.page
                    if local[0] == "version" and local[2] in ("created_at", "deleted_at")
                }
            else:
                kind = _KIND_OF_TABLE[row.table]
                gone = {local: None for local in book.page if local[0] == kind}
            self._write(row, book, alterations(book, gone), place)


@dataclass(slots=True)
class _Place:
    """A row's id and transaction, and how many actions it has made."""

    action_id: str
    transaction: Transaction
    count: int = 0


def _out_of_sight(row: CapturedRow, book: Book, *, taken: bool) -> bool:
    """Whether a row is of a deleted version's tag, which MLflow keeps and no state holds.

    Of a version that the books do not know yet, a tag that changes tells that it is there:
    a deleted version's only follow the model's name, or are ``taken`` along.
    """
    image = row.new or row.old or {}
    number = text_of(image, "version")
    tag = ("version_tag", number, text_of(image, "key"))
    if row.table != VERSION_TAGS or book.alive(number) or tag in book.page:
        return False
    still = (
        row.old is not None
        and row.new is not None
        and text_of(row.old, "value") == text_of(row.new, "value")
    )
    return still or taken or ("version", number, "deleted_at") in book.page


def _rewritten(local: Local, text: str | None, book: Book) -> bool:
    """Whether only a tombstone's time differs: MLflow writes it anew when it renames."""
    return local[0] == "version" and local[2] == "deleted_at" and bool(text) and local in book.page


def _empty_tag(row: CapturedRow, old: Image | None, new: Image | None) -> list[Draft]:
    """Return what was done to a tag without a text, which leaves no entry."""
    if row.table not in (VERSION_TAGS, MODEL_TAGS):
        return []
    image = new or old or {}
    before = text_of(old, "value") if old is not None else ""
    after = text_of(new, "value") if new is not None else ""
    if old is not None and new is not None and before == after:
        return []
    gone = new is None
    model = row.table == MODEL_TAGS
    if model:
        kind = ActionKind.MODEL_TAG_DELETED if gone else ActionKind.MODEL_TAG_SET
    else:
        kind = ActionKind.VERSION_TAG_DELETED if gone else ActionKind.VERSION_TAG_SET
    number = "" if model else text_of(image, "version")
    return [Draft(kind, number, key=text_of(image, "key"), before=before, after=after)]


def _witness(row: CapturedRow, derived: bool) -> Witness:
    sources = ("plugin", "trigger") if row.user else ("trigger",)
    if derived:
        sources = (*sources, "derived")
    if row.user:
        return Witness(sources, row.user, ActionGrade.AUTHENTICATED)
    if row.account:
        return Witness(sources, row.account, ActionGrade.RECORDED)
    return Witness(sources)
