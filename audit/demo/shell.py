"""How the demo runs other programs: a clean environment, git with given dates, children.

Nothing of the user's own git, DVC or MLflow set-up reaches the demo, and nothing
of the demo's reaches the user's.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from audit.errors import AuditError

_HOME = Path(__file__).resolve().parents[2]
"""Where ``python -m`` finds this package, installed or not."""
_FOREIGN = ("MLFLOW_", "GIT_", "DVC_", "_MLFLOW_")


def _own() -> dict[str, str]:
    """Return this process's environment without what would steer git, DVC or MLflow."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    return {
        **kept,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
    }


def environment(folder: Path) -> dict[str, str]:
    """Return the environment of every program that builds the world in ``folder``."""
    own, scratch = _own(), scratch_of(folder)
    return {
        **own,
        # Stage commands say "python": the one that runs this, whatever is on the PATH.
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), own.get("PATH", os.defpath))),
        "SHELL": "/bin/sh",
        "PYTHONDONTWRITEBYTECODE": "1",
        "DVC_NO_ANALYTICS": "1",
        "DVC_SITE_CACHE_DIR": str(scratch / "dvc-site"),
        "DVC_GLOBAL_CONFIG_DIR": str(scratch / "dvc-global"),
        "DVC_SYSTEM_CONFIG_DIR": str(scratch / "dvc-system"),
        "MLFLOW_TRACKING_URI": registry_uri(folder),
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
    }


def scratch_of(folder: Path) -> Path:
    """Return where logs and caches stand while a world is being built."""
    return folder / ".building"


def registry_uri(folder: Path) -> str:
    """Return the MLflow URI of a world's registry."""
    return f"sqlite:///{folder / 'mlflow.db'}"


def git(folder: Path, *arguments: str, by: str = "", at: int | None = None) -> str:
    """Return what git prints; ``by`` and ``at`` (UTC ms) are author and committer.

    Raises ``AuditError`` with git's own words if git fails.
    """
    extra: dict[str, str] = {}
    for role in ("AUTHOR", "COMMITTER") if by else ():
        extra[f"GIT_{role}_NAME"] = by
        extra[f"GIT_{role}_EMAIL"] = f"{by}@example.org"
        extra[f"GIT_{role}_DATE"] = f"@{(at or 0) // 1000} +0000"
    done = subprocess.run(
        ("git", "-C", str(folder), *arguments),
        env=_own() | extra,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise AuditError(f"git {arguments[0]} failed: {done.stderr.strip()}", where=str(folder))
    return done.stdout.strip()


def child(
    folder: Path, module: str, arguments: Sequence[str], progress: Callable[[str], None]
) -> None:
    """Run a module of this package as a process of its own; its stdout is progress.

    What it writes to stderr goes to a log. Raises ``AuditError`` that names the log
    if it fails; the log then stays.
    """
    name = "-".join((module.rpartition(".")[2], *arguments))
    log = scratch_of(folder) / f"{name}.log"
    with (
        log.open("w", encoding="utf-8") as errors,
        subprocess.Popen(
            (sys.executable, "-m", module, str(folder), *arguments),
            env=environment(folder),
            cwd=_HOME,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        for line in process.stdout or ():
            progress(line.rstrip("\n"))
    if process.returncode:
        said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        raise AuditError(
            f"the demo's {name} step failed: {said[-1] if said else 'it said nothing'}",
            where=str(log),
            remedy="Delete the folder and try again",
        )
