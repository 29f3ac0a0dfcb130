"""The code commits behind a version: recorded, found, on a branch, signed."""

from __future__ import annotations

import re

from audit.canonical import short_digest
from audit.controls.checks.common import (
    exact_matches,
    naming,
    run_label,
    run_of,
)
from audit.controls.registry import Outcome, VersionSubject, check, failed, passed, unknown
from audit.facts import COMMIT_TAGS, Commit, CommitState, SignatureState, VersionFacts
from audit.verdicts import Verdict

NO_COMMIT = "no commit is recorded for this version"
_FULL_SHA = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


@check("commit-recorded")
def commit_recorded(subject: VersionSubject) -> Outcome:
    """The run's tag names a code commit by its full SHA."""
    run = run_of(subject.facts)
    if isinstance(run, Outcome):
        return run
    tag, sha = run.commit
    label = run_label(subject.facts, run)
    reference = f"run {run.run_id} tag {tag or COMMIT_TAGS[0]}"
    if not sha:
        return failed(f"{label} carries no commit", reference)
    if not _FULL_SHA.fullmatch(sha):
        return failed(f"{label} names {naming([sha])}, which is not a full SHA", reference)
    return passed(short_digest(sha), f"{reference} {sha}")


@check("commit-exists")
def commit_exists(subject: VersionSubject) -> Outcome:
    """The recorded commit is in a configured repository.

    A commit on no branch or tag passes with a remark: it is there today, and that git
    may discard it is what ``commit-on-branch`` fails for.
    """
    commit = recorded(subject.facts)
    if commit is None:
        return unknown(NO_COMMIT)
    name, evidence = short_digest(commit.sha), f"commit {commit.sha} {commit.state}"
    if commit.state is CommitState.MISSING:
        return failed(f"{name} is in no configured repository", evidence)
    if commit.state in _UNSEEN:
        return unknown(_why_not(subject.facts, commit), evidence)
    where = f"is in {commit.repository or 'a configured repository'}"
    loose = commit.state is CommitState.UNREACHABLE
    told = f"; {commit.reason}" if commit.reason else ""
    remark = ", but on no branch or tag: git may discard it" if loose else told
    return passed(f"{name} {where}{remark}", evidence)


@check("commit-on-branch")
def commit_on_branch(subject: VersionSubject) -> Outcome:
    """The recorded commit, and the one with the matching lock, are on a configured branch.

    Training often runs before the commit: then the recorded commit is the parent of the
    one that holds what ran. Where none is recorded, the lock's commit alone is judged.
    """
    facts = subject.facts
    tagged, commits = recorded(facts), _judged(facts)
    if not commits:
        return unknown(NO_COMMIT)
    evidence = [f"commit {commit.sha} {commit.state}" for commit in commits]
    if off := [commit for commit in commits if commit.state in _OFF]:
        told = naming([f"{short_digest(commit.sha)} {_OFF[commit.state]}" for commit in off])
        return failed(told, *evidence)
    if unread := [commit for commit in commits if commit.state is not CommitState.REACHABLE]:
        return unknown(naming([_why_not(facts, commit) for commit in unread]), *evidence)
    missing = "" if tagged else "; no commit is recorded on the run"
    return passed(f"{naming([_on_branch(commit) for commit in commits])}{missing}", *evidence)


@check("commit-signed")
def commit_signed(subject: VersionSubject) -> Outcome:
    """The recorded commit, and the one with the matching lock, are signed by a known key.

    Known are the keys of the auditor's own ``allowed_signers`` and ``keyring`` for the
    repository; without either, the check does not apply. A signature says who held the
    key, not who reviewed the code; the time at which the key had to be valid is the one
    that the commit itself names.
    """
    commits = _judged(subject.facts)
    if not commits:
        # That none is recorded fails where that is judged; there is no signature to judge here.
        return Outcome(Verdict.NOT_APPLICABLE, NO_COMMIT)
    seen = [commit for commit in commits if commit.state not in _UNSEEN | {CommitState.MISSING}]
    evidence = [_signature_evidence(commit) for commit in seen]
    if seen and not any(commit.signature.against for commit in seen):
        reason = "no signers are configured for the repository of these commits"
        return Outcome(Verdict.NOT_APPLICABLE, reason, tuple(evidence))
    if wrong := [commit for commit in seen if commit.signature.state in _UNSIGNED]:
        return failed(naming([_unsigned(commit) for commit in wrong]), *evidence)
    if unseen := [commit for commit in commits if commit not in seen]:
        return unknown(naming([_why_not(subject.facts, commit) for commit in unseen]), *evidence)
    if unread := [c for c in seen if c.signature.state is SignatureState.NOT_CHECKED]:
        return unknown(naming([_unsigned(commit) for commit in unread]), *evidence)
    signed = [f"{short_digest(commit.sha)} signed by {commit.signature.signer}" for commit in seen]
    return passed(naming(signed), *evidence)


def _unsigned(commit: Commit) -> str:
    """Return in words what is wrong with a commit's signature."""
    signature = commit.signature
    words = _UNSIGNED.get(signature.state, "carries a signature that was not checked")
    why = f" ({signature.reason})" if signature.reason else ""
    return f"{short_digest(commit.sha)} {words}{why}"


def _signature_evidence(commit: Commit) -> str:
    found = commit.signature
    parts = ("commit", commit.sha, "signature", found.state.value, found.kind, found.key)
    against = f"against {found.against}" if found.against else ""
    return " ".join(part for part in (*parts, against) if part)


_UNSIGNED = {
    SignatureState.NONE: "is not signed",
    SignatureState.UNKNOWN_SIGNER: "is signed by an unknown key",
    SignatureState.BAD: "carries a bad signature",
    SignatureState.EXPIRED: "is signed by an expired key",
    SignatureState.REVOKED: "is signed by a revoked key",
}
_UNSEEN = frozenset(
    {
        CommitState.MALFORMED,
        CommitState.NOT_CHECKABLE,
        CommitState.UNKNOWN_REPOSITORY,
        CommitState.SUBMODULE,
    }
)
"""Nothing of the commit itself was read, and that it is lost is not known either."""


_OFF = {
    CommitState.OTHER_REF: "is only on a ref that is not configured",
    CommitState.UNREACHABLE: "is on no branch or tag",
    CommitState.MISSING: "is in no configured repository",
}


def _on_branch(commit: Commit) -> str:
    branch = f" on {commit.branches[0]}" if commit.branches else " on a configured branch"
    merged = f", merged by {short_digest(commit.merged_by)}" if commit.merged_by else ""
    return f"{short_digest(commit.sha)}{branch}{merged}"


def _judged(facts: VersionFacts) -> list[Commit]:
    """Return the recorded commit, and the one with the matching lock where it is another."""
    tagged = recorded(facts)
    locks = {match.commit for match in exact_matches(facts)}
    found = [commit for commit in facts.pipeline.commits if commit.sha in locks]
    if tagged is None:
        return found
    return [tagged, *(commit for commit in found if commit.sha != tagged.sha)]


def recorded(facts: VersionFacts) -> Commit | None:
    """Return the commit that the run's tag names, ``None`` where it names none."""
    sha = facts.run.commit[1] if facts.run else ""
    return facts.pipeline.tagged or (Commit(sha, CommitState.NOT_CHECKABLE) if sha else None)


def _why_not(facts: VersionFacts, commit: Commit) -> str:
    """Return why nothing can be said of where a commit stands."""
    if commit.state is CommitState.MALFORMED:
        return f"{naming([commit.sha])} is not a full SHA"
    nobody = "no repository that could tell is configured"
    problem = commit.reason or next(iter(facts.pipeline.problems), nobody)
    return f"{short_digest(commit.sha)} cannot be looked up: {problem}"
