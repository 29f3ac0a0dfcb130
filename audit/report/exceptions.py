"""What somebody must look at: failed checks each, unevaluable ones gathered by reason."""

from __future__ import annotations

import dataclasses
from collections import defaultdict

from audit.facts import Facts
from audit.report.diff import status
from audit.report.model import ControlResult, Dossier, ExceptionItem
from audit.verdicts import Verdict

_ORDER = (Verdict.FAIL, Verdict.ERROR, Verdict.UNKNOWN)


def find_exceptions(
    facts: Facts, dossiers: tuple[Dossier, ...], job_results: tuple[ControlResult, ...]
) -> tuple[ExceptionItem, ...]:
    """Return the exceptions, the gravest first, numbered from 1.

    A failed check is an exception of its own. Checks that could not be evaluated are one
    exception for each control and reason, so that one cause is read once.
    """
    found: list[ExceptionItem] = []
    unknown: dict[tuple[str, str], list[tuple[ControlResult, Dossier | None]]] = defaultdict(list)
    pairs: list[tuple[ControlResult, Dossier | None]] = [(item, None) for item in job_results]
    pairs += [(item, dossier) for dossier in dossiers for item in dossier.results]
    for result, dossier in pairs:
        if result.verdict in (Verdict.FAIL, Verdict.ERROR):
            found.append(_single(result, dossier, facts))
        elif result.verdict is Verdict.UNKNOWN:
            unknown[result.control, result.reason].append((result, dossier))
    found += [_gathered(group, facts) for group in unknown.values()]
    found.sort(
        key=lambda item: (
            _ORDER.index(item.verdict),
            item.severity.rank,
            item.model,
            item.version,
            item.control,
            item.what,
        )
    )
    return tuple(
        dataclasses.replace(item, number=number) for number, item in enumerate(found, start=1)
    )


def _single(result: ControlResult, dossier: Dossier | None, facts: Facts) -> ExceptionItem:
    return ExceptionItem(
        number=0,
        severity=result.severity,
        verdict=result.verdict,
        model=result.model,
        version=result.version,
        control=result.control,
        title=result.title,
        what=result.reason,
        since=dossier.created_at if dossier else None,
        owner=_owner(dossier, facts),
        evidence=result.evidence,
        remedy=result.remedy,
        status=_status(result, facts),
    )


def _gathered(group: list[tuple[ControlResult, Dossier | None]], facts: Facts) -> ExceptionItem:
    first, dossier = group[0]
    if len(group) == 1:
        return _single(first, dossier, facts)
    names = [f"{result.model} v{result.version}" for result, _ in group]
    shown = ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
    return ExceptionItem(
        number=0,
        severity=first.severity,
        verdict=first.verdict,
        model="",
        version=0,
        control=first.control,
        title=first.title,
        what=f"{first.reason.rstrip('.')} ({len(group)} versions: {shown}).",
        since=None,
        owner="",
        evidence=(),
        remedy=first.remedy,
        status=_status(first, facts),
    )


def _owner(dossier: Dossier | None, facts: Facts) -> str:
    """Return who the registry's tags name as owner: the version's, else the model's."""
    if dossier is None:
        return ""
    models = {(model.workspace, model.name): model.tags for model in facts.registry.models}
    model_tags = models.get((dossier.workspace, dossier.model), {})
    return dossier.tags.get("owner") or model_tags.get("owner", "")


def _status(result: ControlResult, facts: Facts) -> str:
    if facts.previous_results is None:
        return "first report"
    return status(facts.previous_results, result)
