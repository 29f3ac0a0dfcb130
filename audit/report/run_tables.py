"""Every recorded run with its cross-links, and the MLflow runs that nothing links to.

A run is recorded by a version that names it (``source`` is ``registry``) or by another
recorder. One form serves ``runs.csv`` and the dashboard.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple, dataclass

from audit.facts import ObjectState, RecordedRun, Run, StageState, TrackedPath
from audit.graph import NodeKind, Relation
from audit.period import iso
from audit.report.model import Dossier, Report

RUNS = (
    "record", "name", "status", "type", "mlflow_run", "mlflow_run_name", "git", "parent",
    "dvc_version", "dvc_linkage_status", "env_fingerprint_status", "command", "when",
    "name_mismatch", "source", "linked_by",
)  # fmt: skip
UNREGISTERED = (
    "run", "mlflow_name", "experiment", "start", "commit_tag", "snapshot_tag", "recorded_by",
)  # fmt: skip

_ENVIRONMENT = {"pinned": "complete", "unpinned": "partial", "not_recorded": "missing"}
_CORRELATION = "ailine.correlation_id"


@dataclass(frozen=True, slots=True)
class RunRow:
    """One recorded run, its fields in the order of ``RUNS``; empty for unknown."""

    record: str
    """``model/version``, or the recorder's own id."""
    name: str
    """What MLflow keeps as the name of a version's run, or the recorder's name of the record."""
    status: str
    type: str
    """``mlflow``; ``git`` or ``snapshot`` (AIline); the component (mltrace)."""
    mlflow_run: str
    mlflow_run_name: str
    """The ``mlflow.runName`` tag of a version's run, or MLflow's name of the linked run."""
    git: str
    """The commit that the run's tag or the record claims."""
    parent: str
    """The run it was nested in; for a snapshot, the commit that its tree differed from."""
    dvc_version: str
    """Digest of the stage's out that equals the weights, or the id of the lock state where that
    is only inferred; of a record, what it says."""
    dvc_linkage_status: str
    env_fingerprint_status: str
    command: str
    when: str
    name_mismatch: bool | None
    """MLflow writes name and tag at once, and AIline gives both the same name: two known and
    different ones are a mismatch."""
    source: str
    linked_by: str
    """How record and MLflow run were joined."""


def run_rows(report: Report) -> Iterator[RunRow]:
    """Yield the training run of each version, then each run of the other recorders."""
    for dossier in report.dossiers:
        if dossier.run is not None:
            yield _of_version(dossier, dossier.run)
    for record in report.recorded:
        yield _of_record(record)


def runs(report: Report) -> Iterator[tuple[str | bool | None, ...]]:
    """Yield the rows of ``runs.csv``."""
    return (astuple(row) for row in run_rows(report))


def unregistered(report: Report) -> Iterator[tuple[str, ...]]:
    """Yield the rows of ``unregistered_runs.csv``: the period's runs that made no version."""
    known = recorded_by(report)
    for run in report.unregistered_runs:
        commit = run.commit[1] or run.tags.get("commit", "")
        start, snapshot = iso(run.started_at), run.tags.get("snapshot", "")
        told = known.get(run.run_id, "")
        if not told and run.tags.get(_CORRELATION):
            told = "ailine (correlation tag only)"
        yield run.run_id, run.name, run.experiment, start, commit, snapshot, told


def recorded_by(report: Report) -> dict[str, str]:
    """Return the MLflow runs that other recorders link to, with ``source:record`` of each."""
    found: dict[str, list[str]] = {}
    for record in report.recorded:
        if record.mlflow_run:
            found.setdefault(record.mlflow_run, []).append(f"{record.source}:{record.record}")
    return {run: "; ".join(sorted(records)) for run, records in found.items()}


def _of_record(record: RecordedRun) -> RunRow:
    theirs, ours = record.mlflow_run_name, record.name
    return RunRow(
        record=record.record,
        name=ours,
        status=record.status,
        type=record.type,
        mlflow_run=record.mlflow_run,
        mlflow_run_name=theirs,
        git=record.git,
        parent=record.parent,
        dvc_version=record.dvc_version,
        dvc_linkage_status=record.dvc_linkage_status,
        env_fingerprint_status=record.env_fingerprint_status,
        command=record.command,
        when=iso(record.started_at),
        name_mismatch=theirs != ours if theirs and ours else None,
        source=record.source,
        linked_by=record.linked_by,
    )


def _of_version(dossier: Dossier, run: Run) -> RunRow:
    state, out = _maker(dossier)
    claimed = run.tags.get("mlflow.runName", "")
    return RunRow(
        record=f"{dossier.label}/{dossier.version}",
        name=run.name,
        status=run.status,
        type="mlflow",
        mlflow_run=run.run_id,
        mlflow_run_name=claimed,
        git=dossier.tagged_commit.sha if dossier.tagged_commit else "",
        parent=run.tags.get("mlflow.parentRunId", ""),
        dvc_version=f"{out.hash_name}:{out.digest}" if out else state.id if state else "",
        dvc_linkage_status=_linkage(dossier),
        env_fingerprint_status=_ENVIRONMENT.get(dossier.statuses.environment, ""),
        command=state.command if state else "",
        when=iso(run.started_at),
        name_mismatch=claimed != run.name if claimed and run.name else None,
        source="registry",
        linked_by="the version names the run"
        if dossier.run_id == run.run_id
        else "the version's logged model names the run",
    )


def _maker(dossier: Dossier) -> tuple[StageState | None, TrackedPath | None]:
    """Return the stage that the lineage says made the weights, and its out with their bytes."""
    nodes = dossier.graph.by_id()
    for edge in dossier.graph.edges:
        source, target = nodes.get(edge.source), nodes.get(edge.target)
        if source is None or target is None or edge.relation is not Relation.WAS_GENERATED_BY:
            continue
        if source.kind is not NodeKind.WEIGHTS or target.kind is not NodeKind.STAGE:
            continue
        for state in dossier.stages:
            if target.id == f"{NodeKind.STAGE.value}:{state.id}" or target.label == state.stage:
                said = " ".join(edge.operands)
                outs = (out for out in state.outs if out.digest and out.digest in said)
                return state, next(outs, None)
    return None, None


def _linkage(dossier: Dossier) -> str:
    """Return in one word how firmly the version hangs on DVC, and on data still at hand.

    ``remote_ready``: matched, and every data object is in its remote; ``local_only``:
    some are in a local cache only; ``partial``: some are gone or were not asked for, or
    the stage is only inferred; ``missing``: no stage; ``not_checkable``.
    """
    if dossier.statuses.dvc != "matched":
        others = {"no_match": "missing", "inferred": "partial"}
        return others.get(dossier.statuses.dvc, dossier.statuses.dvc)
    found = {item.state for item in dossier.objects} - {ObjectState.NOT_APPLICABLE}
    if found & {ObjectState.MISSING, ObjectState.DAMAGED, ObjectState.NOT_CHECKED}:
        return "partial"
    return "local_only" if ObjectState.CACHE_ONLY in found else "remote_ready"
