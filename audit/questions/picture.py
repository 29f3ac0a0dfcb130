"""An answer as a drawing: the lineage map's own, of the nodes that the answer is of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from markupsafe import Markup

from audit.errors import UsageError
from audit.graph import Edge, Graph, Node, NodeKind
from audit.questions.impact import Impact
from audit.questions.onward import version_id
from audit.questions.trace import Trace
from audit.render.drawing import draw, sentence
from audit.render.environment import environment
from audit.report.pieces import PieceKind

_KINDS = {
    PieceKind.PATH: NodeKind.FILE,
    PieceKind.COMMIT: NodeKind.COMMIT,
    PieceKind.VERSION: NodeKind.MODEL_VERSION,
}
"""What a piece is drawn as that is no node of the lineage itself."""

FORMS = frozenset({"svg", "html"})
"""What ``drawn`` can make."""


def of_trace(answer: Trace, *, up: bool, down: bool) -> tuple[str, Graph]:
    """Return a title, and the graph of a version with what leads to it, what leads on, or both."""
    key = answer.version.version.key
    start = answer.nodes[version_id(key)]
    back, on = answer.up if up else (), answer.down if down else ()
    nodes = [start, *(step.node for step in (*back, *on))]
    edges = [*(step.edge for step in back), *(_led(step.edge, step.node) for step in on)]
    return f"Lineage of {key}", _graph(nodes, edges)


def of_impact(answer: Impact) -> tuple[str, Graph]:
    """Return a title, and the graph of the ways from a piece to all that descends from it.

    Raises ``UsageError`` where nothing does.
    """
    if not answer.found:
        raise UsageError("nothing descends from it, so that there is nothing to draw")
    nodes: list[Node] = []
    edges: list[Edge] = []
    for item in answer.found:
        for place, hop in enumerate(item.hops):
            start, _ = hop.edge.flow
            if place == 0 and start == item.piece.name:
                kind = _KINDS.get(item.piece.kind, NodeKind.ENVIRONMENT)
                nodes.append(Node(start, kind, start, item.piece.digest))
            nodes.append(hop.node)
            edges.append(_led(hop.edge, hop.node))
        if item.start is not None:
            nodes.append(item.start)
    return f"What descends from {answer.asked}", _graph(nodes, edges)


def _led(edge: Edge, node: Node) -> Edge:
    """Return an edge that ends at the node which it leads to.

    A copy is followed into the version that it is, and an alias stands for one version.
    """
    end = edge.flow[1]
    if end == node.id:
        return edge
    if edge.source == end:
        return replace(edge, source=node.id)
    return replace(edge, target=node.id)


def _graph(nodes: Iterable[Node], edges: Iterable[Edge]) -> Graph:
    return Graph(
        tuple({node.id: node for node in nodes}.values()),
        tuple(dict.fromkeys(edges)),
    )


def drawn(picture: tuple[str, Graph], form: str) -> str:
    """Return a graph as a standalone SVG document, or as a page with its links in words."""
    title, graph = picture
    (svg,) = draw(graph, whole=True)
    if form == "svg":
        return svg
    nodes = graph.by_id()
    template = environment("html").get_template("picture.html.jinja")
    return template.render(
        title=title,
        drawn=Markup(svg),  # noqa: S704 - drawings escape their text
        links=[sentence(edge, nodes) for edge in graph.edges],
    )
