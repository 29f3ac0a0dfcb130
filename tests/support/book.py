"""Does things to a registry, and writes down what a right history says of them.

Kind, model, version, alias, key, before and after, who, and the times before and after the
call. The book keeps its own small picture of the registry and looks nothing up.
"""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from support.deeds import (
    Deed,
    K,
    Mark,
    Model,
    Refusal,
    State,
    Version,
    alias_lost,
    alias_set,
    drop_version,
    model_gone,
    model_made,
    version_gone,
    version_made,
)
from support.hands import Hand, RefusedError


def now() -> int:
    """Return the UTC time in milliseconds."""
    return time.time_ns() // 1_000_000


class Book:
    """Does things and writes down what a right history says of them.

    ``look`` is called at each mark, while nothing is under way.
    """

    def __init__(self, look: Callable[[Mark], object] | None = None) -> None:
        self._look = look
        self.deeds: list[Deed] = []
        self.refusals: list[Refusal] = []
        self.marks: list[Mark] = []
        self._models: dict[str, Model] = {}
        self._made: dict[str, int] = {}
        self._lock = threading.Lock()

    def state(self) -> State:
        """Return how the registry stands, by identity."""
        return copy.deepcopy({model.identity: model for model in self._models.values()})

    def mark(self, name: str) -> Mark:
        """Write down how the registry stands now; no two things happen in one millisecond."""
        time.sleep(0.003)
        made = Mark(name, now(), self.state())
        self.marks.append(made)
        if self._look:
            self._look(made)
        time.sleep(0.003)
        return made

    @contextmanager
    def _noting(self, hand: Hand) -> Iterator[list[Deed]]:
        """Let the caller make a call and write deeds; give them who and when."""
        start, deeds = now(), list[Deed]()
        yield deeds
        end = now()
        for deed in deeds:
            deed.actor, deed.actor_grade = hand.actor, hand.grade
            deed.start, deed.end = start, end
        with self._lock:
            self.deeds.extend(deeds)

    # Models

    def create_model(
        self, hand: Hand, name: str, *, tags: dict[str, str] | None = None, description: str = ""
    ) -> None:
        with self._noting(hand) as deeds:
            start = now()
            hand.client.create_registered_model(name, tags, description or None)
            deeds.extend(self._created(name, tags or {}, description, (start, now())))

    def _created(
        self, name: str, tags: dict[str, str], description: str, born: tuple[int, int]
    ) -> list[Deed]:
        with self._lock:
            self._made[name] = self._made.get(name, 0) + 1
            identity = f"{name}#{self._made[name]}"
            model = Model(identity, name, description, dict(tags), born=born)
            self._models[name] = model
        return model_made(model)

    def rename(self, hand: Hand, name: str, new: str) -> None:
        with self._noting(hand) as deeds:
            hand.client.rename_registered_model(name, new)
            with self._lock:
                model = self._models.pop(name)
                model.name = new
                self._models[new] = model
            deeds.append(Deed(K.MODEL_RENAMED, new, model.identity, before=name, after=new))

    def describe(self, hand: Hand, name: str, text: str) -> None:
        with self._noting(hand) as deeds:
            hand.client.update_registered_model(name, text)
            model = self._models[name]
            if text != model.description:
                deeds.append(
                    Deed(
                        K.MODEL_DESCRIPTION_CHANGED,
                        name,
                        model.identity,
                        before=model.description,
                        after=text,
                    )
                )
            model.description = text

    def tag_model(self, hand: Hand, name: str, key: str, value: str) -> None:
        with self._noting(hand) as deeds:
            hand.client.set_registered_model_tag(name, key, value)
            model = self._models[name]
            before = model.tags.get(key, "")
            if value != before:
                deed = Deed(K.MODEL_TAG_SET, name, model.identity, key=key)
                deed.before, deed.after = before, value
                deeds.append(deed)
            model.tags[key] = value

    def untag_model(self, hand: Hand, name: str, key: str) -> None:
        with self._noting(hand) as deeds:
            hand.client.delete_registered_model_tag(name, key)
            model = self._models[name]
            if key in model.tags:
                before = model.tags.pop(key)
                deeds.append(
                    Deed(K.MODEL_TAG_DELETED, name, model.identity, key=key, before=before)
                )

    def delete_model(self, hand: Hand, name: str) -> None:
        with self._noting(hand) as deeds:
            hand.client.delete_registered_model(name)
            with self._lock:
                model = self._models.pop(name)
            deeds.extend(model_gone(model))

    # Versions

    def add_version(
        self,
        hand: Hand,
        name: str,
        source: str,
        *,
        tags: dict[str, str] | None = None,
        description: str = "",
    ) -> int:
        with self._noting(hand) as deeds:
            start = now()
            made = hand.client.create_model_version(
                name, source, tags=tags, description=description or None
            )
            version = Version(source, description, location=source, born=(start, now()))
            version.tags = dict(tags or {})
            number = int(made.version)
            with self._lock:
                model = self._models[name]
                model.versions[number] = version
            deeds.extend(version_made(model, number))
        return number

    def copy_version(self, hand: Hand, name: str, number: int, to: str) -> int:
        """Copy a version as ``MlflowClient`` does, which makes the model where there is none."""
        with self._noting(hand) as deeds:
            start = now()
            made = hand.client.copy_model_version(f"models:/{name}/{number}", to)
            span = (start, now())
            if to not in self._models:
                deeds.extend(self._created(to, {}, "", span))
            source = self._models[name].versions[number]
            copied = Version(f"models:/{name}/{number}", source.description, born=span)
            copied.tags, copied.location = dict(source.tags), source.location
            self._models[to].versions[int(made.version)] = copied
            deeds.extend(version_made(self._models[to], int(made.version)))
        return int(made.version)

    def describe_version(self, hand: Hand, name: str, number: int, text: str) -> None:
        with self._noting(hand) as deeds:
            hand.client.update_model_version(name, str(number), text)
            model = self._models[name]
            version = model.versions[number]
            if text != version.description:
                deed = Deed(K.VERSION_DESCRIPTION_CHANGED, name, model.identity, number)
                deed.before, deed.after = version.description, text
                deeds.append(deed)
            version.description = text

    def tag_version(self, hand: Hand, name: str, number: int, key: str, value: str) -> None:
        with self._noting(hand) as deeds:
            hand.client.set_model_version_tag(name, str(number), key, value)
            model = self._models[name]
            tags = model.versions[number].tags
            if value != tags.get(key, ""):
                deed = Deed(K.VERSION_TAG_SET, name, model.identity, number, key=key)
                deed.before, deed.after = tags.get(key, ""), value
                deeds.append(deed)
            tags[key] = value

    def untag_version(self, hand: Hand, name: str, number: int, key: str) -> None:
        with self._noting(hand) as deeds:
            hand.client.delete_model_version_tag(name, str(number), key)
            model = self._models[name]
            tags = model.versions[number].tags
            if key in tags:
                deed = Deed(K.VERSION_TAG_DELETED, name, model.identity, number, key=key)
                deed.before = tags.pop(key)
                deeds.append(deed)

    def stage(
        self, hand: Hand, name: str, number: int, stage: str, *, archive: bool = False
    ) -> None:
        with self._noting(hand) as deeds:
            hand.client.transition_model_version_stage(name, number, stage, archive)
            model = self._models[name]
            others = {
                other: "Archived"
                for other, version in model.versions.items()
                if archive and other != number and version.stage == stage
            }
            for other, after in {**others, number: stage if stage != "None" else ""}.items():
                version = model.versions[other]
                if version.stage != after:
                    deed = Deed(K.STAGE_CHANGED, name, model.identity, other)
                    deed.before, deed.after = version.stage, after
                    deeds.append(deed)
                version.stage = after

    def delete_version(self, hand: Hand, name: str, number: int) -> None:
        with self._noting(hand) as deeds:
            start = now()
            hand.client.delete_model_version(name, str(number))
            model = self._models[name]
            deeds.extend(version_gone(model, number))
            drop_version(model, number)
            model.tombstones[number] = (start, now())

    # Aliases

    def alias(self, hand: Hand, name: str, alias: str, number: int) -> None:
        with self._noting(hand) as deeds:
            hand.client.set_registered_model_alias(name, alias, str(number))
            deeds.extend(self._aliased(name, alias, number))

    def _aliased(self, name: str, alias: str, number: int) -> list[Deed]:
        model = self._models[name]
        before = model.aliases.get(alias)
        model.aliases[alias] = number
        if before == number:
            return []
        return [alias_set(model, alias, before, number)]

    def unalias(self, hand: Hand, name: str, alias: str) -> None:
        with self._noting(hand) as deeds:
            hand.client.delete_registered_model_alias(name, alias)
            model = self._models[name]
            if alias in model.aliases:
                deeds.append(alias_lost(model, alias))
                del model.aliases[alias]

    # What does not work, and what goes round MLflow

    def refused(self, hand: Hand, model: str, attempt: Callable[[Any], object]) -> None:
        """Let somebody try what the server refuses: it must leave no action."""
        start = now()
        try:
            attempt(hand.client)
        except RefusedError as error:
            self.refusals.append(Refusal(hand.actor, model, error.status, start, now()))
            return
        raise AssertionError(f"the server let {hand.actor} change {model}")

    def sql(self, hand: Hand, *statements: str, **values: object) -> Callable[..., None]:
        """Run statements in one transaction; call what comes back to write the deeds down."""
        start = now()
        with hand.client.begin() as connection:
            for statement in statements:
                bound = {key: value for key, value in values.items() if f":{key}" in statement}
                connection.execute(sa.text(statement), bound)
        end = now()

        def note(*deeds: Deed) -> None:
            for deed in deeds:
                deed.actor, deed.actor_grade = hand.actor, hand.grade
                deed.start, deed.end = start, end
            self.deeds.extend(deeds)

        return note

    def sql_source(self, hand: Hand, name: str, number: int, source: str) -> None:
        """Change a version's source by SQL."""
        note = self.sql(
            hand,
            "UPDATE model_versions SET source = :source WHERE name = :name AND version = :number",
            name=name, number=number, source=source,
        )  # fmt: skip
        model = self._models[name]
        deed = Deed(K.VERSION_SOURCE_CHANGED, name, model.identity, number, key="source")
        deed.before, deed.after = model.versions[number].source, source
        model.versions[number].source = source
        note(deed)

    def sql_delete_version(self, hand: Hand, name: str, number: int) -> None:
        """Delete a version's rows by SQL, which leaves no tombstone and its aliases dangling."""
        note = self.sql(
            hand,
            "DELETE FROM model_version_tags WHERE name = :name AND version = :number",
            "DELETE FROM model_versions WHERE name = :name AND version = :number",
            name=name, number=number,
        )  # fmt: skip
        model = self._models[name]
        gone = version_gone(model, number)[0]
        del model.versions[number]
        note(gone)

    def sql_alias(self, hand: Hand, name: str, alias: str, *numbers: int) -> None:
        """Move an alias by SQL, to one version after the other in one transaction."""
        statements = [
            f"UPDATE registered_model_aliases SET version = {number} "
            "WHERE name = :name AND alias = :alias"
            for number in numbers
        ]
        note = self.sql(hand, *statements, name=name, alias=alias)
        note(*[deed for number in numbers for deed in self._aliased(name, alias, number)])
