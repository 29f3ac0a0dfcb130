"""Registries and services that several integration tests share, made once a worker."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support import services
from support.played import (
    OURS,
    Played,
    mariadb_database,
    played,
    postgresql_database,
    sqlite,
)
from support.registry import World, build


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A SQLite registry with every shape of version. Do not change it."""
    folder = tmp_path_factory.mktemp("world")
    return build(f"sqlite:///{folder / 'registry.db'}", folder)


@pytest.fixture
def own_world(world: World, tmp_path: Path) -> World:
    """A copy of ``world``'s database for a test that changes it (same artifacts)."""
    target = tmp_path / "registry.db"
    shutil.copyfile(world.uri.removeprefix("sqlite:///"), target)
    return replace(world, uri=f"sqlite:///{target}")


@pytest.fixture(scope="session")
def postgresql() -> Iterator[services.PostgreSQL]:
    """A throw-away PostgreSQL cluster."""
    with services.postgresql() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def postgresql_world(
    postgresql: services.PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> World:
    """The same registry as ``world`` in PostgreSQL. Do not change it."""
    postgresql.run("postgres", "CREATE DATABASE registry")
    uri = postgresql.uri("registry").replace("postgresql://", "postgresql+psycopg://")
    built = build(uri, tmp_path_factory.mktemp("world-postgresql"))
    return replace(built, uri=postgresql.uri("registry"))


@pytest.fixture(scope="session")
def server(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a real MLflow server on ``world``."""
    with services.mlflow_server(world.uri, tmp_path_factory.mktemp("server")) as address:
        yield address


@pytest.fixture(scope="session")
def on_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """The scripted quarter on SQLite, captured."""
    folder = tmp_path_factory.mktemp("quarter-sqlite")
    return played(sqlite(folder), folder, OURS, "sql")


@pytest.fixture(scope="session")
def on_postgresql(
    postgresql: services.PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> Played:
    """The scripted quarter on PostgreSQL, captured."""
    folder = tmp_path_factory.mktemp("quarter-postgresql")
    return played(postgresql_database(postgresql, "quarter"), folder, OURS, "sql")


@pytest.fixture(scope="session")
def on_mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """The scripted quarter on MariaDB, captured."""
    folder = tmp_path_factory.mktemp("quarter-mariadb")
    with services.mariadb() as server:
        yield played(mariadb_database(server, "quarter"), folder, OURS, "sql")


@pytest.fixture(scope="session")
def unwatched(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """The script where nothing is installed, looked at by SQL and by REST."""
    folder = tmp_path_factory.mktemp("quarter-unwatched")
    return played(sqlite(folder), folder, "basic-auth", "sql", "rest", workers=1)
