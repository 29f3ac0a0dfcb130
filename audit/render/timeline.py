"""The aliases of one model over time, drawn as SVG: which version held which, from when to when.

A row for each alias, time to scale from left to right. A bar is the time in which a version
is known to have held the alias, its number inside. A tick at its end is an exact time; a
bracket spans the time in which, nobody knows when, the alias was set or taken away. An end
without either goes on beyond what is drawn. Hatched is what nobody watched, shaded the period.
Strokes and not colours tell these apart. Sizes are millimetres, times UTC milliseconds.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from audit.history.model import Gap, Tenure, When
from audit.render import acts, signs, strokes, text
from audit.render.axis import marks
from audit.render.lettering import LABEL, SMALL, clip, width, xml
from audit.render.strokes import mm

MOST_ROWS = 16
"""So many aliases of a model are drawn; those that changed hands most often come first."""

_LABELS = 30.0
_RIGHT = 2.0
_TOP = 1.2
_ROW = 5.6
_BAR = 3.6
_AXIS = 5.4
_NOTE = 4.4
_TICK = 0.7
_BEFORE = 0.06
_AFTER = 0.02
_MARK_ROOM = 15.0
_SCREEN_LETTERS = 1.15
_FINEST = 0.12
"""Bars that begin nearer than this to the one before are drawn with it."""


@dataclass(frozen=True, slots=True)
class Window:
    """What is drawn: the period, and until when (not later than its end) it is told."""

    start: int
    end: int
    until: int
    first_observed: int | None = None

    @property
    def left(self) -> int:
        """Where the drawing begins: a little before the period."""
        return self.start - round(_BEFORE * (self.end - self.start))

    @property
    def right(self) -> int:
        """Where the drawing ends."""
        return self.end + round(_AFTER * (self.end - self.start))


@dataclass(frozen=True, slots=True)
class Bar:
    """A tenure on the axis. ``left`` to ``right`` is sure; brackets reach outward from there."""

    tenure: Tenure
    left: float
    right: float
    bracket_left: float | None
    """Where the bracket before the bar begins, ``None`` without one."""
    bracket_right: float | None
    tick_left: bool
    tick_right: bool


def timeline_svg(
    tenures: Sequence[Tenure],
    gaps: Sequence[Gap],
    window: Window,
    width_mm: float,
    *,
    screen: bool = False,
) -> str:
    """Return the timeline of one model's aliases as SVG, empty where none was held.

    Nothing is smaller than 6.5 points at that width, and nothing reaches out of it.
    """
    rows = _rows(tenures)
    if not rows or window.end <= window.start:
        return ""
    return _Timeline(rows, gaps, window, width_mm, screen).svg()


def place(tenures: Sequence[Tenure], window: Window, room: float) -> list[Bar]:
    """Return one alias's tenures as bars within ``room``, in order and without overlap."""

    def at(moment: int) -> float:
        share = (moment - window.left) / (window.right - window.left)
        return round(min(max(share, 0.0), 1.0) * room, 2)

    limit = at(window.until)
    bars: list[Bar] = []
    for tenure in sorted(tenures, key=_order):
        before = bars[-1].right if bars else 0.0
        start, end = tenure.start, tenure.end
        left = min(max(at(_sure(start, tenure.first_seen)), before), limit)
        right = max(at(_last(end, window.until)), left)
        bracket_left = bracket_right = None
        if start is not None and start.at is None:
            earliest = 0.0 if start.earliest is None else at(start.earliest)
            bracket_left = min(max(earliest, before), left)
        if end is not None and end.at is None:
            bracket_right = max(at(end.latest), right)
        exact_left = start is not None and start.at is not None and window.left <= start.latest
        exact_right = end is not None and end.at is not None and end.latest <= window.until
        bars.append(Bar(tenure, left, right, bracket_left, bracket_right, exact_left, exact_right))
    return bars


def _order(tenure: Tenure) -> tuple[int, int, int]:
    return (_sure(tenure.start, tenure.first_seen), _last(tenure.end, 2**62), tenure.version)


def _sure(start: When | None, first_seen: int) -> int:
    """Return from when on the alias is known to have been held."""
    return first_seen if start is None else start.latest


def _last(end: When | None, until: int) -> int:
    """Return until when the alias is known to have been held, before ``until``."""
    if end is None:
        return until
    return min(end.latest if end.earliest is None else end.earliest, until)


def _rows(tenures: Sequence[Tenure]) -> list[tuple[str, list[Tenure]]]:
    found: dict[str, list[Tenure]] = defaultdict(list)
    for tenure in tenures:
        found[tenure.alias].append(tenure)
    return sorted(found.items())


class _Timeline:
    """One drawing, from its rows to its text."""

    def __init__(
        self,
        rows: list[tuple[str, list[Tenure]]],
        gaps: Sequence[Gap],
        window: Window,
        wide: float,
        screen: bool,
    ) -> None:
        busy = sorted(rows, key=lambda row: (-len(row[1]), row[0]))[:MOST_ROWS]
        self.rows, self.total = sorted(busy), len(rows)
        self.gaps, self.window, self.wide, self.screen = gaps, window, wide, screen
        self.room = wide - _LABELS - _RIGHT
        self.foot = _TOP + _ROW * len(self.rows)
        self.shown = None if screen else text.glyphs()
        self.unnumbered = 0

    def svg(self) -> str:
        bars = [place(tenures, self.window, self.room) for _, tenures in self.rows]
        parts = [self._period(), self._axis()]
        numbers: list[str] = []
        for number, ((alias, _), row) in enumerate(zip(self.rows, bars, strict=True)):
            middle = _TOP + _ROW * (number + 0.5)
            parts.append(self._label(alias, middle))
            parts += self._row(row, middle, numbers)
        parts += [self._hatching(), *numbers]
        notes = self._notes()
        high = self.foot + _AXIS + (_NOTE if notes else 0)
        if notes:
            parts.append(self._text(notes, 0, high - _NOTE / 2, strokes.THIRD))
        look = 'class="timeline"' if self.screen else f'font-family="{strokes.SANS}"'
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" {look} role="img" width="{mm(self.wide)}mm" '
            f'height="{mm(high)}mm" viewBox="0 0 {mm(self.wide)} {mm(high)}">'
            f"<title>{xml(self._told())}</title>{''.join(parts)}</svg>"
        )

    def _x(self, moment: int) -> float:
        share = (moment - self.window.left) / (self.window.right - self.window.left)
        return _LABELS + min(max(share, 0.0), 1.0) * self.room

    def _period(self) -> str:
        left, right = self._x(self.window.start), self._x(self.window.end)
        edges = f"M{mm(left)} 0V{mm(self.foot)}M{mm(right)} 0V{mm(self.foot)}"
        return (
            f'<rect class="period" x="{mm(left)}" y="0" width="{mm(right - left)}" '
            f'height="{mm(self.foot)}" fill="{strokes.SOFT}"/>'
        ) + _path("edge", edges, strokes.RULE, 0.15)

    def _hatching(self) -> str:
        """Return slanting lines where nobody watched, neighbouring stretches as one."""
        spans = [
            (self.window.left if gap.start is None else gap.start, gap.end) for gap in self.gaps
        ]
        if self.window.first_observed is not None:
            spans.append((self.window.left, self.window.first_observed))
        merged: list[list[float]] = []
        for start, end in sorted(spans):
            left, right = self._x(start), self._x(min(end, self.window.until))
            if right <= left:
                continue
            if merged and left <= merged[-1][1] + _FINEST:
                merged[-1][1] = max(merged[-1][1], right)
            else:
                merged.append([left, right])
        path = "".join(signs.slanting(left, right, self.foot) for left, right in merged)
        if not path:
            return ""
        return _path("hatch", path, strokes.RULE, 0.12)

    def _axis(self) -> str:
        window = self.window
        line = f"M{_LABELS} {mm(self.foot)}H{mm(self.wide - _RIGHT)}"
        names = []
        free = _LABELS
        for moment, name in marks(window.left, window.right, int(self.room / _MARK_ROOM)):
            x = self._x(moment)
            line += f"M{mm(x)} {mm(self.foot)}v1"
            half = width(name, SMALL) / 2
            middle = min(max(x, _LABELS + half), self.wide - half)
            if middle - half >= free:
                names.append(self._middle(name, middle, self.foot + 3, strokes.THIRD, 400))
                free = middle + half + 1.5
        return _path("axis", line, strokes.RULE, 0.2) + "".join(names)

    def _label(self, alias: str, middle: float) -> str:
        words = clip(text.visible(alias, self.shown), _LABELS - 2, LABEL * 1.1)
        return (
            f'<text class="name" x="0" y="{mm(middle + 0.95)}" font-size="{mm(LABEL)}" '
            f'font-weight="400" fill="{strokes.INK}">{xml(words)}</text>'
        )

    def _row(self, bars: list[Bar], middle: float, numbers: list[str]) -> list[str]:
        """Return the bars of a row, adding their numbers; what is too near is drawn once."""
        top, parts, ticks, brackets = middle - _BAR / 2, [], "", ""
        drawn = -1.0
        for bar in bars:
            left, right = _LABELS + bar.left, _LABELS + bar.right
            if right - drawn < _FINEST and drawn >= 0:
                self.unnumbered += 1
                continue
            drawn = right
            if bar.bracket_left is not None:
                brackets += signs.bracket(_LABELS + bar.bracket_left, left, middle)
            if bar.bracket_right is not None:
                brackets += signs.bracket(right, _LABELS + bar.bracket_right, middle)
            if bar.tick_left:
                ticks += f"M{mm(left)} {mm(top - _TICK)}v{mm(_BAR + 2 * _TICK)}"
            if bar.tick_right:
                ticks += f"M{mm(right)} {mm(top - _TICK)}v{mm(_BAR + 2 * _TICK)}"
            parts.append(self._bar(bar, left, right, top))
            numbers.append(self._number(bar, left, right, middle))
        if brackets:
            parts.insert(0, _path("bracket", brackets, strokes.SECOND, 0.25))
        if ticks:
            parts.append(_path("tick", ticks, strokes.INK, 0.35))
        return parts

    def _bar(self, bar: Bar, left: float, right: float, top: float) -> str:
        held = bar.tenure.end is None
        rect = (
            f'<rect class="{"now" if held else "held"}" x="{mm(left)}" y="{mm(top)}" '
            f'width="{mm(right - left)}" height="{_BAR}" '
            f'fill="{strokes.ACCENT if held else strokes.TINT}" stroke="{strokes.SECOND}" '
            f'stroke-width="0.15"/>'
        )
        if not self.screen:
            return rect
        return f"<g><title>{xml(acts.tenure(bar.tenure))}</title>{rect}</g>"

    def _number(self, bar: Bar, left: float, right: float, middle: float) -> str:
        """Return the version's number on a patch of its bar, where it has room."""
        number, held = str(bar.tenure.version), bar.tenure.end is None
        half = width(number, SMALL) * (_SCREEN_LETTERS if self.screen else 1) / 2 + 0.4
        if 2 * half > right - left:
            self.unnumbered += 1
            return ""
        x, ink = (left + right) / 2, strokes.PAPER if held else strokes.INK
        patch = (
            f'<rect class="{"now" if held else "held"} patch" x="{mm(x - half)}" '
            f'y="{mm(middle - 1.3)}" width="{mm(2 * half)}" height="2.6" '
            f'fill="{strokes.ACCENT if held else strokes.TINT}"/>'
        )
        return patch + self._middle(number, x, middle, ink, 600, "now" if held else "held")

    def _notes(self) -> str:
        notes = []
        if self.total > len(self.rows):
            notes.append(
                f"{len(self.rows)} of {self.total} aliases drawn, those that changed hands most "
                "often"
            )
        if self.unnumbered:
            bars = "bar is" if self.unnumbered == 1 else "bars are"
            notes.append(f"{self.unnumbered:,} {bars} too narrow for a number")
        return f"{'; '.join(notes)}. All tenures stand in tenures.csv." if notes else ""

    def _told(self) -> str:
        """Return the drawing in a sentence, for those who do not see it."""
        counts = Counter({alias: len(tenures) for alias, tenures in self.rows})
        rows = ", ".join(f"{text.clip(alias, 60)} ({count})" for alias, count in counts.items())
        return f"Alias timeline. Tenures of each alias: {rows}"

    def _text(self, words: str, x: float, y: float, ink: str) -> str:
        return signs.words(clip(words, self.wide, SMALL * 1.1), x, y, ink, screen=self.screen)

    def _middle(
        self, words: str, x: float, y: float, ink: str, weight: int, look: str = "mark"
    ) -> str:
        drawn = strokes.print_small(words, x, y, ink, weight)
        return drawn.replace("<text ", f'<text class="on-{look}" ', 1) if self.screen else drawn


def _path(look: str, path: str, ink: str, wide: float) -> str:
    return f'<path class="{look}" d="{path}" fill="none" stroke="{ink}" stroke-width="{wide}"/>'
