"""Item 2, training captured: the run, its parameters, its code, environment, intermediates."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field

from audit.canonical import short_digest
from audit.controls.checks import declared
from audit.controls.checks.commits import NO_COMMIT, recorded
from audit.controls.checks.common import (
    counted,
    exact_matches,
    inferred_remark,
    naming,
    run_label,
    run_of,
    without_pipeline,
)
from audit.controls.registry import Outcome, VersionSubject, check, failed, passed, unknown
from audit.facts import CodeDigest, Commit, VersionFacts
from audit.graph import NodeKind

_OUTSIDE = re.compile(r"/|\.\.(?:/|$)|[A-Za-z][A-Za-z0-9+.-]*://")


@check("run-finished")
def run_finished(subject: VersionSubject) -> Outcome:
    """The run that made the version has ended as finished."""
    run = run_of(subject.facts)
    if isinstance(run, Outcome):
        return run
    label, evidence = run_label(subject.facts, run), f"run {run.run_id} status {run.status}"
    if not run.status:
        return unknown(f"{label} has no status on record", f"run {run.run_id} status")
    if run.status != "FINISHED":
        return failed(f"{label} has the status {run.status}", evidence)
    return passed(f"{label} finished", evidence)


@check("hyperparameters")
def hyperparameters(
    subject: VersionSubject,
    *,
    minimum: Annotated[int, Field(ge=0)] = 1,
    required: tuple[str, ...] = (),
) -> Outcome:
    """The run logged at least ``minimum`` parameters, and all ``required`` ones by name."""
    run = run_of(subject.facts)
    if isinstance(run, Outcome):
        return run
    label, evidence = run_label(subject.facts, run), f"run {run.run_id} params"
    absent = [name for name in required if name not in run.params]
    if absent:
        return failed(f"{label} did not log {naming(absent)}", evidence)
    shown = counted(len(run.params), "parameter")
    if len(run.params) < minimum:
        return failed(f"{label} logged {shown}, fewer than {minimum}", evidence)
    return passed(f"{label} logged {shown}", evidence)


@check("tree-clean")
def tree_clean(
    subject: VersionSubject,
    *,
    accept_proved_difference: bool = True,
    accept_declared: bool = False,
) -> Outcome:
    """What ran is what the recorded commit holds, or the difference is proved.

    Each dependency in the locks behind the weights is compared with the file at the
    recorded commit. A difference is proved where the commits of those locks hold what
    differs as it ran. Outs of earlier stages and what lies outside of the repository are
    no part of a tree. What the training plugin or AIline declared decides only where the
    digests cannot, and only with ``accept_declared``.
    """
    outcome = _proved_clean(subject.facts, accept_proved_difference=accept_proved_difference)
    commit = recorded(subject.facts)
    sha = commit.sha if commit else ""
    differs = any(not item.equal for item in _compared_at(subject.facts, sha))
    return declared.tree(subject.facts, outcome, sha, differs=differs, accept=accept_declared)


def _proved_clean(facts: VersionFacts, *, accept_proved_difference: bool) -> Outcome:
    """Return what the digests alone prove of the tree."""
    tagged = _comparable(facts)
    if isinstance(tagged, Outcome):
        return tagged
    stages = [state for state in facts.pipeline.home if state.stage]
    made = _made(facts)
    tree = [item for item in facts.pipeline.tree if item.lock_digest not in made]
    here = _compared_at(facts, tagged.sha)
    if not here:
        return unknown(f"the tree of {short_digest(tagged.sha)} could not be compared")
    evidence = [_compared(item) for item in here]
    differ = [item for item in here if not item.equal]
    named = naming([item.path for item in differ])
    proof = _commits_that_ran(tree, differ)
    where = f"in {naming([short_digest(commit) for commit in proof])}" if proof else "in no commit"
    if differ and not (proof and accept_proved_difference):
        count = f"{len(differ)} of {len(here)} digests differ at {short_digest(tagged.sha)}"
        return failed(f"{count}: {named}; what ran is {where}", *evidence)
    deps = {dep.path: dep.digest for state in stages for dep in state.deps}
    paths = {item.path for item in here}
    left = [path for path, digest in deps.items() if digest not in made and path not in paths]
    if left := [path for path in left if not _OUTSIDE.match(path)]:
        return unknown(f"not comparable with git: {naming(left)}", *evidence)
    if not differ:
        return passed(f"proved: {len(here)} of {len(here)} digests equal", *evidence)
    evidence += [_compared(item) for item in tree if item.commit in proof]
    return passed(f"difference proved: {named}; what ran is {where}", *evidence)


def _made(facts: VersionFacts) -> set[str]:
    """Return the digests that the stages behind the weights put out, members of folders too."""
    states = {state.id: state for state in facts.pipeline.home if state.stage}
    made = {out.digest for state in states.values() for out in state.outs if out.digest}
    return made | {item.digest for item in facts.pipeline.members if item.state in states}


def _compared_at(facts: VersionFacts, sha: str) -> list[CodeDigest]:
    """Return what was compared with the tree of a commit; outs of stages are none of it."""
    made = _made(facts)
    tree = facts.pipeline.tree
    return [item for item in tree if item.commit == sha and item.lock_digest not in made]


def _comparable(facts: VersionFacts) -> Commit | Outcome:
    """Return the recorded commit, or why its tree cannot be held against a lock."""
    if not facts.pipeline.matches:
        return without_pipeline(facts)
    if not exact_matches(facts):
        return unknown("the stage is only inferred from parameters, so nothing can be proved")
    return recorded(facts) or unknown(NO_COMMIT)


def _compared(item: CodeDigest) -> str:
    here = f"commit {item.commit} {item.path}"
    if item.equal:
        return f"{here} {item.lock_digest}"
    return f"{here} {item.commit_digest or 'absent'}, lock {item.lock_digest}"


def _commits_that_ran(tree: list[CodeDigest], differ: list[CodeDigest]) -> list[str]:
    """Return a few commits that together hold these dependencies as they ran.

    Stages that ran at different times have their locks, and what they ran, in different
    commits. Empty where one dependency is in none.
    """
    wanted = {(item.path, item.lock_digest) for item in differ}
    held: dict[str, set[tuple[str, str]]] = {}
    for item in tree:
        if item.equal:
            held.setdefault(item.commit, set()).add((item.path, item.lock_digest))
    if not wanted <= set().union(*held.values()):
        return []
    found = []
    while wanted:
        best = max(held, key=lambda commit: len(held[commit] & wanted))
        wanted -= held[best]
        found.append(best)
    return found


@check("environment-pinned")
def environment_pinned(
    subject: VersionSubject, *, require_python: bool = True, accept_declared: bool = False
) -> Outcome:
    """The model's own files name Python and every package by one exact version.

    What the training plugin declared decides only where these files could not be asked,
    and only with ``accept_declared``.
    """
    outcome = _pinned(subject.facts, require_python=require_python)
    return declared.environment(subject.facts, outcome, accept=accept_declared)


def _pinned(facts: VersionFacts, *, require_python: bool) -> Outcome:
    """Return what the model's own files say."""
    environment = facts.environment
    evidence = [f"file {name}" for name in environment.sources]
    packages = counted(len(environment.packages), "package")
    if environment.unpinned:
        open_ones = naming(environment.unpinned)
        reason = f"{len(environment.unpinned)} of {packages} without one exact version: {open_ones}"
        return failed(reason, *evidence, *environment.unpinned)
    if environment.problems:
        reason = f"not all of the model's files could be read: {naming(environment.problems)}"
        return unknown(reason, *evidence)
    if not environment.sources and not facts.weights.read:
        reason = facts.weights.reason or "they were not read"
        return unknown(f"the model's files could not be asked: {reason}")
    if not environment.packages:
        return failed("the model's files name no package", *evidence)
    if require_python and not environment.python:
        return failed(f"{packages} pinned, but no Python version is recorded", *evidence)
    python = f", Python {environment.python}" if environment.python else ""
    return passed(f"{packages} pinned{python}", *evidence)


@check("intermediates-in-dvc")
def intermediates_in_dvc(subject: VersionSubject) -> Outcome:
    """Every output of every stage behind the weights has a digest in a DVC lock."""
    facts = subject.facts
    if not facts.pipeline.matches:
        return without_pipeline(facts)
    stages = [state for state in facts.pipeline.states if state.stage]
    outs = [(state, out) for state in stages for out in state.outs]
    lost = [f"{out.path} of stage {state.stage}" for state, out in outs if not out.digest]
    lost += [
        node.label for node in subject.graph.of_kind(NodeKind.GAP) if node.role == "intermediate"
    ]
    if lost:
        return failed(f"without a digest: {naming(lost)}", *lost)
    if not outs:
        return unknown("no DVC stage is behind the weights: they were added as a file")
    evidence = [f"{state.file} stage {state.stage} {out.path} {out.digest}" for state, out in outs]
    of_stages = counted(len(stages), "stage")
    reason = f"{len(outs)} of {len(outs)} outputs of {of_stages}{inferred_remark(facts)}"
    return passed(reason, *evidence)
