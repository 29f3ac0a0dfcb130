"""A report → the unsigned files of its bundle, in every format asked for.

Pages follow from the report and from what renders them, and from nothing else; each is
kept in the cache under the digest of both. ``run`` seals what is made here, ``render``
makes it again and compares.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from audit import canonical, execute
from audit.cache import Cache
from audit.errors import AuditError
from audit.render import RENDERERS, Offer, renderer
from audit.render.fingerprint import renderer_digest
from audit.render.json import render_dossier_json
from audit.render.pdf import prepare, render_dossier_pdf, render_report_pdf
from audit.report.model import Dossier, Report

PDF = "pdf"
REPORT_PDF = "report.pdf"


class Listener(Protocol):
    """Is told how far the work has come."""

    def stage(self, text: str) -> None:
        """A stage begins."""
        ...

    def step(self, done: int, total: int) -> None:
        """So many of so many parts of the stage are done."""
        ...


@dataclass(frozen=True, slots=True)
class Page:
    """A file of the bundle before it is sealed. ``path`` is relative to ``data/``."""

    path: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Failed:
    """A file that could not be rendered, and why, in one line."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Settings:
    """Which formats, and where they are rendered."""

    formats: tuple[str, ...] = ("pdf", "html", "csv")
    dossiers: tuple[str, ...] = ("pdf", "html")
    executor: str = "process"
    jobs: int | str = "auto"


def check_formats(formats: Iterable[str]) -> None:
    """Raise ``UsageError`` for a format that nothing renders."""
    for name in formats:
        if name != PDF:
            renderer(name)


def workers_for(settings: Settings) -> execute.Workers:
    """Return the processes that will render, not yet started."""
    return execute.Workers(settings.executor, settings.jobs, prepare)


def typeset(
    report: Report,
    facts: bytes,
    settings: Settings,
    cache: Cache,
    workers: execute.Workers,
    listener: Listener,
) -> Iterator[Page | Failed]:
    """Yield every file of the bundle. Dossiers that fail are yielded as such.

    Raises ``AuditError`` if ``report.pdf`` itself cannot be rendered.
    """
    dossiers = tuple(form for form in settings.dossiers if form in settings.formats)
    wanted = _Wanted(cache)
    for dossier in report.dossiers:
        data = render_dossier_json(dossier)
        folder = f"models/{dossier.slug}"
        yield Page(f"{folder}/dossier.json", data)
        for form in dossiers:
            path = f"{folder}/dossier.{form}"
            yield from wanted.page(path, data, execute.Task(path, _DOSSIER[form], (dossier,)))
    # The processes work while the tables and the dashboard are made here.
    workers.start(wanted.tasks)
    files = _files(report, Offer(settings.formats, dossiers), cache)
    yield Page("facts.jsonl", facts)
    yield from (Page(path, content) for path, content in files.items())
    if PDF in settings.formats:
        attached = {
            path: content
            for path, content in files.items()
            if path == "report.json" or path.endswith(".csv")
        }
        task = execute.Task(REPORT_PDF, render_report_pdf, (report, attached))
        yield from wanted.page(REPORT_PDF, files["report.json"], task)
    yield from wanted.rest(workers, listener)


def _files(report: Report, offer: Offer, cache: Cache) -> dict[str, bytes]:
    """Return the files that are made in this process, by their paths: all but the pages."""
    files = RENDERERS["json"](report, offer)
    report_json = files["report.json"]
    for name in ("schema", *offer.report):
        if name != PDF:
            key = _key(f"{name} {offer}", report_json)
            made = cache.get_files(key)
            if made is None:
                made = renderer(name)(report, offer)
                cache.put_files(key, made)
            files |= made
    return files


class _Wanted:
    """Pages that are either in the cache or still to be rendered."""

    def __init__(self, cache: Cache) -> None:
        self.tasks: list[execute.Task] = []
        self._cache = cache
        self._keys: dict[str, str] = {}

    def page(self, path: str, content: bytes, task: execute.Task) -> Iterator[Page]:
        """Yield the page that follows from ``content`` if it is known, else note its task."""
        self._keys[path] = _key(path, content)
        found = self._cache.get(self._keys[path])
        if found is None:
            self.tasks.append(task)
        else:
            yield Page(path, found)

    def rest(self, workers: execute.Workers, listener: Listener) -> Iterator[Page | Failed]:
        """Render what is not known, the report first because it takes longest."""
        self.tasks.sort(key=lambda task: task.name != REPORT_PDF)
        for done, outcome in enumerate(workers.run(self.tasks), start=1):
            listener.step(done, len(self.tasks))
            if outcome.error and outcome.name == REPORT_PDF:
                raise AuditError(f"report.pdf cannot be rendered ({outcome.error})")
            if outcome.error:
                yield Failed(outcome.name, outcome.error)
            else:
                self._cache.put(self._keys[outcome.name], outcome.value)
                yield Page(outcome.name, outcome.value)


def _dossier_html(dossier: Dossier) -> bytes:
    from audit.render.html import render_dossier_html  # no templates where all is in the cache

    return render_dossier_html(dossier).encode("utf-8")


_DOSSIER = {"pdf": render_dossier_pdf, "html": _dossier_html}


def _key(path: str, content: bytes) -> str:
    """Return the digest of all that a page follows from."""
    form = path.rpartition("/")[2]
    return canonical.sha256(f"{form}\0{renderer_digest()}\0".encode() + content)
