"""What the triggers cost: setting a tag and creating a version, with and without them."""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench import show, timed
from support.registry import mlflow_at
from support.services import postgresql

from audit.capture.install import install, remove

ROUNDS = 12
CALLS = 25


def measure(uri: str, rounds: int) -> list[tuple[str, str, str, str]]:
    """Return a row for each action: milliseconds a call without and with triggers, their ratio.

    The two are measured in turns, so that what else the machine does falls on both.
    """
    with mlflow_at(uri) as client:
        client.create_registered_model("m")
        client.create_model_version("m", "s3://bucket/m")
        number = iter(range(1_000_000))
        actions: dict[str, Callable[[], Any]] = {
            "set tag": lambda: client.set_model_version_tag("m", "1", "k", str(next(number))),
            "create version": lambda: client.create_model_version("m", "s3://bucket/m"),
        }
        found: dict[tuple[str, bool], list[float]] = {}
        for turn in range(2 * rounds):
            with_triggers = bool(turn % 2)
            (install if with_triggers else remove)(uri)
            for name, action in actions.items():
                action()
                for _ in range(CALLS):
                    found.setdefault((name, with_triggers), []).append(timed(action)[0] * 1000)
    rows = []
    for name in actions:
        without = statistics.median(found[name, False])
        with_them = statistics.median(found[name, True])
        rows.append((name, f"{without:.2f}", f"{with_them:.2f}", f"{with_them / without:.2f} x"))
    return rows


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    with tempfile.TemporaryDirectory() as name, postgresql() as server:
        server.run("postgres", "CREATE DATABASE registry")
        for database, uri in (
            ("SQLite", f"sqlite:///{Path(name) / 'mlflow.db'}"),
            ("PostgreSQL", server.uri("registry").replace("postgresql:", "postgresql+psycopg:")),
        ):
            with mlflow_at(uri) as client:
                client.search_registered_models()
            columns = ("action", "ms without", "ms with triggers", "ratio")
            show(f"{database}, {rounds * CALLS} calls each", columns, measure(uri, rounds))


if __name__ == "__main__":
    main()
