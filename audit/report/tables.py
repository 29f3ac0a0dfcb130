"""The report as flat tables: the sixteen CSV files of the output contract, column for column.

A cell is text, a whole number, a truth value, or ``None`` for unknown. Times are ISO 8601
in UTC with milliseconds; lists are joined by ``; ``, tags and aliases written ``key=value``.
A model of another workspace than the default is named ``workspace:model``. Rows are sorted,
so that the same report gives the same table whatever order its parts came in.

A table of its header alone says "not recorded": reviews where nothing is flagged, and the history
where nobody watched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from audit.history.rows import ACTION_COLUMNS, TENURE_COLUMNS, action_row, tenure_row
from audit.period import iso
from audit.report import history_tables, review_tables, run_tables
from audit.report.model import Report
from audit.report.since import told
from audit.report.sources import once

Cell = str | int | bool | None
Row = tuple[Cell, ...]

COLUMNS: dict[str, tuple[str, ...]] = {
    name: tuple(columns.split())
    for name, columns in {
        "models": "model created_at description tags versions aliases verdict",
        "versions": "model version status stage aliases created_at created_by source run_id "
        "logged_model_id weights_sha256 weights_status git_commit git_status dvc_status env_status "
        "lineage_status scope_reason verdict since_previous",
        "runs": " ".join(run_tables.RUNS),
        "unregistered_runs": " ".join(run_tables.UNREGISTERED),
        "lineage_nodes": "model version node kind label digest detail",
        "lineage_edges": "model version from to relation grade evidence",
        "datasets": "dataset name digest digest_kind schema source size in_remote used_by "
        "digest_check source_kind",
        "actions": " ".join(ACTION_COLUMNS),
        "tenures": " ".join(TENURE_COLUMNS),
        "reconciliation": " ".join(history_tables.BOOKS),
        "controls": "pack control check model version verdict severity reason evidence waiver",
        "waivers": "waiver control scope owner approver reason effective expires state",
        "consumers": "model version consumer kind since grade name until count detail",
        "reviews": " ".join(review_tables.REVIEWS),
        "gaps": "model version what reason consequence",
        "changes": "change model version control before after cause",
    }.items()
}
"""File name without ``.csv`` to its columns, in the order of the contract."""

_NO_STAGE = frozenset({"None", "Deleted_Internal"})
"""What MLflow writes as the stage of a version that has none."""


@dataclass(frozen=True, slots=True)
class Table:
    """One CSV file: ``name`` without its ending, and rows as long as ``columns``."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]


def tables(report: Report) -> dict[str, Table]:
    """Return all tables of the output contract by name, in the contract's order."""
    rows = {name: _ROWS[name](report) if name in _ROWS else () for name in COLUMNS}
    latest = COLUMNS["actions"].index("at_latest")
    return {
        name: Table(name, columns, _sorted(rows[name], latest if name == "actions" else 0))
        for name, columns in COLUMNS.items()
    }


def _sorted(rows: Iterable[Row], first: int) -> tuple[Row, ...]:
    """Return rows by their columns from ``first``: unknown, numbers by size, text by code point."""

    def order(row: Row) -> list[tuple[int, int, str]]:
        return [
            (0, 0, "") if cell is None else (1, cell, "") if isinstance(cell, int) else (2, 0, cell)
            for cell in row[first:]
        ]

    return tuple(sorted(rows, key=order))


def _join(parts: Iterable[object]) -> str:
    return "; ".join(str(part) for part in parts)


def _pairs(mapping: Mapping[str, object]) -> str:
    return _join(f"{key}={value}" for key, value in sorted(mapping.items()))


def _models(report: Report) -> Iterator[Row]:
    for model in report.models:
        yield (
            model.label,
            iso(model.created_at),
            model.description,
            _pairs(model.tags),
            len(model.versions),
            _pairs(model.aliases),
            model.verdict.value,
        )


def _versions(report: Report) -> Iterator[Row]:
    for dossier in report.dossiers:
        statuses = dossier.statuses
        yield (
            dossier.label,
            dossier.version,
            "DELETED" if dossier.deleted else dossier.registry_status,
            "" if dossier.stage in _NO_STAGE else dossier.stage,
            _join(sorted(dossier.aliases)),
            iso(dossier.created_at),
            dossier.created_by,
            dossier.source,
            dossier.run.run_id if dossier.run else dossier.run_id,
            dossier.logged_model_id,
            dossier.weights_sha256,
            statuses.weights.value,
            dossier.tagged_commit.sha if dossier.tagged_commit else "",
            statuses.git,
            statuses.dvc,
            statuses.environment,
            statuses.lineage,
            report.scope_reasons.get(dossier.slug, ""),
            dossier.verdict.value,
            told(dossier.since),
        )


# --- lineage and data ----------------------------------------------------------------------


def _nodes(report: Report) -> Iterator[Row]:
    for dossier in report.dossiers:
        for node in dossier.graph.nodes:
            yield (
                dossier.label,
                dossier.version,
                node.id,
                node.kind.value,
                node.label,
                node.digest,
                node.detail,
            )


def _edges(report: Report) -> Iterator[Row]:
    for dossier in report.dossiers:
        for edge in dossier.graph.edges:
            yield (
                dossier.label,
                dossier.version,
                edge.source,
                edge.target,
                edge.relation.value,
                edge.grade.value,
                edge.evidence,
            )


def _datasets(report: Report) -> Iterator[Row]:
    """Yield each data source once, with the versions that used it.

    ``dataset`` names the content: digest with its kind, or the name where there is none.
    """
    for data, used_by in once(report.dossiers):
        yield (
            f"{data.digest_kind}:{data.digest}" if data.digest else data.name,
            data.name,
            data.digest,
            data.digest_kind,
            _join(f"{name} {kind}".strip() for name, kind in data.columns),
            data.source,
            data.bytes,
            data.in_remote,
            _join(f"{m}/{v}" for m, v in sorted((d.label, d.version) for d in used_by)),
            data.digest_check,
            data.source_kind,
        )


def _consumers(report: Report) -> Iterator[Row]:
    for dossier in report.dossiers:
        for consumer in dossier.consumers:
            yield (
                dossier.label,
                dossier.version,
                consumer.id or consumer.name,
                consumer.kind,
                iso(consumer.since),
                consumer.grade.value,
                consumer.name,
                iso(consumer.until),
                consumer.count,
                consumer.detail,
            )


# --- judgements ----------------------------------------------------------------------------


def _controls(report: Report) -> Iterator[Row]:
    named = [(dossier.label, result) for dossier in report.dossiers for result in dossier.results]
    for model, result in [*named, *(("", result) for result in report.job_results)]:
        yield (
            result.pack,
            result.control,
            result.check,
            model,
            result.version or None,
            result.verdict.value,
            result.severity.value,
            result.reason,
            _join(result.evidence),
            result.waiver,
        )


def _waivers(report: Report) -> Iterator[Row]:
    for waiver in report.waivers:
        yield (
            waiver.id,
            waiver.control,
            waiver.scope,
            waiver.owner,
            waiver.approver,
            waiver.reason,
            waiver.effective,
            waiver.expires,
            waiver.state,
        )


def _gaps(report: Report) -> Iterator[Row]:
    for row in report.gaps:
        gap = row.gap
        yield row.model, row.version or None, gap.what, gap.reason, gap.consequence
    yield from history_tables.gaps(report.history)


def _changes(report: Report) -> Iterator[Row]:
    for item in report.changes:
        yield (
            item.change,
            item.model,
            item.version or None,
            item.control,
            item.before,
            item.after,
            item.cause,
        )


_ROWS: dict[str, Callable[[Report], Iterable[Row]]] = {
    "models": _models,
    "versions": _versions,
    "runs": run_tables.runs,
    "unregistered_runs": run_tables.unregistered,
    "lineage_nodes": _nodes,
    "lineage_edges": _edges,
    "datasets": _datasets,
    "actions": lambda report: map(action_row, report.history.actions),
    "tenures": lambda report: map(tenure_row, report.history.tenures),
    "reconciliation": lambda report: history_tables.reconciliation(report.history),
    "controls": _controls,
    "waivers": _waivers,
    "consumers": _consumers,
    "reviews": review_tables.reviews,
    "gaps": _gaps,
    "changes": _changes,
}
