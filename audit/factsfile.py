"""``facts.jsonl``: one run's facts as canonical JSON lines, written and read back equal.

The first line holds what belongs to the whole run, every further line one version, one run
without a version, or the list of one folder's files, which versions name by its digest: many
were trained on the same folder. Format ``mlflow-audit/facts/1``.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import pydantic

from audit import canonical
from audit.errors import VerificationError
from audit.facts import Facts, FolderList, Run, VersionFacts

FORMAT = "mlflow-audit/facts/1"


def dumps(facts: Facts) -> bytes:
    """Return the facts as JSON lines; the same facts give the same bytes."""
    head = dataclasses.replace(facts, versions=(), unregistered_runs=())
    lines = [canonical.dumps({"format": FORMAT, "facts": canonical.plain(head)})]
    folders = {
        (item.repository, item.digest): item
        for version in facts.versions
        for item in version.pipeline.folders
    }
    lines += [
        canonical.dumps({"folder": canonical.plain(item)}) for _, item in sorted(folders.items())
    ]
    lines += [canonical.dumps({"version": _named(item)}) for item in facts.versions]
    lines += [canonical.dumps({"run": canonical.plain(item)}) for item in facts.unregistered_runs]
    return b"\n".join(lines) + b"\n"


def loads(data: bytes, where: str = "facts.jsonl") -> Facts:
    """Return the facts in JSON lines. Raises ``VerificationError`` if they are not that."""
    try:
        first, *others = [canonical.loads(line) for line in data.splitlines()]
        if first["format"] != FORMAT:
            raise VerificationError(f"facts of an unknown format {first['format']!r}", where=where)
        head = canonical.load(Facts, first["facts"])
        lists = [canonical.load(FolderList, line["folder"]) for line in others if "folder" in line]
        folders = {(item.repository, item.digest): item for item in lists}
        versions = tuple(_version(line["version"], folders) for line in others if "version" in line)
        runs = tuple(canonical.load(Run, line["run"]) for line in others if "run" in line)
    except (ValueError, KeyError, TypeError, pydantic.ValidationError) as error:
        reason = str(error).splitlines()[0]
        raise VerificationError(f"not a facts file ({reason})", where=where) from error
    return dataclasses.replace(head, versions=versions, unregistered_runs=runs)


def _named(version: VersionFacts) -> Any:
    """Return a version as plain values, its folders by repository and digest alone."""
    folders = version.pipeline.folders
    without = dataclasses.replace(version.pipeline, folders=())
    told = canonical.plain(dataclasses.replace(version, pipeline=without))
    told["pipeline"]["folders"] = [[item.repository, item.digest] for item in folders]
    return told


def _version(told: dict[str, Any], folders: dict[tuple[str, str], FolderList]) -> VersionFacts:
    """Return a version from plain values. Raises ``KeyError`` for a folder that is not listed."""
    named = told["pipeline"].pop("folders", [])
    version = canonical.load(VersionFacts, told)
    if not named:
        return version
    found = tuple(folders[repository, digest] for repository, digest in named)
    return dataclasses.replace(
        version, pipeline=dataclasses.replace(version.pipeline, folders=found)
    )
