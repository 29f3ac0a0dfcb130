"""A registry's state as flat entries: made from a reading, compared, carried forward.

Two readings of an unchanged registry give equal states. For that, a storage location
stands in the state only where it says more than the source does: a reader may know it
resolved to a run's folder one day and unresolved the next.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TypeAlias

from audit.facts import SQL_FIELDS, Change, Entry, ModelVersion, Registry, Rename, State

ModelKey: TypeAlias = tuple[str, str]
"""Workspace and name."""


def state_of(registry: Registry, reader: str) -> State:
    """Return a registry's state; ``reader`` is ``sql``, or ``rest``, which sees less."""
    state: State = {}
    for model in registry.models:
        key = (model.workspace, model.name)
        state["model", *key, "created_at"] = _number(model.created_at)
        if model.description:
            state["model", *key, "description"] = model.description
        for tag, text in model.tags.items():
            if text:
                state["model_tag", *key, tag] = text
        for alias, number in model.aliases.items():
            state["alias", *key, alias] = str(number)
    for version in registry.versions:
        _add_version(state, version)
    return without_sql_fields(state) if reader == "rest" else state


def _add_version(state: State, version: ModelVersion) -> None:
    key = (version.workspace, version.model, str(version.version))
    if version.deleted:
        state["version", *key, "deleted_at"] = _number(version.deleted_at)
        return
    state["version", *key, "created_at"] = _number(version.created_at)
    for name, text in (
        ("description", version.description),
        ("stage", version.stage),
        ("source", version.source),
        ("storage_location", own_location(version.source, version.storage_location)),
        ("run_id", version.run_id),
    ):
        if text:
            state["version", *key, name] = text
    for tag, text in version.tags.items():
        if text:
            state["version_tag", *key, tag] = text


def own_location(source: str, location: str) -> str:
    """Return a storage location, or ``""`` where it follows from the source."""
    if location == source:
        return ""
    if source.startswith("runs:/"):
        run, _, path = source.removeprefix("runs:/").lstrip("/").partition("/")
        if path and run in location and location.endswith("/" + path):
            return ""
    return location


def _number(value: int | None) -> str:
    return "" if value is None else str(value)


def without_sql_fields(state: State) -> State:
    """Return a state as a REST reader would see it."""
    return {
        entry: text
        for entry, text in state.items()
        if entry[0] != "version" or entry[4] not in SQL_FIELDS
    }


def digest(state: State) -> str:
    """Return the SHA-256 of a state, whatever the order of its entries."""
    lines = json.dumps(sorted(state.items()), ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(lines.encode("utf-8", "surrogatepass")).hexdigest()


def model_of(entry: Entry) -> ModelKey:
    """Return the workspace and model name of an entry."""
    return entry[1], entry[2]


def by_model(state: State) -> dict[ModelKey, State]:
    """Return a state model by model."""
    parts: dict[ModelKey, State] = defaultdict(dict)
    for entry, text in state.items():
        parts[entry[1], entry[2]][entry] = text
    return dict(parts)


def difference(before: State, after: State) -> tuple[tuple[Rename, ...], tuple[Change, ...]]:
    """Return what makes one state into the other: renames, then changed entries, sorted."""
    if before == after:
        return (), ()
    renames = renames_between(before, after)
    moved = renamed(before, renames)
    entries = {entry for entry, _ in moved.items() ^ after.items()}
    return renames, tuple(
        Change(entry, moved.get(entry), after.get(entry)) for entry in sorted(entries)
    )


def applied(state: State, renames: Iterable[Rename], changes: Iterable[Change]) -> State:
    """Return the state after renames (all at once) and then changes. A new mapping."""
    result = renamed(state, tuple(renames))
    for change in changes:
        if change.after is None:
            result.pop(change.entry, None)
        else:
            result[change.entry] = change.after
    return result


def renamed(state: State, renames: tuple[Rename, ...]) -> State:
    """Return the state with models renamed; one that stood under a new name is gone."""
    if not renames:
        return dict(state)
    names = {(rename.workspace, rename.before): rename.after for rename in renames}
    taken = {(rename.workspace, rename.after) for rename in renames}
    result: State = {}
    for entry, text in state.items():
        key = model_of(entry)
        if key in names:
            result[entry[0], key[0], names[key], *entry[3:]] = text
        elif key not in taken:
            result[entry] = text
    return result


def renames_between(before: State, after: State) -> tuple[Rename, ...]:
    """Return the models that stand under another name, told by their creation times.

    A model's own time and those of the versions that both states hold must be equal. Where
    several would fit equally well nothing is concluded.
    """
    old, new = _births(before), _births(after)
    gone = {key: born for key, born in old.items() if new.get(key) != born}
    come: dict[tuple[str, str], list[ModelKey]] = defaultdict(list)
    for key, born in new.items():
        if old.get(key) != born:
            come[key[0], born].append(key)
    pairs = [
        (key, other) for key, born in gone.items() if born for other in come.get((key[0], born), ())
    ]
    if not pairs:
        return ()
    ages = (_version_births(before, gone), _version_births(after, {pair[1] for pair in pairs}))
    scores = {pair: _likeness(ages[0][pair[0]], ages[1][pair[1]]) for pair in pairs}
    best: dict[tuple[str, ModelKey], list[int]] = defaultdict(list)
    for (old_key, new_key), score in scores.items():
        best["before", old_key].append(score)
        best["after", new_key].append(score)
    found = [
        Rename(old_key[0], old_key[1], new_key[1])
        for (old_key, new_key), score in scores.items()
        if score >= 0
        and score == max(best["before", old_key])
        and score == max(best["after", new_key])
        and best["before", old_key].count(score) == best["after", new_key].count(score) == 1
    ]
    return tuple(sorted(found, key=lambda item: (item.workspace, item.before)))


def _births(state: State) -> dict[ModelKey, str]:
    return {
        (entry[1], entry[2]): text
        for entry, text in state.items()
        if entry[0] == "model" and entry[3] == "created_at"
    }


def _version_births(
    state: State, models: Mapping[ModelKey, str] | set[ModelKey]
) -> dict[ModelKey, State]:
    births: dict[ModelKey, State] = {key: {} for key in models}
    for entry, text in state.items():
        if entry[0] == "version" and entry[4] == "created_at" and model_of(entry) in births:
            births[model_of(entry)][entry[3],] = text
    return births


def _likeness(old: State, new: State) -> int:
    """Return how many versions two models have in common, -1 if one contradicts another."""
    common = old.keys() & new.keys()
    return len(common) if all(old[key] == new[key] for key in common) else -1
