"""Versions that somebody marked as bad, to be reviewed together."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Flag:
    """One version flagged, and not unflagged since."""

    version: str
    """``model/version``."""
    at: int
    by: str
    """Who said so: a claim of the command line."""
    reason: str
