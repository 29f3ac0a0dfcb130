"""BagIt 1.0 (RFC 8493): the text of its tag files, written and read.

Paths in a bundle are portable (``manifest.is_portable``), so nothing is ever percent
encoded here; a manifest line with any other path is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from audit.archive.manifest import is_portable
from audit.errors import VerificationError

DECLARATION = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
PAYLOAD_MANIFEST = "manifest-sha256.txt"
TAG_MANIFEST = "tagmanifest-sha256.txt"

_LINE = re.compile(r"([0-9a-f]{64})  (.+)")


def info(fields: Mapping[str, str]) -> bytes:
    """Return ``bag-info.txt``: one line a field, empty ones left out, line breaks removed."""
    lines = [f"{key}: {' '.join(text.split())}\n" for key, text in fields.items() if text]
    return "".join(lines).encode("utf-8", "replace")


def oxum(sizes: Iterable[int]) -> str:
    """Return the ``Payload-Oxum`` of payload files of these sizes: octets, dot, count."""
    known = list(sizes)
    return f"{sum(known)}.{len(known)}"


def manifest(digests: Mapping[str, str]) -> bytes:
    """Return a BagIt manifest of path to SHA-256, sorted by path."""
    return "".join(f"{digests[path]}  {path}\n" for path in sorted(digests)).encode("ascii")


def parse_manifest(data: bytes) -> dict[str, str]:
    """Return path to SHA-256 of a BagIt manifest.

    Raises ``VerificationError`` for a line out of form, a path that is not portable
    (absolute, ``..``, control characters) and a path listed twice.
    """
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError as error:
        raise VerificationError("not a list of portable paths") from error
    found = dict[str, str]()
    *lines, rest = text.split("\n")
    if rest:
        raise VerificationError("its last line is not whole")
    for line in lines:
        match = _LINE.fullmatch(line)
        if not match or not is_portable(match[2]) or match[2] in found:
            raise VerificationError(f"a line out of form or twice: {line!r:.120}")
        found[match[2]] = match[1]
    return found
