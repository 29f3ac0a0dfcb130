"""The ledger: chained, kept whole under concurrent writers, guarded, tampering noticed."""

import contextlib
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.writers import EACH, at_once, open_and_write, seen

from audit.errors import SourceError, VerificationError
from audit.ledger import BUNDLE_SEALED, WEIGHTS_SEEN, Event, Ledger, LedgerMovedError

INTO = "into mlflow_audit_events"
COPY = "select {}, 9, kind, subject, payload, {}, digest from mlflow_audit_events where seq = 2"
UPSERT = "do update set at = 7"
GUARDS = ("no_update", "no_delete", "no_replace")


def url_of(folder: Path) -> str:
    return f"sqlite:///{folder}/ledger.db"


def forge(folder: Path, *statements: str) -> None:
    """Run statements as somebody who removed the triggers first."""
    with sqlite3.connect(folder / "ledger.db") as connection:
        for guard in GUARDS:
            connection.execute(f"drop trigger if exists mlflow_audit_events_{guard}")
        for statement in statements:
            connection.execute(statement)


def test_events_are_chained_and_read_back(tmp_path: Path) -> None:
    ledger = Ledger(url_of(tmp_path))
    head = ledger.append([seen(1), seen(2)])
    assert ledger.append([]) == head
    assert ledger.verify() == head
    found = ledger.first(WEIGHTS_SEEN)
    assert list(found) == ["s3://models/1", "s3://models/2"]
    assert found["s3://models/2"].previous == found["s3://models/1"].digest


def test_the_first_sight_stays_the_first(tmp_path: Path) -> None:
    ledger = Ledger(url_of(tmp_path))
    ledger.append([seen(1, "a"), seen(2, "a")])
    assert ledger.first(WEIGHTS_SEEN)["a"].at == 1


def test_events_of_one_subject_by_kind_and_time(tmp_path: Path) -> None:
    ledger = Ledger(url_of(tmp_path))
    ledger.append([seen(1, "a"), Event(2, BUNDLE_SEALED, "a", {}), seen(3, "b"), seen(4, "a")])
    assert [event.at for event in ledger.events("a")] == [1, 2, 4]
    assert [event.at for event in ledger.events("a", WEIGHTS_SEEN)] == [1, 4]
    assert [event.at for event in ledger.events("a", since=2)] == [2, 4]
    assert ledger.events("A") == []


def test_the_head_counts(tmp_path: Path) -> None:
    ledger = Ledger(url_of(tmp_path))
    assert ledger.head() == ("", 0)
    head = ledger.append([seen(1), seen(2)])
    assert ledger.head() == (head, 2)


@given(st.dictionaries(st.text(), st.none() | st.integers() | st.text(st.characters())))
def test_any_payload_comes_back_as_it_was(payload: dict) -> None:
    ledger = Ledger("sqlite://")
    head = ledger.append([Event(1, WEIGHTS_SEEN, "a", payload)])
    assert dict(ledger.events("a")[0].payload) == payload
    assert ledger.verify() == head


def test_half_a_surrogate_pair_and_nul_are_kept(tmp_path: Path) -> None:
    ledger = Ledger(url_of(tmp_path))
    ledger.append([Event(1, WEIGHTS_SEEN, "a", {"\0": "\ud800"})])
    assert ledger.events("a")[0].payload == {"\0": "\ud800"}
    ledger.verify()


def test_what_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    ledger = Ledger(url_of(tmp_path))
    with pytest.raises(SourceError, match="cannot be written"):
        ledger.append([Event(1, WEIGHTS_SEEN, "\ud800", {})])
    assert ledger.head() == ("", 0)


def test_an_append_onto_a_head_that_moved_is_refused(tmp_path: Path) -> None:
    ledger, other = Ledger(url_of(tmp_path)), Ledger(url_of(tmp_path))
    head = ledger.append([seen(1)], onto="")
    other.append([seen(2)])
    with pytest.raises(LedgerMovedError):
        ledger.append([seen(3)], onto=head)
    assert ledger.head()[1] == 2
    ledger.append([seen(3)], onto=ledger.head()[0])
    ledger.verify()


def test_threads_lose_and_double_nothing(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda writer: open_and_write(url_of(tmp_path), writer), range(4)))
    ledger = Ledger(url_of(tmp_path))
    assert len(ledger.first(WEIGHTS_SEEN)) == ledger.head()[1] == 4 * EACH
    ledger.verify()


def test_processes_that_open_a_fresh_ledger_at_once_lose_and_double_nothing(
    tmp_path: Path,
) -> None:
    at_once(url_of(tmp_path), 4)
    ledger = Ledger(url_of(tmp_path))
    assert ledger.guarded
    assert len(ledger.first(WEIGHTS_SEEN)) == ledger.head()[1] == 4 * EACH
    ledger.verify()


def test_ten_thousand_events_take_no_time(tmp_path: Path) -> None:
    ledger = Ledger(url_of(tmp_path))
    began = time.monotonic()
    head = ledger.append([seen(number) for number in range(10_000)])
    assert ledger.verify(head, 10_000) == head
    assert time.monotonic() - began < 10


# --- the database refuses --------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "update mlflow_audit_events set at = 7 where seq = 1",
        "delete from mlflow_audit_events where seq = 2",
        "delete from mlflow_audit_events",
        f"insert or replace {INTO} {COPY.format('1', 'hex(1)')}",
        f"insert or replace {INTO} {COPY.format('9', 'previous')}",
        f"insert {INTO} {COPY.format('seq', 'previous')} on conflict (seq) {UPSERT}",
    ],
)
def test_the_database_refuses_changes(tmp_path: Path, statement: str) -> None:
    ledger = Ledger(url_of(tmp_path))
    head = ledger.append([seen(1), seen(2)])
    connection = sqlite3.connect(tmp_path / "ledger.db")
    with contextlib.closing(connection), pytest.raises(sqlite3.Error, match="append-only"):
        connection.execute(statement)
    assert ledger.guarded
    assert ledger.verify(head, 2) == head


def test_a_ledger_of_an_earlier_version_gets_its_triggers(tmp_path: Path) -> None:
    head = Ledger(url_of(tmp_path)).append([seen(1)])
    forge(tmp_path)
    assert not Ledger(url_of(tmp_path), make=False).guarded
    ledger = Ledger(url_of(tmp_path))
    assert ledger.guarded
    assert ledger.verify() == head


# --- tampering shows -------------------------------------------------------------------


@pytest.mark.parametrize(
    "tampering",
    [
        "update mlflow_audit_events set payload = '{}' where seq = 2",
        "update mlflow_audit_events set payload = '[]' where seq = 2",
        "update mlflow_audit_events set payload = 'garbage' where seq = 2",
        f"update mlflow_audit_events set payload = '{'[' * 100_000}' where seq = 2",
        "update mlflow_audit_events set payload = x'ff' where seq = 2",
        "update mlflow_audit_events set at = 7 where seq = 1",
        "update mlflow_audit_events set at = 'never' where seq = 1",
        "update mlflow_audit_events set kind = 'bundle_sealed' where seq = 1",
        "update mlflow_audit_events set seq = 9 where seq = 1",
        "delete from mlflow_audit_events where seq = 2",
    ],
)
def test_tampering_breaks_the_chain(tmp_path: Path, tampering: str) -> None:
    ledger = Ledger(url_of(tmp_path))
    ledger.append([seen(1), seen(2), seen(3)])
    forge(tmp_path, tampering)
    with pytest.raises(VerificationError, match="not what was written"):
        ledger.verify()


def test_a_head_stands_where_it_stood(tmp_path: Path) -> None:
    ledger = Ledger(url_of(tmp_path))
    first = ledger.append([seen(1), seen(2)])
    last = ledger.append([seen(3)])
    assert ledger.verify(first, 2) == ledger.verify(last, 3) == last
    with pytest.raises(VerificationError, match="number 3 is another"):
        ledger.verify(first, 3)


def test_a_ledger_that_was_cut_contradicts_the_head(tmp_path: Path) -> None:
    ledger = Ledger(url_of(tmp_path))
    head = ledger.append([seen(1), seen(2), seen(3)])
    forge(tmp_path, "delete from mlflow_audit_events where seq = 3")
    ledger.verify()  # by itself it is whole
    with pytest.raises(VerificationError, match="holds 2 events, and held 3"):
        ledger.verify(head, 3)


def test_a_ledger_that_was_written_anew_contradicts_the_head(tmp_path: Path) -> None:
    ledger = Ledger(url_of(tmp_path))
    head = ledger.append([seen(1), seen(2)])
    forge(tmp_path, "delete from mlflow_audit_events")
    ledger.append([seen(1), seen(2, "s3://models/other"), seen(3)])
    ledger.verify()
    with pytest.raises(VerificationError, match="rewritten: its event number 2"):
        ledger.verify(head, 2)


# --- opening ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    ["sqlite:///{}/absent/ledger.db", "not an address", "oracle://host/db", "sqlite:///{}"],
)
def test_a_ledger_that_cannot_be_opened_is_one_line(tmp_path: Path, url: str) -> None:
    with pytest.raises(SourceError, match="cannot be opened") as caught:
        Ledger(url.format(tmp_path))
    assert "\n" not in str(caught.value)


def test_the_password_of_an_address_is_not_told() -> None:
    with pytest.raises(SourceError, match="cannot be opened") as caught:
        Ledger("postgresql://audit:hunter2@127.0.0.1:1/x?password=hunter3")
    assert "hunter" not in str(caught.value)


def test_who_only_looks_makes_nothing(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="there is no ledger"):
        Ledger(url_of(tmp_path), make=False)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "ledger.db").touch()
    with pytest.raises(SourceError, match="there is no ledger"):
        Ledger(url_of(tmp_path), make=False)
