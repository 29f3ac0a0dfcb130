"""The registry's state as books, one for each model: found by name, told apart by identity.

Within a book an entry is called without workspace and model, so that a renamed model
keeps its entries and two models may swap their names.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from audit.facts import Change, Entry, State
from audit.history.model import Action, ActionKind, Unexplained
from audit.history.state import ModelKey, by_model

Local: TypeAlias = tuple[str, ...]
"""An entry without workspace and model: ``("alias", "champion")``."""
Page: TypeAlias = dict[Local, str]
"""A model's entries."""

CREATED: Local = ("model", "created_at")
DESCRIPTION: Local = ("model", "description")
PROMPT_TAG = "mlflow.prompt.is_prompt"
PROMPT_SOURCES = frozenset({"", "dummy-source", "prompt-template"})
"""Sources that MLflow's own clients give to the versions of prompts."""


def local_of(entry: Entry) -> Local:
    """Return an entry's name within its model's book."""
    return (entry[0], *entry[3:])


def entry_of(local: Local, key: ModelKey) -> Entry:
    """Return the full entry of a model's."""
    return (local[0], *key, *local[1:])


def pages(state: State) -> dict[ModelKey, Page]:
    """Return a state's entries model by model, named as within a book."""
    return {
        key: {local_of(entry): text for entry, text in part.items()}
        for key, part in by_model(state).items()
    }


def is_prompt(page: Mapping[Local, str]) -> bool:
    """Whether a model is one of MLflow's prompts, which stand in the same tables.

    Anyone can put the tag on a model, but not take away a version's own source.
    """
    return page.get(("model_tag", PROMPT_TAG)) == "true" and not any(
        local[0] == "version" and local[2] == "source" and text not in PROMPT_SOURCES
        for local, text in page.items()
    )


@dataclass(slots=True)
class Book:
    """One model."""

    identity: str
    workspace: str
    name: str
    page: Page = field(default_factory=dict)
    by_version: dict[str, set[Local]] = field(default_factory=lambda: defaultdict(set))
    """The entries of a version and its tags."""

    @property
    def key(self) -> ModelKey:
        """Workspace and name."""
        return self.workspace, self.name

    def write(self, local: Local, text: str | None) -> None:
        """Set an entry; ``None`` takes it away."""
        if text is None:
            self.page.pop(local, None)
        else:
            self.page[local] = text
        if local[0] in ("version", "version_tag"):
            if text is None:
                self.by_version[local[1]].discard(local)
            else:
                self.by_version[local[1]].add(local)

    def alive(self, version: str) -> bool:
        """Whether the version exists and is not deleted."""
        return ("version", version, "created_at") in self.page


class Books:
    """All models that exist at one moment."""

    def __init__(self, opening: State) -> None:
        self.books: dict[str, Book] = {}
        self._names: dict[ModelKey, str] = {}
        self._used: set[str] = set()
        for key, page in sorted(pages(opening).items()):
            book = self.open(key, page.get(CREATED, ""))
            for local, text in page.items():
                book.write(local, text)

    def find(self, key: ModelKey) -> Book | None:
        """Return the model of that name, if there is one now."""
        identity = self._names.get(key)
        return None if identity is None else self.books[identity]

    def born(self, workspace: str, created_at: str) -> list[Book]:
        """Return the models of a workspace that were made at a moment."""
        return [
            book
            for book in self.books.values()
            if book.workspace == workspace and book.page.get(CREATED) == created_at
        ]

    def open(self, key: ModelKey, created_at: str) -> Book:
        """Return the empty book of a new model, with an identity that no other has had."""
        label = key[1] if key[0] in ("", "default") else f"{key[0]}:{key[1]}"
        first = identity = f"{label}#{created_at}"
        number = 1
        while identity in self._used:
            number += 1
            identity = f"{first}.{number}"
        return self._put(identity, key)

    def _put(self, identity: str, key: ModelKey) -> Book:
        self._used.add(identity)
        book = self.books[identity] = Book(identity, *key)
        self._names[key] = identity
        return book

    def rename(self, book: Book, key: ModelKey) -> None:
        """Give a model another name."""
        if self._names.get(book.key) == book.identity:
            del self._names[book.key]
        book.workspace, book.name = key
        self._names[key] = book.identity

    def close(self, book: Book) -> None:
        """Take a model away."""
        if self._names.get(book.key) == book.identity:
            del self._names[book.key]
        self.books.pop(book.identity, None)

    def post(self, step: Action | Unexplained) -> None:
        """Carry out what an action did."""
        book = self.books.get(step.identity)
        key = (step.workspace, step.model)
        if book is None:
            if all(change.after is None for change in step.changes):
                return
            book = self._put(step.identity, key)
        if step.kind is ActionKind.MODEL_RENAMED:
            self.rename(book, key)
        for change in step.changes:
            book.write(local_of(change.entry), change.after)
        if step.kind is ActionKind.MODEL_DELETED:
            self.close(book)

    def state(self) -> State:
        """Return the state of all models."""
        return {
            entry_of(local, book.key): text
            for book in self.books.values()
            for local, text in book.page.items()
        }


def full_changes(
    key: ModelKey, changes: Iterable[tuple[Local, str | None, str | None]]
) -> tuple[Change, ...]:
    """Return a model's changes with its name in their entries."""
    return tuple(Change(entry_of(local, key), before, after) for local, before, after in changes)
