"""Which versions' code was made on top of a commit: asked of the repositories themselves.

A bundle knows of a version the commit that its run names and the one that holds its lock.
What came before them is in git alone, so that this question, and no other, opens the
repositories of the job file. That a commit was made on top of another is sure, for its
digest covers its ancestors; that it still contains what the other changed is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path

from audit.config import Code
from audit.errors import UsageError
from audit.graph import Graph, NodeKind
from audit.questions.wording import inert
from audit.report.pieces import Piece, PieceKind
from audit.sources.git.history import GitHistory
from audit.sources.git.mirror import mirrored


@dataclass(frozen=True, slots=True)
class Ancestry:
    """A commit, all that was made on top of it, and all commits that could be asked about."""

    commit: str
    after: frozenset[str]
    """Commits that any ref reaches and that descend from it; it is one of them."""
    known: frozenset[str]
    """Commits whose ancestors are all known."""

    def pieces(self, of: Iterable[Piece]) -> Iterator[Piece]:
        """Yield the commits of a version, each that was made on top of the asked one as that."""
        for piece in of:
            if piece.kind is PieceKind.COMMIT and piece.digest in self.after:
                if piece.digest == self.commit:
                    yield piece
                    continue
                link = "git: made on top of it, whose change may have been undone since"
                name = f"commit {self.commit}"
                yield replace(piece, name=name, digest=self.commit, link=link)

    def unknown(self, graph: Graph) -> str:
        """Return why it cannot be told whether a version's code was made on top of it."""
        commits = [node.digest for node in graph.of_kind(NodeKind.COMMIT)]
        if not commits:
            return "no commit of its code is known"
        if any(sha in self.known for sha in commits):
            return ""
        return f"no configured repository tells what is behind its commit {commits[0]}"


def ancestry(entries: Iterable[Code], cache: Path, asked: str) -> Ancestry:
    """Return what was made on top of a commit, in all configured repositories.

    Raises ``UsageError`` for a commit that none of them holds, or the beginning of several.
    """
    prefix = asked.strip().removeprefix("commit:").strip().lower()
    if re.fullmatch(r"[0-9a-f]{7,40}", prefix) is None:
        raise UsageError(f"not a commit: {inert(asked, 80)}", remedy="Write 7 digits or more")
    with ExitStack() as opened:
        histories = [opened.enter_context(_opened(entry, cache)) for entry in entries]
        held = {sha for git in histories for sha in git.parents if sha.startswith(prefix)}
        if len(held) != 1:
            what = (
                f"the beginning of {len(held)} commits" if held else "in no configured repository"
            )
            raise UsageError(
                f"{inert(asked, 80)} is {what}",
                remedy="Write more of it"
                if held
                else "A ref has to lead to it; check code: in the job file",
            )
        (commit,) = held
        after: set[str] = set()
        known: set[str] = set()
        for git in histories:
            after |= _after(git, commit)
            # Where a clone is cut off, an absent ancestor says nothing; a present one does.
            if not (git.store.shallow or git.store.partial):
                known |= git.parents.keys()
        return Ancestry(commit, frozenset(after), frozenset(known | after))


def _opened(entry: Code, cache: Path) -> closing[GitHistory]:
    path = entry.path if entry.path is not None else mirrored(entry.url, cache)
    return closing(GitHistory(path, entry.label, entry.branches))


def _after(git: GitHistory, commit: str) -> set[str]:
    """Return the commit and all that descend from it, in one pass: parents before children."""
    found = {commit} if commit in git.parents else set()
    if found:
        for sha in reversed(git.parents):
            if any(parent in found for parent in git.parents[sha]):
                found.add(sha)
    return found
