"""Ink, strokes and small print of drawings, as SVG text. Sizes are millimetres.

The ink of a line is the ``color`` of the group that it stands in, so that a style
sheet for screens can change it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from audit.graph import Edge
from audit.render.lettering import SMALL, width, xml
from audit.render.places import ARROW, PILL
from audit.verdicts import Grade

INK, SECOND, THIRD = "#16202e", "#44546a", "#66717f"
RULE, HAIRLINE, ACCENT = "#9aa5b4", "#dde2e8", "#1f3354"
PASS, FAIL = "#1d5b40", "#a3242b"
PAPER, SOFT, TINT, PALE = "#ffffff", "#f4f6f8", "#e6ecf3", "#ccd6e4"

SANS = "'Audit Sans', 'Audit Signs', 'Audit Rest', 'IBM Plex Sans', 'DejaVu Sans', sans-serif"
MONO = "'Audit Mono', 'Audit Rest', 'IBM Plex Mono', 'DejaVu Sans Mono', monospace"
"""Families of a printed drawing, as the style sheet of the pages names them."""

SCREEN_MONO = "'IBM Plex Mono', ui-monospace, 'SF Mono', Consolas, 'DejaVu Sans Mono', monospace"
"""Fixed-width letters on a screen; its other text takes the family of the page."""

_HALF = 0.85
"""Half the width of an arrow's head."""

_SOLID = frozenset({"×", "!"})
"""Signs of what is wrong: white on red."""

_BASE = 0.82
"""From the middle of a line of small print down to its baseline."""


@dataclass(frozen=True, slots=True)
class Stroke:
    """How a line is drawn: ink, width, dashes (as in SVG), and a sign on top of it."""

    ink: str
    width: float
    dashes: str = ""
    sign: str = ""


_DASHED, _DOTTED = "1.5 0.9", "0.01 0.95"

EDGE_STYLES: dict[Grade, Stroke] = {
    Grade.VERIFIED: Stroke(PASS, 0.75),
    Grade.RECORDED: Stroke(INK, 0.3),
    Grade.DECLARED: Stroke(SECOND, 0.3, _DASHED),
    Grade.INFERRED: Stroke(SECOND, 0.45, _DOTTED),
    Grade.NOT_CHECKABLE: Stroke(THIRD, 0.4, _DOTTED, "?"),
    Grade.MISSING: Stroke(FAIL, 0.5, _DASHED, "!"),
    Grade.CONTRADICTED: Stroke(FAIL, 0.8, "", "×"),
}
"""Each grade's line, for the drawing and for its key."""


DRAWN = tuple(sorted(Grade, key=lambda grade: (EDGE_STYLES[grade].ink == FAIL, -grade.rank)))
"""The order in which grades are drawn: the strongest on top, what is wrong above all."""


def mm(value: float) -> str:
    """Return a length with two decimals at most, the shortest way."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def print_small(words: str, x: float, y: float, ink: str = INK, weight: int = 600) -> str:
    """Return small print with its middle at a point."""
    return (
        f'<text x="{mm(x)}" y="{mm(y + _BASE)}" text-anchor="middle" '
        f'font-size="{mm(SMALL)}" font-weight="{weight}" fill="{ink}">{xml(words)}</text>'
    )


def stroked(path: str, style: Stroke, heads: str = "") -> str:
    """Return a path drawn in a stroke's width and dashes, and the heads of its arrows."""
    dashes = f' stroke-dasharray="{style.dashes}"' if style.dashes else ""
    cap = ' stroke-linecap="round"' if style.dashes == _DOTTED else ""
    return (
        f'<path d="{path}" fill="none" stroke="currentColor" '
        f'stroke-width="{style.width}"{dashes}{cap}/>'
    ) + (f'<path d="{heads}" fill="currentColor"/>' if heads else "")


@dataclass(frozen=True, slots=True)
class Pen:
    """Draws along the flow: to the right, or down. Points are along the flow, then across."""

    down: bool = False

    def at(self, along: float, across: float) -> str:
        """Return a point as SVG has it."""
        x, y = (across, along) if self.down else (along, across)
        return f"{mm(x)} {mm(y)}"

    def on(self, along: float) -> str:
        """Return a straight line with the flow."""
        return f"{'V' if self.down else 'H'}{mm(along)}"

    def bend(self, here: tuple[float, float], there: tuple[float, float]) -> str:
        """Return a curve that leaves and arrives with the flow."""
        middle = (here[0] + there[0]) / 2
        points = ((middle, here[1]), (middle, there[1]), there)
        return "C" + " ".join(self.at(*point) for point in points)

    def head(self, along: float, across: float) -> str:
        """Return the path of an arrow's head with its tip at a point."""
        back = along - ARROW
        tip, one, two = (
            self.at(*point)
            for point in ((along, across), (back, across - _HALF), (back, across + _HALF))
        )
        return f"M{tip}L{one}L{two}Z"


def framed(words: str, left: float, y: float, wide: float) -> str:
    """Return small print in a round frame, to stand on top of a line; what is wrong, solid."""
    solid = words[:1] in _SOLID
    mark, fill = (' class="alarm"', "currentColor") if solid else ("", PAPER)
    return (
        f'<rect{mark} x="{mm(left)}" y="{mm(y - PILL / 2)}" width="{mm(wide)}" '
        f'height="{mm(PILL)}" rx="{mm(PILL / 2)}" fill="{fill}" stroke="currentColor" '
        f'stroke-width="0.25"/>{print_small(words, left + wide / 2, y, PAPER if solid else INK)}'
    )


def signed(style: Stroke, x: float, y: float) -> str:
    """Return a stroke's sign at a point of its line, or nothing."""
    return framed(style.sign, x - PILL / 2, y, PILL) if style.sign else ""


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines of one grade: their paths, the heads of their arrows, and what stands on them.

    ``before`` is said before the sentences of the edges.
    """

    edges: list[Edge]
    path: str
    heads: str
    signs: str
    before: str = ""

    def drawn(self) -> str:
        """Return the lines as SVG, in the ink of the group around them."""
        line = stroked(self.path, EDGE_STYLES[self.edges[0].grade], self.heads)
        return line + self.signs if self.path else self.signs

    def inked(self) -> str:
        """Return the lines as SVG that names their ink, for want of a group around them."""
        return self.drawn().replace("currentColor", EDGE_STYLES[self.edges[0].grade].ink)


def merged(lines: Sequence[Lines]) -> list[str]:
    """Return all lines of a grade as one path, then the signs."""
    paths = [
        Lines(
            alike[0].edges,
            "".join(line.path for line in alike),
            "".join(line.heads for line in alike),
            "",
        ).inked()
        for grade in DRAWN
        if (alike := [line for line in lines if line.edges[0].grade is grade])
    ]
    signs = [Lines(line.edges, "", "", line.signs).inked() for line in lines if line.signs]
    return paths + signs


def sample(grade: Grade, word: str) -> str:
    """Return a short piece of a grade's line for a key on a screen, where it may wrap."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="lineage-key" width="10.6mm" '
        f'height="3.8mm" viewBox="0 0 10.6 3.8" aria-hidden="true">'
        f'<title>{xml(word)}</title><g class="{grade}" color="{EDGE_STYLES[grade].ink}">'
        f"{_piece(grade, 0)}</g></svg>"
    )


def key(words: Sequence[tuple[Grade, str]], wide: float) -> str:
    """Return the key of a printed drawing: a piece of each grade's line, and its word."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{mm(wide)}mm" height="3.8mm" '
        f'viewBox="0 0 {mm(wide)} 3.8" font-family="{SANS}" role="img">'
        f"<title>Key: {xml(', '.join(word for _, word in words))}</title>"
        f"{''.join(pieces(words))}</svg>"
    )


def pieces(words: Sequence[tuple[Grade, str]]) -> list[str]:
    """Return a piece of each grade's line and its word, side by side."""
    parts, left = [], 0.0
    for grade, word in words:
        parts.append(_piece(grade, left).replace("currentColor", EDGE_STYLES[grade].ink))
        parts.append(
            f'<text x="{mm(left + 12)}" y="{mm(1.9 + _BASE)}" font-size="{mm(SMALL)}" '
            f'fill="{SECOND}">{xml(word)}</text>'
        )
        left += 12 + width(word, SMALL) + 3
    return parts


def _piece(grade: Grade, left: float) -> str:
    style = EDGE_STYLES[grade]
    line = f"M{mm(left + 0.3)} 1.9H{mm(left + 9.2)}"
    return stroked(line, style, Pen().head(left + 10.4, 1.9)) + signed(style, left + 4.8, 1.9)
