"""The records of one version as rows of plain text: data, code, training, weights, consumers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from audit.facts import Consumer, StageState, TrackedPath
from audit.render import holdings, retention, text, words
from audit.render.listing import Record, Records
from audit.report.model import DatasetRow, Dossier

_NAME = 120
_COLUMNS = 60
_PATHS = 20
_TAGS = 40


def data(dossier: Dossier, limit: int) -> Records:
    """Return the data sources, with schema, address and what was found of each below it."""
    found = holdings.remarks(dossier)
    kept = retention.remarks(dossier)
    rows = [
        Record(
            (
                _line(row.name, _NAME),
                row.kind,
                f"{row.digest_kind} {text.short_digest(row.digest)}".strip(),
                text.number(row.rows) if row.rows is not None else "",
                text.size(row.bytes) if row.bytes is not None else "",
                words.status_word(row.in_remote or "not_applicable"),
            ),
            _schema(row, holdings.remark(row, found), kept.get((row.repository, row.digest), "")),
            alarm=row.in_remote in retention.LOST,
        )
        for row in dossier.datasets[:limit]
    ]
    titles = ("Name", "Kind", "Digest", ">Rows", ">Size", "In the remote")
    return Records(titles, tuple(rows), len(dossier.datasets))


def _schema(row: DatasetRow, found: str, kept: str) -> str:
    parts = []
    if row.columns:
        shown = ", ".join(
            f"{_line(name, 60)} {_line(kind, 40)}" for name, kind in row.columns[:_COLUMNS]
        )
        more = f" … and {len(row.columns) - _COLUMNS} more" if len(row.columns) > _COLUMNS else ""
        parts.append(f"{words.counted(len(row.columns), 'column')}: {shown}{more}.")
    parts += filter(None, (kept, found))
    if row.source and row.kind != "intermediate":  # the stages below say where those are from
        parts.append(f"Source: {_line(row.source, 200)}")
    return " ".join(parts)


def stages(dossier: Dossier, limit: int) -> Records:
    """Return the pipeline stages that led to the weights, with what each used and made."""
    rows = [
        Record(
            (
                _line(stage.stage or stage.file, 80),
                _line(stage.command, 200)
                or (
                    f"imported from {_line(stage.imported_from, 160)}"
                    if stage.imported_from
                    else ""
                ),
                _paths(stage.deps),
                _paths(stage.outs),
            )
        )
        for stage in dossier.stages[:limit]
    ]
    return Records(("Stage", "Command", "Used", "Made"), tuple(rows), len(dossier.stages))


def _import(stage: StageState) -> str:
    return f"imported from {_line(stage.imported_from, 160)}" if stage.imported_from else ""


def _paths(paths: Sequence[TrackedPath]) -> str:
    if not paths:
        return "nothing"
    shown = ", ".join(
        f"{_line(path.path, _NAME)} {text.short_digest(path.digest)}" for path in paths[:_PATHS]
    )
    return f"{shown} … and {len(paths) - _PATHS} more" if len(paths) > _PATHS else shown


def parameters(dossier: Dossier, limit: int, across: int) -> Records:
    """Return the run's parameters, ``across`` of them in a row, read down the columns."""
    params = dossier.run.params if dossier.run else {}
    pairs = [(_line(key), _line(value, _NAME)) for key, value in sorted(params.items())[:limit]]
    return _across(("Parameter", "Value"), pairs, len(params), across)


def metrics(dossier: Dossier, limit: int, across: int) -> Records:
    """Return the run's metrics, their points in a line."""
    found = sorted(dossier.run.metrics.items()) if dossier.run else []
    figures = text.aligned([value for _, value in found[:limit]])
    pairs = [(_line(key), value) for (key, _), value in zip(found, figures, strict=False)]
    return _across(("Metric", ">Value"), pairs, len(found), across)


def _across(
    titles: tuple[str, str], pairs: Sequence[tuple[str, str]], total: int, across: int
) -> Records:
    count = max(1, -(-len(pairs) // across))
    across = -(-len(pairs) // count)
    filled = [*pairs, *[("", "")] * (count * across - len(pairs))]
    rows = tuple(Record(tuple(_flat(filled[at::count]))) for at in range(count))
    return Records(titles * across, rows, total)


def _flat(pairs: Iterable[tuple[str, str]]) -> Iterable[str]:
    return (cell for pair in pairs for cell in pair)


def consumers(dossier: Dossier, limit: int) -> Records:
    """Return who uses the version, since when, and how that is known."""
    rows = [
        Record(
            (
                _line(item.name or item.id, _NAME),
                words.CONSUMERS.get(item.kind, item.kind),
                text.moment(item.since),
                words.GRADES[item.grade],
            ),
            _used(item),
        )
        for item in dossier.consumers[:limit]
    ]
    titles = ("Consumer", "Kind", "Since", "How it is known")
    return Records(titles, tuple(rows), len(dossier.consumers))


def _used(item: Consumer) -> str:
    until = f"last used {text.moment(item.until)}" if item.until is not None else ""
    return "; ".join(part for part in (_line(item.detail, 240), until) if part)


def registry(dossier: Dossier) -> Records:
    """Return what the registry itself says of the version: texts, places and tags."""
    fields = [
        ("Description of the version", dossier.description),
        ("Description of the model", dossier.model_description),
        ("Source", text.clip(dossier.source, 240)),
        ("Storage location", text.clip(dossier.storage_location, 240)),
        ("Logged model", ", ".join(filter(None, (dossier.logged_model_id, dossier.model_type)))),
    ]
    if dossier.origin:
        fields.append(("Copied from", ", a copy of ".join(dossier.origin)))
    if dossier.workspace not in ("", "default"):
        fields.append(("Workspace", dossier.workspace))
    tags = sorted(dossier.tags.items())
    fields += [(f"Tag {_line(key)}", text.clip(value, 200)) for key, value in tags[:_TAGS]]
    if len(tags) > _TAGS:
        fields.append(("", f"… and {words.counted(len(tags) - _TAGS, 'tag')} more in dossier.json"))
    elif not tags:
        fields.append(("Tags of the version", "none"))
    rows = [
        Record((name if first else "", line))
        for name, value in fields
        for first, line in _lines(value or words.NOT_RECORDED)
    ]
    return Records(("Field", "As recorded"), tuple(rows), len(rows))


def _lines(value: str) -> Iterator[tuple[bool, str]]:
    """Yield the lines of a text, and whether each is the first of them."""
    for number, line in enumerate(text.clip(value).splitlines() or [""]):
        yield number == 0, line


def _line(value: str, limit: int = 90) -> str:
    return text.one_line(value, limit)
