"""Where the parts of a drawing stand: boxes, lines, ends that go on elsewhere, sheets.

Millimetres on the page, whichever way the drawing flows; and the sizes that a layout keeps
to, along the flow and across it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


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
    """A link drawn whole, from the far side of a box through points to the near one of another."""

    link: int
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Continuation:
    """The end of one or more links that go on elsewhere, at the side of a box.

    ``outward`` ends stand where lines leave a box, the others where they arrive;
    ``others`` are the boxes at the other ends, ``sheets`` the sheets that hold them.
    ``wide`` is the width of the frame around the letter.
    """

    letter: str
    node: int
    links: tuple[int, ...]
    x: float
    y: float
    outward: bool
    sheets: tuple[int, ...]
    others: tuple[int, ...]
    wide: float


@dataclass(frozen=True, slots=True)
class Sheet:
    """One page of a drawing; ``rules`` are the heights at which one band ends.

    It flows to the right, or ``down``.
    """

    width: float
    height: float
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    continuations: tuple[Continuation, ...]
    rules: tuple[float, ...]
    down: bool = False


@dataclass(frozen=True, slots=True)
class Sizes:
    """What a layout keeps to: ``along`` the flow, and across it.

    ``along`` and ``gap`` are the least and the most of a box and of the room between two
    columns, ``port`` of the room that a line has at a box's side; ``margin`` is kept at both
    ends where lines go on elsewhere. ``pill`` is the thickness of a letter's frame in the
    direction of the flow, or zero where that is its width.
    """

    along: tuple[float, float] = (28.7, 38.0)
    across: float = 12.2
    gap: tuple[float, float] = (13.7, 24.0)
    margin: float = 8.4
    port: tuple[float, float] = (1.1, 2.4)
    lettered_port: float = 3.9
    pill: float = 0.0

    def columns(self, width: float) -> int:
        """Return how many columns fit a width."""
        return max(1, int((width + self.gap[0]) / (self.along[0] + self.gap[0])))


ARROW = 1.7
"""Length of an arrow's head."""

STEM = 0.9
"""Between a box, or the arrow at it, and the frame of a letter."""

PILL = 3.4
"""Height of the frame around a letter, and its least width."""


def turned(sheet: Sheet, width: float) -> Sheet:
    """Return a sheet that flows down instead of to the right, in the middle of a width."""
    shift = (width - sheet.height) / 2
    return Sheet(
        width,
        sheet.width,
        tuple(Box(box.node, box.y + shift, box.x, box.height, box.width) for box in sheet.boxes),
        tuple(
            Line(line.link, tuple((y + shift, x) for x, y in line.points)) for line in sheet.lines
        ),
        tuple(replace(end, x=end.y + shift, y=end.x) for end in sheet.continuations),
        (),
        down=True,
    )
