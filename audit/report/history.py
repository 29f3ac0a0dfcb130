"""The history as a report tells it: what concerns the period, and the whole life of a version."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace

from audit.facts import JobFacts
from audit.gather.scope import wanted
from audit.history.balance import balances
from audit.history.model import Action, ActionKind, Balance, History, Tenure
from audit.history.moments import straddling, tenures
from audit.period import iso
from audit.report.dossier import listed
from audit.report.model import PeriodHistory

_ALIASES = frozenset({ActionKind.ALIAS_ADDED, ActionKind.ALIAS_MOVED, ActionKind.ALIAS_REMOVED})
_ENDS = _ALIASES - {ActionKind.ALIAS_ADDED}
_WAYS = {
    "snapshot": "snapshots of the registry",
    "trigger": "triggers in its database",
    "plugin": "the server plugin, which names the user",
    "webhook": "webhooks",
}


def period_history(history: History, job: JobFacts) -> PeriodHistory:
    """Return what was observed of the period up to the moment reported, of models in scope.

    An action belongs to the period in which it is first known to have happened. One that may
    have happened before the period's end or after it is told as well.
    """
    if history.first_observed is None:
        return PeriodHistory()
    start, end = job.start, min(job.end, job.as_of)
    books = balances(history, start, end)
    open_ = straddling(history, end)
    held = (*_ended(tenures(history, end), open_), *_begun(history, end))
    inside = _identities(history.actions, books, held, job)
    return PeriodHistory(
        first_observed=history.first_observed,
        last_observed=history.last_observed,
        sources=history.sources,
        actions=tuple(
            action
            for action in (*_between(history.actions, start, end), *open_)
            if action.identity in inside
        ),
        tenures=tuple(
            tenure
            for tenure in held
            if tenure.identity in inside and (tenure.end is None or tenure.end.latest > start)
        ),
        balances=tuple(book for book in books if book.identity in inside),
        gaps=tuple(
            gap
            for gap in history.gaps
            if gap.end > start and (gap.start is None or gap.start < end)
        ),
        attempts=tuple(
            item
            for item in history.attempts
            if start < item.at <= end
            and (not item.model or wanted(item.model, job.include, job.exclude))
        ),
    )


def lives(history: History) -> dict[tuple[str, str, int], tuple[Action, ...]]:
    """Return all that was done to each version, by workspace, the model's last name, and number.

    A move of an alias belongs to the version that lost it and to the one that got it; what was
    done to the model as a whole belongs to none. Of models that had the same name one after
    the other, the last one is meant.
    """
    names: dict[str, tuple[str, str]] = {}
    found: dict[tuple[str, int], list[Action]] = defaultdict(list)
    for action in history.actions:
        names.pop(action.identity, None)  # so that the model acted on last comes last
        names[action.identity] = (action.workspace, action.model)
        for version in _versions(action):
            found[action.identity, version].append(action)
    holders = {key: identity for identity, key in names.items()}
    return {
        (*names[identity], version): tuple(of)
        for (identity, version), of in found.items()
        if holders[names[identity]] == identity
    }


def statement(told: PeriodHistory, job: JobFacts) -> str:
    """Return in plain words how the registry was observed, and what is not known of the period."""
    if told.first_observed is None or told.last_observed is None:
        return (
            "The registry was never observed over time: who set an alias, a tag or a stage, and "
            "when, is not recorded by MLflow itself. Aliases, tags and stages are shown as they "
            "stood when the registry was read."
        )
    ways = listed([_WAYS.get(way, way) for way in told.sources] or ["its own reading alone"])
    sentences = [f"The registry was observed by {ways}."]
    first, end = told.first_observed, min(job.end, job.as_of)
    if first >= end:
        sentences.append(
            f"It was first observed on {_day(first)}, after the time reported: what was done in "
            "the period is unknown."
        )
        return " ".join(sentences)
    if first > job.start:
        sentences.append(
            f"It was first observed on {_day(first)}: how it stood before, and what was done to it "
            "earlier in the period, is unknown."
        )
    if "trigger" not in told.sources:
        sentences.append(
            "Between two snapshots only the difference is known: what was done and undone again "
            "leaves no trace, and nobody recorded who did it."
        )
    elif "plugin" not in told.sources:
        sentences.append("Nobody recorded who acted, but for the account of the database.")
    if told.last_observed < end:
        sentences.append(f"It was last observed on {_day(told.last_observed)}.")
    elif job.interim:
        sentences.append("The period is not over: more can happen in it.")
    undecided = sum(action.when.latest > end for action in told.actions)
    if undecided:
        what, them = ("action", "it") if undecided == 1 else ("actions", "them")
        sentences.append(
            f"{undecided} {what} may have happened before the time reported or after it, for the "
            f"next observation came only later; the registry is shown with {them}, and the books "
            f"count {them} in the next period."
        )
    if not told.actions:
        sentences.append("No action was seen in the period.")
    return " ".join(sentences)


def _between(actions: Iterable[Action], start: int, end: int) -> Iterator[Action]:
    return (action for action in actions if start < action.when.latest <= end)


def _ended(held: tuple[Tenure, ...], open_: tuple[Action, ...]) -> tuple[Tenure, ...]:
    """Return tenures, those with an end that may be later than the moment told with that end."""
    ends = {(a.identity, a.alias): a.when for a in open_ if a.kind in _ENDS}
    return tuple(
        replace(tenure, end=ends.get((tenure.identity, tenure.alias))) if not tenure.end else tenure
        for tenure in held
    )


def _begun(history: History, moment: int) -> Iterator[Tenure]:
    """Yield the tenures that may have begun before a moment or after it."""
    for tenure in tenures(history):
        if tenure.start is not None and tenure.start.straddles(moment):
            end = tenure.end
            open_ = end is not None and (end.straddles(moment) or end.latest <= moment)
            yield tenure if open_ else replace(tenure, end=None)


def _identities(
    actions: Iterable[Action], books: Iterable[Balance], held: Iterable[Tenure], job: JobFacts
) -> set[str]:
    """Return the models that had, at some time, a name which the job's patterns take in."""
    names = {(action.identity, action.model) for action in actions}
    names |= {(a.identity, a.before) for a in actions if a.kind is ActionKind.MODEL_RENAMED}
    names |= {(book.identity, book.model) for book in books}
    names |= {(tenure.identity, tenure.model) for tenure in held}
    return {identity for identity, name in names if wanted(name, job.include, job.exclude)}


def _versions(action: Action) -> set[int]:
    found = {action.version} if action.version is not None else set()
    if action.kind in _ALIASES:
        found |= {int(text) for text in (action.before, action.after) if text.isdecimal()}
    return found


def _day(moment: int) -> str:
    return f"{iso(moment)[:16].replace('T', ' ')} UTC"
