"""What makes the pages: the versions that a manifest states, and one digest of them all."""

from __future__ import annotations

import ctypes.util
import functools
import hashlib
from importlib.metadata import version
from pathlib import Path

from audit import __version__, report
from audit.resources import TEMPLATES

_PACKAGES = ("weasyprint", "pydyf", "fonttools", "jinja2", "pandas", "mlflow")


@functools.cache
def renderer_versions() -> dict[str, str]:
    """Return name and version of everything that the bytes of a page follow from.

    WeasyPrint subsets fonts with HarfBuzz where it is there, else with fontTools, which
    gives other bytes for the same page.
    """
    subset = ctypes.util.find_library("harfbuzz-subset")
    return {
        "mlflow-audit": __version__,
        **{name: version(name) for name in _PACKAGES},
        "font subsetting": subset or "fontTools",
        "templates": _digest(TEMPLATES),
        "renderers": _digest(Path(__file__).parent),
        # Some of a page's sentences are worded where the report is built.
        "wording": _digest(Path(report.__file__).parent),
    }


@functools.cache
def renderer_digest() -> str:
    """Return one SHA-256 for all of ``renderer_versions``."""
    text = "\n".join(f"{name} {value}" for name, value in sorted(renderer_versions().items()))
    return hashlib.sha256(text.encode()).hexdigest()


def _digest(folder: Path) -> str:
    """Return the SHA-256 of a folder's files, names and bytes."""
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            found.update(f"{path.relative_to(folder)}\0".encode())
            found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()
