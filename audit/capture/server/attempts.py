"""Keeps what the registry's rows do not tell: refused requests, those without effect, uploads.

Each is one row beside the capture log, written before the client has its answer. Nothing
that goes wrong here stops the server.
"""

from __future__ import annotations

import logging
import threading
import time

import sqlalchemy as sa

from audit.capture.server.calls import MAX_PATH, Call, storable

logger = logging.getLogger("mlflow_audit.server")

RECHECK_SECONDS = 30.0
"""How long a database without capture is left alone before it is looked at again."""
ANONYMOUS_PER_MINUTE = 60
"""How many unauthenticated refusals a worker keeps in a minute: anybody can cause them."""

_FUNCTION = sa.text(
    "SELECT mlflow_audit.note_request(:actor, :method, :path, :status,"
    " :model, :version, :request, :peer)"
)
_POSTGRESQL_READY = sa.text("SELECT to_regnamespace('mlflow_audit') IS NOT NULL")


class AttemptLog:
    """The log of one registry database; thread-safe."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._engine: sa.Engine | None = None
        self._lock = threading.Lock()
        self._installed = False
        self._looked = -RECHECK_SECONDS
        self._minute = 0
        self._anonymous = 0

    def installed(self) -> bool:
        """Return whether capture is installed; False too where the address is no database's.

        Raises what SQLAlchemy raises if the database cannot be read.
        """
        now = time.monotonic()
        if not self._installed and now - self._looked >= RECHECK_SECONDS:
            with self._connected().connect() as connection:
                self._installed = _ready(connection)
            self._looked = now
        return self._installed

    def note(self, call: Call, status: int) -> None:
        """Keep one request with its outcome; a database that refuses is logged, not raised."""
        if status == 401 and not self._allowed():
            return
        try:
            if self.installed():
                self._insert(call, status)
        except sa.exc.SQLAlchemyError as error:
            self._installed = False
            logger.error(  # noqa: TRY400 - the trace tells nothing more
                "mlflow-audit could not record request %s (%s, status %d): %s",
                call.id, call.method, status, type(error).__name__,
            )  # fmt: skip

    def _insert(self, call: Call, status: int) -> None:
        values = {
            "actor": call.actor or None,
            "method": storable(call.method, 64),
            "path": storable(call.path, MAX_PATH),
            "status": status,
            "model": call.model,
            "version": call.version,
            "request": call.id,
            "peer": storable(call.peer),
        }
        with self._connected().begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(_FUNCTION, values)
                return
            from audit.capture.schema import dialect

            if connection.dialect.name == "sqlite":
                connection.exec_driver_sql("PRAGMA busy_timeout = 20000")
            schema = dialect(connection)
            columns = ", ".join(values)
            names = ", ".join(f":{name}" for name in values)
            connection.execute(
                sa.text(
                    f"INSERT INTO {schema.tables()['requests']} (at, {columns})"  # noqa: S608
                    f" VALUES ({schema.now()}, {names})"
                ),
                values,
            )

    def _connected(self) -> sa.Engine:
        with self._lock:
            if self._engine is None:
                from mlflow.store.db.utils import create_sqlalchemy_engine

                self._engine = create_sqlalchemy_engine(self._uri)
            return self._engine

    def _allowed(self) -> bool:
        """Return whether one more unauthenticated refusal is kept in this minute."""
        with self._lock:
            minute = int(time.monotonic() // 60)
            if minute != self._minute:
                self._minute, self._anonymous = minute, 0
            self._anonymous += 1
            if self._anonymous == ANONYMOUS_PER_MINUTE + 1:
                logger.warning(
                    "mlflow-audit: more than %d unauthenticated requests in a minute;"
                    " the others of this minute are not recorded", ANONYMOUS_PER_MINUTE,
                )  # fmt: skip
            return self._anonymous <= ANONYMOUS_PER_MINUTE


def _ready(connection: sa.Connection) -> bool:
    if connection.dialect.name == "postgresql":
        return bool(connection.scalar(_POSTGRESQL_READY))
    return sa.inspect(connection).has_table("mlflow_audit_requests")
