"""What observing adds to the ledger, and that it always comes together again."""

import contextlib
import sqlite3
import subprocess
import sys
from dataclasses import replace

import pytest

from audit import canonical
from audit.facts import CapturedRow, ModelVersion, RegisteredModel, Registry
from audit.gather.observe import note, observe
from audit.gather.recall import folded, recall, thinned, until
from audit.history.state import digest, state_of
from audit.ledger import ROWS_CAPTURED, SNAPSHOT_TAKEN, Event, Ledger
from audit.sources.registry.readers import open_registry

URI = "http://example.org"
HOUR = 3_600_000


def registry(champion=1, description="", name="fraud"):
    return Registry(
        URI,
        "sql",
        models=(
            RegisteredModel(
                name, created_at=50, description=description, aliases={"champion": champion}
            ),
        ),
        versions=tuple(
            ModelVersion(name, number, created_at=100 + number, source=f"s3://b/{number}")
            for number in (1, 2, 3)
        ),
    )


@pytest.fixture
def ledger(tmp_path):
    with contextlib.closing(Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")) as opened:
        yield opened


def test_the_first_snapshot_holds_all_and_the_second_only_that_it_looked(ledger):
    first = note(registry(), URI, ledger, 1000)
    assert first.first
    assert len(first.snapshot.changes) == first.snapshot.entries == 8
    second = note(registry(), URI, ledger, 2000, 2005)
    assert not second.first
    assert (second.snapshot.changes, second.snapshot.renames) == ((), ())
    assert (second.snapshot.at, second.snapshot.ended_at) == (2000, 2005)
    (_, event) = ledger.events(URI, SNAPSHOT_TAKEN)
    assert len(canonical.dumps(dict(event.payload))) < 250


def test_changes_and_renames_come_together_again(ledger):
    readings = [
        registry(),
        registry(2),
        registry(2, "x"),
        registry(2, "x", "scoring"),
        registry(3, "", "scoring"),
        registry(1),
    ]
    for number, found in enumerate(readings):
        seen = observe(found, URI, ledger, 1000 * number)
        assert seen.problems == ()
        assert folded(seen.snapshots) == state_of(found, "sql")
    assert [len(item.renames) for item in seen.snapshots] == [0, 0, 0, 1, 0, 1]
    assert ledger.head()[1] == len(readings)


def test_a_reading_that_overlaps_another_one_counts_only_if_both_found_the_same(ledger):
    note(registry(2), URI, ledger, 1000, 1500)
    same = note(registry(2), URI, ledger, 1200, 1600)
    assert (same.snapshot, same.overlaps) == (None, None)
    other = note(registry(1), URI, ledger, 1200, 1600)
    assert (other.snapshot, other.overlaps) == (None, 1500)
    assert len(ledger.events(URI, SNAPSHOT_TAKEN)) == 1
    (problem,) = observe(registry(1), URI, ledger, 1200, 1600).problems
    assert "overlaps one that ended at 1970-01-01T00:00:01.500Z" in problem


def test_registries_in_one_ledger_stay_apart(ledger):
    observe(registry(), URI, ledger, 1000)
    seen = observe(registry(2), "http://user:secret@other.example.org", ledger, 1000)
    assert len(seen.snapshots) == 1
    assert "secret" not in str([dict(event.payload) for event in ledger.events(URI)])


def test_a_state_that_does_not_come_to_its_digest_is_told(ledger):
    snapshot = note(registry(), URI, ledger, 1000).snapshot
    changed = replace(snapshot, at=2000, digest="0" * 64, changes=())
    ledger.append([Event(2000, SNAPSHOT_TAKEN, URI, canonical.plain(changed))])
    (problem,) = recall(ledger, URI).problems
    assert "does not come to the digest of the reading of 1970-01-01T00:00:02" in problem


def test_an_event_that_another_version_wrote_is_left_out_and_told(ledger):
    observe(registry(), URI, ledger, 1000)
    row = CapturedRow(1, 1500, "insert", "registered_models", new={"name": "fraud"})
    ledger.append(
        [
            Event(2000, ROWS_CAPTURED, URI, {"lines": []}),
            Event(2000, ROWS_CAPTURED, URI, {"rows": canonical.plain([row])}),
        ]
    )
    seen = recall(ledger, URI)
    assert seen.rows == (row,)
    assert "1970-01-01T00:00:02.000Z (rows_captured)" in seen.problems[0]


def test_of_readings_that_found_nothing_one_an_hour_is_kept(ledger):
    for minute in range(0, 181, 5):
        note(registry(2 if minute >= 100 else 1), URI, ledger, minute * 60_000)
    times = [item.at // 60_000 for item in thinned(recall(ledger, URI)).snapshots]
    assert times == [0, 5, 65, 95, 100, 105, 165, 180]


@pytest.mark.parametrize("moment", [1, 41 * 60_000, 40 * 60_000, 95 * 60_000])
def test_what_is_told_of_the_past_is_the_same_however_often_one_looks_later(ledger, moment):
    told = set()
    for minute in range(0, 181, 5):
        note(registry(2 if minute >= 100 else 1), URI, ledger, minute * 60_000)
        if minute * 60_000 > moment:
            told.add(thinned(until(recall(ledger, URI), moment)))
    (seen,) = told
    assert seen.snapshots[-1].at > moment
    assert [item.at for item in seen.snapshots if item.at > moment] == [seen.snapshots[-1].at]


def test_a_registry_that_cannot_be_asked_for_its_capture_log_is_a_problem_and_no_error(
    ledger, tmp_path
):
    seen = observe(registry(), f"sqlite:///{tmp_path / 'gone.db'}", ledger, 1000)
    assert "The capture log cannot be read" in seen.problems[0]
    assert len(seen.snapshots) == 1


_WRITER = """
import contextlib, sqlite3, sys
from audit.cli import main
database, job, start = sys.argv[1:]
for number in range(8):
    with contextlib.closing(sqlite3.connect(database, timeout=60)) as connection, connection:
        connection.execute(
            "UPDATE registered_model_aliases SET version = version + 1 WHERE alias = ?", (start,)
        )
    assert main(["snapshot", job]) == 0
"""


def test_two_processes_at_once_lose_and_invent_nothing(tmp_path):
    database, job = tmp_path / "registry.db", tmp_path / "job.yaml"
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        connection.executescript(
            """
            CREATE TABLE registered_models (workspace, name, creation_time, description);
            CREATE TABLE registered_model_aliases (workspace, name, alias, version);
            CREATE TABLE model_versions (workspace, name, version, creation_time, current_stage);
            INSERT INTO registered_models VALUES ('default', 'fraud', 50, NULL);
            INSERT INTO registered_model_aliases VALUES ('default', 'fraud', 'a', 1);
            INSERT INTO registered_model_aliases VALUES ('default', 'fraud', 'b', 1);
            """
        )
    uri, url = f"sqlite:///{database}", f"sqlite:///{tmp_path / 'ledger.db'}"
    job.write_text(f"job: {{name: test}}\nregistry: {{uri: '{uri}'}}\nledger: '{url}'\n")
    writers = [
        subprocess.Popen([sys.executable, "-c", _WRITER, str(database), str(job), alias])
        for alias in ("a", "b")
    ]
    assert [writer.wait(120) for writer in writers] == [0, 0]
    state = state_of(open_registry(uri).read_models(), "sql")
    with contextlib.closing(Ledger(url)) as ledger:
        seen = recall(ledger, uri)
        ledger.verify()
    assert seen.problems == ()
    assert folded(seen.snapshots) == state
    assert digest(state) == seen.snapshots[-1].digest
    for alias in ("a", "b"):
        values = [
            int(change.after)
            for item in seen.snapshots
            for change in item.changes
            if change.entry[0] == "alias" and change.entry[3] == alias
        ]
        assert values == sorted(set(values))
        assert values[-1] == 9
    assert [s.at for s in seen.snapshots] == sorted(s.at for s in seen.snapshots)
