"""The graph of one version, walked from the version back to its weights, run and data."""

from __future__ import annotations

import json
from pathlib import PurePosixPath

from audit.facts import (
    COMMIT_TAGS,
    CommitState,
    DatasetCheck,
    DatasetInput,
    DigestState,
    MatchMethod,
    Run,
    RunState,
    VersionFacts,
)
from audit.graph import Graph, NodeKind, Relation
from audit.lineage.canvas import Canvas
from audit.lineage.declared import draw_declared
from audit.lineage.stages import draw_stages
from audit.lineage.status import weights_status
from audit.sources.addresses import redacted
from audit.verdicts import Grade, WeightsStatus

_NO_RUN = {
    RunState.NONE: (Grade.MISSING, "the version names no run"),
    RunState.GONE: (Grade.MISSING, "the run that the version names is no longer in MLflow"),
    RunState.NOT_VISIBLE: (Grade.NOT_CHECKABLE, "this reader cannot see the version's run"),
}


def build(facts: VersionFacts) -> Graph:
    """Return the lineage graph of one version."""
    canvas = Canvas()
    version = _version(canvas, facts)
    weights = _weights(canvas, facts, version)
    run = _run(canvas, facts, weights)
    draw_stages(canvas, facts, weights)
    if facts.run is not None and run:
        _tagged_commit(canvas, facts, facts.run, run)
        _datasets(canvas, facts, facts.run, run)
        _environment(canvas, facts, run)
        _bases(canvas, facts, run)
    draw_declared(canvas, facts, version, run)
    _downstream(canvas, facts, version)
    return canvas.graph(version)


def _version(canvas: Canvas, facts: VersionFacts) -> str:
    version = facts.version
    node = canvas.node(
        NodeKind.MODEL_VERSION,
        version.key,
        f"{version.model} v{version.version}",
        detail="deleted" if version.deleted else version.status.lower(),
    )
    copy, method = node, "the registry's source names the version that this one copies"
    for key in facts.origin:
        source = canvas.node(NodeKind.MODEL_VERSION, key, key.replace("/", " v"), role="origin")
        operand = version.source if copy == node else ""
        canvas.edge(copy, source, Relation.WAS_DERIVED_FROM, Grade.RECORDED, method, operand)
        copy = source
    return node


def _weights(canvas: Canvas, facts: VersionFacts, version: str) -> str:
    weights, model_id = facts.weights, facts.version.logged_model_id
    count = len(weights.files)
    node = canvas.node(
        NodeKind.WEIGHTS,
        facts.version.key,
        "weights",
        digest=f"sha256:{weights.sha256}" if weights.sha256 else "",
        detail=f"{count} file{'' if count == 1 else 's'}" if weights.read else "not read",
    )
    grade, method, operands = _holding(canvas, facts)
    if not model_id:
        canvas.edge(node, version, Relation.REGISTERED_AS, grade, method, *operands)
        return node
    name = facts.logged_model.name if facts.logged_model else ""
    model = canvas.node(NodeKind.LOGGED_MODEL, model_id, name or model_id, detail=model_id)
    canvas.edge(model, node, Relation.WAS_DERIVED_FROM, grade, method, *operands)
    if facts.logged_model_state is RunState.GONE:
        reason = "the logged model is no longer in MLflow"
        canvas.edge(model, version, Relation.REGISTERED_AS, Grade.MISSING, reason, model_id)
        consequence = "its artifact location is known only from the version"
        canvas.gap("logged model", reason, consequence)
    else:
        method = "the registry's source or storage location names the logged model"
        canvas.edge(model, version, Relation.REGISTERED_AS, Grade.RECORDED, method, model_id)
    return node


def _holding(canvas: Canvas, facts: VersionFacts) -> tuple[Grade, str, tuple[str, ...]]:
    """Return how it is known that the bytes at the storage location are the version's."""
    weights = facts.weights
    status = weights_status(facts)
    if status is WeightsStatus.UNREACHABLE:
        reason = weights.reason or "the storage location could not be read"
        canvas.gap("weights", reason, "nothing can be said of the weights' content")
        return Grade.NOT_CHECKABLE, reason, (weights.location,)
    if status is WeightsStatus.CHANGED:
        operands = (
            f"first seen sha256:{weights.first_sha256}",
            f"now sha256:{weights.sha256}",
            *weights.changes,
        )
        return Grade.CONTRADICTED, "the weights changed after they were first seen", operands
    method = "the registry names this storage location, and its bytes were hashed in this run"
    return Grade.RECORDED, method, (weights.location,)


def _run(canvas: Canvas, facts: VersionFacts, weights: str) -> str:
    """Return the node of the training run; a run that cannot be had is a gap."""
    run = facts.run
    if run is None:
        grade, reason = _NO_RUN.get(facts.run_state, _NO_RUN[RunState.GONE])
        gap = canvas.node(NodeKind.GAP, "run", "training run", detail=reason, role="run")
        run_id = facts.version.run_id
        canvas.edge(weights, gap, Relation.WAS_GENERATED_BY, grade, reason, run_id)
        consequence = "its parameters, metrics and code commit are not known"
        canvas.gap("training run", reason, consequence)
        return ""
    detail = "deleted" if run.lifecycle == "deleted" else run.status.lower()
    node = canvas.node(NodeKind.RUN, run.run_id, run.name or run.run_id, detail=detail)
    grade, method, operands = _made_by(facts, run)
    canvas.edge(weights, node, Relation.WAS_GENERATED_BY, grade, method, *operands)
    return node


def _made_by(facts: VersionFacts, run: Run) -> tuple[Grade, str, tuple[str, ...]]:
    """Return how it is known that this run made the weights."""
    by_bytes = [m for m in facts.pipeline.matches if m.method is MatchMethod.BYTES]
    differs = tuple(text for match in by_bytes for text in match.differs)
    if differs:
        method = "the run's parameters disagree with the lock of the stage that made the weights"
        return Grade.CONTRADICTED, method, differs
    model = facts.logged_model
    if model is not None and model.source_run_id == run.run_id:
        method = "MLflow's logged model names its source run"
        return Grade.RECORDED, method, (model.model_id, run.run_id)
    if run.artifact_uri and facts.weights.location.startswith(run.artifact_uri):
        method = "the weights stand in the run's artifact folder"
        return Grade.RECORDED, method, (run.artifact_uri,)
    method = "the client named the run when it registered the version"
    return Grade.DECLARED, method, (run.run_id,)


def _tagged_commit(canvas: Canvas, facts: VersionFacts, training: Run, run: str) -> None:
    commit = facts.pipeline.tagged
    if commit is None:
        reason = f"the run carries no {COMMIT_TAGS[0]} tag"
        gap = canvas.node(NodeKind.GAP, "commit", "code commit", detail=reason, role="commit")
        canvas.edge(run, gap, Relation.USED, Grade.MISSING, reason)
        consequence = "the code is known only where a DVC lock leads to it"
        canvas.gap("code commit", reason, consequence)
        return
    node = canvas.commit(commit.sha, commit, "tagged")
    here = [item for item in facts.pipeline.tree if item.commit == commit.sha]
    differ = [item.path for item in here if not item.equal]
    if commit.state is CommitState.NOT_CHECKABLE:
        grade, method = Grade.NOT_CHECKABLE, "no whole configured repository could be asked"
    elif commit.state is CommitState.UNKNOWN_REPOSITORY:
        grade, method = Grade.NOT_CHECKABLE, "the repository that the run names is not configured"
    elif commit.state is CommitState.SUBMODULE:
        grade, method = Grade.DECLARED, "a configured repository holds it as a submodule's commit"
    elif commit.state in (CommitState.MISSING, CommitState.MALFORMED):
        grade, method = Grade.MISSING, "the commit in the run's tag is in no configured repository"
        canvas.gap("code commit", f"{method}: {commit.sha}", "the code that ran cannot be shown")
    elif here and not differ:
        grade = Grade.VERIFIED
        method = "every dependency in the lock equals the file in this commit, hashed now"
    else:
        grade, method = Grade.DECLARED, "the run's tag names this commit"
    told = [f"the tree that ran differed in {', '.join(differ)}"] if differ else []
    told += [commit.reason] if commit.reason else []
    canvas.edge(run, node, Relation.USED, grade, method, training.commit[0], *told)


def _datasets(canvas: Canvas, facts: VersionFacts, run: Run, node: str) -> None:
    files = [item for item in canvas.nodes.values() if item.kind is NodeKind.FILE]
    for number, data in enumerate(run.datasets):
        detail = f"MLflow sample digest {data.digest}"
        key = f"{data.name}:{data.digest}"
        dataset = canvas.node(NodeKind.DATASET, key, data.name, detail=detail, role="input")
        method = "MLflow's table of run inputs"
        canvas.edge(node, dataset, Relation.USED, Grade.RECORDED, method, data.context)
        check = facts.datasets[number] if number < len(facts.datasets) else None
        found = f"{NodeKind.FILE.value}:{check.file}" if check and check.file else ""
        name = PurePosixPath(source_address(data)).name
        same = [file for file in files if name and PurePosixPath(file.label).name == name]
        target = found if found in canvas.nodes else same[0].id if len(same) == 1 else ""
        if target:
            method, *operands = _named(data, check)
            grade = Grade.INFERRED
            canvas.edge(dataset, target, Relation.WAS_DERIVED_FROM, grade, method, *operands)


def _named(data: DatasetInput, check: DatasetCheck | None) -> tuple[str, ...]:
    """Return how a data set and a file of the lineage are known to be the same, with operands."""
    source = source_address(data)
    if check is None or check.state is DigestState.NOT_COMPUTED:
        return "the data set's source has the file's name; its digest covers a sample only", source
    told = (source, f"MLflow sample digest {data.digest}", f"{check.reader}: {check.computed}")
    if check.state is DigestState.EQUAL:
        return "the source has the file's name, and a sample of the file has its digest", *told
    method = "the data set's source has the file's name; its sample digest differs by this reader"
    return method, *told


def source_address(data: DatasetInput) -> str:
    """Return the address in a data set's source, which MLflow keeps as JSON, without secrets."""
    try:
        source = json.loads(data.source)
    except (ValueError, RecursionError):
        return redacted(data.source)
    if not isinstance(source, dict):
        return redacted(data.source)
    found = (str(source[key]) for key in ("uri", "url", "path") if source.get(key))
    return redacted(next(found, ""))


def _environment(canvas: Canvas, facts: VersionFacts, run: str) -> None:
    environment = facts.environment
    if not environment.sources:
        return
    label = f"Python {environment.python}" if environment.python else "environment"
    count = len(environment.packages)
    detail = f"{count} package{'' if count == 1 else 's'}"
    node = canvas.node(NodeKind.ENVIRONMENT, "environment", label, detail=detail)
    method = "files beside the weights"
    canvas.edge(run, node, Relation.USED, Grade.DECLARED, method, *environment.sources)


def _bases(canvas: Canvas, facts: VersionFacts, run: str) -> None:
    """Add the models that the training took as input: versions, or logged models by their ids."""
    for base in facts.bases:
        is_version = "/" in base
        kind = NodeKind.MODEL_VERSION if is_version else NodeKind.LOGGED_MODEL
        label = " v".join(base.rsplit("/", 1)) if is_version else base
        node = canvas.node(kind, base, label, role="base")
        method = "MLflow's table of run inputs"
        canvas.edge(run, node, Relation.USED, Grade.RECORDED, method, base)


def _downstream(canvas: Canvas, facts: VersionFacts, version: str) -> None:
    for alias in facts.aliases:
        node = canvas.node(NodeKind.ALIAS, alias, alias)
        method = "the registry's alias table, which keeps no time"
        canvas.edge(node, version, Relation.POINTS_TO, Grade.RECORDED, method)
    for consumer in facts.consumers:
        kind = "DVC stage" if consumer.kind == "dvc_stage" else consumer.kind
        node = canvas.node(NodeKind.CONSUMER, consumer.id, consumer.name, detail=kind)
        method = consumer.detail or consumer.kind
        canvas.edge(version, node, Relation.CONSUMED_BY, consumer.grade, method, consumer.id)
