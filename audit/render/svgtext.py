"""Text in drawings, set as whole words.

WeasyPrint sets SVG text letter by letter: four fifths of the time of a drawing, two
fifths of the size of its file, no kerning, and a page that cannot be searched for a name.
Drawings here need none of what that is for (rotated letters, stretched text), so their
``<text>`` elements are set as one line each: at ``x`` and ``y``, to the right of it or,
with ``text-anchor="middle"``, around it.
"""

from __future__ import annotations

import functools
from math import inf
from typing import Any


def install() -> None:
    """Let WeasyPrint set SVG text by ``set_text`` in this process."""
    from weasyprint.svg import TAGS

    TAGS["text"] = set_text


def set_text(svg: Any, node: Any, font_size: float) -> None:
    """Draw one ``<text>`` element; takes what WeasyPrint's own function takes."""
    from weasyprint.draw.text import draw_first_line
    from weasyprint.matrix import Matrix
    from weasyprint.svg.utils import color

    if not node.text:
        return
    families = node.get("font-family", "sans-serif")
    weight = int(node.get("font-weight", 400))
    box, width = set_line(svg.font_config, node.text, families, weight, font_size)
    x, y = float(node.get("x", 0)), float(node.get("y", 0))
    if node.get("text-anchor") == "middle":
        x -= width / 2
    svg.stream.set_color(color(node.get("fill", "black")))
    svg.stream.begin_text()
    draw_first_line(svg.stream, box, "none", "none", Matrix(d=-1, e=x, f=y))
    svg.stream.end_text()


@functools.lru_cache(maxsize=2048)
def set_line(fonts: Any, words: str, families: str, weight: int, size: float) -> tuple[Any, float]:
    """Return words as a line ready to be drawn, and its width.

    It is kept, because the versions of a model are drawn with mostly the same words.
    """
    from weasyprint.css.properties import INITIAL_VALUES
    from weasyprint.svg.text import Style, TextBox
    from weasyprint.text.line_break import split_first_line

    style = Style(INITIAL_VALUES)
    style.font_config = fonts
    style["font_family"] = [family.strip(" '\"") for family in families.split(",")]
    style["font_weight"] = weight
    style["font_size"] = size
    layout, _, _, width, _, baseline = split_first_line(words, style, None, inf, 0)
    layout.reactivate(style)
    box = TextBox(layout, style)
    box.baseline = baseline
    return box, width
