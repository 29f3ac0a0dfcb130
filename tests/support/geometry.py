"""What stands where in a drawn lineage map: boxes, lettered frames and lines, in millimetres."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from xml.etree import ElementTree

SVG = "{http://www.w3.org/2000/svg}"
Frame = tuple[float, float, float, float]
"""Left, top, right, bottom."""


@dataclass(frozen=True)
class Drawn:
    """One sheet."""

    page: Frame
    boxes: dict[str, Frame]
    frames: list[Frame]
    """Of letters: where lines go on elsewhere."""
    texts: list[tuple[Frame, str]]
    """Lines of text in boxes, each with the frame of its box, and its words."""
    strokes: list[tuple[set[str], list[tuple[float, float]]]]
    """The boxes that each line joins, and points along it."""


def read(svg: str) -> Drawn:
    """Return where the parts of a drawing for screens stand."""
    root = ElementTree.fromstring(svg)
    left, top, wide, high = map(float, root.get("viewBox", "").split())
    boxes, texts, frames, strokes = {}, [], [], []
    for node in root.iter():
        look = (node.get("class") or "").split()
        if look[:1] == ["node"]:
            rects = [frame(rect) for rect in node.findall(f"{SVG}rect")]
            boxes[node.get("data-node", "")] = rects[0] if len(rects) == 1 else _front(node, rects)
            texts += [
                (boxes[node.get("data-node", "")], "".join(text.itertext()))
                for text in node.findall(f"{SVG}text")
            ]
        elif look[:1] == ["edge"]:
            if "lettered" in look:
                frames += [frame(rect) for rect in node.findall(f"{SVG}rect")]
            ends = f"{node.get('data-from')} {node.get('data-to')}".split()
            strokes.append((set(ends), points(node.find(f"{SVG}path").get("d"))))
    return Drawn((left, top, left + wide, top + high), boxes, frames, texts, strokes)


def _front(node: ElementTree.Element, rects: list[Frame]) -> Frame:
    """Return the box itself: not its strip, not the one behind a stack's."""
    plain = [
        r for r, e in zip(rects, node.findall(f"{SVG}rect"), strict=True) if not e.get("class")
    ]
    return plain[-1]


def frame(rect: ElementTree.Element) -> Frame:
    """Return the outline of a rectangle."""
    x, y, wide, high = (float(rect.get(name, "0")) for name in ("x", "y", "width", "height"))
    return x, y, x + wide, y + high


def points(path: str) -> list[tuple[float, float]]:
    """Return points along a path of moves, straight lines and curves."""
    found: list[tuple[float, float]] = []
    for command, words in re.findall(r"([MHVC])([^MHVC]*)", path):
        numbers = [float(word) for word in words.split()]
        if command == "M":
            found.append((numbers[0], numbers[1]))
        elif command == "H":
            found.append((numbers[0], found[-1][1]))
        elif command == "V":
            found.append((found[-1][0], numbers[0]))
        else:
            (x0, y0), (x1, y1, x2, y2, x3, y3) = found[-1], numbers
            for step in range(1, 13):
                t = step / 12
                a, b, c, d = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3
                found.append((a * x0 + b * x1 + c * x2 + d * x3, a * y0 + b * y1 + c * y2 + d * y3))
    return found


def overlap(one: Frame, two: Frame, by: float = 0.05) -> bool:
    """Return whether two frames share more than a hair's breadth."""
    return (
        one[0] + by < two[2]
        and two[0] + by < one[2]
        and one[1] + by < two[3]
        and two[1] + by < one[3]
    )


def runs_through(line: list[tuple[float, float]], box: Frame, by: float = 0.2) -> bool:
    """Return whether a line enters a frame by more than ``by``."""
    inner = (box[0] + by, box[1] + by, box[2] - by, box[3] - by)
    for (x1, y1), (x2, y2) in pairwise(line):
        for step in range(5):
            x, y = x1 + (x2 - x1) * step / 4, y1 + (y2 - y1) * step / 4
            if inner[0] < x < inner[2] and inner[1] < y < inner[3]:
                return True
    return False
