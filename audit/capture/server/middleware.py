"""Around MLflow's application: opens a ``Call`` for each request and keeps what no row tells.

uvicorn serves an ASGI application, whose own routes (uploads among them) Flask never sees;
gunicorn and waitress serve Flask alone. So there is one wrapper for each kind, and a hook in
Flask for what only Flask knows: the authenticated user and the model that a request names.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from audit.capture.server.attempts import AttemptLog
from audit.capture.server.calls import CURRENT, Call
from audit.capture.server.proxy import Headers, Proxy
from audit.capture.server.routes import MAX_BODY, Concern, concern, kept_path, model_of

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
Receive = Callable[[], Awaitable[Message]]
Asgi = Callable[[Message, Receive, Send], Awaitable[None]]
StartResponse = Callable[..., Any]
Wsgi = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]


@dataclass(frozen=True, slots=True)
class Recorder:
    """What both wrappers do. ``log`` is None where there is no database to keep anything in."""

    log: AttemptLog | None
    proxy: Proxy
    prefix: str = ""
    """The server's static prefix."""

    def open(self, method: str, path: str, query: str, peer: str, headers: Headers) -> Call:
        """Return the call of a request that begins."""
        return Call(method, kept_path(path, query), peer=peer, actor=self.proxy.user(peer, headers))

    def close(self, call: Call, path: str, status: int) -> None:
        """Keep a request that concerns the registry and whose outcome no row tells."""
        about = concern(call.method, path, self.prefix)
        if self.log and about and not (about is Concern.REGISTRY and call.changed):
            self.log.note(call, status)


class AsgiRecorder:
    """ASGI middleware. It stands outermost, so that it sees what MLflow's own refuse."""

    def __init__(self, app: Asgi, recorder: Recorder) -> None:
        self._app = app
        self._recorder = recorder

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one request; other traffic passes as it is."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"]
        call = self._recorder.open(
            scope["method"],
            path,
            scope.get("query_string", b"").decode("latin-1"),
            (scope.get("client") or ("",))[0],
            scope["headers"],
        )
        answered = False

        async def close(status: int) -> None:
            nonlocal answered
            answered = True
            # MLflow's middleware leaves here whom it authenticated on ASGI's own routes.
            call.actor = call.actor or scope.get("state", {}).get("username", "")
            await asyncio.to_thread(self._recorder.close, call, path, status)

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                await close(message["status"])
            await send(message)

        with _current(call):
            try:
                await self._app(scope, receive, answer)
            except Exception:
                if not answered:
                    await close(500)
                raise


class WsgiRecorder:
    """WSGI middleware for servers that serve Flask alone."""

    def __init__(self, app: Wsgi, recorder: Recorder) -> None:
        self._app = app
        self._recorder = recorder

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        path = environ.get("PATH_INFO", "").encode("latin-1").decode("utf-8", "replace")
        call = self._recorder.open(
            environ["REQUEST_METHOD"],
            path,
            environ.get("QUERY_STRING", ""),
            environ.get("REMOTE_ADDR", ""),
            _headers(environ),
        )

        def answer(status: str, *rest: Any) -> Any:
            self._recorder.close(call, path, int(status.split(maxsplit=1)[0]))
            return start_response(status, *rest)

        with _current(call):
            return self._app(environ, answer)


def hook(flask_app: Any, recorder: Recorder) -> None:
    """Tell the current call what Flask knows: who it is before the handler, then which model."""
    from flask import g, request

    def authenticated() -> None:
        call = CURRENT.get()
        if call is not None and "mlflow_authenticated_user" in g:
            call.actor = g.mlflow_authenticated_user or ""

    def named(response: Any) -> Any:
        # Runs for refused requests too, for which the functions before the handler end early.
        authenticated()
        call = CURRENT.get()
        if (
            call is not None
            and not call.changed
            and concern(request.method, request.path, recorder.prefix) is Concern.REGISTRY
            and (request.content_length or 0) <= MAX_BODY
        ):
            call.model, call.version = model_of(request.get_data())
        return response

    flask_app.before_request(authenticated)
    flask_app.after_request(named)


@contextmanager
def _current(call: Call) -> Iterator[None]:
    token = CURRENT.set(call)
    try:
        yield
    finally:
        CURRENT.reset(token)


def _headers(environ: dict[str, Any]) -> list[tuple[bytes, bytes]]:
    """Return a WSGI request's headers; one that came several times has been joined by commas."""
    return [
        (key[5:].replace("_", "-").lower().encode("latin-1"), part.encode("latin-1"))
        for key, value in environ.items()
        if key.startswith("HTTP_")
        for part in value.split(",")
    ]
