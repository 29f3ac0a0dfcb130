"""A graph made ready to be drawn: no end is lost, and many alike nodes are one stack."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass, replace

from audit.graph import Edge, Graph, Node, NodeKind
from audit.render.layering import Link
from audit.render.shapes import STRIP
from audit.render.strokes import EDGE_STYLES
from audit.render.words import GRADES
from audit.verdicts import Grade

STACKED_FROM = 8
"""So many alike nodes with the same neighbours are drawn as one stack."""

_PLURALS = {NodeKind.FILE: "files", NodeKind.DATASET: "data sets", NodeKind.CONSUMER: "consumers"}
_ALARMS = (Grade.CONTRADICTED, Grade.MISSING)


def closed(graph: Graph) -> Graph:
    """Return the graph with a gap for each end of an edge that is no node of it."""
    known = set(graph.by_id())
    ends = dict.fromkeys(end for edge in graph.edges for end in (edge.source, edge.target))
    lost = tuple(Node(end, NodeKind.GAP, end) for end in ends if end not in known)
    return replace(graph, nodes=graph.nodes + lost) if lost else graph


def stacked(graph: Graph) -> tuple[Graph, dict[str, tuple[Node, ...]]]:
    """Return the graph with many alike nodes as one, and what each such stack stands for.

    A stack has the id of its first member. Alike are nodes of one kind and role that have
    equal edges to the same neighbours.
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
    stacks: dict[str, tuple[Node, ...]] = {}
    for members in alike.values():
        if len(members) >= STACKED_FROM:
            label = f"{len(members)} {_PLURALS[members[0].kind]}"
            one = replace(members[0], label=label, digest="", detail="in lineage_nodes.csv")
            into |= dict.fromkeys((node.id for node in members), one)
            stacks[one.id] = tuple(members)
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
    return replace(graph, nodes=tuple(nodes), edges=tuple(edges.values()), chain=()), stacks


def anchors(graph: Graph, stacks: dict[str, tuple[Node, ...]]) -> dict[str, str]:
    """Return the anchor of each node, and of each stack by its first member's id.

    They are counted, so that no text of a registry is in them.
    """
    return {
        node.id: f"{'stack' if node.id in stacks else 'node'}-{place}"
        for place, node in enumerate(graph.nodes)
    }


def alarms(graph: Graph) -> dict[str, Grade]:
    """Return the nodes to be marked: where what is contradicted, or missing, arrives.

    That is a gap at either end of such an edge, else the end that the data flows to.
    """
    nodes = graph.by_id()
    found: dict[str, Grade] = {}
    for grade in reversed(_ALARMS):
        for edge in graph.edges:
            if edge.grade is grade:
                before, after = edge.flow
                lost = nodes[before].kind is NodeKind.GAP
                found[before if lost else after] = grade
    return found


def legend(graph: Graph) -> list[tuple[Grade, str]]:
    """Return each grade that occurs, the strongest first, its word and how often: the key."""
    found = [edge.grade for edge in graph.edges]
    return [(grade, f"{GRADES[grade]} {found.count(grade)}") for grade in Grade if grade in found]


@dataclass(frozen=True, slots=True)
class Found:
    """A graph ready to be drawn, and what is to be known of it."""

    graph: Graph
    stacks: dict[str, tuple[Node, ...]]
    anchors: dict[str, str]
    places: dict[str, int]
    links: tuple[Link, ...]
    alarms: dict[str, Grade]
    grades: list[tuple[Grade, str]]

    @classmethod
    def of(cls, graph: Graph) -> Found:
        """Return what is to be known of a graph."""
        whole = closed(graph)
        drawn, stacks = stacked(whole)
        places = {node.id: place for place, node in enumerate(drawn.nodes)}
        links = tuple(
            Link(
                places[edge.flow[0]],
                places[edge.flow[1]],
                edge.grade.value,
                bool(EDGE_STYLES[edge.grade].sign),
            )
            for edge in drawn.edges
        )
        named = anchors(whole, stacks)
        return cls(drawn, stacks, named, places, links, alarms(drawn), legend(graph))

    @property
    def more(self) -> tuple[float, ...]:
        """What each box needs above the usual height; nothing where nothing is wrong."""
        if not self.alarms:
            return ()
        return tuple(STRIP if node.id in self.alarms else 0.0 for node in self.graph.nodes)

    def mark(self, more: str) -> str:
        """Return what the ids of a drawing begin with."""
        content = repr((self.graph.nodes, self.graph.edges, more))
        return f"map-{hashlib.sha256(content.encode('utf-8', 'backslashreplace')).hexdigest()[:10]}"
