"""Tags that mlflow-export-import leaves, in each form, and conventions that name data."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.subjects import COMMIT, md5, subject_for

from audit.config.sections import CONVENTIONS
from audit.controls.registry import VersionSubject
from audit.facts import (
    Commit,
    CommitState,
    DeclaredDigest,
    DeclaredOrigin,
    StageState,
    TrackedPath,
    VersionFacts,
)
from audit.graph import Relation
from audit.lineage import build
from audit.sources.recorders.conventions import declared_digests
from audit.sources.recorders.exim import declared_origin
from audit.verdicts import Grade

WRITTEN: dict[str, Any] = json.loads(
    (Path(__file__).parent.parent / "support/recorded/export-import-1.2.0.json").read_text()
)
"""What release 1.2.0 of the tool wrote into a real MLflow server: see the script beside it."""


def facts() -> VersionFacts:
    subject = subject_for("version", {})
    assert isinstance(subject, VersionSubject)
    return subject.facts


# --- mlflow-export-import ------------------------------------------------------------------


def test_a_version_that_the_tool_imported() -> None:
    version = WRITTEN["versions"][1]
    run = next(run for run in WRITTEN["runs"] if run["run_id"] == version["run_id"])
    found = declared_origin(version["tags"], run["tags"])
    assert found is not None
    assert (found.generation, found.model, found.version) == ("mlflow_exim.field", "churn", "2")
    assert found.run_id != version["run_id"]
    assert found.created_at is not None
    assert found.created_at < version["created_at"], "the registry's time is that of the import"
    assert found.fields["_experiment_name"] == "training"
    assert found.user == "", "its models tool loses the user"
    assert "None" not in found.fields.values()


def test_a_run_that_the_tool_imported_with_its_tags() -> None:
    run = next(run for run in WRITTEN["runs"] if "mlflow_exim.run_info.run_id" in run["tags"])
    found = declared_origin({}, run["tags"])
    assert found is not None
    assert (found.generation, found.model, found.user) == ("mlflow_exim.run_info", "", "ann")
    assert run["tags"]["mlflow.user"] == "carol"
    assert found.run_id == WRITTEN["versions"][1]["tags"]["mlflow_exim.field.run_id"]
    assert found.fields["git_commit"] == "2" * 40
    assert found.created_at is None


def test_both_at_once() -> None:
    tagged = next(
        run["tags"] for run in WRITTEN["runs"] if "mlflow_exim.run_info.run_id" in run["tags"]
    )
    found = declared_origin(WRITTEN["versions"][1]["tags"], tagged)
    assert found is not None
    assert (found.version, found.user, found.fields["git_commit"]) == ("2", "ann", "2" * 40)


@pytest.mark.parametrize("dot", [".", "_"])
def test_a_copied_version(dot: str) -> None:
    tags = {
        "mlflow_exim.src_version.name": "dev.models.wine",
        "mlflow_exim.src_version.version": "1",
        "mlflow_exim.src_version.run_id": "c62c",
        "mlflow_exim.src_client.tracking_uri": "https://ann:token@mlflow.example.com",
        "mlflow_exim.mlflow_exim.dst_client.tracking_uri": "databricks",
        "mlflow_exim.src_run.mlflow.user": "ann@example.com",
    }
    found = declared_origin({key.replace(".", dot): value for key, value in tags.items()})
    assert found is not None
    assert (found.generation, found.model, found.version, found.run_id, found.user) == (
        "mlflow_exim.src_version", "dev.models.wine", "1", "c62c", "ann@example.com",
    )  # fmt: skip
    assert found.tracking_uri == "https://***@mlflow.example.com"


def test_the_forms_before() -> None:
    older = {
        "mlflow_export_import.run_info.run_id": "eb66",
        "mlflow_export_import.run_info.user_id": "ann",
        "mlflow_export_import.mlflow.source.git.commit": "67fb",
        "mlflow_export_import.metadata.tracking_uri": "http://127.0.0.1:5020",
        "mlflow_export_import.metadata.timestamp_nice": "2022-06-12 04:18:30",
    }
    found = declared_origin({}, older)
    assert found is not None
    assert (found.run_id, found.user, found.fields["git_commit"]) == ("eb66", "ann", "67fb")
    assert found.tracking_uri == "http://127.0.0.1:5020"
    oldest = {"mlflow_tools.metadata.run-id": "130b", "mlflow_tools.metadata.experiment_id": "2"}
    last = declared_origin({}, oldest)
    assert last is not None
    assert (last.generation, last.run_id) == ("mlflow_tools.metadata", "130b")


def test_no_import_no_origin() -> None:
    assert declared_origin({}, {}) is declared_origin({"owner": "Retail"}) is None
    assert declared_origin({"mlflow_exim.field.status": "READY"}) is None


@given(st.dictionaries(st.text(), st.text()))
def test_any_tags(tags: dict[str, str]) -> None:
    prefixed = {f"mlflow_exim.field.{key}": value for key, value in tags.items()}
    declared_origin(prefixed, tags)


def test_an_origin_is_drawn_and_is_no_link_of_the_chain() -> None:
    before = build(facts())
    origin = DeclaredOrigin("mlflow_exim.field", "churn", "9", run_id="r9")
    after = build(replace(facts(), declared_origin=origin))
    (edge,) = (edge for edge in after.edges if edge.target.endswith("origin:churn/9"))
    assert (edge.relation, edge.grade) == (Relation.WAS_DERIVED_FROM, Grade.DECLARED)
    assert after.weakest == before.weakest
    assert after.status == before.status
    run_only = DeclaredOrigin("mlflow_exim.run_info", run_id="r9")
    drawn = build(replace(facts(), declared_origin=run_only))
    assert [edge.source for edge in drawn.edges if edge.target == "run:origin:r9"] == [
        f"run:{facts().version.run_id}"
    ]


# --- conventions ---------------------------------------------------------------------------


class History:
    """A repository's history as ``declared_digests`` asks it, from the states it is given."""

    def __init__(self, *states: StageState) -> None:
        self.states = states

    def states_with_out(self, digest: str) -> tuple[StageState, ...]:
        return tuple(s for s in self.states if any(out.digest == digest for out in s.outs))

    def commit(self, sha: str) -> Commit | None:
        return Commit(sha, CommitState.REACHABLE, "churn") if sha == COMMIT else None


def tracked(path: str, digest: str, repository: str = "churn") -> StageState:
    out = TrackedPath(path, digest)
    return StageState(f"{path}{digest}", repository, f"{path}.dvc", "", (COMMIT,), outs=(out,))


OTHER = "00" * 16


def told(
    tags: dict[str, str], *more: StageState, given: VersionFacts | None = None
) -> tuple[DeclaredDigest, ...]:
    own = given or facts()
    assert own.run is not None
    tagged = replace(own, run=replace(own.run, tags=tags, params={}))
    source: Any = History(*own.pipeline.states, *more)
    return declared_digests(tagged, CONVENTIONS, [source])


def test_a_digest_of_the_lineage() -> None:
    (found,) = told({"dvc_data_md5": md5("data/raw.csv").upper(), "mlflow.user": "ann"})
    assert (found.on, found.known, found.used) == ("run tag", "data/raw.csv", True)
    assert found.contradicts == ""


@pytest.mark.parametrize(
    "key",
    ["dvc_data_md5", "dvc.data.md5", "DVC_DATA_MD5", "data_version", "dvc_rev", "dvc_commit",
     "dvc_model_md5", "dataset.hash"],
)  # fmt: skip
def test_keys_of_the_default_conventions(key: str) -> None:
    assert [item.key for item in told({key: "v1"})] == [key]


def test_keys_that_are_no_convention() -> None:
    tags = {
        "mlflow.data.md5": "1",
        "mlflow_exim.data.md5": "1",
        "metadata_md5sum": "1",
        "data": "1",
    }
    assert told(tags) == ()


def test_a_value_that_nothing_holds() -> None:
    (found,) = told({"data_version": "v7" * 400})
    assert (found.known, found.used) == ("", False)
    assert len(found.value) == 300


def test_a_commit() -> None:
    first, second = told({"dvc_commit": COMMIT, "dvc_rev": "1" * 40})
    assert (first.known, first.used) == ("commit of churn", True)
    assert (second.known, second.used) == ("", False)


def test_parameters_and_tags_of_the_version() -> None:
    own = facts()
    assert own.run is not None
    run = replace(own.run, tags={}, params={"data_md5": OTHER})
    version = replace(own.version, tags={"data_version": "v1"})
    found = declared_digests(replace(own, run=run, version=version), CONVENTIONS, [])
    assert [(item.on, item.key) for item in found] == [
        ("run param", "data_md5"), ("version tag", "data_version"),
    ]  # fmt: skip


def test_another_content_of_the_same_file_contradicts() -> None:
    (found,) = told({"dvc_data_md5": OTHER}, tracked("data/raw.csv", OTHER))
    assert found.contradicts == f"data/raw.csv@{md5('data/raw.csv')}"
    graph = build(replace(facts(), declared_digests=(found,)))
    (edge,) = (edge for edge in graph.edges if edge.grade is Grade.CONTRADICTED)
    assert edge.operands == (
        f"dvc_data_md5 {OTHER}", f"lock data/raw.csv@{md5('data/raw.csv')}",
    )  # fmt: skip
    assert graph.status.value == "contradicted"
    assert not any(OTHER in node.digest for node in graph.nodes)


def _doubted(own: VersionFacts) -> VersionFacts:
    return replace(own, pipeline=replace(own.pipeline, doubted={OTHER: "later"}))


def _inferred(own: VersionFacts) -> VersionFacts:
    return replace(own, pipeline=replace(own.pipeline, matches=()))


@pytest.mark.parametrize(
    ("key", "more", "change"),
    [
        ("dvc_model_md5", [tracked("data/raw.csv", OTHER)], None),
        ("data_version", [tracked("data/raw.csv", OTHER)], None),
        ("dvc_data_md5", [tracked("data/other.csv", OTHER)], None),
        ("dvc_data_md5", [tracked("data/raw.csv", OTHER, "fraud")], None),
        ("dvc_data_md5", [tracked("data/raw.csv", OTHER), tracked("data/b.csv", OTHER)], None),
        ("dvc_data_md5", [tracked("data/raw.csv", OTHER)], _doubted),
        ("dvc_data_md5", [tracked("data/raw.csv", OTHER)], _inferred),
        (
            "dvc_data_md5",
            [tracked("data/raw.csv", OTHER), tracked("models/b.pkl", md5("models/model.pkl"))],
            None,
        ),
    ],
    ids=["a model's key", "no digest's key", "another file", "another repository", "two files",
         "data in doubt", "weights only inferred", "weights of two stages"],
)  # fmt: skip
def test_what_is_not_certain_does_not_contradict(key: str, more: Any, change: Any) -> None:
    given = change(facts()) if change else facts()
    (found,) = told({key: OTHER}, *more, given=given)
    assert found.contradicts == ""
    assert not found.used


@given(st.dictionaries(st.sampled_from(["dvc_data_md5", "data_version", "dvc.rev"]), st.text()))
def test_any_values(tags: dict[str, str]) -> None:
    assert len(told(tags)) == len(tags)
