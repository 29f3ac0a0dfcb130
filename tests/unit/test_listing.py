"""Records as lines of fixed-width type: nothing lost, nothing wider than the page."""

from hypothesis import given
from hypothesis import strategies as st

from audit.render.listing import WIDTH, Record, Records, set_lines

CELL = st.text(st.characters(codec="ascii", categories=("L", "N", "P", "Zs")), max_size=200)


def test_columns_are_as_wide_as_what_stands_in_them():
    records = Records(
        ("File", ">Size"), (Record(("MLmodel", "1.2 kB")), Record(("model.pkl", "18.4 MB"))), 2
    )
    head, lines = set_lines(records)
    assert head == "File          Size"
    assert [line for line, _ in lines] == ["MLmodel     1.2 kB", "model.pkl  18.4 MB"]


def test_remarks_stand_below_and_findings_are_marked():
    records = Records(("File",), (Record(("a",), "a remark"), Record(("b",), alarm=True)), 2)
    _, lines = set_lines(records)
    assert lines == [("a", ""), ("  a remark", "second"), ("b", "v-fail")]


@given(st.lists(st.tuples(CELL, CELL, CELL, CELL), min_size=1, max_size=5))
def test_no_line_is_wider_than_the_page_and_no_letter_is_lost(rows):
    records = Records(("A", "B", ">C", "D"), tuple(map(Record, rows)), len(rows))
    _, lines = set_lines(records)
    assert all(len(line) <= WIDTH for line, _ in lines)
    letters = sorted("".join(line for line, _ in lines).replace(" ", ""))
    assert letters == sorted("".join("".join(row) for row in rows).replace(" ", ""))
