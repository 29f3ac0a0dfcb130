"""The lineage map of one model version, drawn as SVG.

Data flows from left to right, on a narrow screen down. What acts (stages, runs) is round,
what is acted on (data, weights, commits) is square, the version is dark, what uses it is
drawn with a hairline and what is missing with red dashes. A line tells by its stroke how it
is known; colour only repeats that, so the map reads in grey as well. What is contradicted or
missing has a red sign on its line and a red strip at its box. Sizes are millimetres.
"""

from __future__ import annotations

import functools
import math
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from math import inf

from audit.graph import Edge, Graph, Node, NodeKind
from audit.render import captions, shapes, strokes, text
from audit.render.layering import Link
from audit.render.layout import arrange, arrange_down
from audit.render.lettering import xml
from audit.render.places import ARROW, PILL, STEM, Box, Continuation, Line, Sheet
from audit.render.shapes import STACK, Hand, kind_words
from audit.render.stacks import Found
from audit.render.strokes import DRAWN, EDGE_STYLES, Lines, Pen, mm
from audit.render.words import GRADES, NOT_RECORDED

SHEET_HEIGHT = 212.0
"""What fits an A4 page below a heading, in millimetres."""

NARROW = 86.0
"""The width of a drawing that flows down, in millimetres."""

NARROW_NODES = 150
"""Beyond so many boxes there is no drawing that flows down; the page's list serves better."""

_FILE_WIDTH = 174.0
_EDGE = 0.4
_SPOKEN = 120
_KEY = 5.4
_SCREEN_LETTERS = 1.15
"""How much wider than the shipped fonts the letters of a reader's own machine may be."""


@dataclass(frozen=True, slots=True)
class _Medium:
    """What a drawing is made for."""

    own_letters: bool = False
    """Those of the reader's machine, not the shipped ones."""
    walked: bool = False
    """It stands in a page that has a list of its nodes: nodes are links to it."""
    titled: bool = False
    """Nodes and lines tell what they are; else the lines of a grade are one path, as each
    element of a printed page costs time."""


_PAGE = _Medium()
_SCREEN = _Medium(own_letters=True, walked=True, titled=True)
_FILE = _Medium(own_letters=True, titled=True)


def lineage_svg(
    graph: Graph, width_mm: float, *, height_mm: float = SHEET_HEIGHT, screen: bool = False
) -> list[str]:
    """Return the lineage map as SVG sheets of the given width, none for an empty graph.

    Nothing is smaller than 6.5 points at that width. No sheet is higher than
    ``height_mm`` and a caption, unless it holds one box that is. With ``screen``,
    letters are those of the page, and nodes and lines carry titles, classes and
    ``data-node``, ``data-from`` and ``data-to`` attributes; each node is a link to what
    ``telling.entries`` says of it.
    """
    return _sheets(graph, width_mm, height_mm, _SCREEN if screen else _PAGE)


def narrow_svg(graph: Graph) -> str:
    """Return the map for a narrow screen: one sheet that flows down.

    It is empty for no graph, and for one of more than ``NARROW_NODES`` boxes.
    """
    found = Found.of(graph)
    if len(found.graph.nodes) > NARROW_NODES:
        return ""
    sheet = _arranged_down(len(found.graph.nodes), found.links, NARROW - 2 * _EDGE, found.more)
    return _Drawing(found, sheet, (1, 1), found.mark("down"), _SCREEN).svg() if sheet else ""


def draw(graph: Graph, *, whole: bool = False) -> tuple[str, ...]:
    """Return a graph as SVG documents that stand alone, as wide as an A4 page allows.

    There are as many as it has sheets, or one as high as it needs to be with ``whole``;
    none for an empty graph. Each ends in a key of its lines.
    """
    return tuple(_sheets(graph, _FILE_WIDTH, inf if whole else SHEET_HEIGHT, _FILE))


def sentence(edge: Edge, nodes: dict[str, Node]) -> str:
    """Return an edge as a sentence with its grade and evidence."""
    source, target = (
        text.clip(nodes[end].label, _SPOKEN) or NOT_RECORDED for end in (edge.source, edge.target)
    )
    relation = edge.relation.value.replace("_", " ")
    return f"{source} {relation} {target} ({GRADES[edge.grade]}; {text.clip(edge.evidence)})"


def _sheets(graph: Graph, width: float, height: float, medium: _Medium) -> list[str]:
    found = Found.of(graph)
    if not found.graph.nodes:
        return []
    sheets = _arranged(len(found.graph.nodes), found.links, width - 2 * _EDGE, height, found.more)
    mark = found.mark(repr(width))
    return [
        _Drawing(found, sheet, (number, len(sheets)), f"{mark}-{number}", medium).svg()
        for number, sheet in enumerate(sheets, start=1)
    ]


@functools.lru_cache(maxsize=64)
def _arranged(
    count: int, links: tuple[Link, ...], width: float, height: float, more: tuple[float, ...]
) -> list[Sheet]:
    """Return the sheets of a drawing: versions of one model mostly differ in words alone."""
    return arrange(count, links, width, height, more)


@functools.lru_cache(maxsize=64)
def _arranged_down(
    count: int, links: tuple[Link, ...], width: float, more: tuple[float, ...]
) -> Sheet | None:
    return arrange_down(count, links, width, more)


class _Drawing:
    """One sheet, from its places to its text."""

    def __init__(
        self, found: Found, sheet: Sheet, number: tuple[int, int], prefix: str, medium: _Medium
    ) -> None:
        self.found, self.graph, self.sheet = found, found.graph, sheet
        (self.number, self.total), self.prefix, self.medium = number, prefix, medium
        self.nodes = found.graph.by_id()
        self.boxes = {box.node: box for box in sheet.boxes}
        self.pen = Pen(sheet.down)
        own = medium.own_letters
        self.hand = Hand(
            strokes.SCREEN_MONO if own else strokes.MONO,
            _SCREEN_LETTERS if own else 1.0,
            None if own else text.glyphs(),
        )
        ends = [
            (
                end,
                [
                    text.visible(self.graph.nodes[other].label, self.hand.shown)
                    for other in end.others
                ],
            )
            for end in sheet.continuations
        ]
        self.caption = (
            captions.lines(ends, number, sheet.width, self.hand.letters) if self.total > 1 else []
        )

    def svg(self) -> str:
        sheet, medium = self.sheet, self.medium
        wide = mm(sheet.width + 2 * _EDGE)
        below = sheet.height + _EDGE + STACK
        alone = medium is _FILE
        high = mm(below + captions.height(self.caption) + (_KEY if alone else 0.0))
        look = f'font-family="{strokes.SANS}"'
        role, described = "img", f' aria-describedby="{self.prefix}-d"'
        title, description = self._words()
        if medium.walked:
            look, role, described = 'class="lineage-map"', "group", ""
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" {look} role="{role}" width="{wide}mm" '
            f'height="{high}mm" viewBox="{-_EDGE} {-_EDGE} {wide} {high}" '
            f'aria-labelledby="{self.prefix}-t"{described}>'
        )
        parts = [
            head,
            f'<title id="{self.prefix}-t">{xml(title)}</title>',
        ]
        if described:
            parts += [f'<desc id="{self.prefix}-d">{xml(description)}</desc>']
        if alone:
            back = f'x="{-_EDGE}" y="{-_EDGE}" width="{wide}" height="{high}"'
            parts += [f'<rect {back} fill="{strokes.PAPER}"/>']
        parts += [
            f'<path class="rule" d="M0 {mm(y)}H{mm(sheet.width)}" fill="none" '
            f'stroke="{strokes.HAIRLINE}" stroke-width="0.2"/>'
            for y in sheet.rules
        ]
        lines = [self._line(line) for line in sheet.lines]
        lines += [self._continuation(end) for end in sheet.continuations]
        lines.sort(key=lambda line: DRAWN.index(line.edges[0].grade))
        parts += map(self._titled, lines) if medium.titled else strokes.merged(lines)
        parts += [self._node(box) for box in sheet.boxes]
        parts += captions.drawn(self.caption, sheet.width / 2, sheet.height + STACK)
        if alone:
            key = "".join(strokes.pieces(self.found.grades))
            top = mm(below + captions.height(self.caption) + 0.6)
            parts += [f'<g transform="translate(0 {top})">{key}</g>']
        return "\n".join([*parts, "</svg>"])

    def _words(self) -> tuple[str, str]:
        """Return the title and the whole sheet as sentences, for those who do not see it."""
        versions = [n.label for n in self.graph.nodes if n.kind is NodeKind.MODEL_VERSION]
        title = f"Lineage of {text.clip(versions[-1], _SPOKEN)}" if versions else "Lineage"
        if self.total > 1:
            title = f"{title}, sheet {self.number} of {self.total}"
        if self.medium.walked:
            return title, ""
        shown = [self.graph.nodes[box.node] for box in self.sheet.boxes]
        drawn = {line.link for line in self.sheet.lines}
        drawn |= {link for end in self.sheet.continuations for link in end.links}
        kinds = Counter(text.clip(kind_words(node), _SPOKEN) for node in shown)
        counted = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
        edges = [sentence(self.graph.edges[link], self.nodes) for link in sorted(drawn)]
        return title, ". ".join([f"Nodes: {counted}", *edges]) + "."

    def _node(self, box: Box) -> str:
        node = self.graph.nodes[box.node]
        alarm = self.found.alarms.get(node.id)
        stack = node.id in self.found.stacks
        drawn = shapes.drawn(node, box, self.hand, stack=stack, alarm=alarm)
        if not self.medium.titled:
            return drawn
        facts = filter(None, (kind_words(node), node.label, node.digest, node.detail))
        name = xml(". ".join(map(text.clip, facts)))
        look = f'class="node {node.kind.value}" data-node="{box.node}"'
        if not self.medium.walked:
            return f"<g {look}><title>{name}</title>{drawn}</g>"
        wrong = f", {GRADES[alarm]}" if alarm else ""
        said = xml(text.clip(f"{kind_words(node)} {node.label or NOT_RECORDED}{wrong}", _SPOKEN))
        title = "" if self.sheet.down else f"<title>{name}</title>"
        href = f"#{self.found.anchors[node.id]}"
        return f'<a {look} href="{href}" aria-label="{said}">{title}{drawn}</a>'

    def _flow(self, point: tuple[float, float]) -> tuple[float, float]:
        """Return a point as the pen has it: along the flow, then across."""
        return (point[1], point[0]) if self.sheet.down else point

    def _line(self, line: Line) -> Lines:
        edge = self.graph.edges[line.link]
        before, after = (self.boxes[self.found.places[end]] for end in edge.flow)
        *points, last = map(self._flow, line.points)
        start, tip = self._border(before, points[0], out=True), self._border(after, last)
        points.append((last[0] - ARROW, last[1]))
        pen = self.pen
        path = [f"M{pen.at(start, points[0][1])}{pen.on(points[0][0])}"]
        for here, there in pairwise(points):
            flat = abs(here[1] - there[1]) < 0.02
            path.append(pen.on(there[0]) if flat else pen.bend(here, there))
        path.append(pen.on(tip - 1))
        turns = [pair for pair in pairwise(points) if pair[0][1] != pair[1][1]]
        here, there = turns[0] if turns else (points[0], points[1])
        middle = self._flow(((here[0] + there[0]) / 2, (here[1] + there[1]) / 2))
        sign = strokes.signed(EDGE_STYLES[edge.grade], *middle)
        return Lines([edge], "".join(path), pen.head(tip, last[1]), sign)

    def _continuation(self, end: Continuation) -> Lines:
        edges = [self.graph.edges[link] for link in end.links]
        letter = f"{EDGE_STYLES[edges[0].grade].sign}{end.letter}"
        deep = PILL if self.sheet.down else end.wide
        along, across = self._flow((end.x, end.y))
        border = self._border(self.boxes[end.node], (along, across), out=end.outward)
        pen = self.pen
        if end.outward:
            near = along + STEM
            path, head = f"M{pen.at(border, across)}{pen.on(near)}", ""
            middle = near + deep / 2
        else:
            near = along - ARROW - STEM
            path = f"M{pen.at(near, across)}{pen.on(border - 1)}"
            head = pen.head(border, across)
            middle = near - deep / 2
        x, y = self._flow((middle, across))
        sign = strokes.framed(letter, x - end.wide / 2, y, end.wide)
        elsewhere = [str(sheet + 1) for sheet in end.sheets if sheet + 1 != self.number]
        where = f" on sheet {', '.join(elsewhere)}" if elsewhere else ""
        going = "Goes on" if end.outward else "Comes from"
        return Lines(edges, path, head, sign, f"{going} at {end.letter}{where}: ")

    def _border(self, box: Box, at: tuple[float, float], *, out: bool = False) -> float:
        """Return where a box's outline is along the flow, at a point on its side.

        ``out`` is the side that lines leave from.
        """
        near, low = self._flow((box.x, box.y))
        deep, wide = self._flow((box.width, box.height))
        side = near + deep if out else near
        over = abs(at[1] - low - wide / 2) - (wide / 2 - shapes.ROUND)
        if not shapes.shape_of(self.graph.nodes[box.node]).round or over <= 0:
            return side
        inset = shapes.ROUND - math.sqrt(max(shapes.ROUND**2 - over**2, 0.0))
        return side - inset if out else side + inset

    def _titled(self, lines: Lines) -> str:
        """Return lines in a group that says what they are, where a pointer could ask."""
        words = lines.before + "; ".join(sentence(edge, self.nodes) for edge in lines.edges)
        title = "" if self.sheet.down else f"<title>{xml(words)}</title>"
        ends = [{self.found.places[edge.flow[side]] for edge in lines.edges} for side in (0, 1)]
        start, end = (" ".join(map(str, sorted(side))) for side in ends)
        grade = lines.edges[0].grade
        look = f"edge {grade}{' lettered' if lines.before else ''}"
        hidden = ' aria-hidden="true"' if self.medium.walked else ""
        return (
            f'<g class="{look}"{hidden} data-from="{start}" data-to="{end}" '
            f'color="{EDGE_STYLES[grade].ink}">{title}{lines.drawn()}</g>'
        )
