"""The plugin in real MLflow servers: several workers, two databases, users, proxies, forgers."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from support import services
from support.registry import mlflow_at
from support.servers import ADMIN, ADMIN_PASSWORD, auth_server, call

from audit.capture.install import install, remove
from audit.capture.log import open_log
from audit.facts.observed import Attempt, CapturedRow

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("mlflow-servers")]

PASSWORDS = {name: f"the password of {name}" for name in ("alice", "bob", "carol")}
API, AJAX = "/api/2.0/mlflow", "/ajax-api/2.0/mlflow"
UPLOADS = "/api/2.0/mlflow-artifacts/artifacts"
USER = "X-Forwarded-User"
ROUNDS, THREADS = 6, 2


@dataclass
class Plant:
    """A server and what its registry's database keeps of it since ``mark``."""

    address: str
    uri: str
    folder: Path
    rows_before: int = 0
    attempts_before: int = 0

    def ask(self, who: str, method: str, path: str, body: object = None, **more: Any) -> int:
        """Send a request as a user (empty: as nobody) and return its status."""
        password = ADMIN_PASSWORD if who == ADMIN else PASSWORDS.get(who, "")
        user = (who, password) if who else None
        return call(self.address, method, path, user, body, **more)[0]

    def mark(self) -> None:
        self.read()

    def read(self) -> tuple[list[CapturedRow], list[Attempt]]:
        """Return what came since the last time."""
        log = open_log(self.uri)
        assert log is not None
        rows, attempts = log.rows(self.rows_before), log.attempts(self.attempts_before)
        log.close()
        self.rows_before = rows[-1].seq if rows else self.rows_before
        self.attempts_before = attempts[-1][0] if attempts else self.attempts_before
        return rows, [attempt for _, attempt in attempts]

    def output(self) -> str:
        return (self.folder / "server.log").read_text()


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty registry's file, without capture. Do not change it."""
    path = tmp_path_factory.mktemp("empty") / "registry.db"
    with mlflow_at(f"sqlite:///{path}") as client:
        client.search_registered_models()
    return path


def sqlite(empty: Path, folder: Path, *, capture: bool = True) -> str:
    """Return the address of a copy of the empty registry."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(empty, folder / "registry.db")
    uri = f"sqlite:///{folder / 'registry.db'}"
    if capture:
        install(uri)
    return uri


@pytest.fixture(scope="module")
def on_sqlite(empty: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    """Two workers with basic authentication on SQLite."""
    folder = tmp_path_factory.mktemp("on-sqlite")
    uri = sqlite(empty, folder)
    with auth_server(
        uri, folder / "server", app_name="mlflow-audit-basic-auth", users=PASSWORDS
    ) as address:
        yield Plant(address, uri, folder / "server")


@pytest.fixture(scope="module")
def on_postgresql(
    postgresql: services.PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Plant]:
    """The same on PostgreSQL; the server's role owns MLflow's tables and nothing of capture."""
    folder = tmp_path_factory.mktemp("on-postgresql")
    postgresql.run(
        "postgres",
        f"CREATE ROLE plugin_app LOGIN PASSWORD '{services.PASSWORD}'",
        "CREATE DATABASE plugin OWNER plugin_app",
    )
    app = postgresql.uri("plugin", "plugin_app").replace("postgresql:", "postgresql+psycopg:")
    with mlflow_at(app) as client:
        client.search_registered_models()
    uri = postgresql.uri("plugin")
    install(uri)
    with auth_server(app, folder, app_name="mlflow-audit-basic-auth", users=PASSWORDS) as address:
        yield Plant(address, uri, folder)


@pytest.fixture(scope="module")
def on_mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    """The same on MariaDB, where what is said of a session outlives its transactions."""
    folder = tmp_path_factory.mktemp("on-mariadb")
    with services.mariadb() as mariadb:
        mariadb.run("", "CREATE DATABASE plugin CHARACTER SET utf8mb4")
        uri = mariadb.uri("plugin")
        with mlflow_at(uri) as client:
            client.search_registered_models()
        install(uri)
        with auth_server(
            uri, folder, app_name="mlflow-audit-basic-auth", users=PASSWORDS
        ) as address:
            yield Plant(address, uri, folder)


def deeds(who: str, thread: int) -> Iterator[tuple[bool, str, str, object]]:
    """Yield requests of one user, and whether each changes anything.

    What each changes has the user's name in it.
    """
    mine, shared = f"{who}-{thread}", {"name": "shared"}
    for n in range(ROUNDS):
        own, renamed = {"name": f"{mine}-{n}"}, {"name": f"{mine}-{n}-new"}
        tag = {"key": mine, "value": f"{who} {n}"}
        yield True, "POST", f"{API}/registered-models/set-tag", shared | tag
        yield False, "POST", f"{AJAX}/registered-models/set-tag", shared | tag
        alias = {"alias": mine, "version": str(1 + n % 2)}
        yield True, "POST", f"{AJAX}/registered-models/alias", shared | alias
        yield True, "POST", f"{API}/model-versions/set-tag", shared | tag | {"version": "1"}
        described = {"version": "1", "description": f"{mine} {n}"}
        yield True, "PATCH", f"{AJAX}/model-versions/update", shared | described
        yield False, "POST", f"{API}/registered-models/create", shared
        yield True, "POST", f"{API}/registered-models/create", own
        yield True, "POST", f"{AJAX}/model-versions/create", own | {"source": "s3://bucket/model"}
        yield True, "POST", f"{API}/registered-models/rename", own | {"new_name": renamed["name"]}
        yield False, "DELETE", f"{API}/registered-models/delete", own
        yield True, "DELETE", f"{API}/registered-models/delete", renamed
        if n % 2:
            alias = {"alias": mine}
            yield True, "DELETE", f"{API}/registered-models/alias", shared | alias
            yield False, "DELETE", f"{AJAX}/registered-models/alias", shared | alias


def authors(row: CapturedRow) -> set[str]:
    """Return the users whose names are in what a row says that was done."""
    old, new = row.old or {}, row.new or {}
    done = {key: new.get(key) for key in new if old.get(key) != new.get(key)} if new else old
    text = json.dumps([done, (new or old).get("name"), new.get("key"), new.get("alias")])
    return {who for who in PASSWORDS if who in text}


@pytest.mark.parametrize("plant", ["on_sqlite", "on_postgresql", "on_mariadb"])
def test_no_actor_is_wrong_under_concurrency(plant: str, request: pytest.FixtureRequest) -> None:
    at: Plant = request.getfixturevalue(plant)
    assert at.ask(ADMIN, "POST", f"{API}/registered-models/create", {"name": "shared"}) == 200
    for _ in range(2):
        body = {"name": "shared", "source": "s3://bucket/model"}
        assert at.ask(ADMIN, "POST", f"{API}/model-versions/create", body) == 200
    at.mark()
    users = ("alice", "bob")

    def work(who: str, thread: int) -> Counter[bool]:
        done: Counter[bool] = Counter()
        for changes, method, path, body in deeds(who, thread):
            status = at.ask(who, method, path, body)
            assert status == 200 or not changes, (method, path, body, status)
            done[changes] += 1
        return done

    with ThreadPoolExecutor(len(users) * THREADS) as pool:
        jobs = [(who, pool.submit(work, who, n)) for who in users for n in range(THREADS)]
    expected = {who: Counter[bool]() for who in users}
    for who, job in jobs:
        expected[who] += job.result()
    rows, attempts = at.read()

    wrong = [row for row in rows if not authors(row) <= {row.user}]
    assert wrong == []
    acts: dict[str, set[str]] = {}
    for row in rows:
        acts.setdefault(row.request, set()).add(row.user)
    assert all(len(actors) == 1 for actors in acts.values())
    named = {row.request for row in rows if authors(row)}
    assert named == set(acts)
    assert Counter(actor for actors in acts.values() for actor in actors) == {
        who: expected[who][True] for who in users
    }
    assert Counter(attempt.user for attempt in attempts) == {
        who: expected[who][False] for who in users
    }
    assert {attempt.request for attempt in attempts}.isdisjoint(acts)
    assert len(set(served(at))) == 2
    if plant == "on_sqlite":
        assert count(at.uri, "mlflow_audit_context") == 0


def served(at: Plant) -> list[str]:
    """Return the process ids of the workers that serve."""
    lines = at.output().splitlines()
    return [line.split("[")[1] for line in lines if "Started server process" in line]


def count(uri: str, table: str) -> int:
    engine = sa.create_engine(uri)
    with engine.connect() as connection:
        found = connection.execute(sa.text(f"SELECT count(*) FROM {table}")).scalar_one()
    engine.dispose()
    return int(found)


@pytest.mark.parametrize("plant", ["on_sqlite", "on_postgresql", "on_mariadb"])
def test_attempts_are_kept_with_who_and_outcome(plant: str, request: pytest.FixtureRequest) -> None:
    at: Plant = request.getfixturevalue(plant)
    at.mark()
    deny = {
        "username": "carol",
        "resource_type": "registered_model",
        "resource_id": "guarded",
        "permission": "DENY",
    }
    assert at.ask(ADMIN, "POST", f"{API}/registered-models/create", {"name": "guarded"}) == 200
    assert at.ask(ADMIN, "POST", "/api/3.0/mlflow/users/permissions/grant", deny) == 200
    tag = {"name": "guarded", "key": "k", "value": "v"}
    missing = {"name": "missing\0", "version": 7, "key": "k", "value": "v"}
    sent = [
        ("carol", "POST", f"{API}/registered-models/set-tag", tag),
        ("bob", "POST", f"{AJAX}/model-versions/set-tag", missing),
        ("bob", "POST", f"{API}/registered-models/set-tag", {"name": "guarded"}),
        ("alice", "POST", f"{API}/registered-models/set-tag", tag | {"name": "absent"}),
        ("bob", "POST", "/api/3.0/mlflow/registered-models/set-tag", tag),
        ("mallory", "POST", f"{API}/registered-models/set-tag", tag),
        ("", "DELETE", f"{API}/registered-models/delete", tag),
        ("bob", "PUT", f"{UPLOADS}/1/r/model é.pkl".replace(" é", "%20%C3%A9"), b"weights"),
        ("bob", "PUT", f"{AJAX}-artifacts/artifacts/1/r/model.pkl", b"other weights"),
        ("bob", "PUT", f"{UPLOADS}/..%2F..%2Fusers.db", b"x"),
        ("", "PUT", f"{UPLOADS}/1/r/model.pkl", b"x"),
        ("bob", "POST", "/api/2.0/mlflow-artifacts/mpu/create/1/r", {"path": "x", "num_parts": 1}),
        ("bob", "POST", f"{API}/artifacts/presigned-upload-url", {"run_id": "r", "path": "x"}),
        ("bob", "POST", f"{AJAX}/upload-artifact?run_uuid=r&path=x&token=t", b"x"),
        ("alice", "GET", f"{API}/registered-models/get?name=guarded", None),
        ("alice", "POST", f"{API}/registered-models/get-latest-versions", {"name": "guarded"}),
    ]
    statuses = [at.ask(*one) for one in sent]
    evil = {"Host": "evil.example", "Content-Type": "application/json"}
    assert at.ask("bob", "POST", f"{API}/registered-models/set-tag", b"{}", headers=evil) == 403

    rows, attempts = at.read()
    assert [(row.user, row.table) for row in rows] == [(ADMIN, "registered_models")]
    found = [(a.user, a.method, a.path, a.status, a.model, a.version) for a in attempts]
    own = f"{AJAX}/upload-artifact?run_uuid=r&path=x"
    assert found == [
        ("carol", "POST", f"{API}/registered-models/set-tag", 403, "guarded", ""),
        ("bob", "POST", f"{AJAX}/model-versions/set-tag", statuses[1], "missing\ufffd", "7"),
        ("bob", "POST", f"{API}/registered-models/set-tag", 400, "guarded", ""),
        ("alice", "POST", f"{API}/registered-models/set-tag", 404, "absent", ""),
        ("bob", "POST", "/api/3.0/mlflow/registered-models/set-tag", 403, "guarded", ""),
        ("", "POST", f"{API}/registered-models/set-tag", 401, "guarded", ""),
        ("", "DELETE", f"{API}/registered-models/delete", 401, "guarded", ""),
        ("bob", "PUT", f"{UPLOADS}/1/r/model é.pkl", 200, "", ""),
        ("bob", "PUT", f"{AJAX}-artifacts/artifacts/1/r/model.pkl", 200, "", ""),
        ("bob", "PUT", f"{UPLOADS}/../../users.db", statuses[9], "", ""),
        ("", "PUT", f"{UPLOADS}/1/r/model.pkl", 401, "", ""),
        ("bob", "POST", "/api/2.0/mlflow-artifacts/mpu/create/1/r", 501, "", ""),
        ("bob", "POST", f"{API}/artifacts/presigned-upload-url", statuses[12], "", ""),
        ("bob", "POST", own, statuses[13], "", ""),
        ("", "POST", f"{API}/registered-models/set-tag", 403, "", ""),
    ]
    assert min(statuses[1], statuses[9], statuses[12], statuses[13]) >= 400
    assert statuses[14:] == [200, 200]
    assert {attempt.peer for attempt in attempts} == {"127.0.0.1"}


def test_a_body_without_content_type_is_told_apart_by_what_it_did(on_sqlite: Plant) -> None:
    on_sqlite.ask(ADMIN, "POST", f"{API}/registered-models/create", {"name": "bodies"})
    on_sqlite.mark()
    body = b'{"name": "bodies", "key": "bare", "value": "v"}'
    path = f"{API}/registered-models/delete-tag"
    on_sqlite.ask(ADMIN, "POST", f"{API}/registered-models/set-tag", json.loads(body))
    assert on_sqlite.ask(ADMIN, "DELETE", path, body) == 200
    on_sqlite.ask(ADMIN, "DELETE", path, body)
    rows, attempts = on_sqlite.read()
    assert [(row.operation, row.user) for row in rows] == [("insert", ADMIN), ("delete", ADMIN)]
    assert [(attempt.path, attempt.model) for attempt in attempts] == [(path, "bodies")]


def test_passwords_are_nowhere(on_sqlite: Plant) -> None:
    on_sqlite.mark()
    secrets = ["a very secret first password", "a very secret second password"]
    user = {"username": "dave", "password": secrets[0]}
    assert on_sqlite.ask(ADMIN, "POST", f"{API}/users/create", user) == 200
    user["password"] = secrets[1]
    assert on_sqlite.ask(ADMIN, "PATCH", f"{AJAX}/users/update-password", user) == 200
    assert on_sqlite.ask("bob", "POST", f"{API}/users/create", user) in {400, 403}
    assert on_sqlite.read() == ([], [])
    kept = b"".join(
        path.read_bytes()
        for path in (*on_sqlite.folder.parent.rglob("*.db*"), on_sqlite.folder / "server.log")
    )
    for secret in (*secrets, *PASSWORDS.values(), ADMIN_PASSWORD):
        assert secret.encode() not in kept


def test_a_proxy_is_believed_and_a_forger_is_not(empty: Path, tmp_path: Path) -> None:
    uri = sqlite(empty, tmp_path)
    environment = {
        "MLFLOW_AUDIT_USER_HEADER": USER,
        "MLFLOW_AUDIT_TRUSTED_PEERS": "127.0.0.2/32",
    }
    with services.mlflow_server(
        uri, tmp_path / "server", "--app-name", "mlflow-audit",
        "--uvicorn-opts=--no-proxy-headers", environment=environment,
    ) as address:  # fmt: skip
        at = Plant(address, uri, tmp_path / "server")
        forwarded = {"X-Forwarded-For": "127.0.0.2", USER: "mallory"}
        for name, source, headers in [
            ("proxy", "127.0.0.2", {USER: "alice", "X-Forwarded-For": "192.0.2.1"}),
            ("signed-out", "127.0.0.2", {}),
            ("forged", "127.0.0.1", {USER: "alice"}),
            ("forged-peer", "127.0.0.1", forwarded),
        ]:
            path = f"{API}/registered-models/create"
            sent = {"Content-Type": "application/json", **headers}
            body = json.dumps({"name": name}).encode()
            assert at.ask("", "POST", path, body, headers=sent, source=source) == 200
        upload = {USER: "alice"}
        assert at.ask("", "PUT", f"{UPLOADS}/x", b"", headers=upload, source="127.0.0.2") == 200
        assert at.ask("", "PUT", f"{UPLOADS}/x", b"", headers=upload) == 200
        body = b'{"name": "proxy", "description": "no content type"}'
        assert at.ask("", "PATCH", f"{AJAX}/registered-models/update", body) == 200
    rows, attempts = at.read()
    assert [(row.new or {})["name"] for row in rows] == [
        "proxy", "signed-out", "forged", "forged-peer", "proxy",
    ]  # fmt: skip
    assert [row.user for row in rows] == ["alice", "", "", "", ""]
    assert all(row.request for row in rows)
    assert [(a.user, a.peer) for a in attempts] == [("alice", "127.0.0.2"), ("", "127.0.0.1")]
    assert "mlflow-audit:" not in at.output()


def test_capture_comes_and_goes_while_a_server_runs(empty: Path, tmp_path: Path) -> None:
    """… and uvicorn's own belief in ``X-Forwarded-For`` opens no door."""
    uri = sqlite(empty, tmp_path, capture=False)
    environment = {
        "MLFLOW_AUDIT_USER_HEADER": USER,
        "MLFLOW_AUDIT_TRUSTED_PEERS": "10.0.0.0/8",
    }
    with services.mlflow_server(
        uri, tmp_path / "server", "--app-name", "mlflow-audit", "--workers", "2",
        environment=environment,
    ) as address:  # fmt: skip
        at = Plant(address, uri, tmp_path / "server")

        def create(name: str, **headers: str) -> int:
            sent = {"Content-Type": "application/json", **headers}
            body = json.dumps({"name": name}).encode()
            return at.ask("", "POST", f"{API}/registered-models/create", body, headers=sent)

        assert create("before") == 200
        assert create("before") == 400
        install(uri)
        assert create("forged", **{USER: "alice", "X-Forwarded-For": "10.0.0.1:9"}) == 200
        rows, _ = at.read()
        remove(uri, purge=True)
        assert create("after") == 200
    assert [((row.new or {})["name"], row.user) for row in rows] == [("forged", "")]
    warnings = [line for line in at.output().splitlines() if "mlflow-audit:" in line]
    assert [("capture install" in line, "--no-proxy-headers" in line) for line in warnings] == [
        (False, True),
        (True, False),
    ]


def test_under_gunicorn_flask_alone_is_recorded(empty: Path, tmp_path: Path) -> None:
    uri = sqlite(empty, tmp_path)
    with auth_server(
        uri, tmp_path / "server", app_name="mlflow-audit-basic-auth", users=PASSWORDS,
        env={"MLFLOW_AUDIT_USER_HEADER": USER, "MLFLOW_AUDIT_TRUSTED_PEERS": "127.0.0.1"},
        options=("--gunicorn-opts", "--threads 2"),
    ) as address:  # fmt: skip
        at = Plant(address, uri, tmp_path / "server")
        path, model = f"{API}/registered-models/create", {"name": "M"}
        forged = {USER: "bob", "Content-Type": "application/json"}
        assert at.ask("alice", "POST", path, model, headers=forged) == 200
        assert at.ask("alice", "POST", path, model) == 400
        assert at.ask("", "POST", path, model, headers=forged) == 401
        assert at.ask("carol", "PUT", f"{UPLOADS}/1/x", b"x") == 200
    rows, attempts = at.read()
    assert [row.user for row in rows] == ["alice"]
    assert [(a.user, a.status, a.model) for a in attempts] == [
        ("alice", 400, "M"),
        ("", 401, "M"),
        ("carol", 200, ""),
    ]


COMPARE = """
import mlflow.server.fastapi_app as stock
from mlflow.server import app as flask_app
plain = stock.create_fastapi_app(flask_app)
rules = sorted((str(r), sorted(r.methods)) for r in flask_app.url_map.iter_rules())
before = [f.__name__ for f in flask_app.before_request_funcs[None]]
from audit.capture.server.app import create_app
ours = create_app()
def show(app):
    return {path: sorted(methods) for path, methods in app.openapi()["paths"].items()}
assert show(ours) == show(plain) and len(show(ours)) > 20
kinds = lambda app: [m.cls.__qualname__ for m in app.user_middleware]
assert kinds(ours) == ["AsgiRecorder", *kinds(plain)], kinds(ours)
assert sorted((str(r), sorted(r.methods)) for r in flask_app.url_map.iter_rules()) == rules
after = [f.__name__ for f in flask_app.before_request_funcs[None]]
assert after[:-1] == before and after[-1] == "authenticated", after
"""


def test_routes_and_security_are_mlflows_own(empty: Path, tmp_path: Path) -> None:
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(tmp_path),
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "_MLFLOW_SGI_NAME": "uvicorn",
        "_MLFLOW_SERVER_FILE_STORE": f"sqlite:///{empty}",
    }
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", COMPARE],
        env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]


def test_importing_the_plugin_is_cheap() -> None:
    modules = ["app", "attempts", "calls", "middleware", "proxy", "routes", "stamp"]
    imports = "; ".join(f"import audit.capture.server.{name}" for name in modules)
    done = subprocess.run(
        [sys.executable, "-c", f"{imports}; import sys; print(*sys.modules)"],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert loaded.isdisjoint({"pandas", "weasyprint", "dvc", "pyhanko", "mlflow", "pydantic"})
    ours = {name for name in done.stdout.split() if name.startswith("audit")}
    assert ours == {"audit", "audit.capture", "audit.capture.server"} | {
        f"audit.capture.server.{name}" for name in modules
    }
