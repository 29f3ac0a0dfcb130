"""The typed lineage graph of one version: nodes, graded edges, and what they come to.

Node and relation names follow W3C PROV. An edge reads as a sentence, "*source*
relation *target*": a stage ``used`` a file, the weights ``was_generated_by`` a run,
a logged model is ``registered_as`` a version. Data therefore flows *against*
``used``, ``was_generated_by`` and ``was_derived_from`` and *along* the others;
``Edge.flow`` gives the pair in the direction of the data, for drawing and walking.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from audit.verdicts import Grade, LineageStatus


class NodeKind(enum.StrEnum):
    """What a node of the lineage is."""

    DATASET = "dataset"
    FILE = "file"
    STAGE = "stage"
    COMMIT = "commit"
    ENVIRONMENT = "environment"
    RUN = "run"
    LOGGED_MODEL = "logged_model"
    WEIGHTS = "weights"
    MODEL_VERSION = "model_version"
    ALIAS = "alias"
    CONSUMER = "consumer"
    GAP = "gap"


class Relation(enum.StrEnum):
    """How the source of an edge relates to its target."""

    USED = "used"
    WAS_GENERATED_BY = "was_generated_by"
    WAS_DERIVED_FROM = "was_derived_from"
    REGISTERED_AS = "registered_as"
    POINTS_TO = "points_to"
    CONSUMED_BY = "consumed_by"


_AGAINST = frozenset({Relation.USED, Relation.WAS_GENERATED_BY, Relation.WAS_DERIVED_FROM})


@dataclass(frozen=True, slots=True)
class Node:
    """An entity or activity.

    ``digest`` is full and named (``md5:…``, ``sha256:…``, a
    commit's SHA), empty where there is none. ``role`` tells raw from intermediate files,
    the tagged from the lock's commit.
    """

    id: str
    kind: NodeKind
    label: str
    digest: str = ""
    detail: str = ""
    role: str = ""


@dataclass(frozen=True, slots=True)
class Edge:
    """A relation with its grade, the method it rests on, and both operands compared."""

    source: str
    target: str
    relation: Relation
    grade: Grade
    method: str
    operands: tuple[str, ...] = ()

    @property
    def flow(self) -> tuple[str, str]:
        """``(from, to)`` in the direction of the data."""
        if self.relation in _AGAINST:
            return self.target, self.source
        if self.relation is Relation.POINTS_TO:
            return self.target, self.source
        return self.source, self.target

    @property
    def evidence(self) -> str:
        """Method and operands as one phrase."""
        return f"{self.method}: {'; '.join(self.operands)}" if self.operands else self.method


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that ought to be known and is not, with what follows from it."""

    what: str
    reason: str
    consequence: str


@dataclass(frozen=True, slots=True)
class Graph:
    """The lineage of one version.

    ``chain`` holds the edges on the path from raw data to
    the version, as indices into ``edges``; its weakest grade is the strength of the whole.
    """

    nodes: tuple[Node, ...] = ()
    edges: tuple[Edge, ...] = ()
    chain: tuple[int, ...] = ()
    gaps: tuple[Gap, ...] = ()
    status: LineageStatus = LineageStatus.UNREADABLE
    weakest: Grade | None = None

    def by_id(self) -> dict[str, Node]:
        """Return the nodes by their ids."""
        return {node.id: node for node in self.nodes}

    def of_kind(self, kind: NodeKind) -> tuple[Node, ...]:
        """Return all nodes of one kind, in order."""
        return tuple(node for node in self.nodes if node.kind is kind)
