"""Makes the shipped fonts from their published originals; see README.md in this folder.

Run by hand, once, in an environment with fonttools and brotli::

    npm pack @ibm/plex-sans@1.1.0 @ibm/plex-mono@2.5.0
    mkdir sans mono
    tar xzf ibm-plex-sans-1.1.0.tgz -C sans
    tar xzf ibm-plex-mono-2.5.0.tgz -C mono
    fonts=package/fonts/complete/woff2
    python make.py sans/$fonts mono/$fonts DejaVuSans.ttf
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont

HERE = Path(__file__).resolve().parent

LETTERS = [(0x20, 0x24F), (0x2B0, 0x36F), (0x370, 0x52F), (0x1E00, 0x1FFF)]
SIGNS = [(0x2000, 0x214F), (0x2150, 0x22FF), (0x2400, 0x2426), (0x25A0, 0x25FF), (0x2713, 0x2713)]
REST = [
    *LETTERS,
    *((0x250, 0x2AF), (0x530, 0x58F), (0x10A0, 0x10FF), (0x2000, 0x2BFF), (0x2C60, 0x2C7F)),
    *((0xA640, 0xA69F), (0xA720, 0xA7FF), (0xFB00, 0xFB06), (0xFFFD, 0xFFFD)),
]
MARKS = "✓✕◐✎▸▾▲▼■□●○◆◇"
"""The report's own signs, in a small font of their own so that most pages need no other."""

# Characters that Unicode shows as coloured pictures: a text engine would look for an emoji
# font on the machine before it looks at ours.
PICTURES = set(
    "⌚⌛⏩⏪⏫⏬⏰⏳◽◾☔☕♈♉♊♋♌♍♎♏♐♑♒♓♿⚓⚡⚪⚫⚽⚾⛄⛅⛎⛔⛪⛲⛳⛵⛺⛽✅✊✋✨❌❎❓❔❕❗➕➖➗➰➿⬛⬜⭐⭕"
)

FACES = {
    "sans-regular": ("IBMPlexSans-Regular.woff2", "Audit Sans", "Regular"),
    "sans-medium": ("IBMPlexSans-Medium.woff2", "Audit Sans Medium", "Regular"),
    "sans-semibold": ("IBMPlexSans-SemiBold.woff2", "Audit Sans SemiBold", "Regular"),
    "sans-italic": ("IBMPlexSans-Italic.woff2", "Audit Sans", "Italic"),
    "mono-regular": ("IBMPlexMono-Regular.woff2", "Audit Mono", "Regular"),
}


SCREEN = {"screen-regular": "sans-regular", "screen-semibold": "sans-semibold"}
"""Small cuts that the dashboard carries in itself: Latin-1 and a few signs."""


def subset(font: TTFont, characters: Iterable[int]) -> None:
    """Keep only the glyphs of ``characters``, without hinting, ligatures or variants."""
    options = Options()
    options.hinting = False
    options.layout_features = ["kern", "mark", "mkmk", "ccmp", "locl"]
    options.name_IDs = [0, 1, 2, 3, 4, 5, 6, 13, 14]
    options.notdef_outline = True
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=list(characters))
    subsetter.subset(font)


def rename(font: TTFont, family: str, style: str) -> None:
    """Give the font a name of its own: the licence reserves "Plex" for the original."""
    full = family if style == "Regular" else f"{family} {style}"
    names = {1: family, 2: style, 3: f"mlflow-audit {full}", 4: full, 6: full.replace(" ", "")}
    for record in font["name"].names:
        if record.nameID in names:
            record.string = names[record.nameID]


def spread(ranges: Iterable[tuple[int, int]]) -> set[int]:
    """Return all code points of several ranges."""
    return {code for first, last in ranges for code in range(first, last + 1)}


def main(sans: Path, mono: Path, dejavu: Path) -> None:
    """Write the shipped fonts beside this file."""
    for name, (source, family, style) in FACES.items():
        folder = mono if name.startswith("mono") else sans
        font = TTFont(folder / source, recalcTimestamp=False)
        subset(font, spread([*LETTERS, *SIGNS]))
        rename(font, family, style)
        font.flavor = None
        font.save(HERE / f"{name}.ttf")
    for name, source in SCREEN.items():
        font = TTFont(HERE / f"{source}.ttf")
        subset(font, [*spread([(0x20, 0x7E), (0xA0, 0xFF)]), *map(ord, "–—‘’“”…‹›→≠✓•\u2007")])
        font.flavor = "woff2"
        font.save(HERE / f"{name}.woff2")
    pictures = {ord(sign) for sign in PICTURES}
    for name, family, characters in (
        ("signs", "Audit Signs", {ord(sign) for sign in MARKS}),
        ("rest", "Audit Rest", spread(REST) - pictures),
    ):
        font = TTFont(dejavu, recalcTimestamp=False)
        subset(font, characters)
        rename(font, family, "Regular")
        font.save(HERE / f"{name}.ttf")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
