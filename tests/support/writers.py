"""Processes that write to one ledger at once."""

import multiprocessing
from multiprocessing.synchronize import Barrier

from audit.ledger import WEIGHTS_SEEN, Event, Ledger

EACH = 25
"""Events that one writer adds, in appends of one and of several."""


def seen(number: int, subject: str = "") -> Event:
    """Return an event that tells apart by its number."""
    return Event(
        number, WEIGHTS_SEEN, subject or f"s3://models/{number}", {"sha256": f"{number:064x}"}
    )


def open_and_write(url: str, writer: int) -> None:
    """Open a ledger that may not be there yet and add this writer's events."""
    ledger = Ledger(url)
    numbers = [writer * 1000 + number for number in range(EACH)]
    for number in numbers[:10]:
        ledger.append([seen(number)])
    for start in range(10, EACH, 5):
        ledger.append([seen(number) for number in numbers[start : start + 5]])
    ledger.close()


def _wait_and_write(url: str, writer: int, start: Barrier) -> None:
    start.wait(60)
    open_and_write(url, writer)


def at_once(url: str, writers: int) -> None:
    """Let processes open one ledger and write to it at the same time; all have to succeed."""
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(writers)
    processes = [
        context.Process(target=_wait_and_write, args=(url, number, start))
        for number in range(writers)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0] * writers
