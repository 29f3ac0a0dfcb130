"""Which versions descend from a piece of data, code or environment, and how that is known.

Of several ways from the piece to a version the one told is that whose weakest link is the
strongest, the shortest among such. What is not known is told too: a version whose lineage
has a gap where the piece might stand is *undecided*, never left out in silence.
"""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass
from typing import Any

from audit import canonical
from audit.facts import Facts, VersionFacts
from audit.graph import Edge, Graph, Node, NodeKind, Relation
from audit.questions.ancestry import Ancestry
from audit.questions.onward import Links, Onward, onward, version_id
from audit.questions.pieces import chosen, kinds_meant
from audit.questions.undecided import undecided
from audit.questions.wording import (
    Paint,
    columns,
    grade_word,
    inert,
    node_words,
    plain_word,
    relation_forth,
)
from audit.render.csv import render_csv
from audit.render.words import GRADES, LINEAGE, counted
from audit.report.pieces import Piece, PieceKind, pieces
from audit.report.tables import Table
from audit.verdicts import Grade, weakest

_COLUMNS = (
    *("model", "version", "aliases", "consumers", "piece", "digest"),
    *("grade", "lineage", "deleted", "path"),
)
_LINEAGE = {status.value: word for status, word in LINEAGE.items()}


@dataclass(frozen=True, slots=True)
class Hop:
    """One link of the way from the piece to a version."""

    edge: Edge
    node: Node
    """Where it leads."""


@dataclass(frozen=True, slots=True)
class Descendant:
    """A version that descends from the piece, and how."""

    version: VersionFacts
    piece: Piece
    hops: tuple[Hop, ...]
    lineage: str
    """A ``LineageStatus``."""
    start: Node | None = None
    """Where the way begins, of a piece that is a node of the lineage."""

    @property
    def grade(self) -> Grade:
        """The weakest grade on the way."""
        found = weakest(hop.edge.grade for hop in self.hops)
        return found or Grade.RECORDED

    @property
    def consumers(self) -> tuple[str, ...]:
        """Runs and copies that took the version."""
        return tuple(item.name for item in self.version.consumers)


@dataclass(frozen=True, slots=True)
class Impact:
    """The answer: all descendants, holders of an alias first, and who cannot be judged."""

    asked: str
    kind: PieceKind
    found: tuple[Descendant, ...]
    undecided: tuple[tuple[str, str], ...]
    """Version key and reason, for versions whose lineage does not reach far enough to tell."""
    left_out: int
    """Versions of the registry that the bundle does not report on."""


def impact(facts: Facts, asked: str, ancestry: Ancestry | None = None) -> Impact:
    """Return what descends from what is asked.

    With ``ancestry``, what is asked is the commit that it was read for, and every version
    descends whose code was made on top of it. Raises ``UsageError`` for a name of nothing or
    of several things.
    """
    world = onward(facts)
    versions = {item.version.key: item for item in facts.versions}
    own = {key: tuple(pieces(item, world.graphs[key])) for key, item in versions.items()}
    if ancestry:
        own = {key: tuple(ancestry.pieces(has)) for key, has in own.items()}
        kind, wanted = PieceKind.COMMIT, frozenset(piece for has in own.values() for piece in has)
    else:
        kind, fitting = chosen(asked, (piece for has in own.values() for piece in has))
        wanted = frozenset(fitting)
    ways: dict[str, tuple[Piece, tuple[Hop, ...]]] = {}
    for key, has in own.items():
        graph = world.graphs[key]
        found = [(p, way) for p in has if p in wanted if (way := _way(graph, p, key)) is not None]
        if found:
            ways[key] = min(found, key=lambda item: (_rank(item[1]), len(item[1])))
    for key in list(ways):
        _follow(world, key, ways)
    starts = {node.id: node for graph in world.graphs.values() for node in graph.nodes}
    descendants = [
        Descendant(
            versions[key],
            piece,
            hops,
            world.graphs[key].status.value,
            starts.get(hops[0].edge.flow[0]) if hops else None,
        )
        for key, (piece, hops) in ways.items()
        if hops or kind is not PieceKind.VERSION  # a version does not descend from itself
    ]
    descendants.sort(
        key=lambda d: (not d.version.aliases, d.version.version.label, -d.version.version.version)
    )
    told = {piece.name for piece in wanted} if kind is PieceKind.ADVISORY else set()
    concerned = {
        advisory.package
        for item in facts.versions
        for advisory in item.advisories
        if not told.isdisjoint((advisory.id, *advisory.aliases))
    }
    unsure = tuple(
        (key, reason)
        for key, item in versions.items()
        if key not in ways
        and (
            reason := ancestry.unknown(world.graphs[key])
            if ancestry
            else undecided(kind, asked, item, world.graphs[key], concerned)
        )
    )
    return Impact(asked, kind, tuple(descendants), unsure, len(facts.left_out))


def _rank(hops: tuple[Hop, ...]) -> int:
    return max((hop.edge.grade.rank for hop in hops), default=0)


def _way(graph: Graph, piece: Piece, key: str) -> tuple[Hop, ...] | None:
    """Return the strongest way from a piece to the version, ``None`` where none leads there."""
    nodes = graph.by_id()
    end = version_id(key)
    if not piece.node:
        method = "files beside the weights name it"
        edge = Edge(end, piece.name, Relation.USED, Grade.DECLARED, method)
        return (Hop(edge, nodes[end]),)
    first: tuple[Hop, ...] = ()
    if piece.link:
        operands = (f"{piece.name} {piece.digest}".strip(),)
        acts = nodes[piece.node].kind in (NodeKind.STAGE, NodeKind.RUN, NodeKind.ENVIRONMENT)
        relation = Relation.USED if acts else Relation.WAS_DERIVED_FROM
        edge = Edge(piece.node, piece.name, relation, Grade.RECORDED, piece.link, operands)
        first = (Hop(edge, nodes[piece.node]),)
    for grade in Grade:
        links: Links = defaultdict(list)
        for edge in graph.edges:
            if edge.grade.rank <= grade.rank:
                links[edge.flow[0]].append((edge, edge.flow[1]))
        way = _shortest(links, piece.node, end, nodes)
        if way is not None:
            return (*first, *way)
    return None


def _shortest(links: Links, start: str, end: str, nodes: dict[str, Node]) -> tuple[Hop, ...] | None:
    came: dict[str, tuple[str, Hop] | None] = {start: None}
    waiting = deque([start])
    while waiting and end not in came:
        here = waiting.popleft()
        for edge, after in links.get(here, ()):
            if after not in came:
                came[after] = (here, Hop(edge, nodes[after]))
                waiting.append(after)
    if end not in came:
        return None
    hops: list[Hop] = []
    step = came[end]
    while step is not None:
        hops.append(step[1])
        step = came[step[0]]
    return tuple(hops[::-1])


def _follow(world: Onward, key: str, ways: dict[str, tuple[Piece, tuple[Hop, ...]]]) -> None:
    """Add the versions made of a descendant that do not descend by their own lineage."""
    waiting = deque([(version_id(key), ways[key][1])])
    seen = {version_id(key)}
    while waiting:
        here, way = waiting.popleft()
        for edge, after in world.links.get(here, ()):
            if after in seen:
                continue
            seen.add(after)
            further = (*way, Hop(edge, world.nodes[after]))
            waiting.append((after, further))
            if world.nodes[after].kind is NodeKind.MODEL_VERSION:
                ways.setdefault(after.partition(":")[2], (ways[key][0], further))


def text(answer: Impact, paint: Paint = plain_word) -> str:
    """Return the answer as text for a terminal: a table, then how each version descends."""
    if not answer.found:
        return "\n".join(["nothing descends from it", *_rest(answer)])
    held = sum(bool(item.version.aliases) for item in answer.found)
    count = counted(len(answer.found), "version")
    head = (
        f"{answer.kind.value} {inert(kinds_meant(answer.asked)[1])}: {count}, {held} with an alias"
    )
    rows = [
        (
            item.version.version.key,
            ", ".join(item.version.aliases) or "-",
            GRADES[item.grade],
            _LINEAGE[item.lineage] + (", deleted" if item.version.version.deleted else ""),
            inert(item.piece.name, 60),
            ", ".join(item.consumers) or "-",
        )
        for item in answer.found
    ]
    titles = ("version", "aliases", "descent", "lineage", "from", "consumers")
    lines = [head, "", *columns(titles, [tuple(map(inert, row)) for row in rows])]
    for item in answer.found:
        lines += ["", f"{inert(item.version.version.key)}"]
        lines.append(f"  {inert(item.piece.name)}  {inert(item.piece.digest)}".rstrip())
        for hop in item.hops:
            word = grade_word(hop.edge.grade, paint)
            lines.append(f"  → {relation_forth(hop.edge)} {node_words(hop.node)} {word}")
            lines.append(f"      {inert(hop.edge.method)}")
    return "\n".join([*lines, *_rest(answer)])


def _rest(answer: Impact) -> list[str]:
    lines = []
    if answer.undecided:
        count = counted(len(answer.undecided), "version")
        lines += ["", f"UNDECIDED: {count} may descend from it, as the lineage has gaps"]
        rows = [(inert(key), inert(reason)) for key, reason in answer.undecided]
        lines += columns((), rows, indent="  ")
    if answer.left_out:
        count = counted(answer.left_out, "version")
        lines += ["", f"not asked: {count} that this bundle does not report on"]
    return lines


def plain(answer: Impact) -> dict[str, Any]:
    """Return the answer as plain values for JSON."""
    return {
        "asked": answer.asked,
        "kind": answer.kind.value,
        "versions": [
            {
                "model": item.version.version.label,
                "version": item.version.version.version,
                "aliases": list(item.version.aliases),
                "consumers": canonical.plain(item.version.consumers),
                "deleted": item.version.version.deleted,
                "lineage": item.lineage,
                "piece": {"name": item.piece.name, "digest": item.piece.digest},
                "grade": item.grade.value,
                "path": canonical.plain(item.hops),
            }
            for item in answer.found
        ],
        "undecided": [{"version": key, "reason": reason} for key, reason in answer.undecided],
        "left_out": answer.left_out,
    }


def csv(answer: Impact) -> bytes:
    """Return the descendants as CSV; undecided versions follow with the grade left empty."""
    rows = [
        (
            item.version.version.label,
            item.version.version.version,
            "; ".join(item.version.aliases),
            "; ".join(item.consumers),
            item.piece.name,
            item.piece.digest,
            item.grade.value,
            item.lineage,
            item.version.version.deleted,
            " > ".join((item.piece.name, *(node_words(hop.node) for hop in item.hops))),
        )
        for item in answer.found
    ]
    unsure = [
        (label, int(number), "", "", "", "", "", "undecided", None, reason)
        for key, reason in answer.undecided
        for label, _, number in [key.rpartition("/")]
    ]
    return render_csv(Table("impact", _COLUMNS, (*rows, *unsure)))
