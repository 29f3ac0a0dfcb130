"""Who acts is told to the database in the transaction that writes, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from audit.capture.server import stamp
from audit.capture.server.calls import CURRENT, Call

WRITE = sa.text("INSERT INTO registered_models (name) VALUES ('M')")
DDL = (
    "CREATE TABLE registered_models (name TEXT, last_updated_time INTEGER)",
    "CREATE TABLE registered_model_permissions (name TEXT)",
    "CREATE TABLE seen (actor TEXT, request TEXT)",
)
CAPTURE = (
    "CREATE TABLE mlflow_audit_context (actor TEXT, request TEXT)",
    (
        "CREATE TRIGGER t AFTER INSERT ON registered_models BEGIN INSERT INTO seen VALUES ("
        "(SELECT actor FROM mlflow_audit_context), (SELECT request FROM mlflow_audit_context)); END"
    ),
)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[sa.Engine]:
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'registry.db'}")
    with engine.begin() as connection:
        for statement in (*DDL, *CAPTURE):
            connection.exec_driver_sql(statement)
    stamp.listen()
    stamp.listen()
    yield engine
    for name, listener in stamp._LISTENERS:
        event.remove(sa.Engine, name, listener)
    engine.dispose()


@pytest.fixture
def alice() -> Iterator[Call]:
    call = Call("POST", "/", actor="alice", id="r1")
    token = CURRENT.set(call)
    yield call
    CURRENT.reset(token)


def rows(engine: sa.Engine, table: str = "seen") -> list[tuple[str | None, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(f"SELECT * FROM {table}")]


def test_the_actor_is_in_the_transaction_and_gone_after_it(
    database: sa.Engine, alice: Call
) -> None:
    with database.begin() as connection:
        connection.execute(WRITE)
        connection.execute(WRITE)
        assert not alice.changed
    assert rows(database) == [("alice", "r1")] * 2
    assert rows(database, "mlflow_audit_context") == []
    assert alice.changed


def test_outside_of_a_request_nobody_is_stamped(database: sa.Engine) -> None:
    with database.begin() as connection:
        connection.exec_driver_sql("INSERT INTO mlflow_audit_context VALUES ('stale', 'r0')")
    with database.begin() as connection:
        connection.execute(WRITE)
    assert rows(database) == [(None, None)]
    assert rows(database, "mlflow_audit_context") == []


def test_an_unauthenticated_request_is_nobody(database: sa.Engine, alice: Call) -> None:
    alice.actor = ""
    with database.begin() as connection:
        connection.execute(WRITE)
    assert rows(database) == [(None, "r1")]


def test_a_savepoint_rolled_back_takes_the_stamp_with_it(database: sa.Engine, alice: Call) -> None:
    # The driver's old ways of transactions do not open one for a savepoint.
    with database.connect() as connection:
        connection.exec_driver_sql("BEGIN")
        savepoint = connection.begin_nested()
        connection.execute(WRITE)
        savepoint.rollback()
        connection.execute(WRITE)
        connection.commit()
    assert rows(database) == [("alice", "r1")]
    assert rows(database, "mlflow_audit_context") == []


def test_what_is_rolled_back_changed_nothing(database: sa.Engine, alice: Call) -> None:
    with database.connect() as connection:
        connection.execute(WRITE)
        connection.rollback()
        connection.exec_driver_sql("INSERT INTO registered_model_permissions VALUES ('M')")
        connection.commit()
    assert rows(database) == []
    assert not alice.changed


@pytest.mark.parametrize(
    ("statement", "changed"),
    [
        ("UPDATE registered_models SET last_updated_time=? WHERE name = 'M'", False),
        ("UPDATE registered_models SET name='N', last_updated_time=? WHERE name = 'M'", True),
        ("UPDATE registered_models SET last_updated_time=?, name='N' WHERE name = 'M'", True),
        ('UPDATE "main"."registered_models" SET name=? WHERE name = \'M\'', True),
        ("UPDATE registered_models SET name=? WHERE name = 'absent'", False),
        ("DELETE FROM registered_models WHERE name = 'M' OR name = ?", True),
        ("SELECT * FROM registered_models WHERE name = ?", False),
        ("INSERT INTO registered_model_permissions VALUES (?)", False),
    ],
)
def test_what_counts_as_a_change(
    database: sa.Engine, alice: Call, statement: str, changed: bool
) -> None:
    with database.begin() as connection:
        connection.execute(WRITE)
    alice.changed = False
    with database.begin() as connection:
        connection.exec_driver_sql(statement, (1,))
    assert alice.changed is changed


def test_databases_without_capture_are_left_alone(tmp_path: Path, database: sa.Engine) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'other.db'}")
    with engine.begin() as connection:
        for statement in DDL:
            connection.exec_driver_sql(statement)
        connection.execute(WRITE)
    assert rows(engine, "registered_models") == [("M", None)]
    engine.dispose()
