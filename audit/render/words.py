"""The words and signs of every rendered page: said here once, used by all formats.

A verdict is always a sign and a word, so that it reads without colour.
"""

from __future__ import annotations

from audit.facts import CommitState, ObjectState, RunState, SignatureState
from audit.graph import Relation
from audit.history.model import ActionGrade
from audit.verdicts import Grade, LineageStatus, Verdict, WeightsStatus

NOT_RECORDED = "not recorded"

VERDICT_SIGNS = {
    Verdict.PASS: "✓",
    Verdict.FAIL: "✕",
    Verdict.WAIVED: "◐",
    Verdict.MANUAL: "✎",
    Verdict.UNKNOWN: "?",
    Verdict.NOT_APPLICABLE: "–",
    Verdict.ERROR: "!",
}

VERDICTS = {
    Verdict.PASS: "pass",
    Verdict.FAIL: "fail",
    Verdict.WAIVED: "waived",
    Verdict.MANUAL: "manual",
    Verdict.UNKNOWN: "unknown",
    Verdict.NOT_APPLICABLE: "not applicable",
    Verdict.ERROR: "error",
}

VERDICT_MEANINGS = {
    Verdict.PASS: "The evidence shows that the control is met.",
    Verdict.FAIL: "The evidence shows that the control is not met.",
    Verdict.WAIVED: "Not met, and accepted in writing until a stated day.",
    Verdict.MANUAL: "A person must judge; the tool does not.",
    Verdict.UNKNOWN: "The evidence is not there, so nothing can be said. Never counted as a pass.",
    Verdict.NOT_APPLICABLE: "The control does not concern this version.",
    Verdict.ERROR: "The check could not be carried out. Never counted as a pass.",
}

GRADES = {
    Grade.VERIFIED: "verified",
    Grade.RECORDED: "recorded",
    Grade.DECLARED: "declared",
    Grade.INFERRED: "inferred",
    Grade.NOT_CHECKABLE: "not checkable",
    Grade.MISSING: "missing",
    Grade.CONTRADICTED: "contradicted",
}

GRADE_MEANINGS = {
    Grade.VERIFIED: "Both ends carry the same full content digest, and at least one was "
    "computed from the bytes in this run.",
    Grade.RECORDED: "Systems of record state it; the bytes were not read again.",
    Grade.DECLARED: "A client said so and could have said otherwise; what it names exists.",
    Grade.INFERRED: "Deduced from names, parameters, shortened digests or times.",
    Grade.NOT_CHECKABLE: "The source could not be asked.",
    Grade.MISSING: "It ought to exist and does not.",
    Grade.CONTRADICTED: "Two sources disagree, or a digest does not match. Always an exception.",
}

ACTION_GRADES = {
    ActionGrade.AUTHENTICATED: "authenticated",
    ActionGrade.RECORDED: "recorded",
    ActionGrade.BRACKETED: "bracketed",
    ActionGrade.CLAIMED: "claimed",
    ActionGrade.UNKNOWN: NOT_RECORDED,
}

ACTION_GRADE_MEANINGS = {
    ActionGrade.AUTHENTICATED: "The server authenticated the user and stamped the name into the "
    "same transaction.",
    ActionGrade.RECORDED: "Time and values come from a trigger in the database, or from the "
    "registry's own timestamp; an actor is then an account of the database.",
    ActionGrade.BRACKETED: "Found between two observations: it happened after the one and not "
    "later than the other.",
    ActionGrade.CLAIMED: "A client said so and could have said otherwise.",
}

ACTOR_GRADES = ACTION_GRADES | {ActionGrade.RECORDED: "database account"}
"""The same of who acted."""

WAY_MEANINGS = {
    "plugin": "The plugin in the server, which knows the authenticated user.",
    "trigger": "A trigger in the registry's database, beneath every client.",
    "snapshot": "Two readings of the registry that differ.",
    "webhook": "A message of the server, which names no user.",
    "registry": "The registry's own timestamp.",
    "derived": "It follows from another recorded change.",
}
"""The ways in which an action was seen."""

LINEAGE = {
    LineageStatus.COMPLETE: "complete",
    LineageStatus.GAPS: "has gaps",
    LineageStatus.CONTRADICTED: "contradicted",
    LineageStatus.UNREADABLE: "unreadable",
}

WEIGHTS = {
    WeightsStatus.VERIFIED: "verified",
    WeightsStatus.UNCHANGED: "unchanged since first seen",
    WeightsStatus.FIRST_SEEN: "first seen",
    WeightsStatus.CHANGED: "changed",
    WeightsStatus.UNREACHABLE: "unreachable",
}

WEIGHTS_MEANINGS = {
    WeightsStatus.VERIFIED: "Equal to a digest that was recorded when the weights were made.",
    WeightsStatus.UNCHANGED: "Equal to what this tool saw first. What happened before is not "
    "known.",
    WeightsStatus.FIRST_SEEN: "Seen for the first time in this run; there is nothing to compare "
    "with.",
    WeightsStatus.CHANGED: "Not the bytes that were seen or recorded first.",
    WeightsStatus.UNREACHABLE: "The storage location could not be read.",
}

READERS = {
    "sql": "its database, in one read-only snapshot",
    "rest": "its REST interface",
}

GLOSSARY = (
    ("as of", "The moment whose state the report tells; for a closed period, its end."),
    ("facts", "All that was read, in facts.jsonl. The report follows from it alone."),
    ("lineage", "The chain from raw data through pipeline stages and the run to the weights."),
    ("gap", "Something that ought to be on record and is not."),
    ("exception", "What failed, could not be evaluated, or does not add up."),
    ("waiver", "A deviation accepted in writing, with owner, approver, reason and last day."),
    ("dossier", "One version's whole life in a file of its own, below models/ in the bundle."),
    ("consumer", "A run, copy, other model, DVC stage, trace or endpoint that uses the version."),
    ("MLflow sample digest", "Eight hex digits over a sample of a data set: a hint, no proof."),
)

WEIGHTS_FILE = {
    WeightsStatus.VERIFIED: "verified",
    WeightsStatus.UNCHANGED: "unchanged",
    WeightsStatus.FIRST_SEEN: "first seen",
    WeightsStatus.CHANGED: "unchanged",
    WeightsStatus.UNREACHABLE: "unreachable",
}
"""The same of one file that is not itself among the changed ones."""

CONSUMERS = {
    "run": "run",
    "copy": "copy",
    "model": "model built on it",
    "traces": "traces",
    "endpoint": "endpoint",
    "dvc_stage": "DVC stage",
}
"""Who uses a version."""

COMMITS = {
    "reachable": "on a configured branch",
    "other_ref": "on another branch or tag",
    "unreachable": "on no branch or tag",
    "missing": "in no configured repository",
    "malformed": "malformed",
    "not_checkable": "not checkable",
    "submodule": "commit of a submodule",
    "unknown_repository": "of a repository not configured",
}
"""Where a commit stands; weights are unreachable and data missing in another sense."""

VALUES = {
    member.value: member.value.replace("_", " ")
    for kind in (CommitState, ObjectState, Relation, RunState, SignatureState)
    for member in kind
    if "_" in member.value
}
"""Values as evidence has them, word for word as data has them, to words as people read them."""

STATUSES = {
    "not_recorded": NOT_RECORDED,
    "not_checkable": "not checkable",
    # the pipeline that made the weights
    "matched": "found by the bytes",
    "inferred": "inferred",
    "no_match": "no match",
    # the environment
    "pinned": "all versions pinned",
    "unpinned": "not all versions pinned",
    # the run
    "present": "present",
    "deleted": "deleted",
    "gone": "gone from the tracking store",
    "none": "none",
    "not_visible": "not visible to this reader",
    # a data digest in its remote
    "missing": "missing",
    "cache_only": "in the cache only",
    "damaged": "damaged",
    "not_checked": "not checked",
    "not_applicable": "not applicable",
    # lineage and weights
    **{status.value: word for status, word in LINEAGE.items()},
    **{status.value: word for status, word in WEIGHTS.items()},
    # what changed against the period before
    "new_failure": "new failure",
    "resolved": "resolved",
    "newly_waived": "newly waived",
    "waiver_expired": "waiver expired",
    "new_version": "new version",
    "version_gone": "version gone",
    "evidence_lost": "evidence lost",
    "control_changed": "control changed",
}
"""Every coded status of the report in words. Statuses that are words already are not listed."""


def status_word(status: str) -> str:
    """Return a coded status in words; an unknown code as it is, nothing as "not recorded"."""
    return STATUSES.get(status, status.replace("_", " ")) or NOT_RECORDED


def commit_word(state: str) -> str:
    """Return in words where a commit stands."""
    return COMMITS.get(state) or status_word(state)


def verdict_words(verdict: Verdict) -> str:
    """Return sign and word of a verdict: ``✓ pass``."""
    return f"{VERDICT_SIGNS[verdict]} {VERDICTS[verdict]}"


def counted(count: int, singular: str, plural: str = "") -> str:
    """Return a count with its noun: ``1 version``, ``2,301 versions``."""
    noun = singular if count == 1 else plural or f"{singular}s"
    return f"{count:,} {noun}"
