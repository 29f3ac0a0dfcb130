"""The registry's state when observation began: the first snapshot, earlier rows undone.

Triggers may have been there before the first snapshot. Their old values, taken back from
the latest to the earliest, show the registry as it was when they began.
"""

from __future__ import annotations

from collections.abc import Sequence

from audit.facts import CapturedRow, State
from audit.history.books import (
    CREATED,
    PROMPT_SOURCES,
    PROMPT_TAG,
    Local,
    Page,
    entry_of,
    pages,
)
from audit.history.drafts import Draft, creation
from audit.history.journal import Journal, Witness
from audit.history.model import ActionGrade, ActionKind, When
from audit.history.state import ModelKey
from audit.history.transactions import (
    MODELS,
    TABLES,
    VERSIONS,
    Image,
    key_of,
    text_of,
    values,
)


def opening_state(
    first: State | None, early: Sequence[CapturedRow], at: int = 0, *, sql_fields: bool
) -> State:
    """Return the state before ``early`` rows, where ``first`` is the state after them.

    Of rows later than ``at``, the snapshot's time, only those are undone that it shows.
    Without a snapshot it is what the rows themselves tell of the time before them.
    """
    models = pages(first or {})
    prompts: set[ModelKey] = set()
    for row in reversed(early):
        if row.table not in TABLES or (row.old is None and row.new is None):
            continue
        if first is None or row.at <= at or _shown(models, row, sql_fields=sql_fields):
            _undo(models, prompts, row, partial=first is None, sql_fields=sql_fields)
    return {
        entry_of(local, key): text
        for key, page in models.items()
        if first is None or CREATED in page
        for local, text in page.items()
        if (first is not None or key not in prompts) and _stands(page, local)
    }


def _stands(page: Page, local: Local) -> bool:
    """Whether an entry's version is there, as far as anything but the entry is known of it."""
    return (
        local[0] != "version_tag"
        or ("version", local[1], "created_at") in page
        or CREATED not in page
    )


def _shown(models: dict[ModelKey, Page], row: CapturedRow, *, sql_fields: bool) -> bool:
    """Whether the state is as the row left it."""
    page = models.get(key_of(row.new or row.old or {}), {})
    if row.new is None:
        old = values(row.table, row.old or {}, sql_fields=sql_fields)
        return not any(local in page for local in old)
    new = values(row.table, row.new, sql_fields=sql_fields)
    return all(page.get(local) == text for local, text in new.items())


def _undo(
    models: dict[ModelKey, Page],
    prompts: set[ModelKey],
    row: CapturedRow,
    *,
    partial: bool,
    sql_fields: bool,
) -> None:
    """Put a row's old values back. Harmless where they are there already."""
    image = row.old or row.new or {}
    key = key_of(image)
    if row.table == MODELS and row.old is None:
        models.pop(key, None)
        return
    if row.table == MODELS and row.new is not None:
        _undo_rename(models, key, row.new)
    page = models.get(key) or models.get(key_of(row.new or image))
    if page is None:
        if not partial and row.new is not None:
            return  # a prompt, or a model that the snapshot would have held
        page = models.setdefault(key, {})
    _note_prompts(prompts, key, row)
    for local, text in values(row.table, image, sql_fields=sql_fields).items():
        if row.old is None or text is None:
            page.pop(local, None)
        else:
            page[local] = text


def _undo_rename(models: dict[ModelKey, Page], key: ModelKey, new: Image) -> None:
    late = key_of(new)
    page = models.get(late)
    if late == key or page is None or key in models:
        return
    if page.get(CREATED, "") in ("", text_of(new, "creation_time")):
        models[key] = models.pop(late)


def _note_prompts(prompts: set[ModelKey], key: ModelKey, row: CapturedRow) -> None:
    image = row.new or row.old or {}
    if text_of(image, "key") == PROMPT_TAG and text_of(image, "value") == "true":
        prompts.add(key)
    if row.table == VERSIONS and text_of(image, "source") in PROMPT_SOURCES - {""}:
        prompts.add(key)


def tell_opening(journal: Journal, first: int) -> None:
    """Write down what the registry itself says of the time before the first observation.

    Who did it is unknown, and what the opening state holds is not changed by it.
    """
    found: list[tuple[int, str, Draft]] = []
    for identity, book in journal.books.books.items():
        for draft in creation(book.page):
            at = int(draft.exact) if draft.exact.isdecimal() else first + 1
            if at <= first:
                draft.changes = []
                found.append((at, identity, draft))
    found.sort(key=lambda item: item[:2])
    for number, (at, identity, draft) in enumerate(found, 1):
        when = When(at, at, ActionGrade.RECORDED)
        if draft.kind is ActionKind.VERSION_REMOVED:
            # MLflow writes a tombstone's time anew when it renames the model.
            when = When(None, at, ActionGrade.BRACKETED)
        book = journal.books.books[identity]
        journal.record(book, draft, f"registry:{number}", when, Witness(("registry",)), "")
    journal.unconfirmed.clear()
