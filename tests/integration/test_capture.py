"""Triggers beneath a real MLflow, on each database, and what they do when somebody interferes."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from support.registry import HOSTILE, mlflow_at
from support.services import MariaDB, PostgreSQL, mariadb, postgresql

from audit.capture import install as capture
from audit.capture.log import CaptureLog, open_log
from audit.cli import cli
from audit.errors import SourceError, UsageError
from audit.facts import CapturedRow

NOW = 1_800_000_000_000
APP = "mlflow_app"


@dataclass(frozen=True)
class Place:
    """A database with MLflow's tables in it."""

    kind: str
    uri: str
    """Of who installs."""
    application: str
    """Of the account that MLflow works with."""
    run: Callable[..., None]


@pytest.fixture(scope="session")
def cluster() -> Iterator[PostgreSQL]:
    with postgresql() as server:
        yield server


@pytest.fixture(scope="session")
def maria() -> Iterator[MariaDB]:
    with mariadb() as server:
        yield server


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite registry without a model, to be copied."""
    file = tmp_path_factory.mktemp("empty") / "mlflow.db"
    with mlflow_at(f"sqlite:///{file}") as client:
        client.search_registered_models()
    return file


@pytest.fixture
def sqlite_place(empty: Path, tmp_path: Path) -> Place:
    file = tmp_path / "mlflow.db"
    file.write_bytes(empty.read_bytes())

    def run(*statements: str) -> None:
        connection = sqlite3.connect(file, isolation_level=None)
        connection.execute("PRAGMA foreign_keys = ON")
        for statement in statements:
            connection.execute(statement)
        connection.close()

    return Place("sqlite", f"sqlite:///{file}", f"sqlite:///{file}", run)


@pytest.fixture(scope="session")
def postgresql_place(cluster: PostgreSQL) -> Place:
    """MLflow's role owns nothing, as an administrator would have it."""
    cluster.run("postgres", "CREATE DATABASE registry")
    admin = cluster.uri("registry").replace("postgresql:", "postgresql+psycopg:")
    with mlflow_at(admin) as client:
        client.search_registered_models()
    cluster.run(
        "registry",
        f"CREATE ROLE {APP} LOGIN PASSWORD 'app'",
        "CREATE ROLE log_reader LOGIN PASSWORD 'reader'",
        f"GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON ALL TABLES IN SCHEMA public TO {APP}",
        f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {APP}",
        # A careless default that must not reach the log.
        f"ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO {APP}",
    )
    application = cluster.uri("registry", APP, "app").replace("postgresql:", "postgresql+psycopg:")

    def run(*statements: str) -> None:
        cluster.run("registry", *statements)

    return Place("postgresql", cluster.uri("registry"), application, run)


@pytest.fixture(scope="session")
def mariadb_place(maria: MariaDB) -> Place:
    maria.run("", "CREATE DATABASE registry CHARACTER SET utf8mb4")
    uri = maria.uri("registry")
    with mlflow_at(uri) as client:
        client.search_registered_models()
    maria.run(
        "registry",
        f"CREATE USER {APP}@'%' IDENTIFIED BY 'app'",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON registry.* TO {APP}@'%'",
        "CREATE USER log_reader@'%' IDENTIFIED BY 'reader'",
    )

    def run(*statements: str) -> None:
        maria.run("registry", *statements)

    return Place("mysql", uri, maria.uri("registry", APP, "app"), run)


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def place(request: pytest.FixtureRequest) -> Place:
    found: Place = request.getfixturevalue(f"{request.param}_place")
    return found


def log_of(place: Place) -> CaptureLog:
    log = open_log(place.uri)
    assert log is not None
    return log


def rows_of(place: Place, after: int = 0) -> list[CapturedRow]:
    log = log_of(place)
    try:
        return log.rows(after)
    finally:
        log.close()


def told(row: CapturedRow) -> str:
    """Return a row as one line: what, where, and what differs."""
    old, new = row.old or {}, row.new or {}
    if row.operation == "update":
        parts = {
            name: f"{old[name]}→{new[name]}"
            for name in old
            if old[name] != new[name] and name != "last_updated_time"
        }
    else:
        shown = ("name", "version", "alias", "key", "value")
        parts = {name: str((new or old)[name]) for name in shown if name in (new or old)}
    if not parts:
        return ""
    fields = " ".join(f"{name}={value}" for name, value in parts.items())
    return f"{row.operation} {row.table} {fields}"


class Teller:
    """Tells what an action left in the log, without rows that only bump a time."""

    def __init__(self, place: Place) -> None:
        self._place = place
        earlier = rows_of(place)
        self._seen = earlier[-1].seq if earlier else 0
        self.rows: list[CapturedRow] = []

    def __call__(self, action: Callable[..., Any], *arguments: Any, **more: Any) -> set[str]:
        action(*arguments, **more)
        self.rows = rows_of(self._place, self._seen)
        if self.rows:
            self._seen = self.rows[-1].seq
        return {line for row in self.rows if (line := told(row))}


def test_every_mutation_of_mlflow_is_captured(place: Place) -> None:
    capture.install(place.uri)
    tell = Teller(place)
    cascades = place.kind != "mysql"
    with mlflow_at(place.application) as client:
        assert tell(client.create_registered_model, "A") == {"insert registered_models name=A"}
        assert tell(client.update_registered_model, "A", "words ü🎉'\"\\\n") == {
            "update registered_models description=None→words ü🎉'\"\\\n"
        }
        assert tell(client.set_registered_model_tag, "A", "team", "risk") == {
            "insert registered_model_tags name=A key=team value=risk"
        }
        assert tell(client.set_registered_model_tag, "A", "team", "Risk") == {
            "update registered_model_tags value=risk→Risk"
        }
        assert tell(client.delete_registered_model_tag, "A", "team") == {
            "delete registered_model_tags name=A key=team value=Risk"
        }
        assert tell(client.create_model_version, "A", "s3://bucket/1") == {
            "insert model_versions name=A version=1"
        }
        tell(client.create_model_version, "A", "s3://bucket/2")
        assert tell(client.update_model_version, "A", "1", "first") == {
            "update model_versions description=None→first"
        }
        assert tell(client.set_model_version_tag, "A", "1", "ok", "yes") == {
            "insert model_version_tags name=A version=1 key=ok value=yes"
        }
        assert tell(client.transition_model_version_stage, "A", 1, "Production") == {
            "update model_versions current_stage=None→Production"
        }
        staged = tell(
            client.transition_model_version_stage,
            "A",
            2,
            "Production",
            archive_existing_versions=True,
        )
        assert staged == {
            "update model_versions current_stage=Production→Archived",
            "update model_versions current_stage=None→Production",
        }
        assert tell(client.set_registered_model_alias, "A", "prod", 1) == {
            "insert registered_model_aliases name=A version=1 alias=prod"
        }
        assert tell(client.set_registered_model_alias, "A", "prod", 2) == {
            "update registered_model_aliases version=1→2"
        }
        assert tell(client.set_registered_model_alias, "A", "prod", 2) == set()
        tell(client.set_registered_model_alias, "A", "old", 1)
        assert tell(client.delete_registered_model_alias, "A", "old") == {
            "delete registered_model_aliases name=A version=1 alias=old"
        }
        copied = tell(client.copy_model_version, "models:/A/1", "C")
        assert "insert model_versions name=C version=1" in copied
        renamed = tell(client.rename_registered_model, "A", "B")
        assert "update registered_models name=A→B" in renamed
        children = {
            f"update {table} name=A→B"
            for table in ("model_versions", "model_version_tags", "registered_model_aliases")
        }
        # Where cascades fire no trigger, the parent's row is all that there is.
        assert (renamed & children) == (children if cascades else set())
        deleted = tell(client.delete_model_version, "B", "2")
        assert "delete registered_model_aliases name=B version=2 alias=prod" in deleted
        tombstone = next(row for row in tell.rows if row.table == "model_versions")
        assert tombstone.old is not None
        assert tombstone.new is not None
        assert tombstone.old["source"] == "s3://bucket/2"
        assert tombstone.new["current_stage"] == "Deleted_Internal"
        assert tombstone.old["version"] == "2"
        gone = tell(client.delete_registered_model, "B")
        assert gone >= {
            "delete registered_models name=B",
            "delete model_versions name=B version=1",
            "delete model_versions name=B version=2",
            "delete model_version_tags name=B version=1 key=ok value=yes",
        }
        if place.kind == "postgresql":
            assert len({row.transaction for row in tell.rows}) == 1
        assert {row.account for row in tell.rows} == {"" if place.kind == "sqlite" else APP}
        tell(client.create_registered_model, HOSTILE)
        assert tell.rows[0].new is not None
        assert tell.rows[0].new["name"] == HOSTILE
        tell(client.delete_registered_model, HOSTILE)
        tell(client.delete_registered_model, "C")
    assert capture.check(place.uri, NOW).whole


def test_raw_sql_is_captured_and_a_rollback_is_not(place: Place) -> None:
    capture.install(place.uri)
    tell = Teller(place)
    insert = "INSERT INTO registered_models (name, workspace) VALUES ('raw', 'default')"
    assert tell(place.run, insert) == {"insert registered_models name=raw"}
    assert tell(place.run, "BEGIN", insert.replace("raw", "never"), "ROLLBACK") == set()
    same = "UPDATE registered_models SET description = 'x' WHERE name = 'raw'"
    assert tell(place.run, same) == {"update registered_models description=None→x"}
    assert tell(place.run, same) == set()
    assert tell(place.run, same.replace("'x'", "'X'")) == {
        "update registered_models description=x→X"
    }
    assert tell(place.run, "DELETE FROM registered_models WHERE name = 'raw'") == {
        "delete registered_models name=raw"
    }
    assert tell.rows[0].user == ""
    assert abs(tell.rows[0].at - time.time() * 1000) < 60_000


def test_the_log_refuses_changes_even_of_its_owner(place: Place) -> None:
    capture.install(place.uri)
    place.run("INSERT INTO registered_models (name, workspace) VALUES ('kept', 'default')")
    before = rows_of(place)
    table = "mlflow_audit.changes" if place.kind == "postgresql" else "mlflow_audit_changes"
    statements = [f"UPDATE {table} SET actor = 'mallory'", f"DELETE FROM {table}"]
    if place.kind == "sqlite":
        replaced = f"{before[0].seq}, 1, 'insert', 'registered_models'"
        statements.append(
            f"INSERT OR REPLACE INTO {table} (seq, at, operation, tbl) VALUES ({replaced})"
        )
    if place.kind == "postgresql":
        statements.append(f"TRUNCATE {table}")
    for statement in statements:
        with pytest.raises(Exception, match="append-only"):
            place.run(statement)
    assert rows_of(place) == before
    place.run("DELETE FROM registered_models WHERE name = 'kept'")


def test_install_is_idempotent_mends_and_removes(place: Place) -> None:
    capture.install(place.uri)
    first = capture.status(place.uri, NOW)
    assert {step.done for step in capture.install(place.uri).steps} == {"stands"}
    again = capture.status(place.uri, NOW)
    assert first is not None
    assert again is not None
    assert again.check == first.check
    drop = {
        "sqlite": "DROP TRIGGER mlflow_audit_model_versions_update",
        "postgresql": "DROP TRIGGER mlflow_audit_update ON model_versions",
        "mysql": "DROP TRIGGER mlflow_audit_model_versions_update",
    }[place.kind]
    place.run(drop)
    missing = capture.check(place.uri, NOW).missing
    assert len(missing) == 1
    assert "model_versions" in missing[0]
    assert "missing" in missing[0]
    mended = capture.install(place.uri)
    assert [step.done for step in mended.steps if step.done != "stands"] == ["made"]
    assert capture.check(place.uri, NOW).whole
    rows = rows_of(place)
    capture.remove(place.uri)
    assert not capture.check(place.uri, NOW).whole
    assert rows_of(place) == rows
    place.run(
        "INSERT INTO registered_models (name, workspace) VALUES ('unseen', 'default')",
        "DELETE FROM registered_models WHERE name = 'unseen'",
    )
    assert rows_of(place) == rows
    capture.install(place.uri)
    assert capture.check(place.uri, NOW).whole
    capture.remove(place.uri, purge=True)
    assert open_log(place.uri) is None
    assert capture.status(place.uri, NOW) is None
    assert capture.remove(place.uri) == ()


def test_a_migration_that_drops_triggers_is_found_and_mended(sqlite_place: Place) -> None:
    import sqlalchemy as sa
    from alembic.migration import MigrationContext
    from alembic.operations import Operations

    capture.install(sqlite_place.uri)
    engine = sa.create_engine(sqlite_place.uri)
    with engine.begin() as connection:
        operations = Operations(MigrationContext.configure(connection))
        with operations.batch_alter_table("model_versions", recreate="always") as batch:
            batch.add_column(sa.Column("risk_class", sa.String(20)))
    engine.dispose()
    missing = capture.check(sqlite_place.uri, NOW).missing
    assert len(missing) == 3
    assert all("trigger mlflow_audit_model_versions_" in line for line in missing)
    capture.install(sqlite_place.uri)
    assert capture.check(sqlite_place.uri, NOW).whole
    sqlite_place.run(
        "INSERT INTO registered_models (name, workspace) VALUES ('m', 'default')",
        "INSERT INTO model_versions (name, version, workspace, risk_class)"
        " VALUES ('m', 1, 'default', 'high')",
    )
    new = rows_of(sqlite_place)[-1].new
    assert new is not None
    assert new["risk_class"] == "high"


def test_a_new_column_is_captured_once_installed_again(place: Place) -> None:
    capture.install(place.uri)
    place.run("ALTER TABLE registered_models ADD COLUMN extra VARCHAR(20)")
    try:
        # PostgreSQL's function takes whole rows: there is nothing to mend.
        triggers = 0 if place.kind == "postgresql" else 3
        missing = capture.check(place.uri, NOW).missing
        assert len(missing) == triggers
        assert all("registered_models" in line for line in missing)
        steps = capture.install(place.uri).steps
        assert len([step for step in steps if step.done == "mended"]) == triggers
        assert capture.check(place.uri, NOW).whole
        place.run(
            "INSERT INTO registered_models (name, workspace, extra) VALUES ('w', 'default', 'x')"
        )
        new = rows_of(place)[-1].new
        assert new is not None
        assert new["extra"] == "x"
    finally:
        if place.kind != "sqlite":
            capture.remove(place.uri)
            place.run(
                "DELETE FROM registered_models WHERE name = 'w'",
                "ALTER TABLE registered_models DROP COLUMN extra",
            )


def test_an_upgrade_of_mlflow_leaves_the_triggers(place: Place) -> None:
    import sqlalchemy as sa
    from mlflow.store.db.utils import _upgrade_db

    capture.install(place.uri)
    # What the command ``mlflow db upgrade`` does.
    engine = sa.create_engine(place.uri.replace("postgresql:", "postgresql+psycopg:"))
    _upgrade_db(engine)
    engine.dispose()
    assert capture.check(place.uri, NOW).whole


def test_replaced_rows_of_raw_sql_in_sqlite(sqlite_place: Place) -> None:
    capture.install(sqlite_place.uri)
    tell = Teller(sqlite_place)
    replace = "INSERT OR REPLACE INTO registered_models (name, workspace) VALUES ('m', 'default')"
    tell(sqlite_place.run, replace)
    assert tell(sqlite_place.run, replace) == {"insert registered_models name=m"}
    assert tell(sqlite_place.run, "PRAGMA recursive_triggers = ON", replace) == {
        "delete registered_models name=m",
        "insert registered_models name=m",
    }


def test_what_sqlite_allows_in_a_column_does_not_stop_the_writer(sqlite_place: Place) -> None:
    capture.install(sqlite_place.uri)
    sqlite_place.run(
        "INSERT INTO registered_models (name, workspace, description, creation_time)"
        " VALUES ('m', 'default', x'00ff', 1.5)"
    )
    new = rows_of(sqlite_place)[-1].new
    assert new is not None
    assert new["creation_time"] == "1.5"


def test_the_server_names_a_user_in_the_same_transaction(place: Place) -> None:
    capture.install(place.uri)
    tell = Teller(place)
    insert = "INSERT INTO registered_models (name, workspace) VALUES ('{}', 'default')"
    stamp, clear = {
        "sqlite": (
            ["INSERT INTO mlflow_audit_context VALUES ('alice', 'r1')"],
            ["DELETE FROM mlflow_audit_context"],
        ),
        "postgresql": (
            [
                "SELECT set_config('mlflow_audit.actor', 'alice', true)",
                "SELECT set_config('mlflow_audit.request', 'r1', true)",
            ],
            [],
        ),
        "mysql": (
            ["SET @mlflow_audit_actor = 'alice', @mlflow_audit_request = 'r1'"],
            ["SET @mlflow_audit_actor = NULL, @mlflow_audit_request = NULL"],
        ),
    }[place.kind]
    tell(place.run, "BEGIN", *stamp, insert.format("s1"), *clear, "COMMIT", insert.format("s2"))
    assert [(row.user, row.request) for row in tell.rows] == [("alice", "r1"), ("", "")]
    assert bool(tell.rows[0].transaction) == (place.kind != "sqlite")
    place.run("DELETE FROM registered_models WHERE name IN ('s1', 's2')")


def test_the_application_cannot_touch_the_log(postgresql_place: Place) -> None:
    import psycopg

    capture.install(postgresql_place.uri)
    postgresql_place.run("INSERT INTO registered_models (name, workspace) VALUES ('t', 'default')")
    before = rows_of(postgresql_place)
    address = postgresql_place.application.replace("+psycopg", "")
    forged = "EXECUTE FUNCTION mlflow_audit.capture()"
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("CREATE TEMP TABLE mine (name text)")
        for statement in (
            "SELECT * FROM mlflow_audit.changes",
            "INSERT INTO mlflow_audit.changes (at, operation, tbl) VALUES (1, 'insert', 'x')",
            "DELETE FROM mlflow_audit.changes",
            "UPDATE mlflow_audit.changes SET actor = 'mallory'",
            "TRUNCATE mlflow_audit.changes",
            "DROP TABLE mlflow_audit.changes",
            "DROP SCHEMA mlflow_audit CASCADE",
            "CREATE TABLE mlflow_audit.mine (x int)",
            "DROP FUNCTION mlflow_audit.capture() CASCADE",
            "ALTER TABLE mlflow_audit.changes DISABLE TRIGGER ALL",
            "ALTER TABLE model_versions DISABLE TRIGGER ALL",
            "DROP TRIGGER mlflow_audit_update ON model_versions",
            "SET session_replication_role = replica",
            # Hung under a table of its own, the function would write what never happened.
            f"CREATE TRIGGER forged AFTER INSERT ON pg_temp.mine FOR EACH ROW {forged}",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)
        assert rows_of(postgresql_place) == before
        connection.execute(
            "SELECT mlflow_audit.note_request"
            "('bob', 'POST', '/x', 403, 'm', NULL, 'r7', '127.0.0.1')"
        )
        connection.execute("TRUNCATE registered_models CASCADE")
    log = log_of(postgresql_place)
    _, attempt = log.attempts()[-1]
    log.close()
    assert (attempt.user, attempt.status, attempt.version) == ("bob", 403, "")
    truncated = [row for row in rows_of(postgresql_place) if row.operation == "truncate"]
    assert {row.table for row in truncated} >= {"registered_models", "model_versions"}
    assert truncated[0].account == APP


def test_interference_with_postgresql_is_found(postgresql_place: Place) -> None:
    capture.install(postgresql_place.uri)
    for statement, named in {
        "ALTER TABLE model_versions DISABLE TRIGGER mlflow_audit_insert": "mlflow_audit_insert",
        "ALTER TABLE model_versions ENABLE TRIGGER mlflow_audit_insert": "mlflow_audit_insert",
        "ALTER FUNCTION mlflow_audit.capture() SECURITY INVOKER": "mlflow_audit.capture",
        "ALTER FUNCTION mlflow_audit.capture() RESET search_path": "mlflow_audit.capture",
        f"GRANT DELETE ON mlflow_audit.changes TO {APP}": "right DELETE",
        f"GRANT EXECUTE ON FUNCTION mlflow_audit.capture() TO {APP}": "right EXECUTE",
    }.items():
        postgresql_place.run(statement)
        missing = capture.check(postgresql_place.uri, NOW).missing
        assert len(missing) == 1, statement
        assert named in missing[0]
        capture.install(postgresql_place.uri)
        assert capture.check(postgresql_place.uri, NOW).whole, statement


def test_a_replica_role_does_not_silence_the_triggers(postgresql_place: Place) -> None:
    capture.install(postgresql_place.uri)
    tell = Teller(postgresql_place)
    insert = "INSERT INTO registered_models (name, workspace) VALUES ('silent', 'default')"
    assert tell(postgresql_place.run, "SET session_replication_role = replica", insert) == {
        "insert registered_models name=silent"
    }
    postgresql_place.run("DELETE FROM registered_models WHERE name = 'silent'")


def test_a_reader_of_the_log_reads_nothing_else(
    postgresql_place: Place, cluster: PostgreSQL
) -> None:
    capture.install(postgresql_place.uri, "log_reader")
    log = open_log(cluster.uri("registry", "log_reader", "reader"))
    assert log is not None
    assert log.rows() == rows_of(postgresql_place)
    assert log.check(NOW) == capture.check(postgresql_place.uri, NOW)
    log.close()
    postgresql_place.run("DROP TRIGGER mlflow_audit_update ON model_versions")
    with pytest.raises(SourceError, match=r"must be owner|permission denied"):
        capture.install(cluster.uri("registry", "log_reader", "reader"))
    capture.install(postgresql_place.uri)


def test_a_transaction_still_open_is_not_overtaken(cluster: PostgreSQL) -> None:
    """A row that commits late must not be missed by who reads on behind a later one."""
    import psycopg

    cluster.run("postgres", "CREATE DATABASE slow")
    uri = cluster.uri("slow")
    cluster.run(
        "slow",
        "CREATE TABLE registered_models (name text)",
        "CREATE TABLE model_versions (name text)",
    )
    capture.install(uri)
    log = open_log(uri)
    assert log is not None
    with psycopg.connect(uri) as slow:
        slow.execute("INSERT INTO registered_models VALUES ('early')")
        cluster.run("slow", "INSERT INTO registered_models VALUES ('late')")
        committer = threading.Timer(0.5, slow.commit)
        committer.start()
        rows = log.rows()
        committer.join()
    log.close()
    assert [row.new and row.new["name"] for row in rows] == ["early", "late"]


def test_two_registries_in_one_database_do_not_share_a_log(cluster: PostgreSQL) -> None:
    cluster.run("postgres", "CREATE DATABASE twice")
    for schema in ("first", "second"):
        cluster.run(
            "twice",
            f"CREATE SCHEMA {schema}",
            f"CREATE TABLE {schema}.registered_models (name text)",
            f"CREATE TABLE {schema}.model_versions (name text)",
        )
    uri = cluster.uri("twice") + "?options=-csearch_path%3D"
    capture.install(uri + "first")
    with pytest.raises(UsageError, match="another registry"):
        capture.install(uri + "second")
    assert capture.check(uri + "first", NOW).whole


def test_mariadb_waits_for_an_open_transaction(mariadb_place: Place, maria: MariaDB) -> None:
    import pymysql

    capture.install(mariadb_place.uri)
    log = log_of(mariadb_place)
    last = max((row.seq for row in log.rows()), default=0)
    slow = pymysql.connect(
        host="127.0.0.1", port=maria.port, user=APP, password="app", database="registry"
    )
    insert = "INSERT INTO registered_models (name, workspace) VALUES ('{}', 'default')"
    with slow.cursor() as cursor:
        cursor.execute(insert.format("early"))
    mariadb_place.run(insert.format("late"))
    committer = threading.Timer(0.5, slow.commit)
    committer.start()
    rows = log.rows(last)
    committer.join()
    slow.close()
    log.close()
    assert [row.new and row.new["name"] for row in rows] == ["early", "late"]
    mariadb_place.run("DELETE FROM registered_models WHERE name IN ('early', 'late')")


def test_a_reader_in_mariadb_needs_select_only(mariadb_place: Place, maria: MariaDB) -> None:
    capture.install(mariadb_place.uri, "log_reader")
    log = open_log(maria.uri("registry", "log_reader", "reader"))
    assert log is not None
    assert log.rows() == rows_of(mariadb_place)
    # What it may not see is not taken for whole.
    assert not log.check(NOW).whole
    log.close()


def test_other_databases_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "other.db"
    sqlite3.connect(file).execute("CREATE TABLE t (x)")
    for action in (capture.install, lambda uri: capture.check(uri, NOW)):
        with pytest.raises(UsageError, match="not MLflow's"):
            action(f"sqlite:///{file}")
    with pytest.raises(UsageError, match="--backend-store-uri"):
        capture.install("http://127.0.0.1:5000")
    with pytest.raises(UsageError, match="no such registry database"):
        capture.install(f"sqlite:///{tmp_path / 'none.db'}")
    assert open_log("https://mlflow.example.com") is None
    assert open_log(f"sqlite:///{file}") is None


def test_a_foreign_table_in_the_logs_place_is_not_replaced(sqlite_place: Place) -> None:
    sqlite_place.run("CREATE TABLE mlflow_audit_changes (x)")
    with pytest.raises(SourceError, match="never replaced"):
        capture.install(sqlite_place.uri)
    assert open_log(sqlite_place.uri) is not None
    sqlite_place.run("DROP TABLE mlflow_audit_changes")
    # Nothing of the refused installation stayed.
    assert open_log(sqlite_place.uri) is None


def test_the_commands(sqlite_place: Place) -> None:
    def command(name: str, *options: str) -> tuple[Any, str]:
        result = CliRunner().invoke(
            cli, ["capture", name, "--db", sqlite_place.uri, *options], standalone_mode=False
        )
        assert result.exception is None, result.output
        return result.return_value, result.output

    assert command("status") == (0, "capture is not installed\n")
    assert command("check")[0] == 1
    code, output = command("install")
    assert code == 0
    assert "made     4 tables" in output
    assert command("check")[0] == 0
    sqlite_place.run("INSERT INTO registered_models (name, workspace) VALUES ('m', 'default')")
    code, output = command("status")
    assert code == 0
    assert "with a user     0 of 1" in output
    sqlite_place.run("DROP TRIGGER mlflow_audit_model_versions_insert")
    code, output = command("check")
    assert code == 1
    assert "trigger mlflow_audit_model_versions_insert is missing" in output
    code, output = command("remove")
    assert code == 0
    assert "kept     table mlflow_audit_changes" in output
    code, output = command("remove", "--purge")
    assert "removed  table mlflow_audit_changes" in output
    assert json.dumps(command("remove")) == '[0, "capture is not installed\\n"]'
