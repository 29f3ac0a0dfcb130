"""The HTTP side of webhooks: small requests to one path, each answered and forgotten.

Nothing that a client sends is logged but a delivery's id, once its signature is checked.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import socketserver
import ssl
import sys
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from audit.capture.webhooks import Answer, Receiver, Signed
from audit.errors import UsageError

LARGEST = 4 << 20
"""Bytes of a body that are read; MLflow's longest tag values come to a tenth of that."""
AT_ONCE = 64
"""Requests in work; one more is turned away, and MLflow tries again."""

_log = logging.getLogger(__name__)


class Listener(ThreadingHTTPServer):
    """An HTTP server that hands deliveries to a receiver. ``server_port`` is its port.

    Raises ``UsageError`` where it cannot listen at the address.
    """

    patience: float = 10
    """Seconds that a request may take to arrive."""
    daemon_threads = False  # what is in work is finished before the server closes
    request_queue_size = 128

    def __init__(
        self,
        host: str,
        port: int,
        path: str,
        receiver: Receiver,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.path, self.receiver, self._tls = path, receiver, tls
        self._slots = threading.BoundedSemaphore(AT_ONCE)
        if ":" in host:
            self.address_family = socket.AF_INET6
        try:
            super().__init__((host, port), _Handler)
        except (OSError, OverflowError) as error:
            raise UsageError(
                f"cannot listen ({getattr(error, 'strerror', None) or error})",
                where=f"{host}:{port}",
                remedy="Name another --host or --port",
            ) from error

    @property
    def url(self) -> str:
        """The address to give to MLflow, as seen from this machine."""
        host = str(self.server_address[0])
        shown = f"[{host}]" if ":" in host else host
        return f"{'https' if self._tls else 'http'}://{shown}:{self.server_port}{self.path}"

    def server_bind(self) -> None:
        """Bind without asking the name service for this host's name, which may take long."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection; its TLS handshake is left to the thread that serves it."""
        connection, client = super().get_request()
        connection.settimeout(self.patience)
        if self._tls:
            connection = self._tls.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
        return connection, client

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a request in a thread, or turn it away where too many are in work."""
        if self._slots.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            _log.warning("too many requests at once: one is turned away")
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve one request and give its place to the next."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._slots.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """Log a connection that failed, in one line."""
        _log.info("a connection failed (%s)", type(sys.exception()).__name__)


def tls_context(certificate: Path, key: Path | None) -> ssl.SSLContext:
    """Return a TLS context for a server. Raises ``UsageError`` for files that do not serve."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except (OSError, ValueError) as error:
        raise UsageError(
            "the TLS certificate and key cannot be used",
            where=f"{certificate}" + (f", {key}" if key else ""),
            remedy="Give PEM files, the certificate with its chain, the key without a password",
        ) from error
    return context


def _no_password() -> str:
    """Stands for the prompt that OpenSSL would show, and wait at."""
    return ""


class _Handler(BaseHTTPRequestHandler):
    """One request on one connection (HTTP/1.0: it is closed after the answer)."""

    server: Listener

    def setup(self) -> None:
        super().setup()
        # The socket's own limit starts anew with every byte.
        self._limit = threading.Timer(self.server.patience, self._cut)
        self._limit.daemon = True
        self._limit.start()

    def finish(self) -> None:
        self._limit.cancel()
        super().finish()

    def _cut(self) -> None:
        with contextlib.suppress(OSError):
            # Not the TLS socket's own way, which would go on in plain text.
            socket.socket.shutdown(self.connection, socket.SHUT_RD)

    def do_POST(self) -> None:
        """Take a delivery."""
        self._answer(self._taken())

    def _taken(self) -> Answer:
        if self.path.partition("?")[0] != self.server.path:
            return Answer(HTTPStatus.NOT_FOUND, "not here")
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()):
            return Answer(HTTPStatus.LENGTH_REQUIRED, "no Content-Length")
        if len(length) > 12 or int(length) > LARGEST:
            return Answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too large")
        body = self.rfile.read(int(length))
        self._limit.cancel()
        if len(body) < int(length):
            return Answer(HTTPStatus.REQUEST_TIMEOUT, "the body ended early")
        header = self.headers.get
        return self.server.receiver.take(
            Signed(
                id=header("X-MLflow-Delivery-Id", ""),
                timestamp=header("X-MLflow-Timestamp", ""),
                signature=header("X-MLflow-Signature", ""),
                body=body,
            )
        )

    def _answer(self, answer: Answer) -> None:
        content = b"" if answer.status == HTTPStatus.NO_CONTENT else f"{answer.text}\n".encode()
        self.send_response_only(answer.status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002
        """Answer what the protocol refuses (a method, a header) without repeating it."""
        self.close_connection = True
        self._answer(Answer(HTTPStatus(code), HTTPStatus(code).phrase))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing: the receiver logs what is worth it."""
