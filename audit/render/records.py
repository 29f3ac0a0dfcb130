"""The records of one version as rows of plain text: data, code, training, weights, consumers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from audit.facts import Commit, StageState, TrackedPath
from audit.render import text, words
from audit.render.listing import Record, Records
from audit.report.model import DatasetRow, Dossier

_NAME = 120
_COLUMNS = 60
_PATHS = 20
_TAGS = 40


def data(dossier: Dossier, limit: int) -> Records:
    """Return the data sources, with schema and address below each."""
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
            _schema(row),
        )
        for row in dossier.datasets[:limit]
    ]
    titles = ("Name", "Kind", "Digest", ">Rows", ">Size", "In the remote")
    return Records(titles, tuple(rows), len(dossier.datasets))


def _schema(row: DatasetRow) -> str:
    parts = []
    if row.columns:
        shown = ", ".join(
            f"{_line(name, 60)} {_line(kind, 40)}" for name, kind in row.columns[:_COLUMNS]
        )
        more = f" … and {len(row.columns) - _COLUMNS} more" if len(row.columns) > _COLUMNS else ""
        parts.append(f"{words.counted(len(row.columns), 'column')}: {shown}{more}.")
    if row.source and row.kind != "intermediate":  # the stages below say where those are from
        parts.append(f"Source: {_line(row.source, 200)}")
    return " ".join(parts)


def commits(dossier: Dossier, limit: int) -> Records:
    """Return each commit once: what it is to the version, where it stands, who wrote it."""
    found: dict[str, tuple[Commit, list[str]]] = {}
    if dossier.tagged_commit is not None:
        found[dossier.tagged_commit.sha] = (dossier.tagged_commit, ["named by the run"])
    for commit in dossier.commits:
        found.setdefault(commit.sha, (commit, []))[1].append("holds the lock")
    rows = [
        Record(
            (
                text.short_digest(commit.sha),
                ", ".join(roles),
                _where(commit),
                text.moment(commit.authored_at),
            ),
            _subject(commit),
        )
        for commit, roles in list(found.values())[:limit]
    ]
    titles = ("Commit", "What it is", "Where it stands", "Written")
    return Records(titles, tuple(rows), len(found))


def _where(commit: Commit) -> str:
    state = words.commit_word(commit.state.value)
    return f"{state}: {_line(', '.join(commit.branches), 60)}" if commit.branches else state


def _subject(commit: Commit) -> str:
    """Return what the commit says of itself, and whether it carries a signature."""
    signed = f"carries a signature ({commit.signed}, not verified here)" if commit.signed else ""
    parts = (_line(commit.subject, _NAME), _line(commit.author, 60), signed)
    return " · ".join(part for part in parts if part)


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


def files(dossier: Dossier, limit: int) -> Records:
    """Return the weights' files with size, digest, and whether each has changed."""
    changed = frozenset(dossier.weights_changed)
    unchanged = words.WEIGHTS_FILE[dossier.statuses.weights]
    rows = [
        Record(
            (
                _line(item.path, 200),
                text.size(item.bytes),
                text.short_digest(item.sha256),
                "✕ changed" if item.path in changed else unchanged,
            ),
            alarm=item.path in changed,
        )
        for item in dossier.files[:limit]
    ]
    return Records(("File", ">Size", "SHA-256", "State"), tuple(rows), len(dossier.files))


def consumers(dossier: Dossier, limit: int) -> Records:
    """Return who uses the version, since when, and how that is known."""
    rows = [
        Record(
            (
                _line(item.name or item.id, _NAME),
                item.kind,
                text.moment(item.since),
                words.GRADES[item.grade],
                _line(item.detail, 80),
            )
        )
        for item in dossier.consumers[:limit]
    ]
    titles = ("Consumer", "Kind", "Since", "How it is known", "Detail")
    return Records(titles, tuple(rows), len(dossier.consumers))


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
