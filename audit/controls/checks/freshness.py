"""Item 2, training captured: whether what it was trained on was the newest there was."""

from __future__ import annotations

from collections.abc import Iterator

from audit.controls.checks.common import (
    Limit,
    counted,
    inferred_remark,
    naming,
    run_label,
    run_of,
    without_pipeline,
)
from audit.controls.registry import Outcome, VersionSubject, check, failed, passed, unknown
from audit.facts import Fresher, StageState, VersionFacts
from audit.period import duration_ms, iso


@check("inputs-fresh")
def inputs_fresh(subject: VersionSubject, *, oldest: Limit = "365d") -> Outcome:
    """No newer data or stage result was committed when training began, and none was too old.

    Everything behind the weights counts, through all stages. The times are those that the
    commits state: an author can write any. ``oldest`` is the most that data may have been
    committed before the training began; empty for no limit.
    """
    facts = subject.facts
    if not facts.pipeline.matches:
        return without_pipeline(facts)
    run = run_of(facts)
    if isinstance(run, Outcome):
        return unknown(f"when it was trained is not known: {run.reason}", *run.evidence)
    if run.started_at is None:
        return unknown(f"{run_label(facts, run)} has no start on record", f"run {run.run_id}")
    limit = duration_ms(oldest) if oldest else None
    started = f"run {run.run_id} started {iso(run.started_at)}"
    stale = dict(_stale(facts, run.started_at, limit))
    if stale:
        reason = f"on {_day(run.started_at)} it was trained on {naming(stale)}"
        return failed(f"{reason}{inferred_remark(facts)}", started, *stale.values())
    return _fresh(facts, run.started_at, started)


def _stale(facts: VersionFacts, began: int, limit: int | None) -> Iterator[tuple[str, str]]:
    """Yield what was passed over or too old, as a phrase, and the reference for it."""
    for item in facts.pipeline.fresher:
        yield fresher_told(item), _reference(item)
    for path, at, commit in _ages(facts):
        if limit is not None and began - at > limit:
            days = (began - at) // 86_400_000
            yield f"{path}, {days} days old", f"{path} committed {iso(at)} in {commit}"


def _fresh(facts: VersionFacts, began: int, started: str) -> Outcome:
    """Return the outcome where nothing newer was found."""
    if facts.pipeline.doubted:
        return unknown(f"what it read is in doubt: {naming(facts.pipeline.doubted.values())}")
    ages = list(_ages(facts))
    if not ages:
        return unknown("no commit tells when the data behind the weights was recorded", started)
    first = min(at for _, at, _ in ages)
    reason = f"nothing newer was committed when it was trained on {_day(began)}"
    oldest = f"the oldest of {counted(len(ages), 'input')} is of {_day(first)}"
    told = [f"{path} committed {iso(at)} in {commit}" for path, at, commit in ages]
    return passed(f"{reason}; {oldest}{inferred_remark(facts)}", started, *told)


def fresher_told(item: Fresher) -> str:
    """Return in a phrase what was used, and what was there newer than that."""
    through = f" (through {', '.join(reversed(item.through))})" if item.through else ""
    name = item.what if item.what == item.path else f"{item.path} of stage {item.what}"
    return f"{name} of {_day(item.used_at)}, when one of {_day(item.newer_at)} was there{through}"


def _reference(item: Fresher) -> str:
    return (
        f"{item.path or item.what} used {item.used} of {iso(item.used_at)}, newer {item.newer} of "
        f"{iso(item.newer_at)} in {item.newer_commit}"
    )


def _ages(facts: VersionFacts) -> Iterator[tuple[str, int, str]]:
    """Yield path, time (UTC ms) and commit of each piece of data at the start of the lineage."""
    times = {commit.sha: commit.committed_at for commit in facts.pipeline.commits}
    for state in facts.pipeline.states:
        if not state.stage and (found := _recorded(state, times)) is not None:
            for out in state.outs:
                yield out.path, *found


def _recorded(state: StageState, times: dict[str, int | None]) -> tuple[int, str] | None:
    """Return when the content of a ``*.dvc`` file was first committed, and the commit."""
    known = [(at, sha) for sha in state.commits if (at := times.get(sha)) is not None]
    return min(known, default=None)


def _day(ms: int | None) -> str:
    return iso(ms)[:10] or "a day not recorded"
