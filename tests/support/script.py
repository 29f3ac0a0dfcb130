"""A scripted quarter: what several people do to a registry, and the truth of it.

``Book`` does each thing through the hand of somebody and writes down what a right history
must say of it: kind, model, version, alias, key, before and after, who, and the times before
and after the call. It keeps its own small picture of the registry and looks nothing up.

``play`` is the quarter. At its marks somebody may look at the registry: ``deeds.net`` tells
what one who only looks then can know to have changed between two marks.
"""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
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
from support.hands import Cast, Hand, RefusedError


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


# --- the quarter ------------------------------------------------------------------------------

BUCKET = "s3://models.example/"
"""Nobody reads it: sources that MLflow's server takes as they are."""


def play(book: Book, cast: Cast) -> None:
    """Play the quarter, with a mark after each chapter and some within."""
    for chapter in (
        _founding, _promotion, _words, _renaming, _deletion, _second_of_its_name, _copies,
        _crowd, _round_the_server, _by_sql, _there_and_back,
    ):  # fmt: skip
        chapter(book, cast)
        book.mark(chapter.__name__.removeprefix("_"))


def _founding(book: Book, cast: Cast) -> None:
    book.create_model(
        cast.alice, "churn", tags={"owner": "carol", "tier": "1"}, description="Who leaves?"
    )
    book.add_version(cast.alice, "churn", f"{BUCKET}churn/1")
    book.add_version(
        cast.bob, "churn", f"{BUCKET}churn/2", tags={"data": "2026-Q2"}, description="second"
    )
    book.alias(cast.alice, "churn", "champion", 1)
    book.alias(cast.bob, "churn", "challenger", 2)


def _promotion(book: Book, cast: Cast) -> None:
    book.stage(cast.alice, "churn", 1, "Staging")
    book.stage(cast.alice, "churn", 1, "Production")
    book.refused(
        cast.carol, "churn", lambda her: her.set_registered_model_alias("churn", "champion", "2")
    )
    book.alias(cast.bob, "churn", "champion", 2)
    book.alias(cast.alice, "churn", "champion", 1)
    book.alias(cast.bob, "churn", "champion", 1)  # as it is: nothing happens
    book.alias(cast.bob, "churn", "champion", 2)
    book.stage(cast.archivist, "churn", 2, "Production", archive=True)
    book.stage(cast.bob, "churn", 2, "Production")  # as it is
    book.stage(cast.alice, "churn", 1, "None")
    book.stage(cast.alice, "churn", 1, "Archived")
    book.unalias(cast.alice, "churn", "challenger")
    book.unalias(cast.alice, "churn", "challenger")  # not there any more
    book.alias(cast.alice, "churn", "challenger", 1)


def _words(book: Book, cast: Cast) -> None:
    book.tag_model(cast.alice, "churn", "reviewed", "no")
    book.tag_model(cast.bob, "churn", "reviewed", 'yes: "größer" = 1, 2')
    book.tag_model(cast.bob, "churn", "reviewed", 'yes: "größer" = 1, 2')  # as it is
    book.untag_model(cast.alice, "churn", "tier")
    book.untag_model(cast.alice, "churn", "tier")  # not there any more
    book.describe(cast.bob, "churn", "Who leaves, and why?\nAsk Carol's team.")
    book.describe(cast.bob, "churn", "")
    book.describe(cast.alice, "churn", "Which customers leave")
    book.tag_version(cast.bob, "churn", 2, "approved", "pending")
    book.tag_version(cast.alice, "churn", 2, "approved", "by alice")
    book.untag_version(cast.alice, "churn", 2, "data")
    book.untag_version(cast.alice, "churn", 2, "data")  # not there any more
    book.describe_version(cast.bob, "churn", 1, "the first")
    book.describe_version(cast.alice, "churn", 1, "the very first")
    book.describe_version(cast.bob, "churn", 1, "")


def _renaming(book: Book, cast: Cast) -> None:
    book.create_model(cast.carol, "uplift")
    book.rename(cast.alice, "churn", "churn eu")
    book.alias(cast.bob, "churn eu", "champion", 1)
    book.tag_version(cast.bob, "churn eu", 1, "renamed", "once")
    book.refused(cast.bob, "uplift", lambda his: his.rename_registered_model("churn eu", "uplift"))
    book.mark("renamed")
    book.rename(cast.bob, "churn eu", "churn")
    book.alias(cast.alice, "churn", "champion", 2)


def _deletion(book: Book, cast: Cast) -> None:
    """A version goes while it holds two aliases; its number is not given again."""
    third = book.add_version(
        cast.alice, "churn", f"{BUCKET}churn/3", tags={"data": "2026-Q3"}, description="third"
    )
    book.alias(cast.alice, "churn", "candidate", third)
    book.alias(cast.bob, "churn", "challenger", third)
    book.stage(cast.alice, "churn", third, "Staging")
    book.delete_version(cast.bob, "churn", third)
    fourth = book.add_version(cast.alice, "churn", f"{BUCKET}churn/4")
    assert fourth == third + 1
    book.alias(cast.alice, "churn", "candidate", fourth)


def _second_of_its_name(book: Book, cast: Cast) -> None:
    """A model is deleted whole and another made under its name."""
    book.create_model(cast.carol, "fraud", tags={"owner": "carol"}, description="Is it fraud?")
    first = book.add_version(cast.carol, "fraud", f"{BUCKET}fraud/1", tags={"data": "may"})
    book.add_version(cast.alice, "fraud", f"{BUCKET}fraud/2")
    book.describe(cast.carol, "fraud", "Is it a fraud?")
    gone = book.add_version(cast.alice, "fraud", f"{BUCKET}fraud/3")
    book.alias(cast.carol, "fraud", "champion", first)
    book.delete_version(cast.alice, "fraud", gone)
    book.mark("fraud stands")
    book.delete_model(cast.carol, "fraud")
    book.create_model(cast.bob, "fraud", tags={"owner": "bob"})
    again = book.add_version(cast.bob, "fraud", f"{BUCKET}fraud/again")
    assert again == first
    book.alias(cast.bob, "fraud", "champion", again)
    book.create_model(cast.carol, "passing")  # made and gone between two looks
    book.delete_model(cast.carol, "passing")


def _copies(book: Book, cast: Cast) -> None:
    book.copy_version(cast.alice, "churn", 2, "churn live")
    book.copy_version(cast.alice, "churn", 4, "churn live")


def _crowd(book: Book, cast: Cast) -> None:
    """Three people at once: each a model of their own, and all of them one model."""
    people = (cast.alice, cast.bob, cast.carol)
    book.create_model(cast.bob, "shared")
    for number in (1, 2):
        book.add_version(cast.bob, "shared", f"{BUCKET}shared/{number}")

    def work(hand: Hand) -> None:
        mine = f"of {hand.actor or 'anybody'} {people.index(hand)}"
        book.create_model(hand, mine)
        book.add_version(hand, mine, f"{BUCKET}{mine}")
        alias = f"for-{people.index(hand)}"
        for turn in range(3):
            book.alias(hand, "shared", alias, 1 + turn % 2)
            book.tag_model(hand, "shared", alias, str(turn))
            book.tag_version(hand, "shared", 1, alias, str(turn))
            book.tag_version(hand, mine, 1, "turn", str(turn))
        book.unalias(hand, "shared", alias)

    with ThreadPoolExecutor(len(people)) as pool:
        list(pool.map(work, people))


def _round_the_server(book: Book, cast: Cast) -> None:
    """A client that opens the database itself: nobody is authenticated."""
    fifth = book.add_version(cast.direct, "churn", f"{BUCKET}churn/5", tags={"data": "own"})
    book.alias(cast.direct, "churn", "champion", fifth)
    book.tag_version(cast.direct, "churn", fifth, "approved", "surely")
    book.describe(cast.direct, "churn live", "Served")
    book.alias(cast.alice, "churn", "champion", 2)  # a named user right after


def _by_sql(book: Book, cast: Cast) -> None:
    book.sql_source(cast.raw, "churn", 4, f"{BUCKET}other/4")
    book.sql_delete_version(cast.raw, "churn", 5)
    book.sql_alias(cast.raw, "churn", "candidate", 1)


def _there_and_back(book: Book, cast: Cast) -> None:
    """All of it is undone before the next look: one who only looks sees nothing."""
    book.alias(cast.bob, "churn", "champion", 1)
    book.alias(cast.bob, "churn", "champion", 2)
    book.rename(cast.alice, "churn live", "churn dead")
    book.rename(cast.alice, "churn dead", "churn live")
    book.tag_model(cast.alice, "churn", "passing", "through")
    book.untag_model(cast.alice, "churn", "passing")
    book.sql_alias(cast.raw, "churn", "candidate", 2, 1)
