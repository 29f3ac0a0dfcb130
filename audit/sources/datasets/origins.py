"""Where a data set says it comes from: MLflow's source JSON as a kind and an address.

MLflow writes one form for each type of source: ``{"uri": …}`` for files and object
stores, ``{"url": …}`` for HTTP, ``{"path": …, "revision": …}`` for Hugging Face,
``{"path" | "delta_table_name": …, "delta_table_version": …}`` for Delta,
``{"path" | "table_name" | "sql": …}`` for Spark, and ``{"tags": …}`` of the script where the
client named no source. Nothing here is opened.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from audit.facts import DatasetInput, TrackedPath
from audit.sources.addresses import is_url, redacted

_KINDS = {"hugging_face": "huggingface", "delta_table": "delta", "file": "local", "": "unknown"}
_FULL_SHA = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_LONGEST = 500
_OF_FILES = frozenset({"local", "http", "s3", "gs", "wasbs", "abfss", "hdfs", "dbfs", "uc_volume"})
"""Kinds whose address names one file, or a folder."""


@dataclass(frozen=True, slots=True)
class Origin:
    """A data set's source: its kind, its address to be shown, and whether it names one content."""

    kind: str
    address: str = ""
    pinned: bool = False
    path: str = ""
    """The path in the address where it names a file, to be found among the tracked ones."""


def origin_of(data: DatasetInput) -> Origin:
    """Return where a data set says it comes from; what is not MLflow's form is shown as it is."""
    kind = _KINDS.get(data.source_type, data.source_type)[:40]
    try:
        source: Any = json.loads(data.source)
    except (ValueError, RecursionError):
        source = data.source
    if isinstance(source, str):
        source = {"uri": source}
    if not isinstance(source, dict):
        return Origin(kind)
    if kind == "huggingface":
        return _hugging_face(source)
    if kind == "delta":
        return _delta(source)
    if kind == "code":
        tags = source.get("tags")
        script = tags.get("mlflow.source.name", "") if isinstance(tags, dict) else ""
        return Origin(kind, _shown(script))
    address = _first(source, "uri", "url", "path", "table_name", "sql", "dataset_id")
    path = _path(address) if kind in _OF_FILES or kind == "unknown" else ""
    return Origin(kind, _shown(address), _object_version(address), path)


def tracked_file(path: str, tracked: Iterable[TrackedPath]) -> TrackedPath | None:
    """Return the one tracked file that a source's path means, ``None`` if that is not certain.

    It has the same name; of several, the one that shares the longest end of the path.
    """
    wanted = PurePosixPath(path).parts
    if not wanted:
        return None
    shared = {
        (item.path, item.digest): (_common(wanted, PurePosixPath(item.path).parts), item)
        for item in tracked
    }
    longest = max((count for count, _ in shared.values()), default=0)
    same = [item for count, item in shared.values() if count == longest]
    return same[0] if longest and len(same) == 1 else None


def _common(one: tuple[str, ...], other: tuple[str, ...]) -> int:
    count = 0
    for left, right in zip(reversed(one), reversed(other), strict=False):
        if left != right:
            break
        count += 1
    return count


def _hugging_face(source: dict[str, Any]) -> Origin:
    revision = _text(source.get("revision"))
    address = _text(source.get("path")) + (f"@{revision}" if revision else "")
    parts = [(key, _text(source.get(key))) for key in ("config_name", "split")]
    told = ", ".join(f"{key} {value}" for key, value in parts if value not in ("", "None"))
    pinned = _FULL_SHA.fullmatch(revision) is not None
    return Origin("huggingface", _shown(f"{address} ({told})" if told else address), pinned)


def _delta(source: dict[str, Any]) -> Origin:
    address = _first(source, "path", "delta_table_name")
    version = source.get("delta_table_version")
    known = isinstance(version, int | str) and not isinstance(version, bool) and version != ""
    shown = f"{address}@{version}" if known else address
    return Origin("delta", _shown(shown), known and bool(address))


def _object_version(address: str) -> bool:
    """Whether the address of an object in a store names one of its versions."""
    if not is_url(address):
        return False
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    if parts.scheme in {"s3", "s3a", "s3n"}:
        return bool(parse_qs(parts.query).get("versionId"))
    return parts.scheme == "gs" and parts.fragment.isdigit()


def _path(address: str) -> str:
    """Return the path in an address, with the separators of POSIX."""
    if is_url(address) or address.startswith("file:"):
        try:
            return unquote(urlsplit(address).path)
        except ValueError:
            return ""
    return address if "/" in address else address.replace("\\", "/")


def _first(source: dict[str, Any], *keys: str) -> str:
    return next((text for key in keys if (text := _text(source.get(key)))), "")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _shown(address: Any) -> str:
    return redacted(_text(address))[:_LONGEST]
