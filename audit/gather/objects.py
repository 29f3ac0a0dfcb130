"""The data of the lineage in its DVC remotes: whether it is there, and what folders hold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from audit.facts import DataObject, FolderList, Pipeline, VersionFacts
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
    folders: dict[tuple[str, str], FolderList] = {}
    for repository, digests in asked.items():
        remote = remotes[repository]
        for item in remote.exist(sorted(digests)):
            found[repository, item.digest] = item
        listed = [digest for digest in sorted(digests) if digest.endswith(".dir")]
        for digest, folder in remote.members(listed).items():
            folders[repository, digest] = folder
    return [_with(facts, found, folders) for facts in versions]


def _with(
    facts: VersionFacts,
    found: Mapping[tuple[str, str], DataObject],
    folders: Mapping[tuple[str, str], FolderList],
) -> VersionFacts:
    """Return a version with what was found of its own digests."""
    keys = data_digests(facts.pipeline)
    pipeline = replace(
        facts.pipeline,
        objects=tuple(found[key] for key in keys if key in found),
        folders=tuple(folders[key] for key in keys if key in folders),
    )
    return replace(facts, pipeline=pipeline)


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
