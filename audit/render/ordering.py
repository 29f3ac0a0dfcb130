"""The order of items within columns, and their heights: the two sums of a layered drawing."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable
from itertools import pairwise

_SWEEPS = 24
_SEPARATION = 3.4
BEND_SEPARATION = 2.5
"""Least room between the bend of a long line and what is beside it."""

_STRETCH = 1.15
_STILL = 0.004
_BEND_WEIGHT = 4.0


def ordered(columns: list[list[int]], routes: list[list[int]]) -> list[list[int]]:
    """Return the columns with their items in an order with few crossings.

    ``routes`` are items one column after the other. Sweeps to and fro put each
    item at the mean place of its neighbours; the best order seen wins.
    """
    before: dict[int, list[int]] = defaultdict(list)
    after: dict[int, list[int]] = defaultdict(list)
    for route in routes:
        for here, there in pairwise(route):
            after[here].append(there)
            before[there].append(here)
    current = [list(column) for column in columns]
    best, fewest = [list(column) for column in current], _crossings(current, after)
    for sweep in range(_SWEEPS):
        if not fewest:
            break
        forward = sweep % 2 == 0
        neighbours = before if forward else after
        for index in range(len(current)) if forward else range(len(current) - 1, -1, -1):
            beside = current[index - 1 if forward else index + 1 : index if forward else index + 2]
            place = {item: row for row, item in enumerate(beside[0])} if beside else {}
            key = {
                item: _mean((place[one] for one in neighbours[item] if one in place), row)
                for row, item in enumerate(current[index])
            }
            current[index].sort(key=key.__getitem__)
        found = _crossings(current, after)
        if found < fewest:
            best, fewest = [list(column) for column in current], found
    return best


def _mean(values: Iterable[float], otherwise: float) -> float:
    found = list(values)
    return sum(found) / len(found) if found else otherwise


def _crossings(columns: list[list[int]], after: dict[int, list[int]]) -> int:
    """Return how many pairs of lines cross between neighbouring columns."""
    total = 0
    for left, right in pairwise(columns):
        place = {item: row for row, item in enumerate(right)}
        seen: list[int] = []
        for item in left:
            rows = sorted(place[one] for one in after[item])
            total += sum(len(seen) - bisect_left(seen, row + 1) for row in rows)
            for row in rows:
                insort(seen, row)
    return total


def settled(
    columns: list[list[int]],
    heights: dict[int, float],
    joins: list[tuple[int, int, float]],
    bends_from: int,
) -> dict[int, float]:
    """Return each item's middle: near its neighbours, in order, nothing overlapping.

    A join ``(a, b, lift)`` is straight when the middle of ``b`` is that of ``a``
    plus ``lift``. Items from ``bends_from`` on are bends of long lines: thin, and
    kept straight first.
    """
    wanted: dict[int, list[tuple[int, float, float]]] = defaultdict(list)
    for here, there, lift in joins:
        weight = _BEND_WEIGHT if here >= bends_from and there >= bends_from else 1.0
        wanted[here].append((there, -lift, weight))
        wanted[there].append((here, lift, weight))
    steps = {
        pair: (heights[pair[0]] + heights[pair[1]]) / 2
        + (BEND_SEPARATION if max(pair) >= bends_from else _SEPARATION)
        for column in columns
        for pair in pairwise(column)
    }
    stacks = [
        sum(steps[pair] for pair in pairwise(column))
        + sum(heights[item] / 2 for item in (*column[:1], *column[-1:]))
        for column in columns
    ]
    half = max(stacks, default=0.0) * _STRETCH / 2
    middle: dict[int, float] = {}
    for column in columns:
        at = [0.0]
        for pair in pairwise(column):
            at.append(at[-1] + steps[pair])
        middle |= {item: y - at[-1] / 2 for item, y in zip(column, at, strict=False)}
    for sweep in range(_SWEEPS):
        last = dict(middle)
        for column in columns if sweep % 2 == 0 else reversed(columns):
            aims = []
            for item in column:
                near = wanted[item] or [(item, 0.0, 0.1)]
                weight = sum(one for _, _, one in near)
                aim = sum((middle[other] + lift) * one for other, lift, one in near) / weight
                aims.append((aim, weight))
            gaps = [steps[pair] for pair in pairwise(column)]
            top = heights[column[0]] / 2 - half
            bottom = half - heights[column[-1]] / 2
            middle |= dict(zip(column, _apart(aims, gaps, top, bottom), strict=True))
        if all(abs(middle[item] - last[item]) < _STILL for item in middle):
            break
    return middle


def _apart(
    aims: list[tuple[float, float]], gaps: list[float], top: float, bottom: float
) -> list[float]:
    """Return the places nearest to weighted aims that keep the gaps, between two bounds.

    That is an isotonic regression; bounds only clip its result.
    """
    shift, shifts = 0.0, [0.0]
    for gap in gaps:
        shift += gap
        shifts.append(shift)
    pools: list[tuple[float, float, int]] = []
    for (aim, weight), less in zip(aims, shifts, strict=False):
        value, mass, size = aim - less, weight, 1
        while pools and pools[-1][0] >= value:
            above, more, count = pools.pop()
            value = (above * more + value * mass) / (more + mass)
            mass, size = mass + more, size + count
        pools.append((value, mass, size))
    bottom -= shift
    flat = [min(max(value, top), bottom) for value, _, size in pools for _ in range(size)]
    return [value + less for value, less in zip(flat, shifts, strict=False)]
