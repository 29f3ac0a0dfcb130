"""mltrace's PostgreSQL database: component runs with their inputs, outputs and flags.

Six queries in one read-only transaction, without mltrace. Its ``stale`` and ``git_tags`` are
pickles and are not read: staleness follows from the times, by mltrace's own rule. Names of
inputs and outputs are what a program passed; their values are digests of objects in memory,
never of files. So nothing here is better than declared.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from audit.errors import AuditError
from audit.facts import RecordedRun, Recorder
from audit.sources.registry.database import Snapshot, snapshot
from audit.sources.uris import redact_uri

SOURCE = "mltrace"
_TABLES = {
    "component_runs": (
        "id", "component_name", "notes", "git_hash", "start_timestamp", "end_timestamp",
        "mlflow_run_id",
    ),
    "component_runs_inputs": ("component_run_id", "input_path_name"),
    "component_runs_outputs": ("component_run_id", "output_path_name", "output_path_value"),
    "component_run_dependencies": ("component_run_id", "depends_on_component_run_id"),
    "io_pointers": ("name", "value", "flag"),
    "components": ("name", "owner"),
}  # fmt: skip
_STALE_SECONDS = 60 * 60 * 24 * 30
"""mltrace's default: a dependency that began longer ago is stale."""
_DAY = 60 * 60 * 24
_MAX_TEXT = 2000


def read_mltrace(uri: str) -> tuple[Recorder, tuple[RecordedRun, ...]]:
    """Return a database's component runs; one that cannot be read says why and has none."""
    shown = redact_uri(uri)
    try:
        with snapshot(uri, _TABLES, what="the mltrace database") as view:
            if "component_runs" not in view.columns:
                reason = "this is no mltrace database: it has no table component_runs"
                return Recorder(SOURCE, shown, read=False, reason=reason), ()
            records = _records(view, shown)
    except AuditError as error:
        return Recorder(SOURCE, shown, read=False, reason=error.what), ()
    return Recorder(SOURCE, shown, records=len(records)), records


def _records(view: Snapshot, location: str) -> tuple[RecordedRun, ...]:
    flagged = {
        (name, bytes(value or b"")) for name, value, flag in view.rows("io_pointers") if flag
    }
    owners = {row.name: row.owner for row in view.rows("components")}
    inputs, outputs = defaultdict[Any, set[str]](set), defaultdict[Any, set[str]](set)
    bad, after = defaultdict[Any, set[str]](set), defaultdict[Any, list[Any]](list)
    for run, name in view.rows("component_runs_inputs"):
        inputs[run].add(_text(name))
    for run, name, value in view.rows("component_runs_outputs"):
        outputs[run].add(_text(name))
        if (name, bytes(value or b"")) in flagged:
            bad[run].add(_text(name))
    for run, before in view.rows("component_run_dependencies"):
        after[run].append(before)
    runs = {row.id: row for row in sorted(view.rows("component_runs"), key=lambda row: row.id)}
    starts = defaultdict[Any, list[dt.datetime]](list)
    for row in runs.values():
        if row.start_timestamp is not None:
            starts[row.component_name].append(row.start_timestamp)
    for moments in starts.values():
        moments.sort()
    return tuple(
        RecordedRun(
            source=SOURCE,
            location=location,
            record=str(row.id),
            type=_text(row.component_name),
            mlflow_run=_text(row.mlflow_run_id),
            git=_text(row.git_hash),
            started_at=_ms(row.start_timestamp),
            ended_at=_ms(row.end_timestamp),
            inputs=tuple(sorted(inputs[row.id])),
            outputs=tuple(sorted(outputs[row.id])),
            depends_on=tuple(str(before) for before in sorted(after[row.id])),
            flagged=tuple(sorted(bad[row.id])),
            stale=tuple(_stale(row, [runs[b] for b in sorted(after[row.id]) if b in runs], starts)),
            detail=_detail(owner=owners.get(row.component_name), notes=row.notes),
        )
        for row in runs.values()
    )


def _stale(
    run: Any, dependencies: Sequence[Any], starts: dict[Any, list[dt.datetime]]
) -> Iterable[str]:
    """Yield why a run was stale when it began: mltrace's rule, for what it came after directly."""
    for before in dependencies:
        if run.start_timestamp is None or before.start_timestamp is None:
            continue
        name = f"{_text(before.component_name)} (record {before.id})"
        seconds = (run.start_timestamp - before.start_timestamp).total_seconds()
        if seconds > _STALE_SECONDS:
            yield f"{name} ran {int(seconds // _DAY)} days before"
        moments = starts[before.component_name]
        first = bisect_left(moments, before.start_timestamp)
        between = bisect_right(moments, run.start_timestamp) - first
        between -= before.component_name == run.component_name
        if between > 1:
            noun = "run" if between == 2 else "runs"
            yield f"{name} has {between - 1} fresher {noun} from before it began"


def _ms(moment: dt.datetime | None) -> int | None:
    """Return mltrace's time, which is UTC without saying so, as UTC ms."""
    if moment is None:
        return None
    zone = moment.tzinfo or dt.UTC
    return round(moment.replace(tzinfo=zone).timestamp() * 1000)


def _text(value: object) -> str:
    return str(value)[:_MAX_TEXT].strip() if value is not None else ""


def _detail(**values: object) -> dict[str, str]:
    return {key: _text(value) for key, value in values.items() if _text(value)}
