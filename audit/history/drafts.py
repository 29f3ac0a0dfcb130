"""Changed entries → what was done, in the vocabulary of actions.

The same for every way in: a captured row and the difference of two snapshots are both
changed entries of one model. Who and when come from elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from audit.facts import VERSION_FIELDS
from audit.history.books import CREATED, DESCRIPTION, Book, Local
from audit.history.model import ActionKind as Kind

_BORN_WITH = tuple(name for name in VERSION_FIELDS if name not in ("stage", "deleted_at"))
"""What a version is registered with; a stage comes later."""
_PLACES = ("source", "storage_location", "run_id")


@dataclass(slots=True, eq=False)
class Draft:
    """An action without its who, when and id."""

    kind: Kind
    version: str = ""
    alias: str = ""
    key: str = ""
    before: str = ""
    after: str = ""
    changes: list[tuple[Local, str | None, str | None]] = field(default_factory=list)
    cause: Draft | None = None
    exact: str = ""
    """The registry's own time of it, UTC ms."""
    floor: str = ""
    """It cannot have been done before: that is when the thing was made."""
    ceiling: str = ""
    """It cannot have been done after: something that followed it has this time."""


def creation(page: Mapping[Local, str]) -> list[Draft]:
    """Return how a model came to be as it is: made, then all that it holds."""
    made = Draft(
        Kind.MODEL_CREATED,
        changes=[(local, None, page[local]) for local in (CREATED, DESCRIPTION) if local in page],
        exact=page.get(CREATED, ""),
    )
    rest = {local: text for local, text in page.items() if local not in (CREATED, DESCRIPTION)}
    return [made, *alterations(Book("", "", "", {CREATED: made.exact}), rest)]


def deletion(book: Book) -> list[Draft]:
    """Return how a model went: what its deletion took along, then the deletion."""
    root = Draft(Kind.MODEL_DELETED, before=book.name)
    caused = [
        Draft(Kind.ALIAS_REMOVED, text, local[1], before=text, cause=root)
        for local, text in sorted(book.page.items())
        if local[0] == "alias"
    ]
    for draft in caused:
        draft.changes.append((("alias", draft.alias), draft.before, None))
    versions = sorted(filter(book.alive, book.by_version), key=lambda text: (len(text), text))
    caused += [_removed(book, version, {}, root) for version in versions]
    told = {local for draft in caused for local, _, _ in draft.changes}
    root.changes = [(local, text, None) for local, text in book.page.items() if local not in told]
    return [*caused, root]


def alterations(book: Book, changed: Mapping[Local, str | None]) -> list[Draft]:
    """Return what was done to a model that stays, from its entries that are to change."""
    drafts = [draft for number in _numbers(changed) for draft in _version(book, number, changed)]
    removed = {draft.version: draft for draft in drafts if draft.kind is Kind.VERSION_REMOVED}
    settled = removed.keys() | {d.version for d in drafts if d.kind is Kind.VERSION_ADDED}
    for local, text in changed.items():
        with_version = local[0] == "version_tag" and local[1] in settled
        if local[0] != "version" and not with_version and text != book.page.get(local):
            drafts.append(_other(book, local, text, changed))
    for draft in drafts:
        if draft.kind is Kind.ALIAS_REMOVED:
            draft.cause = removed.get(draft.before)
    return drafts


def _version(book: Book, version: str, changed: Mapping[Local, str | None]) -> list[Draft]:
    """Return what was done to one version: it came, went, was replaced, or had fields changed."""
    born = ("version", version, "created_at")
    alive, after = book.alive(version), changed.get(born)
    if born in changed and after is not None and alive and not _moved(version, changed):
        return [_backdated(book, version, after), *_version_fields(book, version, changed)]
    if born in changed:
        gone = [_removed(book, version, changed, None)] if alive else []
        return gone + (_added(book, version, changed) if after is not None else [])
    if ("version", version, "deleted_at") in changed and not alive:
        return _unseen(version, changed)
    return _version_fields(book, version, changed)


def _moved(version: str, changed: Mapping[Local, str | None]) -> bool:
    """Whether the version is another one and not only said to be of another time."""
    return any(("version", version, name) in changed for name in _PLACES)


def _backdated(book: Book, version: str, after: str) -> Draft:
    local = ("version", version, "created_at")
    before = book.page[local]
    return Draft(
        Kind.VERSION_SOURCE_CHANGED,
        version,
        key="created_at",
        before=before,
        after=after,
        changes=[(local, before, after)],
    )


def _numbers(changed: Mapping[Local, str | None]) -> list[str]:
    found = {local[1] for local in changed if local[0] == "version"}
    return sorted(found, key=lambda text: (len(text), text))


def _unseen(version: str, changed: Mapping[Local, str | None]) -> list[Draft]:
    """Return the life of a version of which only the tombstone was seen, or its purge."""
    local = ("version", version, "deleted_at")
    text = changed[local]
    gone = Draft(Kind.VERSION_REMOVED, version, exact=text or "")
    if text is None:
        return [gone]
    gone.changes = [(local, None, text)]
    return [Draft(Kind.VERSION_ADDED, version, ceiling=text), gone]


def _removed(
    book: Book, version: str, changed: Mapping[Local, str | None], cause: Draft | None
) -> Draft:
    tombstone = ("version", version, "deleted_at")
    draft = Draft(
        Kind.VERSION_REMOVED,
        version,
        before=book.page.get(("version", version, "source"), ""),
        changes=[
            (local, book.page[local], None) for local in sorted(book.by_version.get(version, ()))
        ],
        cause=cause,
        exact=changed.get(tombstone) or "",
    )
    if draft.exact:
        draft.changes.append((tombstone, book.page.get(tombstone), draft.exact))
    return draft


def _added(book: Book, version: str, changed: Mapping[Local, str | None]) -> list[Draft]:
    """Return a version's registration, with its stage and tags as actions of their own."""
    page: dict[Local, str | None] = {
        local: book.page[local] for local in book.by_version.get(version, ())
    }
    replaced = book.alive(version)
    after = {local: text for local, text in {**page, **changed}.items() if local[1:2] == (version,)}
    born = changed["version", version, "created_at"] or ""
    draft = Draft(
        Kind.VERSION_ADDED,
        version,
        after=after.get(("version", version, "source")) or "",
        exact=born,
    )
    for name in _BORN_WITH:
        local = ("version", version, name)
        if (text := after.get(local)) is not None:
            draft.changes.append((local, None if replaced else page.get(local), text))
    grave = ("version", version, "deleted_at")
    if grave in page and grave in changed:
        draft.changes.append((grave, page[grave], None))
    drafts = [draft]
    stage = ("version", version, "stage")
    if text := after.get(stage):
        drafts.append(
            Draft(
                Kind.STAGE_CHANGED, version, after=text, changes=[(stage, None, text)], floor=born
            )
        )
    for entry, tag in after.items():
        told = not replaced and entry in page and entry not in changed
        if entry[0] == "version_tag" and tag is not None and not told:
            drafts.append(
                Draft(
                    Kind.VERSION_TAG_SET,
                    version,
                    key=entry[2],
                    after=tag,
                    changes=[(entry, None, tag)],
                    floor=born,
                )
            )
    return drafts


def _version_fields(book: Book, version: str, changed: Mapping[Local, str | None]) -> list[Draft]:
    drafts: list[Draft] = []
    for name in ("description", "stage", *_PLACES):
        local = ("version", version, name)
        before, after = book.page.get(local), changed.get(local, book.page.get(local))
        if before == after:
            continue
        change = (local, before, after)
        if name == "storage_location" and drafts and drafts[-1].key == "source":
            # The place follows from a source, and stands for itself once that changes.
            old = book.page.get(("version", version, "source"))
            new = changed.get(("version", version, "source"))
            if (before is None and after == old) or (after is None and before == new):
                drafts[-1].changes.append(change)
                continue
        kind = {
            "description": Kind.VERSION_DESCRIPTION_CHANGED,
            "stage": Kind.STAGE_CHANGED,
        }.get(name, Kind.VERSION_SOURCE_CHANGED)
        drafts.append(
            Draft(
                kind,
                version,
                key=name if name in _PLACES else "",
                before=before or "",
                after=after or "",
                changes=[change],
                floor=book.page.get(("version", version, "created_at"), ""),
            )
        )
    return drafts


def _other(
    book: Book, local: Local, after: str | None, changed: Mapping[Local, str | None]
) -> Draft:
    """Return what was done to an alias, a tag or the model's description."""
    before = book.page.get(local)
    draft = Draft(
        Kind.MODEL_DESCRIPTION_CHANGED,
        before=before or "",
        after=after or "",
        changes=[(local, before, after)],
        floor=book.page.get(CREATED, ""),
    )
    if local[0] == "alias":
        draft.alias = local[1]
        draft.version = after or before or ""
        born = ("version", draft.version, "created_at")
        draft.floor = changed.get(born) or book.page.get(born) or draft.floor
        draft.kind = Kind.ALIAS_MOVED
        if before is None:
            draft.kind = Kind.ALIAS_ADDED
        elif after is None:
            draft.kind = Kind.ALIAS_REMOVED
    elif local[0] == "version_tag":
        draft.version, draft.key = local[1:]
        draft.kind = Kind.VERSION_TAG_DELETED if after is None else Kind.VERSION_TAG_SET
        draft.floor = book.page.get(("version", draft.version, "created_at"), draft.floor)
    elif local == CREATED:
        draft.key = local[1]
    elif local[0] == "model_tag":
        draft.key = local[1]
        draft.kind = Kind.MODEL_TAG_DELETED if after is None else Kind.MODEL_TAG_SET
    return draft
