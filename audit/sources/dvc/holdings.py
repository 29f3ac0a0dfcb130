"""A DVC remote that keeps objects by their digests, in the layout of DVC 3 or DVC 2.

Nothing is ever written to it. Folders on this machine are looked into without DVC: asked
whether a local object exists, it changes the object's mode, and deletes it where its
content is not intact.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any

from audit.facts import ObjectState
from audit.sources.dvc.answers import Answer, Fault, Place, be_sure_of_bucket, line
from audit.sources.dvc.members import LAYOUTS, MAX_LIST, ListError, Listing, parse

_THREADS = 16


class Holdings:
    """An opened remote, by the digests of what it keeps."""

    def __init__(self, remote: Any) -> None:
        """``remote`` is DVC's own object for it."""
        self._remote = remote
        self.fs = remote.fs
        self.local = remote.fs.protocol == "local"
        self._odbs = {"md5": remote.odb, "md5-dos2unix": remote.legacy_odb}
        self._layout: dict[str, str] = {}
        """Of each digest that it was found to hold, the name of its hash."""

    def ask(self, answer: Answer, digests: Sequence[str], lists: dict[str, Listing]) -> None:
        """Add to an answer what it holds of the digests, and to ``lists`` what it lists.

        All digests go to it in one question, then the files of all folders in another.
        Raises whatever its kind of remote raises where it does not answer.
        """
        held = self._held(digests)
        found = self.lists(sorted(digest for digest in held if digest.endswith(".dir")))
        good = {folder: item for folder, item in found.items() if isinstance(item, Listing)}
        lists.update(good)
        files = self._held(set[str]().union(*(listing.digests for listing in good.values())))
        answer.held |= held
        answer.faults.update({d: item for d, item in found.items() if isinstance(item, Fault)})
        answer.judge(good, files)
        answer.places.update((digest, self._place(digest)) for digest in held | files)

    def lists(self, folders: Sequence[str]) -> dict[str, Listing | Fault]:
        """Return of each folder, held or not, its list, or what is wrong with it."""
        with ThreadPoolExecutor(_THREADS) as threads:
            return dict(zip(folders, threads.map(self._listing, folders), strict=True))

    def find(self, digest: str) -> str:
        """Return where an object stands, ``""`` where it is not there. Raises as ``ask`` does."""
        return self._place(digest).path if self._held([digest]) else ""

    def _place(self, digest: str) -> Place:
        name = self._layout[digest]
        return Place(str(self._odbs[name].oid_to_path(digest)), name)

    def _held(self, digests: Iterable[str]) -> set[str]:
        """Return those of the digests that it holds in any layout."""
        wanted = set(digests)
        for name, odb in self._odbs.items():
            left = sorted(wanted - self._layout.keys())
            self._layout.update(dict.fromkeys(self._in(name, odb, left), name))
        missing = min(wanted - self._layout.keys(), default="")
        if missing and not self.local:
            self._be_sure(missing)
        return wanted & self._layout.keys()

    def _in(self, name: str, odb: Any, digests: list[str]) -> Iterable[str]:
        """Return what stands in one layout, by DVC's own choice of listing or asking."""
        if self.local:
            return [digest for digest in digests if Path(odb.oid_to_path(digest)).is_file()]
        if digests and self.fs.CAN_TRAVERSE and not LAYOUTS[name]:
            # The legacy layout begins at the root: to list it is to list the other one too.
            folders = self._folders_of_root()
            digests = [digest for digest in digests if digest[:2] in folders]
        return odb.oids_exist(digests) if digests else ()

    def _folders_of_root(self) -> set[str]:
        try:
            paths = self.fs.ls(self._remote.path, detail=False)
        except FileNotFoundError:
            return set()
        return {self.fs.name(path.rstrip("/")) for path in paths}

    def _be_sure(self, digest: str) -> None:
        """Raise where a missing object is one that the remote did not answer for."""
        be_sure_of_bucket(self._remote)
        try:
            self.fs.info(self._odbs["md5"].oid_to_path(digest))
        except FileNotFoundError as error:
            # Over HTTP every failure looks like an absent file; only the cause tells.
            cause = error.__cause__
            if cause is not None and self.fs.protocol in {"http", "https"}:
                status = getattr(cause, "status", 0)
                if status not in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
                    raise cause from error

    def _listing(self, folder: str) -> Listing | Fault:
        known = self._layout.get(folder)
        for name in (known,) if known else self._odbs:
            try:
                with suppress(FileNotFoundError):
                    path = self._odbs[name].oid_to_path(folder)
                    return parse(self._bytes(path), folder, name)
            except ListError as error:
                return Fault(error.state, str(error))
            except OSError as error:
                reason = f"the folder's list cannot be read: {line(error)}"
                return Fault(ObjectState.NOT_CHECKED, reason)
        return Fault(ObjectState.MISSING, "the folder's list is not in the remote")

    def _bytes(self, path: str) -> bytes:
        if self.local:
            if not Path(path).is_file():
                raise FileNotFoundError(path)
            with Path(path).open("rb") as stream:
                return stream.read(MAX_LIST + 1)
        data: bytes = self.fs.cat_file(path, start=0, end=MAX_LIST + 1)
        return data
