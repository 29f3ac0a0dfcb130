"""The shipped fonts: names of their own, the same letters in every cut, licences beside them."""

import pytest
from fontTools.ttLib import TTFont

from audit.render.text import glyphs
from audit.resources import FONTS, TEMPLATES

FACES = sorted(path.name for path in FONTS.glob("*.ttf"))


@pytest.mark.parametrize("name", FACES)
def test_names_are_our_own_as_the_licence_asks(name):
    names = {
        record.toUnicode()
        for record in TTFont(FONTS / name)["name"].names
        if record.nameID in {1, 4, 6}
    }
    assert all(found.startswith("Audit") for found in names)


def test_every_cut_has_the_same_letters():
    cuts = [set(TTFont(FONTS / name).getBestCmap()) for name in FACES if name.startswith("sans")]
    assert len(cuts) == 4
    assert all(cut == cuts[0] for cut in cuts)


def test_what_can_be_shown_reads_from_left_to_right_and_is_no_picture():
    assert not any(0x590 <= code <= 0x8FF or code > 0xFFFF for code in glyphs())


def test_fonts_are_small_and_their_licences_stand_beside_them():
    assert sum((FONTS / name).stat().st_size for name in FACES) < 1_000_000
    assert "SIL OPEN FONT LICENSE" in (FONTS / "OFL.txt").read_text().upper()
    assert "Bitstream Vera" in (FONTS / "DEJAVU.txt").read_text()


def test_the_style_sheet_names_every_font():
    sheet = (TEMPLATES / "fonts.css").read_text()
    assert all(f"app://fonts/{name}" in sheet for name in FACES)
