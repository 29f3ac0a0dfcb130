"""Actions and tenures as rows of flat tables: the columns of ``actions`` and ``tenures``.

Times are ISO 8601 in UTC with milliseconds. The time of a bracketed action stands only in its
earliest and latest; an empty cell is unknown.
"""

from __future__ import annotations

from audit.history.model import Action, Tenure, When
from audit.period import iso

ACTION_COLUMNS = (
    "at", "at_earliest", "at_latest", "actor", "actor_grade", "action", "model", "version",
    "alias", "key", "before", "after", "grade", "cause", "source", "event", "identity",
)  # fmt: skip
TENURE_COLUMNS = (
    "model", "alias", "version", "from", "to", "from_grade", "to_grade",
    "from_earliest", "from_latest", "to_earliest", "to_latest",
)  # fmt: skip


def action_row(action: Action) -> tuple[str | int | None, ...]:
    """Return an action's cells, as ``ACTION_COLUMNS`` names them."""
    when = action.when
    return (
        iso(when.at),
        iso(when.earliest),
        iso(when.latest),
        action.actor,
        action.actor_grade.value,
        action.kind.value,
        action.label,
        action.version,
        action.alias,
        action.key,
        action.before,
        action.after,
        action.grade.value,
        action.cause,
        "; ".join(action.sources),
        action.id,
        action.identity,
    )


def tenure_row(tenure: Tenure) -> tuple[str | int | None, ...]:
    """Return a tenure's cells, as ``TENURE_COLUMNS`` names them."""
    start, end = tenure.start, tenure.end
    return (
        tenure.label,
        tenure.alias,
        tenure.version,
        *(iso(when.at) if when else "" for when in (start, end)),
        *(when.grade.value if when else "" for when in (start, end)),
        *_bounds(start),
        *_bounds(end),
    )


def _bounds(when: When | None) -> tuple[str, str]:
    return (iso(when.earliest), iso(when.latest)) if when else ("", "")
