"""What was there newer than what a version was trained on, each in a sentence."""

from __future__ import annotations

from collections.abc import Iterator

from audit.render import text
from audit.report.model import Dossier


def lines(dossier: Dossier, limit: int) -> Iterator[str]:
    """Yield a sentence for each newer state that training passed over."""
    began = dossier.run.started_at if dossier.run else None
    for item in dossier.fresher[:limit]:
        name = text.one_line(item.path or item.what, 120)
        if item.path and item.what != item.path:
            name += f", which stage {text.one_line(item.what, 60)} put out,"
        way = ", ".join(text.one_line(stage, 60) for stage in reversed(item.through))
        commit = text.short_digest(item.newer_commit)
        yield (
            f"{name} was used as committed on {text.day_and_time(item.used_at)}, and a newer state "
            f"of {text.day_and_time(item.newer_at)} (commit {commit}) was there when training "
            f"began on {text.day_and_time(began)}"
            f"{f'; it reached the weights through {way}' if way else ''}."
        )
