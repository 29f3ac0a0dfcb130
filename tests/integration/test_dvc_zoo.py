"""What real DVC left in three repositories that import from one another, led to its origins."""

import json
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.dvczoo import Zoo, zoo

from audit import lineage
from audit.config import Code, Data
from audit.facts import (
    ArtifactFile,
    DatasetInput,
    DigestState,
    Import,
    ModelVersion,
    Pipeline,
    Run,
    StageState,
    UpstreamHolds,
    VersionFacts,
    Weights,
)
from audit.gather.datasets import with_datasets
from audit.gather.folders import with_members
from audit.gather.join import join
from audit.graph import Edge, Graph, NodeKind, Relation
from audit.sources.dvc.remotes import DvcRemotes
from audit.sources.repositories import DvcRepository, open_code
from audit.verdicts import Grade

Opened = tuple[DvcRepository, DvcRemotes]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Zoo:
    return zoo(tmp_path_factory)


@pytest.fixture(scope="module")
def opened(made: Zoo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Opened]]:
    cache = tmp_path_factory.mktemp("cache")
    found = {
        name: open_code(Code(path=made.path(name)), cache) for name in ("churn", "shop", "base")
    }
    yield found
    for code, _ in found.values():
        code.close()


def _weights(digest: str, path: str = "model.pkl") -> Weights:
    file = ArtifactFile(path=path, bytes=9, sha256="0" * 64, md5=digest)
    return Weights(location="here", read=True, files=(file,))


def _joined(digest: str, repositories: Sequence[Opened], *, lists: bool = True) -> VersionFacts:
    sources = [code for code, _ in repositories]
    weights = _weights(digest)
    version = ModelVersion(model="churn", version="1", source="here")
    facts = VersionFacts(version, weights=weights, pipeline=join(weights, None, sources))
    remotes = {code.name: data for code, data in repositories} if lists else {}
    (found,) = with_members([facts], sources, remotes)
    return found


def _all(opened: dict[str, Opened], *names: str) -> list[Opened]:
    return [opened[name] for name in names or ("churn", "shop", "base")]


def _imports(pipeline: Pipeline) -> dict[str, Import]:
    return {f"{item.address.rpartition('/')[2]} {item.path}": item for item in pipeline.imports}


def _edge(graph: Graph, source: str, relation: Relation = Relation.WAS_DERIVED_FROM) -> Edge:
    labels = {node.id: node.label for node in graph.nodes}
    found = [e for e in graph.edges if labels[e.source] == source and e.relation is relation]
    return next(e for e in found if ":shop:" not in e.source and ":base:" not in e.source)


def test_a_data_set_is_held_against_what_the_repository_upstream_keeps(
    made: Zoo, opened: dict[str, Opened]
) -> None:
    """The names come from base through shop; no remote of churn has them."""
    facts = _joined(made.facts["first"]["weights"], _all(opened))
    data = DatasetInput("names", "0" * 8, "local", json.dumps({"uri": "data/names.csv"}))
    facts = replace(facts, run=Run("r1", datasets=(data,)))
    remotes = {code.name: objects for code, objects in _all(opened)}
    ((check,),) = (f.datasets for f in with_datasets([facts], remotes, Data(datasets="check")))
    assert (check.state, check.file) == (
        DigestState.DIFFERENT,
        f"data/names.csv@{made.facts['names']}",
    )
    without = {name: objects for name, objects in remotes.items() if name == "churn"}
    ((check,),) = (f.datasets for f in with_datasets([facts], without, Data(datasets="check")))
    assert check.reason == "the repository it was imported from holds it"


def test_imports_are_followed_to_the_data_they_were_really_made_from(
    made: Zoo, opened: dict[str, Opened]
) -> None:
    facts = _joined(made.facts["first"]["weights"], _all(opened))
    states = facts.pipeline.states
    raw = {
        (state.repository, out.path): out.digest
        for state in states
        if not state.stage and state.repository != "churn"
        for out in state.outs
    }
    assert raw.pop(("shop", "names.csv")) == raw.pop(("base", "names.csv")) == made.facts["names"]
    assert list(raw) == [("shop", "raw")]
    imports = _imports(facts.pipeline)
    assert {name: (item.repository, item.held) for name, item in imports.items()} == {
        "shop clean.csv": ("shop", UpstreamHolds.TRACKED),
        "shop names.csv": ("shop", UpstreamHolds.TRACKED),
        "shop vocab.txt": ("shop", UpstreamHolds.GIT),
        "shop raw/deep/b.csv": ("shop", UpstreamHolds.INSIDE),
        "base names.csv": ("base", UpstreamHolds.TRACKED),
    }
    assert imports["shop vocab.txt"].digest == made.facts["vocab"]
    assert imports["base names.csv"].revision == made.facts["base"]
    members = {(item.repository, item.path): item.digest for item in facts.pipeline.members}
    assert members == {
        ("shop", "raw/a.csv"): made.facts["raw_a"],
        ("shop", "raw/deep/b.csv"): made.facts["raw_b"],
    }
    assert not facts.pipeline.unfollowed


def test_the_drawing_leads_from_the_weights_into_the_repositories_upstream(
    made: Zoo, opened: dict[str, Opened]
) -> None:
    graph = lineage.build(_joined(made.facts["first"]["weights"], _all(opened)))
    assert _edge(graph, "data/clean.csv").grade is Grade.RECORDED
    assert _edge(graph, "data/part.csv").grade is Grade.RECORDED
    verified = _edge(graph, "data/vocab.txt")
    assert verified.grade is Grade.VERIFIED
    assert all(made.facts["vocab"] in operand for operand in verified.operands)
    labels = {node.id: node for node in graph.nodes}
    before = {labels[graph.edges[place].flow[0]] for place in graph.chain}
    names = {(node.label, node.detail) for node in before if node.kind is NodeKind.FILE}
    assert ("names.csv", "in base") in names
    assert ("raw", "in shop") in names
    clean = next(node for node in graph.nodes if node.label == "clean")
    assert clean.detail.endswith("in shop")
    assert not [gap for gap in graph.gaps if "raw" in gap.what or "csv" in gap.what]


def test_what_is_not_configured_or_not_read_is_said_and_never_missing(
    made: Zoo, opened: dict[str, Opened]
) -> None:
    alone = _joined(made.facts["first"]["weights"], _all(opened, "churn"))
    assert {item.held for item in alone.pipeline.imports} == {UpstreamHolds.UNKNOWN}
    assert {state.repository for state in alone.pipeline.states} == {"churn"}
    graph = lineage.build(alone)
    assert _edge(graph, "data/clean.csv").grade is Grade.DECLARED
    assert "not among the configured" in _edge(graph, "data/clean.csv").method
    unread = _joined(made.facts["first"]["weights"], _all(opened, "churn", "shop"), lists=False)
    (loose,) = unread.pipeline.unfollowed
    assert loose.path == "raw/a.csv"
    assert "the lists of folders were not read" in loose.reason
    graph = lineage.build(unread)
    assert _edge(graph, "data/part.csv").grade is Grade.DECLARED
    assert _edge(graph, "clean", Relation.USED).grade is not Grade.MISSING
    assert not [state for state in unread.pipeline.states if state.file == "raw.dvc"]


def test_a_fork_that_lacks_the_commit_is_told_apart_from_a_shallow_one(
    made: Zoo, opened: dict[str, Opened], tmp_path: Path
) -> None:
    def _clone(*options: str) -> Opened:
        target = tmp_path / f"shop{len(options)}"
        command = ["git", "clone", "--quiet", *options, made.path("shop").as_uri(), str(target)]
        subprocess.run(command, check=True, capture_output=True)
        return open_code(Code(path=target, name="copy"), tmp_path)

    shallow = _clone("--depth", "1")
    facts = _joined(made.facts["first"]["weights"], [*_all(opened, "churn"), shallow])
    item = _imports(facts.pipeline)["shop clean.csv"]
    assert (item.repository, item.held) == ("copy", UpstreamHolds.UNKNOWN)
    assert "shallow" in item.reason
    whole = _clone()
    facts = _joined(made.facts["first"]["weights"], [*_all(opened, "churn"), whole])
    # Any clone that holds the commit will do, whatever its address.
    assert _imports(facts.pipeline)["shop clean.csv"].held is UpstreamHolds.TRACKED
    for code, _ in (shallow, whole):
        code.close()


def _upstream(code: DvcRepository, digest: str) -> list[StageState]:
    state = next(state for state in code.states_with_out(digest) if state.stage)
    return list(code.upstream(state, state.commits[0]))


def test_what_a_dvc_yaml_adds_is_told(made: Zoo, opened: dict[str, Opened]) -> None:
    code = opened["churn"][0]
    facts = made.facts
    states = {state.stage: state for state in _upstream(code, facts["first"]["weights"])}
    assert states["freeze"].frozen
    assert not states["train"].frozen
    assert states["train"].again_in == (facts["again"],)
    assert not _upstream(code, facts["second"]["weights"])[0].again_in
    scored = code.states_with_out(facts["scores"][0])
    assert {state.stage for state in scored} >= {"score@new-york", "score@los-angeles"}
    assert all(code.upstream(s, s.commits[0])[0].always_changed for s in scored)
    declared = code.never_run(states["train"], facts["first"]["commit"])
    assert [(item.file, item.stage) for item in declared] == [
        ("dvc.yaml", "never"),
        ("later/dvc.yaml", "later"),
    ]
    detail = {
        node.label: node.detail
        for node in lineage.build(_joined(facts["first"]["weights"], _all(opened))).of_kind(
            NodeKind.STAGE
        )
    }
    assert "frozen" in detail["freeze"]
    assert f"came back in {facts['again']}" in detail["train"]


def test_a_working_directory_that_is_a_template_gives_no_path_and_a_digest(
    made: Zoo, opened: dict[str, Opened]
) -> None:
    code = opened["churn"][0]
    note, *rest = _upstream(code, made.facts["first"]["note"])
    assert [out.path for out in note.outs] == ["${place.scripts}/../note.txt"]
    # By digest the way back is whole all the same, and the code is proved to be in git.
    assert rest[0].stage == "train"
    tree = code.compare(note, note.commits[0])
    assert [(item.path, item.equal) for item in tree] == [("${place.scripts}/note.py", True)]
    assert code.describe().problems == ()


def test_experiments_nested_projects_and_old_ones_are_found(
    made: Zoo, opened: dict[str, Opened]
) -> None:
    facts: dict[str, Any] = made.facts
    code = opened["churn"][0]
    tried = _upstream(code, facts["experiment"]["weights"])[0]
    assert tried.params == {"params.yaml:c": "7.0"}
    nested = _upstream(code, facts["nested"])
    assert [state.file for state in nested[:2]] == ["nested/dvc.lock", "dvc.lock"]
    assert code.never_run(nested[0], facts["last"]) == ()
    old = _upstream(code, facts["old"]["weights"])
    assert [state.file for state in old] == ["old/dvc.lock", "old/data.csv.dvc"]
    assert old[1].outs[0].hash_name == "md5-dos2unix"
    assert old[1].outs[0].digest == facts["old"]["raw"]
