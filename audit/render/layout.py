"""The sheets of a layered drawing, in millimetres; no words, no ink.

Bands of columns stand below each other, then on further sheets. A line that leaves its
band (or closes a cycle) ends in a lettered continuation instead: one letter stands for a
star of links, so that few letters say much. No line crosses a box. On a narrow screen the
same drawing flows down, on one sheet.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

from audit.render.banding import Band, Bands, Port, letter
from audit.render.layering import Link
from audit.render.places import (
    ARROW,
    PILL,
    STEM,
    Box,
    Continuation,
    Line,
    Sheet,
    Sizes,
    turned,
)

SHEET = Sizes()
"""Sizes of a drawing from left to right, folded into bands."""

_BAND_SEPARATION = 7.0
_CAPS = (13, 12, 10, 8, 6, 4, 2, 1)
_WIDENED = 3
_CURVE = 1.4
"""What is left for a line to turn between two columns that both have letters beside them."""

DOWN = Sizes((12.2, 12.2), 33.0, (12.1, 12.1), 7.0, (2.0, 4.0), 4.6, PILL)
"""Sizes of a drawing that flows down."""

_NARROW = ((33.0, 2), (27.0, 3), (27.0, 2), (33.0, 1))
"""How wide its boxes are and how many stand side by side: what is tried, the best first."""


def arrange(
    count: int,
    links: Sequence[Link],
    width: float,
    height: float,
    more: Sequence[float] = (),
) -> list[Sheet]:
    """Return the sheets of a drawing of ``count`` nodes, none higher than ``height``.

    ``more`` is what each box needs above the usual height. Deterministic: the same input
    gives the same sheets. Where even single boxes have more continuations than a sheet
    is high, the sheet grows.
    """

    def attempt(sizes: Sizes) -> _Sheets:
        for cap in _CAPS:
            drawing = _Sheets(count, links, (width, height), cap, sizes, more)
            if drawing.fits():
                break
        else:
            drawing.settle()
        return drawing

    return _roomy(attempt, SHEET).sheets()


def arrange_down(
    count: int, links: Sequence[Link], width: float, more: Sequence[float] = ()
) -> Sheet | None:
    """Return one sheet that flows down in a narrow width, as high as it needs to be.

    Nothing is folded there: a screen goes on downwards. Returns None for no nodes.
    """
    if not count:
        return None
    tall = DOWN.along[0] + max(more, default=0.0)

    def attempt(sizes: Sizes) -> _Sheets:
        for across, cap in _NARROW:
            wide = replace(sizes, across=across)
            drawing = _Sheets(count, links, (0.0, width), cap, wide, ())
            if drawing.fits():
                break
        else:
            drawing.settle()
        return drawing

    drawing = _roomy(attempt, replace(DOWN, along=(tall, tall)))
    (sheet,) = drawing.sheets()
    return turned(sheet, max(width, sheet.height))


def _roomy(attempt: Callable[[Sizes], _Sheets], sizes: Sizes) -> _Sheets:
    """Return a layout that has room between its columns for what stands there."""
    drawing = attempt(sizes)
    for _ in range(_WIDENED):
        needed = drawing.needed_gap()
        if needed <= drawing.gap + 0.01:
            break
        sizes = replace(sizes, gap=(needed, max(needed, sizes.gap[1])))
        drawing = attempt(sizes)
    return drawing


class _Sheets(Bands):
    """Bands that are put on sheets."""

    def sheets(self) -> list[Sheet]:
        """Return the sheets: bands below each other as long as they fit."""
        pages: list[list[int]] = []
        filled = 0.0
        for index, band in enumerate(self.bands):
            step = band.height + _BAND_SEPARATION
            if not pages or filled + step > self.height:
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
            left = self._left(band)
            for item in sorted(node for node in band.middle if node < self.count):
                tall, middle = self.box_height(item), top + band.middle[item]
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

    def _line(self, band: Band, number: int, left: dict[int, float], top: float) -> Line:
        """Return a line that is level beside boxes and lettered ends, and turns between them."""
        route = band.routes[number]
        levels = [top + band.middle[item] for item in route]
        levels[0] += self.offsets(route[0], outward=True)[Port(route[1])]
        levels[-1] += self.offsets(route[-1], outward=False)[Port(route[-2])]
        points = [(left[route[0]] + self.box_width, levels[0])]
        for (here, y), (there, below) in pairwise(zip(route, levels, strict=True)):
            lead = self._beside(left[here], left, outward=True)
            tail = self._beside(left[there], left, outward=False)
            if lead + tail:
                fits = min(1.0, (self.gap - _CURVE) / (lead + tail))
                lead, tail = lead * fits, tail * fits
                points += [(left[here] + self.box_width + lead, y), (left[there] - tail, below)]
            points += [(left[there], below)]
            if there != route[-1]:
                points += [(left[there] + self.box_width, below)]
        return Line(number, tuple(points))

    def needed_gap(self) -> float:
        """Return how far columns must be apart for the letters between them, zero for none."""
        gaps = []
        for band in self.bands:
            left = self._left(band)
            columns = sorted(set(left.values()))
            gaps += [
                self._beside(here, left, outward=True) + self._beside(there, left, outward=False)
                for here, there in pairwise(columns)
            ]
        widest = max(gaps, default=0.0)
        return widest + _CURVE if widest else 0.0

    def _left(self, band: Band) -> dict[int, float]:
        return {
            item: self.margin + number * (self.box_width + self.gap)
            for number, column in enumerate(band.columns)
            for item in column
        }

    def _beside(self, x: float, left: dict[int, float], *, outward: bool) -> float:
        """Return the room along the flow that the letters beside a column take."""
        wide = [
            self.sizes.pill or self.wide(port.number)
            for item, at in left.items()
            if at == x and item < self.count
            for port in self.ports.get((item, outward), ())
            if port.lettered
        ]
        return max(wide) + STEM + 0.2 + (0.0 if outward else ARROW) if wide else 0.0

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
        others = tuple(
            dict.fromkeys(self.links[one].end if outward else self.links[one].start for one in mine)
        )
        sheets = tuple(sorted({page_of[self.band_of[other]] for other in others}))
        wide = self.wide(number)
        return Continuation(letter(number), node, mine, *at, outward, sheets, others, wide)
