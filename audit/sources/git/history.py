"""The commits of a repository: what each says, where it stands, how it got there.

The history is one ``git rev-list`` held as a graph in memory, and the refs are read at
once; who signed a commit is asked only of commits that are asked for one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from functools import cached_property
from pathlib import Path

from audit.errors import SourceError
from audit.facts import Commit, CommitSignature, CommitState, Repository
from audit.facts.since import FileChange
from audit.sources.git.commits import CommitObject, parse_commit, signed_parts
from audit.sources.git.difference import changed_files, changed_in_pairs
from audit.sources.git.graph import CommitGraph
from audit.sources.git.refs import Refs
from audit.sources.git.signatures import Signers
from audit.sources.git.store import MAX_STRUCTURE, Entry, ObjectStore, UnreadableError, is_sha
from audit.sources.git.submodules import gitlinks

_UNREACHABLE = (
    "the object store holds it, no branch or tag does: a branch was force-pushed or deleted "
    "since, and git may discard it"
)


class GitHistory:
    """A repository's commits and files. ``name`` and ``branches`` are those configured.

    A branch is looked for as a local branch and as ``origin``'s, and both count: a
    clone kept for audits is fetched more often than its local branches are moved.
    """

    def __init__(
        self, path: Path, name: str, branches: Sequence[str], signers: Signers | None = None
    ) -> None:
        """Open the repository at ``path``. Raises ``UsageError`` where there is none.

        Signatures are held against ``signers``, which are closed with this object.
        """
        self.store = ObjectStore(path)
        self.name = name
        self.branches = tuple(branches)
        self.refs = Refs(self.store, self.branches)
        self._signers = signers or Signers()
        self._commits: dict[str, CommitObject | None] = {}
        self._signatures: dict[str, CommitSignature] = {}

    def close(self) -> None:
        """End the git processes, and remove what was written for the signatures."""
        self.store.close()
        self._signers.close()

    # --- what the repository is ---------------------------------------------------------

    @cached_property
    def parents(self) -> dict[str, tuple[str, ...]]:
        """Every commit that a ref reaches, with its parents; the newest first."""
        lines = self.store.run("rev-list", "--all", "--parents", "--topo-order").decode("ascii")
        graph = {}
        for line in lines.splitlines():
            sha, *parents = line.split()
            graph[sha] = tuple(parents)
        if graph and not is_sha(next(iter(graph))):
            raise SourceError(
                "its objects are named by SHA-256, which is not supported",
                where=self.store.location,
            )
        return graph

    @cached_property
    def graph(self) -> CommitGraph:
        """The same as a graph."""
        return CommitGraph(self.parents)

    @property
    def order(self) -> dict[str, int]:
        """Place of each commit in the history: parents always before their children."""
        return self.graph.order

    @cached_property
    def head(self) -> str:
        """The commit at ``HEAD``, or else at the first configured branch; may be empty."""
        try:
            return self.store.run("rev-parse", "--verify", "HEAD^{commit}").decode().strip()
        except SourceError:
            # HEAD may name a branch that does not exist (yet): no fault of the repository.
            return next((tip for tips in self.tips.values() for tip in tips), "")

    @property
    def tips(self) -> dict[str, tuple[str, ...]]:
        """The commits at which each configured branch stands, none where it is unknown."""
        return self.refs.tips

    @cached_property
    def addresses(self) -> tuple[str, ...]:
        """The folder, and the addresses that the repository's configuration gives its remotes."""
        try:
            listed = self.store.run(
                *("config", "--local", "--no-includes", "-z", "--get-regexp", r"^remote\..*\.url$")
            )
        except SourceError:
            # None is named: git ends with a failure then.
            listed = b""
        lines = listed.decode("utf-8", "backslashreplace").split("\0")
        urls = [line.partition("\n")[2] for line in lines]
        return (str(Path(self.store.location).resolve()), *filter(None, urls))

    def describe(
        self, *, lock_states: Callable[[], int], problems: Iterable[str] = ()
    ) -> Repository:
        """Return what the repository is; one that git cannot read says why."""
        try:
            unknown = tuple(
                f"the branch {branch} is in this repository neither as a local branch "
                "nor as one of origin"
                for branch, tips in self.tips.items()
                if not tips
            )
            head, commits, locks = self.head, len(self.parents), lock_states()
        except SourceError as error:
            return Repository(
                name=self.name,
                location=self.store.location,
                readable=False,
                reason=str(error),
                branches=self.branches,
            )
        return Repository(
            name=self.name,
            location=self.store.location,
            head=head,
            shallow=self.store.shallow,
            partial=self.store.partial,
            branches=self.branches,
            commits=commits,
            lock_states=locks,
            problems=(*unknown, *problems),
        )

    # --- one commit -------------------------------------------------------------------------

    def commit(self, sha: str) -> Commit | None:
        """Return a commit by full SHA, ``None`` if this repository does not hold it."""
        found = self.read(sha)
        if found is None:
            return None
        branches = tuple(branch for branch in self.branches if sha in self._reach[branch])
        others = self._others.get(sha, ())
        tags = self._tags.get(sha, ())
        state, reason = CommitState.REACHABLE, ""
        if not branches:
            state, reason = self._aside(sha, tags, others)
        merge_sha = self._brought[branches[0]].get(sha, "") if branches else ""
        merge = self.read(merge_sha) if merge_sha else None
        return Commit(
            sha=sha,
            state=state,
            repository=self.name,
            parents=found.parents,
            author=found.author,
            authored_at=found.authored_at,
            committer=found.committer,
            committed_at=found.committed_at,
            subject=found.subject,
            branches=branches,
            merged_by=merge_sha,
            signed=found.signed,
            signature=self._signature(sha, found),
            message=found.message,
            trailers=found.trailers,
            tags=tags,
            other_branches=others,
            merged_at=merge.committed_at if merge else None,
            pull_request=(merge.pull_request if merge else "") or found.pull_request,
            reason=reason,
        )

    def submodule(self, sha: str) -> tuple[str, str] | None:
        """Return the path that held a submodule at this commit, and the first commit to do so."""
        return self._gitlinks.get(sha)

    def read(self, sha: str) -> CommitObject | None:
        """Return a commit's own content, ``None`` where it is not held or not readable."""
        if sha not in self._commits:
            try:
                held = self.store.kind(sha) == "commit"
                raw = self.store.read(sha, "commit", MAX_STRUCTURE) if held else None
            except UnreadableError:
                raw = None
            self._commits[sha] = parse_commit(raw) if raw is not None else None
        return self._commits[sha]

    def entry(self, sha: str, path: str) -> Entry | None:
        """Return what stands at a path in a commit's tree, ``None`` where nothing does.

        Raises ``UnreadableError`` where a folder on the way cannot be read.
        """
        found = self.read(sha)
        return self.store.entry(found.tree, path) if found else None

    # --- walks ------------------------------------------------------------------------------

    def on_branch(self, sha: str) -> bool:
        """Whether a configured branch holds the commit."""
        return any(sha in reach for reach in self._reach.values())

    def is_ancestor(self, old: str, new: str) -> bool:
        """Whether ``new`` is ``old`` or was made on top of it."""
        return bool(self.nearest(new, {old}))

    def nearest(self, start: str, targets: Collection[str]) -> str:
        """Return the target that is the fewest parents away from ``start``, or ``""``."""
        return self.graph.nearest(start, targets)

    def commits_between(self, before: str, after: str) -> int | None:
        """Return how many commits ``after`` has on top of ``before``, negative where it is older.

        ``None`` where neither descends from the other, or no ref leads to one of them.
        """
        return self.graph.between(before, after)

    def changed_files(self, before: str, after: str) -> tuple[tuple[FileChange, ...], int]:
        """Return the files that differ between two commits, and how many more do.

        Raises ``UnreadableError`` where git cannot compare them.
        """
        return changed_files(self.store, before, after)

    def changed_in_pairs(
        self, pairs: Iterable[tuple[str, str]]
    ) -> dict[tuple[str, str], tuple[tuple[FileChange, ...], int]]:
        """Return the same for many pairs at once, without those that cannot be compared."""
        return changed_in_pairs(self.store, pairs)

    # --- read once --------------------------------------------------------------------------

    @cached_property
    def _reach(self) -> dict[str, frozenset[str]]:
        """Each configured branch with all commits that it holds."""
        return {branch: frozenset(self.graph.reach(tips)) for branch, tips in self.tips.items()}

    @cached_property
    def _brought(self) -> dict[str, dict[str, str]]:
        """For each branch: commit to the merge on its first-parent line that brought it."""
        return {branch: self.graph.brought(tips) for branch, tips in self.tips.items()}

    @cached_property
    def _tags(self) -> dict[str, tuple[str, ...]]:
        return self.refs.tags(self.graph, self.read)

    @cached_property
    def _others(self) -> dict[str, tuple[str, ...]]:
        return self.refs.others(self.graph)

    @cached_property
    def _gitlinks(self) -> dict[str, tuple[str, str]]:
        return gitlinks(self.store)

    def _aside(
        self, sha: str, tags: Sequence[str], others: Sequence[str]
    ) -> tuple[CommitState, str]:
        """Return where a commit stands that no configured branch holds, and why."""
        if sha not in self.order:
            return CommitState.UNREACHABLE, _UNREACHABLE
        named = [*(f"the tag {name}" for name in tags[:1]), *(_titled(name) for name in others[:1])]
        holder = " and ".join(named) or "a detached HEAD"
        return CommitState.OTHER_REF, f"{holder} holds it, no configured branch does"

    def _signature(self, sha: str, found: CommitObject) -> CommitSignature:
        """Return what the commit's signature comes to, worked out once."""
        if sha not in self._signatures:
            signed = None
            if found.signed:
                signed = signed_parts(self.store.read(sha, "commit", MAX_STRUCTURE))
            self._signatures[sha] = self._signers.judge(signed, found.committed_at)
        return self._signatures[sha]


def _titled(name: str) -> str:
    """Return the name of a ref with what it is, where that is not said by it already."""
    return f"the {name}" if name.startswith("experiment ") else f"the branch or ref {name}"
