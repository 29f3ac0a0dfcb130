"""Records joined to MLflow's runs: by a client's word, else by time and commit, or not at all."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.ailine import record as row
from support.ailine import write_ailine
from support.subjects import subject_for

from audit.config.sections import Sources
from audit.controls.registry import VersionSubject
from audit.facts import RecordedRun, Run, VersionFacts
from audit.gather.recorders import Recorders, linked
from audit.period import Period

SHA, OTHER = "5f" * 20, "6e" * 20
NOW = 1_786_701_600_000


def run(name: str, started: int | None = NOW, sha: str = SHA, **tags: str) -> Run:
    told = {"mlflow.source.git.commit": sha} if sha else {}
    return Run(name, name=f"name of {name}", started_at=started, tags={**told, **tags})


def record(name: str = "x", **values: Any) -> RecordedRun:
    given = {"source": "ailine", "type": "snapshot", "parent": SHA, "started_at": NOW, **values}
    return RecordedRun(location="tree.db", record=name, **given)


def only(records: list[RecordedRun], *runs: Run) -> RecordedRun:
    (found,) = linked(records, runs)
    return found


def test_a_record_that_names_its_run() -> None:
    found = only([record(mlflow_run="r1")], run("r1", 0), run("r2"))
    assert (found.mlflow_run, found.mlflow_run_name) == ("r1", "name of r1")
    assert found.linked_by == "the record names the run"
    assert not found.inferred


def test_what_the_run_says_besides() -> None:
    named = [record(mlflow_run="r1")]
    found = only(named, run("r1", **{"ailine.correlation_id": "7"}))
    assert found.linked_by == "the record names the run, which began under AIline"
    found = only(named, run("r1", snapshot="x"))
    assert found.linked_by == "the record names the run, and its tag snapshot the record"
    found = only(named)
    assert found.linked_by == "the record names the run, which MLflow does not have"
    assert (found.mlflow_run, found.mlflow_run_name) == ("r1", "")


@pytest.mark.parametrize(("kind", "tag"), [("snapshot", "snapshot"), ("git", "commit")])
def test_a_run_whose_tag_names_the_record(kind: str, tag: str) -> None:
    item = record("abc", type=kind, started_at=0)
    found = only([item], run("r1", **{tag: "abc"}), run("r2"))
    assert (found.mlflow_run, found.linked_by) == ("r1", f"the run's tag {tag} names the record")


def test_a_tag_that_two_runs_have_links_neither() -> None:
    item = record(SHA, type="git", started_at=0)
    both = [run(name, sha="", commit=SHA) for name in ("r1", "r2")]
    assert only([item], *both).mlflow_run == ""
    assert only([item], both[0], run("r2")).mlflow_run == "r1"


def test_a_record_of_mltrace_is_named_by_no_tag() -> None:
    item = record("abc", source="mltrace", type="snapshot", started_at=0)
    assert only([item], run("r1", snapshot="abc")).mlflow_run == ""


@pytest.mark.parametrize(
    ("item", "started", "commit"),
    [
        (record(), NOW - 30_000, SHA),
        (record(), NOW + 30_000, SHA),
        (record(ended_at=NOW + 600_000), NOW + 630_000, SHA),
        (record(parent=SHA[:7]), NOW, SHA),
        (record(source="mltrace", type="train", parent="", git=SHA), NOW, SHA.upper()),
    ],
)
def test_time_and_commit_together_lead_to_a_run(
    item: RecordedRun, started: int, commit: str
) -> None:
    found = only([item], run("r1", started, commit))
    assert found.mlflow_run == "r1"
    assert found.inferred
    assert found.linked_by.startswith("inferred: the same commit")


@pytest.mark.parametrize(
    ("item", "started", "commit"),
    [
        (record(), NOW - 30_001, SHA),
        (record(), NOW + 30_001, SHA),
        (record(), NOW, OTHER),
        (record(), NOW, ""),
        (record(), NOW, SHA[:5]),
        (record(parent=""), NOW, SHA),
        (record(parent=SHA[:3]), NOW, SHA),
        (record(started_at=None), NOW, SHA),
        (record(), None, SHA),
        (record(ended_at=NOW - 600_000), NOW - 600_000, SHA),
    ],
)
def test_what_does_not_lead_to_a_run(item: RecordedRun, started: int | None, commit: str) -> None:
    found = only([item], run("r1", started, commit))
    assert (found.mlflow_run, found.linked_by, found.inferred) == ("", "", False)


def test_two_that_could_be_meant_link_nothing() -> None:
    assert only([record()], run("r1"), run("r2")).mlflow_run == ""
    assert [item.mlflow_run for item in linked([record("x"), record("y")], [run("r1")])] == ["", ""]


def test_a_run_that_another_record_names_is_taken() -> None:
    found = linked([record("x", mlflow_run="r1"), record("y")], [run("r1")])
    assert [item.mlflow_run for item in found] == ["r1", ""]


def test_commands_lose_their_secrets() -> None:
    words = json.dumps(["python", "t.py", "--token", "abc", "a b"])
    assert only([record(command=words)]).command == "python t.py --token <removed> a b"
    assert only([record(command="python t.py --token abc")]).command == (
        "python t.py --token <removed>"
    )
    assert len(only([record(command=json.dumps(["x" * 9000] * 900))]).command) <= 2000
    assert only([record(command="[" * 99_999)]).command.startswith("[[")


# --- as a whole ----------------------------------------------------------------------------


def facts() -> VersionFacts:
    subject = subject_for("version", {})
    assert isinstance(subject, VersionSubject)
    return subject.facts


def test_records_of_the_period_and_of_its_runs(tmp_path: Path) -> None:
    own = facts()
    assert own.run is not None
    rows = [
        row(id="in", started_at="2026-08-14T10:00:00"),
        row(id="before", started_at="2026-06-30T23:59:59"),
        row(id="linked", started_at="2026-06-01T00:00:00", mlflow_run=own.run.run_id),
        row(id="loose", started_at="2026-06-01T00:00:00", mlflow_run="r-loose"),
        row(id="late", started_at="2026-09-30T00:00:00"),
        row(id="timeless", started_at=None, timestamp=None, run_command_json=None),
    ]
    path = write_ailine(tmp_path / "tree.db", *rows)
    period = Period("2026-Q3", 1_782_864_000_000, 1_790_812_800_000)
    as_of = 1_790_700_000_000
    others = Recorders(Sources(ailine=(path,)), [own.run, run("r-loose")], as_of)
    told = others.told(own, [])
    assert [item.record for item in told.recorded] == ["linked"]
    found = others.records(period, [told], [run("r-loose")])
    assert [item.record for item in found] == ["in", "linked", "loose"]
    assert others.about[0].records == 6


def test_a_version_without_a_run_has_no_records(tmp_path: Path) -> None:
    path = write_ailine(tmp_path / "tree.db", row(mlflow_run=None))
    others = Recorders(Sources(ailine=(path,)), [], NOW * 2)
    none = replace(facts(), run=None, version=replace(facts().version, run_id=""))
    assert others.told(none, []).recorded == ()


def test_a_database_that_cannot_be_read_is_a_fact(tmp_path: Path) -> None:
    settings = Sources(ailine=(tmp_path / "none.db",), mltrace=("postgresql://a:pw@127.0.0.1:1/m",))
    others = Recorders(settings, [], NOW)
    assert [item.read for item in others.about] == [False, False]
    assert others.about[0].reason == "there is no such file"
    assert "cannot be reached" in others.about[1].reason
    assert "pw" not in others.about[1].location + others.about[1].reason
    assert others.told(facts(), []).recorded == ()
