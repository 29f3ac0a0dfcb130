"""Which reader reads which registry address."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import entry_points

from audit.errors import UsageError
from audit.sources import RegistryReader
from audit.sources.uris import redact_uri

__all__ = ["READERS", "SCHEMES", "open_registry", "redact_uri"]


def _sql(uri: str) -> RegistryReader:
    from audit.sources.registry.sql import SqlReader

    return SqlReader(uri)


def _rest(uri: str) -> RegistryReader:
    from audit.sources.registry.rest import RestReader

    return RestReader(uri)


READERS: dict[str, Callable[[str], RegistryReader]] = {"sql": _sql, "rest": _rest}
"""Readers by the name that a job file gives them."""

SCHEMES = {
    "sqlite": "sql",
    "postgresql": "sql",
    "postgres": "sql",
    "mysql": "sql",
    "mariadb": "sql",
    "http": "rest",
    "https": "rest",
}
"""Which reader an address is given to. Packages add schemes of their own by entry points
of the group ``mlflow_audit.registries``: scheme = a callable that takes the address."""

_GROUP = "mlflow_audit.registries"


def open_registry(uri: str, reader: str = "auto") -> RegistryReader:
    """Return a reader for a registry; nothing is asked before its ``read``.

    ``reader`` is ``auto`` (by the scheme of ``uri``), ``sql`` or ``rest``. Raises
    ``UsageError`` for an address that no reader takes.
    """
    scheme = uri.partition(":")[0].partition("+")[0].lower() if ":" in uri else ""
    name = SCHEMES.get(scheme, "")
    if not name and reader == "auto":
        for point in entry_points(group=_GROUP, name=scheme):
            found: RegistryReader = point.load()(uri)
            return found
    if not name:
        raise UsageError(
            "no reader takes this registry address",
            where=redact_uri(uri) or "registry.uri",
            remedy="Use sqlite:///, postgresql://, mysql:// or http(s)://; move a folder of "
            "files to a database with mlflow migrate-filestore",
        )
    if reader not in {"auto", name}:
        raise UsageError(
            f"the {reader} reader does not take this registry address",
            where=redact_uri(uri),
            remedy=f"Set registry.reader to auto or {name}",
        )
    return READERS[name](uri)
