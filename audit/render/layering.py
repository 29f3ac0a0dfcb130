"""Which layer a node stands in, where layers fold into bands, and which letters join them."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Link:
    """A line to draw between two boxes, by their indices.

    ``group`` is how it is drawn, ``signed`` whether that is with a sign.
    """

    start: int
    end: int
    group: str = ""
    signed: bool = False


@dataclass(frozen=True, slots=True)
class Star:
    """Links of one group that meet in one box, told by one letter."""

    hub: int
    outward: bool
    links: tuple[int, ...]


def closing(count: int, links: Sequence[Link]) -> set[int]:
    """Return the links without which no cycle is left, found by a depth-first walk."""
    leaving: list[list[tuple[int, int]]] = [[] for _ in range(count)]
    for number, link in enumerate(links):
        leaving[link.start].append((number, link.end))
    state, found = [0] * count, set[int]()
    for root in range(count):
        if state[root]:
            continue
        state[root] = 1
        path = [(root, iter(leaving[root]))]
        while path:
            node, rest = path[-1]
            step = next(rest, None)
            if step is None:
                state[node] = 2
                path.pop()
            elif state[step[1]] == 1:
                found.add(step[0])
            elif not state[step[1]]:
                state[step[1]] = 1
                path.append((step[1], iter(leaving[step[1]])))
    return found


def layers(count: int, links: Sequence[Link], cyclic: set[int], cap: int) -> list[int]:
    """Return each node's layer: after all that it comes from, at most ``cap`` to a layer.

    What comes from nothing stands just before what it feeds, with what feeds only it.
    """
    into: list[list[int]] = [[] for _ in range(count)]
    out: list[list[int]] = [[] for _ in range(count)]
    for number, link in enumerate(links):
        if number not in cyclic:
            into[link.end].append(link.start)
            out[link.start].append(link.end)
    order = _topological(into, out)
    depth = [0] * count
    for node in order:
        depth[node] = max((depth[before] + 1 for before in into[node]), default=0)
    for node in reversed(order):
        only_here = all(not into[before] and len(out[before]) == 1 for before in into[node])
        if out[node] and only_here:
            depth[node] = min(depth[after] for after in out[node]) - 1
    place = {node: index for index, node in enumerate(order)}
    filled: dict[int, int] = defaultdict(int)
    for node in sorted(order, key=lambda one: (depth[one], place[one])):
        depth[node] = max([depth[node], *(depth[before] + 1 for before in into[node])])
        while filled[depth[node]] >= cap:
            depth[node] += 1
        filled[depth[node]] += 1
    places = {layer: place for place, layer in enumerate(sorted(set(depth)))}
    return [places[layer] for layer in depth]


def _topological(into: list[list[int]], out: list[list[int]]) -> list[int]:
    """Return the nodes so that each comes after all that lead into it, else in their order."""
    waiting = [len(before) for before in into]
    ready = [node for node, count in enumerate(waiting) if not count]
    order: list[int] = []
    while ready:
        node = heapq.heappop(ready)
        order.append(node)
        for after in out[node]:
            waiting[after] -= 1
            if not waiting[after]:
                heapq.heappush(ready, after)
    return order


def cuts(depth: int, columns: int, layer: list[int], links: Sequence[Link]) -> list[int]:
    """Return where bands begin and the last ends: fewest bands, then fewest cut links."""
    spans = [sorted((layer[link.start], layer[link.end])) for link in links]
    best: list[tuple[int, int, int, list[int]]] = [(0, 0, 0, [0])]
    for end in range(1, depth + 1):
        options = []
        for start in range(max(0, end - columns), end):
            bands, cut, uneven, bounds = best[start]
            crossing = sum(first < start <= last for first, last in spans) if start else 0
            size = end - start
            options.append((bands + 1, cut + crossing, uneven + size * size, [*bounds, end]))
        best.append(min(options))
    return best[depth][3]


def stars(links: Sequence[Link], lettered: list[int]) -> list[Star]:
    """Return stars that cover the links: greedily, the largest first, then in reading order."""
    left, found = list(lettered), []
    while left:
        hubs: dict[tuple[str, bool, int], list[int]] = defaultdict(list)
        for number in left:
            link = links[number]
            hubs[link.group, True, link.start].append(number)
            hubs[link.group, False, link.end].append(number)
        (_, outward, hub), members = max(
            hubs.items(), key=lambda pair: (len(pair[1]), pair[0][1], -pair[1][0])
        )
        found.append(Star(hub, outward, tuple(members)))
        left = [number for number in left if number not in members]
    return sorted(found, key=lambda star: star.links)
