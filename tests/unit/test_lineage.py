"""The lineage of one version: what is verified, what is claimed, and what is a gap."""

from dataclasses import replace

import pytest
from hypothesis import given
from support.anything import anything
from support.subjects import COMMIT, good_version, md5, sha256

from audit import lineage
from audit.facts import (
    CodeDigest,
    Commit,
    CommitState,
    Consumer,
    Match,
    MatchMethod,
    ObjectState,
    Pipeline,
    RunState,
    StageState,
    TrackedPath,
    VersionFacts,
    Weights,
)
from audit.graph import Edge, Graph, NodeKind, Relation
from audit.verdicts import Grade, LineageStatus, WeightsStatus


def edge(graph: Graph, source: NodeKind, target: NodeKind) -> Edge:
    """Return the only edge between two kinds of nodes."""
    nodes = graph.by_id()
    (found,) = [
        item
        for item in graph.edges
        if nodes[item.source].kind is source and nodes[item.target].kind is target
    ]
    return found


def gaps(graph: Graph) -> list[str]:
    return [gap.what for gap in graph.gaps]


def with_pipeline(**changes: object) -> VersionFacts:
    facts = good_version()
    return replace(facts, pipeline=replace(facts.pipeline, **changes))


def with_dependency(path: str, tree: tuple[CodeDigest, ...] = ()) -> VersionFacts:
    """Return the good version, whose first stage has one more dependency."""
    facts = good_version()
    states = [
        replace(state, deps=(*state.deps, TrackedPath(path, md5(path))))
        if state.stage == "prepare"
        else state
        for state in facts.pipeline.states
    ]
    return with_pipeline(states=tuple(states), tree=(*facts.pipeline.tree, *tree))


def test_a_whole_lineage_is_complete_and_as_strong_as_its_weakest_link() -> None:
    graph = lineage.build(good_version())
    assert graph.status is LineageStatus.COMPLETE
    assert graph.weakest is Grade.RECORDED
    assert not graph.gaps
    assert {node.label: node.role for node in graph.of_kind(NodeKind.FILE)} == {
        "data/raw.csv": "raw",
        "data/prepared.csv": "intermediate",
    }


def test_the_chain_leads_from_raw_data_to_the_version_and_nowhere_else() -> None:
    graph = lineage.build(good_version())
    nodes = graph.by_id()
    kinds = {nodes[node].kind for index in graph.chain for node in graph.edges[index].flow}
    assert NodeKind.FILE in kinds
    assert NodeKind.MODEL_VERSION in kinds
    assert not kinds & {NodeKind.COMMIT, NodeKind.ALIAS, NodeKind.ENVIRONMENT, NodeKind.DATASET}


def test_weights_with_the_locks_digest_are_verified_with_both_operands() -> None:
    found = edge(lineage.build(good_version()), NodeKind.WEIGHTS, NodeKind.STAGE)
    assert found.grade is Grade.VERIFIED
    digest = md5("models/model.pkl")
    assert sum(digest in operand for operand in found.operands) == 2


def test_only_agreeing_parameters_make_the_stage_inferred_and_a_gap() -> None:
    state = good_version().pipeline.states[0]
    match = Match(state.id, MatchMethod.PARAMETERS, commit=COMMIT, agrees=("param C",))
    graph = lineage.build(with_pipeline(matches=(match,)))
    assert edge(graph, NodeKind.WEIGHTS, NodeKind.STAGE).grade is Grade.INFERRED
    assert graph.weakest is Grade.INFERRED
    assert gaps(graph) == ["weights in DVC"]


def test_parameters_that_differ_from_the_lock_contradict_the_run() -> None:
    (match,) = good_version().pipeline.matches
    differs = replace(match, differs=("param C: run 0.5, lock 1.0",))
    graph = lineage.build(with_pipeline(matches=(differs,)))
    assert edge(graph, NodeKind.WEIGHTS, NodeKind.RUN).grade is Grade.CONTRADICTED
    assert graph.status is LineageStatus.CONTRADICTED


def test_weights_that_changed_are_contradicted_and_name_both_digests() -> None:
    facts = good_version()
    weights = replace(facts.weights, first_sha256=sha256("before"), changed_files=("model.pkl",))
    graph = lineage.build(replace(facts, weights=weights))
    found = edge(graph, NodeKind.LOGGED_MODEL, NodeKind.WEIGHTS)
    assert found.grade is Grade.CONTRADICTED
    assert sha256("before") in found.evidence
    assert sha256("weights") in found.evidence
    assert "model.pkl" in found.operands


def test_without_a_lock_the_data_is_missing() -> None:
    graph = lineage.build(replace(good_version(), pipeline=Pipeline()))
    assert graph.status is LineageStatus.GAPS
    assert "training data" in gaps(graph)
    assert not graph.of_kind(NodeKind.FILE)


def test_without_a_repository_to_ask_it_is_not_missing_but_not_checkable() -> None:
    pipeline = Pipeline(problems=("no repository is configured",))
    graph = lineage.build(replace(good_version(), pipeline=pipeline))
    assert graph.status is LineageStatus.UNREADABLE
    assert edge(graph, NodeKind.WEIGHTS, NodeKind.GAP).grade is Grade.NOT_CHECKABLE


def test_unreadable_weights_are_not_checkable() -> None:
    facts = replace(
        good_version(), weights=Weights("s3://gone", reason="access denied"), pipeline=Pipeline()
    )
    graph = lineage.build(facts)
    assert graph.status is LineageStatus.UNREADABLE
    assert {"weights", "training data"} <= set(gaps(graph))


def test_a_dependency_in_no_lock_and_not_in_git_is_a_gap() -> None:
    graph = lineage.build(with_dependency("data/vendor.csv"))
    assert graph.status is LineageStatus.GAPS
    assert gaps(graph) == ["data/vendor.csv"]
    assert edge(graph, NodeKind.STAGE, NodeKind.GAP).grade is Grade.MISSING


def test_data_kept_in_git_is_verified_by_its_bytes() -> None:
    path = "data/codes.csv"
    graph = lineage.build(with_dependency(path, (CodeDigest(COMMIT, path, md5(path), md5(path)),)))
    (node,) = [item for item in graph.of_kind(NodeKind.FILE) if item.label == path]
    assert node.role == "raw"
    assert node.detail == "in git"
    (used,) = [item for item in graph.edges if item.target == node.id]
    assert used.grade is Grade.VERIFIED


def test_data_whose_origin_is_in_doubt_is_drawn_and_what_is_behind_it_is_a_gap() -> None:
    facts = good_version()
    made = next(state for state in facts.pipeline.states if state.stage == "prepare")
    (prepared,) = made.outs
    kept = tuple(state for state in facts.pipeline.states if state.stage == "train")
    reason = "commit 0123456789 has the same data/prepared.csv from other data"
    graph = lineage.build(with_pipeline(states=kept, doubted={prepared.digest: reason}))
    (node,) = graph.of_kind(NodeKind.FILE)
    assert (node.label, node.role) == (prepared.path, "intermediate")
    (gap,) = graph.of_kind(NodeKind.GAP)
    (behind,) = [item for item in graph.edges if item.target == gap.id]
    assert (behind.source, behind.grade, behind.method) == (node.id, Grade.MISSING, reason)
    assert graph.status is LineageStatus.GAPS
    assert gaps(graph) == [f"data behind {prepared.path}"]


def test_data_read_again_in_its_remote_is_verified() -> None:
    facts = good_version()
    objects = tuple(
        replace(item, state=ObjectState.PRESENT, remote="store", checked="rehashed")
        for item in facts.pipeline.objects
    )
    assert objects
    graph = lineage.build(with_pipeline(objects=objects))
    files = {node.id for node in graph.of_kind(NodeKind.FILE)}
    used = [item for item in graph.edges if item.target in files and "stage" in item.source]
    assert {item.grade for item in used} == {Grade.VERIFIED}
    assert all("in the remote store, read again" in item.method for item in used)


def test_models_that_the_training_took_as_input_are_upstream() -> None:
    graph = lineage.build(replace(good_version(), bases=("base/2", "m-9")))
    bases = {node.label: node for node in graph.nodes if node.role == "base"}
    assert set(bases) == {"base v2", "m-9"}
    chain = {graph.edges[index].target for index in graph.chain}
    assert {node.id for node in bases.values()} <= chain


def test_a_copy_of_a_copy_leads_back_to_the_first() -> None:
    graph = lineage.build(replace(good_version(), origin=("live/3", "base/1")))
    derived = [
        (item.source, item.target)
        for item in graph.edges
        if item.relation is Relation.WAS_DERIVED_FROM and item.target.startswith("model_version:")
    ]
    own = f"model_version:{good_version().version.key}"
    assert derived == [
        (own, "model_version:live/3"),
        ("model_version:live/3", "model_version:base/1"),
    ]


def test_code_is_shown_as_the_commit_that_holds_it() -> None:
    path = "src/extra.py"
    graph = lineage.build(with_dependency(path, (CodeDigest(COMMIT, path, md5(path), md5(path)),)))
    assert path not in {node.label for node in graph.nodes}
    assert any(path in item.evidence for item in graph.edges if item.relation is Relation.USED)


def test_the_tagged_commit_is_verified_only_when_all_of_the_tree_is_equal() -> None:
    tagged = edge(lineage.build(good_version()), NodeKind.RUN, NodeKind.COMMIT)
    assert tagged.grade is Grade.VERIFIED
    facts = good_version()
    first, *rest = facts.pipeline.tree
    graph = lineage.build(with_pipeline(tree=(replace(first, commit_digest="other"), *rest)))
    declared = edge(graph, NodeKind.RUN, NodeKind.COMMIT)
    assert declared.grade is Grade.DECLARED
    assert f"differed in {first.path}" in declared.evidence


@pytest.mark.parametrize(
    ("state", "grade"),
    [
        (CommitState.MISSING, Grade.MISSING),
        (CommitState.MALFORMED, Grade.MISSING),
        (CommitState.NOT_CHECKABLE, Grade.NOT_CHECKABLE),
        (CommitState.UNKNOWN_REPOSITORY, Grade.NOT_CHECKABLE),
        (CommitState.SUBMODULE, Grade.DECLARED),
    ],
)
def test_a_commit_that_is_not_found_is_told_apart_from_one_that_cannot_be_asked_for(
    state: CommitState, grade: Grade
) -> None:
    tagged = Commit("f" * 40, state, reason="because of this")
    graph = lineage.build(with_pipeline(tagged=tagged))
    (found,) = [item for item in graph.edges if item.target == f"commit:{'f' * 40}"]
    assert found.grade is grade
    assert "because of this" in found.evidence


def test_a_run_without_a_commit_is_a_gap_beside_an_unbroken_chain() -> None:
    graph = lineage.build(with_pipeline(tagged=None))
    assert gaps(graph) == ["code commit"]
    assert graph.status is LineageStatus.COMPLETE


@pytest.mark.parametrize(
    ("state", "status"),
    [
        (RunState.NONE, LineageStatus.GAPS),
        (RunState.GONE, LineageStatus.GAPS),
        (RunState.NOT_VISIBLE, LineageStatus.UNREADABLE),
    ],
)
def test_a_version_without_a_run_keeps_its_data_and_shows_the_gap(
    state: RunState, status: LineageStatus
) -> None:
    graph = lineage.build(replace(good_version(), run=None, run_state=state))
    assert graph.status is status
    assert gaps(graph) == ["training run"]
    assert len(graph.of_kind(NodeKind.FILE)) == 2


def test_an_mlflow_data_set_is_only_inferred_to_be_a_file() -> None:
    graph = lineage.build(good_version())
    found = edge(graph, NodeKind.DATASET, NodeKind.FILE)
    assert found.grade is Grade.INFERRED


def test_imported_data_names_its_origin_as_declared() -> None:
    facts = good_version()
    states = [
        state if state.stage else replace(state, imported_from="https://example.org/data@abc")
        for state in facts.pipeline.states
    ]
    graph = lineage.build(with_pipeline(states=tuple(states)))
    assert edge(graph, NodeKind.FILE, NodeKind.DATASET).grade is Grade.DECLARED


def test_what_points_to_the_version_and_uses_it_is_downstream() -> None:
    consumer = Consumer("run", "evaluate", "run-2", since=1)
    facts = replace(good_version(), consumers=(consumer,), origin=("base/2",))
    graph = lineage.build(facts)
    version = "model_version:churn/3"
    assert edge(graph, NodeKind.ALIAS, NodeKind.MODEL_VERSION).flow == (version, "alias:champion")
    assert edge(graph, NodeKind.MODEL_VERSION, NodeKind.CONSUMER).flow[0] == version
    assert edge(graph, NodeKind.MODEL_VERSION, NodeKind.MODEL_VERSION).flow[1] == version


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, WeightsStatus.VERIFIED),
        ({"read": False}, WeightsStatus.UNREACHABLE),
        ({"first_sha256": "0" * 64}, WeightsStatus.CHANGED),
    ],
)
def test_the_status_of_weights(changes: dict[str, object], expected: WeightsStatus) -> None:
    facts = good_version()
    assert lineage.weights_status(replace(facts, weights=replace(facts.weights, **changes))) is (
        expected
    )


@pytest.mark.parametrize(
    ("watched", "expected"), [(True, WeightsStatus.UNCHANGED), (False, WeightsStatus.FIRST_SEEN)]
)
def test_unmatched_weights_are_as_old_as_their_baseline(
    watched: bool, expected: WeightsStatus
) -> None:
    facts = replace(good_version(), pipeline=Pipeline())
    facts = replace(facts, weights=replace(facts.weights, watched=watched))
    assert lineage.weights_status(facts) is expected


def _sound(facts: VersionFacts) -> bool:
    ids = {state.id for state in facts.pipeline.states}
    return all(match.state in ids for match in facts.pipeline.matches)


@given(anything(VersionFacts).filter(_sound))
def test_any_facts_have_a_graph_whose_edges_join_its_nodes(facts: VersionFacts) -> None:
    graph = lineage.build(facts)
    nodes = graph.by_id()
    assert len(nodes) == len(graph.nodes)
    for item in graph.edges:
        assert {item.source, item.target} <= nodes.keys()
    assert all(0 <= index < len(graph.edges) for index in graph.chain)
    assert bool(graph.status is LineageStatus.CONTRADICTED) == any(
        item.grade is Grade.CONTRADICTED for item in graph.edges
    )


def test_a_state_used_twice_is_drawn_once() -> None:
    facts = good_version()
    train = facts.pipeline.states[0]
    other = StageState("other", "churn", "dvc.lock", "evaluate", (COMMIT,), deps=train.deps)
    graph = lineage.build(with_pipeline(states=(*facts.pipeline.states, other)))
    made = [item for item in graph.edges if item.relation is Relation.WAS_GENERATED_BY]
    assert len(made) == len(set(made))
