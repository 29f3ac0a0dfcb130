"""Where the commit that a run names stands: in which repository, or why in none.

That a commit is not found can have many reasons: the clone is shallow, a branch was
force-pushed, the tag names another repository, or the script was in a submodule. They
are told apart, since only one of them says that the code is lost.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import unquote, urlsplit

from audit.facts import COMMIT_TAGS, Commit, CommitState, Run
from audit.sources import CodeSource
from audit.sources.addresses import is_url, redacted
from audit.sources.git.store import is_sha

REPOSITORY_TAG = "mlflow.source.git.repoURL"
_SCP_LIKE = re.compile(r"(?:[^@/\s]+@)?(?P<host>[\w.-]{2,}):(?P<path>(?!//).+)")


def tagged_commit(run: Run | None, sources: Sequence[CodeSource]) -> Commit | None:
    """Return the commit that the run's tag names, wherever it stands; ``None`` without a tag."""
    sha = run.commit[1] if run else ""
    if run is None or not sha:
        return None
    return _besides(run, _standing(run, sha, sources))


def _standing(run: Run, sha: str, sources: Sequence[CodeSource]) -> Commit:
    if not is_sha(sha):
        return Commit(sha, CommitState.MALFORMED, reason="the run's tag is not a full SHA")
    address = run.tags.get(REPOSITORY_TAG, "").strip()
    named = [source for source in sources if address and _is_at(source, address)]
    for source in (*named, *sources):
        if (commit := source.commit(sha)) is not None:
            return _found(commit, source, address)
    return _inside(sha, sources) or _nowhere(sha, sources, address, known=bool(named))


def _besides(run: Run, commit: Commit) -> Commit:
    """Return the commit, with a word where the run's tags name several."""
    others = {run.tags[tag] for tag in COMMIT_TAGS if run.tags.get(tag)} - {commit.sha}
    if not others:
        return commit
    reason = f"another tag of the run names {', '.join(sorted(others))}"
    return replace(commit, reason="; ".join(filter(None, (commit.reason, reason))))


def beside(tagged: Commit | None, source: CodeSource, repository: str) -> Commit | None:
    """Return the tagged commit, told apart where the matching lock is in another repository."""
    if tagged is None or not tagged.repository or tagged.repository == repository:
        return tagged
    held = source.submodule(tagged.sha)
    reason = (
        f"{repository}, where the matching lock is, holds it as the commit of its submodule "
        f"{held[0]}, first in commit {held[1][:10]}"
        if held
        else f"it is in {tagged.repository}, the lock that names the weights is in {repository}: "
        "the run may have been started by a script of an unrelated repository"
    )
    return replace(tagged, reason="; ".join(filter(None, (tagged.reason, reason))))


def not_whole(sources: Sequence[CodeSource]) -> tuple[str, ...]:
    """Return why the repositories cannot rule something out; empty if they can."""
    if not sources:
        return ("no repository is configured",)
    reasons = []
    for about in (source.describe() for source in sources):
        if not about.readable:
            reasons.append(f"the repository {about.name} could not be read: {about.reason}")
        elif about.shallow or about.partial:
            kind = "shallow" if about.shallow else "partial"
            reasons.append(f"the repository {about.name} is a {kind} clone")
    return tuple(reasons)


def place(address: str) -> str:
    """Return the one form of an address by which two of them are compared.

    User, port, scheme and ``.git`` say how a repository is reached, not which one it is.
    """
    if is_url(address):
        try:
            parts = urlsplit(address)
        except ValueError:
            return address
        host, path = parts.netloc.rpartition("@")[2].partition(":")[0], unquote(parts.path)
    elif match := _SCP_LIKE.fullmatch(address):
        host, path = match["host"], match["path"]
    else:
        host, path = "", address
    path = posixpath.normpath(path.rstrip("/").removesuffix(".git")).strip("/")
    return f"{host}/{path}".lower() if host else f"/{path}"


def _is_at(source: CodeSource, address: str) -> bool:
    return any(place(known) == place(address) for known in source.addresses)


def _found(commit: Commit, source: CodeSource, address: str) -> Commit:
    """Return a commit, with a word where the run's tag names another repository for it."""
    if not address or _is_at(source, address) or not any(map(is_url, source.addresses)):
        return commit
    reason = f"the run's tag names the repository {_shown(address)}"
    return replace(commit, reason="; ".join(filter(None, (commit.reason, reason))))


def _inside(sha: str, sources: Sequence[CodeSource]) -> Commit | None:
    """Return the commit as that of a submodule, where a repository holds it so."""
    for source in sources:
        if (held := source.submodule(sha)) is not None:
            name = source.name
            reason = (
                f"{name} holds it as the commit of its submodule {held[0]}, first in commit "
                f"{held[1][:10]}; the submodule's own repository is not configured"
            )
            return Commit(sha, CommitState.SUBMODULE, repository=name, reason=reason)
    return None


def _nowhere(sha: str, sources: Sequence[CodeSource], address: str, *, known: bool) -> Commit:
    if address and sources and not known:
        reason = f"the run's tag names the repository {_shown(address)}, which is not configured"
        return Commit(sha, CommitState.UNKNOWN_REPOSITORY, reason=reason)
    if reasons := not_whole(sources):
        return Commit(sha, CommitState.NOT_CHECKABLE, reason="; ".join(reasons))
    reason = (
        "no configured repository holds it, and all are whole clones: a branch was "
        "force-pushed, or the commit was never pushed"
    )
    return Commit(sha, CommitState.MISSING, reason=reason)


def _shown(address: str) -> str:
    """Return an address as it may be shown: without user, password or token."""
    return redacted(address) if is_url(address) else address.rpartition("@")[2]
