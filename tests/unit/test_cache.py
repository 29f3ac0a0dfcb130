"""The cache gives back only what the holder of its secret put in."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from audit.cache import Cache
from audit.canonical import sha256

KEY = sha256(b"key")


@given(st.binary())
def test_what_was_put_is_found(tmp_path_factory, content: bytes) -> None:
    cache = Cache(tmp_path_factory.mktemp("cache"), b"secret")
    cache.put(KEY, content)
    assert cache.get(KEY) == content


@given(st.dictionaries(st.text(max_size=20), st.binary(), max_size=5))
def test_several_files_are_kept_together(tmp_path_factory, files: dict[str, bytes]) -> None:
    cache = Cache(tmp_path_factory.mktemp("cache"), b"secret")
    assert cache.get_files(KEY) is None
    cache.put_files(KEY, files)
    assert cache.get_files(KEY) == files


def test_an_entry_of_another_hand_is_not_found(tmp_path: Path) -> None:
    Cache(tmp_path, b"other secret").put(KEY, b"forged report")
    assert Cache(tmp_path, b"secret").get(KEY) is None


def test_a_changed_or_moved_entry_is_not_found(tmp_path: Path) -> None:
    cache = Cache(tmp_path, b"secret")
    cache.put(KEY, b"page")
    (entry,) = [path for path in tmp_path.rglob("*") if path.is_file()]
    other = sha256(b"other")
    moved = tmp_path / other[:2] / other[2:]
    moved.parent.mkdir(exist_ok=True)
    moved.write_bytes(entry.read_bytes())
    assert cache.get(other) is None
    entry.write_bytes(entry.read_bytes() + b"!")
    assert cache.get(KEY) is None


def test_without_a_folder_nothing_is_kept() -> None:
    cache = Cache(None, b"secret")
    cache.put(KEY, b"page")
    assert cache.get(KEY) is None


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    cache = Cache(tmp_path / "file", b"secret")
    cache.put(KEY, b"page")
    assert cache.get(KEY) is None
