"""The dashboard ``index.html``: one page that needs nothing but itself.

All facts stand in the page as the server wrote them, so that it says the same without
scripts; the script only filters, sorts and folds. Nothing is loaded: style, script and
letters are inside, and the page's content security policy names the digests of its one
style sheet and its one script, so that a browser runs nothing else, whatever text a
registry holds.
"""

from __future__ import annotations

import base64
import functools
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from urllib.parse import quote

from markupsafe import Markup

from audit.history.model import Action
from audit.period import iso
from audit.render import acts, view, words
from audit.render.environment import environment
from audit.render.policy import policy
from audit.report.model import ControlResult, DatasetRow, Dossier, ExceptionItem, Report
from audit.report.sources import once
from audit.report.tables import tables
from audit.resources import FONTS, TEMPLATES
from audit.verdicts import Severity, Verdict

NOT_EVALUATED = (Verdict.ERROR, Verdict.UNKNOWN, Verdict.MANUAL)
"""The verdicts that the count "not evaluated" stands for."""

_FACES = (("screen-regular.woff2", 400), ("screen-semibold.woff2", 600))
_MOST_ACTIONS = 2000
"""So many actions stand in the page, the latest of them; actions.csv has all."""
_DOSSIERS = {"html": "Dossier", "pdf": "PDF"}


@dataclass(frozen=True, slots=True)
class Link:
    """A relative address in the bundle with its words."""

    words: str
    href: str


@dataclass(frozen=True, slots=True)
class VersionRow:
    """One version as the table has it."""

    dossier: Dossier
    anchor: str
    model_slug: str
    links: tuple[Link, ...]
    open: tuple[ControlResult, ...]
    """What failed or could not be evaluated, the gravest first."""
    set_aside: tuple[ControlResult, ...]
    """What is waived, or waits for a person."""
    severity: Severity | None
    """Of the gravest open result."""
    find: str
    """Full digests and ids, for the search."""
    scope_reason: str
    created: str
    """UTC date of registration, ``YYYY-MM-DD``."""


@dataclass(frozen=True, slots=True)
class ExceptionRow:
    """An exception with where to read on."""

    item: ExceptionItem
    subject: str
    link: Link | None


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A data source with the versions that used it, as links."""

    data: DatasetRow
    used_by: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class ActionRow:
    """An action in words, with what the filters look for."""

    action: Action
    when: str
    who: str
    what: str
    how: str


@dataclass(frozen=True, slots=True)
class FileRow:
    """A file of the bundle."""

    href: str
    what: str
    rows: int | None = None


def render_dashboard(
    report: Report,
    dossiers: Collection[str] = ("pdf", "html"),
    formats: Collection[str] = ("pdf", "html", "csv"),
) -> bytes:
    """Return ``index.html``.

    ``dossiers`` and ``formats`` are what the bundle holds of each version and of the
    report: only files that exist are linked.
    """
    rows = _version_rows(report, dossiers)
    by_name = {(row.dossier.model, row.dossier.version): row for row in rows}
    by_name |= {(row.dossier.label, row.dossier.version): row for row in rows}
    style, script = _style(), _script()
    page = environment("html").get_template("index.html.jinja")
    text = page.render(
        report=report,
        rows=rows,
        exceptions=_exceptions(report, by_name),
        sources=_sources(rows),
        intermediate=sum(data.kind == "intermediate" for data, _ in view.datasets(report)),
        files=_files(report, formats),
        verdict_filters=_verdict_filters(report),
        models=[(model.slug, model.label) for model in report.models],
        aliases=sorted({alias for dossier in report.dossiers for alias in dossier.aliases}),
        lineages=sorted({dossier.statuses.lineage for dossier in report.dossiers}),
        actions=_actions(report),
        histories=view.model_histories(report),
        actors=sorted({action.actor for action in report.history.actions if action.actor}),
        kinds=sorted({action.kind.value for action in report.history.actions}),
        acted=sorted({action.label for action in report.history.actions}),
        severities=[severity for severity in Severity if any(r.severity is severity for r in rows)],
        versions=[(f"{row.dossier.label}/{row.dossier.version}", row.anchor) for row in rows],
        limit=report.table_rows,
        csv="csv" in formats,
        style=Markup(style),  # noqa: S704
        script=Markup(script),  # noqa: S704
        policy=policy(style, script),
    )
    return text.encode("utf-8")


# --- rows ----------------------------------------------------------------------------------


def _version_rows(report: Report, formats: Collection[str]) -> list[VersionRow]:
    """Return all versions by model, the newest first."""
    rows = []
    for dossier in sorted(report.dossiers, key=lambda d: (d.label.lower(), d.label, -d.version)):
        found = view.open_results(dossier)
        waits = {Verdict.WAIVED, Verdict.MANUAL}
        rows.append(
            VersionRow(
                dossier=dossier,
                anchor=f"v-{dossier.slug.replace('/', '-')}",
                model_slug=dossier.slug.rpartition("/")[0],
                links=_dossier_links(dossier, formats),
                open=tuple(found),
                set_aside=tuple(result for result in dossier.results if result.verdict in waits),
                severity=min((r.severity for r in found), key=lambda s: s.rank, default=None),
                find=_find(dossier),
                scope_reason=report.scope_reasons.get(dossier.slug, ""),
                created=iso(dossier.created_at)[:10],
            )
        )
    return rows


def _dossier_links(dossier: Dossier, formats: Collection[str]) -> tuple[Link, ...]:
    base = f"models/{quote(dossier.slug)}/dossier"
    return tuple(
        Link(name, f"{base}.{ending}") for ending, name in _DOSSIERS.items() if ending in formats
    )


def _find(dossier: Dossier) -> str:
    commit = dossier.tagged_commit.sha if dossier.tagged_commit else ""
    run = dossier.run.run_id if dossier.run else dossier.run_id
    values = (run, dossier.logged_model_id, commit, dossier.weights_sha256, dossier.source)
    return " ".join(value.lower() for value in values if value)


def _exceptions(
    report: Report, rows: dict[tuple[str, int], VersionRow]
) -> list[tuple[Severity, list[ExceptionRow]]]:
    """Return the exceptions by severity, each linked to its dossier, or to its table row."""
    of_job = {result.control for result in report.job_results}
    found: dict[Severity, list[ExceptionRow]] = {severity: [] for severity in Severity}
    for item in report.exceptions:
        row = rows.get((item.model, item.version))
        link = None
        if item.model:
            subject = f"{item.model} v{item.version}" if item.version else item.model
            link = (
                Link(subject, row.links[0].href if row.links else f"#{row.anchor}") if row else None
            )
        elif item.control in of_job:
            subject = "this job"
        else:
            subject = "several versions"
            link = Link(subject, f"#q={quote(item.control)}")
        found[item.severity].append(ExceptionRow(item, subject, link))
    return [(severity, items) for severity, items in found.items() if items]


def _sources(rows: Iterable[VersionRow]) -> list[SourceRow]:
    """Return raw data and logged inputs, each once; intermediate files stand in the CSV."""
    anchors = {(row.dossier.label, row.dossier.version): row.anchor for row in rows}
    found = [
        SourceRow(
            data,
            tuple(
                Link(f"{d.label} v{d.version}", f"#{anchors[d.label, d.version]}") for d in users
            ),
        )
        for data, users in once(row.dossier for row in rows)
        if data.kind != "intermediate"
    ]
    return sorted(found, key=lambda row: (row.data.kind != "raw", row.data.name))


def _actions(report: Report) -> list[ActionRow]:
    """Return the latest actions of the period in words, the last one first."""
    found = report.history.actions
    causes = acts.causes(found)
    return [
        ActionRow(
            action,
            acts.when(action.when),
            acts.who(action),
            acts.what(action, causes),
            acts.how(action),
        )
        for action in reversed(found[-_MOST_ACTIONS:])
    ]


def _verdict_filters(report: Report) -> list[tuple[str, str, int]]:
    """Return the choices of the verdict filter: value, words and count."""
    tally = [dossier.verdict for dossier in report.dossiers]
    open_count = sum(tally.count(verdict) for verdict in NOT_EVALUATED)
    single = [
        (verdict.value, words.VERDICTS[verdict], tally.count(verdict))
        for verdict in words.VERDICTS
        if tally.count(verdict)
    ]
    return [*single, ("not_evaluated", "not evaluated", open_count)] if open_count else single


def _files(report: Report, formats: Collection[str]) -> list[FileRow]:
    found = [FileRow("report.pdf", "the period's report")] if "pdf" in formats else []
    found += [
        FileRow("report.json", "the report as data"),
        FileRow("report.schema.json", "JSON Schema of the report"),
        FileRow("facts.jsonl", "what was read, and all that the report follows from"),
        FileRow("manifest.json", "every file with its digest, chained to the period before"),
    ]
    if "csv" in formats:
        found += [
            FileRow(f"csv/{name}.csv", name.replace("_", " "), len(table.rows))
            for name, table in tables(report).items()
        ]
    return found


# --- what the page carries -----------------------------------------------------------------


@functools.cache
def _style() -> str:
    faces = "\n".join(
        f'@font-face {{ font-family: "Audit Sans"; font-weight: {weight}; '
        f"src: url(data:font/woff2;base64,{_base64((FONTS / name).read_bytes())}); }}"
        for name, weight in _FACES
    )
    return "\n".join([faces, _read("tokens.css"), _read("screen.css")])


@functools.cache
def _script() -> str:
    return _read("dashboard.js")


def _read(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
