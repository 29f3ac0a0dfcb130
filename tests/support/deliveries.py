"""Webhook deliveries as MLflow makes them, and a listener to send them to."""

from __future__ import annotations

import contextlib
import http.client
import json
import ssl
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from audit.capture.listener import Listener
from audit.capture.webhooks import Receiver, Signed, signature
from audit.ledger import WEBHOOK_RECEIVED, Event, Ledger
from audit.period import Clock

SECRET = b"correct horse battery staple"
SUBJECT = "https://mlflow.example"
NOW = 1_785_000_000_000


def alias_set(name: str = "churn", version: str = "3") -> dict[str, Any]:
    """Return what MLflow sends when an alias is set, but for the time."""
    data = {"name": name, "alias": "champion", "version": version}
    return {"entity": "model_version_alias", "action": "created", "data": data}


def signed(body: Any, number: int = 1, at: int = NOW, secret: bytes = SECRET) -> Signed:
    """Return a delivery, signed; ``body`` is JSON or bytes as they are, ``at`` UTC ms."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    bare = Signed(f"delivery-{number}", str(at // 1000), "", content)
    return replace(bare, signature=signature(secret, bare))


def headers_of(delivery: Signed) -> dict[str, str]:
    return {
        "Content-Type": "application/json",
        "X-MLflow-Delivery-Id": delivery.id,
        "X-MLflow-Timestamp": delivery.timestamp,
        "X-MLflow-Signature": delivery.signature,
    }


@dataclass(frozen=True)
class Listening:
    """A listener that runs in a thread, and the ledger it writes to."""

    server: Listener
    ledger: Ledger

    def post(
        self,
        delivery: Signed,
        path: str = "/webhook",
        headers: Mapping[str, str] | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> int:
        """Send a delivery and return the status; ``headers`` replace those that it has."""
        with contextlib.closing(self.connect(tls)) as connection:
            connection.request(
                "POST", path, delivery.body, {**headers_of(delivery), **(headers or {})}
            )
            return connection.getresponse().status

    def connect(self, tls: ssl.SSLContext | None = None) -> http.client.HTTPConnection:
        if tls:
            port = self.server.server_port
            return http.client.HTTPSConnection("127.0.0.1", port, timeout=20, context=tls)
        return http.client.HTTPConnection("127.0.0.1", self.server.server_port, timeout=20)

    @property
    def noted(self) -> list[Event]:
        return self.ledger.events(SUBJECT, WEBHOOK_RECEIVED)


@contextlib.contextmanager
def listening(
    url: str, clock: Clock = lambda: NOW, tls: ssl.SSLContext | None = None
) -> Iterator[Listening]:
    """Run a listener on a free port of the loopback interface."""
    ledger = Ledger(url)
    server = Listener("127.0.0.1", 0, "/webhook", Receiver(ledger, SUBJECT, SECRET, clock), tls)
    worker = threading.Thread(target=server.serve_forever, args=(0.05,))
    worker.start()
    try:
        yield Listening(server, ledger)
    finally:
        server.shutdown()
        server.server_close()
        worker.join()
        ledger.close()
