"""The truth of a script: what a right history says, and what one who only looks can know.

Nothing here knows how a history is made. What MLflow does to aliases, tags and versions when
something is deleted is written out.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

from audit.facts import Entry
from audit.history.model import ActionGrade, ActionKind

K = ActionKind


@dataclass(eq=False, slots=True)
class Deed:
    """One action as a right history tells it. ``start`` and ``end`` are around the call."""

    kind: ActionKind
    model: str
    identity: str
    """The book's own name of the model across renames: ``fraud#2`` is the second of that name."""
    version: int | None = None
    alias: str = ""
    key: str = ""
    before: str = ""
    after: str = ""
    actor: str = ""
    actor_grade: ActionGrade = ActionGrade.UNKNOWN
    start: int = 0
    end: int = 0
    cause: Deed | None = None

    def words(self) -> str:
        """Return all that is compared, in one line."""
        what = [self.kind.value, self.model, f"v{self.version}", self.alias, self.key]
        who = f"{self.actor or 'nobody'} ({self.actor_grade.value})"
        cause = f" caused by {self.cause.kind.value}" if self.cause else ""
        named = " ".join(part for part in what if part not in ("", "vNone"))
        return f"{named}: {self.before!r} -> {self.after!r} by {who}{cause}"


@dataclass(slots=True)
class Version:
    """A version as the book has it."""

    source: str
    description: str = ""
    stage: str = ""
    """Empty for MLflow's stage ``None``."""
    location: str = ""
    """Where the files are: MLflow notes it at the registration, and nothing changes it."""
    tags: dict[str, str] = field(default_factory=dict)
    born: tuple[int, int] = (0, 0)


@dataclass(slots=True)
class Model:
    """A model as the book has it."""

    identity: str
    name: str
    description: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    versions: dict[int, Version] = field(default_factory=dict)
    aliases: dict[str, int] = field(default_factory=dict)
    born: tuple[int, int] = (0, 0)
    tombstones: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Versions deleted through MLflow, with the times around the call."""


State = dict[str, Model]
"""Models by identity."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that the server refused."""

    actor: str
    model: str
    status: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment at which nothing was under way, and how the registry stood."""

    name: str
    at: int
    state: State


def model_made(model: Model) -> list[Deed]:
    """Return the deeds of a model that comes into being: its description is part of that."""
    made = Deed(K.MODEL_CREATED, model.name, model.identity)
    return [
        made,
        *(
            Deed(K.MODEL_TAG_SET, model.name, model.identity, key=key, after=value, cause=made)
            for key, value in model.tags.items()
        ),
    ]


def version_made(model: Model, number: int) -> list[Deed]:
    """Return the deeds of a version that comes into being: its description is part of that."""
    version = model.versions[number]
    made = Deed(K.VERSION_ADDED, model.name, model.identity, number, after=version.source)
    tags = [
        Deed(K.VERSION_TAG_SET, model.name, model.identity, number, key=key, cause=made)
        for key in version.tags
    ]
    for tag in tags:
        tag.after = version.tags[tag.key]
    return [made, *tags]


def version_gone(model: Model, number: int) -> list[Deed]:
    """Return the deeds of a version's deletion: its aliases go with it, its tags are part of it."""
    source = model.versions[number].source
    gone = Deed(K.VERSION_REMOVED, model.name, model.identity, number, before=source)
    held = [alias for alias, holder in model.aliases.items() if holder == number]
    return [gone, *(alias_lost(model, alias, cause=gone) for alias in held)]


def drop_version(model: Model, number: int) -> None:
    """Take a version, and the aliases that it held, out of the picture."""
    del model.versions[number]
    model.aliases = {alias: held for alias, held in model.aliases.items() if held != number}


def model_gone(model: Model) -> list[Deed]:
    """Return the deeds of a model's deletion: its aliases and versions go with it."""
    gone = Deed(K.MODEL_DELETED, model.name, model.identity, before=model.name)
    deeds = [gone, *(alias_lost(model, alias, cause=gone) for alias in model.aliases)]
    for number in model.versions:
        removal = version_gone(model, number)[0]
        removal.cause = gone
        deeds.append(removal)
    return deeds


def alias_set(model: Model, alias: str, before: int | None, after: int) -> Deed:
    """Return the deed of an alias that is set where it was not, or was elsewhere."""
    kind = K.ALIAS_ADDED if before is None else K.ALIAS_MOVED
    deed = Deed(kind, model.name, model.identity, after, alias, after=str(after))
    deed.before = "" if before is None else str(before)
    return deed


def alias_lost(model: Model, alias: str, cause: Deed | None = None) -> Deed:
    """Return the deed of an alias that is taken away."""
    held = model.aliases[alias]
    deed = Deed(K.ALIAS_REMOVED, model.name, model.identity, held, alias, before=str(held))
    deed.cause = cause
    return deed


def net(before: State, after: State, *, tombstones: bool = True) -> list[Deed]:
    """Return what changed between two moments, each thing at most once; nobody saw who.

    Of a version that came and went in between, MLflow's tombstone tells one who can see it.
    """
    deeds: list[Deed] = []
    for identity, old in before.items():
        if identity not in after:
            deeds += model_gone(old)
    for identity, new in after.items():
        earlier = before.get(identity)
        deeds += _whole(new) if earlier is None else _changed(earlier, new)
        if tombstones:
            deeds += _passing(earlier, new)
    for deed in deeds:
        if deed.kind in (K.MODEL_TAG_SET, K.VERSION_TAG_SET):
            deed.cause = None  # nobody saw whether they came with the model or the version
    return deeds


def _passing(old: Model | None, new: Model) -> list[Deed]:
    known = {*old.versions, *old.tombstones} if old else set()
    return [
        Deed(kind, new.name, new.identity, number)
        for number in new.tombstones.keys() - known
        for kind in (K.VERSION_ADDED, K.VERSION_REMOVED)
    ]


def _whole(model: Model) -> list[Deed]:
    deeds = model_made(model)
    for number in model.versions:
        deeds += _whole_version(model, number)
    return deeds + [alias_set(model, alias, None, held) for alias, held in model.aliases.items()]


def _whole_version(model: Model, number: int) -> list[Deed]:
    deeds = version_made(model, number)
    stage = model.versions[number].stage
    if stage:
        deeds.append(Deed(K.STAGE_CHANGED, model.name, model.identity, number, after=stage))
    return deeds


def _changed(old: Model, new: Model) -> list[Deed]:
    deeds: list[Deed] = []
    name, identity = new.name, new.identity
    if old.name != name:
        deeds.append(Deed(K.MODEL_RENAMED, name, identity, before=old.name, after=name))
    if old.description != new.description:
        deed = Deed(K.MODEL_DESCRIPTION_CHANGED, name, identity)
        deed.before, deed.after = old.description, new.description
        deeds.append(deed)
    deeds += _tags(old.tags, new.tags, name, identity, None)
    before = copy.copy(old)
    before.name = name
    gone = {
        number: version_gone(before, number) for number in old.versions.keys() - new.versions.keys()
    }
    for removal in gone.values():
        deeds += [deed for deed in removal if not deed.alias]
    for number in old.versions.keys() & new.versions.keys():
        deeds += _version(old.versions[number], new.versions[number], name, identity, number)
    for number in new.versions.keys() - old.versions.keys():
        deeds += _whole_version(new, number)
    causes = {number: removal[0] for number, removal in gone.items()}
    for alias, held in old.aliases.items():
        if alias not in new.aliases:
            deeds.append(alias_lost(before, alias, cause=causes.get(held)))
    for alias, held in new.aliases.items():
        if old.aliases.get(alias) != held:
            deeds.append(alias_set(new, alias, old.aliases.get(alias), held))
    return deeds


def _version(old: Version, new: Version, name: str, identity: str, number: int) -> list[Deed]:
    deeds: list[Deed] = []
    for kind, key, before, after in (
        (K.VERSION_DESCRIPTION_CHANGED, "", old.description, new.description),
        (K.STAGE_CHANGED, "", old.stage, new.stage),
        (K.VERSION_SOURCE_CHANGED, "source", old.source, new.source),
    ):
        if before != after:
            deed = Deed(kind, name, identity, number, key=key, before=before, after=after)
            deeds.append(deed)
    return deeds + _tags(old.tags, new.tags, name, identity, number)


def _tags(
    old: dict[str, str], new: dict[str, str], name: str, identity: str, number: int | None
) -> list[Deed]:
    kinds = (K.MODEL_TAG_SET, K.MODEL_TAG_DELETED)
    if number is not None:
        kinds = (K.VERSION_TAG_SET, K.VERSION_TAG_DELETED)
    deeds = []
    for key in old.keys() | new.keys():
        before, after = old.get(key, ""), new.get(key, "")
        if before != after:
            deed = Deed(kinds[key not in new], name, identity, number, key=key)
            deed.before, deed.after = before, after
            deeds.append(deed)
    return deeds


def flat(state: State, *, sql: bool = True) -> dict[Entry, str]:
    """Return how the registry stands as entries, without the times in them.

    ``sql`` tells whether what only the database shows is to be in it.
    """
    entries: dict[Entry, str] = {}
    for model in state.values():
        key = ("default", model.name)
        entries["model", *key, "description"] = model.description
        for tag, text in model.tags.items():
            entries["model_tag", *key, tag] = text
        for alias, held in model.aliases.items():
            entries["alias", *key, alias] = str(held)
        for number, version in model.versions.items():
            place = ("version", *key, str(number))
            entries[*place, "description"] = version.description
            entries[*place, "stage"] = version.stage
            entries[*place, "source"] = version.source
            if sql and version.location != version.source:
                entries[*place, "storage_location"] = version.location
            for tag, text in version.tags.items():
                entries["version_tag", *key, str(number), tag] = text
    return {entry: text for entry, text in entries.items() if text}


def times(state: State, *, sql: bool = True) -> dict[Entry, tuple[int, int]]:
    """Return for each time in the registry the two moments between which it lies."""
    entries: dict[Entry, tuple[int, int]] = {}
    for model in state.values():
        key = ("default", model.name)
        entries["model", *key, "created_at"] = model.born
        for number, version in model.versions.items():
            entries["version", *key, str(number), "created_at"] = version.born
        for number, gone in model.tombstones.items() if sql else ():
            entries["version", *key, str(number), "deleted_at"] = gone
    return entries


Held = tuple[str, str, int, Deed, Deed | None]


def held(deeds: list[Deed]) -> list[Held]:
    """Return which version held which alias between which two deeds."""
    open_ones: dict[tuple[str, str], tuple[int, Deed]] = {}
    found: list[Held] = []
    for deed in sorted(deeds, key=lambda item: item.start):
        if not deed.alias:
            continue
        key = (deed.identity, deed.alias)
        if key in open_ones:
            number, start = open_ones.pop(key)
            found.append((*key, number, start, deed))
        if deed.after:
            open_ones[key] = (int(deed.after), deed)
    return found + [(*key, number, start, None) for key, (number, start) in open_ones.items()]
