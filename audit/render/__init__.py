"""Renderers: a report in, the files of one format out; one renderer a module, one registry.

``RENDERERS`` maps the name of a format to its renderer. Another package adds a format by an
entry point in the group ``mlflow_audit.renderers`` that names such a function; it can
replace none that is here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from importlib.metadata import entry_points

from audit.errors import UsageError
from audit.report.model import Report

GROUP = "mlflow_audit.renderers"


@dataclass(frozen=True, slots=True)
class Offer:
    """The formats that a bundle holds, so that pages link only to what exists."""

    report: Collection[str] = ("pdf", "html", "csv")
    dossiers: Collection[str] = ("pdf", "html")


Renderer = Callable[[Report, Offer], dict[str, bytes]]
"""Returns files by their path below ``data/``."""


def _csv(report: Report, offer: Offer) -> dict[str, bytes]:  # noqa: ARG001
    from audit.render.csv import render_csv
    from audit.report.tables import tables

    return {f"csv/{name}.csv": render_csv(table) for name, table in tables(report).items()}


def _json(report: Report, offer: Offer) -> dict[str, bytes]:  # noqa: ARG001
    from audit.render.json import render_json

    return {"report.json": render_json(report)}


def _schema(report: Report, offer: Offer) -> dict[str, bytes]:  # noqa: ARG001
    from audit.render.json import report_schema

    return {"report.schema.json": report_schema()}


def _html(report: Report, offer: Offer) -> dict[str, bytes]:
    from audit.render.dashboard import render_dashboard

    return {"index.html": render_dashboard(report, offer.dossiers, offer.report)}


RENDERERS: dict[str, Renderer] = {
    "csv": _csv,
    "json": _json,
    "schema": _schema,
    "html": _html,
}


def renderer(name: str) -> Renderer:
    """Return the renderer of a format. Raises ``UsageError`` if there is none."""
    if name in RENDERERS:
        return RENDERERS[name]
    for found in entry_points(group=GROUP, name=name):
        loaded: Renderer = found.load()
        return loaded
    always = {"json", "schema"}
    known = {"pdf", *RENDERERS, *(found.name for found in entry_points(group=GROUP))} - always
    raise UsageError(f"no such format: {name!r}", remedy=f"Known: {', '.join(sorted(known))}")
