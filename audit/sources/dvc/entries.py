"""The entries of ``deps`` and ``outs``: a path, a digest, and where a cloud keeps it.

What is accepted was read from DVC's source (``Output.dumpd`` and ``Meta``): ``md5``, ``etag``,
``checksum``, ``hash``, ``size``, ``nfiles``, ``remote``, ``version_id``, ``cloud: {remote: {etag,
version_id}}``, and ``files``, the members of a folder whose remote keeps versions.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from audit.facts import TrackedPath
from audit.sources.addresses import is_url, redacted
from audit.sources.artifacts.hashing import folder_digest

TEMPLATE = "${"
"""Begins what DVC replaces when it runs; what for is in no lock."""

_MD5 = re.compile(r"[0-9a-f]{32}(\.dir)?")
_FILE_MD5 = re.compile(r"[0-9a-f]{32}")
_OTHER_DIGEST = re.compile(r"[\x21-\x7e]{1,256}")
_OTHER_HASHES = ("etag", "checksum")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")


@dataclass(slots=True)
class Entries:
    """What a list of entries holds, and what of it could not be read."""

    base: str
    """Folder that paths are relative to, from the root of the repository."""
    where: str
    """Where the list stands, for problems: ``stage 'train'``."""
    problems: list[str]
    members: dict[str, tuple[TrackedPath, ...]] = field(default_factory=dict)
    """By digest of a folder, its files where the entry lists them."""

    def read(self, entries: Any, *, keep: bool = False) -> tuple[TrackedPath, ...]:
        """Return the entries; ``keep`` leaves their paths as they are."""
        found = []
        for entry in a_list(entries):
            path = text(entry.get("path")) if isinstance(entry, dict) else ""
            if not path:
                self.problems.append(f"an entry of its {self.where} has no path")
                continue
            digest, hash_name, problem = self._digest(entry)
            if problem:
                shown = clean(path)
                self.problems.append(f"the digest of {shown!r} in its {self.where} is malformed")
            remote, version, etag = _cloud(entry)
            found.append(
                TrackedPath(
                    path=clean(redacted(path)) if keep else placed(self.base, path),
                    digest=digest,
                    hash_name=hash_name,
                    size=_count(entry.get("size")),
                    files=_count(entry.get("nfiles")),
                    remote=remote,
                    version_id=version,
                    etag="" if hash_name == "etag" else etag,
                )
            )
        return tuple(found)

    def _digest(self, entry: Mapping[str, Any]) -> tuple[str, str, bool]:
        """Return an entry's digest, its hash name, and whether what stands there is malformed."""
        named = entry.get("hash")
        if "md5" in entry:
            value = entry["md5"]
            name = "md5" if named == "md5" else "md5-dos2unix"
            good = isinstance(value, str) and _MD5.fullmatch(value) is not None
            return (value if good else "", name, not good)
        for name in (*_OTHER_HASHES, *([named] if isinstance(named, str) else [])):
            if name in entry:
                value = entry[name]
                good = isinstance(value, str) and _OTHER_DIGEST.fullmatch(value) is not None
                return (value if good else "", clean(name), not good)
        members = entry.get("files")
        if isinstance(members, list) and members:
            return self._folder(members)
        return "", "md5", False

    def _folder(self, entries: list[Any]) -> tuple[str, str, bool]:
        """Return the digest of a folder whose members are listed (cloud-versioned remotes).

        A folder that was taken from a cloud's address may have no MD5s: it has no digest.
        """
        members = [_member(entry) for entry in entries]
        known = [member for member in members if member is not None]
        if len(known) < len(members):
            return "", "md5", True
        if any(member.hash_name != "md5" for member in known):
            return "", "md5", False
        digest = folder_digest((member.path, member.digest) for member in known)
        self.members[digest] = tuple(sorted(known, key=lambda member: member.path))
        return digest, "md5", False


def _member(entry: Any) -> TrackedPath | None:
    """Return a member of a listed folder, ``None`` where it is malformed or leaves the folder."""
    if not isinstance(entry, dict):
        return None
    path, digest = text(entry.get("relpath")), text(entry.get("md5"))
    if not path or posixpath.isabs(path) or ".." in path.split("/"):
        return None
    remote, version, etag = _cloud(entry)
    if "md5" in entry and not _FILE_MD5.fullmatch(digest):
        return None
    if not digest and not (version or etag):
        return None
    return TrackedPath(
        path=clean(path),
        digest=digest or etag,
        hash_name="md5" if digest else "etag",
        size=_count(entry.get("size")),
        remote=remote,
        version_id=version,
        etag=etag if digest else "",
    )


def _cloud(entry: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return remote, version and ETag of an entry, each empty where it has none."""
    remote = word(entry.get("remote"))
    clouds = entry.get("cloud")
    if isinstance(clouds, dict):
        for name, held in clouds.items():
            if isinstance(held, dict):
                return clean(name), word(held.get("version_id")), word(held.get("etag"))
    return remote, word(entry.get("version_id")), word(entry.get("etag"))


def placed(base: str, path: str) -> str:
    """Return a path relative to the repository's root; addresses and absolute paths stay.

    Below a working directory that is a template nothing is resolved: ``..`` may lead out of
    one folder or of several, and a path that is only likely is none.
    """
    if is_url(path):
        return clean(redacted(path))
    if TEMPLATE in base and not posixpath.isabs(path):
        return clean(posixpath.join(base, path))
    if _DRIVE.match(path):
        return clean(path)
    return clean(posixpath.normpath(posixpath.join(base, path)))


def is_outside(path: str) -> bool:
    """Whether a placed path is an address or leads out of the repository."""
    drive = _DRIVE.match(path) is not None
    return is_url(path) or posixpath.isabs(path) or drive or path.startswith("../") or path == ".."


def clean(value: str) -> str:
    """Return a text with control characters written as escapes."""
    return _CONTROL.sub(lambda found: ascii(found[0])[1:-1], value)


def text(value: Any) -> str:
    """Return a text, empty for anything else."""
    return value if isinstance(value, str) else ""


def word(value: Any) -> str:
    """Return a short name as text; whole numbers are names as well."""
    number = isinstance(value, int) and not isinstance(value, bool)
    return clean(str(value))[:1024] if number or isinstance(value, str) else ""


def a_list(value: Any) -> list[Any]:
    """Return a list, empty for anything else."""
    return value if isinstance(value, list) else []


def _count(value: Any) -> int | None:
    good = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63
    return value if good else None
