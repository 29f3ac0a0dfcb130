"""MLflow's schemas as it keeps them: the columns of a data set or a model, and how two differ.

A data set's schema is ``{"mlflow_colspec": [{"name": …, "type": …}, …]}``, a model's
signature has the same list under ``inputs``. Tensors have no named columns and give none.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

_MOST_NAMED = 20
_WIDER = {
    "long": frozenset({"integer"}),
    "double": frozenset({"integer", "long", "float"}),
}
"""Types of data that a model's type takes as they are. A ``long`` is turned into a
``double`` before a model is fitted to it, which says nothing of the data's content."""


@dataclass(frozen=True, slots=True)
class Column:
    """A named column with MLflow's type; ``required`` as the signature says."""

    name: str
    type: str
    required: bool = True


def columns_of(schema: str) -> tuple[Column, ...]:
    """Return the named columns of a data set's logged schema, none for any other kind."""
    spec = _json(schema)
    return _columns(spec.get("mlflow_colspec")) if isinstance(spec, dict) else ()


def inputs_of(signature: str) -> tuple[Column, ...]:
    """Return the named columns that a model's signature asks for, none for any other kind."""
    parts = _json(signature)
    return _columns(parts.get("inputs")) if isinstance(parts, dict) else ()


@dataclass(frozen=True, slots=True)
class Unmet:
    """A column that a signature asks for and a data set does not have as such."""

    needed: Column
    have: str = ""
    """The type in the data set; empty where it has no such column."""

    @property
    def told(self) -> str:
        """What the data set does instead, as a phrase."""
        name, kind = self.needed.name, self.needed.type
        return f"{name} is {self.have}, not {kind}" if self.have else f"lacks {name} ({kind})"


def unmet(needed: Iterable[Column], found: Sequence[Column]) -> tuple[Unmet, ...]:
    """Return the columns that are needed and not found as such.

    A column that a signature calls optional may be absent, and a narrower number is fine.
    """
    types = {column.name: column.type for column in found}
    return tuple(
        Unmet(column, types.get(column.name, ""))
        for column in needed
        if (have := types.get(column.name)) != column.type
        and (have is not None or column.required)
        and have not in _WIDER.get(column.type, ())
    )


def differing(logged: Sequence[Column], data: Sequence[Column]) -> tuple[str, ...]:
    """Return how a logged schema differs from the data's own columns, each a phrase."""
    before = {column.name: column.type for column in logged}
    after = {column.name: column.type for column in data}
    told = []
    for name in dict.fromkeys([*before, *after]):
        if name not in after:
            told.append(f"{name} is logged, and not in the data")
        elif name not in before:
            told.append(f"{name} is in the data, and not logged")
        elif before[name] != after[name]:
            told.append(f"{name} is logged as {before[name]}, and {after[name]} in the data")
    return tuple(told)


def shortened(phrases: Sequence[str]) -> tuple[str, ...]:
    """Return at most twenty phrases, and one more that says how many there are beside them."""
    more = len(phrases) - _MOST_NAMED
    rest = (f"{more} more columns differ",) if more > 1 else tuple(phrases[_MOST_NAMED:])
    return (*phrases[:_MOST_NAMED], *rest)


def _columns(spec: Any) -> tuple[Column, ...]:
    if not isinstance(spec, list):
        return ()
    return tuple(
        Column(item["name"], _type(item), item.get("required", True) is not False)
        for item in spec
        if isinstance(item, dict) and isinstance(item.get("name"), str) and "type" in item
    )


def _type(spec: dict[str, Any]) -> str:
    kind, items = spec["type"], spec.get("items")
    if kind == "array" and isinstance(items, dict) and isinstance(items.get("type"), str):
        return f"array of {items['type']}"
    return str(kind)


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
