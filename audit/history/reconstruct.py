"""Observations → history: what was done, by whom and when, and what nobody recorded.

One pass over rows and snapshots in the order of time, with the registry's state carried
along. The work grows with what changed, not with rows times snapshots times entries.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from audit.facts import CapturedRow, Observations, State
from audit.history.births import births
from audit.history.captured import Replay
from audit.history.found import AFTER_MS, BEFORE_MS, Sight
from audit.history.gaps import gaps, watched
from audit.history.journal import Journal, Span, Witness
from audit.history.model import NOTHING, History
from audit.history.opening import opening_state, tell_opening
from audit.history.state import applied, without_sql_fields
from audit.history.transactions import transactions
from audit.history.webhooks import Deliveries


def reconstruct(observations: Observations) -> History:
    """Return what the observations tell. The same observations give the same history."""
    times = _times(observations)
    if not times:
        return replace(NOTHING, attempts=observations.attempts)
    # What a REST reader cannot see would seem to come and go with it.
    sql_fields = all(snapshot.reader == "sql" for snapshot in observations.snapshots)
    watch = watched(observations.checks)
    seen = [snapshot.at for snapshot in observations.snapshots[:1]]
    seen += [row.at for row in observations.rows[:1]] + [start for start, _ in watch[:1]]
    first = min(seen) if seen else None
    opening = _opening(observations, sql_fields=sql_fields)
    journal = Journal(opening, watch, first)
    if first is not None:
        tell_opening(journal, first)
    _replay(observations, journal, sql_fields=sql_fields)
    prompts = journal.prompts - journal.models
    first = times[0] if first is None else first
    return History(
        actions=journal.without_prompts(),
        unexplained=tuple(
            sorted(
                (step for step in journal.unexplained if step.identity not in prompts),
                key=lambda step: step.when.latest,
            )
        ),
        gaps=tuple(gaps(observations, first, times[-1], watch)),
        first_observed=first,
        last_observed=times[-1],
        opening=opening,
        attempts=observations.attempts,
        sources=_sources(observations),
    )


def _times(observations: Observations) -> list[int]:
    """Return when anything was observed, sorted."""
    return sorted(
        [snapshot.at for snapshot in observations.snapshots]
        + [row.at for row in observations.rows]
        + [check.at for check in observations.checks if check.whole]
        + [delivery.sent_at for delivery in observations.deliveries]
    )


def _sources(observations: Observations) -> tuple[str, ...]:
    triggers = bool(observations.rows) or any(check.whole for check in observations.checks)
    plugin = bool(observations.attempts) or any(row.user for row in observations.rows)
    there = {
        "snapshot": bool(observations.snapshots),
        "trigger": triggers,
        "plugin": plugin,
        "webhook": bool(observations.deliveries),
    }
    return tuple(name for name, present in there.items() if present)


def _opening(observations: Observations, *, sql_fields: bool) -> State:
    if not observations.snapshots:
        return opening_state(None, observations.rows, sql_fields=sql_fields)
    snapshot = observations.snapshots[0]
    state = applied({}, snapshot.renames, snapshot.changes)
    until = snapshot.at + AFTER_MS.get(snapshot.reader, BEFORE_MS)
    early = [row for row in observations.rows if row.at <= until]
    if not any(row.at <= snapshot.at for row in early):
        early = []
    known = state if sql_fields else without_sql_fields(state)
    return opening_state(known, early, snapshot.at, sql_fields=sql_fields)


def _replay(observations: Observations, journal: Journal, *, sql_fields: bool) -> None:
    rows, snapshots = observations.rows, observations.snapshots
    ids = _ids(rows)
    deliveries = Deliveries(journal, observations.deliveries)
    replay = Replay(journal, births(snapshots, rows), sql_fields)
    sight = Sight(journal, rows, deliveries, sql_fields)
    sight.dirty |= {book.key for book in journal.books.books.values()}
    position = 0
    for row, action_id, whole in zip(rows, ids, transactions(rows, ids), strict=True):
        while position < len(snapshots) and snapshots[position].at < row.at:
            sight.look(snapshots[position], position + 1, replay.touched)
            replay.touched.clear()
            position += 1
        replay.play(row, action_id, whole)
    for number, snapshot in enumerate(snapshots[position:], position + 1):
        sight.look(snapshot, number, replay.touched)
        replay.touched.clear()
    span = Span(journal.confirmed, 0, f"webhook:{len(snapshots) + 1}", Witness(("webhook",)))
    deliveries.apply(deliveries.until(None), span, {}, quiet=not replay.touched)


def _ids(rows: Sequence[CapturedRow]) -> list[str]:
    """Return each row's id; a capture log installed anew counts from one again."""
    used: dict[int, int] = defaultdict(int)
    found: list[str] = []
    for row in rows:
        used[row.seq] += 1
        again = "" if used[row.seq] == 1 else str(used[row.seq])
        found.append(f"row{again}:{row.seq}")
    return found
