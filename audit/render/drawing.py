"""The lineage map of one model version, drawn as SVG.

Data flows from left to right. What acts (stages, runs) is round, what is acted on
(data, weights, commits) is square, the version is dark, what uses it is drawn with a
hairline and what is missing with red dashes. A line tells by its stroke how it is known;
colour only repeats that, so the map reads in grey as well. Sizes are millimetres.
"""

from __future__ import annotations

import functools
import hashlib
import math
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from itertools import pairwise

from audit.graph import Edge, Graph, Node, NodeKind
from audit.render import strokes, text
from audit.render.layering import Link
from audit.render.layout import Box, Continuation, Line, Sheet, arrange
from audit.render.lettering import clip, width, xml
from audit.render.strokes import EDGE_STYLES, PILL, SMALL, Lines, mm
from audit.render.words import GRADES, NOT_RECORDED
from audit.verdicts import Grade

SHEET_HEIGHT = 212.0
"""What fits an A4 page below a heading, in millimetres."""

STACKED_FROM = 8
"""So many alike nodes with the same neighbours are drawn as one stack."""

_PADDING = 1.5
_ROUND = 5.0
_EDGE = 0.3
_STACK = 0.9
_CAPTION = 4.4
_SPOKEN = 120
_MARGIN = 7.9
_SCREEN_LETTERS = 1.15
"""How much wider than the shipped fonts the letters of a reader's own machine may be."""


@dataclass(frozen=True, slots=True)
class _Shape:
    """The look of a kind of node; ``text`` is the ink of its kind, label and digest."""

    fill: str = strokes.SOFT
    ink: str = strokes.RULE
    width: float = 0.25
    round: bool = False
    dashes: str = ""
    text: tuple[str, str, str] = (strokes.THIRD, strokes.INK, strokes.SECOND)


_SQUARE = _Shape()
_ACTIVITY = _Shape(strokes.PAPER, strokes.SECOND, 0.3, round=True)
_USER = _Shape(strokes.PAPER, width=0.15)
_SHAPES = {
    NodeKind.STAGE: _ACTIVITY,
    NodeKind.RUN: _ACTIVITY,
    NodeKind.WEIGHTS: _Shape(strokes.TINT, strokes.ACCENT, 0.3),
    NodeKind.LOGGED_MODEL: _Shape(strokes.TINT),
    NodeKind.MODEL_VERSION: _Shape(
        strokes.ACCENT, strokes.ACCENT, text=(strokes.PALE, strokes.PAPER, strokes.PALE)
    ),
    NodeKind.ALIAS: _USER,
    NodeKind.CONSUMER: _USER,
    NodeKind.GAP: _Shape(
        strokes.PAPER, strokes.FAIL, 0.35, dashes="1.5 0.9", text=(strokes.FAIL,) * 3
    ),
}
_PLURALS = {NodeKind.FILE: "files", NodeKind.DATASET: "data sets", NodeKind.CONSUMER: "consumers"}


def lineage_svg(
    graph: Graph, width_mm: float, *, height_mm: float = SHEET_HEIGHT, screen: bool = False
) -> list[str]:
    """Return the lineage map as SVG sheets of the given width, none for an empty graph.

    Nothing is smaller than 6.5 points at that width. No sheet is higher than
    ``height_mm`` and a caption, unless it holds one box that is. With ``screen``,
    letters are those of the page, and nodes and lines carry titles, classes and
    ``data-node``, ``data-from`` and ``data-to`` attributes. Without it, the lines of a
    grade are one path: each element of a page costs time.
    """
    graph, stacks = _stacked(_closed(graph))
    if not graph.nodes:
        return []
    places = {node.id: place for place, node in enumerate(graph.nodes)}
    links = [
        Link(places[edge.flow[0]], places[edge.flow[1]], edge.grade.value) for edge in graph.edges
    ]
    sheets = _arranged(len(graph.nodes), tuple(links), width_mm - 2 * _EDGE, height_mm)
    content = repr((graph.nodes, graph.edges, width_mm)).encode("utf-8", "backslashreplace")
    mark = hashlib.sha256(content).hexdigest()[:10]
    return [
        _Drawing(graph, stacks, sheet, (number, len(sheets)), f"map-{mark}-{number}", screen).svg()
        for number, sheet in enumerate(sheets, start=1)
    ]


def legend(graph: Graph) -> list[tuple[Grade, str]]:
    """Return each grade that occurs, the strongest first, and its word: what a key tells."""
    found = {edge.grade for edge in graph.edges}
    return [(grade, GRADES[grade]) for grade in Grade if grade in found]


def kind_words(node: Node) -> str:
    """Return what a node is: its role, where that tells more, and its kind."""
    kind = "data set" if node.kind is NodeKind.DATASET else node.kind.value.replace("_", " ")
    return kind if not node.role or node.role == kind else f"{node.role} {kind}"


def sentence(edge: Edge, nodes: dict[str, Node]) -> str:
    """Return an edge as a sentence with its grade and evidence."""
    source, target = (
        text.clip(nodes[end].label, _SPOKEN) or NOT_RECORDED for end in (edge.source, edge.target)
    )
    relation = edge.relation.value.replace("_", " ")
    return f"{source} {relation} {target} ({GRADES[edge.grade]}; {text.clip(edge.evidence)})"


@functools.lru_cache(maxsize=64)
def _arranged(count: int, links: tuple[Link, ...], width: float, height: float) -> list[Sheet]:
    """Return the sheets of a drawing: versions of one model mostly differ in words alone."""
    return arrange(count, links, width, height)


def _closed(graph: Graph) -> Graph:
    """Return the graph with a gap for each end of an edge that is no node of it."""
    known = set(graph.by_id())
    ends = dict.fromkeys(end for edge in graph.edges for end in (edge.source, edge.target))
    lost = tuple(Node(end, NodeKind.GAP, end) for end in ends if end not in known)
    return replace(graph, nodes=graph.nodes + lost) if lost else graph


def _stacked(graph: Graph) -> tuple[Graph, frozenset[str]]:
    """Return the graph with many alike nodes drawn as one, and the ids of such stacks.

    Alike are nodes of one kind and role that have equal edges to the same neighbours.
    """
    around: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for edge in graph.edges:
        around[edge.source].add(("to", edge.target, edge.relation, edge.grade))
        around[edge.target].add(("from", edge.source, edge.relation, edge.grade))
    alike: dict[object, list[Node]] = defaultdict(list)
    for node in graph.nodes:
        if node.kind in _PLURALS:
            alike[node.kind, node.role, frozenset(around[node.id])].append(node)
    into: dict[str, Node] = {}
    for members in alike.values():
        if len(members) >= STACKED_FROM:
            label = f"{len(members)} {_PLURALS[members[0].kind]}"
            one = replace(members[0], label=label, digest="", detail="in lineage_nodes.csv")
            into |= dict.fromkeys((node.id for node in members), one)
    edges: dict[tuple[str, ...], Edge] = {}
    for number, edge in enumerate(graph.edges):
        if edge.source in into or edge.target in into:
            source, target = (
                into[end].id if end in into else end for end in (edge.source, edge.target)
            )
            key = (source, target, edge.relation, edge.grade)
            every = ("each is in lineage_edges.csv",)
            edges.setdefault(key, replace(edge, source=source, target=target, operands=every))
        else:
            edges[(str(number),)] = edge
    nodes = dict.fromkeys(into.get(node.id, node) for node in graph.nodes)
    stacks = frozenset(node.id for node in into.values())
    return replace(graph, nodes=tuple(nodes), edges=tuple(edges.values()), chain=()), stacks


class _Drawing:
    """One sheet, from its places to its text."""

    def __init__(
        self,
        graph: Graph,
        stacks: frozenset[str],
        sheet: Sheet,
        number: tuple[int, int],
        prefix: str,
        screen: bool,
    ) -> None:
        self.graph, self.stacks, self.sheet = graph, stacks, sheet
        (self.number, self.total), self.prefix, self.screen = number, prefix, screen
        self.nodes = graph.by_id()
        self.places = {node.id: place for place, node in enumerate(graph.nodes)}
        self.boxes = {box.node: box for box in sheet.boxes}
        self.shown = None if screen else text.glyphs()
        self.letters = _SCREEN_LETTERS if screen else 1.0
        self.mono = strokes.SCREEN_MONO if screen else strokes.MONO

    def svg(self) -> str:
        sheet = self.sheet
        wide = mm(sheet.width + 2 * _EDGE)
        high = mm(sheet.height + _EDGE + _STACK + (_CAPTION if self.total > 1 else 0))
        look = 'class="lineage-map"' if self.screen else f'font-family="{strokes.SANS}"'
        title, description = self._words()
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" {look} role="img" width="{wide}mm" '
            f'height="{high}mm" viewBox="{-_EDGE} {-_EDGE} {wide} {high}" '
            f'aria-labelledby="{self.prefix}-t" aria-describedby="{self.prefix}-d">'
        )
        parts = [head, f'<title id="{self.prefix}-t">{xml(title)}</title>']
        parts += [f'<desc id="{self.prefix}-d">{xml(description)}</desc>']
        parts += [
            f'<path class="rule" d="M0 {mm(y)}H{mm(sheet.width)}" fill="none" '
            f'stroke="{strokes.HAIRLINE}" stroke-width="0.2"/>'
            for y in sheet.rules
        ]
        lines = [self._line(line) for line in sheet.lines]
        lines += [self._continuation(end) for end in sheet.continuations]
        parts += map(self._titled, lines) if self.screen else strokes.merged(lines)
        parts += [self._node(box) for box in sheet.boxes]
        parts += [self._caption()] if self.total > 1 else []
        return "\n".join([*parts, "</svg>"])

    def _words(self) -> tuple[str, str]:
        """Return the title and the whole sheet as sentences, for those who do not see it."""
        versions = [n.label for n in self.graph.nodes if n.kind is NodeKind.MODEL_VERSION]
        title = f"Lineage of {text.clip(versions[-1], _SPOKEN)}" if versions else "Lineage"
        if self.total > 1:
            title = f"{title}, sheet {self.number} of {self.total}"
        shown = [self.graph.nodes[box.node] for box in self.sheet.boxes]
        drawn = {line.link for line in self.sheet.lines}
        drawn |= {link for end in self.sheet.continuations for link in end.links}
        kinds = Counter(text.clip(kind_words(node), _SPOKEN) for node in shown)
        counted = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
        edges = [sentence(self.graph.edges[link], self.nodes) for link in sorted(drawn)]
        return title, ". ".join([f"Nodes: {counted}", *edges]) + "."

    def _caption(self) -> str:
        """Return where the letters of this sheet go on, as far as a line has room."""
        onward: dict[int, dict[str, None]] = defaultdict(dict)
        for end in self.sheet.continuations:
            for sheet in end.sheets:
                onward[sheet + 1][end.letter] = None
        words = [f"Sheet {self.number} of {self.total}"]
        words += [
            f"{', '.join(sorted(letters))} on sheet {sheet}"
            for sheet, letters in sorted(onward.items())
            if sheet != self.number
        ]
        line = clip(". ".join(words), self.sheet.width, SMALL * self.letters)
        y = self.sheet.height + _STACK + _CAPTION / 2
        return strokes.print_small(line, self.sheet.width / 2, y, strokes.THIRD, 400)

    def _node(self, box: Box) -> str:
        node = self.graph.nodes[box.node]
        shape = _SHAPES.get(node.kind, _SQUARE)
        frame = self._frame(box, shape)
        if node.id in self.stacks:
            behind = replace(box, x=box.x + _STACK, y=box.y + _STACK)
            frame = self._frame(behind, shape) + frame
        drawn = frame + self._texts(node, box, shape)
        if not self.screen:
            return drawn
        facts = filter(None, (kind_words(node), node.label, node.digest, node.detail))
        name = xml(". ".join(map(text.clip, facts)))
        kind = node.kind.value
        return f'<g class="node {kind}" data-node="{box.node}"><title>{name}</title>{drawn}</g>'

    def _frame(self, box: Box, shape: _Shape) -> str:
        dashes = f' stroke-dasharray="{shape.dashes}"' if shape.dashes else ""
        return (
            f'<rect x="{mm(box.x)}" y="{mm(box.y)}" width="{mm(box.width)}" '
            f'height="{mm(box.height)}" rx="{_ROUND if shape.round else 0.6}" '
            f'fill="{shape.fill}" stroke="{shape.ink}" stroke-width="{shape.width}"{dashes}/>'
        )

    def _texts(self, node: Node, box: Box, shape: _Shape) -> str:
        """Return two or three lines in the middle of a box, none wider than it."""
        third = text.short_digest(node.digest) if node.digest else node.detail
        lines = [(kind_words(node).upper(), -2.65, SMALL, 400, False)]
        lines.append((node.label or NOT_RECORDED, 0.95, strokes.LABEL, 600, False))
        if third:
            lines.append((third, 4.3, SMALL, 400, bool(node.digest)))
        down = box.y + box.height / 2 + (0.0 if third else 1.75)
        room = box.width - 2 * _PADDING - (2.0 if shape.round else 0.0)
        texts = []
        for (words, lower, size, weight, mono), ink in zip(lines, shape.text, strict=False):
            family = f' font-family="{self.mono}"' if mono else ""
            short = clip(text.visible(words, self.shown), room, size * self.letters, mono=mono)
            texts.append(
                f'<text x="{mm(box.x + box.width / 2)}" y="{mm(down + lower)}" '
                f'text-anchor="middle" font-size="{mm(size)}" font-weight="{weight}"{family} '
                f'fill="{ink}">{xml(short)}</text>'
            )
        return "".join(texts)

    def _line(self, line: Line) -> Lines:
        edge = self.graph.edges[line.link]
        style = EDGE_STYLES[edge.grade]
        before, after = (self.boxes[self.places[end]] for end in edge.flow)
        start, tip = self._border(before, line.points[0]), self._border(after, line.points[-1])
        *points, (last, level) = line.points
        points.append((last - strokes.ARROW[0], level))
        path = [f"M{mm(start)} {mm(points[0][1])}H{mm(points[0][0])}"]
        for (x1, y1), (x2, y2) in pairwise(points):
            bend, flat = mm((x1 + x2) / 2), abs(y1 - y2) < 0.02
            path.append(
                f"H{mm(x2)}" if flat else f"C{bend} {mm(y1)} {bend} {mm(y2)} {mm(x2)} {mm(y2)}"
            )
        path.append(f"H{mm(tip - 1)}")
        turns = [pair for pair in pairwise(points) if pair[0][1] != pair[1][1]]
        (x1, y1), (x2, y2) = turns[0] if turns else (points[0], points[1])
        sign = strokes.signed(style, (x1 + x2) / 2, (y1 + y2) / 2)
        return Lines([edge], "".join(path), strokes.arrow(tip, level), sign)

    def _continuation(self, end: Continuation) -> Lines:
        edges = [self.graph.edges[link] for link in end.links]
        style = EDGE_STYLES[edges[0].grade]
        letter = f"{style.sign}{end.letter}"
        wide = max(PILL, width(letter, SMALL) + 0.9)
        border = self._border(self.boxes[end.node], (end.x, end.y))
        if end.outward:
            left = end.x + min(1.1, _MARGIN - wide)
            path, head = f"M{mm(border)} {mm(end.y)}H{mm(left)}", ""
        else:
            left = end.x - min(strokes.ARROW[0] + 1.1 + wide, _MARGIN)
            path = f"M{mm(left + wide)} {mm(end.y)}H{mm(border - 1)}"
            head = strokes.arrow(border, end.y)
        sign = strokes.framed(letter, left, end.y, wide)
        elsewhere = [str(sheet + 1) for sheet in end.sheets if sheet + 1 != self.number]
        where = f" on sheet {', '.join(elsewhere)}" if elsewhere else ""
        going = "Goes on" if end.outward else "Comes from"
        return Lines(edges, path, head, sign, f"{going} at {end.letter}{where}: ")

    def _border(self, box: Box, at: tuple[float, float]) -> float:
        """Return where a box's outline is at the height of a point on its side."""
        x, y = at
        over = abs(y - box.y - box.height / 2) - (box.height / 2 - _ROUND)
        shape = _SHAPES.get(self.graph.nodes[box.node].kind, _SQUARE)
        if not shape.round or over <= 0:
            return x
        inset = _ROUND - math.sqrt(max(_ROUND**2 - over**2, 0.0))
        return x + inset if x <= box.x + 0.01 else x - inset

    def _titled(self, lines: Lines) -> str:
        words = lines.before + "; ".join(sentence(edge, self.nodes) for edge in lines.edges)
        ends = [{self.places[edge.flow[side]] for edge in lines.edges} for side in (0, 1)]
        start, end = (" ".join(map(str, sorted(side))) for side in ends)
        grade = lines.edges[0].grade
        return (
            f'<g class="edge {grade}" data-from="{start}" data-to="{end}" '
            f'color="{EDGE_STYLES[grade].ink}"><title>{xml(words)}</title>{lines.drawn()}</g>'
        )
