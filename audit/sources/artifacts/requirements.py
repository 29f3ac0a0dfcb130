"""Requirement lines as packages: a name as it is compared (PEP 503), and a version."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class Pin:
    """A package of the Python Package Index at one exact version."""

    name: str
    version: str
    """As written."""


def package_of(line: str) -> tuple[str, str]:
    """Return a requirement's name as compared and its exact version, empty where it has none.

    A line that is no requirement (``git+https://…``) is its own name.
    """
    requirement = _requirement(line)
    if requirement is None:
        name, separator, version = line.partition("=")  # conda: name=version=build
        return canonicalize_name(name.strip()), version.strip("= ") if separator else ""
    return canonicalize_name(requirement.name), next(iter(_exact(requirement)), "")


def without_name(line: str, name: str) -> str:
    """Return what a requirement says beside its name: ``>=2``; ``any version`` for nothing."""
    written = _NAME.match(line)
    if written is None or canonicalize_name(written[0]) != name:
        return line
    return line[written.end() :].strip() or "any version"


def pins(lines: Iterable[str]) -> tuple[Pin, ...]:
    """Return the lines that name one exact release of the Python Package Index, in order.

    Those are ``name==1.2`` and ``name===1.2`` (PEP 440): no wildcard, no address, no
    package of Conda's own.
    """
    found: list[Pin] = []
    for line in lines:
        requirement = _requirement(line)
        if requirement is None or requirement.url:
            continue
        name = canonicalize_name(requirement.name)
        found += [Pin(name, version) for version in _exact(requirement) if is_version(version)]
    return tuple(dict.fromkeys(found))


def is_version(text: str) -> bool:
    """Whether a text is a version by PEP 440."""
    try:
        Version(text)
    except ValueError:  # InvalidVersion is one, and so is a number of thousands of digits
        return False
    return True


@functools.lru_cache(maxsize=20_000)
def parsed(line: str) -> Requirement | None:
    """Return a requirement as packaging reads it (PEP 508), ``None`` for what is none."""
    try:
        return Requirement(line)
    except (InvalidRequirement, RecursionError):
        return None


def _requirement(line: str) -> Requirement | None:
    return parsed(line.partition(" --hash")[0].partition(" #")[0].strip())


def _exact(requirement: Requirement) -> list[str]:
    return [item.version for item in requirement.specifier if item.operator in ("==", "===")]
