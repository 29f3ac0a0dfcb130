"""The ledger: chained, kept whole under concurrent writers, tampering noticed."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from audit.errors import SourceError, VerificationError
from audit.ledger import WEIGHTS_SEEN, Event, Ledger


def seen(number: int, subject: str = "") -> Event:
    return Event(
        number, WEIGHTS_SEEN, subject or f"s3://models/{number}", {"sha256": f"{number:064x}"}
    )


def test_events_are_chained_and_read_back(tmp_path: Path) -> None:
    ledger = Ledger(f"sqlite:///{tmp_path}/ledger.db")
    head = ledger.append([seen(1), seen(2)])
    assert ledger.append([]) == head
    assert ledger.verify() == head
    found = ledger.first(WEIGHTS_SEEN)
    assert list(found) == ["s3://models/1", "s3://models/2"]
    assert found["s3://models/2"].previous == found["s3://models/1"].digest


def test_the_first_sight_stays_the_first(tmp_path: Path) -> None:
    ledger = Ledger(f"sqlite:///{tmp_path}/ledger.db")
    ledger.append([seen(1, "a"), seen(2, "a")])
    assert ledger.first(WEIGHTS_SEEN)["a"].at == 1


def test_concurrent_writers_lose_and_double_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    Ledger(url).close()

    def write(writer: int) -> None:
        ledger = Ledger(url)
        for number in range(5):
            ledger.append([seen(writer * 100 + number)])
        ledger.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    ledger = Ledger(url)
    assert len(ledger.first(WEIGHTS_SEEN)) == 20
    ledger.verify()


@pytest.mark.parametrize(
    "tampering",
    [
        "update mlflow_audit_events set payload = '{}' where seq = 2",
        "update mlflow_audit_events set at = 7 where seq = 1",
        "delete from mlflow_audit_events where seq = 2",
    ],
)
def test_tampering_breaks_the_chain(tmp_path: Path, tampering: str) -> None:
    ledger = Ledger(f"sqlite:///{tmp_path}/ledger.db")
    ledger.append([seen(1), seen(2), seen(3)])
    with sqlite3.connect(tmp_path / "ledger.db") as connection:
        connection.execute(tampering)
    with pytest.raises(VerificationError, match="not what was written"):
        ledger.verify()


def test_a_ledger_that_cannot_be_opened_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be opened") as caught:
        Ledger(f"sqlite:///{tmp_path}/absent/ledger.db")
    assert "\n" not in str(caught.value)
