"""How each kind of node looks, and its box with what is written in it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from audit.graph import Node, NodeKind
from audit.render import strokes, text
from audit.render.lettering import LABEL, SMALL, clip, width, xml
from audit.render.places import Box
from audit.render.strokes import mm
from audit.render.words import GRADES, NOT_RECORDED
from audit.verdicts import Grade

ROUND = 5.0
"""The radius of what acts."""

STACK = 0.9
"""How far a stack's second box looks out."""

STRIP = 3.6
"""The height of the strip that names what is wrong with a node."""

_PADDING = 1.5


@dataclass(frozen=True, slots=True)
class Shape:
    """The look of a kind of node; ``text`` is the ink of its kind, label and digest."""

    fill: str = strokes.SOFT
    ink: str = strokes.RULE
    width: float = 0.25
    round: bool = False
    dashes: str = ""
    text: tuple[str, str, str] = (strokes.THIRD, strokes.INK, strokes.SECOND)


_SQUARE = Shape()
_ACTIVITY = Shape(strokes.PAPER, strokes.SECOND, 0.3, round=True)
_USER = Shape(strokes.PAPER, width=0.15)
_SHAPES = {
    NodeKind.STAGE: _ACTIVITY,
    NodeKind.RUN: _ACTIVITY,
    NodeKind.WEIGHTS: Shape(strokes.TINT, strokes.ACCENT, 0.3),
    NodeKind.LOGGED_MODEL: Shape(strokes.TINT),
    NodeKind.MODEL_VERSION: Shape(
        strokes.ACCENT, strokes.ACCENT, text=(strokes.PALE, strokes.PAPER, strokes.PALE)
    ),
    NodeKind.ALIAS: _USER,
    NodeKind.CONSUMER: _USER,
    NodeKind.GAP: Shape(
        strokes.PAPER, strokes.FAIL, 0.35, dashes="1.5 0.9", text=(strokes.FAIL,) * 3
    ),
}


@dataclass(frozen=True, slots=True)
class Hand:
    """Who writes: whose letters, how much wider than the shipped ones, and which are there."""

    mono: str
    letters: float
    shown: frozenset[int] | None


def shape_of(node: Node) -> Shape:
    """Return the look of a node."""
    return _SHAPES.get(node.kind, _SQUARE)


def kind_words(node: Node) -> str:
    """Return what a node is: its role, where that tells more, and its kind."""
    kind = "data set" if node.kind is NodeKind.DATASET else node.kind.value.replace("_", " ")
    return kind if not node.role or node.role == kind else f"{node.role} {kind}"


def drawn(node: Node, box: Box, hand: Hand, *, stack: bool, alarm: Grade | None) -> str:
    """Return a node as SVG: its frame, two or three lines in it, and what is wrong with it."""
    shape = shape_of(node)
    frame = _frame(box, shape)
    if stack:
        frame = _frame(replace(box, x=box.x + STACK, y=box.y + STACK), shape) + frame
    return (
        frame + _texts(node, box, shape, hand, alarm) + (_strip(box, shape, alarm) if alarm else "")
    )


def _frame(box: Box, shape: Shape) -> str:
    dashes = f' stroke-dasharray="{shape.dashes}"' if shape.dashes else ""
    return (
        f'<rect x="{mm(box.x)}" y="{mm(box.y)}" width="{mm(box.width)}" '
        f'height="{mm(box.height)}" rx="{ROUND if shape.round else 0.6}" '
        f'fill="{shape.fill}" stroke="{shape.ink}" stroke-width="{shape.width}"{dashes}/>'
    )


def _strip(box: Box, shape: Shape, alarm: Grade) -> str:
    """Return the strip at the foot of a box: white on red, sign and word."""
    inset = 3.0 if shape.round else 0.0
    y = box.y + box.height - STRIP
    words = f"{strokes.EDGE_STYLES[alarm].sign} {GRADES[alarm]}"
    return (
        f'<rect class="alarm" x="{mm(box.x + inset)}" y="{mm(y)}" '
        f'width="{mm(box.width - 2 * inset)}" height="{mm(STRIP)}" fill="{strokes.FAIL}"/>'
    ) + strokes.print_small(words, box.x + box.width / 2, y + STRIP / 2, strokes.PAPER)


def _kind_in(node: Node, room: float, size: float) -> str:
    """Return what a node is, in capitals where they fit; of a long role, what has room."""
    words = kind_words(node)
    if width(words.upper(), size) <= room:
        return words.upper()
    kind = words.removeprefix(node.role)
    return clip(node.role, room - width(kind, size), size) + kind if kind != words else words


def _texts(node: Node, box: Box, shape: Shape, hand: Hand, alarm: Grade | None) -> str:
    """Return two or three lines in the middle of a box, none wider than it."""
    room = box.width - 2 * _PADDING
    third = text.short_digest(node.digest) if node.digest else node.detail
    lines = [(_kind_in(node, room, SMALL * hand.letters), -2.65, SMALL, 400, False)]
    lines.append((node.label or NOT_RECORDED, 0.95, LABEL, 600, False))
    if third:
        lines.append((third, 4.3, SMALL, 400, bool(node.digest)))
    height = box.height - (STRIP if alarm else 0.0)
    down = box.y + height / 2 + (0.0 if third else 1.75)
    texts = []
    for (words, lower, size, weight, mono), ink in zip(lines, shape.text, strict=False):
        family = f' font-family="{hand.mono}"' if mono else ""
        short = clip(text.visible(words, hand.shown), room, size * hand.letters, mono=mono)
        texts.append(
            f'<text x="{mm(box.x + box.width / 2)}" y="{mm(down + lower)}" '
            f'text-anchor="middle" font-size="{mm(size)}" font-weight="{weight}"{family} '
            f'fill="{ink}">{xml(short)}</text>'
        )
    return "".join(texts)
