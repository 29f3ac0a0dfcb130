"""Addresses as they may be shown: without passwords and tokens."""

from __future__ import annotations

import re

HIDDEN = "***"
"""Stands where a secret was."""

_WEB = frozenset({"http", "https"})
_SECRET_PARAMETER = re.compile(
    r"([?&;][^=&;]*(?:pass|pwd|secret|token|key|credential|sig|auth|odbc)[^=&;]*=)[^&;]*",
    re.IGNORECASE,
)


def redact_uri(uri: str) -> str:
    """Return ``uri`` with passwords, tokens and secret query parameters as ``***``.

    A user name stays for a database and goes for ``http(s)``, where it may be a
    token. A password may hold ``@``, ``/`` and ``?`` as they are: all up to the last
    ``@`` is taken for it, so that more is hidden rather than less.
    """
    scheme, mark, rest = uri.partition("://")
    if mark and "@" in rest and not scheme.lower().startswith("sqlite"):
        user, _, rest = rest.rpartition("@")
        name, colon, _ = user.partition(":")
        shown = f"{name}:{HIDDEN}" if colon else name
        rest = f"{HIDDEN if scheme.lower() in _WEB else shown}@{rest}"
    return _SECRET_PARAMETER.sub(rf"\g<1>{HIDDEN}", f"{scheme}{mark}{rest}")
