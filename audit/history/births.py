"""Which model bore a name when: told by snapshots, and by rows of the time before them.

A snapshot shows no prompts, so what it names is a model, also under the names that rows
tell it had earlier. One that was deleted before any snapshot is told by that row alone.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Sequence

from audit.facts import CapturedRow, Snapshot
from audit.history.state import ModelKey
from audit.history.transactions import MODELS, key_of, text_of

Births = dict[ModelKey, list[tuple[int, str]]]
"""Name → moments (UTC ms) in order, each with the creation time of the model, or none."""


def births(snapshots: Sequence[Snapshot], rows: Sequence[CapturedRow]) -> Births:
    """Return the creation time under which each name is known, and at which moments."""
    found = _seen(snapshots)
    for row in reversed(rows):
        if row.table != MODELS or row.old is None:
            continue
        key, born = key_of(row.old), text_of(row.old, "creation_time")
        if row.new is not None:
            then, late = key_of(row.new), text_of(row.new, "creation_time")
            if (key, born) == (then, late) or born_by(found, then, row.at) != late:
                continue
        insort(found[key], (row.at, born))
    return found


def born_by(known: Births, key: ModelKey, moment: int) -> str:
    """Return the creation time of the model that is next known to bear a name, if any."""
    times = known.get(key, [])
    position = bisect_left(times, (moment, ""))
    return times[position][1] if position < len(times) else ""


def name_of(known: Births, workspace: str, born: str, moment: int) -> ModelKey | None:
    """Return the name next known of the one model of that age, ``None`` where none or several."""
    keys = [key for key in known if key[0] == workspace and born_by(known, key, moment) == born]
    return keys[0] if born and len(keys) == 1 else None


def _seen(snapshots: Sequence[Snapshot]) -> Births:
    now: dict[ModelKey, str] = {}
    found: Births = defaultdict(list)
    last = 0
    for snapshot in snapshots:
        moved = {(rename.workspace, rename.before): "" for rename in snapshot.renames}
        for rename in snapshot.renames:
            old, new = (rename.workspace, rename.before), (rename.workspace, rename.after)
            moved[new] = now.get(old, "")
        for change in snapshot.changes:
            if change.entry[0] == "model" and change.entry[3] == "created_at":
                moved[change.entry[1], change.entry[2]] = change.after or ""
        for key, born in moved.items():
            # Up to the snapshot before it was as it had been.
            found[key] += [(last, now[key])] if key in now else []
            found[key].append((snapshot.at, born))
        now |= moved
        last = snapshot.at
    for key, born in now.items():
        found[key].append((last, born))
    return found
