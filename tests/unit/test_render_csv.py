"""CSV bytes: quoting, the guard against formulas, and characters that cannot be seen."""

from __future__ import annotations

import csv
import io
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.golden import assert_golden
from support.samples import hostile_report, sample_report

from audit.render.csv import render_csv, text_of
from audit.report.tables import Cell, Table, tables

TURNING = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
CELLS = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=30))


def read(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode("utf-8"), newline="")))


@pytest.mark.parametrize("name", list(tables(sample_report())))
def test_golden(name: str) -> None:
    assert_golden(f"csv/{name}.csv", render_csv(tables(sample_report())[name]))


@given(st.lists(st.tuples(CELLS, CELLS), max_size=8))
def test_what_is_written_is_read_back(rows: list[tuple[Cell, Cell]]) -> None:
    data = render_csv(Table("t", ("a", "b"), tuple(rows)))
    assert read(data) == [["a", "b"], *([text_of(cell) for cell in row] for row in rows)]
    assert b"\r" not in data
    assert data.endswith(b"\n")


@given(CELLS)
def test_no_text_begins_like_a_formula(cell: Cell) -> None:
    shown = text_of(cell)
    if isinstance(cell, str):
        assert not shown.lstrip().startswith(tuple("=+-@＝＋－＠\t\r"))
        assert all(part.lstrip()[:1] not in {"=", "+", "-", "@"} for part in shown.split(";"))
    hidden = {"Cc", "Cs", "Zl", "Zp"}
    assert all(sign == "\n" or unicodedata.category(sign) not in hidden for sign in shown)
    assert not {unicodedata.bidirectional(sign) for sign in shown} & set(TURNING)


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠"])
def test_guard(sign: str) -> None:
    assert text_of(f"{sign}1").startswith("'")
    assert text_of(f"a;{sign}1").startswith("a;'")


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        (None, ""),
        (True, "true"),
        (False, "false"),
        (-5, "-5"),
        (10**18, "1000000000000000000"),
        ("None", "None"),
        ("nan", "nan"),
        ("1e5", "1e5"),
        ("  =1+1", "'  =1+1"),
        ("requirements; -r base.txt", "requirements;' -r base.txt"),
        ("a-b = c", "a-b = c"),
        ("\x00\x1b[31m", "\\x00\\x1b[31m"),
        ("two\nlines", "two\nlines"),
        ("gnp\u202eexe", "gnp\\u202eexe"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
        ("模型 é", "模型 é"),
    ],
)
def test_cells(cell: Cell, shown: str) -> None:
    assert text_of(cell) == shown


def test_quoting_is_minimal() -> None:
    row = ("plain", 'say "x"', "a,b", "two\nlines", "", None)
    data = render_csv(Table("t", tuple("abcdef"), (row,)))
    assert data == b'a,b,c,d,e,f\nplain,"say ""x""","a,b","two\nlines",,\n'


def test_a_table_without_rows_is_its_header() -> None:
    assert render_csv(Table("t", ("a", "b"), ())) == b"a,b\n"


def test_hostile_text_is_inert_and_whole() -> None:
    for table in tables(hostile_report()).values():
        data = render_csv(table)
        assert not data.startswith(b"\xef\xbb\xbf")
        assert not set(data) & set(range(0x20)) - {0x0A}
        rows = read(data)
        assert len(rows) == len(table.rows) + 1
        assert {len(row) for row in rows} == {len(table.columns)}
