"""The Jinja environment of all rendered pages: one set of filters, one way to be safe.

Autoescape is always on, undefined names are errors, and every value that reaches a page
goes through ``finalize``: hidden characters are written out, very long values are cut with
the count of what is left out, and nothing prints as ``None``. Filters return ``Markup``
only around words of this package, or around text that they have escaped themselves.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import groupby
from operator import itemgetter
from typing import Any, Literal

import jinja2
from markupsafe import Markup

from audit.graph import Graph
from audit.history.model import Tenure
from audit.render import (
    acts,
    brief,
    commits,
    fresher,
    holdings,
    lettering,
    pipelines,
    recorders,
    records,
    reviews,
    signs,
    since,
    strokes,
    telling,
    text,
    view,
    vulnerabilities,
    words,
)
from audit.render.drawing import lineage_svg, narrow_svg
from audit.render.listing import Records, set_lines
from audit.render.stacks import legend
from audit.render.timeline import Window, timeline_svg
from audit.report.model import Report
from audit.resources import TEMPLATES
from audit.verdicts import Grade, Verdict

Medium = Literal["pdf", "html"]

_PAGE_WIDTH = 174.0
_SCREEN_WIDTH = 260.0
"""Of timelines, which a screen fits to its own."""
_SHEET_HEIGHT = 82.0
_CELL_PADDING, _CELL_TEXT = 3.0, 8.4 * lettering.PT
"""Millimetres, as in ``print.css``."""

_NOTHING = Markup('<span class="none">{}</span>').format(words.NOT_RECORDED)


@functools.cache
def environment(medium: Medium) -> jinja2.Environment:
    """Return the environment for pages with the shipped fonts, or for a browser's own."""
    shown = text.glyphs() if medium == "pdf" else None
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_finalize(shown),
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters |= _FILTERS | {
        name: functools.partial(_cut, cut=cut, shown=shown) for name, cut in _CUTS.items()
    }
    made.globals |= {
        "medium": medium,
        "words": words,
        "view": view,
        "in_brief": brief.record,
        "records": records,
        "code": commits,
        "holdings": holdings,
        "recorders": recorders,
        "fresher": fresher,
        "pipelines": pipelines,
        "reviews": reviews,
        "since": since,
        "vulnerabilities": vulnerabilities,
        "acts": acts,
        "telling": telling,
        "timeline": functools.partial(_timeline, screen=medium == "html"),
        "timeline_key": functools.partial(_timeline_key, screen=medium == "html"),
        "listing": functools.partial(_listing, shown=shown),
        "drawing": functools.partial(_drawing, screen=medium == "html"),
        "narrow_drawing": lambda graph: Markup(narrow_svg(graph)),  # noqa: S704
        "legend": functools.partial(_legend, screen=medium == "html"),
        "style": _style,
        "Verdict": Verdict,
    }
    return made


def _finalize(shown: frozenset[int] | None) -> Callable[[Any], Any]:
    def finalize(value: Any) -> Any:
        if value is None or (isinstance(value, float) and not math.isfinite(value)):
            return words.NOT_RECORDED
        if isinstance(value, str) and not hasattr(value, "__html__"):
            return text.clip(text.visible(value, shown))
        return value

    return finalize


def _cut(value: str, *limit: int, cut: Callable[..., str], shown: frozenset[int] | None) -> str:
    """A value cut after it is made visible, so that its length is the one on the page."""
    return cut(text.visible(value, shown), *limit)


def _cell(value: str, share: int) -> str:
    """A text as much of which is shown as one line of a cell holds, of so many hundredths."""
    return lettering.start(value, _PAGE_WIDTH * share / 100 - _CELL_PADDING, _CELL_TEXT)


def _known(value: Any) -> Any:
    """The value, or "not recorded" in the quiet voice."""
    return value if value or value == 0 else _NOTHING


def _fixed(value: str) -> Markup:
    """A time or digest in the fixed-width face; "not recorded" in the quiet voice."""
    if value == words.NOT_RECORDED:
        return _NOTHING
    return Markup('<span class="mono">{}</span>').format(value)


def _digest(value: str) -> str:
    short = text.short_digest(value)
    return short if short == value else _fixed(short)


def _verdict(verdict: Verdict) -> Markup:
    """Sign and word of a verdict, in its ink."""
    sign, word = words.VERDICT_SIGNS[verdict], words.VERDICTS[verdict]
    return Markup('<span class="verdict v-{}">{}\u2002{}</span>').format(verdict.value, sign, word)


_CUTS: dict[str, Callable[..., str]] = {
    "clip": text.clip,
    "line": text.one_line,
    "brief": text.brief,
    "cell": _cell,
}
_FILTERS: dict[str, Callable[..., Any]] = {
    "known": _known,
    "verdict": _verdict,
    "digest": _digest,
    "digests": text.short_digests,
    "evidence": text.evidence,
    "moment": lambda ms: _fixed(text.moment(ms)),
    "seconds": lambda ms: _fixed(text.moment(ms, seconds=True)),
    "day": text.day,
    "day_and_time": text.day_and_time,
    "size": text.size,
    "figure": text.number,
    "percent": text.percent,
    "status": words.status_word,
    "commit_state": words.commit_word,
    "grade": lambda grade: words.GRADES[Grade(grade)],
    "counted": words.counted,
    "upper_first": text.capitalised,
    "lower_first": lambda value: value[:1].lower() + value[1:],
}


def _listing(found: Records, *, shown: frozenset[int] | None) -> tuple[str, Markup]:
    """The head line and the body of records that are set as lines of fixed-width type."""
    rows = [
        replace(
            row,
            cells=tuple(text.visible(cell, shown) for cell in row.cells),
            remark=text.visible(row.remark, shown),
        )
        for row in found.rows
    ]
    head, lines = set_lines(replace(found, rows=tuple(rows)))
    voiced = Markup('<span class="{}">{}</span>')
    return head, Markup("\n").join(
        voiced.format(voice, "\n".join(line for line, _ in group))
        if voice
        else Markup("\n").join(line for line, _ in group)
        for voice, group in groupby(lines, key=itemgetter(1))
    )


def _drawing(graph: Graph, *, screen: bool) -> list[Markup]:
    """The sheets of a lineage map, low enough to share a page with what stands around them.

    Drawings make their text visible and escape it themselves.
    """
    sheets = (
        lineage_svg(graph, _PAGE_WIDTH, screen=True)
        if screen
        else lineage_svg(graph, _PAGE_WIDTH, height_mm=_SHEET_HEIGHT)
    )
    return [Markup(sheet) for sheet in sheets]  # noqa: S704


def _timeline(tenures: Sequence[Tenure], report: Report, *, screen: bool) -> Markup:
    """The aliases of a model over the period; makes its text visible and escapes it itself."""
    told = report.history
    until = min(report.end, report.as_of)
    window = Window(report.start, report.end, until, told.first_observed)
    wide = _SCREEN_WIDTH if screen else _PAGE_WIDTH
    drawn = timeline_svg(tenures, told.gaps, window, wide, screen=screen)
    return Markup(drawn)  # noqa: S704


def _timeline_key(*, screen: bool) -> Markup:
    return Markup(signs.key_svg(_SCREEN_WIDTH if screen else _PAGE_WIDTH))  # noqa: S704


def _legend(graph: Graph, *, screen: bool) -> Markup:
    """The key of a lineage map: one drawing on a page, samples that may wrap on a screen."""
    words = legend(graph)
    if not screen:
        return Markup(strokes.key(words, _PAGE_WIDTH))  # noqa: S704
    samples = (f"<span>{strokes.sample(grade, word)}{word}</span>" for grade, word in words)
    return Markup(" ".join(samples))  # noqa: S704


@functools.cache
def _style(*names: str) -> Markup:
    """The named style sheets, for a ``<style>`` element."""
    sheets = [(TEMPLATES / name).read_text(encoding="utf-8") for name in names]
    return Markup("\n".join(sheets))  # noqa: S704
