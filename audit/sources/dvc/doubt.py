"""Where a stage stood still while what it was made from changed.

A stage whose inputs come out the same is the same in two locks, also where the data behind
them is not. Which of the two it ran with, its weights do not tell, nor do times: clocks go
wrong, and a rebase or a squash makes commits anew. Only what stood in the history of the
tagged commit before it, and was replaced by it, is not what the run read. Where two are
left nothing is attributed beyond the point where they part.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from audit.facts import StageState
from audit.sources.dvc.history import DvcHistory
from audit.sources.dvc.lineage import agree, maker_of, upstream


def other_origins(
    history: DvcHistory, states: Sequence[StageState], commit: str, tagged: str = ""
) -> dict[str, str]:
    """Return the digests of whose origin another commit tells otherwise, each with a sentence.

    ``states`` is a version's closure, the stage that made the weights first, as it follows
    from ``commit``. Every commit counts whose lock holds that stage, and the ``tagged`` one.
    """
    doubts = _mixed(history, states)
    behind: dict[str, frozenset[str]] = {}
    for sha in _possible(history, states, commit, tagged):
        others = upstream(history, states[0], sha)
        for state in states:
            for dep in state.deps if state.stage else ():
                one, other = maker_of(states, state, dep), maker_of(others, state, dep)
                if one is None or other is None or one.id == other.id or dep.digest in doubts:
                    continue
                if one.id not in behind:
                    behind[one.id] = _raw(states, one)
                if _raw(others, other) != behind[one.id]:
                    doubts[dep.digest] = (
                        f"commit {sha[:10]} has the same {dep.path} from other data, and nothing "
                        "tells which of the two the run read"
                    )
    return doubts


def _mixed(history: DvcHistory, states: Sequence[StageState]) -> dict[str, str]:
    """Return what cannot be followed beside the rest: of two, not both were of one run.

    A lock of which only some stages ran again has both.
    """
    doubts: dict[str, str] = {}
    used = [(state, dep) for state in states if state.stage for dep in state.deps if dep.digest]
    led = {(state.id, dep): maker_of(states, state, dep) for state, dep in used}
    for state, dep in used:
        if led[state.id, dep] is not None:
            continue
        makers = [
            other
            for other in history.with_out(dep.digest)
            if other.stage and other.id != state.id and other.made(dep)
        ]
        for user, path in used if makers else ():
            maker = led[user.id, path]
            if (user.id, path) == (state.id, dep) or (
                maker is not None
                and maker.stage
                and not any(agree(other, maker) for other in makers)
            ):
                doubts[path.digest] = (
                    f"the locks that put out {dep.path} name other data than the locks of what "
                    "was used with it"
                )
    return doubts


def _possible(
    history: DvcHistory, states: Sequence[StageState], commit: str, tagged: str
) -> Iterator[str]:
    """Yield the other commits of which a run may have read the data."""
    git, first = history.git, states[0]
    known = tagged if tagged in git.order else ""
    if known and known != commit:
        yield known
    brought = dict.fromkeys(history.commits_with(first))
    for state in states:
        for dep in state.deps if state.stage else ():
            for other in history.with_out(dep.digest) if dep.digest else ():
                # What stands in another file comes and goes without the stage's own lock.
                if other.stage and other.file != first.file and other.made(dep):
                    brought |= dict.fromkeys(
                        sha for sha in other.commits if history.holds(sha, first)
                    )
    for sha in brought:
        if sha not in {commit, known} and not (known and git.is_ancestor(sha, known)):
            yield sha


def _raw(states: Sequence[StageState], start: StageState) -> frozenset[str]:
    """Return the digests at the start of what is behind a state of a closure."""
    found, waiting, raw = {start.id}, [start], set[str]()
    for state in waiting:
        for dep in state.deps if state.stage else ():
            maker = maker_of(states, state, dep)
            if maker is None or not maker.stage:
                raw.add(dep.digest)
            elif maker.id not in found:
                found.add(maker.id)
                waiting.append(maker)
    return frozenset(raw - {""})
