"""The folder in which the plugin leaves for ``track`` what is too large for a tag.

``track`` makes it, for its own user only, and names it to the child by environment
variable. Files are named after the digest that the run's tags name, so that each run of a
child that makes several finds what belongs to it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

TRACK_ID = "MLFLOW_AUDIT_TRACK_ID"
TRACK_FOLDER = "MLFLOW_AUDIT_TRACK_FOLDER"
_STORE = ".store"


def folder_of(environment: Mapping[str, str]) -> Path | None:
    """Return the folder that ``track`` named to this process, ``None`` without ``track``."""
    path = Path(environment.get(TRACK_FOLDER, ""))
    return path if environment.get(TRACK_ID) and path.is_absolute() and path.is_dir() else None


def leave(folder: Path, digest: str, suffix: str, content: bytes) -> None:
    """Leave a file under the digest that a tag names; what stands there already stays."""
    path = folder / f"{digest}{suffix}"
    if digest and not path.exists():
        part = path.with_suffix(f"{suffix}.{os.getpid()}")
        part.write_bytes(content)
        part.replace(path)


def leave_store(folder: Path, uri: str, working: Path) -> None:
    """Leave the address of the store in which this process makes runs."""
    content = json.dumps({"uri": uri, "working": os.fspath(working)}).encode()
    leave(folder, hashlib.sha256(content).hexdigest(), _STORE, content)


def stores(folder: Path) -> list[tuple[str, Path]]:
    """Return the stores that were left: address, and the directory it is relative to."""
    found = [json.loads(path.read_bytes()) for path in sorted(folder.glob(f"*{_STORE}"))]
    return [(item["uri"], Path(item["working"])) for item in found]


def found(folder: Path, digest: str, suffix: str) -> Path | None:
    """Return the file that was left under a digest, ``None`` if there is none."""
    # A tag can be changed by others: only a name that this module could have given.
    named = len(digest) == 64 and digest.isalnum()
    path = folder / f"{digest}{suffix}"
    return path if named and path.is_file() else None
