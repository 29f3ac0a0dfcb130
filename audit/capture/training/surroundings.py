"""What surrounds a training: installed packages, and the DVC stage that runs it."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

MAX_LOCK = 64 * 1024 * 1024
"""Bytes: of a larger ``dvc.lock`` no digest is made."""

_INSTALLED = re.compile(r"(.+?)-(\d[^-]*|[^-]+)(?:-py\d[\d.]*)?\.(?:dist|egg)-info")


@dataclass(frozen=True, slots=True)
class Packages:
    """The Python that trains, and what is installed for it."""

    python: str
    lines: tuple[str, ...]
    """``name==version``, names as PEP 503 writes them, sorted."""

    @property
    def text(self) -> bytes:
        """The file that ``digest`` is of: ``python==…``, then a line for each package."""
        return "".join(f"{line}\n" for line in (f"python=={self.python}", *self.lines)).encode()

    @property
    def digest(self) -> str:
        """SHA-256 of ``text``."""
        return hashlib.sha256(self.text).hexdigest()


def packages(path: Sequence[str] | None = None) -> Packages:
    """Return what is installed on ``path`` (default: ``sys.path``).

    Taken from the names of the folders that installers leave, which is a hundred times
    faster than opening each: ``name-version.dist-info``. The first on the path wins, as
    with an import.
    """
    found: dict[str, str] = {}
    for folder in sys.path if path is None else path:
        try:
            names = os.listdir(folder or ".")  # noqa: PTH208
        except OSError:
            continue  # a zip file, or a folder that is not there
        here = {}
        for name in names:
            if match := _INSTALLED.fullmatch(name):
                here[re.sub(r"[-_.]+", "-", match[1]).lower()] = match[2]
        found = here | found
    lines = tuple(f"{name}=={version}" for name, version in sorted(found.items()))
    return Packages(platform.python_version(), lines)


@dataclass(frozen=True, slots=True)
class Stage:
    """The DVC side of a training. Each is empty where it does not apply."""

    stage: str = ""
    experiment: str = ""
    lock: bytes = b""
    """``dvc.lock`` as it is when training begins: of a stage that runs, as it was before."""

    @property
    def lock_digest(self) -> str:
        """SHA-256 of ``lock``."""
        return hashlib.sha256(self.lock).hexdigest() if self.lock else ""


def stage(environment: Mapping[str, str], working: Path, top: Path | None) -> Stage:
    """Return the stage that DVC says it runs, and the lock beside it.

    Outside of a stage the lock is the nearest one from the working directory up to ``top``.
    """
    name, root = environment.get("DVC_STAGE", ""), environment.get("DVC_ROOT", "")
    file = name.rpartition(":")[0]
    if root:
        candidates = [Path(root, file).parent if file else Path(root)]
    else:
        above = (working, *working.parents)
        inside = top is not None and working.is_relative_to(top)
        candidates = [path for path in above if inside and path.is_relative_to(top or path)]
        candidates += [top] if top is not None and not inside else []
    lock = next((found for path in candidates if (found := _lock(path / "dvc.lock"))), b"")
    return Stage(name, environment.get("DVC_EXP_NAME", ""), lock)


def _lock(path: Path) -> bytes:
    try:
        return path.read_bytes() if path.stat().st_size <= MAX_LOCK else b""
    except OSError:
        return b""  # none is there
