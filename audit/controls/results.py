"""What a control came to: the one shape in which verdicts leave this room."""

from __future__ import annotations

from dataclasses import dataclass

from audit.verdicts import Severity, Verdict


@dataclass(frozen=True, slots=True)
class ControlResult:
    """What one control came to for one version, or for the job (``model`` empty)."""

    pack: str
    control: str
    title: str
    family: str
    check: str
    severity: Severity
    verdict: Verdict
    unwaived: Verdict
    """The verdict before waivers."""
    reason: str
    evidence: tuple[str, ...] = ()
    remedy: str = ""
    waiver: str = ""
    model: str = ""
    version: int = 0
