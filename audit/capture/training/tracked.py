"""``mlflow-audit track``: a training as a child process, with what explains it kept in its run.

The child makes its runs as ever. The plugin marks them with a correlation id and leaves the
difference, the package list and the lock as they were when training began; after the child
has ended these go to its runs as artifacts. The child's exit code is never changed.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from audit.capture.training import drop
from audit.capture.training.collect import PREFIX, SWITCH

ARTIFACT_PATH = "mlflow_audit"
MAX_ARTIFACT = 16 * 1024 * 1024
"""Bytes: larger files stay behind, which a tag tells."""
CANNOT_RUN, NOT_FOUND = 126, 127
"""Exit codes of a command that could not be started, as a shell has them."""

_FILES = {
    "git.diff_sha256": {".patch": "difference.patch", ".untracked": "untracked.txt"},
    "environment.sha256": {".environment": "environment.txt"},
    "dvc.lock_sha256": {".lock": "dvc.lock"},
}
_FORWARDED = ("SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2")
_PAGE = 100


def run(command: Sequence[str], artifact_path: str, warn: Callable[[str], None]) -> int:
    """Run ``command`` and keep what explains it in the runs that it makes.

    Returns its exit code, 128 and the signal's number if a signal ended it.
    """
    with tempfile.TemporaryDirectory(prefix="mlflow-audit-") as name:
        folder, track = Path(name), uuid.uuid4().hex
        began = time.monotonic()
        try:
            code = _child(command, folder, track)
        except OSError as error:
            warn(f"{command[0]}: {error.strerror}")
            return NOT_FOUND if isinstance(error, FileNotFoundError) else CANNOT_RUN
        ended = {
            "exit_code": str(code),
            "duration_ms": str(round((time.monotonic() - began) * 1000)),
        }
        try:
            kept = _keep(folder, track, artifact_path, ended)
        except KeyboardInterrupt:
            warn("interrupted while the difference was kept: the run may lack artifacts")
        except Exception as error:  # noqa: BLE001 - told; the child's exit code must stand
            reason = " ".join(str(error).split())[:300]
            warn(f"nothing more was kept, the store cannot be used: {reason}")
        else:
            if not kept:
                warn(f"the command made no MLflow run that carries the plugin's tags{_why()}")
    return code


def _why() -> str:
    return f" ({SWITCH}={os.environ[SWITCH]})" if os.environ.get(SWITCH) else ""


def _child(command: Sequence[str], folder: Path, track: str) -> int:
    environment = {**os.environ, drop.TRACK_ID: track, drop.TRACK_FOLDER: str(folder)}
    process: list[subprocess.Popen[bytes]] = []
    early: list[int] = []

    def forward(number: int, _frame: FrameType | None) -> None:
        if not process:
            early.append(number)
        elif not (number == signal.SIGINT and _typed_at_the_terminal()):
            process[0].send_signal(number)

    with _handled((*_FORWARDED, "SIGINT"), forward):
        process.append(subprocess.Popen(list(command), env=environment))
        for number in early:
            process[0].send_signal(number)
        code = process[0].wait()
    return code if code >= 0 else 128 - code


@contextlib.contextmanager
def _handled(
    names: Sequence[str], handler: Callable[[int, FrameType | None], None]
) -> Iterator[None]:
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def _typed_at_the_terminal() -> bool:
    """Whether the terminal interrupts us, and so has told the child as well."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)


def _keep(folder: Path, track: str, artifact_path: str, ended: dict[str, str]) -> int:
    """Return how many runs were found, each with its artifacts and tags added."""
    number = 0
    for uri, working in drop.stores(folder):
        # A store that cannot be reached is told within seconds, not after MLflow's five minutes.
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
        from mlflow import MlflowClient

        # Addresses of files may be relative to where the child stood.
        with contextlib.chdir(working):
            client = MlflowClient(tracking_uri=uri)
            for found in _runs(client, track):
                _log(client, found, folder, artifact_path, ended)
                number += 1
    return number


def _runs(client: Any, track: str) -> list[Any]:
    """Return the active runs with this correlation id, of all experiments."""
    experiments: list[str] = []
    for page in _pages(client.search_experiments):
        experiments += [experiment.experiment_id for experiment in page]
    tag = f"tags.`{PREFIX}track` = '{track}'"
    return [
        run
        for start in range(0, len(experiments), _PAGE)
        for page in _pages(client.search_runs, experiments[start : start + _PAGE], tag)
        for run in page
    ]


def _pages(search: Callable[..., Any], *arguments: Any) -> Iterator[Any]:
    token = None
    while True:
        page = search(*arguments, page_token=token)
        yield page
        token = page.token
        if not token:
            return


def _log(client: Any, run: Any, folder: Path, path: str, ended: dict[str, str]) -> None:
    tags, left_out = dict(ended), []
    run_id = run.info.run_id
    with tempfile.TemporaryDirectory(dir=folder) as name:
        for tag, files in _FILES.items():
            digest = run.data.tags.get(f"{PREFIX}{tag}", "")
            for suffix, title in files.items():
                source = drop.found(folder, digest, suffix)
                if source is None or not (size := source.stat().st_size):
                    continue
                if size > MAX_ARTIFACT:
                    left_out.append(f"{title} {size} bytes")
                else:
                    shutil.copyfile(source, Path(name, title))
        if data := [_dataset(item.dataset) for item in run.inputs.dataset_inputs]:
            Path(name, "datasets.json").write_text(json.dumps(data, indent=1), encoding="utf-8")
        if any(Path(name).iterdir()):
            client.log_artifacts(run_id, name, path)
    tags["left_out"] = ", ".join(left_out)
    for key, value in tags.items():
        if value:
            client.set_tag(run_id, f"{PREFIX}{key}", value)


def _dataset(item: Any) -> dict[str, Any]:
    return {
        "name": item.name,
        "digest": item.digest,
        "source_type": item.source_type,
        "schema": json.loads(item.schema) if item.schema else None,
    }
