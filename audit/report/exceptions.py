"""What somebody must look at: failed checks, unexplained changes, what could not be evaluated.

A change of the registry that nothing explains is an exception whatever the control packs say.
A check that fails because of such changes is told by them, once, and not again on its own.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict

from audit.facts import Facts
from audit.history.model import Balance, Unexplained
from audit.report.diff import status
from audit.report.model import ControlResult, Dossier, ExceptionItem
from audit.verdicts import Severity, Verdict

UNEXPLAINED = "history.explained"
"""What stands for a control where an exception is an unexplained change and no pack has one."""

EXPLAINED_CHECK = "history-explained"
"""The check that fails where there is an unexplained change."""

_ORDER = (Verdict.FAIL, Verdict.ERROR, Verdict.UNKNOWN)


def find_exceptions(
    facts: Facts,
    dossiers: tuple[Dossier, ...],
    job_results: tuple[ControlResult, ...],
    books: tuple[Balance, ...] = (),
) -> tuple[ExceptionItem, ...]:
    """Return the exceptions, the gravest first, numbered from 1.

    A failed check is an exception of its own, and so is each change that nothing explains.
    Checks that could not be evaluated are one exception for each control and reason, so that
    one cause is read once.
    """
    results = (*job_results, *(item for dossier in dossiers for item in dossier.results))
    judges = [item for item in results if item.check == EXPLAINED_CHECK]
    changes = [(book, change) for book in books for change in book.unexplained]
    found = [_unexplained(book, change, judges, facts) for book, change in changes]
    unknown: dict[tuple[str, str], list[tuple[ControlResult, Dossier | None]]] = defaultdict(list)
    pairs: list[tuple[ControlResult, Dossier | None]] = [(item, None) for item in job_results]
    pairs += [(item, dossier) for dossier in dossiers for item in dossier.results]
    for result, dossier in pairs:
        if changes and result.check == EXPLAINED_CHECK and result.verdict is Verdict.FAIL:
            continue
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


def _unexplained(
    book: Balance, change: Unexplained, judges: list[ControlResult], facts: Facts
) -> ExceptionItem:
    """Return an unexplained change, as grave as the pack's own control says, else high."""
    judge = judges[0] if judges else None
    return ExceptionItem(
        number=0,
        severity=judge.severity if judge else Severity.HIGH,
        verdict=Verdict.FAIL,
        model=book.label,
        version=change.version or 0,
        control=judge.control if judge else UNEXPLAINED,
        title="Change that no recorded action explains",
        what=f"no recorded action explains {change.what}: expected {_value(change.expected)}, "
        f"observed {_value(change.observed)}",
        since=change.when.latest,
        owner=_model_owner(change.workspace, change.model, facts),
        evidence=(),
        remedy="Find out who changed the registry round the server, and whether capture is whole",
        status=_status(judge, facts) if judge else _first_or_new(facts),
    )


def _value(text: str) -> str:
    return text or "nothing"


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
    return dossier.tags.get("owner") or _model_owner(dossier.workspace, dossier.model, facts)


def _model_owner(workspace: str, model: str, facts: Facts) -> str:
    models = {(item.workspace, item.name): item.tags for item in facts.registry.models}
    return models.get((workspace, model), {}).get("owner", "")


def _first_or_new(facts: Facts) -> str:
    return "first report" if facts.previous_results is None else "new"


def _status(result: ControlResult, facts: Facts) -> str:
    if facts.previous_results is None:
        return _first_or_new(facts)
    return status(facts.previous_results, result)
