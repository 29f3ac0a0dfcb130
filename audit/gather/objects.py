"""Whether the data of the lineage is still in its DVC remotes, each remote asked once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from audit.facts import DataObject, Pipeline, VersionFacts
from audit.sources import DataSource


def with_objects(
    versions: Sequence[VersionFacts], remotes: Mapping[str, DataSource]
) -> list[VersionFacts]:
    """Return the versions with what became of their data objects.

    ``remotes`` are the data sources by repository. All digests of all versions go to each
    of them in one question.
    """
    asked = defaultdict[str, set[str]](set)
    for facts in versions:
        for repository, digest in data_digests(facts.pipeline):
            asked[repository].add(digest)
    found: dict[tuple[str, str], DataObject] = {}
    for repository, digests in asked.items():
        for item in remotes[repository].exist(sorted(digests)):
            found[repository, item.digest] = item
    return [
        replace(
            facts,
            pipeline=replace(
                facts.pipeline,
                objects=tuple(found[key] for key in data_digests(facts.pipeline) if key in found),
            ),
        )
        for facts in versions
    ]


def data_digests(pipeline: Pipeline) -> list[tuple[str, str]]:
    """Return ``(repository, digest)`` of all that the stage states put out or track, sorted."""
    return sorted(
        {
            (state.repository, out.digest)
            for state in pipeline.states
            for out in state.outs
            if out.digest
        }
    )
