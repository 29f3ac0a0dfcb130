"""Which columns a drawing's boxes stand in, in which order and at which height.

Layers by longest path, sources moved up to what they feed; as many columns as fit
the width stand side by side, further layers follow in bands. Within a band, crossings
are reduced by barycentres and heights settled by isotonic regression, so that lines run
straight where they can. Throughout, the flow is to the right.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from audit.render.layering import Link, Star, closing, cuts, layers, stars
from audit.render.lettering import SMALL, width
from audit.render.ordering import BEND_SEPARATION, ordered, settled
from audit.render.places import PILL, Sizes

_LONG_LINES = 6
_SIGN = 1.7


@dataclass(frozen=True, slots=True)
class Port:
    """A place at a box's side: for the star of that number, or lines to or from that item."""

    number: int
    lettered: bool = False


@dataclass(slots=True)
class Band:
    """A stretch of layers side by side; items past the nodes' count are bends of long lines."""

    columns: list[list[int]]
    routes: dict[int, list[int]]
    height: float = 0.0
    middle: dict[int, float] = field(default_factory=dict)


class Bands:
    """One attempt at a layout, with at most ``cap`` boxes above each other.

    Without a width it is as wide as it gets. Throughout, the flow is to the right.
    """

    def __init__(
        self,
        count: int,
        links: Sequence[Link],
        room: tuple[float, float],
        cap: int,
        sizes: Sizes,
        more: Sequence[float],
    ) -> None:
        self.count, self.links, self.sizes, self.more = count, links, sizes, more
        self.width, self.height = room
        cyclic = closing(count, links)
        self.layer = layers(count, links, cyclic, cap)
        depth = max(self.layer, default=-1) + 1
        folds = bool(self.width) and depth > sizes.columns(self.width)
        self.margin = sizes.margin if cyclic or folds else 0.0
        self.bounds = [0, depth] if depth else [0]
        self.gap, self.box_width = sizes.gap[0], sizes.along[0]
        if self.width:
            inner = self.width - 2 * self.margin
            self.bounds = cuts(depth, sizes.columns(inner), self.layer, links)
            used = max((end - start for start, end in pairwise(self.bounds)), default=1)
            each = (inner - (used - 1) * sizes.gap[0]) / used
            self.box_width = min(sizes.along[1], max(each, 1.0))
            spare = (inner - used * self.box_width) / max(used - 1, 1)
            self.gap = min(sizes.gap[1], spare)
        else:
            self.width = 2 * self.margin + depth * (self.box_width + self.gap) - self.gap
        self.band_of = [
            next(i for i, end in enumerate(self.bounds[1:]) if layer < end) for layer in self.layer
        ]
        self.bands = [self._members(index) for index in range(len(self.bounds) - 1)]
        drawn = {link for band in self.bands for link in band.routes}
        self.stars: list[Star] = stars(
            links, [link for link in range(len(links)) if link not in drawn]
        )
        self.ports = self._ports()

    def fits(self) -> bool:
        """Settle the bands and return whether none is higher than asked.

        Where boxes and bends alone are too many, nothing is settled.
        """
        if any(self._least_height(band) > self.height for band in self.bands):
            return False
        self.settle()
        return all(band.height <= self.height for band in self.bands)

    def settle(self) -> None:
        """Give every item its place."""
        for _ in range(2):
            for band in self.bands:
                self._settle(band)
            self._sort_ports()

    def _least_height(self, band: Band) -> float:
        return max(
            sum(self.sizes.across for item in column if item < self.count)
            + BEND_SEPARATION * (len(column) - 1)
            for column in band.columns
        )

    def _members(self, index: int) -> Band:
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
        return Band(ordered(columns, list(routes.values())), routes)

    def _ports(self) -> dict[tuple[int, bool], list[Port]]:
        """Return the ports of each side of each box; the key tells whether it is the right one.

        Lines that share their first bend share their port.
        """
        ports: dict[tuple[int, bool], dict[Port, None]] = defaultdict(dict)
        for band in self.bands:
            rank = {item: row for column in band.columns for row, item in enumerate(column)}
            for route in sorted(
                band.routes.values(), key=lambda one: (rank[one[1]], rank[one[-2]])
            ):
                ports[route[0], True][Port(route[1])] = None
            for route in sorted(
                band.routes.values(), key=lambda one: (rank[one[-2]], rank[one[1]])
            ):
                ports[route[-1], False][Port(route[-2])] = None
        for number, star in enumerate(self.stars):
            for link in star.links:
                ports[self.links[link].start, True][Port(number, lettered=True)] = None
                ports[self.links[link].end, False][Port(number, lettered=True)] = None
        return {side: list(found) for side, found in ports.items()}

    def _sort_ports(self) -> None:
        """Put what goes up first, then lettered ends, which go level, then what goes down."""
        for (node, _), ports in self.ports.items():
            middle = self.bands[self.band_of[node]].middle
            ports.sort(key=lambda one: 0.0 if one.lettered else middle[one.number] - middle[node])

    def box_height(self, node: int) -> float:
        """Return what a box measures across the flow."""
        needed = [
            sum(self._least(port) for port in self.ports[node, side])
            for side in (True, False)
            if (node, side) in self.ports
        ]
        usual = self.sizes.across + (self.more[node] if self.more else 0.0)
        return max(usual, max(needed, default=0.0) + 2.4)

    def _least(self, port: Port) -> float:
        return self._slot(port.number) if port.lettered else self.sizes.port[0]

    def _slot(self, star: int) -> float:
        """Return the room across the flow that a letter needs at a box's side."""
        wide = self.wide(star) + 1.2 if self.sizes.pill else 0.0
        return max(self.sizes.lettered_port, wide)

    def wide(self, star: int) -> float:
        """Return the width of the frame around a star's letter."""
        return framed_width(letter(star), self.links[self.stars[star].links[0]].signed)

    def offsets(self, node: int, outward: bool) -> dict[Port, float]:
        """Return how far each port of a box's side stands below the box's middle."""
        ports = self.ports.get((node, outward), [])
        lettered = [self._slot(port.number) for port in ports if port.lettered]
        room = self.box_height(node) - 4.0 - sum(lettered)
        least, most = self.sizes.port
        plain = min(most, max(least, room / max(len(ports) - len(lettered), 1)))
        slots = [self._slot(port.number) if port.lettered else plain for port in ports]
        at, found = -sum(slots) / 2, {}
        for port, slot in zip(ports, slots, strict=True):
            found[port] = at + slot / 2
            at += slot
        return found

    def _settle(self, band: Band) -> None:
        """Give every item of a band its middle, and the band its height."""
        heights = {
            item: self.box_height(item) if item < self.count else 0.0
            for column in band.columns
            for item in column
        }
        joins: list[tuple[int, int, float]] = []
        for route in band.routes.values():
            leaving = self.offsets(route[0], outward=True)[Port(route[1])]
            arriving = self.offsets(route[-1], outward=False)[Port(route[-2])]
            for here, there in pairwise(route):
                lift = (leaving if here == route[0] else 0.0) - (
                    arriving if there == route[-1] else 0.0
                )
                joins.append((here, there, lift))
        middle = settled(band.columns, heights, joins, self.count)
        top = min((middle[item] - heights[item] / 2 for item in middle), default=0.0)
        band.middle = {item: at - top for item, at in middle.items()}
        band.height = max((band.middle[i] + heights[i] / 2 for i in middle), default=0.0)


def framed_width(letter: str, signed: bool) -> float:
    """Return the width of the frame around a letter, and around its grade's sign with it."""
    return max(PILL, width(letter, SMALL) + 0.8 + (_SIGN if signed else 0.0))


def letter(number: int) -> str:
    """A to Z, then A1 to Z1 and so on."""
    turn, place = divmod(number, 26)
    return chr(ord("A") + place) + (str(turn) if turn else "")
