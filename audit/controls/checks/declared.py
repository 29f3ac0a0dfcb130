"""What the training plugin declared, beside what digests and files prove.

A run's tags are a client's word. They never change what is proved; where they contradict
it, the reason says so. Where nothing can be proved they are told, and decide only if a
pack's author accepts them.
"""

from __future__ import annotations

from dataclasses import replace

from audit.canonical import short_digest
from audit.controls.checks.common import counted, naming
from audit.controls.registry import Outcome, failed, passed, unknown
from audit.facts import VersionFacts
from audit.verdicts import Verdict

_GIT, _ENVIRONMENT = "mlflow_audit.git", "mlflow_audit.environment"


def tree(
    facts: VersionFacts, outcome: Outcome, recorded: str, *, differs: bool, accept: bool
) -> Outcome:
    """Return the outcome with what the run declares of the tree that it ran in.

    ``recorded`` is the commit that the digests were compared with, ``differs`` whether
    one of them did. A word about another commit decides nothing.
    """
    tags = facts.run.tags if facts.run else {}
    dirty = tags.get(f"{_GIT}.dirty", "")
    if facts.run is None or dirty not in ("true", "false"):
        return outcome
    said = {name: tags.get(f"{_GIT}.{name}", "") for name in ("dirty", "commit", "diff_sha256")}
    run = f"run {facts.run.run_id} tag {_GIT}"
    evidence = [*outcome.evidence, *(f"{run}.{key} {text}" for key, text in said.items() if text)]
    reason, commit = outcome.reason, said["commit"]
    if dirty == "false" and differs:
        reason += "; contradicts the client, who declares the tree clean"
    elif outcome.verdict is Verdict.UNKNOWN:
        word = "dirty" if dirty == "true" else "clean"
        reason += f"; the client declares the tree {word}"
        reason += f" at {short_digest(commit)}" if commit else ""
        if commit and commit == recorded and accept:
            return (failed if dirty == "true" else passed)(reason, *evidence)
        if commit and recorded and commit != recorded:
            reason += ", which is not the recorded commit"
    elif dirty == "true" and not differs:
        reason += "; the client declares a difference that no stage names"
    return replace(outcome, reason=reason, evidence=tuple(evidence))


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
