"""A real Chromium without a window: opens a local file and tells what became of the page."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from support.services import installed

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@dataclass(frozen=True, slots=True)
class Visit:
    """What a browser made of a page."""

    dom: str
    """The document after its scripts ran."""
    console: str
    """Messages and errors of the page."""
    net: str
    """The browser's own log of everything it asked a network for."""


def browser() -> str:
    """Return the path of Chromium, installing it where that is possible."""
    return installed(lambda: next(filter(None, map(shutil.which, _NAMES)), None), "chromium")


def visit(page: Path, fragment: str = "", *flags: str) -> Visit:
    """Open ``page`` with no network at all and return what came of it."""
    with tempfile.TemporaryDirectory(prefix="mlflow-audit-browser-") as folder:
        net = Path(folder) / "net.json"
        done = subprocess.run(
            [
                browser(), "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
                "--no-first-run", "--disable-background-networking",
                "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
                f"--user-data-dir={folder}/profile", "--host-resolver-rules=MAP * ~NOTFOUND",
                f"--log-net-log={net}", "--enable-logging=stderr", "--virtual-time-budget=2000",
                "--window-size=1280,900", *flags, "--dump-dom", f"{page.as_uri()}{fragment}",
            ],
            capture_output=True, check=True, timeout=120,
        )  # fmt: skip
        return Visit(
            dom=done.stdout.decode("utf-8"),
            console="\n".join(
                line for line in done.stderr.decode("utf-8", "replace").splitlines()
                if "CONSOLE" in line
            ),
            net=net.read_text(encoding="utf-8", errors="replace"),
        )  # fmt: skip
