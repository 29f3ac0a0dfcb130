"""An S3 server on loopback: moto's, in a thread of the test process.

It counts what is asked of it, so that tests can tell how much that was and that nothing
was written.
"""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "auditor",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/nonexistent/config",
    "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent/credentials",
}
_REQUEST = re.compile(r"(GET|HEAD|PUT|POST|DELETE|PATCH) (\S+) HTTP")


class _Requests(logging.Handler):
    """Keeps the request lines that werkzeug logs."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[tuple[str, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        if found := _REQUEST.search(record.getMessage()):
            self.lines.append((found[1], found[2]))


@dataclass
class ObjectStore:
    """The running server."""

    url: str
    client: Any
    _requests: _Requests = field(default_factory=_Requests)

    def bucket(self, name: str, *, versions: bool = False) -> str:
        """Make a bucket and return its name."""
        place = {"LocationConstraint": CREDENTIALS["AWS_DEFAULT_REGION"]}
        self.client.create_bucket(Bucket=name, CreateBucketConfiguration=place)
        if versions:
            rule = {"Status": "Enabled"}
            self.client.put_bucket_versioning(Bucket=name, VersioningConfiguration=rule)
        return name

    def content(self, bucket: str) -> list[tuple[str, str, str, str]]:
        """Return key, version, ETag and time of all that a bucket holds."""
        found = self.client.list_object_versions(Bucket=bucket).get("Versions", [])
        return sorted(
            (item["Key"], item["VersionId"], item["ETag"], str(item["LastModified"]))
            for item in found
        )

    @contextmanager
    def watched(self) -> Iterator[list[tuple[str, str]]]:
        """Give a list that fills with method and path of each request."""
        self._requests.lines = []
        yield self._requests.lines

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """Accept no key but those that its own user management knows: none."""
        self._post("/moto-api/reset-auth", b"0")
        try:
            yield
        finally:
            self._post("/moto-api/reset-auth", b"inf")

    def _post(self, path: str, data: bytes) -> None:
        kind = {"Content-Type": "text/plain"}
        with urlopen(Request(self.url + path, data=data, headers=kind, method="POST")):
            pass


@contextmanager
def object_store() -> Iterator[ObjectStore]:
    """Run a server for as long as the context lasts, credentials in the environment."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    before = {name: os.environ.get(name) for name in CREDENTIALS}
    os.environ.update(CREDENTIALS)
    log = logging.getLogger("werkzeug")
    state = (log.level, log.propagate)
    try:
        host, port = server.get_host_and_port()
        url = f"http://{host}:{port}"
        store = ObjectStore(url, boto3.client("s3", endpoint_url=url))
        log.setLevel(logging.INFO)
        log.propagate = False
        log.addHandler(store._requests)
        yield store
        log.removeHandler(store._requests)
    finally:
        log.setLevel(state[0])
        log.propagate = state[1]
        server.stop()
        for name, value in before.items():
            if value is None:
                os.environ.pop(name)
            else:
                os.environ[name] = value


def dvc(folder: Path, *arguments: str) -> None:
    """Run DVC in a process of its own: it keeps state that outlives a command."""
    command = [sys.executable, "-m", "dvc", *arguments]
    environment = {
        **os.environ,
        "DVC_NO_ANALYTICS": "1",
        "DVC_GLOBAL_CONFIG_DIR": str(folder / "none"),
    }
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
