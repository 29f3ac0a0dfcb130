"""Lists of folders as DVC keeps them: proved by their digest, whatever stands in them."""

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.facts import ObjectState
from audit.sources.artifacts.hashing import folder_digest
from audit.sources.dvc.members import MAX_LIST, ListError, Listing, parse

MD5 = st.text("0123456789abcdef", min_size=32, max_size=32)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | MD5,
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["md5", "relpath"]), inner),
)


def _digest(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest() + ".dir"


@given(st.dictionaries(st.text("abc/ü.", min_size=1), MD5))
def test_the_list_of_a_folder_is_read_as_dvc_writes_it(files: dict[str, str]) -> None:
    entries = [{"md5": digest, "relpath": path} for path, digest in sorted(files.items())]
    data = json.dumps(entries, sort_keys=True).encode()
    assert folder_digest(files.items()) == _digest(data)
    listing = parse(data, _digest(data))
    assert dict(listing.files) == files
    shown = listing.shown(_digest(data), "churn")
    assert (shown.total, len(shown.members)) == (len(files), len(files))


@given(JSON)
def test_whatever_else_has_its_digest_is_a_list_or_refused(value: Any) -> None:
    data = json.dumps(value).encode()
    try:
        listing = parse(data, _digest(data))
    except ListError as error:
        listing, state = Listing(()), error.state
    else:
        state = ObjectState.MISSING
    assert state is ObjectState.MISSING
    for path, digest in listing.files:
        assert path.encode()
        assert len(digest) == 32


@given(st.binary(max_size=100))
def test_bytes_with_another_digest_are_damaged(data: bytes) -> None:
    with pytest.raises(ListError) as caught:
        parse(data, "0" * 32 + ".dir")
    assert caught.value.state is ObjectState.DAMAGED


@pytest.mark.parametrize("data", [b"[" * 100_000, b"\xff", b"[1e999, NaN]", b""])
def test_what_is_no_list_of_files_is_refused(data: bytes) -> None:
    with pytest.raises(ListError, match="not a list of files"):
        parse(data, _digest(data))


def test_a_list_beyond_all_measure_is_not_read() -> None:
    with pytest.raises(ListError, match="64 MiB") as caught:
        parse(bytes(MAX_LIST + 1), "0" * 32 + ".dir")
    assert caught.value.state is ObjectState.NOT_CHECKED
