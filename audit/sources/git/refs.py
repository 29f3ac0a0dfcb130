"""The names that hold commits: branches, tags, DVC's experiments, and whatever else there is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

from audit.sources.git.commits import CommitObject, parse_tag
from audit.sources.git.graph import CommitGraph
from audit.sources.git.store import MAX_STRUCTURE, ObjectStore, UnreadableError

MAX_NAMES = 10
"""So many tags, and so many other refs, are named for one commit."""
_MAX_NESTED = 5
_EXPERIMENT_PARTS = 5


class Refs:
    """A repository's refs. ``branches`` are those configured, found locally or as ``origin``'s."""

    def __init__(self, store: ObjectStore, branches: Sequence[str]) -> None:
        """Read nothing yet."""
        self._store = store
        self._places = {
            branch: (f"refs/heads/{branch}", f"refs/remotes/origin/{branch}") for branch in branches
        }

    @cached_property
    def all(self) -> dict[str, str]:
        """Every ref with the object that it names. Raises ``SourceError``."""
        listed = self._store.run("for-each-ref", "--format=%(objectname) %(refname)")
        pairs = (
            line.partition(" ") for line in listed.decode("utf-8", "backslashreplace").splitlines()
        )
        return {ref: oid for oid, _, ref in pairs}

    @cached_property
    def tips(self) -> dict[str, tuple[str, ...]]:
        """The commits at which each configured branch stands, none where it is unknown."""
        return {
            branch: tuple(dict.fromkeys(self.all[ref] for ref in places if ref in self.all))
            for branch, places in self._places.items()
        }

    def tags(
        self, graph: CommitGraph, read: Callable[[str], CommitObject | None]
    ) -> dict[str, tuple[str, ...]]:
        """Return, for each commit, the tags that hold it, the oldest first, at most ten."""
        found = []
        for ref, oid in self.all.items():
            if not ref.startswith("refs/tags/"):
                continue
            made, commit = self._peeled(oid)
            if commit in graph.order:
                about = read(commit) if made is None else None
                moment = made if made is not None else about and about.committed_at
                found.append((moment or 0, ref.removeprefix("refs/tags/"), commit))
        return _named(graph, [(name, commit) for _, name, commit in sorted(found)])

    def others(self, graph: CommitGraph) -> dict[str, tuple[str, ...]]:
        """Return, for each commit, the refs that are neither configured nor tags, at most ten."""
        configured = {ref for places in self._places.values() for ref in places}
        found = sorted(
            (*_shown(ref), self._peeled(oid)[1])
            for ref, oid in self.all.items()
            if ref not in configured and not ref.startswith("refs/tags/")
            if not ref.endswith("/HEAD")
        )
        return _named(graph, [(name, commit) for _, name, commit in found if commit in graph.order])

    def _peeled(self, oid: str) -> tuple[int | None, str]:
        """Return when an annotated tag was made (UTC ms) and the commit that a ref leads to."""
        made: int | None = None
        try:
            for _ in range(_MAX_NESTED):
                if self._store.kind(oid) != "tag":
                    break
                oid, moment = parse_tag(self._store.read(oid, "tag", MAX_STRUCTURE))
                made = moment if made is None else made
        except UnreadableError:
            return None, ""
        return made, oid


def _shown(ref: str) -> tuple[int, str]:
    """Return a ref's name as people say it, after its rank: branches, experiments, the rest."""
    for prefix in ("refs/heads/", "refs/remotes/"):
        if ref.startswith(prefix):
            return 0, ref.removeprefix(prefix)
    # DVC keeps an experiment as refs/exps/<2 hex digits>/<38 hex digits of its base>/<name>.
    parts = ref.split("/", _EXPERIMENT_PARTS - 1)
    if ref.startswith("refs/exps/") and len(parts) == _EXPERIMENT_PARTS:
        return 1, f"experiment {parts[-1]}"
    return 2, ref


def _named(graph: CommitGraph, tips: Sequence[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    names = [name for name, _ in tips]
    holders = graph.holders([commit for _, commit in tips], MAX_NAMES)
    return {sha: tuple(dict.fromkeys(names[at] for at in held)) for sha, held in holders.items()}
