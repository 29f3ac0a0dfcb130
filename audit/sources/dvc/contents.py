"""The bytes of one object under DVC, from a cache or a remote: they have its digest, or none."""

from __future__ import annotations

import hashlib
from pathlib import Path

from audit.sources.artifacts.hashing import md5_dos2unix
from audit.sources.dvc.holdings import Holdings
from audit.sources.dvc.members import LAYOUTS
from audit.sources.dvc.versioned import Versioned


def from_cache(cache: Path, digest: str, most: int) -> bytes | str | None:
    """Return an object's bytes from a local cache, or that they are too many.

    ``None`` where none with its digest is there.
    """
    for layout in LAYOUTS.values():
        file = cache / layout / digest[:2] / digest[2:]
        try:
            if not file.is_file():
                continue
            if file.stat().st_size > most:
                return _too_large(file.stat().st_size, most)
            data = file.read_bytes()
        except OSError:
            continue  # It is looked for in the remotes; a cache owes nobody anything.
        if has_digest(data, digest):
            return data
    return None


def from_remote(remote: Holdings | Versioned, digest: str, most: int) -> bytes | str:
    """Return an object's bytes from a remote, else why it does not give them.

    Raises whatever its kind of remote raises where it does not answer.
    """
    path = remote.find(digest)
    if not path:
        return "it is not in the remote"
    size = int(remote.fs.info(path)["size"])
    if size > most:
        return _too_large(size, most)
    data: bytes = remote.fs.cat_file(path)
    return data if has_digest(data, digest) else "its bytes do not have the digest"


def has_digest(data: bytes, digest: str) -> bool:
    """Whether bytes have a digest of DVC 3, or of DVC 2, which read CR LF as LF."""
    return digest in (hashlib.md5(data, usedforsecurity=False).hexdigest(), md5_dos2unix(data))


def _too_large(size: int, most: int) -> str:
    return f"it has {size:,} bytes, and at most {most:,} are read (data.datasets_most)"
