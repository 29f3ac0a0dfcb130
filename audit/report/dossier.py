"""One version's facts, lineage and check results → its dossier."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable
from dataclasses import replace

from audit import canonical
from audit.facts import (
    DatasetCheck,
    DatasetInput,
    Environment,
    Family,
    MatchMethod,
    ObjectState,
    Pack,
    Pipeline,
    TrackedPath,
    VersionFacts,
    model_label,
)
from audit.graph import Graph, NodeKind
from audit.history.model import Action
from audit.lineage import proved_files, weights_status
from audit.lineage.build import source_address
from audit.report.model import DOSSIER_SCHEMA, ControlResult, DatasetRow, Dossier, Statuses
from audit.verdicts import LineageStatus, Verdict, overall

_MEMBERS = 20
"""Files of a folder that a dossier names; facts.jsonl has more of them."""

_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def slug_of(model: str, version: int, workspace: str = "default") -> str:
    """Return a version's folder below ``models/``: ``<model slug>/v<version>``."""
    return f"{canonical.slug(model_label(model, workspace))}/v{version}"


def build_dossier(
    facts: VersionFacts,
    graph: Graph,
    results: tuple[ControlResult, ...],
    packs: Iterable[Pack],
    actions: tuple[Action, ...] = (),
) -> Dossier:
    """Return one version's dossier. It depends on this version's facts and history alone."""
    version, weights, pipeline = facts.version, facts.weights, facts.pipeline
    families = tuple(family for pack in packs for family in pack.families)
    judged = {result.family for result in results}
    return Dossier(
        schema=DOSSIER_SCHEMA,
        slug=slug_of(version.model, version.version, version.workspace),
        model=version.model,
        version=version.version,
        workspace=version.workspace,
        headline=_headline(facts, graph, results),
        verdict=overall(result.verdict for result in results),
        created_at=version.created_at,
        created_by=version.created_by or (facts.run.user if facts.run else ""),
        description=version.description,
        model_description=facts.model_description,
        tags=version.tags,
        aliases=facts.aliases,
        stage=version.stage,
        registry_status=version.status,
        source=version.source,
        storage_location=version.storage_location,
        origin=facts.origin,
        deleted=version.deleted,
        deleted_at=version.deleted_at,
        run=facts.run,
        run_state=facts.run_state.value,
        logged_model_id=version.logged_model_id,
        model_type=facts.logged_model.model_type if facts.logged_model else "",
        statuses=_statuses(facts, graph),
        weights_sha256=weights.sha256,
        weights_first_seen_at=weights.first_seen_at,
        weights_reason=weights.reason,
        weights_changed=weights.changed_files,
        files=weights.files,
        graph=graph,
        tagged_commit=pipeline.tagged,
        commits=pipeline.commits,
        stages=tuple(state for state in pipeline.states if state.stage),
        datasets=_datasets(facts, graph),
        objects=pipeline.objects,
        tree=pipeline.tree,
        inputs=facts.run.datasets if facts.run else (),
        environment=facts.environment,
        consumers=facts.consumers,
        families=tuple(family for family in families if _speaks_of(family, judged)),
        results=results,
        gaps=graph.gaps,
        problems=facts.problems,
        run_id=version.run_id,
        actions=actions,
        since=facts.since,
        distance=pipeline.distance,
        twins=facts.twins,
        bases=facts.bases,
        folders=tuple(replace(item, members=item.members[:_MEMBERS]) for item in pipeline.folders),
        imports=pipeline.imports,
        declared_stages=pipeline.declared,
        fresher=pipeline.fresher,
        dataset_checks=facts.datasets,
        model_signature=facts.model_signature,
        advisories=facts.advisories,
        recorded=facts.recorded,
        declared_origin=facts.declared_origin,
        declared_digests=facts.declared_digests,
        weights_added=weights.added_files,
        weights_removed=weights.removed_files,
        twin_ties=facts.twin_ties,
        advisory_files=facts.advisory_files,
        weights_proved=proved_files(facts),
        weights_watched=weights.watched,
    )


def _speaks_of(family: Family, judged: set[str]) -> bool:
    return family.id in judged


def _statuses(facts: VersionFacts, graph: Graph) -> Statuses:
    pipeline = facts.pipeline
    return Statuses(
        lineage=graph.status.value,
        weights=weights_status(facts),
        git=pipeline.tagged.state.value if pipeline.tagged else "not_recorded",
        dvc=_dvc_status(facts, pipeline),
        environment=_environment_status(facts.environment),
    )


def _dvc_status(facts: VersionFacts, pipeline: Pipeline) -> str:
    methods = {match.method for match in pipeline.matches}
    if MatchMethod.BYTES in methods:
        return "matched"
    if methods:
        return "inferred"
    return "not_checkable" if pipeline.problems or not facts.weights.read else "no_match"


def _environment_status(environment: Environment) -> str:
    if not environment.packages:
        return "not_recorded"
    return "unpinned" if environment.unpinned or not environment.python else "pinned"


# --- data sources ---------------------------------------------------------------------------


def _datasets(facts: VersionFacts, graph: Graph) -> tuple[DatasetRow, ...]:
    """Return the raw and intermediate files of the lineage, then MLflow's data-set inputs."""
    states = facts.pipeline.states
    home = {state.repository for state in facts.pipeline.home}
    tracked: dict[str, tuple[str, TrackedPath]] = {}
    source: dict[tuple[str, str], str] = {}
    for state in states:
        within = "" if state.repository in home else f"{state.repository}:"
        for path in (*state.deps, *state.outs):
            tracked[f"{within}{path.path}@{path.digest}"] = state.repository, path
        for out in state.outs:
            source[state.repository, out.digest] = state.imported_from or state.file
    remote = {(item.repository, item.digest): item.state for item in facts.pipeline.objects}
    rows = []
    for node in graph.of_kind(NodeKind.FILE):
        repository, path = tracked[node.id.removeprefix("file:")]
        key = (repository, path.digest)
        rows.append(
            DatasetRow(
                name=path.path,
                kind=node.role,
                digest=path.digest,
                digest_kind=path.hash_name,
                columns=_columns_of(path, facts),
                source=source.get(key, node.detail) if path.digest else node.detail,
                bytes=path.size,
                in_remote=remote.get(key, ObjectState.NOT_APPLICABLE).value,
                repository=repository,
            )
        )
    rows.sort(key=lambda row: (row.kind != "raw", row.name, row.digest))
    inputs = facts.run.datasets if facts.run else ()
    checks = itertools.chain(facts.datasets, itertools.repeat(None))
    return (*rows, *(_input_row(data, check) for data, check in zip(inputs, checks, strict=False)))


def _columns_of(path: TrackedPath, facts: VersionFacts) -> tuple[tuple[str, str], ...]:
    """Return the schema that MLflow recorded for a data set whose source is this file."""
    for data in facts.run.datasets if facts.run else ():
        address = source_address(data)
        if address and (address == path.path or address.endswith(f"/{path.path}")):
            return columns(data.schema)
    return ()


def _input_row(data: DatasetInput, check: DatasetCheck | None) -> DatasetRow:
    return DatasetRow(
        name=data.name,
        kind="input",
        digest=data.digest,
        digest_kind="mlflow sample",
        columns=columns(data.schema),
        source=source_address(data),
        rows=_rows(data.profile),
        digest_check=check.state.value if check else "",
        source_kind=check.source_kind if check else "",
    )


def columns(schema: str) -> tuple[tuple[str, str], ...]:
    """Return column names and types of MLflow's ``mlflow_colspec`` JSON, empty for any other."""
    try:
        spec = json.loads(schema).get("mlflow_colspec") or []
        return tuple((str(column.get("name", "")), str(column["type"])) for column in spec)
    except (ValueError, AttributeError, KeyError, TypeError):
        # A schema of another kind (tensors, a client's own JSON) is shown in the data, not here.
        return ()


def _rows(profile: str) -> int | None:
    try:
        rows = json.loads(profile).get("num_rows")
    except (ValueError, AttributeError):
        return None
    return rows if isinstance(rows, int) else None


# --- the sentence at the top ---------------------------------------------------------------------


def _headline(facts: VersionFacts, graph: Graph, results: tuple[ControlResult, ...]) -> str:
    parts = [_standing(facts), _made_from(graph), _outcome(results)]
    return " ".join(part for part in parts if part)


def _standing(facts: VersionFacts) -> str:
    if facts.version.deleted:
        return "Deleted from the registry."
    copied = f"Copy of {facts.origin[0].replace('/', ' version ')}. " if facts.origin else ""
    if not facts.aliases:
        return f"{copied}No alias points to it."
    names = listed(facts.aliases)
    return f"{copied}{'Alias' if len(facts.aliases) == 1 else 'Aliases'} {names}."


def _made_from(graph: Graph) -> str:
    names = list(
        dict.fromkeys(
            node.label.rsplit("/", 1)[-1]
            for node in graph.of_kind(NodeKind.FILE)
            if node.role == "raw"
        )
    )
    if graph.status is LineageStatus.UNREADABLE:
        return "Its data could not be traced with the sources at hand."
    if not names:
        return "It cannot be shown which data it was trained from."
    shown = listed(names) if len(names) <= 3 else f"{len(names)} data sources"
    if graph.status is LineageStatus.CONTRADICTED:
        return f"Trained from {shown}, but the record contradicts itself."
    gaps = " with gaps in the path" if graph.status is LineageStatus.GAPS else ""
    return f"Trained from {shown}{gaps}."


def _outcome(results: tuple[ControlResult, ...]) -> str:
    failed = sum(result.verdict is Verdict.FAIL for result in results)
    waived = sum(result.verdict is Verdict.WAIVED for result in results)
    open_ = sum(result.verdict in (Verdict.UNKNOWN, Verdict.ERROR) for result in results)
    counted = (
        (failed, "fails", "fail"),
        (waived, "is waived", "are waived"),
        (open_, "could not be evaluated", "could not be evaluated"),
    )
    told = [
        f"{spelled(count)}{'' if index else ' check' if count == 1 else ' checks'} "
        f"{one if count == 1 else many}"
        for index, (count, one, many) in enumerate(item for item in counted if item[0])
    ]
    if not told:
        return "All checks pass."
    sentence = listed(told)
    return f"{sentence[0].upper()}{sentence[1:]}."


def listed(names: Iterable[str]) -> str:
    """Return names as a phrase: ``a``, ``a and b``, ``a, b and c``."""
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def spelled(count: int) -> str:
    """Return a small count as a word."""
    return _WORDS[count] if count < len(_WORDS) else str(count)
