"""Where the boxes and lines of a layered drawing stand, in millimetres; no words, no ink.

Layers by longest path, sources moved up to what they feed; as many columns as fit
the width stand side by side, further layers follow in bands below, then on further
sheets. Within a band, crossings are reduced by barycentres and heights settled by
isotonic regression, so that lines run straight where they can. A line that leaves
its band (or closes a cycle) ends in a lettered continuation instead: one letter
stands for a star of links, so that few letters say much. No line crosses a box.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from audit.render.layering import Link, Star, closing, cuts, layers, stars
from audit.render.ordering import ordered, settled

BOX_HEIGHT = 12.2
_BOX_WIDTH = (30.0, 38.0)
_GAP = (11.6, 24.0)
_MARGIN = 8.0
_BAND_SEPARATION = 7.0
_PORT = (1.1, 2.4)
_LETTERED_PORT = 3.9
_LONG_LINES = 6
_CAPS = (13, 12, 10, 8, 6, 4, 2, 1)
_LEAD = 4.7
_TAIL = 6.4


@dataclass(frozen=True, slots=True)
class Box:
    """Where a node stands on its sheet: its top left corner and size."""

    node: int
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Line:
    """A link drawn whole, from the right side of a box through points to the left of another."""

    link: int
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Continuation:
    """The end of one or more links that go on elsewhere, at the side of a box.

    ``outward`` ends stand at the right side, the others at the left; ``sheets``
    tells on which sheets the other ends are.
    """

    letter: str
    node: int
    links: tuple[int, ...]
    x: float
    y: float
    outward: bool
    sheets: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """One page of a drawing; ``rules`` are the heights at which one band ends."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    continuations: tuple[Continuation, ...]
    rules: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class _Port:
    """A place at a box's side: for the star of that number, or lines to or from that item."""

    number: int
    lettered: bool = False


@dataclass(slots=True)
class _Band:
    """A stretch of layers side by side; items past the nodes' count are bends of long lines."""

    columns: list[list[int]]
    routes: dict[int, list[int]]
    height: float = 0.0
    middle: dict[int, float] = field(default_factory=dict)


def arrange(count: int, links: Sequence[Link], width: float, height: float) -> list[Sheet]:
    """Return the sheets of a drawing of ``count`` nodes, none higher than ``height``.

    Deterministic: the same input gives the same sheets. Where even single boxes
    have more continuations than a sheet is high, the sheet grows.
    """
    drawings = (_Drawing(count, links, width, height, cap) for cap in _CAPS)
    for drawing in drawings:
        if drawing.fits():
            break
    return drawing.sheets()


class _Drawing:
    """One attempt at a layout, with at most ``cap`` boxes above each other."""

    def __init__(
        self, count: int, links: Sequence[Link], width: float, height: float, cap: int
    ) -> None:
        self.count, self.links, self.width, self.height = count, links, width, height
        cyclic = closing(count, links)
        self.layer = layers(count, links, cyclic, cap)
        depth = max(self.layer, default=-1) + 1
        self.margin = _MARGIN if cyclic or depth > _columns(width) else 0.0
        self.bounds = cuts(depth, _columns(width - 2 * self.margin), self.layer, links)
        self.used = max((end - start for start, end in pairwise(self.bounds)), default=1)
        inner = width - 2 * self.margin
        room = (inner - (self.used - 1) * _GAP[0]) / self.used
        self.box_width = min(_BOX_WIDTH[1], max(room, 1.0))
        spare = (inner - self.used * self.box_width) / max(self.used - 1, 1)
        self.gap = min(_GAP[1], spare)
        self.band_of = [
            next(i for i, end in enumerate(self.bounds[1:]) if layer < end) for layer in self.layer
        ]
        self.bands = [self._members(index) for index in range(len(self.bounds) - 1)]
        drawn = {link for band in self.bands for link in band.routes}
        self.stars: list[Star] = stars(
            links, [link for link in range(len(links)) if link not in drawn]
        )
        self.ports = self._ports()
        for _ in range(2):
            for band in self.bands:
                self._settle(band)
            self._sort_ports()

    def fits(self) -> bool:
        return all(band.height <= self.height for band in self.bands)

    def _members(self, index: int) -> _Band:
        """Return a band with its columns in order and the links that are drawn whole in it."""
        start, end = self.bounds[index], self.bounds[index + 1]
        columns: list[list[int]] = [[] for _ in range(start, end)]
        for node in range(self.count):
            if self.band_of[node] == index:
                columns[self.layer[node] - start].append(node)
        routes: dict[int, list[int]] = {}
        bends: dict[tuple[int, str, int], int] = {}
        bent = [0] * (end - start)
        spans = sorted(
            (self.layer[link.end] - self.layer[link.start], number)
            for number, link in enumerate(self.links)
            if self.band_of[link.start] == index == self.band_of[link.end]
        )
        for span, number in spans:
            link = self.links[number]
            first = self.layer[link.start] - start + 1
            keys = [(link.start, link.group, column) for column in range(first, first + span - 1)]
            new = [key for key in keys if key not in bends]
            if span < 1 or any(bent[key[2]] >= _LONG_LINES for key in new):
                continue
            for key in new:
                bends[key] = self.count + len(bends)
                bent[key[2]] += 1
                columns[key[2]].append(bends[key])
            routes[number] = [link.start, *(bends[key] for key in keys), link.end]
        return _Band(ordered(columns, list(routes.values())), routes)

    def _ports(self) -> dict[tuple[int, bool], list[_Port]]:
        """Return the ports of each side of each box; the key tells whether it is the right one.

        Lines that share their first bend share their port.
        """
        ports: dict[tuple[int, bool], dict[_Port, None]] = defaultdict(dict)
        for band in self.bands:
            rank = {item: row for column in band.columns for row, item in enumerate(column)}
            for route in sorted(
                band.routes.values(), key=lambda one: (rank[one[1]], rank[one[-2]])
            ):
                ports[route[0], True][_Port(route[1])] = None
            for route in sorted(
                band.routes.values(), key=lambda one: (rank[one[-2]], rank[one[1]])
            ):
                ports[route[-1], False][_Port(route[-2])] = None
        for number, star in enumerate(self.stars):
            for link in star.links:
                ports[self.links[link].start, True][_Port(number, lettered=True)] = None
                ports[self.links[link].end, False][_Port(number, lettered=True)] = None
        return {side: list(found) for side, found in ports.items()}

    def _sort_ports(self) -> None:
        """Put what goes up first, then lettered ends, which go level, then what goes down."""
        for (node, _), ports in self.ports.items():
            middle = self.bands[self.band_of[node]].middle
            ports.sort(key=lambda one: 0.0 if one.lettered else middle[one.number] - middle[node])

    def _box_height(self, node: int) -> float:
        needed = [
            sum(_LETTERED_PORT if port.lettered else _PORT[0] for port in self.ports[node, side])
            for side in (True, False)
            if (node, side) in self.ports
        ]
        return max(BOX_HEIGHT, max(needed, default=0.0) + 2.4)

    def offsets(self, node: int, outward: bool) -> dict[_Port, float]:
        """Return how far each port of a box's side stands below the box's middle."""
        ports = self.ports.get((node, outward), [])
        lettered = sum(port.lettered for port in ports)
        room = self._box_height(node) - 4.0 - lettered * _LETTERED_PORT
        plain = min(_PORT[1], max(_PORT[0], room / max(len(ports) - lettered, 1)))
        slots = [_LETTERED_PORT if port.lettered else plain for port in ports]
        at, found = -sum(slots) / 2, {}
        for port, slot in zip(ports, slots, strict=True):
            found[port] = at + slot / 2
            at += slot
        return found

    def _settle(self, band: _Band) -> None:
        """Give every item of a band its middle, and the band its height."""
        heights = {
            item: self._box_height(item) if item < self.count else 0.0
            for column in band.columns
            for item in column
        }
        joins: list[tuple[int, int, float]] = []
        for route in band.routes.values():
            leaving = self.offsets(route[0], outward=True)[_Port(route[1])]
            arriving = self.offsets(route[-1], outward=False)[_Port(route[-2])]
            for here, there in pairwise(route):
                lift = (leaving if here == route[0] else 0.0) - (
                    arriving if there == route[-1] else 0.0
                )
                joins.append((here, there, lift))
        middle = settled(band.columns, heights, joins, self.count)
        top = min((middle[item] - heights[item] / 2 for item in middle), default=0.0)
        band.middle = {item: at - top for item, at in middle.items()}
        band.height = max((band.middle[i] + heights[i] / 2 for i in middle), default=0.0)

    def sheets(self) -> list[Sheet]:
        """Return the sheets: bands below each other as long as they fit."""
        pages: list[list[int]] = []
        filled = self.height + 1
        for index, band in enumerate(self.bands):
            step = band.height + _BAND_SEPARATION
            if filled + step > self.height:
                pages.append([])
                filled = -_BAND_SEPARATION
            pages[-1].append(index)
            filled += step
        page_of = {band: page for page, bands in enumerate(pages) for band in bands}
        return [self._sheet(bands, page_of) for bands in pages]

    def _sheet(self, bands: list[int], page_of: dict[int, int]) -> Sheet:
        boxes: list[Box] = []
        lines: list[Line] = []
        ends: list[Continuation] = []
        rules: list[float] = []
        top = 0.0
        for index in bands:
            band = self.bands[index]
            if top:
                rules.append(top - _BAND_SEPARATION / 2)
            left = {
                item: self.margin + number * (self.box_width + self.gap)
                for number, column in enumerate(band.columns)
                for item in column
            }
            for item in sorted(node for node in band.middle if node < self.count):
                tall, middle = self._box_height(item), top + band.middle[item]
                boxes.append(Box(item, left[item], middle - tall / 2, self.box_width, tall))
                for outward in (True, False):
                    x = left[item] + (self.box_width if outward else 0.0)
                    ends += [
                        self._end(port.number, item, (x, middle + lower), outward, page_of)
                        for port, lower in self.offsets(item, outward).items()
                        if port.lettered
                    ]
            lines += [self._line(band, number, left, top) for number in sorted(band.routes)]
            top += band.height + _BAND_SEPARATION
        return Sheet(
            self.width,
            max(top - _BAND_SEPARATION, 0.0),
            tuple(boxes),
            tuple(lines),
            tuple(ends),
            tuple(rules),
        )

    def _line(self, band: _Band, number: int, left: dict[int, float], top: float) -> Line:
        """Return a line that is level beside boxes and lettered ends, and turns between them."""
        route = band.routes[number]
        levels = [top + band.middle[item] for item in route]
        levels[0] += self.offsets(route[0], outward=True)[_Port(route[1])]
        levels[-1] += self.offsets(route[-1], outward=False)[_Port(route[-2])]
        points = [(left[route[0]] + self.box_width, levels[0])]
        for (here, y), (there, below) in pairwise(zip(route, levels, strict=True)):
            lead = _LEAD * self._lettered(left[here], left, outward=True)
            tail = _TAIL * self._lettered(left[there], left, outward=False)
            if lead + tail < self.gap - 3:
                points += [(left[here] + self.box_width + lead, y), (left[there] - tail, below)]
            points += [(left[there], below)]
            if there != route[-1]:
                points += [(left[there] + self.box_width, below)]
        return Line(number, tuple(points))

    def _lettered(self, x: float, left: dict[int, float], *, outward: bool) -> bool:
        """Return whether a column has lettered ends on a side."""
        return any(
            port.lettered
            for item, at in left.items()
            if at == x and item < self.count
            for port in self.ports.get((item, outward), ())
        )

    def _end(
        self,
        number: int,
        node: int,
        at: tuple[float, float],
        outward: bool,
        page_of: dict[int, int],
    ) -> Continuation:
        star = self.stars[number]
        mine = tuple(
            link
            for link in star.links
            if (self.links[link].start if outward else self.links[link].end) == node
        )
        others = (self.links[link].end if outward else self.links[link].start for link in mine)
        sheets = tuple(sorted({page_of[self.band_of[other]] for other in others}))
        return Continuation(_letter(number), node, mine, *at, outward, sheets)


def _columns(width: float) -> int:
    return max(1, int((width + _GAP[0]) / (_BOX_WIDTH[0] + _GAP[0])))


def _letter(number: int) -> str:
    """A to Z, then A1 to Z1 and so on."""
    turn, place = divmod(number, 26)
    return chr(ord("A") + place) + (str(turn) if turn else "")
