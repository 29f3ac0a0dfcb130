"""Whether newer data was there when a model was trained: what DVC recorded, in order of time.

For everything that the weights depend on, through all stages, the history of its path is
looked at: was another content committed after the one that was used, and before the
training began? Only commits count that a configured branch holds or that the version's own
commits were made on top of, so that an experiment on the side makes nobody stale. A content
that was brought back is not an old one. The times are those that the commits state.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from audit.facts import Fresher, Pipeline, StageState, TrackedPath
from audit.sources.dvc.history import DvcHistory
from audit.sources.dvc.lineage import maker_of


@dataclass(frozen=True, slots=True)
class _Recorded:
    """A content of a path, and the commit that brought it."""

    at: int
    commit: str
    out: TrackedPath


@dataclass(frozen=True, slots=True)
class _Used:
    """A content that the weights depend on, the state that tracks or made it, and the way."""

    state: StageState
    out: TrackedPath
    through: tuple[str, ...]


class Freshness:
    """The history of every path that DVC ever recorded in a repository, made once."""

    def __init__(self, history: DvcHistory) -> None:
        """Read nothing yet: the index is made at the first question."""
        self._history = history
        self._git = history.git

    def fresher(self, pipeline: Pipeline, began: int) -> tuple[Fresher, ...]:
        """Return what was there newer than what the weights depend on, the nearest first.

        ``began`` is the start of the training (UTC ms).
        """
        if not pipeline.matches:
            return ()
        lock = pipeline.matches[0].commit
        tops = [lock, *([pipeline.tagged.sha] if pipeline.tagged else [])]
        found = (self._newer(used, lock, tops, began) for used in _dependencies(pipeline))
        return tuple(dict.fromkeys(item for item in found if item is not None))

    def _newer(self, used: _Used, lock: str, tops: Sequence[str], began: int) -> Fresher | None:
        own = self._git.nearest(lock, set(used.state.commits)) or next(iter(used.state.commits), "")
        used_at = self._committed(own) if own else None
        if used_at is None:
            return None
        rows = self._by_path.get(used.out.path, [])
        for row in reversed(rows[: bisect_left(rows, began, key=lambda row: row.at)]):
            if row.at <= used_at:
                return None
            if not self._counts(row.commit, tops):
                continue
            if row.out.digest == used.out.digest:
                return None
            # Digests of two kinds cannot be compared, and a clock that went wrong makes no order.
            if row.out.hash_name != used.out.hash_name or self._git.is_ancestor(row.commit, own):
                continue
            return Fresher(
                what=used.state.stage or used.out.path,
                used=used.out.digest,
                used_at=used_at,
                newer=row.out.digest,
                newer_at=row.at,
                newer_commit=row.commit,
                through=used.through,
                path=used.out.path,
            )
        return None

    def _counts(self, commit: str, tops: Sequence[str]) -> bool:
        return self._git.on_branch(commit) or any(
            self._git.is_ancestor(commit, top) for top in tops
        )

    @cached_property
    def _by_path(self) -> dict[str, list[_Recorded]]:
        found: dict[str, list[_Recorded]] = {}
        for state in self._history.all_states:
            times = [
                (at, commit)
                for commit in state.commits
                if (at := self._committed(commit)) is not None
            ]
            for out in state.outs:
                if out.digest:
                    found.setdefault(out.path, []).extend(
                        _Recorded(at, commit, out) for at, commit in times
                    )
        for rows in found.values():
            rows.sort(key=lambda row: (row.at, self._git.order.get(row.commit, 0)))
        return found

    def _committed(self, commit: str) -> int | None:
        found = self._git.read(commit)
        return found.committed_at if found else None


def _dependencies(pipeline: Pipeline) -> Iterator[_Used]:
    """Yield the contents that the weights depend on, breadth first, each by one way."""
    states = {state.id: state for state in pipeline.states}
    first = states.get(pipeline.matches[0].state)
    if first is None:
        return
    seen = {first.id}
    waiting: list[tuple[StageState, tuple[str, ...]]] = [(first, (first.stage,))]
    for state, through in waiting:
        for dep in state.deps:
            maker = maker_of(pipeline.states, state, dep)
            out = maker.made(dep) if maker is not None else None
            if maker is None or out is None or maker.id == first.id:
                continue
            yield _Used(maker, out, through)
            if maker.stage and maker.id not in seen:
                seen.add(maker.id)
                waiting.append((maker, (*through, maker.stage)))
