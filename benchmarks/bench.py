"""What the benchmarks share: a large real registry, a server before it, and tables."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

T = TypeVar("T")


def timed(function: Callable[[], T]) -> tuple[float, T]:
    """Return the seconds that a call took, and its result."""
    start = time.perf_counter()
    result = function()
    return time.perf_counter() - start, result


def best(function: Callable[[], T], runs: int = 3) -> tuple[float, T]:
    """Return the shortest of several calls, and the last result."""
    measured = [timed(function) for _ in range(runs)]
    return min(seconds for seconds, _ in measured), measured[-1][1]


def watched(command: Sequence[str]) -> tuple[float, int]:
    """Return the seconds of a command, and the most memory (bytes) that one process of it took.

    Its exit code may speak of failed controls; any other ends the benchmark.
    """
    start, peak = time.perf_counter(), 0
    with tempfile.TemporaryFile() as messages:
        process = psutil.Popen(command, stdout=subprocess.DEVNULL, stderr=messages)
        while process.poll() is None:
            with suppress(psutil.Error):
                family = [process, *process.children(recursive=True)]
                peak = max([peak, *(member.memory_info().rss for member in family)])
            time.sleep(0.05)
        seconds = time.perf_counter() - start
        if process.returncode not in (0, 1, 3):
            messages.seek(0)
            raise SystemExit(messages.read().decode())
    return seconds, peak


def show(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print an aligned table."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in [list(columns), *cells]) for i in range(len(columns))]
    print(f"\n{title}")
    for row in (list(columns), ["-" * width for width in widths], *cells):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)))


@contextmanager
def fast_sqlite() -> Iterator[None]:
    """Let SQLite skip waiting for the disk while a registry is built."""
    import sqlalchemy as sa

    def unsafe(connection: Any, _: Any) -> None:
        connection.execute("PRAGMA synchronous=OFF")

    sa.event.listen(sa.engine.Engine, "connect", unsafe)
    try:
        yield
    finally:
        sa.event.remove(sa.engine.Engine, "connect", unsafe)


def build_registry(folder: Path, models: int, versions: int) -> str:
    """Build a registry with ``models`` × ``versions`` versions, each with a run of its own.

    Every run has 20 parameters, 10 metrics and a data set, every version a logged model
    with a small artifact folder. Returns the registry's URI.
    """
    from mlflow.entities import LoggedModelOutput, Metric, Param
    from support.registry import mlflow_at

    uri = f"sqlite:///{folder / 'mlflow.db'}"
    with fast_sqlite(), mlflow_at(uri) as client:
        experiment = client.create_experiment("bench", str(folder / "artifacts"))
        for number in range(models):
            name = f"model-{number:03d}"
            client.create_registered_model(name)
            for version in range(versions):
                run = client.create_run(experiment).info.run_id
                client.log_batch(
                    run,
                    [Metric(f"m{i}", i / 7, 0, 0) for i in range(10)],
                    [Param(f"p{i}", str(i)) for i in range(20)],
                )
                logged = client.create_logged_model(experiment, name="model", source_run_id=run)
                client.log_outputs(run, [LoggedModelOutput(logged.model_id, 0)])
                place = Path(logged.artifact_location.removeprefix("file://"))
                place.mkdir(parents=True, exist_ok=True)
                (place / "model.pkl").write_bytes(f"{number}/{version}".encode() * 50)
                (place / "requirements.txt").write_text("scikit-learn==1.7.2\n")
                client.finalize_logged_model(logged.model_id, "READY")
                client.set_terminated(run)
                client.create_model_version(
                    name, f"models:/{logged.model_id}", run, model_id=logged.model_id
                )
            client.set_registered_model_alias(name, "champion", str(versions))
    return uri
