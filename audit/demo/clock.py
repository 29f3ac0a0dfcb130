"""Moves the registry's times to the story's dates, and purges one run.

MLflow stamps everything with the present, and no client call changes that. So this
updates the demo's own SQLite file by SQL, and the times that stand in and on the
model folders with it. How long things took stays as it was. An ordinary registry
is never written to by this tool.
"""

from __future__ import annotations

import datetime as dt
import os
import re
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlsplit

from audit.demo import story
from audit.demo.repository import Trained
from audit.demo.story import DAY, HOUR

_RUN_TIMES = (
    ("metrics", "timestamp", "run_uuid"),
    ("latest_metrics", "timestamp", "run_uuid"),
    ("logged_models", "creation_timestamp_ms", "source_run_id"),
    ("logged_models", "last_updated_timestamp_ms", "source_run_id"),
    ("logged_model_metrics", "metric_timestamp_ms", "run_id"),
    ("runs", "start_time", "run_uuid"),
    ("runs", "end_time", "run_uuid"),
)
_PURGED_FROM = ("metrics", "latest_metrics", "params", "tags")
_CREATED = re.compile(r"^utc_time_created: .*$", re.MULTILINE)


def set_back(
    database: Path, trained: Mapping[str, Sequence[Trained]], done: Mapping[str, int], begun: int
) -> None:
    """Give every record of the registry its time in the story.

    ``trained`` has each project's trainings in the order in which they were run, of which
    so many as ``done`` says have their time already; the runs of the others began, by the
    clock of this machine, at ``begun`` or later (UTC ms).
    """
    with closing(sqlite3.connect(database)) as connection:
        with connection:
            for project, records in trained.items():
                _trainings(connection, project, records, done.get(project, 0), begun)
            _monitoring(connection, begun)
            _versions(connection)
            _containers(connection)
            _purge(connection, *story.PURGED)
        places = connection.execute(
            "SELECT artifact_location, creation_timestamp_ms FROM logged_models"
        ).fetchall()
        places += connection.execute(
            "SELECT storage_location, creation_time - ? FROM model_versions WHERE run_id IS NULL",
            (DAY,),
        ).fetchall()
    for location, created in places:
        _date_folder(Path(unquote(urlsplit(location).path)), created)


def _runs(
    connection: sqlite3.Connection, experiment: str, begun: int
) -> list[tuple[str, str, int]]:
    """Return id, name and start of an experiment's new runs, in the order they were run."""
    return connection.execute(
        "SELECT run_uuid, runs.name, start_time FROM runs JOIN experiments USING (experiment_id)"
        " WHERE experiments.name = ? AND start_time >= ? ORDER BY start_time",
        (experiment, begun),
    ).fetchall()


def _shift(connection: sqlite3.Connection, run_id: str, by: int) -> None:
    for table, column, key in _RUN_TIMES:
        connection.execute(
            f"UPDATE {table} SET {column} = {column} + ? WHERE {key} = ?",  # noqa: S608
            (by, run_id),
        )


def _trainings(
    connection: sqlite3.Connection,
    project: str,
    records: Sequence[Trained],
    done: int,
    begun: int,
) -> None:
    """Move a project's new runs and the versions that they registered."""
    version = sum(record.registered for record in records[:done])
    new = _runs(connection, project, begun)
    for (run_id, _, started), record in zip(new, records[done:], strict=True):
        by = record.at - started
        _shift(connection, run_id, by)
        if record.registered:
            version += 1
            connection.execute(
                "UPDATE model_versions SET creation_time = creation_time + ?"
                " WHERE name = ? AND version = ?",
                (by, project, version),
            )


def _monitoring(connection: sqlite3.Connection, begun: int) -> None:
    at = {f"backtest-{p.name}-{p.backtested}": p.backtest for p in story.PROJECTS.values()}
    for run_id, name, started in _runs(connection, "monitoring", begun):
        _shift(connection, run_id, story.moment(at[name]) - started)


def _versions(connection: sqlite3.Connection) -> None:
    """Set the times of versions made by hand, of descriptions and of the deletion."""
    for made in story.HANDMADE:
        connection.execute(
            "UPDATE model_versions SET creation_time = ? WHERE name = ? AND version = ?",
            (story.moment(made.at), made.model, made.version),
        )
    connection.execute("UPDATE model_versions SET last_updated_time = creation_time")
    for key in story.NOTES:
        connection.execute(
            "UPDATE model_versions SET last_updated_time = creation_time + ?"
            " WHERE name = ? AND version = ?",
            (HOUR, *key.split("/")),
        )
    model, version, at = story.DELETED
    connection.execute(
        "UPDATE model_versions SET last_updated_time = ?"
        " WHERE name = ? AND version = ? AND current_stage = 'Deleted_Internal'",
        (story.moment(at), model, version),
    )
    connection.execute(
        "UPDATE runs SET deleted_time = ? WHERE lifecycle_stage = 'deleted'", (story.moment(at),)
    )


def _containers(connection: sqlite3.Connection) -> None:
    """Date models by their versions, and experiments by the first commit of the story."""
    connection.execute(
        "UPDATE registered_models SET"
        " creation_time = (SELECT min(creation_time) FROM model_versions AS v"
        " WHERE v.name = registered_models.name),"
        " last_updated_time = (SELECT max(last_updated_time) FROM model_versions AS v"
        " WHERE v.name = registered_models.name)"
    )
    founded = min(story.moment(project.founded) for project in story.PROJECTS.values())
    connection.execute(
        "UPDATE experiments SET creation_time = ?, last_update_time = ?", (founded, founded)
    )


def _purge(connection: sqlite3.Connection, model: str, version: int) -> None:
    """Remove the run of a version the way ``mlflow gc`` does, which asks no registry."""
    (run_id,) = connection.execute(
        "SELECT run_id FROM model_versions WHERE name = ? AND version = ?", (model, version)
    ).fetchone()
    for table in (*_PURGED_FROM, "runs"):
        connection.execute(f"DELETE FROM {table} WHERE run_uuid = ?", (run_id,))  # noqa: S608


def _date_folder(folder: Path, created: int) -> None:
    """Date a model folder: the time in its MLmodel file and the times of its files."""
    description = folder / "MLmodel"
    when = f"{dt.datetime.fromtimestamp(created / 1000, dt.UTC):%Y-%m-%d %H:%M:%S.%f}"
    text = description.read_text(encoding="utf-8")
    description.write_text(_CREATED.sub(f"utc_time_created: '{when}'", text), encoding="utf-8")
    for path in (*folder.rglob("*"), folder):
        os.utime(path, ns=(created * 1_000_000, created * 1_000_000))
