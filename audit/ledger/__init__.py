"""The append-only record that outlives single runs: what was seen, captured and sealed.

One table of events behind one SQLAlchemy URL. Each event carries the SHA-256 of its own
content and of its predecessor's, so that a changed or removed event breaks the chain; the
database refuses updates and deletions by trigger; and each sealed bundle carries the head
that the chain had, so that a ledger written anew from the beginning contradicts it.
"""

from audit.ledger.events import (
    ATTEMPTS_SEEN,
    BUNDLE_SEALED,
    CAPTURE_CHECKED,
    FLAGGED,
    ROWS_CAPTURED,
    SNAPSHOT_TAKEN,
    UNFLAGGED,
    WEBHOOK_RECEIVED,
    WEIGHTS_SEEN,
    Event,
)
from audit.ledger.ledger import Ledger, LedgerMovedError

__all__ = [
    "ATTEMPTS_SEEN",
    "BUNDLE_SEALED",
    "CAPTURE_CHECKED",
    "FLAGGED",
    "ROWS_CAPTURED",
    "SNAPSHOT_TAKEN",
    "UNFLAGGED",
    "WEBHOOK_RECEIVED",
    "WEIGHTS_SEEN",
    "Event",
    "Ledger",
    "LedgerMovedError",
]
