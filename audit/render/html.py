"""A dossier as one HTML file: no script, no font and no address of another machine in it."""

from __future__ import annotations

import hashlib

from audit.render.environment import environment
from audit.render.json import render_dossier_json
from audit.render.text import short_digest
from audit.report.model import Dossier

_ROWS = 2000


def render_dossier_html(dossier: Dossier) -> str:
    """Return ``dossier.html``; it depends on the dossier alone and works from ``file://``."""
    return (
        environment("html")
        .get_template("dossier.html.jinja")
        .render(
            d=dossier,
            s=2,
            rows=_ROWS,
            file="dossier.json",
            fingerprint=short_digest(hashlib.sha256(render_dossier_json(dossier)).hexdigest()),
        )
    )
