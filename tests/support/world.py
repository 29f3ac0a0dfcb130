"""The demo's world for tests: built once a test run, copied by tests that change it.

A test module takes the fixture by importing it: ``from support.world import demo_world``.
"""

import fcntl
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from audit.demo import world as demo
from audit.demo.world import World

_PLACES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)


@pytest.fixture(scope="session")
def demo_world(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> World:
    """The world, shared by all workers. Tests only read it."""
    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id == "master" else base.parent
    folder = shared / "demo-world"
    with (shared / "demo-world.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "truth.json").exists():
            shutil.rmtree(folder, ignore_errors=True)
            demo.build(folder, lambda _: None)
    return demo.load(folder)


def copied(world: World, folder: Path) -> World:
    """Return a copy of the world in ``folder``, its registry pointing into the copy."""
    shutil.copytree(world.folder, folder)
    with closing(sqlite3.connect(folder / "mlflow.db")) as connection, connection:
        for table, column in _PLACES:
            connection.execute(
                f"UPDATE {table} SET {column} = replace({column}, ?, ?)",
                (str(world.folder), str(folder)),
            )
    return demo.load(folder)
