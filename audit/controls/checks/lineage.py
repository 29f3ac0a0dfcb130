"""Item 3, lineage complete: an unbroken path, nothing contradicted, weights unchanged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from audit.canonical import short_digest
from audit.controls.checks.common import counted, exact_matches, naming
from audit.controls.registry import Outcome, VersionSubject, check, failed, passed, unknown
from audit.facts import VersionFacts
from audit.graph import Edge, Graph
from audit.lineage import weights_status
from audit.period import iso
from audit.verdicts import Grade, LineageStatus, WeightsStatus


@check("lineage-unbroken")
def lineage_unbroken(
    subject: VersionSubject,
    *,
    at_least: Literal["verified", "recorded", "declared", "inferred"] = "inferred",
) -> Outcome:
    """The path from raw data to the version has no gap, and no link weaker than allowed."""
    graph = subject.graph
    chain = [graph.edges[index] for index in graph.chain]
    if graph.status is LineageStatus.CONTRADICTED:
        edges = _graded(graph.edges, Grade.CONTRADICTED)
        return failed(f"contradicted: {_told(graph, edges)}", *_references(edges))
    if graph.status is LineageStatus.GAPS:
        edges = _graded(chain, Grade.MISSING)
        return failed(
            f"{len(edges)} of {len(chain)} links missing: {_told(graph, edges[:1])}",
            *_references(edges),
        )
    if graph.status is LineageStatus.UNREADABLE or graph.weakest is Grade.NOT_CHECKABLE:
        edges = _graded(chain, Grade.NOT_CHECKABLE)
        told = _told(graph, edges) or "nothing of it could be read"
        return unknown(f"the path cannot be followed: {told}", *_references(edges))
    if graph.weakest is None:
        return unknown("the path has no link at all")
    if graph.weakest.rank > Grade(at_least).rank:
        edges = _graded(chain, graph.weakest)
        reason = f"the weakest link is {graph.weakest}, not {at_least} or better"
        return failed(f"{reason}: {_told(graph, edges)}", *_references(edges))
    reason = f"{counted(len(chain), 'link')}, the weakest {graph.weakest}"
    return passed(reason, _whole(subject))


@check("lineage-not-contradicted")
def lineage_not_contradicted(subject: VersionSubject) -> Outcome:
    """No two sources disagree about any edge of the lineage."""
    graph = subject.graph
    total = len(graph.edges)
    if wrong := _graded(graph.edges, Grade.CONTRADICTED):
        told = f"{len(wrong)} of {total} edges: {_told(graph, wrong)}"
        return failed(told, *_references(wrong))
    if not graph.edges:
        return unknown("the lineage has no edge at all")
    if unread := _graded(graph.edges, Grade.NOT_CHECKABLE):
        told = f"{len(unread)} of {total} edges could not be checked: {_told(graph, unread)}"
        return unknown(told, *_references(unread))
    return passed(f"none of {counted(total, 'edge')}", _whole(subject))


@check("weights-unchanged")
def weights_unchanged(subject: VersionSubject) -> Outcome:
    """The weights are byte for byte what they were when they were made or first seen.

    Hashed for the first time in this run they have no baseline: that is unknown.
    """
    facts, weights = subject.facts, subject.facts.weights
    now = f"weights sha256:{weights.sha256} at {weights.location}"
    first = f"first seen {iso(weights.first_seen_at)[:10] or 'at a time not recorded'}"
    match weights_status(facts):
        case WeightsStatus.VERIFIED:
            return passed(*_verified(facts), now)
        case WeightsStatus.UNCHANGED:
            return passed(f"unchanged since {first}", now)
        case WeightsStatus.FIRST_SEEN:
            return unknown("first seen in this run; there is no earlier baseline", now)
        case WeightsStatus.CHANGED:
            files = naming(weights.changes) or "the content"
            reason = f"changed after they were {first}: {files}"
            baseline = f"first seen {iso(weights.first_seen_at)} sha256:{weights.first_sha256}"
            return failed(reason, baseline, now, *weights.changes)
        case WeightsStatus.UNREACHABLE:
            reason = weights.reason or "the storage location could not be read"
            return unknown(f"the weights were not read: {reason}", f"location {weights.location}")


def _verified(facts: VersionFacts) -> tuple[str, str]:
    """Return what the weights equal, as a reason and as evidence."""
    states = {state.id: state for state in facts.pipeline.states}
    match = exact_matches(facts)[0]
    file = states[match.state].file if match.state in states else "a DVC lock"
    reason = f"{match.artifact} is {match.out} of {file}, {short_digest(match.digest)}"
    return reason, f"{file} {match.out} {match.digest}"


def _whole(subject: VersionSubject) -> str:
    edges = counted(len(subject.graph.edges), "edge")
    return f"lineage of {subject.facts.version.key}, {edges}"


def _graded(edges: Sequence[Edge], grade: Grade) -> list[Edge]:
    return [edge for edge in edges if edge.grade is grade]


def _told(graph: Graph, edges: Sequence[Edge]) -> str:
    """Return edges as people read them: both labels and what the grade rests on."""
    labels = {node.id: node.label for node in graph.nodes}
    return naming(
        [
            f"{labels.get(edge.source, edge.source)} {edge.relation.replace('_', ' ')} "
            f"{labels.get(edge.target, edge.target)} ({edge.method})"
            for edge in edges
        ]
    )


def _references(edges: Sequence[Edge]) -> list[str]:
    return [f"{edge.source} {edge.relation} {edge.target}: {edge.evidence}" for edge in edges]
