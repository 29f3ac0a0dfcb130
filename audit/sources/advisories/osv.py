"""Advisories in the Open Source Vulnerability format (OSV 1.x) for packages of PyPI.

Format and the rule by which a version is affected: https://ossf.github.io/osv-schema/
(``affected[].versions``, ``affected[].ranges`` of the types ``ECOSYSTEM`` and ``SEMVER``).
Versions are compared as PEP 440 says, without the local part: ``2.1.0+cu118`` is 2.1.0
built by somebody else. Records are foreign input: what does not fit is refused whole.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from audit.sources.advisories import cvss
from audit.sources.artifacts.requirements import Pin

ECOSYSTEM = "PyPI"
SEVERITIES = ("critical", "high", "medium", "low")
"""The gravest first."""

_WORDS = {"moderate": "medium", "important": "high"} | {word: word for word in SEVERITIES}
_ZERO = Version("0")
_KINDS = ("introduced", "fixed", "last_affected", "limit")
_LONGEST = 200
_SUMMARY = 300
_MOST = 50
"""Of the aliases and fixes of one record."""


class MalformedError(Exception):
    """A record is not OSV; the message says how, as the end of a sentence."""


@dataclass(frozen=True, slots=True)
class Event:
    """A point on a range's line of versions; ``version`` is ``None`` for its very start."""

    kind: str
    version: Version | None
    text: str


@dataclass(frozen=True, slots=True)
class Affected:
    """What a record says of one package."""

    package: str
    """As compared (PEP 503)."""
    versions: frozenset[Version]
    """Affected versions, without their local part."""
    ranges: tuple[tuple[Event, ...], ...]
    severity: str = ""
    unreadable: int = 0
    """Ranges with a bound that is no version, which say nothing."""


@dataclass(frozen=True, slots=True)
class Record:
    """One advisory, with what it says of packages of PyPI. Times are UTC milliseconds."""

    id: str
    aliases: tuple[str, ...]
    summary: str
    severity: str
    published_at: int | None
    modified_at: int | None
    withdrawn_at: int | None
    affected: tuple[Affected, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """Whether a record concerns a pinned package: how gravely, and what mends it."""

    severity: str
    fixed: tuple[str, ...]


def packages(raw: Any) -> Iterator[str]:
    """Yield the names, as compared, of the PyPI packages that a raw record speaks of."""
    for item in _list(raw.get("affected")) if isinstance(raw, dict) else ():
        name = _package(item)
        if name:
            yield name


def identity(raw: Any) -> str:
    """Return the id of a raw record. Raises ``MalformedError`` for what is none."""
    found = raw.get("id") if isinstance(raw, dict) else None
    if not isinstance(found, str) or not found or len(found) > _LONGEST:
        raise MalformedError("it is no OSV record: it has no id")
    return found


def moment(value: Any) -> int | None:
    """Return an RFC 3339 time as UTC milliseconds, ``None`` for anything else."""
    if not isinstance(value, str) or len(value) > _LONGEST:
        return None
    try:
        found = dt.datetime.fromisoformat(value)
        found = found if found.tzinfo else found.replace(tzinfo=dt.UTC)
        return int(found.timestamp() * 1000)
    except (ValueError, OverflowError):
        return None


def parse(raw: Any) -> Record:
    """Return a raw record (decoded JSON). Raises ``MalformedError``."""
    name = identity(raw)
    summary = raw.get("summary") or raw.get("details") or ""
    own = _text(raw.get("database_specific"), "severity")
    affected = [_affected(item) for item in _list(raw.get("affected")) if _package(item)]
    return Record(
        id=name,
        aliases=_texts(raw.get("aliases")),
        summary=" ".join(summary[: 4 * _SUMMARY].split())[:_SUMMARY]
        if isinstance(summary, str)
        else "",
        severity=_severity(own, raw.get("severity")),
        published_at=moment(raw.get("published")),
        modified_at=moment(raw.get("modified")),
        withdrawn_at=moment(raw.get("withdrawn")),
        affected=tuple(affected),
    )


def finding(record: Record, pin: Pin) -> Finding | None:
    """Return what a record says of a pinned package, ``None`` where it is not affected."""
    version = _public(pin.version)
    if version is None:
        return None
    hits = [
        (item, [events for events in item.ranges if _in_range(version, events)])
        for item in record.affected
        if item.package == pin.name
    ]
    hits = [(item, ranges) for item, ranges in hits if ranges or version in item.versions]
    if not hits:
        return None
    every = {
        event.version: event.text
        for item, ranges in hits
        for events in ranges or item.ranges
        for event in events
        if event.kind == "fixed" and event.version is not None and event.version > version
    }
    nearest = sorted(every)[:_MOST]
    severity = gravest([item.severity for item, _ in hits]) or record.severity
    return Finding(severity, tuple(every[key] for key in nearest))


def gravest(severities: Iterable[str]) -> str:
    """Return the gravest of several severities, empty where none is known."""
    known = set(severities)
    return next((word for word in SEVERITIES if word in known), "")


def _in_range(version: Version, events: tuple[Event, ...]) -> bool:
    limits = [event for event in events if event.kind == "limit"]
    if limits and not any(event.version is None or version < event.version for event in limits):
        return False
    affected = False
    for event in events:
        if event.kind == "limit":
            continue
        if event.version is None:
            affected = affected or event.kind == "introduced"
        elif event.kind == "introduced":
            affected = affected or version >= event.version
        elif version > event.version or (event.kind == "fixed" and version == event.version):
            affected = False
    return affected


def _affected(raw: Any) -> Affected:
    ranges, unreadable = [], 0
    for item in _list(raw.get("ranges")):
        if not isinstance(item, dict) or item.get("type") not in ("ECOSYSTEM", "SEMVER"):
            continue  # GIT: of commits, which no package version tells
        events = _events(item.get("events"))
        if events is None:
            unreadable += 1
        else:
            ranges.append(events)
    specific = (raw.get("ecosystem_specific"), raw.get("database_specific"))
    own = next(filter(None, (_text(part, "severity") for part in specific)), "")
    return Affected(
        package=_package(raw),
        versions=frozenset(filter(None, map(_public, _list(raw.get("versions"))))),
        ranges=tuple(ranges),
        severity=_severity(own, raw.get("severity")),
        unreadable=unreadable,
    )


def _events(raw: Any) -> tuple[Event, ...] | None:
    """Return the events of a range in the order of versions, ``None`` if one is unreadable."""
    found = []
    for item in _list(raw):
        if not isinstance(item, dict):
            return None
        for kind in _KINDS:
            text = item.get(kind)
            if text is None:
                continue
            start = (kind, text) in (("introduced", "0"), ("limit", "*"))
            version = None if start else _version(text)
            if version is None and not start:
                return None
            found.append(Event(kind, version, text))
    # What stands at the same version keeps the order of the record, as the format's rule does.
    return tuple(
        sorted(found, key=lambda event: (event.version is not None, event.version or _ZERO))
    )


def _version(text: Any) -> Version | None:
    if not isinstance(text, str) or len(text) > _LONGEST:
        return None
    try:
        return Version(text)
    except InvalidVersion:
        return None


def _public(text: Any) -> Version | None:
    version = _version(text)
    return Version(version.public) if version is not None and version.local else version


def _package(raw: Any) -> str:
    """Return the name, as compared, of the PyPI package of an ``affected`` entry, else ``""``."""
    package = raw.get("package") if isinstance(raw, dict) else None
    ecosystem, name = _text(package, "ecosystem"), _text(package, "name")
    return canonicalize_name(name) if ecosystem.partition(":")[0] == ECOSYSTEM else ""


def _severity(said: str, vectors: Any) -> str:
    """Return a database's own word for the severity, else that of the gravest vector."""
    if known := _WORDS.get(said.lower(), ""):
        return known
    scores = [cvss.base_score(_text(item, "score")) for item in _list(vectors)]
    return gravest(cvss.word(score) for score in scores if score is not None)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(mapping: Any, key: str) -> str:
    value = mapping.get(key) if isinstance(mapping, dict) else None
    return value if isinstance(value, str) and len(value) <= _LONGEST else ""


def _texts(value: Any) -> tuple[str, ...]:
    found = (item for item in _list(value) if isinstance(item, str) and len(item) <= _LONGEST)
    return tuple(dict.fromkeys(found))[:_MOST]
