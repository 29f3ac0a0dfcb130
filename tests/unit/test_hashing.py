import hashlib
import os
import sqlite3
from pathlib import Path

import pytest
from dvc_data.hashfile.hash import file_md5
from dvc_data.hashfile.hash_info import HashInfo
from dvc_data.hashfile.istextfile import istextblock
from dvc_data.hashfile.meta import Meta
from dvc_data.hashfile.tree import Tree
from hypothesis import given
from hypothesis import strategies as st

from audit.errors import SourceError, UsageError
from audit.sources.artifacts.hashing import DigestCache, folder_digests, hash_file, is_text


@given(st.binary(max_size=600))
def test_text_is_what_dvc_takes_for_text(head: bytes) -> None:
    assert is_text(head) == istextblock(head)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"a,b\n1,2\n",
        b"a,b\r\n1,2\r\n",
        b"\r\n" * 2**20,
        b"x" * (2**20 - 1) + b"\r\n" + b"\0" * 600 + b"\r\n",
        b"\0\r\n" + b"y" * 2**20 + b"text\r\n",
        bytes(range(256)) * 5000 + b"\r\n",
    ],
    ids=range(7),
)
def test_both_md5_are_those_of_dvc(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_bytes(data)
    file, _ = hash_file(path, "data")
    assert file.bytes == len(data)
    assert file.sha256 == hashlib.sha256(data).hexdigest()
    assert file.md5 == file_md5(str(path))
    unix = file_md5(str(path), name="md5-dos2unix")
    assert (file.md5_dos2unix or file.md5) == unix
    assert file.md5_dos2unix != file.md5


NAMES = st.text(
    st.characters(codec="utf-8", exclude_characters="/\0", exclude_categories=["Cs"]),
    min_size=1,
    max_size=8,
).filter(lambda name: name not in {".", ".."})
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
FILES = st.dictionaries(PATHS, st.binary(max_size=3), min_size=1, max_size=8).map(
    lambda files: {path: hashlib.md5(data).hexdigest() for path, data in files.items()}
)


@given(FILES)
def test_folder_digests_are_those_of_dvc(files: dict[str, str]) -> None:
    found = folder_digests(files)
    for folder, digest in found.items():
        prefix = "" if folder == "." else f"{folder}/"
        tree = Tree()
        for path, md5 in files.items():
            if path.startswith(prefix):
                key = tuple(path.removeprefix(prefix).split("/"))
                tree.add(key, Meta(), HashInfo("md5", md5))
        tree.digest()
        assert tree.hash_info is not None
        assert digest == tree.hash_info.value
    folders = {path.rpartition("/")[0] for path in files} - {""}
    assert folders <= set(found)


def test_links_and_pipes_are_not_opened(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "link").symlink_to("file")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="symbolic links"):
        hash_file(tmp_path / "link", "link")
    with pytest.raises(SourceError, match="special file pipe"):
        hash_file(tmp_path / "pipe", "pipe")


def test_the_cache_gives_back_what_has_not_changed_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(b"weights")
    file, known_as = hash_file(path, "model.bin")
    status = path.stat()
    cache = DigestCache(tmp_path / "cache")
    cache.put(path, file, known_as)
    cache.close()
    assert DigestCache(tmp_path / "cache").get(path, "model.bin", status) is None, "too fresh"

    cache = DigestCache(tmp_path / "cache")
    cache._new.append((str(path), known_as, file.sha256, file.md5, file.md5_dos2unix))
    cache.close()
    cache = DigestCache(tmp_path / "cache")
    assert cache.get(path, "model.bin", status) == file
    path.write_bytes(b"WEIGHTS")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert path.stat().st_mtime_ns == status.st_mtime_ns
    assert cache.get(path, "model.bin", path.stat()) is None, "times set back"
    cache.close()


def test_a_damaged_cache_is_made_anew_and_an_impossible_one_told(tmp_path: Path) -> None:
    (tmp_path / "weights.sqlite").write_bytes(b"no database" * 1000)
    DigestCache(tmp_path).close()
    with sqlite3.connect(tmp_path / "weights.sqlite") as database:
        assert database.execute("SELECT count(*) FROM files").fetchone() == (0,)
    with pytest.raises(UsageError, match="set data\\.weights"):
        DigestCache(tmp_path / "weights.sqlite")
