"""The same bytes registered twice: versions whose weights are equal, and how that came about.

MLflow writes files of its own beside each model, with the run's id and the time in them. Two
models are the same where everything else is; where there is nothing else, all of it.
"""

from __future__ import annotations

import hashlib
import itertools
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from audit.facts import Tie, VersionFacts, Weights

_MOST = 100
"""Of each version's twins that are named: a model without weights may have thousands."""

DESCRIPTIONS = frozenset(
    {"MLmodel", "conda.yaml", "python_env.yaml", "requirements.txt"}
    | {"input_example.json", "serving_input_example.json", "model.sig", "claims.jsonl"}
)
"""Files that say how to load a model, what it was given and who signed it; it is in others."""


def with_twins(versions: Sequence[VersionFacts]) -> list[VersionFacts]:
    """Return the versions, each with the others that were read and have the same weights."""
    alike: dict[str, list[VersionFacts]] = defaultdict(list)
    for facts in versions:
        if facts.weights.read:
            alike[_payload(facts.weights)].append(facts)
    twins = {
        facts.version.key: {other.version.key: _tie(facts, other) for other in _others(facts, same)}
        for same in alike.values()
        for facts in same
        if len(same) > 1
    }
    return [
        replace(facts, twins=tuple(ties), twin_ties=ties)
        if (ties := twins.get(facts.version.key))
        else facts
        for facts in versions
    ]


def _others(facts: VersionFacts, same: Sequence[VersionFacts]) -> Iterator[VersionFacts]:
    others = (other for other in same if other.version.key != facts.version.key)
    return itertools.islice(others, _MOST)


def _payload(weights: Weights) -> str:
    """Return one digest of the files that are the model itself."""
    own = [file for file in weights.files if file.path not in DESCRIPTIONS] or weights.files
    lines = "".join(f"{file.sha256}  {file.path}\n" for file in own)
    return hashlib.sha256(lines.encode()).hexdigest()


def _tie(one: VersionFacts, other: VersionFacts) -> Tie:
    family, others = _family(one), _family(other)
    if one.version.key in other.origin or other.version.key in one.origin or family & others:
        return Tie.COPY
    if one.weights.location == other.weights.location:
        return Tie.SAME_PLACE
    same = one.version.run_id and one.version.run_id == other.version.run_id
    return Tie.SAME_RUN if same else Tie.OTHER_RUN


def _family(facts: VersionFacts) -> frozenset[str]:
    return frozenset(facts.origin)
