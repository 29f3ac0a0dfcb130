"""Which traces name a logged model, counted by the database: there may be millions."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from audit.facts import TraceUse
from audit.sources.registry.database import Snapshot

_TRACED_MODEL = "mlflow.modelId"
"""Key under which a trace's metadata names the logged model that answered."""
_HOUR = 3_600_000


def traces(view: Snapshot) -> tuple[TraceUse, ...]:
    """Return how many traces each logged model answered in each hour, counted by the database."""
    if not {"trace_info", "trace_request_metadata"} <= view.columns.keys():
        return ()
    trace, said = (
        sa.table("trace_info", *_columns("request_id timestamp_ms")),
        sa.table("trace_request_metadata", *_columns("request_id key value")),
    )
    # Division of whole numbers differs between databases, the rest of one does not.
    hour = trace.c.timestamp_ms - trace.c.timestamp_ms % _HOUR
    counted = (
        sa.select(said.c.value, hour, sa.func.count())
        .select_from(said.join(trace, trace.c.request_id == said.c.request_id))
        .where(said.c.key == _TRACED_MODEL)
        .group_by(said.c.value, hour)
    )
    found = [
        TraceUse(str(model), int(begun) // _HOUR, int(count))
        for model, begun, count in view.select(counted)
        if model and begun is not None
    ]
    return tuple(sorted(found, key=lambda use: (use.model_id, use.hour)))


def _columns(names: str) -> list[sa.ColumnClause[Any]]:
    return [sa.column(name) for name in names.split()]
