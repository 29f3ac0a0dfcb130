"""The baseline of weights: what they were when they were first hashed, from the ledger."""

from __future__ import annotations

from dataclasses import replace

from audit.facts import Weights
from audit.ledger import WEIGHTS_SEEN, Event, Ledger


def with_baseline(
    found: dict[str, Weights], ledger: Ledger, now: int, as_of: int
) -> dict[str, Weights]:
    """Return the weights with the digest and time of their first sight (UTC ms).

    Locations that are new are noted in the ledger. A baseline counts as watching only if
    it is older than the moment reported.
    """
    known = ledger.first(WEIGHTS_SEEN)
    fresh = [
        Event(now, WEIGHTS_SEEN, location, {"sha256": weights.sha256, "files": _files(weights)})
        for location, weights in sorted(found.items())
        if weights.read and location not in known
    ]
    if fresh:
        ledger.append(fresh)
    known |= {event.subject: event for event in fresh}
    return {
        location: _against(weights, known[location], as_of) if location in known else weights
        for location, weights in found.items()
    }


def _against(weights: Weights, first: Event, as_of: int) -> Weights:
    before, after = dict(first.payload["files"]), _files(weights)
    paths = sorted(before.keys() | after.keys())
    changed = tuple(path for path in paths if before.get(path) != after.get(path))
    return replace(
        weights,
        first_seen_at=first.at,
        first_sha256=str(first.payload["sha256"]),
        watched=first.at < as_of,
        changed_files=changed if weights.read else (),
        added_files=tuple(path for path in changed if path not in before) if weights.read else (),
        removed_files=tuple(path for path in changed if path not in after) if weights.read else (),
    )


def _files(weights: Weights) -> dict[str, str]:
    return {file.path: file.sha256 for file in weights.files}
