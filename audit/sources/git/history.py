"""The commits of a repository: what each says, where it stands, how it got there.

The history is one ``git rev-list`` held as a graph in memory; everything that is
asked of it (which branch holds a commit, which merge brought it, which of several
commits is nearest) is a walk of that graph, without a process for each question.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from audit.errors import SourceError
from audit.facts import Commit, CommitState, Repository
from audit.sources.git.store import MAX_STRUCTURE, Entry, ObjectStore, UnreadableError, is_sha

_PERSON = re.compile(r"(?P<who>.*?) ?(?P<seconds>-?\d{1,11}) [+-]\d{4}$", re.DOTALL)
_SIGNATURES = {
    "-----BEGIN SSH SIGNATURE-----": "ssh",
    "-----BEGIN PGP SIGNATURE-----": "gpg",
    "-----BEGIN PGP MESSAGE-----": "gpg",
    "-----BEGIN SIGNED MESSAGE-----": "x509",
}


@dataclass(frozen=True, slots=True)
class CommitObject:
    """A commit as its object has it. Times are UTC milliseconds."""

    tree: str
    parents: tuple[str, ...]
    author: str
    authored_at: int | None
    committer: str
    committed_at: int | None
    subject: str
    signed: str


class GitHistory:
    """A repository's commits and files. ``name`` and ``branches`` are those configured.

    A branch is looked for as a local branch and as ``origin``'s, and both count: a
    clone kept for audits is fetched more often than its local branches are moved.
    """

    def __init__(self, path: Path, name: str, branches: Sequence[str]) -> None:
        """Open the repository at ``path``. Raises ``UsageError`` where there is none."""
        self.store = ObjectStore(path)
        self.name = name
        self.branches = tuple(branches)
        self._commits: dict[str, CommitObject | None] = {}

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
    def order(self) -> dict[str, int]:
        """Place of each commit in the history: parents always before their children."""
        return {sha: place for place, sha in enumerate(reversed(self.parents))}

    @cached_property
    def head(self) -> str:
        """The commit at ``HEAD``, or else at the first configured branch; may be empty."""
        try:
            return self.store.run("rev-parse", "--verify", "HEAD^{commit}").decode().strip()
        except SourceError:
            # HEAD may name a branch that does not exist (yet): no fault of the repository.
            return next((tip for tips in self.tips.values() for tip in tips), "")

    @cached_property
    def tips(self) -> dict[str, tuple[str, ...]]:
        """The commits at which each configured branch stands, none where it is unknown."""
        listed = self.store.run("for-each-ref", "--format=%(objectname) %(refname)")
        refs = {}
        for line in listed.decode("utf-8", "backslashreplace").splitlines():
            sha, _, ref = line.partition(" ")
            refs[ref] = sha
        return {
            branch: tuple(
                dict.fromkeys(
                    refs[ref]
                    for ref in (f"refs/heads/{branch}", f"refs/remotes/origin/{branch}")
                    if ref in refs
                )
            )
            for branch in self.branches
        }

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
        if branches:
            state = CommitState.REACHABLE
        elif sha in self.parents:
            state = CommitState.OTHER_REF
        else:
            state = CommitState.UNREACHABLE
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
            merged_by=self._brought[branches[0]].get(sha, "") if branches else "",
            signed=found.signed,
        )

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

    @cached_property
    def _reach(self) -> dict[str, frozenset[str]]:
        """Each configured branch with all commits that it holds."""
        return {branch: frozenset(self._above(tips, set())) for branch, tips in self.tips.items()}

    @cached_property
    def _brought(self) -> dict[str, dict[str, str]]:
        """For each branch: commit to the merge on its first-parent line that brought it."""
        found: dict[str, dict[str, str]] = {}
        for branch, tips in self.tips.items():
            brought: dict[str, str] = {}
            for tip in tips:
                line = [tip]
                while self.parents.get(line[-1]):
                    line.append(self.parents[line[-1]][0])
                seen = set(line)
                for merge in reversed(line):
                    for sha in self._above(self.parents.get(merge, ())[1:], seen):
                        brought.setdefault(sha, merge)
            found[branch] = brought
        return found

    def _above(self, starts: Iterable[str], seen: set[str]) -> list[str]:
        """Return the starts and their ancestors that are not in ``seen``, and add them to it."""
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


def parse_commit(raw: bytes) -> CommitObject:
    """Return a commit object's content; what is malformed in it stays empty."""
    head, _, message = raw.partition(b"\n\n")
    fields: dict[bytes, list[bytes]] = {}
    for line in head.split(b"\n"):
        key, _, value = line.partition(b" ")
        if key:
            fields.setdefault(key, []).append(value)
    encoding = fields.get(b"encoding", [b"utf-8"])[0].decode("ascii", "replace")

    def text(data: bytes) -> str:
        try:
            return data.decode(encoding, "replace")
        except (LookupError, UnicodeError):
            return data.decode("utf-8", "replace")

    author, authored_at = _person(text(fields.get(b"author", [b""])[0]))
    committer, committed_at = _person(text(fields.get(b"committer", [b""])[0]))
    return CommitObject(
        tree=fields.get(b"tree", [b""])[0].decode("ascii", "replace"),
        parents=tuple(parent.decode("ascii", "replace") for parent in fields.get(b"parent", ())),
        author=author,
        authored_at=authored_at,
        committer=committer,
        committed_at=committed_at,
        subject=" ".join(text(message.lstrip(b"\n").partition(b"\n\n")[0]).split()),
        signed=_signature(fields),
    )


def _person(text: str) -> tuple[str, int | None]:
    match = _PERSON.fullmatch(text)
    return (match["who"], int(match["seconds"]) * 1000) if match else (text, None)


def _signature(fields: dict[bytes, list[bytes]]) -> str:
    for key in (b"gpgsig", b"gpgsig-sha256"):
        for value in fields.get(key, ()):
            first = value.decode("ascii", "replace").strip()
            return _SIGNATURES.get(first, "unknown")
    return ""
