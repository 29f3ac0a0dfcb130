"""The period's report and the dossiers as PDF/A-3a, by WeasyPrint.

The same report gives the same bytes in the same environment: dates come from the facts,
the file identifier from the content, and ``SOURCE_DATE_EPOCH`` (read by the font
subsetter) is set while a page is written. Nothing but the shipped fonts is ever fetched;
a page that asks for anything else is not written at all.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import gc
import hashlib
import os
import re
import zlib
from collections.abc import Iterator, Mapping
from multiprocessing.util import Finalize
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from audit.errors import AuditError
from audit.render import svgtext
from audit.report.model import Dossier, Report
from audit.resources import FONTS, TEMPLATES

if TYPE_CHECKING:
    from weasyprint import CSS
    from weasyprint.text.fonts import FontConfiguration

_FONT_SCHEME = "app://fonts/"
_SHEETS = ("tokens.css", "fonts.css", "print.css")
_EPOCH = "SOURCE_DATE_EPOCH"

_ROOT = re.compile(r":root \{.*?\}", re.DOTALL)
_TOKEN = re.compile(r"(--[a-z]+): ([^;]+);")
_VAR = re.compile(r"var\((--[a-z]+)\)")
"""Tokens are put in their places once; WeasyPrint would do so for every element."""


def prepare() -> None:
    """Make WeasyPrint, style sheet and fonts ready in this process."""
    _styles()


def render_report_pdf(report: Report, attachments: Mapping[str, bytes] | None = None) -> bytes:
    """Return ``report.pdf`` with files attached: CSV tables and ``report.json``, by their path.

    Raises ``AuditError`` if the page asks for anything but the shipped fonts.
    """
    from audit.render.html import report_page

    return _write(report_page(report), report.as_of, dict(attachments or {}))


def render_dossier_pdf(dossier: Dossier) -> bytes:
    """Return ``dossier.pdf``; it depends on the dossier alone.

    Raises ``AuditError`` if the page asks for anything but the shipped fonts.
    """
    from audit.render.html import dossier_moment, dossier_page

    return _write(dossier_page(dossier, "pdf"), dossier_moment(dossier), {})


def _write(html: str, moment: int, attachments: dict[str, bytes]) -> bytes:
    import weasyprint

    fetcher = _fetcher()
    sheets, fonts = _styles()
    when = dt.datetime.fromtimestamp(moment // 1000, dt.UTC)
    identity = hashlib.sha256(html.encode("utf-8", "surrogatepass"))
    for name, content in sorted(attachments.items()):
        identity.update(name.encode() + hashlib.sha256(content).digest())
    files = [
        weasyprint.Attachment(
            string=content,
            name=name.rpartition("/")[2],  # a reader would take a slash for a folder
            description=name,
            created=when,
            modified=when,
            relationship="Source" if name.endswith(".json") else "Data",
        )
        for name, content in attachments.items()
    ]
    with _source_date(moment), _no_collection():
        pdf: bytes = _page(html, fetcher).write_pdf(
            stylesheets=[sheets],
            font_config=fonts,
            attachments=files,
            pdf_variant="pdf/a-3a",
            pdf_tags=True,
            pdf_identifier=identity.digest()[:16],
            finisher=_written_once,
        )
    if fetcher.denied:
        raise AuditError(
            f"a page asked for {fetcher.denied[0]!r}, which is not among the shipped fonts",
            remedy="Please report this: no text of a registry should be able to do it",
        )
    return pdf


def _written_once(_document: Any, pdf: Any) -> None:
    """Turn the objects of a file into bytes that are kept.

    The file asks each object for its bytes twice, once to write and once to hash it, and
    would compress its fonts and pages twice.
    """
    import pydyf  # type: ignore[import-untyped]

    class Written(pydyf.Object):  # type: ignore[misc]
        data = b""
        compressible = True

        def __init__(self, made: Any) -> None:
            super().__init__()
            self.number, self.generation, self.free = made.number, made.generation, made.free
            self.data, self.compressible = made.data, made.compressible

    keep = {id(pdf.catalog), id(pdf.pages)}
    pdf.objects[:] = [
        made if made.free == "f" or id(made) in keep else Written(made) for made in pdf.objects
    ]


def _keep_page_references() -> None:
    """Let a file number its pages again only when it has got another one.

    WeasyPrint asks for all their numbers at each tag, which is quadratic in a long report.
    """
    import pydyf

    def page_references(pdf: Any) -> tuple[bytes, ...]:
        kids = pdf.pages["Kids"]
        kept: tuple[bytes, ...] = getattr(pdf, "kept_references", ())
        if len(kept) * 3 != len(kids):
            kept = pdf.kept_references = tuple(b"%d 0 R" % number for number in kids[::3])
        return kept

    pydyf.PDF.page_references = property(page_references)


def _compress_fast() -> None:
    """Compress pages at zlib's own level.

    They are one percent larger than at the highest, which takes twice the time.
    """
    import pydyf

    class Zlib:
        compress = staticmethod(zlib.compress)

        @staticmethod
        def compressobj(level: int) -> Any:  # noqa: ARG004
            return zlib.compressobj()

    pydyf.zlib = Zlib


def _page(markup: str, fetcher: Any) -> Any:
    """Return a page read by the XML parser, which is ten times as fast as one for any HTML.

    Templates are well-formed, so a page that is not would be a fault of this package.
    """
    import cssselect2
    import weasyprint

    class Page(weasyprint.HTML):  # type: ignore[misc]
        def __init__(self) -> None:
            self.base_url = "app://page/"
            self.url_fetcher = fetcher
            self.media_type = "print"
            self.wrapper_element = cssselect2.ElementWrapper.from_html_root(
                ElementTree.fromstring(markup),  # noqa: S314 - made here, all text in it escaped
                content_language=None,
            )
            self.etree_element = self.wrapper_element.etree_element

        def _ua_stylesheets(self, forms: bool = False) -> list[Any]:  # noqa: ARG002
            return []  # print.css says what it needs of it

    return Page()


@functools.cache
def _styles() -> tuple[CSS, FontConfiguration]:
    """Return style sheet and fonts, made ready once in a process."""
    import weasyprint
    from weasyprint.text.fonts import FontConfiguration

    svgtext.install()
    _keep_page_references()
    _compress_fast()
    # While WeasyPrint can still remove its font folder; a forked process skips ``atexit``.
    Finalize(None, _forget, exitpriority=0)
    fonts = FontConfiguration()
    text = "\n".join((TEMPLATES / name).read_text(encoding="utf-8") for name in _SHEETS)
    tokens = dict(_TOKEN.findall(text))  # what a later sheet says stands
    text = _VAR.sub(lambda name: tokens[name[1]], _ROOT.sub("", text))
    fetcher = _fetcher()
    sheet = weasyprint.CSS(
        string=text, base_url="app://page/", url_fetcher=fetcher, font_config=fonts
    )
    return sheet, fonts


def _forget() -> None:
    """Let go of the fonts, and of all that holds on to them."""
    svgtext.set_line.cache_clear()
    _styles.cache_clear()


def _fetcher() -> Any:
    """Return a fetcher of the shipped fonts that denies, and remembers, everything else."""
    from weasyprint.urls import URLFetcher, URLFetcherResponse

    class Fetcher(URLFetcher):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(allowed_protocols=("data",), allow_redirects=False)
            self.denied: list[str] = []

        def fetch(self, url: str, headers: dict[str, str] | None = None) -> Any:
            name = url.removeprefix(_FONT_SCHEME)
            if url == f"{_FONT_SCHEME}{name}" and name in _font_names():
                body = (FONTS / name).read_bytes()
                return URLFetcherResponse(url, body, {"Content-Type": "font/ttf"})
            if not url.startswith("data:"):
                self.denied.append(url)
            return super().fetch(url, headers)

    return Fetcher()


@functools.cache
def _font_names() -> frozenset[str]:
    return frozenset(path.name for path in FONTS.glob("*.ttf"))


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """Keep the garbage collector from walking a page's many objects while it is made."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@contextlib.contextmanager
def _source_date(moment: int) -> Iterator[None]:
    """Set ``SOURCE_DATE_EPOCH`` to a moment in UTC milliseconds, and back afterwards."""
    before = os.environ.get(_EPOCH)
    os.environ[_EPOCH] = str(max(moment, 0) // 1000)
    try:
        yield
    finally:
        if before is None:
            del os.environ[_EPOCH]
        else:
            os.environ[_EPOCH] = before
