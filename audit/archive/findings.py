"""What a verification has to say: findings that name the file, and the whole of them."""

from __future__ import annotations

import dataclasses
import enum
from pathlib import Path

from audit.archive.manifest import Manifest


class Level(enum.StrEnum):
    """What a finding means."""

    OK = "ok"
    """A check that was made and found nothing wrong."""
    NOTE = "note"
    """Nothing is wrong, and a reader has to know it all the same."""
    WRONG = "wrong"


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """One line of a verification. ``file`` is relative to the bundle; empty for the whole."""

    level: Level
    file: str
    what: str

    def __str__(self) -> str:
        """One line, safe to print whatever the file is called."""
        line = f"{self.file}: {self.what}" if self.file else self.what
        return "".join(mark if mark.isprintable() else "?" for mark in line)


@dataclasses.dataclass(frozen=True, slots=True)
class Verification:
    """The outcome of verifying one bundle."""

    path: Path
    anchored: bool
    """Whether the trusted root came from outside the bundle."""
    findings: tuple[Finding, ...]
    manifest: Manifest | None = None
    """As far as it could be read; believe it only if ``ok``."""
    manifest_sha256: str = ""

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong: the caller's exit code is 0, and 4 otherwise.

        Without a trust anchor from outside (``anchored`` is false) this means that the
        bundle agrees with itself; a note among the findings says so.
        """
        return not self.wrong

    @property
    def wrong(self) -> tuple[Finding, ...]:
        """What is wrong."""
        return tuple(item for item in self.findings if item.level is Level.WRONG)

    @property
    def notes(self) -> tuple[Finding, ...]:
        """What a reader has to know."""
        return tuple(item for item in self.findings if item.level is Level.NOTE)


class Log:
    """Collects findings while a bundle is checked."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []

    def ok(self, file: str, what: str) -> None:
        """Record a check that found nothing wrong."""
        self.findings.append(Finding(Level.OK, file, what))

    def note(self, file: str, what: str) -> None:
        """Record what a reader has to know."""
        self.findings.append(Finding(Level.NOTE, file, what))

    def wrong(self, file: str, what: str) -> None:
        """Record what is wrong."""
        self.findings.append(Finding(Level.WRONG, file, what))
