"""Deliveries of MLflow's webhooks: they sharpen when, and never claim who.

Where triggers watched, a delivery only adds its name to an action's sources. Elsewhere it
shows one entry as it was when it was sent, and so splits the time between two snapshots.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from audit.facts import Delivery
from audit.history.books import CREATED, DESCRIPTION, Book, Local
from audit.history.drafts import alterations, creation
from audit.history.gaps import unwatched
from audit.history.journal import Journal, Span, Witness
from audit.history.state import ModelKey

SECOND_MS = 1_000
"""MLflow's clock in a delivery tells whole seconds."""
LATE_MS = 120_000
"""A delivery that is sent so much later no longer belongs to an action."""


@dataclass(slots=True)
class Deliveries:
    """All deliveries, in the order of their sending, taken as the snapshots go on."""

    journal: Journal
    waiting: Sequence[Delivery]
    last: dict[tuple[str, Local], int] = field(default_factory=dict)
    """Identity and entry → when the last delivery about it was sent, since a snapshot."""
    _position: int = 0

    def __post_init__(self) -> None:
        self.waiting = sorted(self.waiting, key=lambda item: (item.sent_at, item.received_at))

    def until(self, at: int | None) -> list[Delivery]:
        """Return what was sent since the last time, up to a moment."""
        self.last.clear()
        start = self._position
        while self._position < len(self.waiting) and (
            at is None or self.waiting[self._position].sent_at <= at
        ):
            self._position += 1
        return list(self.waiting[start : self._position])

    @staticmethod
    def key(delivery: Delivery) -> ModelKey:
        """Return workspace and name of the model that it tells of."""
        return delivery.data.get("workspace") or "default", delivery.data.get("name", "")

    def apply(
        self,
        arrived: Sequence[Delivery],
        span: Span,
        old_names: Mapping[ModelKey, Book],
        *,
        quiet: bool,
    ) -> None:
        """Note deliveries; where no trigger watched (``quiet``), also what they alone tell."""
        for delivery in arrived:
            key = self.key(delivery)
            book = self.journal.books.find(key) or old_names.get(key)
            since, sent = span.since, delivery.sent_at
            alone = quiet and (since is None or bool(unwatched(self.journal.watch, since, sent)))
            values = _values(delivery)
            if not key[1] or not values:
                continue
            if book is None:
                if alone and CREATED in values:
                    book = self.journal.books.open(key, "")
                    made = creation({k: v for k, v in values.items() if v is not None})
                    self.journal.settle(book, made, _sent(span, since, sent))
                continue
            told = next(iter(values))
            if self._known(book, values):
                self._join(book, told, delivery)
            elif alone and (since is None or sent > since):
                before = self.last.get((book.identity, told), since)
                self.journal.settle(book, alterations(book, values), _sent(span, before, sent))
            self.last[book.identity, told] = sent

    @staticmethod
    def _known(book: Book, values: Mapping[Local, str | None]) -> bool:
        told = next(iter(values))
        if told == CREATED:
            return True
        if told[0] == "version":
            return book.alive(told[1]) or ("version", told[1], "deleted_at") in book.page
        return book.page.get(told) == values[told]

    def _join(self, book: Book, told: Local, delivery: Delivery) -> None:
        """Name the delivery among the sources of the action that it tells of."""
        latest = delivery.sent_at + SECOND_MS
        for position in reversed(self.journal.on_entry.get((book.identity, told), ())):
            action = self.journal.actions[position]
            if action.when.latest > latest and action.when.at is not None:
                continue
            if latest - action.when.latest <= LATE_MS:
                self.journal.add_source([position], "webhook")
            return


def _sent(span: Span, since: int | None, sent: int) -> Span:
    return Span(since, sent, span.prefix.replace("snapshot", "webhook"), Witness(("webhook",)))


def _values(delivery: Delivery) -> dict[Local, str | None]:
    """Return the entries that a delivery tells, the first of which names its matter."""
    data, kind = delivery.data, (delivery.entity, delivery.action)
    number = data.get("version", "")
    found: dict[Local, str | None] = {}
    if kind == ("registered_model", "created"):
        found = {CREATED: "", DESCRIPTION: data.get("description") or None}
    elif kind == ("model_version", "created") and number:
        found["version", number, "created_at"] = ""
        for name in ("description", "source", "run_id"):
            if data.get(name):
                found["version", number, name] = data[name]
    elif delivery.entity == "model_version_tag" and number and data.get("key"):
        gone = delivery.action == "deleted"
        found["version_tag", number, data["key"]] = None if gone else data.get("value") or None
    elif delivery.entity == "model_version_alias" and data.get("alias"):
        gone = delivery.action == "deleted"
        found["alias", data["alias"]] = None if gone else number or None
    return found
