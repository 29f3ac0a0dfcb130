"""Lineage graphs of every shape for the drawing: typical, broken, large and hostile."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import strategies as st
from support.hostile import HOSTILE

from audit.graph import Edge, Graph, Node, NodeKind, Relation
from audit.verdicts import Grade

_MD5 = "md5:c04d77e19ab0" + "0" * 20


def typical() -> Graph:
    """A pipeline of eleven layers with every grade, a gap and a contradiction."""
    nodes = (
        Node("bank", NodeKind.DATASET, "s3://feeds/transactions/2026-08", role="import"),
        Node("raw", NodeKind.FILE, "data/raw/transactions.csv", digest=_MD5, role="raw"),
        Node("labels", NodeKind.FILE, "data/raw/labels.csv", digest=_MD5, role="raw"),
        Node("vendor", NodeKind.GAP, "vendor feed", detail="no DVC record", role="raw"),
        Node("prepare", NodeKind.STAGE, "prepare", detail="dvc.lock 88c18a6"),
        Node("train.parquet", NodeKind.FILE, "data/train.parquet", digest=_MD5),
        Node("test.parquet", NodeKind.FILE, "data/test.parquet", digest=_MD5),
        Node("train", NodeKind.STAGE, "train", detail="dvc.lock 9b21d07"),
        Node("commit", NodeKind.COMMIT, "Tune the threshold", digest="9b21" * 10, role="tagged"),
        Node("python", NodeKind.ENVIRONMENT, "Python 3.11.9", detail="41 packages"),
        Node("run", NodeKind.RUN, "train-42", detail="2026-08-11 07:16 UTC"),
        Node("sample", NodeKind.DATASET, "fraud-train", detail="MLflow sample 1a2b3c4d"),
        Node("weights", NodeKind.WEIGHTS, "weights", digest="sha256:" + "c04d77e1" * 8),
        Node("model", NodeKind.LOGGED_MODEL, "model", detail="m-0a1b2c3d"),
        Node("version", NodeKind.MODEL_VERSION, "fraud v7", detail="ready"),
        Node("champion", NodeKind.ALIAS, "champion"),
        Node("batch", NodeKind.CONSUMER, "evaluate", detail="run"),
    )
    used, made, derived = Relation.USED, Relation.WAS_GENERATED_BY, Relation.WAS_DERIVED_FROM
    edges = (
        Edge("raw", "bank", derived, Grade.DECLARED, "import"),
        Edge("prepare", "raw", used, Grade.VERIFIED, "git blob = lock", ("a1", "a1")),
        Edge("prepare", "labels", used, Grade.RECORDED, "dvc.lock"),
        Edge("prepare", "vendor", used, Grade.CONTRADICTED, "dvc.lock", ("a1", "b2")),
        Edge("train.parquet", "prepare", made, Grade.RECORDED, "dvc.lock"),
        Edge("test.parquet", "prepare", made, Grade.MISSING, "dvc.lock"),
        Edge("train", "train.parquet", used, Grade.VERIFIED, "dvc.lock"),
        Edge("run", "test.parquet", used, Grade.NOT_CHECKABLE, "no access"),
        Edge("run", "commit", used, Grade.DECLARED, "run tag"),
        Edge("run", "python", used, Grade.DECLARED, "files beside the weights"),
        Edge("run", "sample", used, Grade.INFERRED, "8 hex digits"),
        Edge("run", "train", used, Grade.RECORDED, "parameters"),
        Edge("weights", "run", made, Grade.RECORDED, "MLflow"),
        Edge("weights", "train", made, Grade.VERIFIED, "bytes"),
        Edge("model", "weights", derived, Grade.VERIFIED, "bytes"),
        Edge("model", "version", Relation.REGISTERED_AS, Grade.RECORDED, "registry"),
        Edge("champion", "version", Relation.POINTS_TO, Grade.RECORDED, "registry"),
        Edge("version", "batch", Relation.CONSUMED_BY, Grade.RECORDED, "inputs"),
    )
    return Graph(nodes, edges, chain=(1, 4, 6, 13, 14, 15))


def hundred() -> Graph:
    """Ninety-odd nodes: ten stages in a row, each with raw files of its own."""
    nodes, edges = [Node("version", NodeKind.MODEL_VERSION, "large v1")], []
    before = ""
    for number in range(10):
        stage, out = f"stage-{number}", f"data/{number}.parquet"
        nodes += [Node(stage, NodeKind.STAGE, stage), Node(out, NodeKind.FILE, out, _MD5)]
        edges.append(Edge(out, stage, Relation.WAS_GENERATED_BY, Grade.RECORDED, "dvc.lock"))
        for part in range(7):
            raw = f"data/raw/{number}/part-{part}.parquet"
            nodes.append(Node(raw, NodeKind.FILE, raw, _MD5, role="raw"))
            edges.append(Edge(stage, raw, Relation.USED, Grade.VERIFIED, "dvc.lock"))
        if before:
            edges.append(Edge(stage, before, Relation.USED, Grade.VERIFIED, "dvc.lock"))
        before = out
    edges.append(Edge(before, "version", Relation.REGISTERED_AS, Grade.RECORDED, "registry"))
    return Graph(tuple(nodes), tuple(edges))


def many_files(count: int) -> Graph:
    """One stage that reads ``count`` alike files."""
    raw = tuple(Node(f"r{n}", NodeKind.FILE, f"raw/{n}.csv", role="raw") for n in range(count))
    edges = tuple(
        Edge("prepare", file.id, Relation.USED, Grade.RECORDED, "dvc.lock") for file in raw
    )
    return Graph((*raw, Node("prepare", NodeKind.STAGE, "prepare")), edges)


def hostile_graph() -> Graph:
    """Hostile text in every field, an edge to nowhere, one to itself, and a cycle."""
    kinds = list(NodeKind)
    nodes = tuple(
        Node(text, kinds[place % len(kinds)], text, digest=text, detail=text, role=text)
        for place, text in enumerate(HOSTILE)
    )
    pairs = [*pairwise(HOSTILE), (HOSTILE[-1], HOSTILE[0])]
    pairs += [(HOSTILE[2], "nowhere"), (HOSTILE[3], HOSTILE[3])]
    grades = list(Grade)
    edges = tuple(
        Edge(a, b, Relation.REGISTERED_AS, grades[n % len(grades)], HOSTILE[n % len(HOSTILE)], (a,))
        for n, (a, b) in enumerate(pairs)
    )
    return Graph(nodes, edges)


@st.composite
def any_graph(draw: st.DrawFn) -> Graph:
    """Any graph of up to 24 nodes: cycles, loops, parallel edges, lost ends, no edges."""
    count = draw(st.integers(0, 24))
    nodes = tuple(
        Node(str(number), draw(st.sampled_from(NodeKind)), draw(st.text(max_size=30)))
        for number in range(count)
    )
    ends = st.integers(0, count)
    edges = tuple(
        Edge(str(draw(ends)), str(draw(ends)), draw(st.sampled_from(Relation)), grade, "method")
        for grade in draw(st.lists(st.sampled_from(Grade), max_size=50))
    )
    return Graph(nodes, edges)
