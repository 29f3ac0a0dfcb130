"""The scripted quarter on a real server and database, with somebody who looks at each mark."""

from __future__ import annotations

import contextlib
import shutil
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from support import services
from support.book import Book, now
from support.deeds import Mark
from support.hands import Cast, Hand, Web
from support.script import play
from support.servers import ADMIN, ADMIN_PASSWORD, auth_server, call

from audit.capture.install import install
from audit.facts import Observations
from audit.gather.observe import observe
from audit.history.model import ActionGrade, History
from audit.history.reconstruct import reconstruct
from audit.ledger import Ledger
from audit.sources.registry.readers import open_registry

OURS = "mlflow-audit-basic-auth"
SECRET = "open sesame, 2026"
APPLICATION = "mlflow_application"
"""The account of the MLflow server, and of who goes round it, in PostgreSQL and MariaDB."""


@dataclass
class Database:
    """One registry's database: for MLflow, for the tool, and who a direct client is in it."""

    mlflow: str
    audit: str
    owner: str
    """As ``audit``, with the right to install."""
    direct: tuple[str, ActionGrade] = ("", ActionGrade.UNKNOWN)
    raw: tuple[str, ActionGrade] = ("", ActionGrade.UNKNOWN)


@dataclass
class Watcher:
    """Looks at a registry at each mark, and keeps the ledger of it."""

    uri: str
    ledger: str
    observations: Observations = field(default_factory=Observations)
    looks: list[int] = field(default_factory=list)

    def look(self) -> None:
        """Read the registry and note what changed."""
        with contextlib.closing(Ledger(self.ledger)) as ledger:
            began = now()
            registry = open_registry(self.uri).read_models()
            self.observations = observe(registry, self.uri, ledger, began, now())
            self.looks.append(self.observations.snapshots[-1].at)


@dataclass
class Played:
    """A registry after the script, what is true of it, and what the watchers noted."""

    database: Database
    book: Book
    watchers: list[Watcher]
    folder: Path

    @property
    def history(self) -> History:
        return reconstruct(self.watchers[0].observations)


@contextlib.contextmanager
def calm() -> Iterator[None]:
    """Let MLflow's client warn of what it likes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def client(uri: str) -> Any:
    """Return MLflow's own client of a server or a database."""
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=uri, registry_uri=uri)


def sqlite(folder: Path) -> Database:
    uri = f"sqlite:///{folder / 'registry.db'}"
    return Database(uri, uri, uri)


def postgresql_database(cluster: services.PostgreSQL, name: str) -> Database:
    password = services.PASSWORD
    cluster.run(
        "postgres",
        f"DO $$ BEGIN CREATE ROLE {APPLICATION} LOGIN PASSWORD '{password}';"
        " EXCEPTION WHEN duplicate_object THEN NULL; END $$",
        f"CREATE DATABASE {name} OWNER {APPLICATION}",
    )
    mlflow = cluster.uri(name, APPLICATION).replace("postgresql://", "postgresql+psycopg://")
    return Database(
        mlflow,
        cluster.uri(name),
        cluster.uri(name),
        (APPLICATION, ActionGrade.RECORDED),
        ("postgres", ActionGrade.RECORDED),
    )


def mariadb_database(server: services.MariaDB, name: str) -> Database:
    """Return a new database in MariaDB, and the account that MLflow has for it."""
    server.run(
        "",
        f"CREATE DATABASE {name}",
        f"CREATE USER {APPLICATION}@'%' IDENTIFIED BY '{services.PASSWORD}'",
        f"GRANT ALL ON {name}.* TO {APPLICATION}@'%'",
    )
    return Database(
        server.uri(name, APPLICATION),
        server.uri(name),
        server.uri(name),
        (APPLICATION, ActionGrade.RECORDED),
        ("root", ActionGrade.RECORDED),
    )


def engine(uri: str) -> sa.Engine:
    return sa.create_engine(uri.replace("postgresql://", "postgresql+psycopg://"))


def played(database: Database, folder: Path, app: str, *ways: str, workers: int = 2) -> Played:
    """Play the script against a server on a database, and look at it in each way.

    ``ways`` are readers, ``sql`` or ``rest``. Our own application wants capture installed.
    """
    with calm():
        direct = client(database.mlflow)
        direct.search_registered_models()  # makes the tables
        if app != "basic-auth":
            install(database.owner)
        people = dict.fromkeys(("alice", "bob", "carol"), SECRET)
        with auth_server(
            database.mlflow, folder / "server", app_name=app, workers=workers, users=people
        ) as address:
            forbid(address, "carol", "churn")
            admin = address.replace("://", f"://{ADMIN}:{quote(ADMIN_PASSWORD, safe='')}@")
            watchers = [
                Watcher(
                    admin if way == "rest" else database.audit, f"sqlite:///{folder / way}.ledger"
                )
                for way in ways
            ]

            def look(mark: Mark) -> None:
                for watcher in watchers:
                    watcher.look()
                assert mark.at <= watchers[0].looks[-1]

            book = Book(look)
            book.mark("start")
            play(book, cast(database, address, direct))
        return Played(database, book, watchers, folder)


def cast(database: Database, address: str, direct: Any) -> Cast:
    signed = ActionGrade.AUTHENTICATED
    alice = client(address.replace("://", f"://alice:{quote(SECRET, safe='')}@"))
    bob = Hand(Web(address, "bob", SECRET, "ajax-api"), "bob", signed)
    round_it = Hand(direct, *database.direct)
    return Cast(
        alice=Hand(alice, "alice", signed),
        bob=bob,
        carol=Hand(Web(address, "carol", SECRET), "carol", signed),
        direct=round_it,
        # With psycopg 3 MLflow compares its integer versions with the text that came by REST,
        # which PostgreSQL refuses: there only a client with an integer at hand can do it.
        archivist=round_it if database.mlflow.startswith("postgresql") else bob,
        raw=Hand(engine(database.owner), *database.raw),
    )


def forbid(address: str, user: str, model: str) -> None:
    """Let the server refuse a user whatever concerns a model."""
    body = {"username": user, "resource_type": "registered_model", "resource_id": model}
    status, answer = call(
        address, "POST", "/api/3.0/mlflow/users/permissions/grant", (ADMIN, ADMIN_PASSWORD),
        {**body, "permission": "DENY"},
    )  # fmt: skip
    assert status == 200, answer


def job_file(quarter: Played, folder: Path) -> Path:
    """Return a job on a played quarter, with a ledger of its own that knows what was observed.

    It reports as ``past`` below ``folder``, sealed with the keys beside it.
    """
    folder.mkdir()
    shutil.copyfile(quarter.folder / "sql.ledger", folder / "ledger.db")
    job = folder / "job.yaml"
    job.write_text(
        "job: {name: past, title: Past, organisation: Example Bank}\n"
        f"registry: {{uri: '{quarter.database.audit}'}}\n"
        "period: {every: month, zone: UTC}\n"
        "data: {remotes: skip, weights: never}\n"
        "ledger: sqlite:///ledger.db\n"
        "controls: {packs: [operating-checklist]}\n"
        "report: {formats: [html, csv], dossiers: [html]}\n"
        "signing: {key: 'file:../keys/seal.key', certificate: ../keys/seal.pem,"
        " chain: [../keys/ca.pem, ../keys/ca.crl.pem]}\n"
        "archive: {path: output, retain: 10y}\n"
        "execute: {executor: inline, cache: cache}\n"
    )
    return job
