"""What comes of each version of a bundle: its aliases, its consumers, and versions made of it.

A copy is followed into the version that it is, a run that took a version as its input into
the version that this run made, as far as the bundle holds them.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from dataclasses import dataclass, field

from audit import lineage
from audit.facts import Facts, VersionFacts
from audit.graph import Edge, Graph, Node, NodeKind, Relation
from audit.verdicts import Grade

Links = dict[str, list[tuple[Edge, str]]]
"""Node id to the edges that lead on from it, each with the id of the node there."""


@dataclass(frozen=True, slots=True)
class Onward:
    """The lineage of every version of a bundle, and what leads on from them."""

    graphs: dict[str, Graph]
    """Version key to its own lineage."""
    nodes: dict[str, Node] = field(default_factory=dict)
    links: Links = field(default_factory=dict)


def version_id(key: str) -> str:
    """Return the id of a version's node."""
    return f"{NodeKind.MODEL_VERSION.value}:{key}"


def onward(facts: Facts) -> Onward:
    """Return what leads on from each version of a bundle."""
    graphs = {item.version.key: lineage.build(item) for item in facts.versions}
    made: dict[str, list[str]] = defaultdict(list)
    for item in facts.versions:
        if item.version.run_id:
            made[item.version.run_id].append(item.version.key)
    nodes: dict[str, Node] = {}
    links: Links = defaultdict(list)
    for key, graph in graphs.items():
        start, own = version_id(key), graph.by_id()
        nodes[start] = dataclasses.replace(own[start], role="")
        for edge in graph.edges:
            if edge.flow[0] != start:
                continue
            after = own[edge.flow[1]]
            name = after.id.partition(":")[2]
            if after.kind is NodeKind.CONSUMER and name in graphs:
                links[start].append((edge, version_id(name)))
                continue
            if after.kind is NodeKind.ALIAS:  # the same name may stand in every model
                after = dataclasses.replace(after, id=f"{NodeKind.ALIAS.value}:{key}@{name}")
            nodes[after.id] = after
            links[start].append((edge, after.id))
            if after.kind is NodeKind.CONSUMER:
                links[after.id] = [
                    (_made(other, after.id), version_id(other))
                    for other in made[name]
                    if other != key
                ]
    for item in facts.versions:
        _built(item, nodes, links)
    return Onward(graphs, nodes, links)


def _built(facts: VersionFacts, nodes: dict[str, Node], links: Links) -> None:
    """Add the ways to a version from those that it was built on, where none is known yet."""
    end = version_id(facts.version.key)
    for base in facts.bases:
        start = version_id(base)
        if start not in nodes or start == end or _leads(links, start, end):
            continue
        method = "its training run took the other version as an input"
        edge = Edge(end, start, Relation.WAS_DERIVED_FROM, Grade.RECORDED, method, (base,))
        links[start].append((edge, end))


def _leads(links: Links, start: str, end: str) -> bool:
    """Whether a way of at most two links leads from one node to another already."""
    ends = [after for _, after in links.get(start, ())]
    return end in ends or any(after == end for via in ends for _, after in links.get(via, ()))


def _made(key: str, run: str) -> Edge:
    method = "the version names this run, which took the other version as its input"
    name = run.partition(":")[2]
    return Edge(version_id(key), run, Relation.WAS_GENERATED_BY, Grade.DECLARED, method, (name,))
