"""The report as flat tables: the contract's columns, its rows, and their order."""

from __future__ import annotations

import dataclasses
import random

import pytest
from support.samples import hostile_report, sample_dossier, sample_report

from audit.facts import DataObject, ObjectState, Run, model_label
from audit.period import iso
from audit.report.model import Dossier, ModelSection, PeriodHistory, Report, Statuses
from audit.report.tables import COLUMNS, Cell, tables
from audit.verdicts import WeightsStatus


def with_dossiers(*dossiers: Dossier) -> Report:
    return dataclasses.replace(sample_report(), dossiers=dossiers)


def only_row(report: Report, name: str) -> dict[str, Cell]:
    table = tables(report)[name]
    assert len(table.rows) == 1
    return dict(zip(table.columns, table.rows[0], strict=True))


def test_columns_are_those_of_the_contract() -> None:
    assert len(COLUMNS) == 16
    assert COLUMNS["versions"] == (
        "model", "version", "status", "stage", "aliases", "created_at", "created_by", "source",
        "run_id", "logged_model_id", "weights_sha256", "weights_status", "git_commit",
        "git_status", "dvc_status", "env_status", "lineage_status", "scope_reason", "verdict",
        "since_previous",
    )  # fmt: skip
    assert COLUMNS["actions"][:16] == (
        "at", "at_earliest", "at_latest", "actor", "actor_grade", "action", "model", "version",
        "alias", "key", "before", "after", "grade", "cause", "source", "event",
    )  # fmt: skip
    assert COLUMNS["runs"][:14] == (
        "record", "name", "status", "type", "mlflow_run", "mlflow_run_name", "git", "parent",
        "dvc_version", "dvc_linkage_status", "env_fingerprint_status", "command", "when",
        "name_mismatch",
    )  # fmt: skip
    assert COLUMNS["unregistered_runs"][:6] == (
        "run", "mlflow_name", "experiment", "start", "commit_tag", "snapshot_tag",
    )  # fmt: skip


@pytest.mark.parametrize("report", [sample_report(), hostile_report()], ids=["plain", "hostile"])
def test_every_row_is_as_wide_as_its_header(report: Report) -> None:
    made = tables(report)
    assert list(made) == list(COLUMNS)
    for name, table in made.items():
        assert table.columns == COLUMNS[name]
        assert all(len(row) == len(table.columns) for row in table.rows), name


def test_totals_agree_with_the_report() -> None:
    report, made = sample_report(), tables(sample_report())
    assert len(made["versions"].rows) == report.counts.in_scope
    place = COLUMNS["versions"].index("verdict")
    verdicts = [row[place] for row in made["versions"].rows]
    assert verdicts.count("pass") == report.counts.passed
    assert verdicts.count("fail") == report.counts.failed
    assert len(made["controls"].rows) == sum(len(d.results) for d in report.dossiers) + len(
        report.job_results
    )


@pytest.mark.parametrize("name", ["actions", "tenures", "reconciliation", "reviews"])
def test_what_nothing_records_has_a_header_only(name: str) -> None:
    unwatched = dataclasses.replace(sample_report(), history=PeriodHistory())
    assert tables(unwatched)[name].rows == ()


def test_the_history_stands_in_four_tables() -> None:
    report, made = sample_report(), tables(sample_report())
    assert [row[2] for row in made["actions"].rows] == sorted(
        iso(action.when.latest) for action in report.history.actions
    )
    straddling = dict(zip(COLUMNS["actions"], made["actions"].rows[-1], strict=True))
    assert (straddling["at"], straddling["grade"]) == ("", "bracketed")
    assert straddling["at_earliest"] == "2026-09-30T06:00:00.000Z"
    assert len(made["tenures"].rows) == len(report.history.tenures)
    books = {row[0]: row for row in made["reconciliation"].rows}
    assert books["onboarding"][1] is None
    assert books["churn"][5:] == (1, "version 2: source: models:/m-41 → s3://other/model")
    gaps = [row for row in made["gaps"].rows if row[2] == "observation"]
    assert [row[0] for row in gaps] == ["", ""]
    assert gaps[0][3].endswith("only snapshots, before capture was installed")  # type: ignore[union-attr]


def test_order_does_not_depend_on_the_order_of_the_report() -> None:
    report = sample_report()
    shuffled = {
        field: tuple(random.Random(7).sample(value, len(value)))
        for field in ("dossiers", "models", "waivers", "gaps", "changes", "unregistered_runs")
        for value in [getattr(report, field)]
    }
    assert tables(dataclasses.replace(report, **shuffled)) == tables(report)


def test_versions_are_ordered_by_number() -> None:
    ten, nine = sample_dossier("fraud", 7), sample_dossier("fraud", 6)
    report = with_dossiers(
        dataclasses.replace(ten, version=10), dataclasses.replace(nine, version=9)
    )
    assert [row[1] for row in tables(report)["versions"].rows] == [9, 10]


@pytest.mark.parametrize(
    ("workspace", "label"),
    [("default", "fraud"), ("", "fraud"), ("retail", "retail:fraud")],
)
def test_a_workspace_is_named_unless_it_is_the_default(workspace: str, label: str) -> None:
    assert model_label("fraud", workspace) == label
    dossier = dataclasses.replace(sample_dossier(), workspace=workspace)
    report = with_dossiers(dossier)
    model = report.models[0]
    section: ModelSection = dataclasses.replace(model, name="fraud", workspace=workspace)
    made = tables(dataclasses.replace(report, models=(section,)))
    for name in ("models", "versions", "lineage_nodes", "lineage_edges", "consumers"):
        assert {row[0] for row in made[name].rows} == {label}
    assert made["runs"].rows[0][0] == f"{label}/7"
    assert {row[3] for row in made["controls"].rows} == {label, ""}


def test_a_deleted_version_and_the_stage_none() -> None:
    row = only_row(with_dossiers(sample_dossier("churn", 1)), "versions")
    assert (row["status"], row["stage"]) == ("DELETED", "")
    staged = dataclasses.replace(sample_dossier(), stage="Production")
    assert only_row(with_dossiers(staged), "versions")["stage"] == "Production"


def test_a_run_that_is_gone_is_still_named() -> None:
    gone = dataclasses.replace(sample_dossier(), run=None, run_state="gone", run_id="f1c0")
    report = with_dossiers(gone)
    assert only_row(report, "versions")["run_id"] == "f1c0"
    assert tables(report)["runs"].rows == ()


def test_the_digest_and_command_of_the_stage_that_made_the_weights() -> None:
    dossier = sample_dossier("fraud", 6)
    train = dossier.stages[-1]
    row = only_row(with_dossiers(dossier), "runs")
    assert row["record"] == "fraud/6"
    assert row["command"] == train.command == "python src/train.py"
    assert row["dvc_version"] == f"md5:{train.outs[0].digest}"
    assert row["when"] == "2026-08-11T07:02:10.004Z"


def test_a_stage_that_is_only_inferred_is_named_by_its_state() -> None:
    dossier = sample_dossier("fraud", 6)
    edges = tuple(dataclasses.replace(edge, operands=()) for edge in dossier.graph.edges)
    graph = dataclasses.replace(dossier.graph, edges=edges)
    row = only_row(with_dossiers(dataclasses.replace(dossier, graph=graph)), "runs")
    assert row["dvc_version"] == dossier.stages[-1].id


@pytest.mark.parametrize(
    ("name", "tag", "mismatch"),
    [("train", "train", False), ("train", "other", True), ("train", "", None), ("", "x", None)],
)
def test_a_name_mismatch_needs_two_names(name: str, tag: str, mismatch: bool | None) -> None:
    run = Run("r", name=name, tags={"mlflow.runName": tag, "mlflow.parentRunId": "p"})
    row = only_row(with_dossiers(dataclasses.replace(sample_dossier(), run=run)), "runs")
    assert (row["name_mismatch"], row["parent"]) == (mismatch, "p")


_PRESENT, _CACHED = ObjectState.PRESENT, ObjectState.CACHE_ONLY


@pytest.mark.parametrize(
    ("status", "states", "linkage"),
    [
        ("matched", [_PRESENT, ObjectState.NOT_APPLICABLE], "remote_ready"),
        ("matched", [_PRESENT, _CACHED], "local_only"),
        ("matched", [_CACHED, ObjectState.MISSING], "partial"),
        ("matched", [ObjectState.NOT_CHECKED], "partial"),
        ("inferred", [_PRESENT], "partial"),
        ("no_match", [], "missing"),
        ("not_checkable", [], "not_checkable"),
    ],
)
def test_linkage_in_one_word(status: str, states: list[ObjectState], linkage: str) -> None:
    dossier = dataclasses.replace(
        sample_dossier(),
        statuses=Statuses("complete", WeightsStatus.VERIFIED, "reachable", status, "unpinned"),
        objects=tuple(DataObject("d", "r", "eu", state) for state in states),
    )
    row = only_row(with_dossiers(dossier), "runs")
    assert (row["dvc_linkage_status"], row["env_fingerprint_status"]) == (linkage, "partial")


def test_a_data_source_stands_once_with_all_that_used_it() -> None:
    data = sample_dossier("fraud", 7).datasets[:1]
    report = with_dossiers(
        dataclasses.replace(sample_dossier("fraud", 7), datasets=data),
        dataclasses.replace(sample_dossier("fraud", 6), datasets=data * 2),
    )
    row = only_row(report, "datasets")
    assert row["used_by"] == "fraud/6; fraud/7"
    assert row["dataset"] == f"md5:{data[0].digest}"
    assert row["size"] == 734_003_211
    assert str(row["schema"]).startswith("transaction_id string; amount double")


def test_results_of_the_job_have_no_version() -> None:
    rows = [row for row in tables(sample_report())["controls"].rows if row[3] == ""]
    assert rows
    assert {row[4] for row in rows} == {None}
