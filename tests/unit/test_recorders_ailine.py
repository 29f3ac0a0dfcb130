"""AIline's database in each of its forms, and what a hostile one does to an audit: nothing."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.ailine import DIFF, FIRST, SECOND, THIRD, record, write_ailine, write_snapshot

from audit.facts import RecordedRun, Recorder
from audit.sources.recorders.ailine import changed_files, moment, read_ailine

UTC = ZoneInfo("UTC")
BERLIN = ZoneInfo("Europe/Berlin")
SNAPSHOT = "aa" * 32


def read(path: Path, zone: ZoneInfo = UTC) -> tuple[Recorder, tuple[RecordedRun, ...]]:
    return read_ailine(path, zone)


def only(path: Path, zone: ZoneInfo = UTC) -> RecordedRun:
    about, records = read(path, zone)
    assert about.read, about.reason
    assert len(records) == 1
    return records[0]


def test_a_new_database(tmp_path: Path) -> None:
    found = only(write_ailine(tmp_path / "tree.db", record(mlflow_run="r1")))
    assert found.record == found.git == "5f" * 20
    assert (found.name, found.status, found.type, found.mlflow_run) == (
        "brave-otter", "done", "git", "r1",
    )  # fmt: skip
    assert found.dvc_linkage_status == "remote_ready"
    assert found.env_fingerprint_status == "complete"
    assert json.loads(found.command)[:2] == ["python", "src/train.py"]
    assert (found.started_at, found.ended_at) == (1_786_701_600_500, 1_786_701_900_250)
    assert found.exit_code == 0
    assert found.detail["dvc_outputs"] == "1 of 2 with a digest"
    assert found.detail["packages"] == "dvc not installed, mlflow 3.17.2"
    assert "secret" not in found.detail["git_url"]


def test_a_database_of_before_there_were_names_and_statuses(tmp_path: Path) -> None:
    found = only(write_ailine(tmp_path / "tree.db", record(), columns=SECOND))
    assert (found.name, found.status, found.exit_code) == ("", "", None)
    assert found.started_at == moment("2026-08-14T10:00:00", UTC), "when the command was kept"
    assert found.ended_at == moment("2026-08-14T10:05:00.250", UTC), "when the row was written"


def test_the_oldest_database(tmp_path: Path) -> None:
    found = only(write_ailine(tmp_path / "tree.db", record(), columns=FIRST))
    assert (found.command, found.dvc_linkage_status, found.ended_at) == ("", "", None)
    assert found.started_at == moment("2026-08-14T10:05:00.250", UTC)


def test_times_without_a_zone_are_in_the_zone_of_the_job(tmp_path: Path) -> None:
    path = write_ailine(tmp_path / "tree.db", record())
    hours = 2 * 60 * 60 * 1000
    assert only(path, BERLIN).started_at == (only(path).started_at or 0) - hours
    assert moment("2026-08-14T10:00:00+02:00", UTC) == moment("2026-08-14T08:00:00", UTC)
    assert moment("yesterday", UTC) is moment("", UTC) is None


def test_a_run_that_has_not_ended(tmp_path: Path) -> None:
    row = record(status="in_progress", finished_at=None, exit_code=None)
    assert only(write_ailine(tmp_path / "tree.db", row)).ended_at is None


def test_a_snapshot_names_the_files_that_differed(tmp_path: Path) -> None:
    row = record(id=SNAPSHOT, type="snapshot", parent="5f" * 20)
    row |= write_snapshot(tmp_path / ".ailine" / "snapshots", SNAPSHOT)
    found = only(write_ailine(tmp_path / "ailine_tree.db", row))
    assert found.dirty_files == (
        "data/ä.csv.dvc", "logo.png", "new name.txt", "notes.md", "src/train.py",
    )  # fmt: skip
    assert (found.git, found.parent) == ("", "5f" * 20)


def test_a_copied_database_finds_its_snapshots_by_name(tmp_path: Path) -> None:
    row = record(id=SNAPSHOT, type="snapshot")
    row |= write_snapshot(tmp_path / "snapshots", SNAPSHOT)
    row["diff_path"] = f"/srv/training/.ailine/snapshots/{SNAPSHOT}.diff.patch"
    found = only(write_ailine(tmp_path / "ailine_tree.db", row))
    assert "src/train.py" in found.dirty_files


def test_nothing_outside_of_the_folder_is_read(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    outside = write_snapshot(tmp_path / "outside", SNAPSHOT)
    inside.mkdir()
    (inside / "link.patch").symlink_to(outside["diff_path"])
    rows = [
        record(id="1", type="snapshot", diff_path=outside["diff_path"]),
        record(id="2", type="snapshot", diff_path=f"../outside/{SNAPSHOT}.diff.patch"),
        record(id="3", type="snapshot", diff_path="link.patch"),
        record(id="4", type="snapshot", diff_path="."),
        record(id="5", type="snapshot", diff_path="\0"),
    ]
    about, records = read(write_ailine(inside / "tree.db", *rows))
    assert all(not item.dirty_files for item in records)
    assert len(about.problems) == 4
    assert all("is not in the database's folder" in problem for problem in about.problems)


def test_a_large_diff_is_a_problem_and_not_read(tmp_path: Path) -> None:
    row = record(id=SNAPSHOT, type="snapshot") | write_snapshot(tmp_path, SNAPSHOT)
    with Path(row["diff_path"]).open("ab") as file:
        file.truncate(5 * 1024 * 1024)
    about, (found,) = read(write_ailine(tmp_path / "tree.db", row))
    assert found.dirty_files == ("notes.md",)
    assert about.problems == ("record aaaaaaaaaaaa: diff is larger than 4194304 bytes",)


def test_only_some_of_many_files_are_kept(tmp_path: Path) -> None:
    diff = "".join(f"diff --git a/f{n:03} b/f{n:03}\n" for n in range(250))
    row = record(id=SNAPSHOT, type="snapshot") | write_snapshot(tmp_path, SNAPSHOT, diff)
    found = only(write_ailine(tmp_path / "tree.db", row))
    assert len(found.dirty_files) == 200
    assert found.detail["more_dirty_files"] == "51"


@pytest.mark.parametrize("column", ["dvc_linkage_json", "env_fingerprint_json", "run_command_json"])
@pytest.mark.parametrize(
    "value",
    ["", "{", "[]", "7", '{"items": 7, "packages": [], "argv": [1]}', "[" * 100_000, b"\xff"],
)
def test_broken_json_is_empty(tmp_path: Path, column: str, value: object) -> None:
    found = only(write_ailine(tmp_path / "tree.db", record(**{column: value})))
    assert found.name == "brave-otter"


def test_values_of_any_type(tmp_path: Path) -> None:
    row = record(id=b"\xff\xfe", type=1, parent=2.5, status=b"done", exit_code="zero", started_at=7)
    found = only(write_ailine(tmp_path / "tree.db", row))
    assert (found.record, found.type, found.parent, found.status) == ("��", "1", "2.5", "done")
    assert found.exit_code is None


def test_what_is_no_database_of_ailine(tmp_path: Path) -> None:
    other, text = tmp_path / "other.db", tmp_path / "text.db"
    with sqlite3.connect(other) as database:
        database.execute("CREATE TABLE branch (id TEXT)")
    database.close()
    text.write_text("not a database, " * 100)
    for path, reason in (
        (tmp_path / "none.db", "there is no such file"),
        (tmp_path, "there is no such file"),
        (other, "no AIline database"),
        (text, "file is not a database"),
    ):
        about, records = read(path)
        assert not about.read
        assert reason in about.reason
        assert records == ()


def test_reading_writes_nothing(tmp_path: Path) -> None:
    path = write_ailine(tmp_path / "tree.db", record())
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA journal_mode=WAL")
    database.close()
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    path.chmod(0o444)
    only(path)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before
    assert [item.name for item in tmp_path.iterdir() if item.suffix == ".db"] == ["tree.db"]


def test_records_come_by_id(tmp_path: Path) -> None:
    rows = [record(id=name) for name in ("b", "a", "c", "")]
    about, records = read(write_ailine(tmp_path / "tree.db", *rows))
    assert [item.record for item in records] == ["a", "b", "c"]
    assert about.problems == ("1 records without an id were left out",)


def test_the_files_of_a_diff() -> None:
    assert changed_files(DIFF) == ("data/ä.csv.dvc", "logo.png", "new name.txt", "src/train.py")
    added = "diff --git a/x b/x\nnew file mode 100644\n--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+a\n"
    gone = (
        "diff --git a/y b/y\ndeleted file mode 100644\n--- a/y\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n"
    )
    assert changed_files(added + gone) == ("x", "y")
    assert changed_files("") == ()


@given(st.text())
def test_any_text_is_a_diff(text: str) -> None:
    assert "" not in changed_files(text)
    assert isinstance(changed_files(f"diff --git {text}\n+++ {text}"), tuple)


def test_the_forms_grow() -> None:
    assert THIRD.startswith(SECOND)
    assert SECOND.startswith(FIRST)
