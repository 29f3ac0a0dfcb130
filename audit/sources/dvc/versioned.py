"""A DVC remote that keeps files under their own paths, each in versions (cloud versioning).

There is nothing by digest in it. The lock or ``*.dvc`` file names the version that each
path is to have, and that version is what is asked for. What it holds then is the cloud's
word: the bytes are compared only where they are read again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from audit.facts import ObjectState, TrackedPath
from audit.sources.dvc.answers import Answer, Fault, Place, be_sure_of_bucket, line, of_members
from audit.sources.dvc.entries import is_outside
from audit.sources.dvc.members import Listing

_NEVER = "no version of it was recorded for this remote, as if it had never been pushed"
_GONE = "the version that was recorded for this remote is not there"


@dataclass(frozen=True, slots=True)
class _File:
    name: str
    """Path in its folder, empty for what is none."""
    digest: str
    paths: tuple[str, ...]
    """Where it may be, with the version; any of them will do."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What the history says of where the content of a digest is kept."""

    outs: tuple[TrackedPath, ...] = ()
    """Every out with the digest, paths relative to the DVC project."""
    members: tuple[TrackedPath, ...] = ()
    """Of a folder: its files where they are listed in the lock or ``*.dvc`` file."""

    @property
    def remotes(self) -> set[str]:
        """Names of remotes that the outs are told to be kept in, instead of the default one."""
        return {out.remote for out in (*self.outs, *self.members) if out.remote}

    @property
    def listing(self) -> Listing | None:
        """The folder's list, where it is known from the history alone."""
        files = tuple((member.path, member.digest) for member in self.members)
        return Listing(files) if files else None


class Versioned:
    """An opened remote with cloud versioning (``version_aware`` or ``worktree``)."""

    def __init__(self, remote: Any, kept: Callable[[str], Kept]) -> None:
        """``remote`` is DVC's own object for it."""
        self._remote = remote
        self.fs = remote.fs
        self.local = False
        self._kept = kept

    def ask(self, answer: Answer, digests: Sequence[str], lists: dict[str, Listing]) -> None:
        """Add to an answer what it holds of the digests, and to ``lists`` what they list.

        All versions of all files go to it in one batch. Raises whatever its kind of remote
        raises where it does not answer.
        """
        wanted = {digest: self._files(digest) for digest in digests}
        there = self._there({p for files in wanted.values() for f in files for p in f.paths})
        for digest, files in wanted.items():
            found = {file: next((p for p in file.paths if there[p] is None), "") for file in files}
            if fault := self._fault(digest, found, there):
                answer.faults[digest] = fault
                continue
            answer.held.add(digest)
            answer.places.update((file.digest, Place(path)) for file, path in found.items())
            if listing := self._kept(digest).listing:
                lists[digest] = listing

    def lists(self, folders: Sequence[str]) -> dict[str, Listing | Fault]:
        """Return of each folder its list, which stands in the history and not in the remote."""
        fault = Fault(ObjectState.MISSING, _NEVER)
        return {folder: self._kept(folder).listing or fault for folder in folders}

    def find(self, digest: str) -> str:
        """Return where an object stands, ``""`` where it is not there. Raises as ``ask`` does."""
        ways = [path for file in self._files(digest) for path in file.paths]
        there = self._there(ways)
        return next((path for path in ways if there[path] is None), "")

    def _files(self, digest: str) -> list[_File]:
        """Return the files of which an object consists: one, or a folder's."""
        kept = self._kept(digest)
        if digest.endswith(".dir"):
            folders = sorted({out.path for out in kept.outs})
            return [
                _File(
                    member.path,
                    member.digest,
                    tuple(self._paths(member, (f"{f}/{member.path}" for f in folders))),
                )
                for member in kept.members
            ]
        paths = [path for out in kept.outs for path in self._paths(out, [out.path])]
        return [_File("", digest, tuple(dict.fromkeys(paths)))]

    def _paths(self, entry: TrackedPath, places: Iterable[str]) -> Iterator[str]:
        """Yield where the version of an entry is to be, if it was recorded for this remote."""
        if entry.version_id and entry.remote in {"", self._remote.name}:
            for place in places:
                # Nothing outside of the project is its remote's.
                if not is_outside(place):
                    path = self.fs.join(self._remote.path, *place.split("/"))
                    yield str(self.fs.version_path(path, entry.version_id))

    def _there(self, paths: Iterable[str]) -> dict[str, Exception | None]:
        """Return of each path ``None`` where it is there, else what was answered."""
        asked = sorted(set(paths))
        answers = self.fs.info(asked, return_exceptions=True) if asked else []
        found = {
            path: answer if isinstance(answer, Exception) else None
            for path, answer in zip(asked, answers, strict=True)
        }
        failed = [error for error in found.values() if error is not None]
        if failed and not any(isinstance(error, FileNotFoundError) for error in failed):
            if len(failed) == len(found):
                raise failed[0]
        elif failed:
            be_sure_of_bucket(self._remote)
        return found

    def _fault(
        self, digest: str, found: Mapping[_File, str], there: Mapping[str, Exception | None]
    ) -> Fault | None:
        gone = [file for file, path in found.items() if not path]
        if not any(file.paths for file in found):
            return Fault(ObjectState.MISSING, _NEVER)
        for file in gone:
            for path in file.paths:
                error = there[path]
                if not isinstance(error, FileNotFoundError | None):
                    return Fault(ObjectState.NOT_CHECKED, f"it cannot be asked for: {line(error)}")
        listing = self._kept(digest).listing
        if gone and listing is not None:
            return of_members(ObjectState.MISSING, [file.name for file in gone], listing)
        return Fault(ObjectState.MISSING, _GONE) if gone else None
