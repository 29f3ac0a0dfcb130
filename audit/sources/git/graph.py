"""The history as a graph in memory: who descends from whom, how far, by which merge.

What is asked of it is a walk, without a process for each question.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Sequence

_BEFORE, _AFTER, _BOTH = 1, 2, 3


class CommitGraph:
    """Commits and their parents, the newest first; no parent comes before its child."""

    def __init__(self, parents: dict[str, tuple[str, ...]]) -> None:
        """Take the commits as ``git rev-list --topo-order --parents`` gives them."""
        self.parents = parents
        self.order = {sha: place for place, sha in enumerate(reversed(parents))}
        """Place of each commit in the history: parents always before their children."""

    def nearest(self, start: str, targets: Collection[str]) -> str:
        """Return the target that is the fewest parents away from ``start``, or ``""``."""
        places = [self.order[sha] for sha in targets if sha in self.order]
        if start not in self.order or not places:
            return ""
        first = min(places)
        seen = {start}
        level = [start]
        while level:
            for sha in level:
                if sha in targets:
                    return sha
            above = dict.fromkeys(
                parent
                for sha in level
                for parent in self.parents.get(sha, ())
                if parent not in seen and self.order.get(parent, -1) >= first
            )
            seen.update(above)
            level = list(above)
        return ""

    def between(self, before: str, after: str) -> int | None:
        """Return how many commits ``after`` has on top of ``before``, negative where it is older.

        ``None`` where neither descends from the other, or no ref leads to one of them.
        """
        if before not in self.order or after not in self.order:
            return None
        sides = {before: _BEFORE}
        sides[after] = sides.get(after, 0) | _AFTER
        # Children come before their parents, so that a commit's sides are all known when its
        # turn comes; the walk ends where all that is left is behind both.
        waiting = [(-self.order[sha], sha) for sha in sides]
        heapq.heapify(waiting)
        counts = {_BEFORE: 0, _AFTER: 0, _BOTH: 0}
        undecided = sum(side != _BOTH for side in sides.values())
        while undecided:
            sha = heapq.heappop(waiting)[1]
            side = sides[sha]
            counts[side] += 1
            undecided -= side != _BOTH
            for parent in self.parents[sha]:
                if parent not in self.order:
                    continue
                known = sides.get(parent, 0)
                if not known:
                    heapq.heappush(waiting, (-self.order[parent], parent))
                    undecided += side != _BOTH
                elif known != _BOTH and known | side == _BOTH:
                    undecided -= 1
                sides[parent] = known | side
        if counts[_BEFORE] and counts[_AFTER]:
            return None
        return counts[_AFTER] - counts[_BEFORE]

    def reach(self, starts: Iterable[str], seen: set[str] | None = None) -> list[str]:
        """Return the starts and their ancestors that are not in ``seen``, and add them to it."""
        seen = set() if seen is None else seen
        found = []
        waiting = [sha for sha in starts if sha not in seen]
        while waiting:
            sha = waiting.pop()
            if sha in seen:
                continue
            seen.add(sha)
            found.append(sha)
            waiting.extend(self.parents.get(sha, ()))
        return found

    def brought(self, tips: Iterable[str]) -> dict[str, str]:
        """Return, for commits of a branch, the merge on its first-parent line that brought each."""
        found: dict[str, str] = {}
        for tip in tips:
            line = [tip]
            while self.parents.get(line[-1]):
                line.append(self.parents[line[-1]][0])
            seen = set(line)
            for merge in reversed(line):
                for sha in self.reach(self.parents.get(merge, ())[1:], seen):
                    found.setdefault(sha, merge)
        return found

    def holders(self, tips: Sequence[str], most: int) -> dict[str, tuple[int, ...]]:
        """Return, for each commit, which of the tips hold it: their numbers, the lowest first.

        At most ``most`` of them: so many are kept on the way down from children to parents.
        """
        found: dict[str, tuple[int, ...]] = {}
        for number, tip in enumerate(tips):
            if len(at := found.get(tip, ())) < most:
                found[tip] = (*at, number)
        for sha, above in self.parents.items():
            here = found.get(sha)
            if not here:
                continue
            for parent in above:
                there = found.get(parent)
                if there is None or there == here:
                    found[parent] = here
                else:
                    found[parent] = tuple(sorted({*there, *here})[:most])
        return found
