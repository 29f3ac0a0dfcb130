"""Snapshots of a large registry: the whole command, when nothing changed and when one alias did.

    python benchmarks/snapshot.py [models] [versions of each]

MLflow makes the schema and one model; the rest are rows put in by SQL, each version with
two tags. Times are of whole processes, as a timer would start them.
"""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

from bench import best, show, timed

_JOB = "job: {{name: bench}}\nregistry: {{uri: '{uri}'}}\nledger: 'sqlite:///{ledger}'\n"


def fill(folder: Path, models: int, versions: int) -> str:
    """Make a registry with ``models`` × ``versions`` versions and return its address."""
    from support.registry import mlflow_at

    path = folder / "mlflow.db"
    with mlflow_at(f"sqlite:///{path}") as client:
        client.create_registered_model("made-by-mlflow")
    names = [f"model-{number:04d}" for number in range(models)]
    numbers = range(1, versions + 1)
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany(
            "INSERT INTO registered_models (workspace, name, creation_time, last_updated_time)"
            " VALUES ('default', ?, 1750000000000, 1750000000000)",
            [(name,) for name in names],
        )
        connection.executemany(
            "INSERT INTO model_versions (workspace, name, version, creation_time,"
            " last_updated_time, current_stage, source, storage_location, run_id, status)"
            " VALUES ('default', ?, ?, 1750000000000, 1750000000000, 'None', ?, ?, ?, 'READY')",
            [
                (name, number, f"models:/m-{at:028d}{number:04d}", f"s3://models/{at}/{number}",
                 f"{at:028d}{number:04d}")
                for at, name in enumerate(names)
                for number in numbers
            ],
        )  # fmt: skip
        connection.executemany(
            "INSERT INTO model_version_tags (workspace, name, version, key, value)"
            " VALUES ('default', ?, ?, ?, 'yes')",
            [(name, n, key) for name in names for n in numbers for key in ("approved", "tested")],
        )
        connection.executemany(
            "INSERT INTO registered_model_aliases (workspace, name, alias, version)"
            " VALUES ('default', ?, 'champion', ?)",
            [(name, versions) for name in names],
        )
    return f"sqlite:///{path}"


def main(models: int = 500, versions: int = 20) -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        job = folder / "job.yaml"
        job.write_text(_JOB.format(uri=fill(folder, models, versions), ledger=folder / "ledger.db"))

        def take() -> str:
            command = [sys.executable, "-m", "audit", "snapshot", str(job)]
            return subprocess.run(command, check=True, capture_output=True, text=True).stdout

        rows = [("first", *timed(take))]
        rows.append(("nothing changed", *best(take, 5)))
        with contextlib.closing(sqlite3.connect(folder / "mlflow.db")) as connection, connection:
            connection.execute("UPDATE registered_model_aliases SET version = 1 WHERE rowid = 7")
        rows.append(("one alias moved", *timed(take)))
        rows.append(("nothing changed", *best(take, 5)))
        show(
            f"mlflow-audit snapshot, {models * versions} versions, whole process",
            ("case", "seconds", "it says"),
            [(case, f"{seconds:.2f}", said.strip()) for case, seconds, said in rows],
        )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
