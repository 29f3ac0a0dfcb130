"""The signs of a timeline, and the key that tells what they mean. Sizes are millimetres."""

from __future__ import annotations

import functools

from audit.render import strokes
from audit.render.lettering import SMALL, width, xml
from audit.render.strokes import mm

_HATCH = 1.3
_SAMPLE = 10.0


def key_svg(width_mm: float) -> str:
    """Return the key of timelines: a sample of each sign and its word."""
    parts, left = [], 0.0
    for number, word in enumerate(_KEY):
        parts.append(f'<g transform="translate({mm(left)} 0)">{_SAMPLES[number]}</g>')
        parts.append(words(word, left + _SAMPLE, 1.9, strokes.SECOND, screen=False))
        left += _SAMPLE + width(word, SMALL) + 4
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="timeline-key" width="{mm(width_mm)}mm" '
        f'height="3.8mm" viewBox="0 0 {mm(width_mm)} 3.8" font-family="{strokes.SANS}" '
        f'role="img"><title>Key: {", ".join(_KEY)}</title>{"".join(parts)}</svg>'
    )


def words(text: str, x: float, y: float, ink: str, *, screen: bool) -> str:
    """Return small print that begins at a point and stands around its height."""
    look = ' class="on-mark"' if screen else ""
    return (
        f'<text{look} x="{mm(x)}" y="{mm(y + 0.82)}" font-size="{mm(SMALL)}" '
        f'fill="{ink}">{xml(text)}</text>'
    )


def bracket(left: float, right: float, middle: float) -> str:
    """Return a line between two uprights."""
    low, up = mm(middle - 1), "v2"
    return f"M{mm(left)} {low}{up}M{mm(left)} {mm(middle)}H{mm(right)}M{mm(right)} {low}{up}"


@functools.lru_cache(maxsize=64)
def slanting(left: float, right: float, high: float) -> str:
    """Return lines that slant through a rectangle at the top of the drawing."""
    path, offset = [], left - high + (-(left - high)) % _HATCH
    while offset < right:
        x1, x2 = max(offset, left), min(offset + high, right)
        path.append(f"M{mm(x1)} {mm(high - (x1 - offset))}L{mm(x2)} {mm(high - (x2 - offset))}")
        offset += _HATCH
    return "".join(path)


_KEY = ("exact time", "some time between", "nobody watched", "the period", "holds it at the end")
_SAMPLES = (
    (
        f'<rect x="1" y="0.4" width="7" height="3" fill="{strokes.TINT}" stroke="{strokes.SECOND}" '
        f'stroke-width="0.15"/><path d="M1 0V3.8M8 0V3.8" stroke="{strokes.INK}" '
        f'stroke-width="0.35"/>'
    ),
    f'<path d="{bracket(0.5, 8, 1.9)}" fill="none" stroke="{strokes.SECOND}" stroke-width="0.25"/>',
    (
        f'<path d="{slanting(0.5, 8.5, 3.8)}" fill="none" stroke="{strokes.RULE}" '
        f'stroke-width="0.12"/>'
    ),
    (
        f'<path d="M0.5 0H8.5V3.8H0.5Z" fill="{strokes.SOFT}" stroke="{strokes.RULE}" '
        f'stroke-width="0.15"/>'
    ),
    f'<rect x="0.5" y="0.4" width="8" height="3" fill="{strokes.ACCENT}"/>',
)
