"""Reads rendered pages back: their text, and what a PDF says of itself."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import pikepdf
import pypdf

_INLINE = {"a", "b", "br", "em", "span", "strong"}
_SILENT = {"style", "title", "head", "colgroup", "{http://www.w3.org/2000/svg}svg"}


def text_of(markup: str) -> str:
    """Return the text of a well-formed page, a line for each block, cells parted by ``|``."""
    lines: list[str] = [""]

    def walk(element: ElementTree.Element) -> None:
        if element.tag in _SILENT:
            lines[-1] += element.tail or ""
            return
        if element.tag in {"td", "th"}:
            lines[-1] += " | "
        elif element.tag not in _INLINE:
            lines.append("")
        if element.tag == "br":
            lines[-1] += " "
        kept = element.get("class", "").startswith("listing")
        lines[-1] += (element.text or "") if kept else _folded(element.text)
        for child in element:
            walk(child)
        if element.tag not in _INLINE | {"td", "th"}:
            lines.append("")
        lines[-1] += (element.tail or "") if kept else _folded(element.tail)

    walk(ElementTree.fromstring(markup))
    found = (line.strip(" |").rstrip() for text in lines for line in text.split("\n"))
    return "\n".join(line for line in found if line) + "\n"


def _folded(text: str | None) -> str:
    return " ".join(f"x{text}x".split())[1:-1] if text else ""


def open_pdf(data: bytes) -> pikepdf.Pdf:
    """Return a PDF for looking into."""
    return pikepdf.open(io.BytesIO(data))


def page_texts(document: pikepdf.Pdf) -> list[str]:
    """Return the text of each page, as a reader that searches it would find it."""
    copy = io.BytesIO()
    document.save(copy)
    return [page.extract_text() for page in pypdf.PdfReader(copy).pages]


def letter_sizes(page: pikepdf.Page) -> set[float]:
    """Return the sizes of all letters on a page in points, to a tenth."""
    return {round(size, 1) for size in _sizes(page, page.obj, (1.0, 0.0, 0.0, 1.0))}


def _sizes(content: Any, holder: Any, outer: tuple[float, ...]) -> Iterator[float]:
    matrix, stack, size, scale = outer, [], 0.0, 1.0
    forms = holder.get("/Resources", {}).get("/XObject", {})
    for operands, operator in pikepdf.parse_content_stream(content):
        match str(operator):
            case "q":
                stack.append(matrix)
            case "Q":
                matrix = stack.pop()
            case "cm":
                matrix = _times([float(number) for number in operands[:4]], matrix)
            case "Tf":
                size = float(operands[1])
            case "Tm":
                scale = abs(float(operands[3]))
            case "Tj" | "TJ":
                yield size * scale * abs(matrix[3])
            case "Do" if str(operands[0]) in forms:
                form = forms[str(operands[0])]
                if form.get("/Subtype") == "/Form":
                    yield from _sizes(form, form, matrix)


def _times(inner: list[float], outer: tuple[float, ...]) -> tuple[float, ...]:
    a, b, c, d = inner
    e, f, g, h = outer
    return (a * e + b * g, a * f + b * h, c * e + d * g, c * f + d * h)
