"""Whether anybody watched, and whether what was seen adds up: the history's own soundness."""

from __future__ import annotations

from audit.controls.checks.common import Duration, counted, naming
from audit.controls.checks.life import minute, told, unobserved
from audit.controls.registry import (
    JobSubject,
    Outcome,
    VersionSubject,
    check,
    failed,
    passed,
    unknown,
)
from audit.history.model import Gap, History, Unexplained
from audit.period import duration_ms, iso
from audit.verdicts import Verdict


@check("history-explained", scope="job")
def history_explained(subject: JobSubject) -> Outcome:
    """Every change of the registry in the period is explained by a recorded action.

    Snapshots alone record no action that a change could be held against: unknown.
    """
    history, (start, end) = subject.history, _bounds(subject)
    found = [
        item
        for item in history.unexplained
        if item.when.latest >= start and (item.when.earliest is None or item.when.earliest < end)
    ]
    if found:
        told_of = naming(_words(item) for item in found)
        evidence = [_reference(item) for item in found]
        return failed(f"{counted(len(found), 'unexplained change')}: {told_of}", *evidence)
    if outcome := unobserved(subject):
        return outcome
    if "trigger" not in history.sources:
        return unknown("only snapshots were taken, and no trigger recorded what they could balance")
    gaps = _overlapping(history, start, end)
    if not _watched(gaps, start, min(end, history.last_observed or end)):
        return unknown(f"no trigger watched in this period: {gaps[-1].reason}", _span(gaps[-1]))
    aside = f", {counted(len(gaps), 'observation gap')} aside" if gaps else ""
    return passed(f"the recorded actions explain the registry's state{aside}", _ledger(history))


@check("observation-unbroken", scope="job")
def observation_unbroken(subject: JobSubject, *, longest: Duration = "24h") -> Outcome:
    """Nothing in the period went unobserved for longer than allowed.

    A gap counts in its whole length, as long as part of it lies in the period. What was
    before the first observation is no broken watch, since none had begun: it is unknown.
    """
    history, (start, end) = subject.history, _bounds(subject)
    if outcome := unobserved(subject):
        return outcome
    first, last = history.first_observed or 0, history.last_observed or 0
    allowed = duration_ms(longest)
    gaps = [gap for gap in _overlapping(history, start, end) if gap.end > first]
    if last < end:
        gaps.append(Gap(last, end, "no observation came after it"))
    long = [gap for gap in gaps if gap.end - (gap.start or first) > allowed]
    if long:
        worst = max(long, key=lambda gap: gap.end - (gap.start or first))
        bounds = f"{minute(worst.start or first)} to {minute(worst.end)}"
        counts = f"{counted(len(long), 'gap')} longer than {longest}"
        return failed(f"{counts}, the longest {bounds}: {worst.reason}", *map(_span, long))
    if first - start > allowed:
        reason = f"not observed before {minute(first)}, when the watch began"
        return unknown(reason, _span(Gap(start, first, "before the first observation")))
    whole = f"{counted(len(gaps), 'gap')}, none longer than {longest}" if gaps else "no gap"
    return passed(whole, _ledger(history), *map(_span, gaps[:9]))


@check("ledger-continues", scope="job")
def ledger_continues(subject: JobSubject) -> Outcome:
    """The ledger still holds the head that the bundle of the period before was sealed with."""
    previous = subject.previous
    if not previous.found and not previous.earlier:
        reason = "the first period in this archive; no bundle names a head of the ledger"
        return Outcome(Verdict.NOT_APPLICABLE, reason)
    if not previous.found:
        return unknown(f"the bundle of {previous.label} is missing, and the head that it names")
    evidence = (f"bundle {previous.path}", f"manifest sha256:{previous.manifest_sha256}")
    if previous.ledger == "continues":
        return passed(f"the ledger continues from {previous.label}", *evidence)
    if not previous.ledger:
        return unknown(f"the ledger was not compared with {previous.label}", *evidence)
    return failed(
        f"the ledger does not continue from {previous.label}: {previous.ledger}", *evidence
    )


@check("baseline-at-registration")
def baseline_at_registration(subject: VersionSubject, *, within: Duration = "1h") -> Outcome:
    """The weights were first hashed when the version was registered, or soon after.

    What they were before their first digest, nobody can show. The digest may be older than
    the version: copies share their original's files.
    """
    version, weights = subject.facts.version, subject.facts.weights
    if weights.first_seen_at is None:
        reason = weights.reason or "the weights were not read"
        return unknown(f"never hashed: {reason}", f"location {weights.location}")
    if version.created_at is None:
        return unknown("when the version was registered is not recorded", f"version {version.key}")
    evidence = (
        f"version {version.key} registered {iso(version.created_at)}",
        f"weights sha256:{weights.first_sha256} first seen {iso(weights.first_seen_at)}",
    )
    late = weights.first_seen_at - version.created_at
    if late < 0:
        return passed("first hashed before the registration", *evidence)
    words = f"first hashed {_duration(late)} after the registration"
    return passed(words, *evidence) if late <= duration_ms(within) else failed(words, *evidence)


def _bounds(subject: JobSubject) -> tuple[int, int]:
    return subject.job.start, min(subject.job.end, subject.job.as_of)


def _overlapping(history: History, start: int, end: int) -> list[Gap]:
    return [
        gap for gap in history.gaps if gap.end > start and (gap.start is None or gap.start < end)
    ]


def _watched(gaps: list[Gap], start: int, end: int) -> bool:
    """Tell whether gaps, in order, leave anything of a stretch of time."""
    reached = start
    for gap in gaps:
        if gap.start is not None and gap.start > reached:
            return True
        reached = max(reached, gap.end)
    return reached < end


def _words(item: Unexplained) -> str:
    """Return an unexplained change in words, with what it ought to be."""
    name = f"{item.model}/{item.version}" if item.version is not None else item.model
    observed, expected = item.observed or "not there", item.expected or "not there"
    return f"{item.what} of {name} is {observed}, recorded is {expected}, {told(item.when)}"


def _reference(item: Unexplained) -> str:
    when = f"{iso(item.when.earliest)}/{iso(item.when.latest)}"
    values = f"expected {item.expected!r}, observed {item.observed!r}"
    return f"{item.workspace}:{item.model} {item.what}: {values}, {when}"


def _span(gap: Gap) -> str:
    return f"gap {iso(gap.start)}/{iso(gap.end)}: {gap.reason}"


def _ledger(history: History) -> str:
    first, last = iso(history.first_observed), iso(history.last_observed)
    return f"{counted(len(history.actions), 'action')} observed {first}/{last}"


def _duration(ms: int) -> str:
    """Return a duration in its largest whole unit."""
    for unit, length in (("day", 86_400_000), ("hour", 3_600_000), ("minute", 60_000)):
        if ms >= length:
            count = ms // length
            return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
    return "less than a minute"
