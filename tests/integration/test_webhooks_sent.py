"""A real MLflow server sends its webhooks: each action arrives, signed, and is noted once."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from mlflow import MlflowClient
from support import services
from support.deliveries import SECRET, Listening, listening

from audit.canonical import load
from audit.facts import Delivery
from audit.period import system_clock

pytestmark = [pytest.mark.service, pytest.mark.slow]

EVENTS = [
    "registered_model.created",
    "model_version.created",
    "model_version_tag.set",
    "model_version_tag.deleted",
    "model_version_alias.created",
    "model_version_alias.deleted",
    "prompt.created",
]


@pytest.fixture(scope="module")
def listener(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listening]:
    folder = tmp_path_factory.mktemp("ledger")
    with listening(f"sqlite:///{folder}/ledger.db", clock=system_clock) as running:
        yield running


@pytest.fixture(scope="module")
def client(listener: Listening, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowClient]:
    """A client of a server that was told to send its webhooks to the listener."""
    folder = tmp_path_factory.mktemp("server")
    environment = {
        "MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http,https",
        "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true",
        "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY": Fernet.generate_key().decode(),
    }
    store = f"sqlite:///{folder}/mlflow.db"
    with services.mlflow_server(store, folder, environment=environment) as address:
        client = MlflowClient(address, address)
        client.create_webhook("audit", listener.server.url, EVENTS, secret=SECRET.decode())
        yield client


def wait(until: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not until() and time.monotonic() < end:
        time.sleep(0.1)


def test_every_action_arrives_once(client: MlflowClient, listener: Listening) -> None:
    began = system_clock()
    client.create_registered_model("churn", tags={"team": "risk"}, description="Who leaves")
    for _ in range(2):
        client.create_model_version("churn", "s3://models/churn", tags={"a": "é"})
    client.set_model_version_tag("churn", "1", "approved", "yes")
    client.delete_model_version_tag("churn", "1", "approved")
    client.set_registered_model_alias("churn", "champion", "1")
    client.set_registered_model_alias("churn", "champion", "2")
    client.delete_registered_model_alias("churn", "champion")
    client.register_prompt("greeting", "Hello {{name}}")
    wait(lambda: len(listener.noted) >= 8)
    time.sleep(0.5)  # for what must not arrive: a second time, or a prompt
    deliveries = [load(Delivery, dict(event.payload)) for event in listener.noted]
    assert sorted(
        (item.entity, item.action, item.data["name"], item.data.get("version", ""))
        for item in deliveries
    ) == [
        ("model_version", "created", "churn", "1"),
        ("model_version", "created", "churn", "2"),
        ("model_version_alias", "created", "churn", "1"),
        ("model_version_alias", "created", "churn", "2"),
        ("model_version_alias", "deleted", "churn", ""),
        ("model_version_tag", "deleted", "churn", "1"),
        ("model_version_tag", "set", "churn", "1"),
        ("registered_model", "created", "churn", ""),
    ]
    by_kind = {(item.entity, item.action): item.data for item in deliveries}
    assert by_kind["model_version_tag", "set"] == {
        "name": "churn", "version": "1", "key": "approved", "value": "yes",
    }  # fmt: skip
    assert by_kind["model_version_alias", "deleted"] == {"name": "churn", "alias": "champion"}
    assert by_kind["registered_model", "created"]["tags"] == '{"team":"risk"}'
    for item in deliveries:
        assert began <= item.sent_at <= item.received_at <= system_clock()
    assert len({item.id for item in deliveries}) == 8
    listener.ledger.verify()


def test_a_delivery_that_cannot_be_noted_comes_again(
    client: MlflowClient, listener: Listening, caplog: pytest.LogCaptureFixture
) -> None:
    database = Path(str(listener.ledger._engine.url.database))
    before = len(listener.noted)
    client.create_registered_model("fraud")
    wait(lambda: len(listener.noted) == before + 1)
    with sqlite3.connect(database) as connection:
        connection.execute("alter table mlflow_audit_events rename to away")
    with caplog.at_level(logging.ERROR, "audit.capture.webhooks"):
        client.create_model_version("fraud", "s3://models/fraud")
        wait(lambda: "is not noted" in caplog.text)
    with sqlite3.connect(database) as connection:
        connection.execute("alter table away rename to mlflow_audit_events")
    wait(lambda: len(listener.noted) == before + 2)
    assert listener.noted[-1].payload["data"]["name"] == "fraud"
    assert len(listener.noted) == before + 2
