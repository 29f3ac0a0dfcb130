"""What changed from the version before, as rows: values side by side, and files with lines."""

from __future__ import annotations

from collections.abc import Iterator

from audit.facts import DataChange, FileChange, Since, ValueChange
from audit.render import text
from audit.render.listing import Record, Records
from audit.report import since as words
from audit.report.model import Dossier

_VALUE = 200
_MEMBERS = 20


def values(dossier: Dossier, limit: int) -> Records:
    """Return commits, data, parameters, schema and packages that differ, before and now."""
    since = dossier.since
    rows = list(_rows(since)) if since else []
    named = words.before(since) if since else ""
    titles = ("Part", "What", text.capitalised(named), f"Version {dossier.version}")
    return Records(titles, tuple(_once(rows[:limit])), len(rows))


def files(dossier: Dossier, limit: int) -> Records:
    """Return the files of the repository that differ, with their lines."""
    since = dossier.since
    found = since.files if since else ()
    rows = [
        Record(
            (
                text.one_line(item.path, 120),
                item.change,
                f"{item.added:,}" if item.added is not None else "not text",
                f"{item.removed:,}" if item.removed is not None else "",
            ),
            f"It was {text.one_line(item.before, 120)}" if item.before else "",
        )
        for item in found[:limit]
    ]
    total = len(found) + (since.more_files if since else 0)
    titles = ("File", "Change", ">Lines added", ">Lines removed")
    return Records(titles, tuple(rows), total)


def packages(since: Since) -> str:
    """Return how many packages differ, for the environment's own section."""
    found = since.environment
    if not found:
        unknown = any("environment" in sentence for sentence in since.unknown)
        return "" if unknown else f"The same packages as {words.before(since)}."
    counts = [
        (len([item for item in found if words.way(item) == way]), way)
        for way in ("changed", "added", "removed")
    ]
    told = ", ".join(f"{count:,} {way}" for count, way in counts if count)
    return f"Against {words.before(since)}: {told}."


def _rows(since: Since) -> Iterator[Record]:
    if since.before or since.after:
        told = words.distance(since)
        if since.commits is not None and since.commits > 0:
            told = f"{told} on top of the one before"
        cells = "Code", "commit", text.short_digest(since.before), text.short_digest(since.after)
        yield Record(cells, f"{text.capitalised(told)}." if told else "")
    for data in since.data:
        yield _data(data)
    for part, found in (
        ("Parameters", since.params),
        ("Schema", since.schema),
        ("Environment", since.environment),
    ):
        yield from (_value(part, item) for item in found)


def _value(part: str, item: ValueChange) -> Record:
    before, after = (
        text.one_line(value, _VALUE) or "not there" for value in (item.before, item.after)
    )
    return Record((part, text.one_line(item.name, 120), before, after))


def _data(item: DataChange) -> Record:
    before, after = (
        text.short_digest(digest) if digest else "not used" for digest in (item.before, item.after)
    )
    remark = f"{text.capitalised(item.reason)}." if item.reason else _members(item)
    return Record(("Data", text.one_line(item.path, 120), before, after), remark)


def _members(item: DataChange) -> str:
    shown = ", ".join(_member(member) for member in item.members[:_MEMBERS])
    more = len(item.members) + item.more - _MEMBERS
    return f"In it: {shown}{f' and {more:,} more' if more > 0 else ''}." if shown else ""


def _member(member: FileChange) -> str:
    return f"{text.one_line(member.path, 80)} {member.change}"


def _once(rows: list[Record]) -> Iterator[Record]:
    """Yield the rows with a repeated first cell left blank."""
    above = ""
    for row in rows:
        part, *rest = row.cells
        yield Record(("" if part == above else part, *rest), row.remark, row.alarm)
        above = part
