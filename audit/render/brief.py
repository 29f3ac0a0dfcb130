"""One version's record in brief, for its page in the report: what the dossier shows in tables."""

from __future__ import annotations

from collections.abc import Iterator

from audit.facts import Consumer, ObjectState
from audit.render import commits, holdings, text, words
from audit.render.listing import Record, Records
from audit.report import since
from audit.report.model import DatasetRow, Dossier
from audit.verdicts import WeightsStatus

_MOST = 24
"""So many items of a kind are shown; the dossier has all of them."""
_NO_REMOTE = ("", ObjectState.NOT_APPLICABLE)


def record(dossier: Dossier) -> Records:
    """Return data sources, code, parameters, metrics, environment, weights and consumers."""
    rows, above = [], ""
    for part, what in _rows(dossier):
        rows.append(Record(("" if part == above else part, what)))
        above = part
    return Records(("Part", "What is recorded"), tuple(rows), len(rows))


def _rows(dossier: Dossier) -> Iterator[tuple[str, str]]:
    data = [row for row in dossier.datasets if row.kind != "intermediate"]
    for row in data[:_MOST]:
        yield ("Data set" if row.kind == "input" else "Data source"), _source(row)
    if len(data) > _MOST:
        yield "", f"… and {words.counted(len(data) - _MOST, 'data source')} more in the dossier"
    yield from _code(dossier)
    yield from _training(dossier)
    if dossier.since is not None:
        named = f"Since {since.before(dossier.since)}"
        yield named, text.clip(text.capitalised(since.whole(dossier.since)), 900)
    environment = dossier.environment
    if environment.sources:
        loose = ", ".join(map(text.one_line, environment.unpinned[:_MOST]))
        state = f"without an exact version: {loose}" if loose else "all with an exact version"
        python = environment.python or words.NOT_RECORDED
        packages = words.counted(len(environment.packages), "package")
        yield "Environment", f"Python {python}; {packages}, {state}"
    seen = dossier.weights_first_seen_at
    # Of weights that equal a digest from when they were made, the first sight adds nothing.
    watched = seen is not None and dossier.statuses.weights is not WeightsStatus.VERIFIED
    first = f" First seen {text.moment(seen)}." if watched else ""
    changed = ", ".join(map(text.one_line, dossier.weights_changed[:_MOST]))
    meaning = words.WEIGHTS_MEANINGS[dossier.statuses.weights]
    files = words.counted(len(dossier.files), "file")
    tail = f"{meaning}{first}{f' Changed: {changed}.' if changed else ''}"
    same = holdings.twins(dossier)
    told = f"{text.short_digest(dossier.weights_sha256)}, {files}. {tail}"
    yield "Weights", f"{told} {same}" if same else told
    if dossier.model_signature is not None:
        yield "Signature", holdings.signature(dossier.model_signature)
    for consumer in dossier.consumers[:_MOST]:
        yield "Consumer", _consumer(consumer)


def _source(row: DatasetRow) -> str:
    parts = [
        f"{text.one_line(row.name, 120)} {row.digest_kind} {text.short_digest(row.digest)}",
        words.counted(row.rows, "row") if row.rows is not None else "",
        text.size(row.bytes) if row.bytes is not None else "",
        "" if row.in_remote in _NO_REMOTE else words.status_word(row.in_remote),
    ]
    shown = ", ".join(part for part in parts if part)
    columns = ", ".join(f"{text.one_line(name, 60)} {kind}" for name, kind in row.columns[:_MOST])
    return f"{shown}; {words.counted(len(row.columns), 'column')}: {columns}" if columns else shown


def _code(dossier: Dossier) -> Iterator[tuple[str, str]]:
    if dossier.tagged_commit is None:
        yield "Code", "the run names no commit"
    for commit, role in commits.roles(dossier)[:_MOST]:
        state = words.commit_word(commit.state.value)
        subject = text.one_line(commit.subject, 120)
        shown = (text.short_digest(commit.sha), role, state, subject)
        yield "Code", " · ".join(filter(None, shown))


def _training(dossier: Dossier) -> Iterator[tuple[str, str]]:
    run = dossier.run
    if run is None:
        yield "Training", "no run is known"
        return
    params = [f"{text.one_line(k)} {text.one_line(v)}" for k, v in sorted(run.params.items())]
    metrics = [f"{text.one_line(k)} {text.number(v)}" for k, v in sorted(run.metrics.items())]
    for title, items in (("Parameters", params), ("Metrics", metrics)):
        more = f" · and {len(items) - _MOST} more in the dossier" if len(items) > _MOST else ""
        yield title, " · ".join(items[:_MOST]) + more if items else "none logged"


def _consumer(consumer: Consumer) -> str:
    name = text.one_line(consumer.name or consumer.id, 120)
    kind = f", {words.CONSUMERS.get(consumer.kind, consumer.kind)}"
    if consumer.kind == "traces":
        kind = ""  # its name says so
    since = f" since {text.moment(consumer.since)}" if consumer.since is not None else ""
    return f"{name}{kind}{since} ({words.GRADES[consumer.grade]})"
