"""What one DVC remote answers when it is asked for objects, however it keeps them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from audit.facts import ObjectState
from audit.sources.addresses import is_url, redacted
from audit.sources.dvc.members import Listing
from audit.sources.dvc.remote_project import Project

_NAMED = 20
"""Members of a folder that are named as gone."""
_WRONG = {
    ObjectState.MISSING: ("is gone", "are gone"),
    ObjectState.DAMAGED: ("does not have its digest", "do not have their digests"),
}
_BUCKETS = frozenset({"s3", "gs", "azure", "oss"})
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s\"'<>]+")


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with an object that a remote holds in name."""

    state: ObjectState
    reason: str
    lost: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """Where an object stands in a remote."""

    path: str
    """As the remote's file system has it, with the version where it keeps versions."""
    hash_name: str = "md5"


@dataclass(slots=True)
class Answer:
    """What one remote answered."""

    name: str
    held: set[str] = field(default_factory=set)
    faults: dict[str, Fault] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)
    """Of what it holds, and of the files in folders that it holds."""
    rehashed: set[str] = field(default_factory=set)
    """Those of which all bytes were read again and have the digest."""
    unread: dict[str, str] = field(default_factory=dict)
    """Why bytes that were to be read again were not."""
    reason: str = ""
    """Why it could not be asked; empty where it was."""

    def has(self, digest: str) -> bool:
        """Whether it holds an object, and nothing is wrong with it."""
        return digest in self.held and digest not in self.faults

    def judge(self, folders: Mapping[str, Listing], held: Iterable[str]) -> None:
        """Note the folders of which not all files are among the held."""
        there = set(held)
        for folder, listing in folders.items():
            if gone := [path for path, digest in listing.files if digest not in there]:
                self.faults[folder] = of_members(ObjectState.MISSING, gone, listing)


def of_members(state: ObjectState, paths: list[str], listing: Listing) -> Fault:
    """Return what is wrong with some files of a folder: they are missing or damaged."""
    one, several = _WRONG[state]
    words = one if len(paths) == 1 else several
    reason = f"{len(paths)} of the folder's {len(listing.files)} files {words}"
    return Fault(state, reason, tuple(sorted(paths)[:_NAMED]))


class NoPlaceError(Exception):
    """There is nothing to be asked at a remote's address; the message says why."""


@contextmanager
def guarded(answer: Answer) -> Iterator[None]:
    """Ask a remote within; where it fails, the reason is all that counts of its answer."""
    try:
        yield
    except NoPlaceError as error:
        answer.reason = str(error)
    except PermissionError as error:
        answer.reason = f"the remote refuses access: {line(error)}"
    except Exception as error:  # noqa: BLE001 - each kind of remote has errors of its own
        answer.reason = f"the remote cannot be asked: {line(error)}"
    if answer.reason:
        for found in (answer.held, answer.faults, answer.places, answer.rehashed, answer.unread):
            found.clear()


def opened(project: Project, name: str) -> Any:
    """Return DVC's object for a remote. Raises ``NoPlaceError`` where there is no such place.

    Raises what DVC raises for a configuration that it does not take, or a missing plug-in.
    """
    if name not in project.remotes:
        raise NoPlaceError(f"no remote of the name {name} is configured")
    url = project.remotes[name].get("url", "")
    if not is_url(url) and not Path(url).is_absolute():
        raise NoPlaceError(f"there is no folder from which its address is meant: {url}")
    place = project.cloud.get_remote(name)
    if place.fs.protocol == "local" and not Path(place.path).is_dir():
        raise NoPlaceError(f"the folder of the remote does not exist: {place.path}")
    return place


def be_sure_of_bucket(remote: Any) -> None:
    """Raise ``NoPlaceError`` where what a remote does not have may be in no bucket at all."""
    bucket = remote.path.lstrip("/").partition("/")[0]
    if remote.fs.protocol in _BUCKETS and not remote.fs.exists(bucket):
        raise NoPlaceError(f"there is no bucket {bucket}, or it may not be read")


def line(error: BaseException) -> str:
    """Return an error's text in one line, addresses redacted."""
    text = " ".join((str(error) or type(error).__name__).split())
    return _ADDRESS.sub(lambda found: redacted(found[0]), text)[:300]
