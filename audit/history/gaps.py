"""When the registry was watched by triggers, and the stretches in which nothing looked."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from itertools import pairwise

from audit.facts import CaptureCheck, Observations
from audit.history.model import Gap

TOLERANCE = 5_000
"""Milliseconds between a snapshot and the check of the triggers that belongs to it."""

Stretch = tuple[int, int]
"""Start and end, UTC ms."""


def watched(checks: Iterable[CaptureCheck]) -> list[Stretch]:
    """Return the stretches in which triggers are known to have seen every change.

    One begins when they were installed, or else with the first check that finds them whole;
    it ends with the last check that does before one that does not.
    """
    found: list[Stretch] = []
    start: int | None = None
    end = broken = -1
    for check in checks:
        installed = check.installed_at
        if start is not None and (not check.whole or (installed is not None and installed > end)):
            found.append((start, end))
            start = None
        if not check.whole or installed is None:
            broken = check.at
            continue
        if start is None:
            start = installed if installed > broken and installed > end else check.at
        end = max(check.at, start)
    if start is not None:
        found.append((start, end + TOLERANCE))
    return found


def unwatched(stretches: list[Stretch], start: int, end: int) -> list[Stretch]:
    """Return the parts of a stretch of time that no trigger watched, in order."""
    found: list[Stretch] = []
    for first, last in stretches:
        if last <= start or first >= end:
            continue
        if first > start:
            found.append((start, first))
        start = last
    if end > start:
        found.append((start, end))
    return found


def gaps(observations: Observations, first: int, last: int, watch: list[Stretch]) -> list[Gap]:
    """Return the observation gaps up to the last observation, in order."""
    looks = sorted(
        {first, last} | {snapshot.at for snapshot in observations.snapshots if snapshot.at > first}
    )
    found = [Gap(None, first, "nothing was observed before")]
    bad = [check for check in observations.checks if not check.whole]
    edges = [edge for part in unwatched(watch, first, last) for edge in _cut(part, looks)]
    position = 0
    for start, end in edges:
        while position < len(bad) and bad[position].at <= start:
            position += 1
        broken = bad[position] if position < len(bad) and bad[position].at <= end else None
        found.append(Gap(start, end, _reason(broken, watch, start)))
    return found


def _cut(part: Stretch, looks: list[int]) -> list[Stretch]:
    """Return a stretch in pieces, from snapshot to snapshot."""
    inner = looks[bisect_right(looks, part[0]) : bisect_left(looks, part[1])]
    points = [part[0], *inner, part[1]]
    return list(pairwise(points))


def _reason(broken: CaptureCheck | None, watch: list[Stretch], start: int) -> str:
    seen_before = any(first <= start for first, _ in watch)
    if broken is not None and broken.installed_at is not None and broken.missing:
        return "triggers were missing: " + ", ".join(broken.missing)
    if broken is not None and seen_before:
        return "the triggers had been removed"
    return "between two snapshots: a change there and back would leave no trace"
