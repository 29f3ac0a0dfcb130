"""Where a stage stood still while what it was made from changed.

A stage whose inputs come out the same is the same in two locks, also where the data behind
them is not. Which of the two it ran with, its weights do not tell. A run on the commit that
holds the stage may have used that commit's data, or data that was changed and committed
afterwards: then nothing is attributed beyond the point where the two part.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from audit.facts import StageState, TrackedPath
from audit.sources.dvc.history import DvcHistory
from audit.sources.dvc.lineage import upstream


def other_origins(
    history: DvcHistory, states: Sequence[StageState], commit: str, since: int | None
) -> dict[str, str]:
    """Return the digests of whose origin a later commit tells otherwise, each with a sentence.

    ``states`` is a version's closure, the stage that made the weights first, as it follows
    from ``commit``. Only commits on top of that one count that hold the same first stage and
    were made after ``since`` (UTC ms, the start of the run; ``None`` for not known).
    """
    known = {state.id for state in states}
    raw = _raw(states)
    doubts: dict[str, str] = {}
    for dep in {dep.digest: dep for state in states for dep in state.deps if dep.digest}.values():
        for sha, maker in _later_makers(history, dep, known, commit, since):
            if not history.holds(sha, states[0]):
                continue
            others = _raw(upstream(history, maker, sha))
            if others - raw:
                doubts[dep.digest] = (
                    f"commit {sha[:10]}, made after the run began, has the same {dep.path} from "
                    "other data, and nothing tells which of the two the run read"
                )
                break
    return doubts


def _later_makers(
    history: DvcHistory, dep: TrackedPath, known: set[str], commit: str, since: int | None
) -> Iterator[tuple[str, StageState]]:
    """Yield other states that put out a dependency, with the later commits that brought them."""
    git = history.git
    for maker in history.with_out(dep.digest):
        if maker.id in known or not maker.stage:
            continue
        for sha in maker.commits:
            made = git.read(sha)
            at = made.committed_at if made else None
            early = since is not None and at is not None and at < since
            if not early and sha != commit and git.is_ancestor(commit, sha):
                yield sha, maker


def _raw(states: Sequence[StageState]) -> frozenset[str]:
    """Return the digests at the start of a closure."""
    made = {out.digest for state in states if state.stage for out in state.outs}
    return frozenset(d.digest for s in states if s.stage for d in s.deps if d.digest) - made
