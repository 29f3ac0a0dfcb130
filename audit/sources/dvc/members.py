"""The files of a folder under DVC, from DVC's list of it (a ``….dir`` object).

The list is JSON, ``[{"md5": …, "relpath": …}, …]``, and its digest is the folder's. It
stands in the remote and in caches, never in git. A list whose bytes do not have the
digest of its name is not believed.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from audit.facts import FolderList, ObjectState, TrackedPath

MAX_LIST = 64 * 1024 * 1024
"""Bytes of a list that are read: some 600,000 files."""
_MOST = 1000
_FILE_MD5 = re.compile(r"[0-9a-f]{32}")

LAYOUTS = {"md5": "files/md5", "md5-dos2unix": ""}
"""By name of the hash, where its objects stand: DVC 3 (``files/md5/ab/cdef…``) and DVC 2."""


class ListError(ValueError):
    """Why a list does not count, and what that makes of its folder."""

    def __init__(self, state: ObjectState, reason: str) -> None:
        super().__init__(reason)
        self.state = state


@dataclass(frozen=True, slots=True)
class Listing:
    """The whole list of a folder."""

    files: tuple[tuple[str, str], ...]
    """``(path relative to the folder, md5)``, sorted."""
    hash_name: str = "md5"

    @property
    def digests(self) -> set[str]:
        """The digests of all its files."""
        return {digest for _, digest in self.files}

    def shown(self, digest: str, repository: str) -> FolderList:
        """Return it as a fact: all are counted, the first thousand are named."""
        members = tuple(
            TrackedPath(path, md5, hash_name=self.hash_name) for path, md5 in self.files[:_MOST]
        )
        return FolderList(digest, repository, total=len(self.files), members=members)


def parse(data: bytes, folder: str, hash_name: str = "md5") -> Listing:
    """Return the list of a folder from the bytes kept under its digest.

    Raises ``ListError`` where they do not have that digest, are too many or no list of files.
    """
    if len(data) > MAX_LIST:
        reason = f"the folder's list is larger than {MAX_LIST >> 20} MiB and is not read"
        raise ListError(ObjectState.NOT_CHECKED, reason)
    if hashlib.md5(data, usedforsecurity=False).hexdigest() != folder.removesuffix(".dir"):
        raise ListError(ObjectState.DAMAGED, "the folder's list is not what its name says")
    try:
        files = [(_path(entry["relpath"]), _digest(entry["md5"])) for entry in json.loads(data)]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        reason = "the folder's list is not a list of files"
        raise ListError(ObjectState.MISSING, reason) from error
    return Listing(tuple(sorted(files)), hash_name)


def cached(cache: Path, folder: str) -> Listing | None:
    """Return the list of a folder from a local cache, ``None`` if no good one is there."""
    for hash_name, layout in LAYOUTS.items():
        file = cache / layout / folder[:2] / folder[2:]
        try:
            if file.is_file():
                with file.open("rb") as stream:
                    return parse(stream.read(MAX_LIST + 1), folder, hash_name)
        except (OSError, ListError):
            continue  # It is looked for elsewhere; a cache owes nobody anything.
    return None


def _path(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    # Half a character of UTF-16 can stand in JSON, and in no report.
    return sys.intern(value.encode("utf-8", "backslashreplace").decode("utf-8"))


def _digest(value: object) -> str:
    if not isinstance(value, str) or not _FILE_MD5.fullmatch(value):
        raise ValueError(value)
    # The same files stand in the lists of many versions of a folder.
    return sys.intern(value)
