"""Subjects held against packs. Evaluation never raises: what breaks is a verdict, ``error``."""

from __future__ import annotations

from collections.abc import Sequence

from audit.controls.checks import catalogue, find
from audit.controls.registry import JobSubject, Outcome, Subject, VersionSubject
from audit.controls.results import ControlResult
from audit.controls.waivers import covering
from audit.facts import Control, Pack, Waiver
from audit.verdicts import Verdict

__all__ = ["JobSubject", "VersionSubject", "evaluate"]


def evaluate(
    packs: Sequence[Pack], subject: Subject, waivers: Sequence[Waiver], as_of: int
) -> tuple[ControlResult, ...]:
    """Return one result for each control that judges this kind of subject, in pack order.

    ``as_of`` (UTC milliseconds) decides which waivers hold. A control whose check is
    not registered is an ``error`` for every subject, never left out.
    """
    return tuple(
        _result(pack, control, subject, waivers, as_of)
        for pack in packs
        for control in pack.controls
        if _judges(control, subject)
    )


def _judges(control: Control, subject: Subject) -> bool:
    check = catalogue().get(control.check)
    scope = "version" if isinstance(subject, VersionSubject) else "job"
    return check is None or check.scope == scope


def _result(
    pack: Pack, control: Control, subject: Subject, waivers: Sequence[Waiver], as_of: int
) -> ControlResult:
    outcome = _outcome(control, subject)
    model, version = "", 0
    if isinstance(subject, VersionSubject):
        model, version = subject.facts.version.label, subject.facts.version.version
    failed = outcome.verdict is Verdict.FAIL
    waiver = covering(waivers, control.id, model, version, as_of) if failed else None
    return ControlResult(
        pack=pack.id,
        control=control.id,
        title=control.title,
        family=control.family,
        check=control.check,
        severity=control.severity,
        verdict=Verdict.WAIVED if waiver else outcome.verdict,
        unwaived=outcome.verdict,
        reason=" ".join(outcome.reason.split()),
        evidence=outcome.evidence,
        remedy=control.remedy,
        waiver=waiver.id if waiver else "",
        model=model,
        version=version,
    )


def _outcome(control: Control, subject: Subject) -> Outcome:
    try:
        return find(control.check).run(subject, control.parameters)
    except Exception as error:  # noqa: BLE001 - one broken check must not silence the others
        text = f"{type(error).__name__}: {error}".removesuffix(": ")
        return Outcome(Verdict.ERROR, text, (f"check {control.check}",))
