"""What was not watched, and the books of each model, as rows of ``gaps`` and ``reconciliation``."""

from __future__ import annotations

from collections.abc import Iterator

from audit.period import iso
from audit.report.model import PeriodHistory

BOOKS = (
    "model", "opening", "actions", "closing_expected", "closing_observed", "unexplained", "what",
)  # fmt: skip
"""Columns of ``reconciliation``."""


def gaps(history: PeriodHistory) -> Iterator[tuple[str | None, ...]]:
    """Yield the stretches of the period that nobody watched, of no model and version."""
    for gap in history.gaps:
        since = iso(gap.start) or "the beginning"
        yield (
            "",
            None,
            "observation",
            f"{since} to {iso(gap.end)}: {gap.reason}",
            "what was done and undone again meanwhile is unknown",
        )


def reconciliation(history: PeriodHistory) -> Iterator[tuple[str | int | None, ...]]:
    """Yield the books of each model, and in ``what`` each entry that nothing explains."""
    for book in history.balances:
        yield (
            book.label,
            book.opening,
            book.actions,
            book.closing_expected,
            book.closing_observed,
            len(book.unexplained),
            "; ".join(
                f"{change.what}: {change.expected or 'nothing'} → {change.observed or 'nothing'}"
                for change in book.unexplained
            ),
        )
