"""``dvc.lock`` and ``*.dvc`` files as records: pure parsers for hostile input.

A lock file is already resolved: loops expanded, variables replaced, parameters with
their values, each dependency and output with its digest. What it leaves out is in the
``dvc.yaml`` beside it: each stage's working directory, and which outs no remote gets.

Formats: DVC 1 to 3 (lock schemas 1 and 2), read from DVC's documentation and source.
Where ``hash: md5`` stands, the digest is of the bytes as they are (DVC 3); where it is
absent, text files were hashed with CR LF as LF (DVC 2, ``md5-dos2unix``).
"""

from __future__ import annotations

import json
import math
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from audit.facts import TrackedPath
from audit.sources.addresses import redacted
from audit.sources.dvc import yaml12
from audit.sources.dvc.declared import Declared, fits, kept
from audit.sources.dvc.entries import Entries, a_list, clean, placed, text
from audit.sources.dvc.yaml12 import MalformedError

_DIGESTS = re.compile(rb"(?<![0-9a-f])[0-9a-f]{32}(?:\.dir)?(?![0-9a-f])")


@dataclass(frozen=True, slots=True)
class StageRecord:
    """One stage of a lock file, or one ``.dvc`` file (``stage`` empty)."""

    stage: str
    command: str = ""
    deps: tuple[TrackedPath, ...] = ()
    outs: tuple[TrackedPath, ...] = ()
    params: dict[str, str] = field(default_factory=dict)
    imported_from: str = ""
    elsewhere: dict[str, str] = field(default_factory=dict)
    """Paths of outs that no data remote is meant to hold, with the reason."""
    frozen: bool = False
    always_changed: bool = False
    members: dict[str, tuple[TrackedPath, ...]] = field(default_factory=dict)
    """By digest of a folder, its files where they are listed here (cloud-versioned)."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a file holds, and what in it could not be read, each a sentence's end."""

    stages: tuple[StageRecord, ...] = ()
    problems: tuple[str, ...] = ()


def digests_in(data: bytes) -> frozenset[str]:
    """Return everything in a file that looks like an MD5; parsing confirms or drops it."""
    return frozenset(found.decode("ascii") for found in set(_DIGESTS.findall(data)))


def parse_lock(data: bytes, file: str, declared: Mapping[str, Declared] | None = None) -> Parsed:
    """Return the stages of a ``dvc.lock`` that stands at ``file`` in the repository.

    ``declared`` is what ``parse_yaml`` has of the ``dvc.yaml`` beside it. Never raises: a
    file or stage that cannot be read is a problem of the result.
    """
    try:
        stages = _stages(yaml12.read(data))
    except MalformedError as error:
        return Parsed(problems=(str(error),))
    problems: list[str] = []
    records = []
    for key, body in stages.items():
        name = clean(key)
        if not isinstance(body, dict):
            problems.append(f"its stage {name!r} is not a mapping")
            continue
        known = (declared or {}).get(name.partition("@")[0], Declared())
        base = posixpath.join(posixpath.dirname(file), known.folder)
        entries = Entries(base, f"stage {name!r}", problems)
        outs = tuple(_kept_in(out, known, base) for out in entries.read(body.get("outs")))
        records.append(
            StageRecord(
                stage=name,
                command=_command(body.get("cmd")),
                deps=entries.read(body.get("deps")),
                outs=outs,
                params=_params(body.get("params"), entries),
                elsewhere={
                    out.path: reason
                    for out in outs
                    for pattern, reason in known.elsewhere
                    if fits(base, pattern, out.path)
                },
                frozen=known.frozen,
                always_changed=known.always_changed,
                members=entries.members,
            )
        )
    return Parsed(tuple(records), tuple(problems))


def parse_dvc(data: bytes, file: str) -> Parsed:
    """Return the one record of a ``*.dvc`` file. Never raises.

    Its top-level ``md5`` is of the file itself, not of the data, and is not read.
    """
    try:
        body = yaml12.read(data)
    except MalformedError as error:
        return Parsed(problems=(str(error),))
    if not isinstance(body, dict):
        return Parsed(problems=("it is not a mapping",))
    problems: list[str] = []
    base = posixpath.join(posixpath.dirname(file), text(body.get("wdir")))
    entries = Entries(base, "file", problems)
    deps = body.get("deps")
    command = _command(body.get("cmd"))
    imported_from = "" if command else _imported_from(deps)
    outs = a_list(body.get("outs"))
    imported = any(isinstance(dep, dict) and "repo" in dep for dep in a_list(deps))
    record = StageRecord(
        stage="",
        command=command,
        deps=entries.read(deps, keep=bool(imported_from)),
        outs=entries.read(outs),
        imported_from=imported_from,
        elsewhere={
            placed(base, text(out.get("path"))): reason
            for out in outs
            if isinstance(out, dict)
            and (reason := "the repository it was imported from holds it" * imported or kept(out))
        },
        frozen=body.get("frozen") is True,
        always_changed=body.get("always_changed") is True,
        members=entries.members,
    )
    return Parsed((record,), tuple(problems))


def json_text(value: Any) -> str:
    """Return a parameter's value as canonical JSON; not-a-number and infinities as texts."""
    return json.dumps(
        _finite(value), ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str
    )


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list) else value


def _stages(document: Any) -> dict[str, Any]:
    """Return the stages by name of a lock of schema 1 (no ``schema`` key) or 2."""
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise MalformedError("it is not a mapping")
    if "schema" not in document:
        return document
    if document["schema"] != "2.0":
        raise MalformedError(f"its schema {str(document['schema'])[:20]!r} is not known")
    stages = document.get("stages") or {}
    if not isinstance(stages, dict):
        raise MalformedError("its stages are not a mapping")
    return stages


def _kept_in(out: TrackedPath, declared: Declared, base: str) -> TrackedPath:
    """Return an out with the remote that the ``dvc.yaml`` names for it."""
    names = (name for path, name in declared.remotes if fits(base, path, out.path))
    return out if out.remote else replace(out, remote=next(names, ""))


def _params(params: Any, entries: Entries) -> dict[str, str]:
    if params is None:
        return {}
    if not isinstance(params, dict):
        entries.problems.append(f"the parameters of its {entries.where} are not a mapping")
        return {}
    return {
        f"{placed(entries.base, file)}:{clean(key)}": json_text(value)
        for file, values in params.items()
        if isinstance(values, dict)
        for key, value in values.items()
    }


def _imported_from(deps: Any) -> str:
    """Return where a ``.dvc`` file without a command took its data from, or ``""``."""
    for dep in a_list(deps):
        repo = dep.get("repo") if isinstance(dep, dict) else None
        if isinstance(repo, dict):
            revision = text(repo.get("rev_lock")) or text(repo.get("rev"))
            address = redacted(text(repo.get("url")))
            return clean(f"{address}@{revision}")
        path = text(dep.get("path")) if isinstance(dep, dict) else ""
        if path:
            return clean(redacted(path))
    return ""


def _command(value: Any) -> str:
    return "\n".join(map(text, value)) if isinstance(value, list) else text(value)
