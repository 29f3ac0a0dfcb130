"""Flagged versions and what they have in common, as far as it tells anything."""

from __future__ import annotations

from audit.facts import Flag
from audit.render import text
from audit.report.model import Report, ReviewRow


def in_scope(report: Report) -> int:
    """Return how many of the flagged versions the report covers."""
    return len({flag.version for flag in report.flags} & _versions(report))


def telling(report: Report) -> tuple[ReviewRow, ...]:
    """Return what flagged versions share and not every other version has as well."""
    others = len(_versions(report)) - in_scope(report)
    return tuple(
        row for row in report.reviews if row.coverage < 1 or row.others < others or not others
    )


def flagged(flag: Flag, report: Report) -> str:
    """Return who flagged a version, when and why, and whether the report covers it."""
    by = f"flagged by {text.one_line(flag.by, 60)} on {text.day_and_time(flag.at)}"
    out = "" if flag.version in _versions(report) else ", not in scope"
    return f"{by}{out}: {text.clip(flag.reason, 300)}"


def named(row: ReviewRow) -> str:
    """Return a component's label, with what tells it apart: a digest shortened."""
    rest = row.component.partition(":")[2]
    label = text.one_line(row.label, 100)
    return label if rest == row.label else f"{label} {text.short_digest(rest)}"


def lacking(row: ReviewRow, report: Report) -> str:
    """Return the flagged versions that have a component, where not all have it."""
    shown = row.flagged if len(row.flagged) < in_scope(report) else ()
    return text.one_line(", ".join(shown), 160)


def _versions(report: Report) -> set[str]:
    return {f"{dossier.label}/{dossier.version}" for dossier in report.dossiers}
