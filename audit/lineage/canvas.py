"""The graph while it is being made: nodes once, edges in order, gaps with their consequence."""

from __future__ import annotations

import dataclasses
from collections import defaultdict

from audit.facts import Commit, TrackedPath
from audit.graph import Edge, Gap, Graph, Node, NodeKind, Relation
from audit.verdicts import Grade, LineageStatus, weakest

_OFF_CHAIN = frozenset(
    {NodeKind.COMMIT, NodeKind.ENVIRONMENT, NodeKind.ALIAS, NodeKind.CONSUMER, NodeKind.DATASET}
)


DECLARED = "declared"
"""Role of a node that only a claim leads to: no link of the chain."""
_OFF_ROLES = frozenset({"commit", DECLARED})


class Canvas:
    """Collects a version's nodes, edges and gaps; ``graph`` says what they come to."""

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}
        self.edges: dict[Edge, None] = {}
        self.gaps: list[Gap] = []

    def node(self, kind: NodeKind, key: str, label: str, **more: str) -> str:
        """Return the id of a node, made if it is new (``digest``, ``detail``, ``role``)."""
        node_id = f"{kind.value}:{key}"
        self.nodes.setdefault(node_id, Node(node_id, kind, label, **more))
        return node_id

    def file(self, path: TrackedPath, role: str, detail: str = "", within: str = "") -> str:
        """Return the id of a data file's node.

        ``within`` is the repository of a file that is not in the one with the weights' lock.
        """
        return self.node(
            NodeKind.FILE,
            f"{within}:{path.path}@{path.digest}" if within else f"{path.path}@{path.digest}",
            path.path,
            digest=f"{path.hash_name}:{path.digest}" if path.digest else "",
            detail=detail or (f"{path.files} files" if path.files else ""),
            role=role,
        )

    def commit(self, sha: str, commit: Commit | None, role: str) -> str:
        """Return the id of a commit's node; one that plays both roles says so."""
        label = commit.subject if commit and commit.subject else "commit"
        node_id = self.node(NodeKind.COMMIT, sha, label, digest=sha, role=role)
        if self.nodes[node_id].role != role:
            both = dataclasses.replace(self.nodes[node_id], role="tagged and lock")
            self.nodes[node_id] = both
        return node_id

    def edge(
        self,
        source: str,
        target: str,
        relation: Relation,
        grade: Grade,
        method: str,
        *operands: str,
    ) -> None:
        """Add an edge once; empty operands are left out."""
        shown = tuple(operand for operand in operands if operand)
        self.edges.setdefault(Edge(source, target, relation, grade, method, shown))

    def gap(self, what: str, reason: str, consequence: str) -> None:
        """Add a gap to the list that is printed beside the drawing."""
        self.gaps.append(Gap(what, reason, consequence))

    def graph(self, version: str) -> Graph:
        """Return the finished graph of the version whose node id is given."""
        edges = tuple(self.edges)
        chain = self._chain(version, edges)
        grades = [edges[index].grade for index in chain]
        return Graph(
            nodes=tuple(self.nodes.values()),
            edges=edges,
            chain=chain,
            gaps=tuple(self.gaps),
            status=self._status(grades),
            weakest=weakest(grades),
        )

    def _chain(self, version: str, edges: tuple[Edge, ...]) -> tuple[int, ...]:
        """Return the edges, by their places, on every path that data took to the version."""
        into = defaultdict[str, list[tuple[int, str]]](list)
        for index, edge in enumerate(edges):
            before, after = edge.flow
            node = self.nodes[before]
            if node.kind not in _OFF_CHAIN and node.role not in _OFF_ROLES:
                into[after].append((index, before))
        reached, waiting, chain = {version}, [version], set[int]()
        while waiting:
            for index, before in into[waiting.pop()]:
                chain.add(index)
                if before not in reached:
                    reached.add(before)
                    waiting.append(before)
        return tuple(sorted(chain))

    def _status(self, chain: list[Grade]) -> LineageStatus:
        if any(edge.grade is Grade.CONTRADICTED for edge in self.edges):
            return LineageStatus.CONTRADICTED
        if Grade.MISSING in chain:
            return LineageStatus.GAPS
        if Grade.NOT_CHECKABLE in chain:
            return LineageStatus.UNREADABLE
        return LineageStatus.COMPLETE
