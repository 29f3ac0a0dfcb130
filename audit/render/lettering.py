"""Lettering in drawings: how wide a text is, how to shorten it, and what may stand in it.

A drawing is made before any font is loaded, so widths are upper bounds: those of
IBM Plex Sans SemiBold, rounded up, and of IBM Plex Mono. A text that fits by them
fits by the lighter cuts as well.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from xml.sax.saxutils import escape

from audit.render.text import visible

PT = 25.4 / 72
"""Millimetres in a point."""

SMALL, LABEL = 6.5 * PT, 7.5 * PT
"""The two sizes of letters in drawings; nothing is smaller."""

ELLIPSIS = "…"

_LEAST_HEAD = 5
_NARROWEST = 0.24
_MONO = 0.6
_WIDTHS = (
    (0.24, " "),
    (0.3, "'ijl.,"),
    (0.34, "!:;()[]"),
    (0.38, "ft|{}"),
    (0.44, "rI-/\\·"),
    (0.57, 'acegksvxyzLJ?"*_'),
    (0.61, "bdhnopqu0123456789$+<>=^`~EFT"),
    (0.67, "BCPSVYZ"),
    (0.72, "ADGHKNOQRUX&#"),
    (0.9, "mwM@"),
    (0.97, "W%" + ELLIPSIS),
)
_EM = {character: width for width, characters in _WIDTHS for character in characters}


def _em(character: str) -> float:
    known = _EM.get(character)
    if known is not None:
        return known
    if unicodedata.combining(character):
        return 0.0
    return 0.92 if character.islower() else 1.1


def width(text: str, size: float, *, mono: bool = False) -> float:
    """Return an upper bound of a text's width, in the unit of ``size``."""
    if mono and text.isascii():
        return _MONO * size * len(text)
    return size * sum(map(_em, text))


def clip(text: str, room: float, size: float, *, mono: bool = False) -> str:
    """Return the text on one line, or what of it and an ellipsis is no wider than ``room``.

    A path loses folders before its last parts, prose its end, and a word its middle,
    of which the end keeps more: names in a series differ there.
    """
    line = " ".join(text.split())
    most = int(room / size / _NARROWEST) + 1
    if len(line) > 2 * most:
        line = line[:most] + line[-most:]

    def fits(short: str) -> bool:
        return width(short, size, mono=mono) <= room

    if fits(line):
        return line
    return next((short for short in _shortened(line, most) if fits(short)), ELLIPSIS)


def start(text: str, room: float, size: float) -> str:
    """Return the text on one line, its end replaced by an ellipsis where it is wider than ``room``.

    As a browser's ``text-overflow`` does; WeasyPrint's own gives the ellipsis in the PDF the
    text that it stands for, in all of the document.
    """
    line = " ".join(text.split())
    if len(line) * _NARROWEST * size <= room and width(line, size) <= room:
        return line
    left, kept = room / size - _em(ELLIPSIS), 0
    for character in line:
        left -= _em(character)
        if left < 0:
            break
        kept += 1
    return line[:kept].rstrip() + ELLIPSIS


def _shortened(line: str, most: int) -> Iterator[str]:
    """Yield ever shorter forms of a line, the best first."""
    parts = [at for at, character in enumerate(line) if character == "/"]
    for at in parts:
        for head in range(min(at - 1, most), _LEAST_HEAD - 1, -1):
            yield line[:head] + ELLIPSIS + line[at:]
        yield ELLIPSIS + line[at:]
    prose = " " in line and not parts
    for kept in range(min(len(line) - 1, most), 0, -1):
        head = kept if prose else kept * 2 // 5
        yield line[:head].rstrip() + ELLIPSIS + line[len(line) - kept + head :].lstrip()


def xml(text: str) -> str:
    """Return text escaped for XML content and attributes, hidden characters written out."""
    return escape(visible(text), {'"': "&quot;"})
