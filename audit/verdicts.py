"""Verdicts of checks and grades of evidence: the two scales that a report rests on."""

from __future__ import annotations

import enum
from collections.abc import Iterable


class Verdict(enum.StrEnum):
    """What a check found. ``unknown`` and ``error`` are never a pass."""

    PASS = "pass"  # noqa: S105
    FAIL = "fail"
    WAIVED = "waived"
    MANUAL = "manual"
    UNKNOWN = "unknown"
    NOT_APPLICABLE = "not_applicable"
    ERROR = "error"


class Severity(enum.StrEnum):
    """How much a failed check matters, the gravest first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    @property
    def rank(self) -> int:
        """0 for the gravest."""
        return list(Severity).index(self)


class Grade(enum.StrEnum):
    """How an edge of the lineage is known, from the strongest to none at all.

    ``verified``: both ends carry the same full content digest and at least one
    was recomputed from bytes in this run. ``recorded``: systems of record state
    it. ``declared``: a client said so, and the target exists. ``inferred``:
    deduced from names, parameters, truncated digests or times. ``not_checkable``:
    the source could not be asked. ``missing``: ought to exist and does not.
    ``contradicted``: two sources disagree, or a digest does not match.
    """

    VERIFIED = "verified"
    RECORDED = "recorded"
    DECLARED = "declared"
    INFERRED = "inferred"
    NOT_CHECKABLE = "not_checkable"
    MISSING = "missing"
    CONTRADICTED = "contradicted"

    @property
    def rank(self) -> int:
        """0 for the strongest; the last ones break a chain."""
        return list(Grade).index(self)


class LineageStatus(enum.StrEnum):
    """What a version's lineage comes to."""

    COMPLETE = "complete"
    GAPS = "gaps"
    CONTRADICTED = "contradicted"
    UNREADABLE = "unreadable"


class WeightsStatus(enum.StrEnum):
    """What is known of a version's weights today.

    ``verified``: equal to a digest that was recorded when they were made.
    """

    VERIFIED = "verified"
    UNCHANGED = "unchanged_since_first_seen"
    FIRST_SEEN = "first_seen"
    CHANGED = "changed"
    UNREACHABLE = "unreachable"


_ORDER = (
    Verdict.FAIL,
    Verdict.ERROR,
    Verdict.UNKNOWN,
    Verdict.WAIVED,
    Verdict.MANUAL,
    Verdict.PASS,
    Verdict.NOT_APPLICABLE,
)


def overall(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the verdict that stands for several: the one nearest to a failure.

    Nothing evaluated at all is ``unknown``, not a pass.
    """
    found = set(verdicts) - {Verdict.NOT_APPLICABLE}
    return min(found, key=_ORDER.index) if found else Verdict.UNKNOWN


def weakest(grades: Iterable[Grade]) -> Grade | None:
    """Return the weakest of several grades, ``None`` for no grade at all."""
    return max(grades, key=lambda grade: grade.rank, default=None)
