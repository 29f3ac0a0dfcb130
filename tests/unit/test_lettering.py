import pytest
from fontTools.ttLib import TTFont
from hypothesis import given
from hypothesis import strategies as st

from audit.render.lettering import ELLIPSIS, PT, clip, start, width, xml
from audit.render.text import visible
from audit.resources import FONTS

SIZE = 7.5 * PT


@pytest.fixture(scope="module")
def advance():
    """Return the width of a text as the shipped fonts set it, without kerning."""
    fonts = []
    for name in ("sans-semibold.ttf", "signs.ttf", "rest.ttf"):
        font = TTFont(FONTS / name)
        fonts.append((font.getBestCmap(), font["hmtx"], font["head"].unitsPerEm))

    def measure(text: str) -> float:
        total = 0.0
        for character in text:
            cmap, advances, em = next(one for one in fonts if ord(character) in one[0])
            total += advances[cmap[ord(character)]][0] / em
        return total

    return measure


def test_widths_are_upper_bounds_of_the_shipped_font_and_not_far_off(advance):
    for code in range(32, 127):
        real, bound = advance(chr(code)), width(chr(code), 1.0)
        assert real <= bound <= real + 0.13, chr(code)


def test_letters_of_other_alphabets_are_never_wider_than_thought(advance):
    for character in "äßéŵœæøΩψЖЩщюњ№—–·×≠…":
        assert advance(character) <= width(character, 1.0), character


def test_mono_letters_are_all_alike():
    assert width("c04d 77e1", 1.0, mono=True) == pytest.approx(5.4)


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("prepare", "prepare"),
        ("data/raw/transactions.csv", "…/transactions.csv"),
        ("data/raw/2026/08/labels.csv", "data/…/08/labels.csv"),
        ("Lock the new weights for production", "Lock the new weig…"),
        ("m-0a1b2c3d4e5f60718293a4b5c6d7e8f9", "m-0a1b…b5c6d7e8f9"),
        ("two\nlines", "two lines"),
    ],
)
def test_a_name_is_shortened_where_it_says_least(text, short):
    assert clip(text, 28.0, SIZE) == short


@given(st.text(max_size=400), st.floats(3, 60), st.booleans())
def test_nothing_is_wider_than_its_room(text, room, mono):
    short = clip(text, room, SIZE, mono=mono)
    assert width(short, SIZE, mono=mono) <= room or short == ELLIPSIS


@given(st.text(max_size=400), st.floats(3, 60))
def test_a_start_fits_and_is_whole_where_it_can_be(text, room):
    line = " ".join(text.split())
    short = start(text, room, SIZE)
    assert width(short, SIZE) <= room or short == ELLIPSIS
    assert (short == line) is (width(line, SIZE) <= room) or line.endswith(ELLIPSIS)
    assert line.startswith(short.removesuffix(ELLIPSIS))


def test_a_very_long_text_is_cut_at_its_end():
    assert start("features used data/raw.csv " * 9_000, 40.0, SIZE).startswith("features used d")


@pytest.mark.parametrize("text", ["/" * 20_000, "a/" * 10_000, "word " * 4_000, "N" * 20_000])
def test_very_long_names_are_shortened_at_once(text):
    assert ELLIPSIS in clip(text, 28.0, SIZE)


def test_xml_is_escaped_and_hidden_characters_are_written_out():
    assert (
        xml('<a href="x">&\x00\u202e')
        == f"&lt;a href=&quot;x&quot;&gt;&amp;{visible(chr(0) + chr(0x202E))}"
    )
