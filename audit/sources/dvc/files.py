"""``dvc.lock`` and ``*.dvc`` files as records: pure parsers for hostile input.

A lock file is already resolved: loops expanded, variables replaced, parameters with
their values, each dependency and output with its digest. What it leaves out is in the
``dvc.yaml`` beside it: each stage's working directory, and which outs no remote gets.

Formats: DVC 1 to 3 (lock schemas 1 and 2), read from DVC's documentation and source.
Where ``hash: md5`` stands, the digest is of the bytes as they are (DVC 3); where it is
absent, text files were hashed with CR LF as LF (DVC 2, ``md5-dos2unix``).
"""

from __future__ import annotations

import hashlib
import json
import math
import posixpath
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from audit.facts import TrackedPath
from audit.sources.addresses import is_url, redacted
from audit.sources.dvc import yaml12
from audit.sources.dvc.yaml12 import MalformedError

_MD5 = re.compile(r"[0-9a-f]{32}(\.dir)?")
_OTHER_DIGEST = re.compile(r"[\x21-\x7e]{1,256}")
_DIGESTS = re.compile(rb"(?<![0-9a-f])[0-9a-f]{32}(?:\.dir)?(?![0-9a-f])")
_OTHER_HASHES = ("etag", "checksum")


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


@dataclass(frozen=True, slots=True)
class Declared:
    """What a ``dvc.yaml`` says of a stage that its lock does not."""

    folder: str = ""
    """Working directory; empty where none is set or it is a template (``${…}``)."""
    elsewhere: tuple[tuple[str, str], ...] = ()
    """Pattern of an out's path as written, with the reason why no remote holds it."""


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
    for name, body in stages.items():
        if not isinstance(body, dict):
            problems.append(f"its stage {name!r} is not a mapping")
            continue
        known = (declared or {}).get(name.partition("@")[0], Declared())
        base = posixpath.join(posixpath.dirname(file), known.folder)
        outs = _tracked(body.get("outs"), base, f"stage {name!r}", problems)
        records.append(
            StageRecord(
                stage=name,
                command=_command(body.get("cmd")),
                deps=_tracked(body.get("deps"), base, f"stage {name!r}", problems),
                outs=outs,
                params=_params(body.get("params"), base, f"stage {name!r}", problems),
                elsewhere={
                    out.path: reason
                    for out in outs
                    for pattern, reason in known.elsewhere
                    if re.fullmatch(_pattern(_normal(base, pattern)), out.path)
                },
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
    base = posixpath.join(posixpath.dirname(file), _text(body.get("wdir")))
    deps = body.get("deps")
    command = _command(body.get("cmd"))
    imported_from = "" if command else _imported_from(deps)
    outs = _list(body.get("outs"))
    imported = any(isinstance(dep, dict) and "repo" in dep for dep in _list(deps))
    record = StageRecord(
        stage="",
        command=command,
        deps=_tracked(deps, base, "file", problems, keep=bool(imported_from)),
        outs=_tracked(outs, base, "file", problems),
        imported_from=imported_from,
        elsewhere={
            _normal(base, _text(out.get("path"))): reason
            for out in outs
            if isinstance(out, dict)
            and (reason := "the repository it was imported from holds it" * imported or _kept(out))
        },
    )
    return Parsed((record,), tuple(problems))


def parse_yaml(data: bytes) -> dict[str, Declared]:
    """Return what a ``dvc.yaml`` says of its stages, by the stage's name without ``@…``.

    Raises ``MalformedError``.
    """
    document = yaml12.read(data)
    stages = document.get("stages") if isinstance(document, dict) else None
    found = {}
    for name, body in (stages if isinstance(stages, dict) else {}).items():
        inner = body.get("do", body) if isinstance(body, dict) else None
        if isinstance(inner, dict):
            folder = _text(inner.get("wdir"))
            outs = [out for kind in ("outs", "metrics", "plots") for out in _list(inner.get(kind))]
            elsewhere = tuple(
                (path, reason)
                for out in outs
                if isinstance(out, dict)
                for path, options in out.items()
                if isinstance(options, dict) and (reason := _kept(options))
            )
            found[name] = Declared("" if "${" in folder else folder, elsewhere)
    return found


def _kept(options: Mapping[str, Any]) -> str:
    """Return why an out's options keep it from the remotes, or ``""``."""
    if options.get("cache") is False:
        return "not kept by DVC (cache: false)"
    return "never pushed (push: false)" if options.get("push") is False else ""


def _pattern(path: str) -> str:
    """Return a regular expression for a path in which templates (``${…}``) may stand."""
    return ".+".join(map(re.escape, re.split(r"\$\{[^}]*\}", path)))


def folder_digest(members: Iterable[tuple[str, str]]) -> str:
    """Return DVC's digest of a folder from ``(path relative to it, md5)`` of its files."""
    listing = [{"md5": md5, "relpath": path} for path, md5 in sorted(members)]
    data = json.dumps(listing, sort_keys=True).encode("utf-8")
    return hashlib.md5(data, usedforsecurity=False).hexdigest() + ".dir"


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


def _tracked(
    entries: Any, base: str, where: str, problems: list[str], *, keep: bool = False
) -> tuple[TrackedPath, ...]:
    """Return the entries of ``deps`` or ``outs``; ``keep`` leaves their paths as they are."""
    found = []
    for entry in _list(entries):
        path = _text(entry.get("path")) if isinstance(entry, dict) else ""
        if not path:
            problems.append(f"an entry of its {where} has no path")
            continue
        digest, hash_name, problem = _digest(entry)
        if problem:
            problems.append(f"the digest of {path!r} in its {where} is malformed")
        found.append(
            TrackedPath(
                path=redacted(path) if keep else _normal(base, path),
                digest=digest,
                hash_name=hash_name,
                size=_count(entry.get("size")),
                files=_count(entry.get("nfiles")),
            )
        )
    return tuple(found)


def _digest(entry: Mapping[str, Any]) -> tuple[str, str, bool]:
    """Return an entry's digest, its hash name, and whether what stands there is malformed."""
    named = entry.get("hash")
    if "md5" in entry:
        value = entry["md5"]
        name = "md5" if named == "md5" else "md5-dos2unix"
        good = isinstance(value, str) and _MD5.fullmatch(value) is not None
        return (value if good else "", name, not good)
    for name in (*_OTHER_HASHES, *([named] if isinstance(named, str) else [])):
        if name in entry:
            value = entry[name]
            good = isinstance(value, str) and _OTHER_DIGEST.fullmatch(value) is not None
            return (value if good else "", name, not good)
    members = entry.get("files")
    if isinstance(members, list) and members:
        return _folder(members)
    return "", "md5", False


def _folder(members: list[Any]) -> tuple[str, str, bool]:
    """Return the digest of a folder whose members are listed (cloud-versioned remotes)."""
    pairs = [
        (_text(member.get("relpath")), _text(member.get("md5")))
        for member in members
        if isinstance(member, dict)
    ]
    good = len(pairs) == len(members) and all(path and _MD5.fullmatch(md5) for path, md5 in pairs)
    return (folder_digest(pairs) if good else "", "md5", not good)


def _normal(base: str, path: str) -> str:
    """Return a path relative to the repository's root; addresses and absolute paths stay."""
    if is_url(path):
        return redacted(path)
    return posixpath.normpath(posixpath.join(base, path))


def _params(params: Any, base: str, where: str, problems: list[str]) -> dict[str, str]:
    if params is None:
        return {}
    if not isinstance(params, dict):
        problems.append(f"the parameters of its {where} are not a mapping")
        return {}
    return {
        f"{_normal(base, file)}:{key}": json_text(value)
        for file, values in params.items()
        if isinstance(values, dict)
        for key, value in values.items()
    }


def _imported_from(deps: Any) -> str:
    """Return where a ``.dvc`` file without a command took its data from, or ``""``."""
    for dep in _list(deps):
        repo = dep.get("repo") if isinstance(dep, dict) else None
        if isinstance(repo, dict):
            revision = _text(repo.get("rev_lock")) or _text(repo.get("rev"))
            return f"{redacted(_text(repo.get('url')))}@{revision}"
        path = _text(dep.get("path")) if isinstance(dep, dict) else ""
        if path:
            return redacted(path)
    return ""


def _command(value: Any) -> str:
    return "\n".join(map(_text, value)) if isinstance(value, list) else _text(value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _count(value: Any) -> int | None:
    good = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return value if good else None
