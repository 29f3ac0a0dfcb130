"""The tags of one process: each part read by itself, what goes wrong told in a tag.

Nothing here raises: a training must not fail because somebody watches it.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable
from pathlib import Path

from audit.capture.training import command, drop, surroundings, tree

PREFIX = "mlflow_audit."
SWITCH = "MLFLOW_AUDIT_TRAINING"
"""The environment variable that switches the plugin off: ``off``, ``no``, ``false`` or ``0``."""


def collect() -> dict[str, str]:
    """Return the tags as they are now, read anew. Never raises."""
    return _prefixed(
        {
            **_guarded("git", _git),
            **_guarded("dvc", _dvc),
            **_guarded("environment", _environment),
            **_guarded("command", lambda: {"command": command.as_tag(sys.argv)}),
            **_guarded("host", lambda: {"host": platform.node()}),
        }
    )


def correlation() -> dict[str, str]:
    """Return the tag by which ``track`` finds the runs of its child. Never raises."""
    return _prefixed(_guarded("track", _track))


def _prefixed(plain: dict[str, str]) -> dict[str, str]:
    return {f"{PREFIX}{name}": value[: command.MAX_TAG] for name, value in plain.items() if value}


def _guarded(name: str, reader: Callable[[], dict[str, str]]) -> dict[str, str]:
    try:
        return reader()
    except tree.TreeError as error:
        return {f"{name}.problem": str(error)}
    except Exception as error:  # noqa: BLE001 - recorded; a training must not fail for it
        return {f"{name}.problem": f"{type(error).__name__}: {error}"}


def _git() -> dict[str, str]:
    top, script = tree.top_of(sys.argv[0] if sys.argv else "", Path.cwd())
    if top is None:
        return {}
    found = tree.read(top, script)
    if folder := drop.folder_of(os.environ):
        drop.leave(folder, found.digest, ".patch", found.patch)
        drop.leave(folder, found.digest, ".untracked", found.untracked)
    return {
        "git.commit": found.commit,
        "git.dirty": "true" if found.dirty else "false",
        "git.diff_sha256": found.digest,
        "git.diff_unhashed": str(found.unhashed or ""),
        "git.problem": found.problem,
    }


def _dvc() -> dict[str, str]:
    working = Path.cwd()
    top, _ = tree.top_of(sys.argv[0] if sys.argv else "", working)
    found = surroundings.stage(os.environ, working, top)
    if folder := drop.folder_of(os.environ):
        drop.leave(folder, found.lock_digest, ".lock", found.lock)
    return {
        "dvc.lock_sha256": found.lock_digest,
        "dvc.stage": found.stage,
        "dvc.exp": found.experiment,
    }


def _environment() -> dict[str, str]:
    found = surroundings.packages()
    if folder := drop.folder_of(os.environ):
        drop.leave(folder, found.digest, ".environment", found.text)
    return {
        "environment.sha256": found.digest,
        "environment.python": found.python,
        "environment.packages": str(len(found.lines)),
    }


def _track() -> dict[str, str]:
    """Return the tag by which ``track`` finds the run, and tell it in which store to look."""
    folder = drop.folder_of(os.environ)
    if folder is None:
        return {}
    from mlflow.tracking import get_tracking_uri

    drop.leave_store(folder, get_tracking_uri(), Path.cwd())
    return {"track": os.environ[drop.TRACK_ID]}
