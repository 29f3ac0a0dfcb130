"""Time and peak memory of an export of 1,000 versions, the largest process of it."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import history
from bench import show, watched

VERSIONS = 1000


def main() -> None:
    versions = int(sys.argv[1]) if len(sys.argv) > 1 else VERSIONS
    with tempfile.TemporaryDirectory() as name:
        job = history.build(Path(name), versions)
        command = [sys.executable, "-m", "audit", "run", str(job), "-p", "2026", "--quiet"]
        seconds, peak = watched(command)
        rows = [("seconds", f"{seconds:.0f}"), ("versions/s", f"{versions / seconds:.1f}")]
        rows.append(("peak memory of the largest process", f"{peak / 2**20:,.0f} MiB"))
        show(f"{versions} versions, all formats", ("what", "figure"), rows)


if __name__ == "__main__":
    main()
