"""Files of OSV advisories: one JSON file, a folder of them, or a zip as OSV.dev gives out.

A JSON file holds one record, a list of records, or a mapping with such a list under
``vulns``. The files are the auditor's own, but what they hold was written by anybody:
sizes are limited, links are not followed, and what is malformed is one problem.
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from audit.canonical import sha256_file
from audit.errors import ConfigError
from audit.facts import AdvisoryFile
from audit.sources.advisories.osv import MalformedError, Record, identity, moment, packages, parse

MAX_FILE = 64 * 1024 * 1024
"""Bytes of one JSON file; OSV.dev's zip of all of PyPI has some 20,000 of a few kilobytes."""
MAX_FILES = 500_000
MAX_TOTAL = 4 * 1024 * 1024 * 1024
"""Bytes, unpacked, of a zip or folder."""
MAX_PROBLEMS = 20

_UNPACKING = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)


@dataclass(slots=True)
class _Told:
    """What one configured path held."""

    count: int = 0
    of_pypi: int = 0
    newest: int | None = None
    problems: list[str] = field(default_factory=list)

    def problem(self, text: str) -> None:
        self.problems.append(text)


class AdvisoryFiles:
    """The configured files, read when it is known which packages are asked for."""

    def __init__(self, paths: Sequence[Path]) -> None:
        """Look whether they are there. Raises ``ConfigError`` naming the first that is not."""
        for path in paths:
            if not path.exists():
                raise ConfigError(
                    "no such file or folder of advisories",
                    where=f"{path} (sources.advisories)",
                    remedy="Check the path; OSV.dev gives out one zip for each ecosystem",
                )
        self._paths = tuple(paths)

    def read(
        self, wanted: Collection[str]
    ) -> tuple[dict[str, tuple[Record, ...]], tuple[AdvisoryFile, ...]]:
        """Return the records by package, for the packages asked for, and what the files are.

        ``wanted`` are names as compared (PEP 503). Raises ``ConfigError`` for a file that
        cannot be opened at all.
        """
        names = frozenset(wanted)
        index: dict[str, dict[str, Record]] = defaultdict(dict)
        files = []
        for path in self._paths:
            told = _Told()
            try:
                digest = _digest(path)
                for name, data in _documents(path, told):
                    for raw in _records(name, data, told):
                        _take(raw, name, names, index, told)
            except OSError as error:
                raise ConfigError(
                    f"advisories cannot be read ({error.strerror or error})", where=str(path)
                ) from error
            if told.count and not told.of_pypi:
                told.problem("None of its advisories is of a package of PyPI.")
            if not told.count and not told.problems:
                told.problem("It holds no advisory.")
            files.append(
                AdvisoryFile(
                    name=path.name,
                    sha256=digest,
                    advisories=told.count,
                    newest_at=told.newest,
                    problems=tuple(told.problems[:MAX_PROBLEMS]),
                    more_problems=max(0, len(told.problems) - MAX_PROBLEMS),
                )
            )
        return {name: tuple(found.values()) for name, found in index.items()}, tuple(files)


def _take(
    raw: Any,
    where: str,
    names: frozenset[str],
    index: dict[str, dict[str, Record]],
    told: _Told,
) -> None:
    """Count one raw record, and index it under the packages that are asked for."""
    try:
        name = identity(raw)
        told.count += 1
        modified = moment(raw.get("modified"))
        if modified is not None and (told.newest is None or modified > told.newest):
            told.newest = modified
        of = frozenset(packages(raw))
        told.of_pypi += bool(of)
        hits = of & names
        if not hits:
            return
        record = parse(raw)
    except MalformedError as error:
        told.problem(f"{where}: {error}.")
        return
    for package in sorted(hits):
        if any(item.unreadable for item in record.affected if item.package == package):
            told.problem(f"{name}: a range of {package} has a bound that is no version.")
        known = index[package].get(name)
        if known is None or (record.modified_at or 0) > (known.modified_at or 0):
            index[package][name] = record


def _records(name: str, data: bytes, told: _Told) -> Iterator[Any]:
    """Yield the raw records in a JSON document; one that is no JSON is a problem."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        told.problem(f"{name} is not JSON.")
        return
    if isinstance(found, dict) and isinstance(found.get("vulns"), list):
        found = found["vulns"]
    yield from found if isinstance(found, list) else [found]


def _documents(path: Path, told: _Told) -> Iterator[tuple[str, bytes]]:
    """Yield name and bytes of each JSON document of a configured path. Raises ``OSError``."""
    if path.is_dir():
        yield from _of_folder(path, told)
    elif zipfile.is_zipfile(path):
        yield from _of_zip(path, told)
    elif path.stat().st_size > MAX_FILE:
        told.problem(f"It is larger than {MAX_FILE:,} bytes and was not read.")
    else:
        yield path.name, path.read_bytes()


def _of_folder(folder: Path, told: _Told) -> Iterator[tuple[str, bytes]]:
    total = 0
    for name, path in _listed(folder):
        size = path.stat().st_size
        total += size
        if total > MAX_TOTAL:
            told.problem(f"It holds more than {MAX_TOTAL:,} bytes; the rest was not read.")
            return
        if size > MAX_FILE:
            told.problem(f"{name} is larger than {MAX_FILE:,} bytes and was not read.")
        else:
            yield name, path.read_bytes()


def _of_zip(path: Path, told: _Told) -> Iterator[tuple[str, bytes]]:
    """Yield the JSON members of a zip; what it says of their sizes is not believed."""
    total = 0
    try:
        with zipfile.ZipFile(path) as archive:
            members = [item for item in archive.infolist() if item.filename.endswith(".json")]
            if len(members) > MAX_FILES:
                told.problem(f"It holds more than {MAX_FILES:,} files; the rest was not read.")
            for member in members[:MAX_FILES]:
                try:
                    with archive.open(member) as stream:
                        data = stream.read(MAX_FILE + 1)
                except _UNPACKING:
                    told.problem(f"{member.filename} cannot be unpacked.")
                    continue
                total += len(data)
                if total > MAX_TOTAL:
                    told.problem(f"It unpacks to more than {MAX_TOTAL:,} bytes; not read further.")
                    return
                if len(data) > MAX_FILE:
                    told.problem(f"{member.filename} is larger than {MAX_FILE:,} bytes: not read.")
                else:
                    yield member.filename, data
    except _UNPACKING:
        told.problem("It is a damaged zip file.")


def _listed(folder: Path) -> list[tuple[str, Path]]:
    """Return the JSON files below a folder by name, sorted; links are not followed."""
    found = []
    for root, folders, files in os.walk(folder):
        folders.sort()
        for file in files:
            path = Path(root) / file
            if file.endswith(".json") and not path.is_symlink() and path.is_file():
                found.append((path.relative_to(folder).as_posix(), path))
        if len(found) > MAX_FILES:
            break
    return sorted(found)[:MAX_FILES]


def _digest(path: Path) -> str:
    """Return a file's SHA-256; of a folder, that of all lines ``<sha256>  <name>`` sorted."""
    if not path.is_dir():
        return sha256_file(path)
    lines = (f"{sha256_file(file)}  {name}\n" for name, file in _listed(path))
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()
