"""Snapshots compared with the books: what differs was done and not told by any row."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from audit.facts import SQL_FIELDS, VERSION_FIELDS, CapturedRow, Snapshot
from audit.history.books import (
    CREATED,
    DESCRIPTION,
    Book,
    Local,
    Page,
    entry_of,
    is_prompt,
    local_of,
)
from audit.history.drafts import Draft, alterations, creation, deletion
from audit.history.journal import Journal, Span, Witness
from audit.history.model import ActionKind
from audit.history.state import ModelKey, model_of, own_location, renames_between
from audit.history.transactions import (
    MODELS,
    TABLES,
    VERSIONS,
    Image,
    is_tombstone,
    key_of,
    text_of,
    values,
)
from audit.history.webhooks import Deliveries

_AT_BIRTH = frozenset(VERSION_FIELDS) - {"stage", "deleted_at"}
BEFORE_MS = 5_000
"""A row may be captured this long before its transaction is committed."""
AFTER_MS = {"sql": 5_000, "rest": 60_000}
"""Reading may go on for so long after a snapshot's time, and see what is done meanwhile."""


@dataclass(slots=True)
class Doubt:
    """What rows changed while a snapshot was read: both sides of them are as expected."""

    accepted: set[tuple[ModelKey, Local, str | None]] = field(default_factory=set)
    versions: set[tuple[ModelKey, str]] = field(default_factory=set)
    models: set[ModelKey] = field(default_factory=set)

    def covers(self, key: ModelKey, local: Local, text: str | None) -> bool:
        """Whether an entry's observed value is explained by a row of that moment."""
        return (
            key in self.models
            or (key, local, text) in self.accepted
            or (local[0] in ("version", "version_tag") and (key, local[1]) in self.versions)
        )

    def add(self, row: CapturedRow, *, sql_fields: bool) -> None:
        """Take in a row of that moment."""
        images = [image for image in (row.old, row.new) if image is not None]
        keys = {key_of(image) for image in images}
        if row.table == MODELS and (len(images) == 1 or len(keys) == 2):
            self.models |= keys
        for image in images:
            if row.table == VERSIONS and _turns(images):
                self.versions.add((key_of(image), text_of(image, "version")))
            for local, text in values(row.table, image, sql_fields=sql_fields).items():
                self.accepted.add((key_of(image), local, text))
                if len(images) == 1:
                    self.accepted.add((key_of(image), local, None))


def _turns(images: Sequence[Image]) -> bool:
    """Whether a version came or went."""
    return len(images) == 1 or is_tombstone(images[0]) != is_tombstone(images[1])


@dataclass(slots=True)
class Sight:
    """Follows the snapshots, and settles where they are not as the books have it."""

    journal: Journal
    rows: Sequence[CapturedRow]
    deliveries: Deliveries
    sql_fields: bool
    pages: dict[ModelKey, Page] = field(default_factory=dict)
    """The registry as last observed."""
    dirty: set[ModelKey] = field(default_factory=set)
    """Models of which something changed since they were compared."""
    _times: list[int] = field(default_factory=list)
    _renamed: set[str] = field(default_factory=set)
    """Identities that the snapshot at hand shows under another name."""
    _doubt: Doubt | None = None
    _unsure: dict[ModelKey, set[Local]] = field(default_factory=dict)
    """The entries that the snapshot at hand neither confirms nor contradicts."""

    def __post_init__(self) -> None:
        running = 0
        for row in self.rows:
            running = max(running, row.at)
            self._times.append(running)

    def look(self, snapshot: Snapshot, number: int, touched: set[ModelKey]) -> None:
        """Compare a snapshot with the books, and take over what it shows."""
        self.dirty |= touched
        self._take_in(snapshot)
        self._doubt, self._unsure = None, {}
        span = Span(
            self.journal.confirmed, snapshot.at, f"snapshot:{number}", Witness(("snapshot",))
        )
        quiet = not touched
        arrived = self.deliveries.until(snapshot.at)
        self.dirty |= {self.deliveries.key(delivery) for delivery in arrived}
        keys, self.dirty = sorted(self.dirty), set()
        old_names = self._models(keys, snapshot, span)
        self.deliveries.apply(arrived, span, old_names, quiet=quiet)
        for key in keys:
            self._settle(key, snapshot, span)
        self.journal.confirm(snapshot.at, self._unsure)

    def _take_in(self, snapshot: Snapshot) -> None:
        moved: dict[ModelKey, Page] = {}
        for rename in snapshot.renames:
            old, new = (rename.workspace, rename.before), (rename.workspace, rename.after)
            self.dirty |= {old, new}
            if (page := self.pages.pop(old, None)) is not None:
                moved[new] = page
        self.pages.update(moved)
        for change in snapshot.changes:
            local, key = local_of(change.entry), model_of(change.entry)
            if not self.sql_fields and local[0] == "version" and local[2] in SQL_FIELDS:
                continue
            self.dirty.add(key)
            if change.after is None:
                self.pages.get(key, {}).pop(local, None)
            else:
                self.pages.setdefault(key, {})[local] = change.after

    def _models(
        self, keys: Sequence[ModelKey], snapshot: Snapshot, span: Span
    ) -> dict[ModelKey, Book]:
        """Settle models that came, went or were renamed; return the renamed by old name."""
        books = self.journal.books
        gone, come = self._strangers(keys, snapshot)
        renames = renames_between(
            {
                entry_of(local, key): t
                for key, book in gone.items()
                for local, t in book.page.items()
            },
            {entry_of(local, key): t for key, page in come.items() for local, t in page.items()},
        )
        renamed = {
            (rename.workspace, rename.before): (rename.workspace, rename.after)
            for rename in renames
        }
        old_names: dict[ModelKey, Book] = {}
        for key, book in gone.items():
            if key not in renamed:
                drafts = deletion(book)
                drafts[-1].ceiling = come.get(key, {}).get(CREATED, "")
                self.journal.settle(book, drafts, span)
        for key, target in renamed.items():
            book = old_names[key] = gone[key]
            draft = self.journal.rename(book, target)
            draft.ceiling = come.get(key, {}).get(CREATED, "")
            self.journal.settle(book, [draft], span)
        for key, page in come.items():
            if key not in renamed.values():
                book = books.open(key, page.get(CREATED, ""))
                self.journal.models.add(book.identity)
                born = {local: page[local] for local in (CREATED, DESCRIPTION) if local in page}
                self.journal.settle(book, creation(born), span)
        self._renamed = {book.identity for book in old_names.values()}
        for key in keys:
            self._versions(key, snapshot, span)
        return old_names

    def _strangers(
        self, keys: Sequence[ModelKey], snapshot: Snapshot
    ) -> tuple[dict[ModelKey, Book], dict[ModelKey, Page]]:
        """Return the models that are no longer to be seen, and those that were not before."""
        gone: dict[ModelKey, Book] = {}
        come: dict[ModelKey, Page] = {}
        for key in keys:
            book, page = self.journal.books.find(key), self.pages.get(key)
            if book is not None and page and _same(book.page, page):
                continue
            if (book is not None or page) and key in self._moment(snapshot).models:
                self.dirty.add(key)
                known = book.page if book is not None else {}
                self._unsure.setdefault(key, set()).update(known, page or {})
                continue
            if book is not None and (page or not is_prompt(book.page)):
                gone[key] = book
            if page:
                come[key] = page
        return gone, come

    def _versions(self, key: ModelKey, snapshot: Snapshot, span: Span) -> None:
        """Settle versions that came, so that deliveries about them find them."""
        book, page = self.journal.books.find(key), self.pages.get(key)
        if book is None or not page or book.page == page:
            return
        new = {
            local: text
            for local, text in page.items()
            if local[0] == "version"
            and local[2] in _AT_BIRTH
            and not book.alive(local[1])
            and ("version", local[1], "created_at") in page
        }
        self._write(book, key, new, snapshot, span)

    def _settle(self, key: ModelKey, snapshot: Snapshot, span: Span) -> None:
        book, page = self.journal.books.find(key), self.pages.get(key)
        if book is None or not page or key in self.dirty:
            return
        self.journal.models.add(book.identity)
        if book.page != page:
            _reconcile(book, page)
            changed: dict[Local, str | None] = {
                local: page.get(local) for local, _ in book.page.items() ^ page.items()
            }
            self._write(book, key, changed, snapshot, span)
        if key not in self.dirty:
            self.journal.add_source(self.journal.unconfirmed.pop(book.identity, ()), "snapshot")

    def _write(
        self,
        book: Book,
        key: ModelKey,
        changed: Mapping[Local, str | None],
        snapshot: Snapshot,
        span: Span,
    ) -> None:
        if not changed:
            return
        moment = self._moment(snapshot)
        sure = {
            local: text for local, text in changed.items() if not moment.covers(key, local, text)
        }
        if len(sure) < len(changed):
            self.dirty.add(key)
            self._unsure.setdefault(key, set()).update(changed.keys() - sure.keys())
        drafts = alterations(book, dict(sorted(sure.items())))
        for draft in drafts:
            if draft.kind is ActionKind.VERSION_REMOVED and book.identity in self._renamed:
                draft.ceiling, draft.exact = draft.exact, ""
        self._bound(book, drafts)
        self.journal.settle(book, drafts, span)

    def _bound(self, book: Book, drafts: list[Draft]) -> None:
        """Let nothing begin before the webhook that told the entry's last value."""
        for draft in drafts:
            for local, _, _ in draft.changes[:1]:
                told = self.deliveries.last.get((book.identity, local))
                if told is not None:
                    draft.floor = str(max(told, int(draft.floor or 0)))

    def _moment(self, snapshot: Snapshot) -> Doubt:
        """Return what rows changed about the time of a snapshot."""
        if self._doubt is None:
            self._doubt = Doubt()
            start = bisect_left(self._times, snapshot.at - BEFORE_MS)
            end = bisect_right(self._times, snapshot.at + AFTER_MS.get(snapshot.reader, BEFORE_MS))
            for row in self.rows[start:end]:
                if row.table in TABLES:
                    self._doubt.add(row, sql_fields=self.sql_fields)
        return self._doubt


def _same(known: Mapping[Local, str], page: Mapping[Local, str]) -> bool:
    """Whether two pages are of one model: made at the same time, as far as that is known."""
    times = (known.get(CREATED, ""), page.get(CREATED, ""))
    return times[0] == times[1] or "" in times


def _reconcile(book: Book, page: Page) -> None:
    """Write in an observed page as the books do what readers and rows tell differently.

    MLflow writes a tombstone's time anew when it renames the model; a reader resolves a
    location that a row gives relative to its run.
    """
    for local, text in list(page.items()):
        known = book.page.get(local)
        if known is None or known == text or local[0] != "version":
            continue
        resolved = local[2] == "storage_location" and not own_location(known, text)
        if local[2] == "deleted_at" or resolved:
            page[local] = known
