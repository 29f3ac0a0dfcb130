"""``mlflow-audit capture listen``: take MLflow's webhooks."""

from __future__ import annotations

import ipaddress
import logging
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import click

from audit import config, errors
from audit.cli.messages import Messages
from audit.cli.options import PREFIX, shared

_SECRET = f"{PREFIX}_WEBHOOK_SECRET"


@click.command()
@click.argument("job", required=False, type=click.Path(path_type=Path))
@click.option(
    "--ledger",
    metavar="URL",
    envvar=f"{PREFIX}_LEDGER",
    help="Ledger to write to; default: the job's.",
)
@click.option(
    "--registry",
    metavar="URI",
    envvar=f"{PREFIX}_REGISTRY",
    help="Registry that the webhooks are about, written as in the job; default: the job's.",
)
@click.option(
    "--host", default="127.0.0.1", show_default=True, envvar=f"{PREFIX}_HOST", help="To listen at."
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8470,
    show_default=True,
    envvar=f"{PREFIX}_PORT",
    help="To listen at; 0: any that is free.",
)
@click.option(
    "--path",
    default="/webhook",
    show_default=True,
    envvar=f"{PREFIX}_PATH",
    help="Path of the address that MLflow is given.",
)
@click.option(
    "--secret-file",
    type=click.Path(path_type=Path),
    envvar=f"{PREFIX}_SECRET_FILE",
    help=f"File that holds the webhook's secret; or set {_SECRET}.",
)
@click.option(
    "--tls-cert",
    type=click.Path(path_type=Path),
    envvar=f"{PREFIX}_TLS_CERT",
    help="PEM file of the certificate with its chain, to serve https.",
)
@click.option(
    "--tls-key",
    type=click.Path(path_type=Path),
    envvar=f"{PREFIX}_TLS_KEY",
    help="PEM file of the certificate's key, if it is not in the same file.",
)
@shared
def listen(
    *,
    job: Path | None,
    ledger: str | None,
    registry: str | None,
    host: str,
    port: int,
    path: str,
    secret_file: Path | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    **options: Any,
) -> int:
    """Take MLflow's registry webhooks and note them in the ledger.

    They tell more exactly when something happened that snapshots find, and never who did
    it. Runs until SIGTERM or SIGINT; what is in work is finished first.
    """
    from audit.capture.listener import Listener, tls_context
    from audit.capture.webhooks import Receiver
    from audit.ledger import Ledger
    from audit.sources.uris import redact_uri

    verbose = options["verbose"]
    logging.basicConfig(
        level=(logging.WARNING, logging.INFO, logging.DEBUG)[min(verbose, 2)],
        format="%(asctime)s %(levelname)s %(message)s",
        stream=sys.stderr,
    )
    messages = Messages(options["quiet"], options["progress"])
    ledger, registry = _addresses(job, ledger, registry)
    secret = _secret(secret_file)
    if not path.startswith("/"):
        raise errors.UsageError("a path begins with /", where="--path")
    if tls_key and not tls_cert:
        raise errors.UsageError("a key without its certificate", where="--tls-key")
    tls = tls_context(tls_cert, tls_key) if tls_cert else None
    events = Ledger(ledger)
    try:
        receiver = Receiver(events, redact_uri(registry), secret)
        server = Listener(host, port, path, receiver, tls)
        if not tls and not _is_loopback(server.server_address[0]):
            messages.warn(
                "what MLflow sends travels unencrypted: give --tls-cert, or put a proxy before it"
            )
        _serve(server, messages)
    finally:
        events.close()
    return errors.EXIT_OK


def _serve(server: Any, messages: Messages) -> None:
    """Serve until a signal says to stop."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    worker = threading.Thread(target=server.serve_forever, name="webhooks")
    worker.start()
    messages.stage(f"listening at {server.url}")
    try:
        stop.wait()
    finally:
        server.shutdown()
        server.server_close()
        worker.join()
    messages.stage("stopped")


def _addresses(job: Path | None, ledger: str | None, registry: str | None) -> tuple[str, str]:
    """Return ledger and registry; what the options leave out comes from the job file."""
    settings = config.load(job) if job else None
    if settings:
        ledger, registry = ledger or settings.ledger, registry or settings.registry.uri
    if not ledger or not registry:
        raise errors.UsageError(
            "neither a job file nor both --ledger and --registry are given",
            remedy="Name the job file whose reports the webhooks are for",
        )
    return ledger, registry


def _secret(file: Path | None) -> bytes:
    """Return the webhook's secret. Raises ``UsageError`` where there is none."""
    try:
        given = os.fsencode(os.environ.get(_SECRET, ""))
        secret = file.read_bytes().rstrip(b"\r\n") if file else given
    except OSError as error:
        raise errors.UsageError(
            f"the secret cannot be read ({error.strerror})", where=str(file)
        ) from error
    if not secret:
        raise errors.UsageError(
            "no secret to check signatures with",
            where=str(file or ""),
            remedy=f"Give --secret-file or {_SECRET} the secret that the webhook was made with",
        )
    return secret


def _is_loopback(host: object) -> bool:
    try:
        return ipaddress.ip_address(str(host)).is_loopback
    except ValueError:
        return False
