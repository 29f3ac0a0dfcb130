"""MLflow's registry webhooks: each delivery checked, taken once, and noted in the ledger.

MLflow signs what it sends in the manner of Standard Webhooks: the base64 of HMAC-SHA256
over ``<delivery id>.<unix seconds>.<body>``. A retry has the id of the first try. A delivery
says what happened and that it was not later than it was sent; who did it, it does not know.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import logging
import re
import threading
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from audit import canonical
from audit.errors import AuditError
from audit.facts import Delivery
from audit.ledger import WEBHOOK_RECEIVED, Event, Ledger, LedgerMovedError
from audit.period import Clock, system_clock

OLDEST_MS = 5 * 60_000
"""Older than this a delivery is refused: somebody may have kept it to send it again."""
AHEAD_MS = 30_000
"""How far the sender's clock may be ahead of ours."""
ENTITIES = frozenset(
    {"registered_model", "model_version", "model_version_tag", "model_version_alias"}
)

_log = logging.getLogger(__name__)
_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")
_SECONDS = re.compile(r"[0-9]{1,12}")
_WORD = re.compile(r"[a-z_]{1,64}")
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_WINDOW_MS = 2 * (OLDEST_MS + AHEAD_MS)
"""How long an id is kept in mind, with room for slow clocks."""
_TRIES = 20


@dataclass(frozen=True, slots=True)
class Signed:
    """What arrived over HTTP, nothing of it believed yet."""

    id: str
    timestamp: str
    signature: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What to answer: any status but 2xx makes MLflow note an error, 503 makes it try again."""

    status: HTTPStatus
    text: str


class NotADeliveryError(ValueError):
    """What was signed is not a delivery of MLflow's."""


class Receiver:
    """Takes the deliveries about one registry into the ledger.

    ``subject`` is the registry's redacted address. Several threads may call it, and several
    receivers may write to one ledger: a delivery is noted once.
    """

    def __init__(
        self, ledger: Ledger, subject: str, secret: bytes, clock: Clock = system_clock
    ) -> None:
        self._ledger = ledger
        self._subject = subject
        self._secret = secret
        self._clock = clock
        self._turn = threading.Lock()
        self._head: str | None = None
        self._known: dict[str, int] = {}
        """Id to time of receipt, of deliveries that are young enough to come once more."""

    def take(self, signed: Signed) -> Answer:
        """Check a delivery and note it; the answer is 2xx only when it stands in the ledger."""
        now = self._clock()
        refusal = self._refusal(signed, now)
        if refusal:
            _log.warning("delivery refused: %s", refusal)
            return Answer(HTTPStatus.UNAUTHORIZED, refusal)
        try:
            delivery = parse(signed, now)
        except NotADeliveryError as error:
            _log.warning("delivery %s is not one of MLflow's: %s", signed.id, error)
            return Answer(HTTPStatus.BAD_REQUEST, "not a delivery of MLflow's")
        if delivery is None:
            _log.info("delivery %s is not about the registry", signed.id)
            return Answer(HTTPStatus.NO_CONTENT, "")
        try:
            fresh = self._note(delivery)
        except AuditError as error:
            _log.error("delivery %s is not noted: %s", signed.id, error)
            return Answer(HTTPStatus.SERVICE_UNAVAILABLE, "try again")
        what = f"{delivery.entity}.{delivery.action}"
        _log.info("delivery %s %s: %s", signed.id, what, "noted" if fresh else "known already")
        return Answer(HTTPStatus.OK, "noted" if fresh else "known already")

    def _refusal(self, signed: Signed, now: int) -> str:
        """Return why a delivery is not believed; empty if it is."""
        if not _ID.fullmatch(signed.id) or not _SECONDS.fullmatch(signed.timestamp):
            return "no delivery id or time of sending"
        if not hmac.compare_digest(
            signature(self._secret, signed).encode(), signed.signature.encode()
        ):
            return "the signature does not fit"
        age = now - int(signed.timestamp) * 1000
        if age > OLDEST_MS:
            return "sent too long ago"
        return "sent in the future" if age < -AHEAD_MS else ""

    def _note(self, delivery: Delivery) -> bool:
        """Note a delivery unless it is known; return whether it was new."""
        event = Event(
            delivery.received_at, WEBHOOK_RECEIVED, self._subject, canonical.plain(delivery)
        )
        with self._turn:
            for _ in range(_TRIES):
                head = self._ledger.head()[0]
                if head != self._head:
                    self._recall(delivery.received_at)
                if delivery.id in self._known:
                    self._head = head
                    return False
                try:
                    self._head = self._ledger.append([event], onto=head)
                except LedgerMovedError:
                    continue
                self._known[delivery.id] = delivery.received_at
                self._forget(delivery.received_at)
                return True
        raise LedgerMovedError("other writers leave no room in the ledger")

    def _recall(self, now: int) -> None:
        """Read from the ledger the ids that may come once more."""
        events = self._ledger.events(self._subject, WEBHOOK_RECEIVED, since=now - _WINDOW_MS)
        self._known = {str(event.payload.get("id")): event.at for event in events}

    def _forget(self, now: int) -> None:
        """Drop the oldest ids, which a delivery can no longer come with."""
        while self._known[oldest := next(iter(self._known))] < now - _WINDOW_MS:
            del self._known[oldest]


def signature(secret: bytes, signed: Signed) -> str:
    """Return the signature that MLflow gives a delivery: ``v1,`` and base64."""
    content = f"{signed.id}.{signed.timestamp}.".encode() + signed.body
    return f"v1,{base64.b64encode(hmac.digest(secret, content, hashlib.sha256)).decode()}"


def parse(signed: Signed, now: int) -> Delivery | None:
    """Return the delivery in a body, received at ``now`` (UTC ms).

    None for what is not about the model registry (prompts, budgets). Raises
    ``NotADeliveryError`` for anything else.
    """
    try:
        value = canonical.loads(signed.body)
    except (ValueError, RecursionError) as error:
        raise NotADeliveryError("not JSON") from error
    if not isinstance(value, dict):
        raise NotADeliveryError("not an object")
    entity, action, data = value.get("entity"), value.get("action"), value.get("data")
    if not isinstance(entity, str) or not _WORD.fullmatch(entity):
        raise NotADeliveryError("no entity")
    if entity not in ENTITIES:
        return None
    if not isinstance(action, str) or not _WORD.fullmatch(action):
        raise NotADeliveryError("no action")
    if not isinstance(data, dict) or not isinstance(data.get("name"), str):
        raise NotADeliveryError("names no model")
    if value.get("workspace"):
        data = {**data, "workspace": value["workspace"]}
    return Delivery(
        id=signed.id,
        sent_at=_sent_at(value.get("timestamp"), int(signed.timestamp)),
        received_at=now,
        entity=entity,
        action=action,
        data={key: _text(item) for key, item in data.items() if item is not None},
    )


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    try:
        return canonical.dumps(value).decode("utf-8", "surrogatepass")
    except (ValueError, RecursionError) as error:
        raise NotADeliveryError("holds a value that JSON has not") from error


def _sent_at(text: Any, seconds: int) -> int:
    """Return when the delivery was made, in UTC ms.

    The body tells it more exactly than the header, which leaves out what is less than a
    second; where it does not, or the two disagree, the header's second is taken to its end.
    """
    latest = seconds * 1000 + 999
    try:
        moment = dt.datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return latest
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    exact = (moment - _EPOCH) // dt.timedelta(milliseconds=1)
    return exact if latest - 60_000 <= exact <= latest else latest
