"""One run at a time in a job's output folder: an advisory lock that dies with its holder."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from audit.errors import LockedError, UsageError

NAME = ".lock"


@dataclasses.dataclass(frozen=True, slots=True)
class JobLock:
    """Says that this process holds the lock of ``folder`` (``output/<job>``)."""

    folder: Path


@contextlib.contextmanager
def hold(folder: Path) -> Iterator[JobLock]:
    """Hold the lock of a job's output folder, which is made if need be.

    Raises ``LockedError`` where another process holds it, ``UsageError`` where the folder
    cannot be written. The lock is the kernel's (``flock``): a killed run leaves none behind.
    The file itself stays, for removing it would let two runs lock two different files.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise UsageError(
            f"cannot write there ({error.strerror})",
            where=str(folder),
            remedy="Name another archive.path, or mend this one",
        ) from error
    with os.fdopen(handle, "r+b") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = stream.read(20).decode("ascii", "replace").strip()
            raise LockedError(
                f"another run holds the lock{f' (process {holder})' if holder else ''}",
                where=str(folder / NAME),
                remedy="Wait until it has finished",
            ) from error
        stream.truncate(0)
        stream.write(b"%d\n" % os.getpid())
        stream.flush()
        yield JobLock(folder)
