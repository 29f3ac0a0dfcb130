"""YAML as DVC writes it, within bounds."""

import contextlib
import io
import math
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from audit.sources.dvc import yaml12
from audit.sources.dvc.yaml12 import MalformedError

_TEXT = st.text(st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="\ufeff"))
_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.floats(allow_nan=False),
    _TEXT,
    st.sampled_from(["1e-05", "010", "no", "on", "0x1f", "1:30", "2020-01-01", "~", "<<", "*a"]),
)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
    max_leaves=15,
)


def _as_dvc_writes(value: Any) -> bytes:
    stream = io.BytesIO()
    writer = YAML()
    writer.default_flow_style = False
    writer.dump(value, stream)
    return stream.getvalue()


@given(st.dictionaries(_TEXT.filter(lambda key: key != "<<"), _VALUES, max_size=5))
def test_what_dvc_writes_comes_back(value: dict[str, Any]) -> None:
    assert yaml12.read(_as_dvc_writes(value)) == value


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(MalformedError):
        yaml12.read(data)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-05", 1e-05),
        ("010", 10),
        ("0o10", 8),
        ("0x1F", 31),
        ("no", "no"),
        ("1:30", "1:30"),
        ("1_000", "1_000"),
        ("2020-01-01", "2020-01-01"),
        ("'10'", "10"),
        ("!!str 10", "10"),
        ("", None),
        ("-.inf", -math.inf),
        ("+12", 12),
        (".5", 0.5),
    ],
)
def test_scalars_follow_yaml_1_2(text: str, value: object) -> None:
    found = yaml12.read(f"a: {text}\n".encode())["a"]
    assert found == value
    assert type(found) is type(value)


def test_merges_and_aliases_are_followed() -> None:
    text = b"base: &b {a: 1, b: 2}\nuse:\n  <<: *b\n  b: 3\nmany:\n  <<: [*b]\n"
    assert yaml12.read(text) == {
        "base": {"a": 1, "b": 2},
        "use": {"a": 1, "b": 3},
        "many": {"a": 1, "b": 2},
    }


def _bomb(levels: int) -> bytes:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    for level in range(1, levels):
        aliases = ", ".join([f"*a{level - 1}"] * 10)
        lines.append(f"a{level}: &a{level} [{aliases}]")
    return "\n".join(lines).encode()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (_bomb(30), "expands to more than"),
        (b"a: &a [*a]", "alias to nothing"),
        (b"[" * 100_000, "nested deeper"),
        (b"- " * 50_000, "nested deeper"),
        (b"a: 1\na: 2", "twice"),
        (b"--- 1\n--- 2", "more than one YAML document"),
        (b"? [a, b]\n: 1", "not a plain text"),
        (b"<<: 7", "not a mapping"),
        (b"a: b: c", r"not valid YAML: .*\(line 1\)"),
        (b"a: \xff\xfe", "not valid YAML"),
        (b"x" * (yaml12.MAX_BYTES + 1), "more than 4,194,304 are not read"),
    ],
)
def test_what_is_hostile_or_broken_is_refused_at_once(data: bytes, reason: str) -> None:
    begun = time.perf_counter()
    with pytest.raises(MalformedError, match=reason):
        yaml12.read(data)
    assert time.perf_counter() - begun < 2


def test_a_number_too_long_for_python_stays_a_text() -> None:
    digits = "9" * 5000
    assert yaml12.read(f"a: {digits}".encode()) == {"a": digits}
