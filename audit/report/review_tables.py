"""What flagged versions have in common, as rows of ``reviews``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from audit.report.model import Report, ReviewRow

REVIEWS = ("component", "kind", "flagged_versions", "coverage", "label", "others")
"""Columns of ``reviews``."""


def reviews(report: Report) -> Iterator[tuple[str | int, ...]]:
    """Yield each component that more than one of the report's flagged versions has."""
    return rows(report.reviews)


def rows(found: Iterable[ReviewRow]) -> Iterator[tuple[str | int, ...]]:
    """Yield a row for each component.

    ``coverage`` is the share of the flagged versions in scope that have it, ``others`` how
    many versions in scope have it that are not flagged.
    """
    for row in found:
        flagged = "; ".join(row.flagged)
        yield row.component, row.kind, flagged, f"{row.coverage:.3f}", row.label, row.others
