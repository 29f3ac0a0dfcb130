"""What pages need from a report beyond its own fields: orders, groups, and cuts.

Pure functions of the report; templates call them by name, nothing is stored.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import TypeVar
from zoneinfo import ZoneInfo

from audit.history.model import Action, ActionGrade, Tenure
from audit.render import text
from audit.report.model import (
    Change,
    ControlResult,
    DatasetRow,
    Dossier,
    ExceptionItem,
    ModelSection,
    Report,
)
from audit.report.sources import once
from audit.verdicts import Grade, Severity, Verdict

_MOST_ACTIONS = 3000
"""So many actions of all models the report shows at most; actions.csv has all of them."""

_OPEN = {Verdict.FAIL: 0, Verdict.ERROR: 1, Verdict.UNKNOWN: 2}
T = TypeVar("T")

_CHANGES = {
    "new_failure": ("new failure", "new failures"),
    "resolved": ("failure resolved", "failures resolved"),
    "newly_waived": ("newly waived", "newly waived"),
    "waiver_expired": ("waiver expired", "waivers expired"),
    "new_version": ("new version", "new versions"),
    "version_gone": ("version gone", "versions gone"),
    "evidence_lost": ("piece of evidence lost", "pieces of evidence lost"),
    "control_changed": ("control changed", "controls changed"),
}


@dataclass(frozen=True, slots=True)
class VersionPage:
    """A version with pages of its own in the report."""

    anchor: str
    """Link target: a number, never a name."""
    dossier: Dossier
    exceptions: tuple[ExceptionItem, ...]


def version_pages(report: Report) -> dict[str, VersionPage]:
    """Return the versions that get pages of their own, by slug, in the order of the models.

    At most ``report.version_pages``; versions with exceptions are chosen first.
    """
    exceptions: dict[tuple[str, int], list[ExceptionItem]] = {}
    for item in report.exceptions:
        exceptions.setdefault((item.model, item.version), []).append(item)
    by_slug = {dossier.slug: dossier for dossier in report.dossiers}
    ordered = [by_slug[slug] for model in report.models for slug in model.versions]
    found = {d.slug: tuple(exceptions.get((d.label, d.version), ())) for d in ordered}
    chosen = sorted(ordered, key=lambda d: not found[d.slug])[: report.version_pages]
    slugs = {dossier.slug for dossier in chosen}
    shown = [dossier for dossier in ordered if dossier.slug in slugs]
    return {
        d.slug: VersionPage(f"version-{number}", d, found[d.slug])
        for number, d in enumerate(shown, start=1)
    }


def open_results(dossier: Dossier) -> list[ControlResult]:
    """Return what failed or could not be evaluated, the gravest first."""
    found = [result for result in dossier.results if result.verdict in _OPEN]
    return sorted(found, key=lambda r: (_OPEN[r.verdict], r.severity.rank))


def by_family(dossier: Dossier) -> list[tuple[str, list[ControlResult]]]:
    """Return the results under the titles of their checklist items, in the checklist's order."""
    titles = {family.id: family.title for family in dossier.families}
    order = list(titles)
    results = sorted(
        dossier.results,
        key=lambda r: (order.index(r.family) if r.family in titles else len(order), r.family),
    )
    return [
        (titles.get(family, family), list(group))
        for family, group in groupby(results, key=lambda r: r.family)
    ]


def subject(item: ExceptionItem | Change, whole: str = "") -> str:
    """Return the model and version that an item speaks of, or the word for the whole report."""
    if not item.model:
        return whole
    return f"{item.model}, version {item.version}" if item.version else item.model


def by_verdict(results: Iterable[ControlResult]) -> list[tuple[Verdict, list[ControlResult]]]:
    """Return results by verdict: open or waived ones first, then what passes or does not apply."""
    alike: dict[Verdict, list[ControlResult]] = {}
    for result in results:
        alike.setdefault(result.verdict, []).append(result)
    last = (Verdict.PASS, Verdict.NOT_APPLICABLE)
    return sorted(alike.items(), key=lambda pair: last.index(pair[0]) if pair[0] in last else -1)


def said_by_run(dossier: Dossier) -> bool:
    """Whether who made a version is known from its training run alone: a client's word."""
    return (
        dossier.run is not None
        and bool(dossier.run.user)
        and (dossier.created_by == dossier.run.user)
    )


def verdicts_of(dossier: Dossier) -> list[Verdict]:
    """Return the verdicts that occur in a dossier, in their own order."""
    found = {result.verdict for result in dossier.results}
    return [verdict for verdict in Verdict if verdict in found]


def grades_of(dossier: Dossier) -> list[Grade]:
    """Return the grades that occur in a dossier's lineage, the strongest first."""
    found = {edge.grade for edge in dossier.graph.edges}
    return [grade for grade in Grade if grade in found]


def blank_parts(dossier: Dossier) -> list[str]:
    """Return the parts of a version's evidence of which nothing is recorded."""
    parts = {
        "data sources": dossier.datasets,
        "code": dossier.commits or dossier.tagged_commit,
        "a data pipeline": dossier.stages,
        "a training run": dossier.run,
        "the environment": dossier.environment.sources,
    }
    return [name for name, found in parts.items() if not found]


def severities(report: Report) -> list[tuple[Severity, int]]:
    """Return how many exceptions there are of each severity, the gravest first."""
    found = [item.severity for item in report.exceptions]
    return [(severity, found.count(severity)) for severity in Severity]


def period_days(report: Report) -> str:
    """Return the first and last day of the period, in its own zone."""
    zone = ZoneInfo(report.zone)
    first, last = (
        dt.datetime.fromtimestamp(ms // 1000, zone).date().isoformat()
        for ms in (report.start, report.end - 1)
    )
    return f"{text.day(first)} to {text.day(last)}, whole days in {report.zone}"


def change_counts(report: Report) -> dict[str, int]:
    """Return how many changes there are of each kind, in the order of first occurrence."""
    counts: dict[str, int] = {}
    for item in report.changes:
        counts[item.change] = counts.get(item.change, 0) + 1
    return counts


def change_noun(kind: str, count: int) -> str:
    """Return a kind of change as a noun that fits its count."""
    one, several = _CHANGES.get(kind, (kind.replace("_", " "), kind.replace("_", " ")))
    return one if count == 1 else several


def change_line(item: Change) -> str:
    """Return a change as ``before → after (cause)``."""
    line = f"{item.before or 'nothing'} → {item.after or 'nothing'}"
    return f"{line} ({item.cause})" if item.cause else line


def page_of(pages: Mapping[str, VersionPage], item: ExceptionItem) -> VersionPage | None:
    """Return the pages of the version that an exception speaks of, if it has any here."""
    return next(
        (
            page
            for page in pages.values()
            if (page.dossier.label, page.dossier.version) == (item.model, item.version)
        ),
        None,
    )


def datasets(report: Report) -> list[tuple[DatasetRow, list[str]]]:
    """Return each data source once, with the versions that used it."""
    found = [
        (data, [f"{dossier.label} v{dossier.version}" for dossier in users])
        for data, users in once(report.dossiers)
    ]
    return sorted(found, key=lambda pair: (pair[0].name, pair[0].kind, pair[0].digest))


def of_model(report: Report, model: ModelSection) -> list[Dossier]:
    """Return a model's dossiers, the newest version first."""
    by_slug = {dossier.slug: dossier for dossier in report.dossiers}
    return [by_slug[slug] for slug in model.versions]


@dataclass(frozen=True, slots=True)
class ModelHistory:
    """What was done to one model in the period, and who held its aliases."""

    name: str
    """As it was called last."""
    actions: tuple[Action, ...]
    tenures: tuple[Tenure, ...]
    shown: int
    """How many of the actions are shown."""


def model_histories(report: Report) -> list[ModelHistory]:
    """Return each model that was acted on or had an alias in the period, by name.

    A model deleted and made again is two models.
    """
    told = report.history
    names: dict[str, str] = {}
    actions: dict[str, list[Action]] = {}
    tenures: dict[str, list[Tenure]] = {}
    for action in told.actions:
        actions.setdefault(action.identity, []).append(action)
        names[action.identity] = action.label
    for tenure in told.tenures:
        tenures.setdefault(tenure.identity, []).append(tenure)
        names.setdefault(tenure.identity, tenure.label)
    found, left = [], _MOST_ACTIONS
    for identity, name in sorted(names.items(), key=lambda item: (item[1], item[0])):
        own = tuple(actions.get(identity, ()))
        shown = min(len(own), report.table_rows, left)
        left -= shown
        found.append(ModelHistory(name, own, tuple(tenures.get(identity, ())), shown))
    return found


def summary_of(actions: Iterable[Action]) -> dict[str, int]:
    """Return how many actions are known how well: by an authenticated user, exactly, roughly."""
    counts = {"authenticated": 0, "exact": 0, "bracketed": 0}
    for action in actions:
        if action.actor_grade is ActionGrade.AUTHENTICATED:
            counts["authenticated"] += 1
        counts["exact" if action.when.at is not None else "bracketed"] += 1
    return counts
