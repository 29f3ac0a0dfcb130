"""What flagged versions have in common, told: what only they share stands first."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from audit import canonical, lineage
from audit.facts import Facts, Flag
from audit.period import iso
from audit.questions.wording import columns, inert
from audit.render.csv import render_csv
from audit.render.words import LINEAGE, counted
from audit.report import review as reviewing
from audit.report.model import ReviewRow
from audit.report.review import Review
from audit.report.review_tables import REVIEWS, rows
from audit.report.tables import Table

_SHOWN = 40
_LABEL = 48


@dataclass(frozen=True, slots=True)
class Answer:
    """A review with the flags that it is of."""

    review: Review
    flags: tuple[Flag, ...]
    also: tuple[str, ...]
    """Versions that were named beside those that are flagged."""


def review(facts: Facts, flags: Collection[Flag], also: Iterable[str] = ()) -> Answer:
    """Return what the flagged versions, and those also named (``model/version``), share."""
    named = tuple(dict.fromkeys(also))
    versions = [(item, lineage.build(item)) for item in facts.versions]
    flagged = {flag.version for flag in flags} | set(named)
    return Answer(reviewing.review(versions, flagged), tuple(flags), named)


def text(answer: Answer, *, whole: bool = False) -> str:
    """Return the answer as text for a terminal; ``whole`` adds what every version has."""
    found = answer.review
    total = len(found.flagged)
    if not (found.flagged or found.absent):
        return "no version is flagged"
    lines = [f"{counted(total, 'flagged version')}, {found.unflagged:,} others"]
    lines += columns((), [tuple(map(inert, row)) for row in _who(answer)], indent="  ")
    if total < 2:
        lines += ["", "there is nothing to compare with fewer than two flagged versions"]
        return "\n".join([*lines, *_rest(answer)])
    every = found.rows if whole else found.telling()
    shown = every if whole else every[:_SHOWN]
    lines += ["", f"in common: {counted(len(every), 'component') if every else 'nothing'}"]
    if shown:
        partly = any(len(row.flagged) < total for row in shown)
        titles = ("flagged", "others", "kind", "what", "component", "which")
        table = [_told(row, found) for row in shown]
        lines += columns(titles, table) if partly else columns(titles[:-1], [r[:-1] for r in table])
    if len(every) > len(shown):
        lines.append(f"and {counted(len(every) - len(shown), 'component')} more: --all")
    if left := len(found.rows) - len(every):
        lines.append(f"not shown, as every version has it: {counted(left, 'component')} (--all)")
    return "\n".join([*lines, *_rest(answer)])


def _told(row: ReviewRow, found: Review) -> tuple[str, ...]:
    total = len(found.flagged)
    label = inert(row.label, _LABEL)
    # Where the label is all that the name has, it need not stand twice.
    said = row.component.partition(":")[2] == label
    return (
        f"{len(row.flagged)} of {total}",
        f"{row.others} of {found.unflagged}",
        row.kind,
        label,
        "" if said else inert(row.component, 120),
        "" if len(row.flagged) == total else inert(", ".join(row.flagged), 100),
    )


def _who(answer: Answer) -> Iterable[tuple[str, str]]:
    absent = set(answer.review.absent)
    for flag in answer.flags:
        where = " (not in this bundle)" if flag.version in absent else ""
        by = f"flagged by {flag.by} on {iso(flag.at)[:10]}"
        yield flag.version, f"{by}: {flag.reason}{where}"
    flagged = {flag.version for flag in answer.flags}
    for key in answer.also:
        if key not in flagged:
            yield key, "named in the question"


def _rest(answer: Answer) -> list[str]:
    if not answer.review.incomplete:
        return []
    lines = ["", "NOT COMPLETE: these may have more in common, as their lineage does not show all"]
    told = [(inert(key), LINEAGE[status]) for key, status in answer.review.incomplete]
    return [*lines, *columns((), told, indent="  ")]


def plain(answer: Answer) -> dict[str, Any]:
    """Return the answer as plain values for JSON: every component, with its coverage."""
    found = answer.review
    return {
        "flagged": list(found.flagged),
        "not_in_bundle": list(found.absent),
        "unflagged": found.unflagged,
        "flags": canonical.plain(answer.flags),
        "also": list(answer.also),
        "in_common": canonical.plain(found.rows),
        "incomplete": [
            {"version": key, "lineage": status.value} for key, status in found.incomplete
        ],
    }


def csv(answer: Answer) -> bytes:
    """Return the components as CSV, as they stand in a bundle's ``reviews.csv``."""
    return render_csv(Table("reviews", REVIEWS, tuple(rows(answer.review.rows))))
