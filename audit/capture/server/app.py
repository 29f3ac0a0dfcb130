"""The applications ``mlflow-audit`` and ``mlflow-audit-basic-auth`` for ``mlflow server``.

Each is MLflow's own application, with its routes and its security middleware, and around it
what records who did what. Entry points of the group ``mlflow.app``. They never keep a server
from starting: what they cannot do is a warning, once a start.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

if TYPE_CHECKING:
    from audit.capture.server.attempts import AttemptLog

_DATABASES = ("sqlite:", "postgresql:", "postgresql+", "mysql:", "mysql+", "mariadb")
_NOT_INSTALLED = (
    "nothing is recorded: the registry's database has no capture log;"
    " install it with `mlflow-audit capture install --db URL`"
)

logger = logging.getLogger("mlflow_audit.server")


def create_app() -> Any:
    """Return MLflow's application with recording; users come from a trusted proxy, or not at all.

    An ASGI application under uvicorn, a Flask one under gunicorn and waitress.
    """
    from mlflow.server import app as flask_app

    application: Any = flask_app
    if _under_uvicorn():
        from mlflow.server.fastapi_app import create_fastapi_app

        application = create_fastapi_app(flask_app)
    with _alone() as first:
        return _recorded(application, flask_app, os.environ, aloud=first)


def create_app_with_basic_auth() -> Any:
    """Return MLflow's ``basic-auth`` application with recording; users are whom it signs in.

    A proxy's header says nothing here. MLflow makes the users' database in each worker; they
    do it one after the other, because MLflow's migrations do not bear company.
    """
    from mlflow.server import app as flask_app
    from mlflow.server.auth import create_app as create_with_auth

    with _alone() as first:
        return _recorded(create_with_auth(flask_app), flask_app, {}, aloud=first)


def _recorded(application: Any, flask_app: Any, settings: Mapping[str, str], *, aloud: bool) -> Any:
    """Put recording around an application of MLflow's; ``flask_app`` is at its heart.

    ``settings`` are a proxy's; what is wrong with them is said only ``aloud``.
    """
    from mlflow.server.handlers import STATIC_PREFIX_ENV_VAR

    from audit.capture.server import stamp
    from audit.capture.server.middleware import AsgiRecorder, Recorder, WsgiRecorder, hook
    from audit.capture.server.proxy import proxy_of

    proxy, problems = proxy_of(settings, sys.argv, rewrites=_under_uvicorn())
    log, missing = _log()
    for problem in (*problems, *missing):
        if aloud:
            logger.warning("mlflow-audit: %s", problem)
    recorder = Recorder(log, proxy, os.environ.get(STATIC_PREFIX_ENV_VAR, ""))
    stamp.listen()
    hook(flask_app, recorder)
    if application is flask_app:
        flask_app.wsgi_app = WsgiRecorder(flask_app.wsgi_app, recorder)
    else:
        application.add_middleware(AsgiRecorder, recorder=recorder)
    return application


def _log() -> tuple[AttemptLog | None, tuple[str, ...]]:
    """Return the log of the registry's database, and what is missing for recording."""
    from mlflow.server.constants import BACKEND_STORE_URI_ENV_VAR, REGISTRY_STORE_URI_ENV_VAR

    from audit.capture.server.attempts import AttemptLog

    uri = os.environ.get(REGISTRY_STORE_URI_ENV_VAR) or os.environ.get(BACKEND_STORE_URI_ENV_VAR)
    if not uri or not uri.startswith(_DATABASES):
        return None, ("nothing is recorded: this server's registry is no database of its own",)
    log = AttemptLog(uri)
    try:
        missing = () if log.installed() else (_NOT_INSTALLED,)
    except sa.exc.SQLAlchemyError as error:
        missing = (f"the registry's database cannot be read ({type(error).__name__})",)
    return log, missing


def _under_uvicorn() -> bool:
    from mlflow.environment_variables import _MLFLOW_SGI_NAME

    return bool(_MLFLOW_SGI_NAME.get() == "uvicorn")


@contextmanager
def _alone() -> Iterator[bool]:
    """Hold off this server's other workers; yield whether this is its first one.

    The lock is a file in the temporary folder that only this user can open, one for each
    server. A server's id is MLflow's, new at each start and the same in all workers.
    """
    from mlflow.environment_variables import _MLFLOW_SERVER_BOOT_ID

    boot = _MLFLOW_SERVER_BOOT_ID.get() or f"worker {os.getpid()}"
    key = hashlib.sha256(str(Path.cwd()).encode()).hexdigest()[:16]
    path = Path(tempfile.gettempdir()) / f"mlflow-audit-{os.getuid()}-{key}.lock"
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        logger.warning("mlflow-audit: workers start without waiting for each other: %s", error)
        yield True
        return
    with os.fdopen(handle, "r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        first = lock.read() != boot
        if first:
            lock.seek(0)
            lock.truncate()
            lock.write(boot)
            lock.flush()
        yield first
