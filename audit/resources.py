"""Where the shipped files are: templates, fonts and control packs.

In a wheel they stand inside the package (``audit/_data``), in a checkout beside it.
"""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def _folder(name: str) -> Path:
    inside = _PACKAGE / "_data" / name
    return inside if inside.is_dir() else _PACKAGE.parent / name


TEMPLATES = _folder("report_templates")
FONTS = TEMPLATES / "fonts"
CONFIGS = _folder("configs")
PACKS = CONFIGS / "controls"
