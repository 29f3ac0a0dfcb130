"""Addresses as they may be shown: without passwords and tokens."""

from __future__ import annotations

import re

HIDDEN = "***"
"""Stands where a secret was."""

_SECRET_PARAMETER = re.compile(
    r"([?&;][^=&;]*(?:pass|pwd|secret|token|key|credential|sig|auth|odbc)[^=&;]*=)[^&;]*",
    re.IGNORECASE,
)


def redact_uri(uri: str) -> str:
    """Return ``uri`` with passwords, tokens and secret query parameters as ``***``.

    A user name stays for a database and goes for ``http(s)``, where it may be a
    token. Where it is unclear how far a password reaches (``@``, ``/`` or ``?`` in it
    not percent-encoded), more is hidden rather than less.
    """
    scheme, mark, rest = uri.partition("://")
    if mark and not scheme.lower().startswith("sqlite"):
        user, rest = _split_user(rest)
        name, colon, _ = user.partition(":")
        if user and scheme.lower() in {"http", "https"}:
            rest = f"{HIDDEN}@{rest}"
        elif user:
            rest = f"{name}:{HIDDEN}@{rest}" if colon else f"{name}@{rest}"
    return _SECRET_PARAMETER.sub(rf"\g<1>{HIDDEN}", f"{scheme}{mark}{rest}")


def _split_user(rest: str) -> tuple[str, str]:
    """Return the user part and all that follows it, of what stands after ``://``."""
    address, question, query = rest.partition("?")
    if "@" in address:
        user, _, host = address.rpartition("@")
        return user, f"{host}{question}{query}"
    if "@" in query and ":" in address.partition("/")[0]:
        user, _, host = rest.rpartition("@")
        return user, host
    return "", rest
