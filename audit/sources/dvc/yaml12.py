"""YAML as DVC writes it (the core schema of YAML 1.2), read within bounds.

PyYAML's own loaders follow YAML 1.1, where ``1e-05`` is a text, ``010`` is eight
and ``no`` is false; DVC writes and reads 1.2. They also expand aliases without a
limit and follow nesting as deep as the stack allows. Here one pass over libyaml's
events builds plain values, with a bound on depth and on expanded size, and refuses
what DVC would refuse: duplicate keys and several documents.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

MAX_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 64
MAX_NODES = 1_000_000

_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
}
_PLAIN_TAGS = frozenset({None, "!"})
_MAX_DIGITS = 400


class MalformedError(Exception):
    """A file is not what it should be; the message is a sentence's end for the report."""


def read(data: bytes) -> Any:
    """Return the one document of a YAML file as plain values.

    Mappings become dicts with text keys. Raises ``MalformedError`` for anything that is not
    YAML, too large, too deep, or expands by aliases beyond ``MAX_NODES`` values.
    """
    if len(data) > MAX_BYTES:
        raise MalformedError(f"it has {len(data):,} bytes; more than {MAX_BYTES:,} are not read")
    try:
        return _Builder(yaml.parse(data, Loader=_LOADER)).document()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" (line {mark.line + 1})" if mark else ""
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "bad bytes"
        raise MalformedError(f"it is not valid YAML: {problem}{place}") from error
    except UnicodeDecodeError as error:
        raise MalformedError("it is not valid YAML: it is not UTF-8") from error


class _Builder:
    """Builds values from parsing events, keeping count of what aliases would expand to."""

    def __init__(self, events: Iterator[Any]) -> None:
        self._events = events
        self._anchors: dict[str, tuple[Any, int]] = {}

    def document(self) -> Any:
        value: Any = None
        documents = 0
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise MalformedError("it has more than one YAML document")
                value, _ = self._node(next(self._events), 0)
        return value

    def _node(self, event: Any, depth: int) -> tuple[Any, int]:
        """Return the value that begins with ``event``, and how many values it expands to."""
        if depth > MAX_DEPTH:
            raise MalformedError(f"it is nested deeper than {MAX_DEPTH} levels")
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self._anchors:
                raise MalformedError("it has an alias to nothing, or to what it stands in")
            return self._anchors[event.anchor]
        if isinstance(event, yaml.ScalarEvent):
            found: tuple[Any, int] = (_scalar(event), 1)
        elif isinstance(event, yaml.SequenceStartEvent):
            found = self._sequence(depth)
        else:
            found = self._mapping(depth)
        if found[1] > MAX_NODES:
            raise MalformedError(f"it expands to more than {MAX_NODES:,} values")
        if event.anchor:
            self._anchors[event.anchor] = found
        return found

    def _sequence(self, depth: int) -> tuple[list[Any], int]:
        values, size = [], 1
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            value, count = self._node(event, depth + 1)
            values.append(value)
            size += count
        return values, size

    def _mapping(self, depth: int) -> tuple[dict[str, Any], int]:
        values: dict[str, Any] = {}
        merged: list[Any] = []
        size = 1
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise MalformedError("it has a key that is not a plain text")
            value, count = self._node(next(self._events), depth + 1)
            size += count
            if event.value == "<<" and event.implicit[0]:
                merged.extend(value if isinstance(value, list) else [value])
            elif event.value in values:
                raise MalformedError(f"it has the key {event.value[:60]!r} twice")
            else:
                values[event.value] = value
        for other in merged:
            if not isinstance(other, dict):
                raise MalformedError("it merges (<<) something that is not a mapping")
            values = {**other, **values}
        return values, size


def _scalar(event: Any) -> Any:
    """Return a scalar by the core schema; quoted and explicitly tagged ones are texts."""
    text: str = event.value
    if not event.implicit[0] or event.tag not in _PLAIN_TAGS:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if len(text) > _MAX_DIGITS:
        return text
    if _INTEGER.fullmatch(text):
        return int(text, 0) if text[:2] in {"0o", "0x"} else int(text)
    return float(text) if _FLOAT.fullmatch(text) else text
