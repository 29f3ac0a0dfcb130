"""Text on a page: inert, visible and short, and values in the one form that all pages use.

Registry text is made visible before it is shown: what would be invisible, turn the
direction of writing, or have no glyph in the shipped fonts is written as its code point,
``‹U+202E›``. Strong right-to-left letters have no glyph here on purpose: in a sentence
they would change the order in which the rest is read.
"""

from __future__ import annotations

import datetime as dt
import functools
import math
import re
import unicodedata
from collections.abc import Sequence

from audit.render.words import NOT_RECORDED, VALUES
from audit.resources import FONTS

LIMIT = 600
"""Characters of one value that a page shows at most."""

_PLAIN = re.compile(r"[\n -~]*")
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Letters and marks that have no ink of their own."""
_VALUE = re.compile(rf"(?<![\w./-])(?:{'|'.join(VALUES)})(?![\w./-])")
_DIGEST = re.compile(
    r"(?<![0-9A-Za-z_./-])((?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64})(?:\.dir)?)(?![0-9A-Za-z])"
)
_WORD = re.compile(r"(?!(?:[0-9a-f]{4} ){2}[0-9a-f]{4}\b)[a-z]+(?=[ ,:;]|$)")
_HEX = re.compile(r"[0-9a-f]{8,}")


@functools.cache
def glyphs() -> frozenset[int]:
    """Return the code points that the shipped sans-serif fonts can show."""
    from fontTools.ttLib import TTFont

    found: set[int] = set()
    for name in ("sans-regular.ttf", "rest.ttf"):
        with TTFont(FONTS / name, lazy=True) as font:
            found |= font.getBestCmap().keys()
    return frozenset(found)


def visible(text: str, shown: frozenset[int] | None = None) -> str:
    """Return text with every hidden character, and every one not in ``shown``, written out.

    ``shown`` is None where the reader's own fonts are used. Line feeds stay.
    """
    text = text.replace("\r\n", "\n")
    if _PLAIN.fullmatch(text):
        return text
    parts: list[str] = []
    codes: list[str] = []
    for character in text:
        if _is_shown(character, shown):
            if codes:
                parts.append(f"‹{' '.join(codes)}›")
                codes.clear()
            parts.append(character)
        else:
            codes.append(f"U+{ord(character):04X}")
    if codes:
        parts.append(f"‹{' '.join(codes)}›")
    return "".join(parts)


def _is_shown(character: str, shown: frozenset[int] | None) -> bool:
    if character == "\n" or " " <= character <= "~":
        return True
    if unicodedata.category(character) in _HIDDEN or character in _BLANK:
        return False
    if "\ufe00" <= character <= "\ufe0f":  # variation selectors
        return False
    return shown is None or ord(character) in shown


def clip(text: str, limit: int = LIMIT) -> str:
    """Return the text, or its beginning and how much of it is left out."""
    if len(text) <= limit:
        return text
    return f"{text[:limit]} … ({len(text) - limit:,} more characters)"


def brief(text: str, limit: int) -> str:
    """Return a name on one line, its end replaced by an ellipsis where it is long."""
    line = " ".join(text.split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def one_line(text: str, limit: int = 90) -> str:
    """Return a name on one line, cut where it is long."""
    return clip(" ".join(text.split()), limit)


def short_digest(value: str) -> str:
    """Return a digest as three groups of four hex digits: ``c04d 77e1 9ab0``.

    The name before it (``md5:``) and ``.dir`` behind it are left out. What is not a digest
    is returned as it is.
    """
    if not value:
        return NOT_RECORDED
    digits = value.rpartition(":")[2].removesuffix(".dir")
    if not _HEX.fullmatch(digits):
        return value
    return " ".join(digits[at : at + 4] for at in (0, 4, 8) if digits[at : at + 4])


def capitalised(text: str) -> str:
    """Return a sentence with a capital letter, unless it starts with a digest, path or name."""
    return f"{text[0].upper()}{text[1:]}" if _WORD.match(text) else text


def short_digests(text: str) -> str:
    """Return a sentence with every full digest in it (MD5, SHA-1, SHA-256) abbreviated."""
    return _DIGEST.sub(lambda match: short_digest(match[1]), text)


def evidence(items: Sequence[str], limit: int) -> str:
    """Return pieces of evidence as one phrase, at most ``limit`` of them, for people to read."""
    shown = "; ".join(map(short_digests, items[:limit]))
    shown = _VALUE.sub(lambda match: VALUES[match[0]], shown)
    return f"{shown}; and {len(items) - limit} more" if len(items) > limit else shown


def moment(ms: int | None, *, seconds: bool = False) -> str:
    """Return UTC milliseconds as ``2026-08-14 10:02 UTC``."""
    date = _utc(ms)
    if date is None:
        return _no_date(ms)
    return f"{date:{'%Y-%m-%d %H:%M:%S' if seconds else '%Y-%m-%d %H:%M'}} UTC"


def day(value: int | str | None) -> str:
    """Return UTC milliseconds or an ISO date as ``14 August 2026``; other text as it is."""
    date: dt.date | None
    if isinstance(value, str):
        try:
            date = dt.date.fromisoformat(value)
        except ValueError:
            return value or NOT_RECORDED
    else:
        date = _utc(value)
    return f"{date.day} {_MONTHS[date.month - 1]} {date.year}" if date else _no_date(value)


def day_and_time(ms: int | None) -> str:
    """Return UTC milliseconds as ``14 August 2026, 10:02 UTC``."""
    date = _utc(ms)
    return f"{day(ms)}, {date:%H:%M} UTC" if date else _no_date(ms)


def size(count: int | None) -> str:
    """Return bytes in decimal units: ``734.0 MB``."""
    if count is None:
        return NOT_RECORDED
    value, unit = float(count), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 999.95:
            break
        value, unit = value / 1000, larger
    return f"{count} B" if unit == "B" else f"{value:.1f} {unit}"


def number(value: float | None) -> str:
    """Return a number with at most six significant digits, whole ones grouped by commas."""
    if value is None:
        return NOT_RECORDED
    if isinstance(value, int) or (math.isfinite(value) and value == int(value) < 1e15):
        return f"{int(value):,}"
    return f"{value:.6g}"


def aligned(values: Sequence[float]) -> list[str]:
    """Return numbers filled up with figure spaces, so that their points stand in a line."""
    texts = [number(value) for value in values]
    tails = [len(text.partition(".")[2]) for text in texts]
    widest = max(tails, default=0)
    return [
        text + ("\u2008" if widest and not tail else "") + "\u2007" * (widest - tail)
        for text, tail in zip(texts, tails, strict=True)
    ]


def percent(value: float | None) -> str:
    """Return a share in per cent with one digit: ``93.1 %``."""
    return NOT_RECORDED if value is None else f"{value:.1f}\u00a0%"


_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip


def _utc(ms: int | None) -> dt.datetime | None:
    """Return a moment, or ``None`` for no time and for one outside the years 1 to 9999."""
    if ms is None:
        return None
    try:
        return dt.datetime.fromtimestamp(ms // 1000, dt.UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _no_date(value: int | str | None) -> str:
    return NOT_RECORDED if value is None else f"{value} ms after 1970"
