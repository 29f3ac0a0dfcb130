"""Values of structured files (YAML, JSON, TOML): read within bounds, looked up, compared."""

from __future__ import annotations

import json
import posixpath
import tomllib
from collections.abc import Iterator
from typing import Any

from audit.sources.dvc import yaml12
from audit.sources.dvc.yaml12 import MAX_DEPTH, MalformedError

ABSENT = object()
"""Looked up where nothing stands."""
_LARGEST = 2**1023


def parse(data: bytes, file: str) -> Any:
    """Return structured content. Raises ``MalformedError``."""
    kind = posixpath.splitext(file)[1].lower()
    if kind in {".yaml", ".yml"}:
        return yaml12.read(data)
    try:
        text = data.decode("utf-8")
        document = tomllib.loads(text) if kind == ".toml" else json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MalformedError(f"it is not valid {kind[1:].upper()}") from error
    if _deeper(document, MAX_DEPTH):
        raise MalformedError(f"it is nested deeper than {MAX_DEPTH} levels")
    return document


def _deeper(value: Any, depth: int) -> bool:
    """Whether a value is nested deeper than ``depth`` levels."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return depth < 0 or any(_deeper(item, depth - 1) for item in inner)


def look_up(document: Any, key: str) -> Any:
    """Return the value at a dotted key; the keys of mappings may hold dots themselves."""
    if not key:
        return document
    if isinstance(document, list):
        head, _, rest = key.partition(".")
        inside = head.isdecimal() and len(head) < 10 and int(head) < len(document)
        return look_up(document[int(head)], rest) if inside else ABSENT
    if not isinstance(document, dict):
        return ABSENT
    parts = key.split(".")
    for length in range(len(parts), 0, -1):
        head = ".".join(parts[:length])
        if head in document:
            found = look_up(document[head], ".".join(parts[length:]))
            if found is not ABSENT:
                return found
    return ABSENT


def equal(left: Any, right: Any) -> bool:
    """Whether two JSON values are equal; 1 and 1.0 are, 1 and true are not."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(equal(left[k], right[k]) for k in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(equal, left, right))
    return bool(left == right)


def numbers(document: Any, prefix: str = "") -> Iterator[tuple[str, float]]:
    """Yield ``(dotted key, number)`` of a nested mapping."""
    if isinstance(document, dict):
        for key, value in document.items():
            yield from numbers(value, f"{prefix}.{key}" if prefix else str(key))
    elif isinstance(document, float) or (type(document) is int and abs(document) < _LARGEST):
        yield prefix, float(document)
