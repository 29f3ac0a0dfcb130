"""The bytes of objects in remotes, read again and held against their digests.

That a remote has an object says nothing of its content. Reading all of it costs time and
transfer, so it is done only where a job asks for it, and only up to so many bytes.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from audit.errors import SourceError
from audit.facts import ObjectState
from audit.sources.artifacts.hashing import hash_file, identity, is_settled, stream_md5s
from audit.sources.dvc.answers import Answer, Fault, Place, line, of_members
from audit.sources.dvc.members import Listing

Mode = Literal["never", "new", "always"]

_THREADS = 8
_MARKS = (
    *("ETag", "etag", "LastModified", "last_modified", "mtime", "updated"),
    *("VersionId", "version_id", "generation", "content_settings"),
)
"""What stores of different kinds answer that changes with an object."""
_TOO_MUCH = "its bytes were not read again: data.rehash_most allows no more"
_DAMAGED = "damaged"


@dataclass(frozen=True, slots=True)
class _Object:
    """One object as a remote has it now."""

    digest: str
    place: Place
    size: int
    identity: str
    """What would change with it; empty where nothing tells."""


class Rehash:
    """How a job reads objects again. One for all remotes of a run: they share the limit.

    Args:
        mode: ``new`` leaves out objects that were found good before and have not changed
            since, by what their store says of them; ``always`` reads all, ``never`` none.
        most: How many bytes are read in all.
        cache: Folder in which good ones are remembered.
    """

    def __init__(self, mode: Mode = "never", most: int = 0, cache: Path | None = None) -> None:
        self._mode = mode
        self._left = most
        self._known = _Known(cache) if mode == "new" and cache is not None else None

    def check(self, remote: Any, where: str, answer: Answer, lists: Mapping[str, Listing]) -> None:
        """Note in an answer which of its objects were read and good, and which are damaged.

        ``where`` tells this remote from all others. An object that cannot be read, or would
        pass the limit, stays as it is with the reason: it is there, and nothing more is said.
        Raises whatever its kind of remote raises where it does not answer.
        """
        if self._mode == "never":
            return
        done = answer.faults.keys() | answer.rehashed | answer.unread.keys()
        parts = {d: _parts(d, lists) for d in sorted(answer.held - done)}
        verdicts = self._verdicts(remote, where, answer.places, set[str]().union(*parts.values()))
        for digest, files in parts.items():
            listing = lists.get(digest) if digest.endswith(".dir") else None
            reasons = {verdicts[file] for file in files}
            if reasons <= {""}:
                answer.rehashed.add(digest)
            elif _DAMAGED in reasons:
                answer.faults[digest] = _fault(listing, verdicts)
            else:
                answer.unread[digest] = min(reasons - {""})

    def _verdicts(
        self, remote: Any, where: str, places: Mapping[str, Place], digests: Iterable[str]
    ) -> dict[str, str]:
        """Return of each digest ``""`` for good, ``_DAMAGED``, or why its bytes were not read."""
        verdicts: dict[str, str] = {}
        reading: list[_Object] = []
        for item in _objects(remote, {digest: places[digest] for digest in sorted(set(digests))}):
            if isinstance(item, tuple):
                verdicts[item[0]] = f"its bytes were not read again: {item[1]}"
            elif self._known is not None and self._known.good(where, item):
                verdicts[item.digest] = ""
            elif item.size > self._left:
                verdicts[item.digest] = _TOO_MUCH
            else:
                self._left -= item.size
                reading.append(item)
        with ThreadPoolExecutor(_THREADS) as threads:
            read = threads.map(lambda item: _read(remote, item), reading)
            verdicts.update((item.digest, found) for item, found in zip(reading, read, strict=True))
        if self._known is not None:
            self._known.remember(where, [item for item in reading if not verdicts[item.digest]])
        return verdicts


def _parts(digest: str, lists: Mapping[str, Listing]) -> set[str]:
    """Return the digests of the files that an object consists of."""
    return lists[digest].digests if digest.endswith(".dir") else {digest}


def _fault(listing: Listing | None, verdicts: Mapping[str, str]) -> Fault:
    if listing is None:
        return Fault(ObjectState.DAMAGED, "its bytes do not have its digest")
    bad = [path for path, digest in listing.files if verdicts[digest] == _DAMAGED]
    return of_members(ObjectState.DAMAGED, bad, listing)


def _objects(remote: Any, places: Mapping[str, Place]) -> Iterable[_Object | tuple[str, str]]:
    """Yield each object as it stands now, or its digest with why that cannot be told."""
    if remote.local:
        for digest, place in places.items():
            try:
                status = Path(place.path).lstat()
            except OSError as error:
                yield digest, line(error)
                continue
            mark = identity(status)
            yield _Object(digest, place, status.st_size, mark if is_settled(mark) else "")
        return
    paths = [place.path for place in places.values()]
    answers = remote.fs.info(paths, return_exceptions=True) if paths else []
    for (digest, place), about in zip(places.items(), answers, strict=True):
        if isinstance(about, Exception):
            yield digest, line(about)
        elif not isinstance(about.get("size"), int):
            yield digest, "its size is not known"
        else:
            marks = [f"{key}={about[key]}" for key in _MARKS if about.get(key)]
            known = f"{about['size']} {' '.join(marks)}" if marks else ""
            yield _Object(digest, place, about["size"], known)


def _read(remote: Any, item: _Object) -> str:
    """Return ``""`` where an object's bytes have its digest, else what is to be said of it."""
    try:
        if remote.local:
            found, _ = hash_file(Path(item.place.path), item.digest)
            plain, unix = found.md5, found.md5_dos2unix
        else:
            with remote.fs.open(item.place.path, "rb") as stream:
                plain, unix = stream_md5s(stream)
    except (SourceError, OSError) as error:
        return f"its bytes were not read again: {line(error)}"
    # DVC 2 computed either, by what it took the file for.
    good = {plain} if item.place.hash_name == "md5" else {plain, unix}
    return "" if item.digest in good else _DAMAGED


class _Known:
    """Objects found good before, in a SQLite file. It saves reading; it is no evidence.

    One that cannot be read or written remembers nothing: then all are read again.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "objects.sqlite"
        self._rows: set[tuple[str, str, str]] | None = None

    def good(self, where: str, item: _Object) -> bool:
        """Whether an object was good and has not changed since."""
        if self._rows is None:
            self._rows = set(self._run("SELECT place, digest, identity FROM good"))
        return bool(item.identity) and _row(where, item) in self._rows

    def remember(self, where: str, items: Iterable[_Object]) -> None:
        """Keep objects as good."""
        rows = [_row(where, item) for item in items if item.identity]
        if rows:
            self._run("INSERT OR REPLACE INTO good VALUES (?, ?, ?)", rows)

    def _run(self, command: str, rows: Sequence[tuple[str, str, str]] = ()) -> list[Any]:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.closing(sqlite3.connect(self._path, timeout=30)) as database:
                database.execute(
                    "CREATE TABLE IF NOT EXISTS good "
                    "(place TEXT, digest TEXT, identity TEXT, PRIMARY KEY (place, digest))"
                )
                with database:
                    if rows:
                        return list(database.executemany(command, rows))
                    return list(database.execute(command))
        except (OSError, sqlite3.Error):
            return []


def _row(where: str, item: _Object) -> tuple[str, str, str]:
    return f"{where} {item.place.path}", item.digest, item.identity
