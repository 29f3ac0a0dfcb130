"""One version's chain back to its raw data, and what came of it, as two trees."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from audit import canonical, lineage
from audit.facts import Facts, VersionFacts
from audit.graph import Edge, Graph, Node
from audit.questions.onward import Links, Onward, onward, version_id
from audit.questions.wording import (
    BROKEN,
    Paint,
    grade_word,
    inert,
    node_words,
    plain_word,
    relation_back,
    relation_forth,
)
from audit.render.words import LINEAGE, counted


@dataclass(frozen=True, slots=True)
class Step:
    """One node of a tree, and the edge that led to it."""

    lasts: tuple[bool, ...]
    """For each level down to this one, whether it is the last of its branch."""
    edge: Edge
    node: Node
    again: bool = False
    """Whether the node stands further up already, with all that is behind it."""
    more: bool = False
    """Whether steps follow below this one."""


@dataclass(frozen=True, slots=True)
class Trace:
    """One version's lineage: ``up`` to its data, ``down`` to whoever uses it."""

    version: VersionFacts
    graph: Graph
    nodes: dict[str, Node]
    up: tuple[Step, ...]
    down: tuple[Step, ...]

    @property
    def weakest(self) -> tuple[Edge, ...]:
        """The links of the chain that share its weakest grade."""
        chain = [self.graph.edges[index] for index in self.graph.chain]
        return tuple(edge for edge in chain if edge.grade is self.graph.weakest)

    @property
    def broken(self) -> tuple[Edge, ...]:
        """All links, of the chain or beside it, that are contradicted, missing or unchecked."""
        bad = [edge for edge in self.graph.edges if edge.grade in BROKEN]
        return tuple(sorted(bad, key=lambda edge: -edge.grade.rank))


def trace(facts: Facts, version: VersionFacts, *, down: bool = True) -> Trace:
    """Return the lineage of one version of a bundle; what came of it only if asked for."""
    world = onward(facts) if down else Onward({})
    start = version_id(version.version.key)
    graph = lineage.build(version)
    back: Links = defaultdict(list)
    for edge in graph.edges:
        before, after = edge.flow
        back[after].append((edge, before))
    own = graph.by_id()
    nodes = world.nodes | own
    return Trace(
        version, graph, nodes, _walked(start, back, own), _walked(start, world.links, world.nodes)
    )


def _walked(start: str, links: Links, nodes: dict[str, Node]) -> tuple[Step, ...]:
    """Return all that is reached, depth first; what is behind a node is told once."""
    seen, steps = {start}, list[Step]()
    waiting = _branches((), links.get(start, []), nodes)
    while waiting:
        lasts, edge, node = waiting.pop()
        behind = links.get(node.id, [])
        again = node.id in seen and bool(behind)
        seen.add(node.id)
        steps.append(Step(lasts, edge, node, again, bool(behind) and not again))
        if not again:
            waiting += _branches(lasts, behind, nodes)
    return tuple(steps)


def _branches(
    lasts: tuple[bool, ...], links: list[tuple[Edge, str]], nodes: dict[str, Node]
) -> list[tuple[tuple[bool, ...], Edge, Node]]:
    """Return the branches of a node for a stack: the last one first."""
    end = len(links) - 1
    found = [((*lasts, at == end), edge, nodes[name]) for at, (edge, name) in enumerate(links)]
    return found[::-1]


def text(answer: Trace, *, up: bool, down: bool, paint: Paint = plain_word) -> str:
    """Return the answer as text for a terminal: what is wrong first, then the trees."""
    facts, graph = answer.version, answer.graph
    version = facts.version
    head = f"{inert(version.label)} version {version.version}"
    if facts.aliases:
        head += f", alias {', '.join(map(inert, facts.aliases))}"
    if version.deleted:
        head += ", DELETED"
    lines = [head, f"lineage {LINEAGE[graph.status]}", ""]
    lines += _weakest(answer, paint)
    others = [edge for edge in answer.broken if edge not in answer.weakest]
    if others:
        lines += ["", f"also broken ({counted(len(others), 'link')})"]
        lines += [f"  {_sentence(edge, answer.nodes, paint)}" for edge in others]
    if graph.gaps:
        lines += ["", counted(len(graph.gaps), "gap")]
        lines += [
            f"  GAP {inert(gap.what)}: {inert(gap.reason)}; {inert(gap.consequence)}"
            for gap in graph.gaps
        ]
    if facts.problems:
        lines += ["", "could not be read", *(f"  {inert(item)}" for item in facts.problems)]
    if up:
        lines += ["", f"{head}, back to its data", *_tree(answer.up, relation_back, paint)]
    if down:
        lines += ["", f"{head}, and what came of it"]
        lines += _tree(answer.down, relation_forth, paint) or ["  no alias, copy or consumer"]
    return "\n".join(lines)


def _weakest(answer: Trace, paint: Paint) -> list[str]:
    """Return the weakest link, or all of its grade where that breaks the chain."""
    found = answer.weakest
    if not found:
        return ["weakest link: there is no chain to any data"]
    shown = found if found[0].grade in BROKEN else found[-1:]
    more = f" (and {len(found) - 1} more of its grade)" if len(shown) < len(found) else ""
    lines = [f"weakest link{more}"]
    for edge in shown:
        lines.append(f"  {_sentence(edge, answer.nodes, paint)}")
        lines += [f"      {item}" for item in _evidence(edge)]
    return lines


def _sentence(edge: Edge, nodes: dict[str, Node], paint: Paint) -> str:
    source, target = (node_words(nodes[name]) for name in (edge.source, edge.target))
    relation = edge.relation.value.replace("_", " ")
    return f"{grade_word(edge.grade, paint)} {source} — {relation} — {target}"


def _evidence(edge: Edge) -> Iterator[str]:
    yield inert(edge.method)
    yield from map(inert, edge.operands)


def _tree(steps: tuple[Step, ...], relation: Any, paint: Paint) -> list[str]:
    lines = []
    for step in steps:
        *above, last = step.lasts
        trunk = "".join("   " if done else "│  " for done in above)
        words = node_words(step.node) + ("  (behind it: see above)" if step.again else "")
        grade = grade_word(step.edge.grade, paint)
        lines.append(f"{trunk}{'└─ ' if last else '├─ '}{relation(step.edge)} {words} {grade}")
        below = f"{trunk}{'   ' if last else '│  '}{'│  ' if step.more else '   '}"
        lines += [f"{below}  {item}" for item in _evidence(step.edge)]
    return lines


def plain(answer: Trace, *, up: bool, down: bool) -> dict[str, Any]:
    """Return the answer as plain values for JSON; edges name nodes by their ids."""
    version, graph = answer.version.version, answer.graph
    told: dict[str, Any] = {
        "model": version.label,
        "version": version.version,
        "aliases": list(answer.version.aliases),
        "deleted": version.deleted,
        "lineage": graph.status.value,
        "weakest_grade": graph.weakest.value if graph.weakest else "",
        "weakest": canonical.plain(answer.weakest),
        "broken": canonical.plain(answer.broken),
        "gaps": canonical.plain(graph.gaps),
        "problems": list(answer.version.problems),
    }
    for name, wanted, steps in (("up", up, answer.up), ("down", down, answer.down)):
        if wanted:
            told[name] = [
                {
                    "depth": len(step.lasts),
                    "node": canonical.plain(step.node),
                    "edge": canonical.plain(step.edge),
                    "seen_above": step.again,
                }
                for step in steps
            ]
    return told
