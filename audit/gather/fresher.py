"""What was there newer than what each version was trained on, when it was trained."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from audit.facts import VersionFacts
from audit.sources import CodeSource


def with_fresher(
    versions: Iterable[VersionFacts], sources: Sequence[CodeSource]
) -> list[VersionFacts]:
    """Return the versions with the newer data and stages that their trainings passed over.

    Of a version without a run that began at a known time nothing is said.
    """
    by_name = {source.name: source for source in sources}
    return [_told(facts, by_name) for facts in versions]


def _told(facts: VersionFacts, sources: dict[str, CodeSource]) -> VersionFacts:
    pipeline, run = facts.pipeline, facts.run
    source = sources.get(pipeline.states[0].repository) if pipeline.states else None
    if source is None or run is None or run.started_at is None:
        return facts
    fresher = source.fresher(pipeline, run.started_at)
    return replace(facts, pipeline=replace(pipeline, fresher=fresher)) if fresher else facts
