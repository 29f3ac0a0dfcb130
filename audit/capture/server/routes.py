"""Which requests concern the registry or the weights, and which model a request is about.

Paths are MLflow's, in both of its APIs (``/api/…`` and ``/ajax-api/…``) and in any version.
Reading requests are never kept. Of a body nothing is kept but a model's name and version,
and only on the registry's own routes: the bodies of other routes hold passwords.
"""

from __future__ import annotations

import json
import re
from enum import Enum
from typing import Any
from urllib.parse import parse_qsl, urlencode

from audit.capture.server.calls import storable

MAX_BODY = 1 << 20
"""Longest body in bytes that is looked into for a model's name."""

_API = r"/(?:ajax-)?api/\d+\.\d+"
_REGISTRY = re.compile(rf"{_API}/mlflow/(?:registered-models|model-versions)/(?P<action>[^/]+)/?")
_UPLOAD = re.compile(
    rf"{_API}/(?:mlflow-artifacts/(?:artifacts|mpu/(?:create|complete|abort))/.*"
    r"|mlflow/(?:artifacts/presigned-upload-url|upload-artifact))/?",
    re.DOTALL,
)
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_READING_ACTIONS = frozenset({"get-latest-versions", "search", "get", "get-download-uri"})


class Concern(Enum):
    """What a request is about."""

    REGISTRY = "registry"
    """It changes the registry if it is let."""
    WEIGHTS = "weights"
    """It writes artifacts, of which the registry's tables say nothing."""


def concern(method: str, path: str, prefix: str = "") -> Concern | None:
    """Return what a request is about; None if nothing of it is kept.

    ``prefix`` is the server's static prefix.
    """
    if method in _READING:
        return None
    local = path.removeprefix(prefix.rstrip("/"))
    if _UPLOAD.fullmatch(local):
        return Concern.WEIGHTS
    registry = _REGISTRY.fullmatch(local)
    if registry and registry["action"] not in _READING_ACTIONS:
        return Concern.REGISTRY
    return None


def kept_path(path: str, query: str) -> str:
    """Return a request's path as it is kept.

    Of the query only what says which file of which run is written.
    """
    if not path.rstrip("/").endswith("/mlflow/upload-artifact"):
        return path
    kept = [(key, value) for key, value in parse_qsl(query) if key in {"run_uuid", "path"}]
    return f"{path}?{urlencode(kept)}"


def model_of(body: bytes) -> tuple[str, str]:
    """Return model and version that a registry request's body names; empty if it names none.

    Reads JSON whatever the content type says, and JSON within JSON, as MLflow does.
    """
    data: Any = None
    if len(body) <= MAX_BODY:
        try:
            data = json.loads(body)
            if isinstance(data, str):
                data = json.loads(data)
        except (ValueError, RecursionError):
            return "", ""
    if not isinstance(data, dict):
        return "", ""
    return _text(data.get("name")), _text(data.get("version"))


def _text(value: object) -> str:
    """Return a name or a number as text; anything else is neither."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return storable(str(value))
