"""Who keeps what was promoted: deletions held against the retention time."""

from __future__ import annotations

from audit.controls.checks.common import Retention, naming
from audit.controls.checks.life import (
    ALIASES,
    STAGES,
    Life,
    Names,
    Protected,
    find_life,
    held_now,
    life_of,
    minute,
    reference,
    somebody,
    steps_of,
    told,
    unobserved,
    worst,
)
from audit.controls.registry import (
    JobSubject,
    Outcome,
    VersionSubject,
    check,
    failed,
    passed,
    unknown,
)
from audit.facts import ModelVersion
from audit.history.model import Action, ActionKind
from audit.period import iso, retain_until
from audit.verdicts import Verdict


@check("protected-not-deleted")
def protected_not_deleted(
    subject: VersionSubject,
    *,
    aliases: Names = ALIASES,
    stages: Names = STAGES,
    within: Retention = "10y",
) -> Outcome:
    """The version was not deleted within the retention time after it last was protected.

    Without ``within`` a version that ever held a protected alias or stage may never go.
    """
    version, protected = subject.facts.version, Protected(aliases, stages)
    life = life_of(subject)
    removal = next(reversed(life.of(ActionKind.VERSION_REMOVED)), None)
    if removal is None and not version.deleted:
        held = _ever(life, protected) or held_now(subject, protected)
        reason = f"held {naming(held)} and is there" if held else f"never seen with {protected}"
        verdict = Verdict.PASS if held else Verdict.NOT_APPLICABLE
        return Outcome(verdict, reason, (f"version {version.key}",))
    return _loss(life, removal, version, protected, within)


@check("protected-versions-kept", scope="job")
def protected_versions_kept(
    subject: JobSubject,
    *,
    aliases: Names = ALIASES,
    stages: Names = STAGES,
    within: Retention = "10y",
) -> Outcome:
    """No version that lately was protected was deleted in the period, by itself or its model.

    A deleted model leaves no version behind that could be judged alone.
    """
    history, job = subject.history, subject.job
    start, end = job.start, min(job.end, job.as_of)
    if outcome := unobserved(subject):
        return outcome
    removals = [
        action
        for action in steps_of(history)
        if action.kind is ActionKind.VERSION_REMOVED and start <= action.when.latest < end
    ]
    if not removals:
        return passed("no deletion of a version was seen in this period")
    protected, outcomes = Protected(aliases, stages), []
    for removal in removals:
        life = find_life(history, removal.identity, removal.version or 0)
        outcome = _loss(life, removal, None, protected, within)
        key = f"{removal.label}/{removal.version}"
        outcomes.append(Outcome(outcome.verdict, f"{key} {outcome.reason}", outcome.evidence))
    judged = [item for item in outcomes if item.verdict is not Verdict.NOT_APPLICABLE]
    if not judged:
        return passed(f"{len(removals)} deleted, none was seen with {protected}")
    return worst(judged, "deletion")


def _loss(
    life: Life,
    removal: Action | None,
    version: ModelVersion | None,
    protected: Protected,
    within: str,
) -> Outcome:
    """Return what a deletion comes to, by when the version last was protected."""
    at = removal.when.latest if removal else version.deleted_at if version else None
    when = told(removal.when) if removal else minute(at) or "at a time not recorded"
    done = f"deleted {when} by {somebody(removal)}" if removal else f"deleted {when}"
    names, last = _last_held(life, protected, at)
    evidence = [reference(removal)] if removal else []
    evidence += [reference(action) for action in life.promotions(protected)]
    evidence = evidence or ([f"version {version.key} deleted"] if version else [])
    if not names:
        if life.seen_whole:
            reason = f"{done}, never seen with {protected}"
            return Outcome(Verdict.NOT_APPLICABLE, reason, tuple(evidence))
        return unknown(f"{done}; what it held before the first observation is not known", *evidence)
    held = naming(names)
    if at is None or last is None:
        return failed(f"{done}, and it held {held}", *evidence)
    if not within or iso(at)[:10] < str(retain_until(last, within)):
        return failed(f"{done}, and it held {held} until {minute(last)}", *evidence)
    return passed(f"{done}, more than {within} after it last held {held}", *evidence)


def _last_held(life: Life, protected: Protected, end: int | None) -> tuple[list[str], int | None]:
    """Return what a version ever held of the protected, and until when at the latest (UTC ms).

    What nothing took from it, it held to its ``end``.
    """
    holding = set(life.promoted_before(protected))
    names, last = list(life.promoted_before(protected)), None
    given, taken = life.promotions(protected), life.demotions(protected)
    for action in life.actions:
        if action in taken:
            name = action.alias or f"stage {action.before}"
            holding.discard(name)
            names.append(name)
            last = max(last or 0, action.when.latest)
        if action in given:
            name = action.alias or f"stage {action.after}"
            holding.add(name)
            names.append(name)
    return list(dict.fromkeys(names)), end if holding else last


def _ever(life: Life, protected: Protected) -> list[str]:
    return _last_held(life, protected, None)[0]
