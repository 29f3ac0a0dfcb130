r"""A table as CSV: UTF-8 without a mark, RFC 4180 with line feeds, safe to open in a spreadsheet.

A text that a spreadsheet would take for a formula gets an apostrophe before it: one that
starts with ``= + - @``, their full-width forms, a tab or a carriage return, also after
spaces, and also behind a semicolon, which is where a spreadsheet set to another separator
would start a cell. Numbers are written as numbers and are never touched.

Control characters, marks that turn the direction of writing and lone surrogates are
written out (``\x00``, ``\u202e``); only line feeds in the middle of a text stay. The text
as it was read stands in ``report.json``.
"""

from __future__ import annotations

import csv
import re

from audit.report.tables import Cell, Table

_FORMULA = re.compile(r"(\A|;)(?=\s*[=+\-@＝＋－＠]|[\t\r])")
# Written out by code point and not by Unicode category, which differs from Python to Python.
_HIDDEN = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e0fff]"
)


def render_csv(table: Table) -> bytes:
    """Return a table as the bytes of its CSV file, the header first."""
    import pandas as pd

    rows = [[text_of(cell) for cell in row] for row in table.rows]
    frame = pd.DataFrame(rows, columns=list(table.columns), dtype=object)
    text: str = frame.to_csv(index=False, lineterminator="\n", quoting=csv.QUOTE_MINIMAL)
    return text.encode()


def text_of(cell: Cell) -> str:
    """Return a cell as it stands in the file, before quoting."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, int):
        return str(cell)
    return _HIDDEN.sub(_written_out, _FORMULA.sub(r"\1'", cell))


def _written_out(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
