"""The files of folders that differ between two versions, by DVC's lists of them."""

from __future__ import annotations

from collections.abc import Iterator

from audit.facts import VersionFacts
from audit.gather.since_data import data_changes


def changed_members(
    before: VersionFacts, after: VersionFacts
) -> tuple[list[tuple[str, str, str]], list[str]]:
    """Return path, digest before and after of each file that differs, and what is not known.

    A file that a folder did not have has an empty digest. Only raw data is looked at, and of
    each folder the number of files that a report names; how many more differ is said.
    """
    digests = dict(_digests(before)) | dict(_digests(after))
    found, unknown = [], []
    for change in data_changes(before, after, []):
        if change.reason:
            unknown.append(f"{change.path}: {change.reason}")
        for item in change.members:
            sides = (
                digests.get((change.before, item.path)),
                digests.get((change.after, item.path)),
            )
            found.append((f"{change.path}/{item.path}", sides[0] or "", sides[1] or ""))
        if change.more:
            unknown.append(f"{change.path}: {change.more:,} more files differ")
    return found, unknown


def _digests(facts: VersionFacts) -> Iterator[tuple[tuple[str, str], str]]:
    for folder in facts.pipeline.folders:
        for item in folder.members:
            yield (folder.digest, item.path), f"{item.hash_name}:{item.digest}"
