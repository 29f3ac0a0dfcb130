"""The registry turned back: today's reading with the names, aliases, texts of an earlier moment.

What the state of that moment holds comes back, also where it has been moved, renamed or
deleted since; what it holds nothing of (runs, logged models) stays as it was read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace

from audit.facts import ModelVersion, RegisteredModel, Registry, State
from audit.history.state import by_model, difference
from audit.sources.registry.assemble import logged_model_id

_Key = tuple[str, str]
"""Workspace and name."""


def at(registry: Registry, now: State, then: State) -> Registry:
    """Return ``registry``, whose state is ``now``, as it stood in the state ``then``.

    A version that ``then`` does not hold was made later; it stays, without its model's
    aliases, unless the number was another version's at the time. When something was last
    updated is not known where it differs.
    """
    renames, changes = difference(now, then)
    if not renames and not changes:
        return registry
    names = {(item.workspace, item.before): item.after for item in renames}
    taken = {(item.workspace, item.after) for item in renames}

    def name_then(workspace: str, name: str) -> str | None:
        """Return a model's name then, ``None`` where it was another model's."""
        known = names.get((workspace, name))
        return known or (None if (workspace, name) in taken else name)

    models = {
        (item.workspace, name): item
        for item in registry.models
        if (name := name_then(item.workspace, item.name))
    }
    versions = defaultdict[_Key, dict[int, ModelVersion]](dict)
    for item in registry.versions:
        if name := name_then(item.workspace, item.model):
            versions[item.workspace, name][item.version] = item
    found: list[RegisteredModel] = []
    kept: list[ModelVersion] = []
    for key, state in sorted(by_model(then).items()):
        read = _Entries(state)
        model = models.get(key)
        if read.model:
            found.append(_model(key, read, model))
        whole = dict(versions.pop(key, {}))
        for number in read.versions:
            whole[number] = _version(key, number, read, whole.get(number))
        kept += [replace(item, model=key[1]) for _, item in sorted(whole.items())]
    later = [
        replace(item, model=name)
        for (_, name), numbers in sorted(versions.items())
        for item in numbers.values()
    ]
    return replace(
        registry,
        models=tuple(found),
        versions=tuple(
            sorted([*kept, *later], key=lambda item: (item.workspace, item.model, item.version))
        ),
    )


class _Entries:
    """One model's entries of a state, by what they are about."""

    def __init__(self, state: State) -> None:
        self.model: dict[str, str] = {}
        self.tags: dict[str, str] = {}
        self.aliases: dict[str, int] = {}
        self.versions = defaultdict[int, dict[str, str]](dict)
        self.version_tags = defaultdict[int, dict[str, str]](dict)
        for entry, text in sorted(state.items()):
            kind, rest = entry[0], entry[3:]
            if kind == "model":
                self.model[rest[0]] = text
            elif kind == "model_tag":
                self.tags[rest[0]] = text
            elif kind == "alias":
                self.aliases[rest[0]] = int(text)
            elif kind == "version":
                self.versions[int(rest[0])][rest[1]] = text
            else:
                self.version_tags[int(rest[0])][rest[1]] = text


def _model(key: _Key, read: _Entries, now: RegisteredModel | None) -> RegisteredModel:
    made = _time(read.model)
    then = RegisteredModel(
        name=key[1],
        workspace=key[0],
        created_at=made,
        description=read.model.get("description", ""),
        tags=read.tags,
        aliases=read.aliases,
    )
    if now is None:
        return then
    # MLflow keeps a tag without text, which is no entry of a state.
    empty = {name: text for name, text in now.tags.items() if not text}
    same = replace(then, tags=dict(sorted((then.tags | empty).items())), updated_at=now.updated_at)
    return now if same == now else replace(same, updated_at=None)


def _version(key: _Key, number: int, read: _Entries, now: ModelVersion | None) -> ModelVersion:
    fields, tags = read.versions[number], read.version_tags[number]
    if "created_at" not in fields:
        return _deleted(key, number, fields, now)
    if now is None or now.created_at != _time(fields):
        now = ModelVersion(key[1], number, key[0])
    source = fields.get("source", "")
    location = fields.get("storage_location", "")
    if not location and (now.deleted or now.source == source):
        # It follows from the source, or the reader could not see it: today's is no other.
        location = now.storage_location
    elif not location and not source.startswith("models:"):
        location = source
    then = replace(
        now,
        created_at=_time(fields),
        description=fields.get("description", ""),
        stage=fields.get("stage", ""),
        source=source,
        run_id=fields.get("run_id", ""),
        storage_location=location,
        logged_model_id=logged_model_id(source, location),
        tags={**{name: text for name, text in now.tags.items() if not text}, **tags},
        deleted=False,
        deleted_at=None,
    )
    same = replace(then, tags=dict(sorted(then.tags.items())))
    return now if same == now else replace(same, updated_at=None)


def _deleted(
    key: _Key, number: int, fields: Mapping[str, str], now: ModelVersion | None
) -> ModelVersion:
    """Return a version that was a tombstone then: it still is, unless its model is another."""
    when = int(fields["deleted_at"]) if fields.get("deleted_at") else None
    if now is not None and now.deleted and now.deleted_at == when:
        return now
    return ModelVersion(key[1], number, key[0], deleted=True, deleted_at=when)


def _time(fields: Mapping[str, str]) -> int | None:
    return int(fields["created_at"]) if fields.get("created_at") else None
