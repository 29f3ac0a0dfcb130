"""From a stage state back to the raw data, by digest, and to the commit that holds it.

For each dependency the state that put out the same digest at its path is taken, one only.
Where several did, which one is decided in this order:

1. the rest of what is followed used no other content at a path that it names,
2. the state stands in the tree of the commit that holds the lock being followed,
3. the commit that introduced it is the nearest ancestor of that commit,
4. the oldest.

A state whose out has another digest is never taken, whatever its path: a lock that is
stale, or that ran later on newer data, says nothing of these weights. Nor is one whose out
has another path: empty and constant files are the same everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from audit.facts import StageState, TrackedPath
from audit.facts.code import CODE_SUFFIXES

if TYPE_CHECKING:
    # ``maker_of`` is asked where a graph is drawn, which has no need of git.
    from audit.sources.dvc.history import DvcHistory


def upstream(history: DvcHistory, state: StageState, commit: str = "") -> tuple[StageState, ...]:
    """Return the state and all states that its data came from, the nearest first.

    ``commit`` is the commit whose lock is followed, by default the first that
    introduced the state.
    """
    commit = commit or _first(state)
    found = {state.id: history.told(state, commit)}
    contents = dict(_contents(state))
    waiting = [(state, dep, commit) for dep in state.deps if dep.digest]
    while waiting:
        # What few states put out says what the others ran with, of which there are many.
        rarest = min(waiting, key=lambda item: len(history.with_out(item[1].digest)))
        waiting.remove(rarest)
        current, dep, at = rarest
        if maker_of(found.values(), current, dep) is not None:
            continue
        maker = _maker(history, current, dep, at, contents)
        if maker is not None:
            base = standing(history, maker, at)
            found[maker.id] = history.told(maker, base)
            contents.update(_contents(maker))
            waiting += [(maker, dep, base) for dep in maker.deps if dep.digest]
    return tuple(found.values())


def maker_of(states: Iterable[StageState], user: StageState, dep: TrackedPath) -> StageState | None:
    """Return the one among the states of a closure that put out a dependency of another.

    The very path goes before one that is only likely.
    """
    likely = None
    for state in states:
        out = state.made(dep) if state.repository == user.repository else None
        if out is not None and state.id != user.id:
            if out.path == dep.path:
                return state
            likely = likely or state
    return likely


def raw_of(states: Sequence[StageState]) -> frozenset[str]:
    """Return the digests of the data at the start of a closure: what no stage of it made."""
    return frozenset(
        dep.digest
        for state in states
        if state.stage
        for dep in state.deps
        if not ((maker := maker_of(states, state, dep)) and maker.stage)
    )


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
    history: DvcHistory,
    state: StageState,
    dep: TrackedPath,
    commit: str,
    contents: dict[tuple[str, str], str],
) -> StageState | None:
    """Return the one state that is taken to have put out a dependency's content."""
    here = {other.id for other in history.states_at(commit, state.file)}
    every = [other for other in history.with_out(dep.digest) if other.id != state.id]
    for some in ([other for other in every if other.id in here], every):
        candidates = [o for o in some if o.made(dep) and _agrees(o, contents)]
        if candidates:
            return _nearest(history, candidates, dep, commit)
    return None


def _nearest(
    history: DvcHistory, candidates: list[StageState], dep: TrackedPath, commit: str
) -> StageState:
    """Return the one of several makers of the same content that a commit speaks for."""
    left = [o for o in candidates if any(out.path == dep.path for out in o.outs)] or candidates
    if len(left) > 1:
        left = [other for other in left if history.holds(commit, other)] or left
    if len(left) > 1:
        nearest = history.git.nearest(commit, {sha for other in left for sha in other.commits})
        left = [other for other in left if nearest in other.commits] or left
    return left[0]


def agree(one: StageState, other: StageState) -> bool:
    """Whether two states may be of one run: no path has two contents."""
    return _agrees(one, dict(_contents(other)))


def _contents(state: StageState) -> Iterator[tuple[tuple[str, str], str]]:
    """Yield the data of a stage by path and kind of digest: one run has one content of each."""
    for path in (*state.deps, *state.outs) if state.stage else ():
        if path.digest and PurePosixPath(path.path).suffix.lower() not in CODE_SUFFIXES:
            yield (path.path, path.hash_name), path.digest


def _agrees(state: StageState, contents: dict[tuple[str, str], str]) -> bool:
    """Whether a state used and put out no other content than what is known of the rest."""
    return all(contents.get(key, digest) == digest for key, digest in _contents(state))


def standing(history: DvcHistory, state: StageState, commit: str) -> str:
    """Return the commit at which a state is followed further: ``commit`` where it holds it."""
    if history.holds(commit, state):
        return commit
    return history.git.nearest(commit, set(state.commits)) or _first(state)


def _first(state: StageState) -> str:
    return state.commits[0] if state.commits else ""
