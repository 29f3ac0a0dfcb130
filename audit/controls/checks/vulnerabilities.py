"""Item 2, training captured: what is known against the packages that a version needs."""

from __future__ import annotations

from audit.controls.checks.common import counted, naming
from audit.controls.registry import Outcome, VersionSubject, check, failed, passed, unknown
from audit.facts import Advisory, VersionFacts
from audit.period import iso
from audit.sources.artifacts.requirements import Pin, pins
from audit.verdicts import Severity, Verdict


@check("known-vulnerabilities")
def known_vulnerabilities(
    subject: VersionSubject,
    *,
    at_least: Severity = Severity.HIGH,
    count_unrated: bool = True,
) -> Outcome:
    """No pinned package has a published vulnerability of at least this severity.

    Judged by the advisory files that the job names, so by what they knew. A package
    without an exact version is not evaluated. ``count_unrated`` counts a vulnerability
    whose severity nobody states; withdrawn ones never count.
    """
    facts = subject.facts
    if not facts.advisory_files:
        return Outcome(Verdict.NOT_APPLICABLE, "the job names no advisory files")
    pinned = pins(facts.environment.packages)
    if reason := _not_evaluated(facts, pinned):
        return unknown(reason, *_files(facts))
    standing = [item for item in facts.advisories if not item.withdrawn]
    counting = [item for item in standing if _counts(item, at_least, unrated=count_unrated)]
    evidence = [*map(_reference, counting), *_files(facts)]
    unpinned = len(facts.environment.packages) - len(pinned)
    left = f"; {counted(unpinned, 'package')} without an exact version not evaluated"
    left = left if unpinned > 0 else ""
    if counting:
        told = naming(_told(item) for item in counting)
        noun = "vulnerability" if len(counting) == 1 else "vulnerabilities"
        return failed(f"{len(counting)} known {noun}: {told}{left}", *evidence)
    beside = f" (not counted: {naming(item.id for item in standing)})" if standing else ""
    judged = counted(len(pinned), "pinned package")
    told = f"nothing of {at_least} severity or above is known of {judged}{beside}{left}"
    return passed(told, *evidence)


def _not_evaluated(facts: VersionFacts, pinned: tuple[Pin, ...]) -> str:
    """Return why nothing can be said of the packages, empty where something can."""
    environment = facts.environment
    if not environment.sources:
        why = facts.weights.reason or "the model's files name no packages"
        return f"the environment is not recorded: {why}".rstrip(".")
    if not pinned:
        total = counted(len(environment.packages), "package")
        return (
            f"none of {total} has an exact version"
            if environment.packages
            else "no package is named"
        )
    if not any(file.advisories for file in facts.advisory_files):
        problem = next((item for file in facts.advisory_files for item in file.problems), "")
        why = f": {problem}".rstrip(".") if problem else ""
        return f"the advisory files hold no advisory that could be read{why}"
    return ""


def _counts(item: Advisory, at_least: Severity, *, unrated: bool) -> bool:
    return Severity(item.severity).rank <= at_least.rank if item.severity else unrated


def _told(item: Advisory) -> str:
    fixed = f", fixed in {item.fixed[0]}" if item.fixed else ", not fixed"
    severity = item.severity or "severity not stated"
    return f"{item.package} {item.version} {item.id} ({severity}{fixed})"


def _reference(item: Advisory) -> str:
    names = " ".join((item.id, *item.aliases))
    return f"package {item.package}=={item.version} {names}"


def _files(facts: VersionFacts) -> list[str]:
    return [
        f"advisories {file.name} sha256 {file.sha256} newest {iso(file.newest_at) or 'unknown'}"
        for file in facts.advisory_files
    ]
