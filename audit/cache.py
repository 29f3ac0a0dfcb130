"""Finished pages kept by the digest of all that they follow from, each entry authenticated.

What comes out of the cache is sealed as if it had just been made. Every entry therefore
carries an HMAC-SHA256 under a secret that only the holder of the seal key can derive:
an entry that somebody else wrote or changed is not found.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

_MAC_BYTES = 32


class Cache:
    """A folder of authenticated entries. ``folder=None`` keeps nothing."""

    def __init__(self, folder: Path | None, secret: bytes) -> None:
        self._folder = folder
        self._secret = secret

    @property
    def empty(self) -> bool:
        """Whether nothing is kept yet."""
        return self._folder is None or not self._folder.is_dir()

    def get(self, key: str) -> bytes | None:
        """Return the entry under a hex digest, ``None`` if there is none to be trusted."""
        if self._folder is None:
            return None
        try:
            data = self._path(key).read_bytes()
        except OSError:
            return None
        mac, content = data[:_MAC_BYTES], data[_MAC_BYTES:]
        return content if hmac.compare_digest(mac, self._mac(key, content)) else None

    def put(self, key: str, content: bytes) -> None:
        """Keep an entry. A cache that cannot be written is no cache: nothing is raised."""
        if self._folder is None:
            return
        path = self._path(key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=path.parent)
            with os.fdopen(handle, "wb") as stream:
                stream.write(self._mac(key, content) + content)
            Path(temporary).replace(path)
        except OSError:
            return

    def get_files(self, key: str) -> dict[str, bytes] | None:
        """Return the files under a hex digest by their names, ``None`` as ``get`` does."""
        data = self.get(key)
        if data is None:
            return None
        head, _, rest = data.partition(b"\n")
        files, start = {}, 0
        for name, size in json.loads(head):
            files[name] = rest[start : start + size]
            start += size
        return files

    def put_files(self, key: str, files: Mapping[str, bytes]) -> None:
        """Keep several files under one digest, as ``put`` does."""
        head = json.dumps([[name, len(content)] for name, content in files.items()])
        self.put(key, b"\n".join([head.encode(), b"".join(files.values())]))

    def _path(self, key: str) -> Path:
        if self._folder is None:
            raise AssertionError("asked only with a folder")
        return self._folder / key[:2] / key[2:]

    def _mac(self, key: str, content: bytes) -> bytes:
        return hmac.digest(self._secret, key.encode() + b"\0" + content, hashlib.sha256)
