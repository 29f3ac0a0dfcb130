"""The columns of a version by name: those of its model signature, and of its data sets."""

from __future__ import annotations

import json
from typing import Any

from audit.facts import VersionFacts
from audit.facts.schema import Column, columns_of

_HALVES = {"inputs": "input", "outputs": "output", "params": "model parameter"}
_LONGEST = 120


def schema_of(facts: VersionFacts, *, files: bool = True) -> dict[str, str]:
    """Return each column with its type; without ``files``, those of data sets alone."""
    found = _signature(facts.environment.signature) if files else {}
    for name, columns in _datasets(facts).items():
        for column in columns:
            found[f"data set {name}, column {column.name}"] = column.type
    return found


def datasets_of(facts: VersionFacts) -> dict[str, str]:
    """Return each logged data set with its number of columns, in words."""
    return {
        f"data set {name}": f"{len(columns)} column{'' if len(columns) == 1 else 's'}"
        if columns
        else "no schema"
        for name, columns in _datasets(facts).items()
    }


def _datasets(facts: VersionFacts) -> dict[str, list[Column]]:
    found: dict[str, list[Column]] = {}
    for data in facts.run.datasets if facts.run else ():
        found.setdefault(data.name, []).extend(columns_of(data.schema))
    return found


def _signature(signature: str) -> dict[str, str]:
    """Return the columns of a model signature, as the environment's facts hold it (JSON)."""
    try:
        parts = json.loads(signature) if signature else {}
    except (ValueError, RecursionError):
        return {"signature": signature[:_LONGEST]}
    found: dict[str, str] = {}
    for half, word in _HALVES.items():
        columns = parts.get(half) if isinstance(parts, dict) else None
        for number, column in enumerate(columns if isinstance(columns, list) else [], start=1):
            name = column.get("name") if isinstance(column, dict) else None
            label = f"{word} {name if isinstance(name, str) and name else number}"
            found[label] = _type(column)
    return found


def _type(column: Any) -> str:
    """Return a column's type in a phrase; optional ones say so."""
    if not isinstance(column, dict):
        return _json(column)
    tensor = column.get("tensor-spec")
    if isinstance(tensor, dict):
        return (
            f"tensor of {tensor.get('dtype', 'unknown type')}, shape {_json(tensor.get('shape'))}"
        )
    kind = column.get("type")
    text = kind if isinstance(kind, str) else _json(kind)
    nested = {key: column[key] for key in ("items", "properties", "values") if key in column}
    default = f", by default {_json(column['default'])}" if "default" in column else ""
    optional = ", optional" if column.get("required") is False else ""
    return f"{text}{f' {_json(nested)}' if nested else ''}{default}{optional}"


def _json(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
