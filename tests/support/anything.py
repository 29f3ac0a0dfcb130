"""Strategies that build any value of a facts dataclass, likely or not."""

from __future__ import annotations

import dataclasses
import enum
import functools
import types
import typing
from typing import Any

from hypothesis import strategies as st
from support.subjects import COMMIT, RUN, SCHEMA, md5

_TEXTS = (
    "", COMMIT, RUN, SCHEMA, md5("data/raw.csv"), md5("src/train.py"), "FINISHED", "raw",
    "in git", "intermediate", "mlflow.source.git.commit", "code", "=1+1\n<b>{{x}}", "10y", "null",
)  # fmt: skip
_text = st.sampled_from(_TEXTS) | st.text(max_size=6)
_PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: _text,
    int: st.integers(0, 2**41),
    float: st.floats(),
    bool: st.booleans(),
}


@functools.cache
def anything(kind: Any) -> st.SearchStrategy[Any]:
    """Return a strategy for a type as the facts use them; every field is drawn."""
    if kind in _PLAIN:
        return _PLAIN[kind]
    arguments = typing.get_args(kind)
    if typing.get_origin(kind) is tuple:
        return st.lists(anything(arguments[0]), max_size=2).map(tuple)
    if typing.get_origin(kind) is dict:
        return st.dictionaries(anything(arguments[0]), anything(arguments[1]), max_size=2)
    if isinstance(kind, types.UnionType):
        return st.one_of(
            *(st.none() if part is types.NoneType else anything(part) for part in arguments)
        )
    if issubclass(kind, enum.Enum):
        return st.sampled_from(kind)
    hints = typing.get_type_hints(kind)
    return st.builds(
        kind, **{field.name: anything(hints[field.name]) for field in dataclasses.fields(kind)}
    )
