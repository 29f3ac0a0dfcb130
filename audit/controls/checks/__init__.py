"""The shipped checks, one module for each family of controls, and all by name."""

from __future__ import annotations

import difflib
import types
from collections.abc import Mapping

from audit.controls.checks import (
    archive,
    freshness,
    governance,
    keeping,
    lineage,
    schemas,
    sources,
    training,
    vulnerabilities,
    watching,
    weights,
)
from audit.controls.registry import CHECKS, Check, load_plugins
from audit.errors import ConfigError

__all__ = [
    "archive",
    "catalogue",
    "commits",
    "find",
    "freshness",
    "governance",
    "keeping",
    "lineage",
    "schemas",
    "sources",
    "training",
    "vulnerabilities",
    "watching",
    "weights",
]


def catalogue() -> Mapping[str, Check]:
    """Return every check by name: the shipped ones and those of plug-ins."""
    load_plugins()
    return types.MappingProxyType(CHECKS)


def find(name: str, where: str = "") -> Check:
    """Return the check ``name``. Raises ``ConfigError`` naming the nearest there is."""
    known = catalogue()
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hints = [f"Did you mean {near[0]!r}?"] if near else [f"Checks: {', '.join(sorted(known))}"]
    raise ConfigError(
        f"no such check: {name!r}", where=where, remedy=" ".join([*hints, *load_plugins()])
    )
