"""The history as it was known of a moment: what a report for a past period is judged by."""

from __future__ import annotations

from dataclasses import replace

from audit.history.model import History


def until(history: History, moment: int) -> History:
    """Return a history without what was done after a moment (UTC ms), or may have been.

    Like ``state_at``, it holds what lies in a bracket that ends later for not yet done.
    What was watched, and until when, stays.
    """
    return replace(
        history,
        actions=tuple(step for step in history.actions if step.when.latest <= moment),
        unexplained=tuple(step for step in history.unexplained if step.when.latest <= moment),
        attempts=tuple(attempt for attempt in history.attempts if attempt.at <= moment),
    )
