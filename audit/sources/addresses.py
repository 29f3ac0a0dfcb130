"""Addresses of repositories and data: which of them are on this machine, how they are shown."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from audit.sources.uris import redact_uri

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_SCP_LIKE = re.compile(r"[\w.-]+@[\w.-]+:(?!//)")


def is_url(text: str) -> bool:
    """Whether a text begins with a scheme and ``://``."""
    return _SCHEME.match(text) is not None


def redacted(address: str) -> str:
    """Return an address without its secrets; paths are unchanged."""
    return redact_uri(address) if is_url(address) else address


def local_path(address: str) -> Path | None:
    """Return the folder that a path or ``file://`` address names, ``None`` for all others."""
    if is_url(address):
        parts = urlsplit(address)
        if parts.scheme.lower() != "file" or parts.netloc not in {"", "localhost"}:
            return None
        return Path(unquote(parts.path))
    return None if _SCP_LIKE.match(address) else Path(address)
