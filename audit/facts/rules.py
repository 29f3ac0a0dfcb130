"""The rules that a report was judged by, as they were read: packs, controls, waivers, limits."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from audit.verdicts import Severity


@dataclass(frozen=True, slots=True)
class Control:
    """One control of a pack: what a check is held to, and what to do when it fails."""

    id: str
    title: str
    check: str
    """Name of the registered check function."""
    family: str
    """Id of the checklist item it belongs to."""
    severity: Severity
    rationale: str
    evidence: str
    """What evidence the check takes."""
    remedy: str
    parameters: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Family:
    """One item of a checklist."""

    id: str
    title: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Pack:
    """A control pack: a checklist as data."""

    id: str
    title: str
    edition: str
    source: str
    families: tuple[Family, ...]
    controls: tuple[Control, ...]


@dataclass(frozen=True, slots=True)
class Waiver:
    """An accepted deviation. Dates are UTC dates, ``expires`` is its last valid day."""

    id: str
    control: str
    """Control id, or a shell pattern of control ids."""
    owner: str
    approver: str
    reason: str
    effective: str
    expires: str
    models: tuple[str, ...] = ("*",)
    """Shell patterns of model names."""
    versions: tuple[int, ...] = ()
    """Empty for all versions."""

    @property
    def scope(self) -> str:
        """The models and versions it covers, as one phrase."""
        names = ", ".join(self.models)
        return f"{names} v{', v'.join(map(str, self.versions))}" if self.versions else names


@dataclass(frozen=True, slots=True)
class Rules:
    """Everything that judging and telling depend on besides what was read."""

    packs: tuple[Pack, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    fail_on: Severity = Severity.HIGH
    table_rows: int = 300
    version_pages: int = 100
    """At most so many versions get pages of their own in ``report.pdf``."""
    language: str = "en"
