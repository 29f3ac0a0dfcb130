"""MLflow servers with users: basic authentication, several workers, MLflow's or our own app."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from support import services

ADMIN = "admin"
ADMIN_PASSWORD = "correct horse battery staple"


@contextlib.contextmanager
def auth_server(
    backend_uri: str,
    folder: Path,
    *,
    app_name: str = "basic-auth",
    workers: int = 2,
    users: Mapping[str, str],
    env: Mapping[str, str] | None = None,
    default_permission: str = "MANAGE",
    options: tuple[str, ...] = (),
) -> Iterator[str]:
    """Start ``mlflow server --app-name …`` and yield its base URL, its users created.

    ``users`` maps names to passwords (of twelve characters at least). Nobody but ``admin``
    (``ADMIN_PASSWORD``) is an administrator; whatever is not granted otherwise falls back on
    ``default_permission``, so that by default everybody may change every model. The users'
    database, the configuration, ``server.log`` and the artifacts are in ``folder``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    configuration = folder / "auth.ini"
    configuration.write_text(
        "[mlflow]\n"
        f"default_permission = {default_permission}\n"
        f"database_uri = sqlite:///{folder / 'users.db'}\n"
        f"admin_username = {ADMIN}\n"
        "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
        "auth_cache_ttl_seconds = 60\n"  # a password costs 0.1 s to check
    )
    environment = {
        "MLFLOW_AUTH_CONFIG_PATH": str(configuration),
        "MLFLOW_AUTH_ADMIN_PASSWORD": ADMIN_PASSWORD,
        "MLFLOW_FLASK_SERVER_SECRET_KEY": "only for tests",
        **(env or {}),
    }
    with services.mlflow_server(
        backend_uri, folder, "--app-name", app_name, "--workers", str(workers), *options,
        environment=environment,
    ) as address:  # fmt: skip
        _wait_for_all(folder / "server.log", workers)
        for name, password in users.items():
            status, answer = call(
                address, "POST", "/api/2.0/mlflow/users/create", (ADMIN, ADMIN_PASSWORD),
                {"username": name, "password": password},
            )  # fmt: skip
            assert status == 200 or "RESOURCE_ALREADY_EXISTS" in str(answer), answer
        yield address


def call(
    address: str,
    method: str,
    path: str,
    user: tuple[str, str] | None = None,
    body: object = None,
    headers: Mapping[str, str] | None = None,
    source: str = "127.0.0.1",
) -> tuple[int, Any]:
    """Send one request, ``body`` as JSON or as it is (bytes); return status and answer.

    Only a body that is not bytes has a content type, unless ``headers`` say one. ``source`` is
    the loopback address that it comes from.
    """
    sent = dict(headers or {})
    if body is not None and not isinstance(body, bytes):
        body = json.dumps(body).encode()
        sent = {"Content-Type": "application/json", **sent}
    if user is not None:
        token = base64.b64encode(":".join(user).encode()).decode()
        sent["Authorization"] = f"Basic {token}"
    host = address.removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=60, source_address=(source, 0))
    with contextlib.closing(connection):
        connection.request(method, path, body, sent)
        response = connection.getresponse()
        answer = response.read()
        with contextlib.suppress(ValueError):
            return response.status, json.loads(answer)
        return response.status, answer


def _wait_for_all(log: Path, workers: int) -> None:
    """Wait until every worker serves: the first to answer does not wait for the others."""
    end = time.monotonic() + 120
    while time.monotonic() < end:
        text = log.read_text()
        if max(map(text.count, ("Application startup complete", "Booting worker"))) >= workers:
            return
        time.sleep(0.1)
    raise AssertionError(log.read_text()[-2000:])
