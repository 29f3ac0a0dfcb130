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
