"""The Jinja environment of all rendered pages: one set of filters, one way to be safe.

Autoescape is always on, undefined names are errors, and every value that reaches a page
goes through ``finalize``: hidden characters are written out, very long values are cut with
the count of what is left out, and nothing prints as ``None``. Filters return ``Markup``
only around words of this package, or around text that they have escaped themselves.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, Literal

import jinja2
from markupsafe import Markup

from audit.graph import Graph
from audit.render import text, view, words
from audit.render.drawing import legend, lineage_svg
from audit.resources import TEMPLATES
from audit.verdicts import Grade, Verdict

Medium = Literal["pdf", "html"]

_NOTHING = Markup('<span class="none">{}</span>').format(words.NOT_RECORDED)


@functools.cache
def environment(medium: Medium) -> jinja2.Environment:
    """Return the environment for pages with the shipped fonts, or for a browser's own."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_finalize(medium),
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters |= _FILTERS
    made.globals |= {
        "medium": medium,
        "words": words,
        "view": view,
        "drawing": functools.partial(_drawing, screen=medium == "html"),
        "legend": _legend,
        "style": _style,
        "Verdict": Verdict,
    }
    return made


def _finalize(medium: Medium) -> Callable[[Any], Any]:
    shown = text.glyphs() if medium == "pdf" else None

    def finalize(value: Any) -> Any:
        if value is None or (isinstance(value, float) and not math.isfinite(value)):
            return words.NOT_RECORDED
        if isinstance(value, str) and not hasattr(value, "__html__"):
            return text.clip(text.visible(value, shown))
        return value

    return finalize


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


def _line(value: str, limit: int = 90) -> str:
    """A name on one line, cut where it is long."""
    return text.clip(" ".join(value.split()), limit)


_FILTERS: dict[str, Callable[..., Any]] = {
    "known": _known,
    "verdict": _verdict,
    "digest": _digest,
    "moment": lambda ms: _fixed(text.moment(ms)),
    "seconds": lambda ms: _fixed(text.moment(ms, seconds=True)),
    "day": text.day,
    "day_and_time": text.day_and_time,
    "size": text.size,
    "figure": text.number,
    "aligned": text.aligned,
    "percent": text.percent,
    "status": words.status_word,
    "grade": lambda grade: words.GRADES[Grade(grade)],
    "counted": words.counted,
    "clip": text.clip,
    "line": _line,
    "upper_first": lambda value: value[:1].upper() + value[1:],
    "lower_first": lambda value: value[:1].lower() + value[1:],
}


def _drawing(graph: Graph, width: float, *, screen: bool) -> list[Markup]:
    """The sheets of a lineage map. Drawings escape their text themselves."""
    sheets = lineage_svg(graph, width, screen=screen)
    return [Markup(sheet if screen else text.drawable(sheet)) for sheet in sheets]  # noqa: S704


def _legend(graph: Graph) -> list[tuple[Markup, str]]:
    return [(Markup(sample), word) for sample, word in legend(graph)]  # noqa: S704


@functools.cache
def _style(*names: str) -> Markup:
    """The named style sheets, for a ``<style>`` element."""
    sheets = [(TEMPLATES / name).read_text(encoding="utf-8") for name in names]
    return Markup("\n".join(sheets))  # noqa: S704
