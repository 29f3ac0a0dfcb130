"""The chain of periods, each manifest naming the one before, and the ledger that they pin."""

from __future__ import annotations

import stat
from pathlib import Path

from audit.archive import manifest
from audit.archive.findings import Log
from audit.archive.manifest import Manifest
from audit.canonical import sha256_file
from audit.errors import VerificationError
from audit.ledger import Ledger

_MANIFEST = f"data/{manifest.NAME}"


def check_chain(path: Path, listed: Manifest, previous: Path | None, log: Log) -> None:
    """Hold a bundle's word on the one before against that one's manifest.

    ``previous`` is given by the reader; without it, the bundles beside ``path`` are looked
    through. One that has the name but not the digest means a broken chain; none at all
    is a note, for a bundle may travel alone.
    """
    expected, name = listed.previous_manifest_sha256, listed.previous_bundle or "the bundle before"
    if not expected:
        if previous is not None:
            log.wrong(_MANIFEST, f"names no bundle before it, though {previous} is given")
        else:
            log.note(_MANIFEST, "the first of its chain: it names no bundle before it")
        return
    candidates = _folders(path.resolve().parent) if previous is None else [previous]
    namesake = [other for other in candidates if previous or other.name == listed.previous_bundle]
    if any(manifest_digest(other) == expected for other in candidates):
        log.ok(_MANIFEST, f"chained to {name}, whose manifest is as it was")
    elif namesake:
        log.wrong(
            _MANIFEST,
            f"the chain is broken: {namesake[0]} does not hold the manifest that this bundle"
            f" follows ({name}, SHA-256 {expected})",
        )
    else:
        log.note(
            _MANIFEST,
            f"previous period not found: {name} is not beside this bundle"
            f" (its manifest has the SHA-256 {expected})",
        )


def check_ledger(listed: Manifest, ledger: Ledger, log: Log) -> None:
    """Hold a ledger against itself, and against the head that a bundle carries.

    Raises ``SourceError`` where the ledger cannot be read.
    """
    recorded = listed.ledger
    try:
        if recorded is None:
            ledger.verify()
            log.note(_MANIFEST, "carries no head of a ledger to hold the ledger against")
        else:
            ledger.verify(recorded.head, recorded.events)
            log.ok(_MANIFEST, f"the ledger is whole and holds the {recorded.events} events sealed")
    except VerificationError as error:
        log.wrong(_MANIFEST, f"the ledger contradicts the bundle: {error.what}")


def manifest_digest(bundle: Path) -> str:
    """Return the SHA-256 of a bundle's manifest; empty where there is none to read."""
    file = bundle / _MANIFEST
    try:
        if not stat.S_ISREG(file.lstat().st_mode):
            return ""
        return sha256_file(file)
    except OSError:
        # No manifest, or none that this user may read: the caller says which it was.
        return ""


def _folders(folder: Path) -> list[Path]:
    return [entry for entry in folder.iterdir() if entry.is_dir() and not entry.is_symlink()]
