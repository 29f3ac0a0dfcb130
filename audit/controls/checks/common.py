"""What several checks need: the version's run, its matched stages, names, kinds of parameters."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated

from pydantic import AfterValidator

from audit.canonical import short_digest
from audit.controls.registry import Outcome, failed, unknown
from audit.facts import Match, MatchMethod, Run, RunState, VersionFacts
from audit.period import duration_ms, retain_until

_NAMED = 3
_LONGEST = 120


def _retention(text: str) -> str:
    """Return a retention time that can be read, or none. Raises ``UsageError``."""
    if text:
        retain_until(0, text)
    return text


def _duration(text: str) -> str:
    """Return a duration that can be read. Raises ``UsageError``."""
    duration_ms(text)
    return text


def _limit(text: str) -> str:
    """Return a duration that can be read, or none. Raises ``UsageError``."""
    return _duration(text) if text else ""


def _pattern(text: str) -> str:
    """Return a regular expression that can be read. Raises ``ValueError``."""
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from error
    return text


Retention = Annotated[str, AfterValidator(_retention)]
"""A parameter such as ``10y``, ``18m`` or ``90d``; empty for none."""
Duration = Annotated[str, AfterValidator(_duration)]
"""A parameter such as ``24h``, ``3d`` or ``2w``."""
Limit = Annotated[str, AfterValidator(_limit)]
"""A parameter such as ``365d``; empty for none."""
Pattern = Annotated[str, AfterValidator(_pattern)]
"""A parameter that is a regular expression; empty for none."""


def naming(items: Iterable[str]) -> str:
    """Return the first three different items, each clipped, and how many more there are."""
    different = list(dict.fromkeys(items))
    shown = [item if len(item) <= _LONGEST else f"{item[:_LONGEST]}…" for item in different]
    shown, more = shown[:_NAMED], len(different) - _NAMED
    return f"{', '.join(shown)} and {more} more" if more > 0 else ", ".join(shown)


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, in the plural unless it is one."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def run_of(facts: VersionFacts) -> Run | Outcome:
    """Return the version's run, or what a check of it comes to without one.

    A deleted run is still readable and is judged by what it holds.
    """
    version = facts.version
    reference = f"version {version.key} run_id"
    if facts.run_state is RunState.NONE:
        return failed("the version names no run", reference)
    reference = f"{reference} {version.run_id}"
    name = short_digest(version.run_id)
    if facts.run_state is RunState.GONE:
        return failed(f"run {name} is no longer in the tracking store", reference)
    if facts.run_state is RunState.NOT_VISIBLE:
        return unknown(f"this reader cannot see run {name}", reference)
    return facts.run or unknown(f"run {name} was not read", reference)


def run_label(facts: VersionFacts, run: Run) -> str:
    """Return how a reason calls the run, and that it is deleted where it is."""
    deleted = " (deleted in MLflow)" if facts.run_state is RunState.DELETED else ""
    return f"run {short_digest(run.run_id)}{deleted}"


def without_pipeline(facts: VersionFacts) -> Outcome:
    """Return the outcome where no stage state was found for the weights, with the reason."""
    if facts.pipeline.problems:
        reason = facts.pipeline.problems[0]
    elif not facts.weights.read:
        reason = facts.weights.reason or "the weights could not be read"
    else:
        reason = "no DVC lock of the configured repositories names these weights"
    return unknown(f"the stage behind the weights is not known: {reason}")


def inferred_remark(facts: VersionFacts) -> str:
    """Return the words that a reason adds where the stage is known by inference only."""
    return "" if exact_matches(facts) else "; the stage itself is inferred from parameters"


def exact_matches(facts: VersionFacts) -> list[Match]:
    """Return the matches that rest on the bytes of the weights."""
    return [match for match in facts.pipeline.matches if match.method is MatchMethod.BYTES]
