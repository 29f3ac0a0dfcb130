r"""The report and each dossier as JSON, and the JSON Schema that they keep to.

The JSON is canonical but for its layout: UTF-8, keys sorted, no NaN or infinity, each part
of the report on a line of its own, and each item of those that are lists (a version, an
exception, a gap), so that two periods can be compared line by line. A lone surrogate, which
UTF-8 cannot hold, is written as its ``\udXXX`` escape, so that reading the file gives back
the report that was written.
"""

from __future__ import annotations

import json
from typing import Any

from audit.canonical import adapter, plain
from audit.report.model import Dossier, Report

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def render_json(report: Report) -> bytes:
    """Return ``report.json``."""
    return _readable(plain(report))


def render_dossier_json(dossier: Dossier) -> bytes:
    """Return ``dossier.json`` of one version."""
    return _readable(plain(dossier))


def report_schema() -> bytes:
    """Return ``report.schema.json``: JSON Schema, draft 2020-12, of ``report.json``.

    A dossier keeps to its ``$defs/Dossier``. Later editions may add properties.
    """
    schema: dict[str, Any] = {
        **adapter(Report).json_schema(mode="serialization"),
        "$schema": _DIALECT,
        "$id": "urn:mlflow-audit:report:1",
        "title": "mlflow-audit report",
    }
    return _readable(schema)


def _readable(value: dict[str, Any]) -> bytes:
    lines = ",\n".join(f" {_compact(key)}: {_lines(value[key])}" for key in sorted(value))
    return f"{{\n{lines}\n}}\n".encode("utf-8", "backslashreplace")


def _lines(value: Any) -> str:
    """Return a list with each item on its own line, anything else on one."""
    if not isinstance(value, list) or not value:
        return _compact(value)
    return "[\n  " + ",\n  ".join(map(_compact, value)) + "\n ]"


def _compact(value: Any) -> str:
    # Without an indent the standard library encodes in C, which is ten times as fast.
    return json.dumps(
        value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ": ")
    )
