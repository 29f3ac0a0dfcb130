"""Digests of files and folders in one pass over the bytes, the way DVC computes them.

DVC 3 takes the MD5 of a file's bytes. DVC 2 turned CR LF into LF first in what it took
for text; it judged each block of 1 MiB by its first 512 bytes. A folder's digest is the
MD5 of a JSON list of its files, sorted by path, with ``.dir`` behind it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sqlite3
import stat
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO

from audit.errors import SourceError, UsageError
from audit.facts import ArtifactFile

_BLOCK = 2**20
_HEAD = 512
_TEXT = bytes(range(32, 127)) + b"\n\r\t\f\b"
_NON_TEXT_SHARE = 0.30
_SETTLED_NS = 2 * 10**9
"""A file touched more recently could change again without its times showing it."""


def is_text(head: bytes) -> bool:
    """Whether DVC takes a block for text, judged by its first 512 bytes."""
    if b"\0" in head:
        return False
    return len(head.translate(None, _TEXT)) <= _NON_TEXT_SHARE * len(head)


def stream_md5s(stream: IO[bytes]) -> tuple[str, str]:
    """Return the MD5 of a stream as DVC 3 has it, and as DVC 2 does."""
    plain, unix = hashlib.md5(usedforsecurity=False), hashlib.md5(usedforsecurity=False)
    block = bytearray()
    while more := stream.read(_BLOCK - len(block)):
        block += more
        if len(block) == _BLOCK:
            _add(block, plain, unix)
            block.clear()
    _add(block, plain, unix)
    return plain.hexdigest(), unix.hexdigest()


def _add(block: bytearray, plain: hashlib._Hash, unix: hashlib._Hash) -> None:
    plain.update(block)
    unix.update(block.replace(b"\r\n", b"\n") if is_text(bytes(block[:_HEAD])) else block)


def md5_dos2unix(data: bytes) -> str:
    """Return what DVC 2 calls the MD5 of some bytes."""
    md5 = hashlib.md5(usedforsecurity=False)
    for start in range(0, len(data), _BLOCK):
        block = data[start : start + _BLOCK]
        md5.update(block.replace(b"\r\n", b"\n") if is_text(block[:_HEAD]) else block)
    return md5.hexdigest()


def hash_file(path: Path, name: str) -> tuple[ArtifactFile, str]:
    """Return the digests of a regular file under the name ``name``, and its ``identity``.

    Raises ``SourceError`` if it is no regular file or changes while it is read,
    ``OSError`` if it cannot be opened or is a symbolic link.
    """
    sha256 = hashlib.sha256()
    md5 = hashlib.md5(usedforsecurity=False)
    unix = None
    # Without O_NONBLOCK, opening a named pipe would wait for a writer for ever.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as stream:
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode):
            raise SourceError(f"the special file {name} is not read")
        while block := stream.read(_BLOCK):
            sha256.update(block)
            text = b"\r\n" in block and is_text(block[:_HEAD])
            if text and unix is None:
                unix = md5.copy()
            md5.update(block)
            if unix is not None:
                unix.update(block.replace(b"\r\n", b"\n") if text else block)
        after = os.fstat(descriptor)
    if identity(before) != identity(after):
        raise SourceError(f"the file {name} was changed while it was read")
    digests = ArtifactFile(
        path=name,
        bytes=after.st_size,
        sha256=sha256.hexdigest(),
        md5=md5.hexdigest(),
        md5_dos2unix=unix.hexdigest() if unix else "",
    )
    return digests, identity(after)


def identity(status: os.stat_result) -> str:
    """Return what a file has to keep to be taken for unchanged.

    With the time of the last change of its inode, which no program can set back.
    """
    return ":".join(
        str(part)
        for part in (
            status.st_dev,
            status.st_ino,
            status.st_size,
            status.st_mtime_ns,
            status.st_ctime_ns,
        )
    )


def is_settled(known_as: str) -> bool:
    """Whether a file's ``identity`` is old enough that a later change would show in it."""
    changed = max(int(part) for part in known_as.split(":")[-2:])
    return time.time_ns() - changed > _SETTLED_NS


def folder_digests(files: Mapping[str, str]) -> dict[str, str]:
    """Return DVC's digest of ``"."`` and each folder, from paths with their MD5.

    Each is of all files below it.
    """
    below: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for path, md5 in files.items():
        parts = path.split("/")
        for depth in range(len(parts)):
            folder = "/".join(parts[:depth]) or "."
            below[folder].append(("/".join(parts[depth:]), md5))
    return {folder: folder_digest(members) for folder, members in sorted(below.items())}


def folder_digest(members: Iterable[tuple[str, str]]) -> str:
    """Return DVC's digest of a folder from ``(path relative to it, md5)`` of its files.

    As ``dvc_data`` computes it: ``md5(json.dumps([{"md5": …, "relpath": …}, …]))`` of all
    files, sorted by path.
    """
    listing = [{"md5": md5, "relpath": path} for path, md5 in sorted(members)]
    data = json.dumps(listing, sort_keys=True).encode()
    return hashlib.md5(data, usedforsecurity=False).hexdigest() + ".dir"


class DigestCache:
    """Digests of files already hashed, by path and identity, in a SQLite file.

    It saves reading; it is no evidence. A damaged one is made anew. Raises
    ``UsageError`` if its folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "weights.sqlite"
        self._new: list[tuple[str, str, str, str, str]] = []
        try:
            folder.mkdir(parents=True, exist_ok=True)
            try:
                self._open()
            except sqlite3.DatabaseError:
                self._path.unlink(missing_ok=True)
                self._open()
        except (OSError, sqlite3.Error) as error:
            raise self._unusable(error) from error

    def _open(self) -> None:
        self._database = sqlite3.connect(self._path, timeout=30)
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS files "
            "(path TEXT PRIMARY KEY, identity TEXT, sha256 TEXT, md5 TEXT, md5_dos2unix TEXT)"
        )

    def get(self, path: Path, name: str, status: os.stat_result) -> ArtifactFile | None:
        """Return the digests of a file that has not changed since they were stored."""
        row = self._database.execute(
            "SELECT sha256, md5, md5_dos2unix FROM files WHERE path = ? AND identity = ?",
            (str(path), identity(status)),
        ).fetchone()
        return ArtifactFile(name, status.st_size, *row) if row else None

    def put(self, path: Path, file: ArtifactFile, known_as: str) -> None:
        """Keep digests for ``close``, unless the file's times are too fresh to tell by."""
        if is_settled(known_as):
            self._new.append((str(path), known_as, file.sha256, file.md5, file.md5_dos2unix))

    def close(self) -> None:
        """Write what was kept."""
        try:
            with contextlib.closing(self._database), self._database:
                self._database.executemany(
                    "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?)", self._new
                )
        except sqlite3.Error as error:
            raise self._unusable(error) from error

    def _unusable(self, error: Exception) -> UsageError:
        return UsageError(
            f"the cache of digests cannot be written ({error})",
            where=str(self._path),
            remedy="Free or name another folder in execute.cache, or set data.weights: always",
        )
