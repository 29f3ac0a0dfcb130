"""The markup of a report's and a dossier's pages, and a dossier as one HTML file.

The HTML file has no font and no address of another machine in it. Its one script walks
the lineage map; all facts stand in the page as it was written, and it says the same without.
"""

from __future__ import annotations

import functools
import hashlib

from markupsafe import Markup

from audit.period import iso
from audit.render.environment import Medium, environment
from audit.render.json import render_dossier_json
from audit.render.policy import policy
from audit.render.text import short_digest
from audit.report.model import Dossier, Report
from audit.resources import TEMPLATES

_ROWS: dict[Medium, int] = {"pdf": 300, "html": 2000}
_LATEST = 253_402_300_799_999
"""The last millisecond of the year 9999."""


def report_page(report: Report) -> str:
    """Return the markup of ``report.pdf``: well-formed, for WeasyPrint alone."""
    template = environment("pdf").get_template("report.html.jinja")
    return template.render(
        report=report,
        created=iso(report.as_of),
        fingerprint=short_digest(report.facts_sha256),
    )


def dossier_page(dossier: Dossier, medium: Medium) -> str:
    """Return the markup of a dossier, for a page or for a screen."""
    template = environment(medium).get_template("dossier.html.jinja")
    style, script = _inline() if medium == "html" else ("", "")
    return template.render(
        d=dossier,
        s=2,
        rows=_ROWS[medium],
        file="dossier.json",
        style=Markup(style),  # noqa: S704
        script=Markup(script),  # noqa: S704
        policy=policy(style, script),
        brief=False,
        created=iso(dossier_moment(dossier)),
        fingerprint=short_digest(hashlib.sha256(render_dossier_json(dossier)).hexdigest()),
    )


@functools.cache
def _inline() -> tuple[str, str]:
    """Return the style sheet and the script of a dossier, as they stand in its page."""
    style, script = (
        "\n".join((TEMPLATES / name).read_text(encoding="utf-8") for name in names)
        for names in (("tokens.css", "dossier.css", "map.css"), ("dossier.js",))
    )
    return f"\n{style}", f"\n{script}"


def dossier_moment(dossier: Dossier) -> int:
    """Return the time that stands for a dossier's making, in UTC milliseconds.

    It is that of the version's registration: a dossier knows no clock.
    """
    moment = dossier.created_at or 0
    return moment if 0 <= moment <= _LATEST else 0


def render_dossier_html(dossier: Dossier) -> str:
    """Return ``dossier.html``; it depends on the dossier alone and works from ``file://``."""
    return dossier_page(dossier, "html")
