"""Real services that a test starts for itself and takes down again.

Where a service is impossible on this machine the test is skipped with the reason, and
under ``CI=true`` it fails instead: a service that nobody tested must not look tested.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest

T = TypeVar("T")
_POSTGRES = Path("/usr/lib/postgresql")
_START_SECONDS = 120
PASSWORD = "p@ss/w?rd#1"


def impossible(reason: str) -> None:
    """Skip the test aloud; fail it under ``CI=true``."""
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(f"CI must run this test: {reason}")
    pytest.skip(reason)


def free_port() -> int:
    """Return a port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True, slots=True)
class PostgreSQL:
    """A running throw-away cluster. ``postgres`` is its superuser."""

    port: int

    def uri(self, database: str, user: str = "postgres", password: str = PASSWORD) -> str:
        """Return an SQLAlchemy address without a driver, as people write it."""
        from urllib.parse import quote

        return f"postgresql://{user}:{quote(password, safe='')}@127.0.0.1:{self.port}/{database}"

    def run(self, database: str, *statements: str) -> None:
        """Run statements as superuser, each in its own transaction."""
        import psycopg

        with psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            dbname=database,
            user="postgres",
            password=PASSWORD,
            autocommit=True,
        ) as connection:
            for statement in statements:
                connection.execute(statement)


@contextlib.contextmanager
def postgresql() -> Iterator[PostgreSQL]:
    """Start a PostgreSQL cluster in a temporary folder on a free loopback port."""
    binaries = _postgres_binaries()
    folder = Path(tempfile.mkdtemp(prefix="mlflow-audit-pg-"))
    user: list[str] = []
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
        user = ["runuser", "-u", "postgres", "--"]
    data, secret, port = folder / "data", folder / "secret", free_port()
    secret.write_text(PASSWORD)
    secret.chmod(0o644)
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c fsync=off -k {folder}"
    control = [*user, str(binaries / "pg_ctl"), "-D", str(data), "-l", str(folder / "log")]

    def call(*command: str) -> None:
        subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL, timeout=120)

    try:
        call(
            *user, str(binaries / "initdb"), "-D", str(data), "-U", "postgres", "-E", "UTF8",
            "-A", "scram-sha-256", f"--pwfile={secret}", "--no-sync", "--locale=C",
        )  # fmt: skip
        call(*control, "-w", "-t", str(_START_SECONDS), "-o", options, "start")
        try:
            yield PostgreSQL(port)
        finally:
            call(*control, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def installed(find: Callable[[], T | None], package: str) -> T:
    """Return what ``find`` finds, after installing a Debian package if that is possible."""
    with (Path(tempfile.gettempdir()) / "mlflow-audit-install.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = find()
        if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
            environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
            for command in (
                ["apt-get", "update"],
                ["apt-get", "install", "-y", "--no-install-recommends", package],
            ):
                subprocess.run(
                    command, env=environment, stdout=subprocess.DEVNULL, check=False, timeout=900
                )
            found = find()
    if found is None:
        impossible(f"{package} is not installed (apt-get install {package})")
        raise AssertionError
    return found


def tool(name: str, package: str) -> str:
    """Return the path of a command, installing its Debian package if that is possible."""
    return installed(lambda: shutil.which(name), package)


def _postgres_binaries() -> Path:
    """Return the folder of ``initdb``."""
    return installed(_installed_postgres, "postgresql")


def _installed_postgres() -> Path | None:
    on_path = shutil.which("initdb")
    folders = [
        *sorted(_POSTGRES.glob("*/bin"), reverse=True),
        *([Path(on_path).parent] if on_path else []),
    ]
    return next((folder for folder in folders if (folder / "initdb").exists()), None)


@dataclass(frozen=True, slots=True)
class MariaDB:
    """A running throw-away server. ``root`` is its superuser."""

    port: int

    def uri(self, database: str, user: str = "root", password: str = PASSWORD) -> str:
        """Return an SQLAlchemy address with the driver, as MLflow needs it."""
        from urllib.parse import quote

        return f"mysql+pymysql://{user}:{quote(password, safe='')}@127.0.0.1:{self.port}/{database}"

    def run(self, database: str, *statements: str) -> None:
        """Run statements as superuser, each in its own transaction."""
        import pymysql

        with (
            pymysql.connect(
                host="127.0.0.1",
                port=self.port,
                database=database or None,
                user="root",
                password=PASSWORD,
                autocommit=True,
            ) as connection,
            connection.cursor() as cursor,
        ):
            for statement in statements:
                cursor.execute(statement)


@contextlib.contextmanager
def mariadb() -> Iterator[MariaDB]:
    """Start a MariaDB server in a temporary folder on a free loopback port."""
    server = installed(_installed_mariadb, "mariadb-server")
    folder = Path(tempfile.mkdtemp(prefix="mlflow-audit-my-"))
    data, port, log = folder / "data", free_port(), folder / "log"
    user = []
    if os.geteuid() == 0:
        shutil.chown(folder, "mysql", "mysql")
        user = ["--user=mysql"]
    setup = folder / "setup.sql"
    setup.write_text(
        f"CREATE OR REPLACE USER root@'127.0.0.1' IDENTIFIED BY '{PASSWORD}';\n"
        "GRANT ALL ON *.* TO root@'127.0.0.1' WITH GRANT OPTION;\n"
    )
    setup.chmod(0o644)
    try:
        subprocess.run(
            [
                "mariadb-install-db", "--no-defaults", f"--datadir={data}", *user,
                "--skip-test-db", "--auth-root-authentication-method=normal",
            ],
            check=True, cwd=folder, stdout=subprocess.DEVNULL, timeout=_START_SECONDS,
        )  # fmt: skip
        with log.open("w") as output:
            process = subprocess.Popen(
                [
                    server, "--no-defaults", f"--datadir={data}", *user, f"--port={port}",
                    "--bind-address=127.0.0.1", "--skip-name-resolve",
                    f"--socket={folder / 'socket'}", f"--init-file={setup}",
                    "--innodb-flush-log-at-trx-commit=0", "--innodb-flush-method=nosync",
                    "--skip-innodb-doublewrite", "--innodb-buffer-pool-size=64M",
                ],
                stdout=output, stderr=output, cwd=folder,
            )  # fmt: skip
        try:
            _wait_for_mariadb(MariaDB(port), process, log)
            yield MariaDB(port)
        finally:
            process.kill()
            process.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for_mariadb(server: MariaDB, process: subprocess.Popen[bytes], log: Path) -> None:
    import pymysql

    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            server.run("", "SELECT 1")
        except pymysql.err.OperationalError:
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"MariaDB did not start: {log.read_text()[-2000:]}")


def _installed_mariadb() -> str | None:
    # Not every account has the system's own folders on its path.
    return shutil.which("mariadbd") or shutil.which("mariadbd", path="/usr/sbin:/usr/libexec")


@contextlib.contextmanager
def mlflow_server(
    store: str, artifacts: Path, *options: str, environment: Mapping[str, str] | None = None
) -> Iterator[str]:
    """Start ``mlflow server`` on a database and yield its address once it answers.

    Its output is in ``server.log`` in ``artifacts``. Of an option given twice, the later counts.
    """
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    log = artifacts / "server.log"
    artifacts.mkdir(parents=True, exist_ok=True)
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("MLFLOW_")},
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        **(environment or {}),
    }
    with log.open("w") as output:
        server = subprocess.Popen(
            [
                sys.executable, "-m", "mlflow", "server", "--backend-store-uri", store,
                "--artifacts-destination", str(artifacts), "--host", "127.0.0.1",
                "--port", str(port), "--workers", "1", *options,
            ],
            stdout=output, stderr=output, cwd=artifacts, env=environment, start_new_session=True,
        )  # fmt: skip
    try:
        _wait_for(f"{address}/health", server, log)
        yield address
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def _wait_for(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        if server.poll() is not None:
            break
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    pytest.fail(f"mlflow server did not start: {log.read_text()[-2000:]}")
