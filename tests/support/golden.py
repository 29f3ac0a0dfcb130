"""Golden files: what was made must equal what is kept in ``tests/golden``, byte for byte.

``UPDATE_GOLDEN=1 pytest …`` writes them anew; the difference is then read in git.
"""

from __future__ import annotations

import os
from pathlib import Path

GOLDEN = Path(__file__).resolve().parents[1] / "golden"


def assert_golden(name: str, content: bytes) -> None:
    """Compare ``content`` with the golden file ``name``."""
    path = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    assert content.decode() == path.read_text(encoding="utf-8")
