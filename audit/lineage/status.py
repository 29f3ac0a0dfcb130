"""What is known of a version's weights today, as one word."""

from __future__ import annotations

from audit.facts import MatchMethod, VersionFacts
from audit.verdicts import WeightsStatus


def weights_status(facts: VersionFacts) -> WeightsStatus:
    """Return what is known of the version's weights today.

    A change since they were first seen outweighs everything else that is known.
    """
    weights = facts.weights
    if not weights.read:
        return WeightsStatus.UNREACHABLE
    if weights.first_sha256 and weights.first_sha256 != weights.sha256:
        return WeightsStatus.CHANGED
    if any(match.method is MatchMethod.BYTES for match in facts.pipeline.matches):
        return WeightsStatus.VERIFIED
    return WeightsStatus.UNCHANGED if weights.watched else WeightsStatus.FIRST_SEEN


def proved_files(facts: VersionFacts) -> tuple[str, ...]:
    """Return the paths of the files that a lock names, alone or in a folder."""
    named = [m.artifact for m in facts.pipeline.matches if m.method is MatchMethod.BYTES]
    return tuple(
        file.path
        for file in facts.weights.files
        if any(name in (".", file.path) or file.path.startswith(f"{name}/") for name in named)
    )
