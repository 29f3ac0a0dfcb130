"""Text on a page: visible, short, and in one form."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.render import text
from audit.render.words import NOT_RECORDED


@pytest.mark.parametrize(
    ("given_text", "shown"),
    [
        ("plain text", "plain text"),
        ("two\r\nlines", "two\nlines"),
        ("a\x00b", "a‹U+0000›b"),
        ("\u202e\u2066x", "‹U+202E U+2066›x"),
        ("\ud800", "‹U+D800›"),
        ("soft\u00adhyphen", "soft‹U+00AD›hyphen"),
        ("模型 1", "‹U+6A21 U+578B› 1"),
        ("Ωмé ✓ ◐ ≥", "Ωмé ✓ ◐ ≥"),
        ("🧨", "‹U+1F9E8›"),
        ("אב", "‹U+05D0 U+05D1›"),
    ],
)
def test_what_a_page_cannot_show_is_written_out(given_text, shown):
    assert text.visible(given_text, text.glyphs()) == shown


def test_a_screen_shows_other_scripts_but_nothing_hidden():
    assert text.visible("模型\u202e") == "模型‹U+202E›"


@given(st.text())
def test_visible_text_is_printable_and_stays_as_it_is(value):
    shown = text.visible(value, text.glyphs())
    assert all(unicodedata.category(one)[0] != "C" or one == "\n" for one in shown)
    assert {ord(one) for one in shown} - {10} <= text.glyphs()
    assert text.visible(shown, text.glyphs()) == shown


@given(st.text(), st.integers(1, 50))
def test_cut_text_says_how_much_is_left_out(value, limit):
    cut = text.clip(value, limit)
    assert cut.startswith(value[:limit])
    if len(value) > limit:
        assert cut.endswith(f" … ({len(value) - limit:,} more characters)")
    assert len(text.brief(value, limit)) <= limit


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("c04d77e19ab0" + "0" * 52, "c04d 77e1 9ab0"),
        ("md5:c04d77e19ab0aaaabbbbccccddddeeee.dir", "c04d 77e1 9ab0"),
        ("c04d77e1", "c04d 77e1"),
        ("not a digest", "not a digest"),
        ("", NOT_RECORDED),
    ],
)
def test_digests_are_three_groups_of_four(value, shown):
    assert text.short_digest(value) == shown


def test_times_and_days():
    moment = 1_786_701_731_090
    assert text.moment(moment) == "2026-08-14 10:02 UTC"
    assert text.moment(moment, seconds=True) == "2026-08-14 10:02:11 UTC"
    assert text.day(moment) == text.day("2026-08-14") == "14 August 2026"
    assert text.day_and_time(moment) == "14 August 2026, 10:02 UTC"
    assert text.moment(None) == text.day(None) == text.day("") == NOT_RECORDED
    assert text.day("soon") == "soon"
    assert text.moment(10**18) == f"{10**18} ms after 1970"


@given(st.one_of(st.none(), st.integers()))
def test_no_time_is_too_odd_to_be_written(ms):
    assert text.moment(ms)
    assert text.day(ms)
    assert text.day_and_time(ms)


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (999_949, "999.9 kB"), (999_950, "1.0 MB"),
     (734_003_211, "734.0 MB"), (5 * 10**15, "5000.0 TB"), (None, NOT_RECORDED)],
)  # fmt: skip
def test_sizes(count, shown):
    assert text.size(count) == shown


def test_numbers_stand_with_their_points_in_a_line():
    shown = text.aligned([0.9812, 12.5, 1204551.0])
    assert shown == ["0.9812", "12.5\u2007\u2007\u2007", "1,204,551\u2008\u2007\u2007\u2007\u2007"]
    assert len({one.find(".") - len(one) for one in shown if "." in one}) == 1
    assert text.aligned([]) == []
    assert text.number(1e300) == "1e+300"


@pytest.mark.parametrize(
    ("sentence", "shown"),
    [
        ("the run is gone", "The run is gone"),
        ("dead beef cafe is on no branch", "dead beef cafe is on no branch"),
        ("data/raw.csv is missing", "data/raw.csv is missing"),
        ("run_id is empty", "run_id is empty"),
        ("", ""),
    ],
)
def test_sentences_start_with_a_capital_and_names_do_not(sentence, shown):
    assert text.capitalised(sentence) == shown


def test_digests_in_sentences_are_abbreviated_and_addresses_are_not():
    digest = "0123456789abcdef" * 4
    said = f"lock {digest[:32]}.dir, now sha256:{digest} at s3://m/{digest[:32]}"
    assert (
        text.short_digests(said)
        == f"lock 0123 4567 89ab, now sha256:0123 4567 89ab at s3://m/{digest[:32]}"
    )
    assert text.evidence([digest[:40], "b", "c"], 2) == "0123 4567 89ab; b; and 1 more"


def test_values_in_evidence_are_read_as_words_and_paths_stay():
    said = ["9b21d07e55c1 store cache_only", "commit other_ref", "a was_derived_from b"]
    assert (
        text.evidence(said, 3)
        == "9b21d07e55c1 store cache only; commit other ref; a was derived from b"
    )
    paths = ["data/cache_only.csv", "other_ref.py", "my_other_ref"]
    assert text.evidence(paths, 3) == "; ".join(paths)
