"""AIline's SQLite database: the commit or snapshot, the command and the state of each run.

One table, ``tree``, in all its forms: columns that a database does not have yet are empty.
A snapshot is a tree that differed from its commit; the diff and the list of untracked files
stand beside the database and name what differed. AIline keeps one record for each commit, a
later run on a clean tree replaces the one before.
"""

from __future__ import annotations

import datetime as dt
import functools
import json
import re
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from audit.facts import RecordedRun, Recorder
from audit.sources.uris import redact_uri

SOURCE = "ailine"
_COLUMNS = (
    "id", "type", "parent", "mlflow_run", "dvc_version", "timestamp", "git_url", "metadata_path",
    "included_file_count", "excluded_file_count", "diff_path", "dvc_linkage_json",
    "dvc_linkage_status", "env_fingerprint_json", "env_fingerprint_status", "run_command_json",
    "run_command_summary", "record_name", "status", "started_at", "finished_at", "exit_code",
)  # fmt: skip
_MOST_RECORDS = 100_000
_MAX_TEXT = 2000
_MAX_JSON = 1024 * 1024
_MAX_FILE = 4 * 1024 * 1024
_MOST_FILES = 200

Row = Mapping[str, Any]


def read_ailine(path: Path, zone: ZoneInfo) -> tuple[Recorder, tuple[RecordedRun, ...]]:
    """Return a database's records by id; one that cannot be read says why and has none.

    ``zone`` is what times without a zone are meant in. Nothing is written, and no file is
    opened outside of the database's folder.
    """
    try:
        rows = _rows(path)
    except (sqlite3.Error, OSError, ValueError) as error:
        reason = str(error) if path.is_file() else "there is no such file"
        return Recorder(SOURCE, str(path), read=False, reason=reason), ()
    files = _Files(path.resolve().parent)
    found = [_record(row, str(path), zone, files) for row in rows[:_MOST_RECORDS]]
    problems = list(files.problems)
    if len(rows) > _MOST_RECORDS:
        problems.append(f"more than {_MOST_RECORDS} records: the others were not read")
    nameless = sum(not record.record for record in found)
    if nameless:
        problems.append(f"{nameless} records without an id were left out")
    records = tuple(sorted((r for r in found if r.record), key=lambda record: record.record))
    return Recorder(SOURCE, str(path), records=len(records), problems=tuple(problems)), records


def _rows(path: Path) -> list[Row]:
    if not path.is_file():
        raise ValueError("there is no such file")
    address = f"file:{quote(str(path.resolve()))}?mode=ro"
    connection = sqlite3.connect(address, uri=True, timeout=10, isolation_level=None)
    try:
        # Text that is not UTF-8 must not stop an audit: what cannot be decoded is shown as such.
        connection.text_factory = functools.partial(str, encoding="utf-8", errors="replace")
        connection.execute("BEGIN")
        present = {str(row[1]) for row in connection.execute("PRAGMA table_info(tree)")}
        if "id" not in present:
            raise ValueError("this is no AIline database: it has no table tree with an id")
        wanted = [name for name in _COLUMNS if name in present]
        query = f"SELECT {', '.join(wanted)} FROM tree LIMIT {_MOST_RECORDS + 1}"  # noqa: S608
        return [dict(zip(wanted, row, strict=True)) for row in connection.execute(query)]
    finally:
        connection.close()


def _record(row: Row, location: str, zone: ZoneInfo, files: _Files) -> RecordedRun:
    text = functools.partial(_text, row)
    linkage, environment = _json(row, "dvc_linkage_json"), _json(row, "env_fingerprint_json")
    command = _json(row, "run_command_json")
    kind, own = text("type"), text("id")
    began = text("started_at") or _shown(command.get("captured_at"))
    started = moment(began or text("timestamp"), zone)
    ended = moment(text("finished_at") or (text("timestamp") if began else ""), zone)
    if "status" in row and not text("finished_at"):
        ended = None
    dirty, more = files.differing(row) if kind == "snapshot" else ((), 0)
    detail = {
        "git_url": redact_uri(text("git_url")),
        "python": _shown(environment.get("python_version")),
        "platform": _shown(environment.get("platform")),
        "poetry_lock_sha256": _shown(environment.get("poetry_lock_sha256")),
        "packages": _packages(environment.get("packages")),
        "dvc_outputs": _outputs(linkage.get("items")),
        "files_in_snapshot": text("included_file_count"),
        "files_left_out": text("excluded_file_count"),
        "more_dirty_files": str(more) if more else "",
    }
    return RecordedRun(
        source=SOURCE,
        location=location,
        record=own,
        name=text("record_name"),
        status=text("status"),
        type=kind,
        mlflow_run=text("mlflow_run"),
        git=own if kind == "git" else "",
        parent=text("parent"),
        dvc_version=text("dvc_version"),
        dvc_linkage_status=text("dvc_linkage_status"),
        env_fingerprint_status=text("env_fingerprint_status"),
        command=_command(command, text("run_command_summary")),
        started_at=started,
        ended_at=ended,
        exit_code=row["exit_code"] if isinstance(row.get("exit_code"), int) else None,
        dirty_files=dirty,
        detail={key: value for key, value in detail.items() if value},
    )


def moment(text: str, zone: ZoneInfo) -> int | None:
    """Return an ISO 8601 time as UTC ms; one without a zone is in ``zone``."""
    try:
        found = dt.datetime.fromisoformat(text)
        if found.tzinfo is None:
            found = found.replace(tzinfo=zone)
        return round(found.timestamp() * 1000)
    except (ValueError, OverflowError):
        return None


def _text(row: Row, name: str) -> str:
    return _shown(row.get(name))


def _shown(value: object) -> str:
    """Return a value of any type as text: SQLite's columns hold what was put in."""
    if value is None:
        return ""
    if isinstance(value, bytes):
        value = value[:_MAX_TEXT].decode("utf-8", "replace")
    return str(value)[:_MAX_TEXT].strip() if isinstance(value, str | int | float) else ""


def _json(row: Row, name: str) -> dict[str, Any]:
    """Return a JSON column as a mapping; empty for anything else."""
    text = row.get(name)
    if not isinstance(text, str) or len(text) > _MAX_JSON:
        return {}
    return parsed(text)


def parsed(text: str) -> dict[str, Any]:
    """Return JSON text as a mapping; empty for anything else, however deep or broken."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _command(payload: dict[str, Any], summary: str) -> str:
    """Return the command as a JSON list where AIline kept its words, else in one line."""
    words = payload.get("argv")
    if isinstance(words, list) and words and all(isinstance(word, str) for word in words):
        return json.dumps(words, ensure_ascii=False)
    return summary


def _packages(found: object) -> str:
    if not isinstance(found, dict):
        return ""
    return ", ".join(
        f"{_shown(name)} {_shown(version) or 'not installed'}"
        for name, version in sorted(found.items(), key=lambda item: str(item[0]))[:50]
    )


def _outputs(items: object) -> str:
    """Return in a phrase how many DVC outputs AIline saw, and how many had a digest."""
    if not isinstance(items, list) or not items:
        return ""
    hashed = sum(isinstance(item, dict) and bool(item.get("hash_value")) for item in items)
    return f"{hashed} of {len(items)} with a digest"


class _Files:
    """The files beside a database. None outside of its folder is opened, no link followed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.problems: list[str] = []

    def differing(self, row: Row) -> tuple[tuple[str, ...], int]:
        """Return the files that a snapshot's diff and list name, and how many more there are."""
        diff, metadata = self._read(row, "diff_path"), self._read(row, "metadata_path")
        untracked = parsed(metadata).get("untracked_files")
        names = set(changed_files(diff))
        if isinstance(untracked, list):
            names |= {_shown(name) for name in untracked}
        shown = sorted(name for name in names if name)
        return tuple(shown[:_MOST_FILES]), max(0, len(shown) - _MOST_FILES)

    def _read(self, row: Row, column: str) -> str:
        """Return the text of the file that a column names, ``""`` with a problem if it is not."""
        said = _text(row, column)
        if not said or "\0" in said:
            return ""
        what = f"record {_text(row, 'id')[:12]}: {column.removesuffix('_path')}"
        try:
            path = next(
                (path for path in self._candidates(said) if path.is_file() and self._holds(path)),
                None,
            )
            if path is None:
                self.problems.append(f"{what} is not in the database's folder")
                return ""
            if path.stat().st_size > _MAX_FILE:
                self.problems.append(f"{what} is larger than {_MAX_FILE} bytes")
                return ""
            return path.read_text(encoding="utf-8", errors="replace")
        except (OSError, ValueError) as error:
            self.problems.append(f"{what} cannot be read ({type(error).__name__})")
            return ""

    def _candidates(self, said: str) -> Iterator[Path]:
        """Yield where a file may stand: as said, or where AIline puts it, of a copied database."""
        name = Path(said.replace("\\", "/")).name
        yield self._folder / said
        for below in ("snapshots", ".ailine/snapshots", "."):
            yield self._folder / below / name

    def _holds(self, path: Path) -> bool:
        return not path.is_symlink() and path.resolve().is_relative_to(self._folder)


_HEADER = re.compile(r"(?:---|\+\+\+) (.*)")
_RENAME = re.compile(r"rename to (.*)")
_ESCAPE = re.compile(r'\\([0-7]{3}|["\\abfnrtv])')
_LETTERS = {"a": 7, "b": 8, "t": 9, "n": 10, "v": 11, "f": 12, "r": 13, '"': 34, "\\": 92}


def changed_files(diff: str) -> tuple[str, ...]:
    """Return the paths that a ``git diff`` names, each once, sorted.

    Only headers are read: a line of a file that looks like one stands behind a sign.
    """
    found: set[str] = set()
    name, head = "", False
    for line in diff.splitlines():
        if line.startswith("diff --git "):
            found.add(name)
            name, head = _named_twice(line.removeprefix("diff --git ")), True
        elif line.startswith("@@"):
            head = False
        elif head and (match := _HEADER.match(line) or _RENAME.match(line)):
            path = _unquoted(match[1].rstrip("\t"))
            if path != "/dev/null":
                renamed = line.startswith("rename")
                name = path if renamed else re.sub(r"^[abciow]/", "", path)
    found.add(name)
    return tuple(sorted(found - {""}))


def _named_twice(text: str) -> str:
    """Return the path of ``a/path b/path``, where both are the same and unquoted."""
    half = len(text) // 2
    before, after = text[:half], text[half + 1 :]
    return after[2:] if before[1:] == after[1:] and before[1:2] == "/" else ""


def _unquoted(text: str) -> str:
    """Return a path as git prints it without its quotes and escapes."""
    if not (len(text) > 1 and text[0] == text[-1] == '"'):
        return text

    def byte(found: re.Match[str]) -> str:
        code = int(found[1], 8) if found[1].isdigit() else _LETTERS.get(found[1], 63)
        return chr(code % 256)

    escaped = _ESCAPE.sub(byte, text[1:-1])
    try:
        return escaped.encode("latin-1").decode("utf-8", "replace")
    except UnicodeEncodeError:
        return escaped
