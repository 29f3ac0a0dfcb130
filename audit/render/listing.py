"""Records set as lines of fixed-width type: columns by counting characters.

On a page a line of text costs a fifth of a table row, and digests, sizes and paths
stand best in fixed-width type anyhow. Screens get the same records as a table.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH = 109
"""Characters of 7.5 pt fixed-width type in the 174 mm of a page."""

GAP = 2
_LEAST = 6


@dataclass(frozen=True, slots=True)
class Record:
    """One row: its cells, a remark of one or more lines below them, and whether it is a finding."""

    cells: tuple[str, ...]
    remark: str = ""
    alarm: bool = False


@dataclass(frozen=True, slots=True)
class Records:
    """Rows under column titles; a title that starts with ``>`` is of a column of numbers."""

    titles: tuple[str, ...]
    rows: tuple[Record, ...]
    total: int
    """How many rows there are; more than are in ``rows`` where they were cut."""
    columns: tuple[int, ...] = ()
    """Widths of the columns, where they are those of longer records."""

    @property
    def numeric(self) -> tuple[bool, ...]:
        """Whether each column is set to the right."""
        return tuple(title.startswith(">") for title in self.titles)

    @property
    def heads(self) -> tuple[str, ...]:
        """The titles as they are printed."""
        return tuple(title.removeprefix(">") for title in self.titles)


def set_lines(records: Records, width: int = WIDTH) -> tuple[str, list[tuple[str, str]]]:
    """Return the head line, and the lines below it each with its voice.

    The voice is ``second`` for a remark, ``v-fail`` for a finding, empty for the rest.
    """
    columns = records.columns or widths(records, width)
    (head,) = _row(records.heads, columns, records.numeric, wrap=False)
    lines: list[tuple[str, str]] = []
    for row in records.rows:
        voice = "v-fail" if row.alarm else ""
        lines += [(line, voice) for line in _row(row.cells, columns, records.numeric)]
        if row.remark:
            remark = [_wrapped(part, width - 2) for part in row.remark.split("\n")]
            lines += [(f"  {line}", "second") for part in remark for line in part]
    return head, lines


def widths(records: Records, width: int = WIDTH) -> list[int]:
    """Return the width of each column: what it needs, the widest ones cut until all fit."""
    rows = [records.heads, *(row.cells for row in records.rows)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    room = width - GAP * (len(widths) - 1)
    while sum(widths) > room and max(widths) > _LEAST:
        widest = widths.index(max(widths))
        second = max([w for w in widths if w < widths[widest]], default=_LEAST)
        excess = sum(widths) - room
        widths[widest] = max(second - 1, widths[widest] - excess, _LEAST)
    return widths


def _row(
    cells: Sequence[str], widths: Sequence[int], numeric: Sequence[bool], *, wrap: bool = True
) -> list[str]:
    wrapped = [
        _wrapped(cell, width) if wrap else [cell[:width]]
        for cell, width in zip(cells, widths, strict=True)
    ]
    gap = " " * GAP
    return [
        gap.join(
            (line.rjust(width) if right else line.ljust(width))
            for lines, width, right in zip(wrapped, widths, numeric, strict=True)
            for line in [lines[at] if at < len(lines) else ""]
        ).rstrip()
        for at in range(max(map(len, wrapped)))
    ]


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_on_hyphens=False) or [""]
