"""A whole export, first and again, beside the plain script; whole processes, in one run."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import history
from bench import show, timed

from audit.period import iso, system_clock

VERSIONS = 50


def process(*arguments: object) -> float:
    """Return the wall seconds of a command; its exit code may speak of failed controls."""

    def run() -> int:
        done = subprocess.run(
            [sys.executable, *map(str, arguments)], capture_output=True, check=False
        )
        if done.returncode not in (0, 1, 3):
            raise SystemExit(done.stderr.decode())
        return done.returncode

    return timed(run)[0]


def main() -> None:
    versions = int(sys.argv[1]) if len(sys.argv) > 1 else VERSIONS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        job = history.build(folder, versions)
        # One moment for both: "nothing changed" means the moment reported as well.
        moment = iso(system_clock())
        label = moment[:4]
        export = ("-m", "audit", "run", job, "-p", label, "--as-of", moment, "--force", "--quiet")
        first, again = process(*export), process(*export)
        plain = process(Path(__file__).with_name("plain.py"), folder)
        rows = [
            (what, f"{seconds:.1f}", f"{versions / seconds:.1f}", f"{plain / seconds:.1f} x")
            for what, seconds in (
                ("plain script: a bare page a version", plain),
                ("export: report, dossiers, tables, sealed", first),
                ("the same again, nothing changed", again),
            )
        ]
        show(f"{versions} versions", ("what", "seconds", "versions/s", "against the script"), rows)


if __name__ == "__main__":
    main()
