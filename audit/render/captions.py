"""What stands below one of several sheets: its number, and where each letter goes on."""

from __future__ import annotations

from collections.abc import Sequence

from audit.render import strokes
from audit.render.lettering import SMALL, clip, width
from audit.render.places import Continuation
from audit.render.words import NOT_RECORDED

_FIRST = 4.4
_NEXT = 3.2
_LINES = 3
_NAME = 34.0


def lines(
    ends: Sequence[tuple[Continuation, Sequence[str]]],
    number: tuple[int, int],
    room: float,
    letters: float,
) -> list[str]:
    """Return the lines of a caption, each no wider than ``room``.

    ``ends`` are those of a sheet with the labels at their other ends; ``number`` is the
    sheet's and how many there are. What finds no room is counted.
    """
    size = SMALL * letters
    words: dict[str, None] = {}
    for end, labels in sorted(ends, key=lambda pair: (pair[0].sheets, pair[0].letter)):
        elsewhere = [str(sheet + 1) for sheet in end.sheets if sheet + 1 != number[0]]
        if elsewhere:
            way = "to" if end.outward else "from"
            name = clip(labels[0] or NOT_RECORDED, _NAME, size)
            more = f" and {len(labels) - 1} more" if len(labels) > 1 else ""
            words[f"{end.letter} {way} {name}{more} on sheet {', '.join(elsewhere)}"] = None
    found = [f"Sheet {number[0]} of {number[1]}"]
    for place, word in enumerate(words):
        longer = f"{found[-1]} · {word}"
        rest = len(words) - place
        last = f" · and {rest} more" if len(found) == _LINES and rest > 1 else ""
        if width(longer + last, size) <= room:
            found[-1] = longer
        elif len(found) < _LINES:
            found.append(clip(word, room, size))
        else:
            found[-1] += f" · and {rest} more"
            break
    return found


def height(caption: Sequence[str]) -> float:
    """Return the room that a caption takes."""
    return _FIRST + _NEXT * (len(caption) - 1) if caption else 0.0


def drawn(caption: Sequence[str], middle: float, top: float) -> list[str]:
    """Return a caption as SVG around a middle, below a height."""
    return [
        strokes.print_small(line, middle, top + _FIRST / 2 + _NEXT * place, strokes.THIRD, 400)
        for place, line in enumerate(caption)
    ]
