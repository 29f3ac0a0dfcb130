"""Why it cannot be told of a version whether it descends from a piece."""

from __future__ import annotations

from collections.abc import Collection

from audit.facts import VersionFacts
from audit.graph import Graph, NodeKind
from audit.questions.pieces import below, kinds_meant, loosely, loosely_of
from audit.report.pieces import PieceKind, unlisted_folders
from audit.verdicts import Grade

_ENVIRONMENT = frozenset({PieceKind.PACKAGE, PieceKind.ADVISORY})
_RUN = {
    PieceKind.DATASET: "its run's data sets are not known",
    PieceKind.USER: "its run's user is not known",
    PieceKind.VERSION: "what its run took as an input is not known",
}


def undecided(
    kind: PieceKind, asked: str, facts: VersionFacts, graph: Graph, concerned: Collection[str] = ()
) -> str:
    """Return why it cannot be told whether a version descends, empty where it can.

    ``concerned`` are the packages that an advisory is of.
    """
    if kind in _ENVIRONMENT:
        return _packages(kind, asked, facts, concerned)
    if kind is PieceKind.COMMIT:
        return "" if graph.of_kind(NodeKind.COMMIT) else "no commit of its code is known"
    if kind in _RUN:
        return "" if facts.run is not None else _RUN[kind]
    return _cut_off(graph) or _unlisted(kind, asked, facts, graph)


def _packages(kind: PieceKind, asked: str, facts: VersionFacts, concerned: Collection[str]) -> str:
    if not facts.environment.sources:
        return "its environment is not recorded"
    packages = facts.environment.packages
    of_range = kind is PieceKind.PACKAGE
    line = loosely(asked, packages) if of_range else loosely_of(concerned, packages)
    return f"its environment names no exact version: {line}" if line else ""


def _cut_off(graph: Graph) -> str:
    """Return where the chain ends before the data does."""
    nodes = graph.by_id()
    for index in graph.chain:
        edge = graph.edges[index]
        if edge.grade in (Grade.MISSING, Grade.NOT_CHECKABLE):
            node = nodes[edge.flow[0]]
            if node.role == "raw" or node.kind is NodeKind.WEIGHTS:
                return edge.method
    return ""


def _unlisted(kind: PieceKind, asked: str, facts: VersionFacts, graph: Graph) -> str:
    """Return the folder that may hold the file asked for and whose list is not known."""
    if kind in (PieceKind.DIGEST, PieceKind.PATH):
        name = kinds_meant(asked)[1]
        for folder, why in unlisted_folders(facts, graph):
            if kind is PieceKind.DIGEST or below(name, folder):
                return f"it may be a file of {folder}: {why}"
    return ""
