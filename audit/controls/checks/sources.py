"""Item 1, sources registered: data-set inputs, raw data under DVC, data still in its remote."""

from __future__ import annotations

import json
from collections import Counter
from typing import Literal

from audit.canonical import short_digest
from audit.controls.checks.common import (
    counted,
    inferred_remark,
    naming,
    run_label,
    run_of,
    without_pipeline,
)
from audit.controls.registry import Outcome, VersionSubject, check, failed, passed, unknown
from audit.facts import DataObject, DatasetInput, ObjectState
from audit.graph import Graph, NodeKind
from audit.verdicts import Verdict

Part = Literal["digest", "schema", "source"]


@check("dataset-input")
def dataset_input(
    subject: VersionSubject,
    *,
    require: tuple[Part, ...] = ("digest", "schema", "source"),
    context: str = "",
    accept_code_source: bool = False,
) -> Outcome:
    """The run logged at least one data-set input with all required parts.

    ``context`` restricts it to inputs logged in that context. MLflow names the
    script as the source where the client gave none (source type ``code``): that
    identifies no data, and counts only with ``accept_code_source``.
    """
    run = run_of(subject.facts)
    if isinstance(run, Outcome):
        return run
    label = run_label(subject.facts, run)
    of_context = f" in the context {context}" if context else ""
    inputs = [item for item in run.datasets if context in ("", item.context)]
    if not inputs:
        return failed(f"{label} logged no data-set input{of_context}", f"run {run.run_id} inputs")
    lacking = {
        index: [part for part in require if not _has(item, part, accept_code_source)]
        for index, item in enumerate(inputs)
    }
    whole = [item for index, item in enumerate(inputs) if not lacking[index]]
    poor = [
        f"{inputs[index].name} lacks {' and '.join(parts)}"
        for index, parts in lacking.items()
        if parts
    ]
    evidence = [f"run {run.run_id} inputs {item.name} {item.digest}" for item in whole or inputs]
    if not whole:
        return failed(f"{label}: {naming(poor)}", *evidence)
    remark = f"; {naming(poor)}" if poor else ""
    return passed(f"{label}: {naming([_shown(item) for item in whole])}{remark}", *evidence)


def _has(item: DatasetInput, part: Part, accept_code_source: bool) -> bool:
    """Tell whether an input holds a part that says something."""
    if part == "digest":
        return bool(item.digest)
    if part == "schema":
        return _says_something(item.schema)
    is_code = item.source_type == "code" and not accept_code_source
    return _says_something(item.source) and not is_code


def _says_something(text: str) -> bool:
    """Tell whether a text is neither empty nor JSON for nothing, such as ``{}``."""
    value = _json(text)
    return any(value.values()) if isinstance(value, dict) else bool(value)


def _shown(item: DatasetInput) -> str:
    schema = _json(item.schema)
    columns = schema.get("mlflow_colspec") if isinstance(schema, dict) else None
    if not isinstance(columns, list):
        return item.name
    return f"{item.name}, schema of {counted(len(columns), 'column')}"


def _json(text: str) -> object:
    """Return the JSON value of a text, or the text itself where it is not JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text.strip()


@check("raw-data-in-dvc")
def raw_data_in_dvc(subject: VersionSubject, *, accept_git: bool = False) -> Outcome:
    """Every raw file of the lineage is tracked by a DVC file or import.

    Data kept in git itself is not under DVC; ``accept_git`` lets it pass.
    """
    facts, graph = subject.facts, subject.graph
    if not facts.pipeline.matches:
        return without_pipeline(facts)
    tracked = {
        out.digest: state.file
        for state in facts.pipeline.states
        if not state.stage
        for out in state.outs
        if out.digest
    }
    files = [node for node in graph.of_kind(NodeKind.FILE) if node.role == "raw"]
    problems = _raw_gaps(graph)
    evidence, in_git = [], []
    for node in files:
        digest = node.digest.rpartition(":")[2]
        if digest in tracked:
            evidence.append(f"{tracked[digest]} {node.digest}")
        elif node.detail == "in git":
            in_git.append(f"{node.label} is kept in git")
            evidence.append(f"{node.label} {node.digest}")
        else:
            problems.append(f"{node.label} is tracked by no DVC file or import")
    if not accept_git:
        problems += [f"{text}, not under DVC" for text in in_git]
    if problems:
        return failed(naming(problems), *problems)
    if not files:
        return unknown("the lineage names no raw data")
    plain = f"{len(evidence)} of {len(files)} raw files"
    remark = f" ({len(in_git)} kept in git)" if in_git else ""
    return passed(f"{plain}{remark}{inferred_remark(facts)}", *evidence)


def _raw_gaps(graph: Graph) -> list[str]:
    """Return why each gap among the raw data is one."""
    reasons = {gap.what: gap.reason for gap in graph.gaps}
    gaps = [node for node in graph.of_kind(NodeKind.GAP) if node.role == "raw"]
    return [reasons.get(node.label, f"{node.label} has no DVC record") for node in gaps]


@check("data-in-remote")
def data_in_remote(subject: VersionSubject) -> Outcome:
    """Every data digest of the lineage is still in its DVC remote, folders file by file.

    What a remote need not hold (kept in git, never pushed, another repository's) is left
    out of the count. Where the job has bytes read again, they have their digests.
    """
    objects = subject.facts.pipeline.objects
    asked = [item for item in objects if item.state is not ObjectState.NOT_APPLICABLE]
    if not objects:
        return unknown("no data digest of the lineage is known, so no remote was asked")
    if not asked:
        reason = f"{counted(len(objects), 'data digest')}, none of which belongs in a remote"
        return Outcome(Verdict.NOT_APPLICABLE, reason)
    count = Counter(item.state for item in asked)
    lost = [item for item in asked if item.state in _PLACES]
    evidence = [
        f"{item.digest} {item.remote} {item.state}{_READ_AGAIN.get(item.checked, '')}"
        for item in lost or asked
    ]
    open_count = count[ObjectState.NOT_CHECKED]
    if lost:
        named = naming([_lost(item) for item in lost])
        open_remark = f"; {open_count} not checked" if open_count else ""
        damaged = " or damaged there" if count[ObjectState.DAMAGED] else ""
        reason = f"{len(lost)} of {len(asked)} objects not in their remote{damaged}: {named}"
        return failed(f"{reason}{open_remark}", *evidence)
    if open_count:
        unchecked = [item for item in asked if item.state is ObjectState.NOT_CHECKED]
        why = sorted({item.reason for item in unchecked if item.reason})
        reason = f"{open_count} of {len(asked)} objects not checked"
        return unknown(f"{reason}: {naming(why)}" if why else reason, *evidence)
    again = sum(item.checked in _READ_AGAIN for item in asked)
    share = "all" if again == len(asked) else f"{again} of them"
    remark = f", {share} read again" if again else ""
    return passed(f"{len(asked)} of {len(asked)} objects{remark}", *evidence)


def _lost(item: DataObject) -> str:
    """Return which object is not as it should be, of a folder with the first file."""
    of_folder = f", {item.reason}: {naming(item.lost)}" if item.lost else ""
    return f"{short_digest(item.digest)} ({_PLACES[item.state]}{of_folder})"


_READ_AGAIN = {"rehashed": ", read again"}
_PLACES = {
    ObjectState.MISSING: "missing",
    ObjectState.CACHE_ONLY: "only in a local cache",
    ObjectState.DAMAGED: "damaged",
}
