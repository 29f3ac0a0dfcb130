"""The lineage as a list: nothing is left out, and it reads in the direction of the data."""

from hypothesis import given, settings
from support.graphs import any_graph, hundred, many_files, typical

from audit.graph import Graph
from audit.render.telling import entries
from audit.verdicts import Grade


def rows(graph):
    return [row for entry in entries(graph) for row in entry.rows]


def test_a_node_tells_its_edges_from_its_own_side():
    found = {row.node.id: row for row in rows(typical())}
    train = found["train"]
    assert [(row.relation, row.other.id, row.edge.grade) for row in train.before] == [
        ("used", "train.parquet", Grade.VERIFIED)
    ]
    assert [(row.relation, row.other.id) for row in train.after] == [
        ("used by", "run"),
        ("generated", "weights"),
    ]
    assert [row.relation for row in found["champion"].before] == ["points to"]
    assert found["vendor"].alarm is Grade.CONTRADICTED
    assert found["test.parquet"].alarm is Grade.MISSING


def test_data_comes_first_and_its_users_last():
    order = [row.node.id for row in rows(typical())]
    assert order[0] == "bank"
    assert order.index("prepare") < order.index("train") < order.index("weights")
    assert order[-2:] == ["champion", "batch"]


def test_a_stack_holds_each_of_its_members():
    stack, stage = entries(many_files(12))
    assert (stack.stack, stack.label, len(stack.rows)) == (True, "12 files", 12)
    assert (stage.stack, len(stage.rows[0].before)) == (False, 12)
    assert entries(Graph()) == []


@settings(max_examples=40, deadline=None)
@given(any_graph())
def test_every_node_is_told_once_and_every_edge_at_both_ends(graph):
    found = rows(graph)
    assert {node.id for node in graph.nodes} <= {row.node.id for row in found}
    assert len({row.anchor for row in found}) == len(found)
    told = [edge for row in found for edge in (*row.before, *row.after)]
    assert len(told) == 2 * len(graph.edges)
    assert {edge.anchor for edge in told} <= {row.anchor for row in found}


def test_anchors_are_counted_and_the_same_for_the_same_graph():
    assert next(entry.anchor for entry in entries(hundred())).startswith("node-")
    assert entries(hundred()) == entries(hundred())
