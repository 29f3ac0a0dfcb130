"""Every recorded run with its links, in the tables and on the pages."""

from __future__ import annotations

import dataclasses

from support.hostile import hostile
from support.samples import sample_dossier, sample_report

from audit.facts import DeclaredDigest, DeclaredOrigin, RecordedRun, Recorder, Run
from audit.render.dashboard import render_dashboard
from audit.render.html import dossier_page, report_page
from audit.render.recorders import limits, origin, records, runs, unlinked
from audit.report.model import Dossier, Report
from audit.report.tables import Cell, tables

RECORDS = (
    RecordedRun(
        source="ailine",
        location="/srv/ailine_tree.db",
        record="aa" * 32,
        name="brave-otter",
        status="done",
        type="snapshot",
        mlflow_run="r-loose",
        mlflow_run_name="nightly",
        linked_by="the record names the run",
        parent="5f" * 20,
        dvc_linkage_status="remote_ready",
        env_fingerprint_status="complete",
        command="python train.py",
        started_at=1_786_701_600_000,
        exit_code=0,
        dirty_files=tuple(f"src/f{n}.py" for n in range(30)),
        detail={"python": "3.11.7", "unknown": "not shown", "more_dirty_files": "3"},
    ),
    RecordedRun(
        source="mltrace",
        location="postgresql://reader@db/mltrace",
        record="7",
        type="train",
        git="3f" * 20,
        depends_on=("1", "6"),
        flagged=("predictions-1",),
        stale=("etl (record 1) ran 40 days before",),
    ),
)
READ = (
    Recorder("ailine", "/srv/ailine_tree.db", records=1, problems=tuple("abcdefg")),
    Recorder("mltrace", "postgresql://reader@db/mltrace", read=False, reason="it is not there"),
)
LOOSE = (Run("r-loose", name="nightly"), Run("r-other", tags={"ailine.correlation_id": "7"}))


def report() -> Report:
    return dataclasses.replace(
        sample_report(), recorded=RECORDS, recorders=READ, unregistered_runs=LOOSE
    )


def rows(name: str, of: Report) -> list[dict[str, Cell]]:
    table = tables(of)[name]
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def dossier() -> Dossier:
    return dataclasses.replace(
        sample_dossier(),
        recorded=RECORDS,
        declared_origin=DeclaredOrigin(
            "mlflow_exim.field", "churn", "2", "r9", "ann", 1_786_701_600_000,
            fields={"git_commit": "5f" * 20},
        ),
        declared_digests=(
            DeclaredDigest("dvc_data_md5", "00" * 16, "run tag", "data/raw.csv", used=True),
            DeclaredDigest(
                "data_md5", "11" * 16, "run param", "raw.csv", contradicts=f"raw.csv@{'22' * 16}"
            ),
        ),
    )  # fmt: skip


def test_records_stand_beside_the_versions() -> None:
    found = {row["record"]: row for row in rows("runs", report())}
    assert len(found) == len(rows("runs", sample_report())) + 2
    snapshot, train = found["aa" * 32], found["7"]
    assert snapshot["name_mismatch"] is True
    assert snapshot["when"] == "2026-08-14T10:00:00.000Z"
    assert (train["name_mismatch"], train["when"], train["mlflow_run"]) == (None, "", "")
    assert {row["source"] for row in found.values()} == {"registry", "ailine", "mltrace"}


def test_a_run_that_only_a_recorder_knows_stays_unregistered() -> None:
    found = {row["run"]: row["recorded_by"] for row in rows("unregistered_runs", report())}
    assert found == {
        "r-loose": f"ailine:{'aa' * 32}",
        "r-other": "ailine (correlation tag only)",
    }


def test_runs_come_latest_first_and_those_without_a_time_last() -> None:
    order = [row.when for row in runs(report())]
    assert order == sorted(order, reverse=True)
    assert order[-1] == ""
    assert [run.run_id for run in unlinked(report())] == ["r-other"]


def test_what_could_not_be_read_is_said() -> None:
    said = limits(report())
    assert said[-1] == "mltrace database postgresql://reader@db/mltrace: it is not there."
    assert said[-2] == "AIline database /srv/ailine_tree.db: 2 more problems, in report.json."
    page = render_dashboard(report()).decode()
    assert "it is not there" in page


def test_the_dashboard_shows_runs_and_those_that_nothing_links_to() -> None:
    page = render_dashboard(report()).decode()
    assert "brave-otter" in page
    assert "the record has the name" in page
    assert "1 MLflow run of the period that nothing links to" in page
    assert '<a href="#runs">' in page


def test_many_runs_are_cut_and_counted() -> None:
    many = tuple(dataclasses.replace(RECORDS[0], record=f"{n:064}") for n in range(40))
    page = render_dashboard(dataclasses.replace(report(), recorded=many, table_rows=10)).decode()
    total = len(runs(dataclasses.replace(report(), recorded=many)))
    assert f"The first 10 of {total} are shown" in page


def test_without_runs_there_is_no_section() -> None:
    none = dataclasses.replace(
        sample_report(), dossiers=(), models=(), exceptions=(), unregistered_runs=()
    )
    assert 'id="runs"' not in render_dashboard(none).decode()


def test_a_dossier_says_what_others_say() -> None:
    said = records(dossier(), 10).rows
    assert "differed from commit 5f" in said[0].remark
    assert "src/f19.py and 13 more" in said[0].remark
    assert "not shown" not in said[0].remark
    assert "Stale when it began: etl" in said[1].remark
    assert "It came after record 1, 6." in said[1].remark
    assert said[1].alarm
    told = origin(dossier())
    assert "churn version 2" in told
    assert "registered 2026-08-14 10:00 UTC" in told
    assert told.endswith("which a client may write.")


def test_an_origin_of_the_run_alone() -> None:
    own = dataclasses.replace(
        sample_dossier(), declared_origin=DeclaredOrigin("mlflow_exim.run_info", run_id="r9")
    )
    assert "there its run was r9; here it is" in origin(own)
    assert origin(sample_dossier()) == ""


def test_hostile_records_are_inert() -> None:
    page = render_dashboard(hostile(report())).decode()
    assert "<script>alert" not in page
    assert "<img src=file" not in page
    for own in (dossier(), hostile(dossier())):
        shown = dossier_page(own, "html")
        assert "What other recorders say" in shown
        assert "<script>alert" not in shown
    assert "Other recorders" in report_page(report())
    assert "<script>alert" not in report_page(hostile(report()))
