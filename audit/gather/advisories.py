"""The pinned packages of each version against the advisories that the job names.

Only an exact version can be judged. What was published after the moment reported is left
out, as everything else that came later is; a withdrawal after it does not count yet.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from audit.facts import Advisory, AdvisoryFile, VersionFacts
from audit.sources.advisories.files import AdvisoryFiles
from audit.sources.advisories.osv import SEVERITIES, Record, finding, gravest
from audit.sources.artifacts.requirements import Pin, pins

_MOST_FIXES = 5


def with_advisories(
    versions: Sequence[VersionFacts], files: AdvisoryFiles, as_of: int
) -> tuple[list[VersionFacts], tuple[AdvisoryFile, ...]]:
    """Return the versions with what is known of their packages, and the files that say so.

    Raises ``ConfigError`` for a file that cannot be read.
    """
    pinned = {facts.version.key: pins(facts.environment.packages) for facts in versions}
    every = {pin for found in pinned.values() for pin in found}
    index, read = files.read({pin.name for pin in every})
    known = {pin: of_package(pin, index.get(pin.name, ()), as_of) for pin in every}
    told = [
        replace(
            facts,
            advisories=tuple(item for pin in pinned[facts.version.key] for item in known[pin]),
            advisory_files=read,
        )
        for facts in versions
    ]
    return told, read


def of_package(pin: Pin, records: Iterable[Record], as_of: int) -> tuple[Advisory, ...]:
    """Return the vulnerabilities of one pinned package, the gravest first, withdrawn ones last.

    Records that name each other (or a common alias) are one vulnerability told several times.
    """
    found: list[tuple[frozenset[str], Advisory]] = []
    for record in sorted(records, key=lambda record: record.id):
        if record.published_at is not None and record.published_at >= as_of:
            continue
        hit = finding(record, pin)
        if hit is None:
            continue
        withdrawn = record.withdrawn_at is not None and record.withdrawn_at < as_of
        advisory = Advisory(
            id=record.id,
            package=pin.name,
            version=pin.version,
            aliases=record.aliases,
            summary=record.summary,
            severity=hit.severity,
            fixed=hit.fixed[:_MOST_FIXES],
            published_at=record.published_at,
            withdrawn=withdrawn,
        )
        found.append((frozenset({record.id, *record.aliases}), advisory))
    return tuple(sorted(map(_merged, _groups(found)), key=_order))


def _groups(found: Sequence[tuple[frozenset[str], Advisory]]) -> list[list[Advisory]]:
    """Return the advisories that share a name, directly or by way of others, together."""
    groups: list[tuple[set[str], list[Advisory]]] = []
    for names, advisory in found:
        joined: tuple[set[str], list[Advisory]] = (set(names), [advisory])
        apart = []
        for group in groups:
            if group[0] & names:
                joined = (joined[0] | group[0], [*group[1], *joined[1]])
            else:
                apart.append(group)
        groups = [*apart, joined]
    return [advisories for _, advisories in groups]


def _merged(group: Collection[Advisory]) -> Advisory:
    """Return one vulnerability as its records together tell it."""
    standing = [item for item in group if not item.withdrawn] or list(group)
    first = min(standing, key=lambda item: (not item.severity, item.id))
    names = dict.fromkeys(name for item in standing for name in (item.id, *item.aliases))
    times = [item.published_at for item in standing if item.published_at is not None]
    most = max(standing, key=lambda item: len(item.fixed))
    return replace(
        first,
        aliases=tuple(sorted(name for name in names if name != first.id)),
        severity=gravest(item.severity for item in standing),
        fixed=first.fixed or most.fixed,
        published_at=min(times, default=None),
    )


def _order(item: Advisory) -> tuple[bool, int, str]:
    ranks: Mapping[str, int] = {word: rank for rank, word in enumerate(SEVERITIES)}
    # One whose severity nobody states comes after the high ones: it may be as grave.
    return item.withdrawn, ranks.get(item.severity, 1), item.id
