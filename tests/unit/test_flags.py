"""Flags in the ledger: set, taken back, as they stood at a moment, by several at once."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from audit.errors import UsageError
from audit.gather import flags
from audit.ledger import FLAGGED, Event, Ledger

URI = "postgresql://audit:secret@db/mlflow"


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(f"sqlite:///{tmp_path}/ledger.db")


def standing(ledger: Ledger, as_of: int | None = None) -> list[str]:
    return [item.version for item in flags.standing(ledger, URI, as_of)]


def test_a_flag_stands_until_it_is_taken_back_and_stays_on_record(ledger: Ledger) -> None:
    flags.flag(ledger, URI, "churn/4", "alice", "drifted", 10)
    flags.flag(ledger, URI, "churn/3", "bob", "drifted too", 20)
    flags.unflag(ledger, URI, "churn/4", "alice", "a false alarm", 30)
    assert standing(ledger) == ["churn/3"]
    assert [standing(ledger, moment) for moment in (10, 11, 25, 31)] == [
        [],
        ["churn/4"],
        ["churn/3", "churn/4"],
        ["churn/3"],
    ]
    assert ledger.head()[1] == 3
    ledger.verify()


def test_a_flag_keeps_the_claim_of_who_set_it_and_why(ledger: Ledger) -> None:
    flags.flag(ledger, URI, "churn/4", "alice", "drifted", 10)
    (found,) = flags.standing(ledger, URI)
    assert (found.at, found.by, found.reason) == (10, "alice", "drifted")


def test_a_second_reason_does_not_hide_the_first(ledger: Ledger) -> None:
    flags.flag(ledger, URI, "churn/4", "alice", "drifted", 10)
    with pytest.raises(UsageError, match="flagged already, by alice on 1970-01-01: drifted"):
        flags.flag(ledger, URI, "churn/4", "bob", "other", 20)
    with pytest.raises(UsageError, match="churn/3 is not flagged"):
        flags.unflag(ledger, URI, "churn/3", "bob", "why not", 20)


def test_flags_of_another_registry_are_not_ours_and_no_password_is_written(
    ledger: Ledger,
) -> None:
    flags.flag(ledger, "sqlite:///other.db", "churn/4", "alice", "drifted", 10)
    assert standing(ledger) == []
    flags.flag(ledger, URI, "churn/4", "alice", "drifted", 20)
    assert standing(ledger) == ["churn/4"]
    assert "secret" not in ledger.events("postgresql://audit:***@db/mlflow", FLAGGED)[0].subject


def test_an_event_of_another_form_flags_nothing(ledger: Ledger) -> None:
    subject = "postgresql://audit:***@db/mlflow"
    payloads = ({}, {"version": 4, "by": "x", "reason": "y"}, {"version": "churn/4"})
    ledger.append([Event(1, FLAGGED, subject, payload) for payload in payloads])
    assert standing(ledger) == []


def test_of_several_at_once_one_flags_and_the_others_are_told(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    Ledger(url).close()

    def attempt(number: int) -> bool:
        try:
            flags.flag(Ledger(url), URI, "churn/4", f"user {number}", "drifted", number)
        except UsageError:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(attempt, range(4))) == 1
    assert Ledger(url).head()[1] == 1
