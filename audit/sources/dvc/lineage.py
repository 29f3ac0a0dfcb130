"""From a stage state back to the raw data, by digest, and to the commit that holds it.

For each dependency the state that put out the same digest is taken, one only. Where
several did, which one is decided in this order:

1. the out has the path that the dependency has,
2. the state stands in the tree of the commit that holds the lock being followed,
3. the commit that introduced it is the nearest ancestor of that commit,
4. the oldest.

A state whose out has another digest is never taken, whatever its path: a lock that is
stale, or that ran later on newer data, says nothing of these weights.
"""

from __future__ import annotations

from audit.facts import StageState, TrackedPath
from audit.sources.dvc.history import DvcHistory


def upstream(history: DvcHistory, state: StageState, commit: str = "") -> tuple[StageState, ...]:
    """Return the state and all states that its data came from, the nearest first.

    ``commit`` is the commit whose lock is followed, by default the first that
    introduced the state.
    """
    commit = commit or _first(state)
    found = {state.id: history.told(state, commit)}
    waiting = [(state, commit)]
    while waiting:
        current, at = waiting.pop(0)
        for dep in current.deps:
            maker = _maker(history, current, dep, at)
            if maker is not None and maker.id not in found:
                base = standing(history, maker, at)
                found[maker.id] = history.told(maker, base)
                waiting.append((maker, base))
    return tuple(found.values())


def lock_commit(history: DvcHistory, state: StageState, tagged: str = "") -> str:
    """Return the commit that a version's lock is read from, of all that hold the state.

    It is the tagged commit where its own tree holds the state (trained after the
    commit). Else, of the commits that introduced it, one made on top of the tagged
    commit comes first, then one that a configured branch holds, then the oldest.
    """
    if tagged and history.holds(tagged, state):
        return tagged
    git = history.git
    ranked = sorted(
        state.commits,
        key=lambda sha: (
            not (tagged and git.is_ancestor(tagged, sha)),
            not git.on_branch(sha),
            git.order.get(sha, 0),
        ),
    )
    return ranked[0] if ranked else ""


def _maker(
    history: DvcHistory, state: StageState, dep: TrackedPath, commit: str
) -> StageState | None:
    """Return the one state that is taken to have put out a dependency's content."""
    candidates = [
        other
        for other in (history.with_out(dep.digest) if dep.digest else ())
        if other.id != state.id
    ]
    same_path = [
        other
        for other in candidates
        if any(out.path == dep.path and out.digest == dep.digest for out in other.outs)
    ]
    candidates = same_path or candidates
    if len(candidates) > 1:
        candidates = [o for o in candidates if history.holds(commit, o)] or candidates
    if len(candidates) > 1:
        shas = {sha for other in candidates for sha in other.commits}
        nearest = history.git.nearest(commit, shas)
        candidates = [o for o in candidates if nearest in o.commits] or candidates
    return candidates[0] if candidates else None


def standing(history: DvcHistory, state: StageState, commit: str) -> str:
    """Return the commit at which a state is followed further: ``commit`` where it holds it."""
    if history.holds(commit, state):
        return commit
    return history.git.nearest(commit, set(state.commits)) or _first(state)


def _first(state: StageState) -> str:
    return state.commits[0] if state.commits else ""
