"""Both registry readers on the same real registries: SQLite, PostgreSQL, MLflow servers."""

from __future__ import annotations

import dataclasses
import hashlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import sqlalchemy as sa
from support import services
from support.registry import HOSTILE, World, mlflow_at

from audit.errors import SourceError, UsageError
from audit.facts import ModelVersion, Registry
from audit.sources.registry.database import snapshot
from audit.sources.registry.readers import open_registry
from audit.sources.registry.rest import BLIND_SPOTS, RestReader
from audit.sources.registry.sql import SqlReader

pytestmark = [pytest.mark.service, pytest.mark.xdist_group("registry-services")]


def versions(registry: Registry) -> dict[str, ModelVersion]:
    return {version.key: version for version in registry.versions}


# --- what SQL sees ------------------------------------------------------------------


@pytest.fixture(scope="module")
def read(world: World) -> Registry:
    return SqlReader(world.uri).read()


def test_every_way_to_register_leads_to_logged_model_run_and_bytes(
    read: Registry, world: World
) -> None:
    found = versions(read)
    for key, name in {
        "churn/1": "first",
        "churn/2": "second",
        "churn/3": "third",
        "staging/1": "first",
        "production/1": "first",
        "production/2": "second",
        "production/3": "forgotten",
        "closed model/1": "closed",
    }.items():
        version = found[key]
        assert version.logged_model_id == world.logged_models[name]
        assert version.run_id == world.runs[name]
        assert version.storage_location.endswith(f"/models/{version.logged_model_id}/artifacts")
    assert found["shadow/1"].run_id == "", "MLflow records no run for this kind of copy"
    assert found["shadow/1"].logged_model_id == world.logged_models["third"]
    assert found["production/1"].source == "models:/staging/1"


def test_versions_without_a_logged_model_are_kept_as_they_are(read: Registry, world: World) -> None:
    found = versions(read)
    runs = {run.run_id: run for run in read.runs}
    assert found["churn/5"].run_id == ""
    assert found["churn/6"].run_id == "f" * 32
    assert found["churn/7"].run_id == world.runs["lost"] not in runs
    assert runs[found["churn/8"].run_id].lifecycle == "deleted"
    assert (runs[found["churn/8"].run_id].deleted_at or 0) > 1_700_000_000_000
    assert found["churn/9"].storage_location == found["churn/11"].storage_location
    assert found["churn/11"].source.startswith("runs:/")
    assert found[f"{HOSTILE}/1"].storage_location == "whatever garbage"
    assert found[f"{HOSTILE}/1"].description == "${jndi:x}\x07"


def test_tombstones_keep_number_times_and_lineage(read: Registry, world: World) -> None:
    for key, run in {"churn/4": "fourth", "churn/10": "old-deleted"}.items():
        version = versions(read)[key]
        assert version.deleted
        assert version.deleted_at == version.updated_at
        assert (version.deleted_at or 0) > (version.created_at or 0)
        assert version.source == version.stage == ""
        assert version.run_id == world.runs[run]
    assert versions(read)["churn/4"].logged_model_id == world.logged_models["fourth"]
    runs = {run.run_id: run for run in read.runs}
    assert runs[world.runs["old-deleted"]].params == {"C": "0.5", "kernel": "großer Kern"}


def test_models_aliases_and_prompts(read: Registry) -> None:
    models = {model.name: model for model in read.models}
    assert list(models) == sorted(models)
    assert models["churn"].aliases == {"champion": 1, "é": 3}
    assert models["churn"].tags == {"owner": "carol"}
    assert "greeting" not in models, "a prompt is no model"
    assert "hidden" in models, "a model with a prompt's tag is still one"
    assert "hidden/1" in versions(read)
    assert "abandoned" not in models
    assert versions(read)["churn/2"].stage == "Staging"
    assert versions(read)["churn/1"].stage == "", "MLflow's None is no stage"
    assert versions(read)["churn/3"].tags == {"note": ""}


def test_runs_their_data_and_their_consumers(read: Registry, world: World) -> None:
    runs = {run.run_id: run for run in read.runs}
    first = runs[world.runs["first"]]
    assert first.metrics == {"accuracy": 0.95}, "without not-a-number and infinity"
    assert first.experiment == "training"
    assert first.tags["mlflow.source.git.commit"] == "a" * 40
    assert [(data.name, data.context) for data in first.datasets] == [
        ("customers", "training"),
        ("holdout", ""),
    ]
    assert first.datasets[0].source == '{"uri": "data/raw.csv"}'
    assert first.model_outputs == (world.logged_models["first"],)
    assert (first.started_at, first.ended_at) == (1_760_000_000_000, 1_760_000_060_000)
    evaluation = runs[world.runs["evaluation"]]
    assert evaluation.model_inputs == (world.logged_models["first"],)
    assert evaluation.params == {"threshold": "0.3"}
    assert {use.model_id for use in read.traces} == {world.logged_models["first"]}
    assert sum(use.count for use in read.traces) == 3
    logged = {model.model_id: model for model in read.logged_models}
    assert logged[world.logged_models["third"]].lifecycle == "deleted"
    assert logged[world.logged_models["first"]].status == "READY"
    assert logged[world.logged_models["first"]].params == {"depth": "3"}
    assert "mlflow.modelVersions" in logged[world.logged_models["first"]].tags


def test_reading_twice_gives_the_same(read: Registry, world: World) -> None:
    assert SqlReader(world.uri).read() == read


def test_the_number_of_queries_does_not_grow_with_the_registry(own_world: World) -> None:
    statements: list[str] = []

    def note(*arguments: object) -> None:
        statements.append(str(arguments[2]))

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        SqlReader(own_world.uri).read()
        first = len(statements)
        with mlflow_at(own_world.uri) as client:
            for _ in range(20):
                client.create_model_version("churn", "s3://bucket/more")
        statements.clear()
        SqlReader(own_world.uri).read()
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)
    assert len(statements) == first < 80


# --- read-only, one moment ----------------------------------------------------------


def test_sqlite_is_not_touched(own_world: World) -> None:
    path = Path(own_world.uri.removeprefix("sqlite:///"))
    path.chmod(0o444)
    before = hashlib.sha256(path.read_bytes()).digest(), path.stat().st_mtime_ns
    SqlReader(own_world.uri).read()
    SqlReader(f"sqlite:///file:{path}?mode=ro&uri=true").read()
    assert (hashlib.sha256(path.read_bytes()).digest(), path.stat().st_mtime_ns) == before
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_the_transaction_refuses_to_write(
    kind: str, own_world: World, request: pytest.FixtureRequest
) -> None:
    uri = own_world.uri if kind == "sqlite" else request.getfixturevalue("postgresql_world").uri
    with (
        pytest.raises(SourceError, match=r"readonly|read-only"),
        snapshot(uri, {"runs": ("run_uuid",)}) as view,
    ):
        view._connection.exec_driver_sql("DELETE FROM model_versions")


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_all_queries_see_the_same_moment(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    uri = f"sqlite:///{tmp_path / 'moment.db'}"
    if kind == "postgresql":
        cluster = request.getfixturevalue("postgresql")
        cluster.run("postgres", "CREATE DATABASE moment")
        uri = cluster.uri("moment")
    engine = sa.create_engine(uri.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as writer:
        if kind == "sqlite":
            writer.exec_driver_sql("PRAGMA journal_mode=WAL")
        writer.exec_driver_sql("CREATE TABLE runs (name VARCHAR)")
        writer.commit()
        with snapshot(uri, {"runs": ("name",)}) as view:
            assert view.rows("runs") == []
            writer.exec_driver_sql("INSERT INTO runs VALUES ('meanwhile')")
            writer.commit()
            assert view.rows("runs") == []
        with snapshot(uri, {"runs": ("name", "later")}) as view:
            assert view.rows("runs") == [("meanwhile", None)]
    engine.dispose()


def test_select_is_all_that_postgresql_must_grant(
    postgresql: services.PostgreSQL, postgresql_world: World
) -> None:
    postgresql.run(
        "registry",
        f"CREATE ROLE auditor LOGIN PASSWORD '{services.PASSWORD}'",
        f"CREATE ROLE stranger LOGIN PASSWORD '{services.PASSWORD}'",
        "GRANT SELECT ON ALL TABLES IN SCHEMA public TO auditor",
    )
    read = SqlReader(postgresql.uri("registry", "auditor")).read()
    assert read.versions
    assert read.uri == f"postgresql://auditor:***@127.0.0.1:{postgresql.port}/registry"
    with pytest.raises(SourceError, match="permission denied"):
        SqlReader(postgresql.uri("registry", "stranger")).read()
    for uri in (
        postgresql.uri("registry", "auditor", "wrong"),
        postgresql.uri("registry", "nobody"),
        postgresql.uri("nothing"),
    ):
        with pytest.raises(UsageError, match="cannot be reached") as caught:
            SqlReader(uri).read()
        assert "\n" not in str(caught.value)
        assert "wrong" not in str(caught.value)


# --- PostgreSQL, and older MLflow -----------------------------------------------------


def test_postgresql_reads_like_sqlite(postgresql_world: World, world: World) -> None:
    """The same registry built twice differs in ids and times only."""

    def shape(registry: Registry, ids: World) -> list[object]:
        both = [*ids.runs.items(), *ids.logged_models.items()]
        names = {identifier: name for name, identifier in both}
        return [
            *(
                (v.key, v.deleted, v.stage, v.tags, v.status, names.get(v.run_id, v.run_id))
                for v in registry.versions
            ),
            *((m.name, m.aliases, m.tags, m.description) for m in registry.models),
            *sorted(
                (r.name, r.params, r.metrics, r.datasets, r.lifecycle, len(r.tags))
                for r in registry.runs
                if r.run_id in names
            ),
            *sorted(
                (names.get(m.model_id, ""), m.lifecycle, m.status) for m in registry.logged_models
            ),
        ]

    assert shape(SqlReader(postgresql_world.uri).read(), postgresql_world) == shape(
        SqlReader(world.uri).read(), world
    )


@pytest.mark.parametrize(
    ("revision", "blind_spots"),
    [
        ("0a8213491aaa", 7),  # MLflow 1.7: no tags of versions yet
        ("97727af70f4d", 5),  # MLflow 2.0: no aliases yet
        ("867495a8f9d4", 1),  # MLflow 2.14: no logged models yet
        ("bda7b8c39065", 0),  # MLflow 3.0: no workspaces yet
    ],
)
def test_an_older_schema_reads_with_its_blind_spots(
    revision: str, blind_spots: int, tmp_path: Path
) -> None:
    uri = f"sqlite:///{tmp_path / 'old.db'}"
    run = "b" * 32
    _migrate(uri, revision)
    rows: dict[str, list[dict[str, object]]] = {
        "experiments": [{"experiment_id": 1, "name": "training", "lifecycle_stage": "active"}],
        "runs": [{"run_uuid": run, "experiment_id": 1, "artifact_uri": "/a", "start_time": 5}],
        "params": [{"run_uuid": run, "key": "C", "value": "1"}],
        "registered_models": [{"name": "churn", "creation_time": 1}],
        "model_versions": [
            {
                "name": "churn",
                "version": 1,
                "current_stage": "Production",
                "source": "/a/model",
                "run_id": run,
            },
            {
                "name": "churn",
                "version": 2,
                "last_updated_time": 9,
                "current_stage": "Deleted_Internal",
                "source": "REDACTED-SOURCE-PATH",
                "run_id": "REDACTED-RUN-ID",
            },
        ],
    }
    engine = sa.create_engine(uri)
    with engine.begin() as database:
        for table, items in rows.items():
            for item in items:
                columns = sa.table(table, *(sa.column(name) for name in item))
                database.execute(columns.insert().values(**item))
    engine.dispose()
    read = SqlReader(uri).read()
    assert read.schema_version == revision
    assert len(read.blind_spots) == blind_spots
    assert [version.key for version in read.versions] == ["churn/1", "churn/2"]
    assert read.versions[0].stage == "Production"
    assert read.versions[0].storage_location == "/a/model"
    assert read.versions[1].deleted_at == 9
    assert read.versions[1].run_id == ""
    assert read.runs[0].params == {"C": "1"}
    assert read.runs[0].experiment == "training"


def _migrate(uri: str, revision: str) -> None:
    """Create a database as MLflow's own migrations leave it at a revision."""
    from alembic import command
    from mlflow.store.db.utils import _get_alembic_config
    from mlflow.store.tracking.dbmodels.initial_models import Base

    engine = sa.create_engine(uri)
    Base.metadata.create_all(engine)
    config = _get_alembic_config(uri)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()


def test_a_database_with_impossible_values_is_told_in_one_line(own_world: World) -> None:
    engine = sa.create_engine(own_world.uri)
    with engine.begin() as database:
        database.exec_driver_sql("UPDATE model_versions SET creation_time = 'noon'")
    engine.dispose()
    with pytest.raises(SourceError, match="noon"):
        SqlReader(own_world.uri).read()


def test_text_that_is_not_utf8_does_not_stop_the_reading(own_world: World) -> None:
    engine = sa.create_engine(own_world.uri)
    with engine.begin() as database:
        database.exec_driver_sql(
            "UPDATE registered_models SET description = CAST(X'41FF' AS TEXT) WHERE name = 'churn'"
        )
    engine.dispose()
    models = {model.name: model for model in SqlReader(own_world.uri).read().models}
    assert models["churn"].description == "A\ufffd"


# --- REST ---------------------------------------------------------------------------------


def as_rest_sees(registry: Registry) -> Registry:
    """Return an SQL reading without what ``BLIND_SPOTS`` says that REST cannot see."""
    kept = tuple(version for version in registry.versions if not version.deleted)
    named = {version.logged_model_id for version in kept}
    by_tombstone = {version.run_id for version in registry.versions if version.deleted}
    makers = {version.run_id for version in kept}
    return dataclasses.replace(
        registry,
        versions=kept,
        logged_models=tuple(
            model
            for model in registry.logged_models
            if model.lifecycle == "active" or model.model_id in named
        ),
        runs=tuple(
            dataclasses.replace(
                run,
                deleted_at=None,
                # Nothing else needed it, so that its parameters were not kept.
                **(
                    {"params": {}, "metrics": {}}
                    if run.run_id in by_tombstone - makers and not run.model_outputs
                    else {}
                ),
            )
            for run in registry.runs
        ),
    )


def assert_equal_but_for_the_blind_spots(by_sql: Registry, by_rest: Registry) -> None:
    expected = as_rest_sees(by_sql)
    for name in ("models", "versions", "logged_models", "runs", "traces"):
        assert getattr(by_rest, name) == getattr(expected, name), name
    assert by_rest.blind_spots == BLIND_SPOTS
    assert by_sql.blind_spots == ()
    assert by_rest.schema_version.startswith("MLflow ")


def test_rest_reads_what_sql_reads(server: str, read: Registry) -> None:
    reader = open_registry(server)
    assert isinstance(reader, RestReader)
    by_rest = reader.read()
    assert_equal_but_for_the_blind_spots(read, by_rest)
    assert by_rest == reader.read()
    assert by_rest.uri == server


def test_rest_reads_all_workspaces_of_postgresql(
    postgresql_world: World, tmp_path_factory: pytest.TempPathFactory
) -> None:
    store = postgresql_world.uri.replace("postgresql:", "postgresql+psycopg:")
    folder = tmp_path_factory.mktemp("server-postgresql")
    with services.mlflow_server(store, folder, "--enable-workspaces") as address:
        team = {"X-MLFLOW-WORKSPACE": "team-a"}
        for path, body in (
            ("3.0/mlflow/workspaces", {"name": "team-a"}),
            ("2.0/mlflow/registered-models/create", {"name": "churn"}),
            ("2.0/mlflow/model-versions/create", {"name": "churn", "source": "s3://b/m"}),
        ):
            headers = team if "2.0" in path else {}
            answer = requests.post(f"{address}/api/{path}", json=body, headers=headers, timeout=60)
            assert answer.ok, answer.text
        by_rest = RestReader(address).read()
    by_sql = SqlReader(postgresql_world.uri).read()
    assert_equal_but_for_the_blind_spots(by_sql, by_rest)
    assert "team-a:churn/1" in versions(by_rest)


class _Other(http.server.BaseHTTPRequestHandler):
    """A web server that is no MLflow: the path says what it answers."""

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        kind = self.path.split("/")[1]
        status, body = {
            "missing": (404, b"no"),
            "page": (200, b"<html>"),
            "list": (200, b"[]"),
            "form": (200, b'{"registered_models": [{"nome": "x"}]}'),
            "locked": (401, b"no"),
            "forbidden": (403, b"no"),
            "broken": (400, b"odd\nrequest"),
        }[kind]
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def other_server() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Other) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://user:geheim@127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("path", "kind", "what"),
    [
        ("missing", UsageError, "does not answer as an MLflow model registry"),
        ("page", UsageError, "does not answer as an MLflow model registry"),
        ("list", UsageError, "does not answer as an MLflow model registry"),
        ("form", SourceError, "not in MLflow's form"),
        ("locked", UsageError, "Set MLFLOW_TRACKING_USERNAME"),
        ("forbidden", UsageError, "Set MLFLOW_TRACKING_USERNAME"),
        ("broken", SourceError, "answered 400"),
    ],
)
def test_a_server_that_answers_otherwise_is_told_in_one_line(
    other_server: str, path: str, kind: type[Exception], what: str
) -> None:
    with pytest.raises(kind) as caught:
        RestReader(f"{other_server}/{path}/").read()
    assert what in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "geheim" not in str(caught.value)
