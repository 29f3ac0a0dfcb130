"""Time and peak memory of an export of 1,000 versions, the largest process of it."""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import history
from bench import show, timed

VERSIONS = 1000


def main() -> None:
    versions = int(sys.argv[1]) if len(sys.argv) > 1 else VERSIONS
    with tempfile.TemporaryDirectory() as name:
        job = history.build(Path(name), versions)
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        command = [sys.executable, "-m", "audit", "run", str(job), "-p", "2026", "--quiet"]
        seconds, done = timed(lambda: subprocess.run(command, capture_output=True, check=False))
        if done.returncode not in (0, 1, 3):
            raise SystemExit(done.stderr.decode())
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        # The builder's own children (git) are small; a peak below theirs would mean nothing.
        note = "" if peak > before else " (not above that of the builder)"
        rows = [("seconds", f"{seconds:.0f}"), ("versions/s", f"{versions / seconds:.1f}")]
        rows.append(("peak memory of the largest process", f"{peak / 1024:,.0f} MiB{note}"))
        show(f"{versions} versions, all formats", ("what", "figure"), rows)


if __name__ == "__main__":
    main()
