"""Canonical JSON, content digests and safe names: the same input, the same bytes.

Canonical JSON here is UTF-8, keys sorted, no insignificant white space, no NaN
or infinity. Dataclasses are read and written by pydantic, so a
facts file or report read back is equal to the one that was written.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from pathlib import Path
from typing import Any, TypeVar

import pydantic_core
from pydantic import TypeAdapter

T = TypeVar("T")


_SUFFIXED = re.compile(r"-[0-9a-f]{16}$")
_ADAPTERS: dict[Any, TypeAdapter[Any]] = {}


def adapter(kind: Any) -> TypeAdapter[Any]:
    """Return the pydantic adapter of a dataclass, made once."""
    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(kind)
    return _ADAPTERS[kind]


def plain(value: Any) -> Any:
    """Return a dataclass as plain JSON values (dicts, lists, strings, numbers)."""
    try:
        return pydantic_core.to_jsonable_python(value)
    except UnicodeEncodeError:
        # Half a surrogate pair, which hostile text may hold, is let through by a schema alone.
        return adapter(type(value)).dump_python(value, mode="json")


def load(kind: type[T], value: Any) -> T:
    """Return the dataclass ``kind`` read from plain JSON values.

    Raises ``pydantic.ValidationError`` where the values do not fit.
    """
    result: T = adapter(kind).validate_python(value)
    return result


def dumps(value: Any) -> bytes:
    """Return plain JSON values as canonical JSON bytes."""
    text = json.dumps(
        value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
    )
    return text.encode("utf-8", "surrogatepass")


def loads(data: str | bytes) -> Any:
    """Return the plain values in JSON text. Raises ``ValueError``."""
    return json.loads(data)


def sha256(data: bytes) -> str:
    """Return the SHA-256 of bytes as 64 hex digits."""
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, read in chunks."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def digest_of(value: Any) -> str:
    """Return the SHA-256 of a dataclass's canonical JSON."""
    return sha256(dumps(plain(value)))


_HEX = re.compile(r"([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})[0-9a-f]*(?:\.dir)?")


def short_digest(digest: str) -> str:
    """Return a digest, commit or run id as people compare it: ``9b21 d07e 55c1``.

    A name before a colon (``md5:``) is left out; what is not at least twelve hex
    digits comes back as it is.
    """
    found = _HEX.fullmatch(digest.rpartition(":")[2])
    return " ".join(found.groups()) if found else digest


def slug(name: str) -> str:
    """Return a file name for any model name: readable, safe, and free of collisions.

    Names made only of ``a-z 0-9 - _`` keep their form; every other name, and one that
    looks as if it had such an ending already, gets 16 hex digits of its own SHA-256
    behind it. Two names never share a folder, where a file system ignores case as well.
    """
    folded = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    safe = re.sub(r"[^a-z0-9_-]+", "-", folded).strip("-_")[:60].strip("-_")
    if safe and safe == name and not _SUFFIXED.search(name):
        return safe
    return f"{safe or 'model'}-{sha256(name.encode('utf-8', 'surrogatepass'))[:16]}"
