"""What the training plugin or AIline declared, beside what digests and files prove.

Tags of a run and records of it are a client's word. They never change what is proved; where
they contradict it, the reason says so. Where nothing can be proved they are told, and decide
only if a pack's author accepts them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from audit.canonical import short_digest
from audit.controls.checks.common import counted, naming
from audit.controls.registry import Outcome, failed, passed, unknown
from audit.facts import VersionFacts
from audit.verdicts import Verdict

_GIT, _ENVIRONMENT = "mlflow_audit.git", "mlflow_audit.environment"
_SHORT_SHA = 7
"""AIline's older records shorten a commit to so many digits."""


def tree(
    facts: VersionFacts, outcome: Outcome, recorded: str, *, differs: bool, accept: bool
) -> Outcome:
    """Return the outcome with what the run declares of the tree that it ran in.

    ``recorded`` is the commit that the digests were compared with, ``differs`` whether
    one of them did. A word about another commit decides nothing.
    """
    claim = _by_plugin(facts) or _by_ailine(facts)
    if claim is None:
        return outcome
    evidence = [*outcome.evidence, *claim.evidence]
    reason, commit = outcome.reason, claim.commit
    same = len(commit) >= _SHORT_SHA and recorded.startswith(commit)
    if not claim.dirty and differs:
        reason += f"; contradicts {claim.who}, who declares the tree clean"
    elif outcome.verdict is Verdict.UNKNOWN:
        word = "dirty" if claim.dirty else "clean"
        reason += f"; {claim.who} declares the tree {word}"
        reason += f" at {short_digest(commit)}" if commit else ""
        reason += f" in {naming(claim.files)}" if claim.files else ""
        if same and accept:
            return (failed if claim.dirty else passed)(reason, *evidence)
        if commit and recorded and not same:
            reason += ", which is not the recorded commit"
    elif claim.dirty and not differs:
        reason += f"; {claim.who} declares a difference that no stage names"
    return replace(outcome, reason=reason, evidence=tuple(evidence))


@dataclass(frozen=True, slots=True)
class _Claim:
    """What somebody declared of a tree."""

    who: str
    dirty: bool
    commit: str
    evidence: tuple[str, ...]
    files: tuple[str, ...] = ()


def _by_plugin(facts: VersionFacts) -> _Claim | None:
    """Return what the training plugin's tags on the run declare."""
    tags = facts.run.tags if facts.run else {}
    dirty = tags.get(f"{_GIT}.dirty", "")
    if facts.run is None or dirty not in ("true", "false"):
        return None
    said = {name: tags.get(f"{_GIT}.{name}", "") for name in ("dirty", "commit", "diff_sha256")}
    run = f"run {facts.run.run_id} tag {_GIT}"
    evidence = tuple(f"{run}.{key} {text}" for key, text in said.items() if text)
    return _Claim("the client", dirty == "true", said["commit"], evidence)


def _by_ailine(facts: VersionFacts) -> _Claim | None:
    """Return what AIline's record of the run declares: a snapshot is taken of a dirty tree.

    A record that is linked by its time alone says nothing of this run.
    """
    records = [item for item in facts.recorded if item.source == "ailine" and not item.inferred]
    if len(records) != 1 or records[0].type not in ("git", "snapshot"):
        return None
    record, dirty = records[0], records[0].type == "snapshot"
    commit = (record.parent if dirty else record.git).lower()
    evidence = f"AIline record {record.record} type {record.type} ({record.linked_by})"
    return _Claim("AIline", dirty, commit, (evidence,), record.dirty_files)


def environment(facts: VersionFacts, outcome: Outcome, *, accept: bool) -> Outcome:
    """Return the outcome with what the run declares of the environment that it ran in."""
    tags = facts.run.tags if facts.run else {}
    python, digest = (tags.get(f"{_ENVIRONMENT}.{name}", "") for name in ("python", "sha256"))
    if facts.run is None or not (python and digest):
        return outcome
    run = f"run {facts.run.run_id} tag {_ENVIRONMENT}"
    evidence = [*outcome.evidence, f"{run}.sha256 {digest}", f"{run}.python {python}"]
    reason, told = outcome.reason, naming([f"Python {python}"])
    if outcome.verdict is Verdict.UNKNOWN:
        number = tags.get(f"{_ENVIRONMENT}.packages", "")
        many = f" and {counted(int(number), 'package')}" if _is_number(number) else ""
        reason += f"; the client declares {told}{many}"
        return (passed if accept else unknown)(reason, *evidence)
    if facts.environment.python not in ("", python):
        reason += f"; contradicts the client, who declares {told}"
    return replace(outcome, reason=reason, evidence=tuple(evidence))


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10
