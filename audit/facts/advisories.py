"""Known vulnerabilities of the packages that a version's environment names (OSV)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Advisory:
    """One published vulnerability of one pinned package."""

    id: str
    package: str
    version: str
    aliases: tuple[str, ...] = ()
    summary: str = ""
    severity: str = ""
    """``critical``, ``high``, ``medium``, ``low``; empty where the advisory has none."""
    fixed: tuple[str, ...] = ()
    """Versions that mend it."""
    published_at: int | None = None
    withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class AdvisoryFile:
    """A file of advisories that a run was given."""

    name: str
    sha256: str
    advisories: int
    """How many it holds, of whatever package."""
    newest_at: int | None = None
    """When the newest of them was last modified: what came later is not known."""
    problems: tuple[str, ...] = ()
    """What in it could not be read or judged, each a sentence, at most twenty."""
    more_problems: int = 0
