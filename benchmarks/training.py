"""What the training plugin costs: ``mlflow.start_run`` with and without it, first and again.

Each figure is the median over processes of their own, which take turns, in a repository of
500 files with one change and one untracked file.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from bench import show
from support.gitrepo import GitRepo

ROUNDS = 8
SCRIPT = """\
import json, sys, time, mlflow
mlflow.set_experiment("bench")
from audit.capture.training import collect
took = []
for _ in range(6):
    began = time.perf_counter()
    with mlflow.start_run():
        took.append(time.perf_counter() - began)
began = time.perf_counter()
collect.collect()
print(json.dumps([took[0], sorted(took[1:])[2], time.perf_counter() - began]))
"""


def measure(folder: Path, switch: str) -> list[float]:
    """Return seconds: the first run, a later one, and reading all tags anew."""
    environment = {
        **os.environ,
        "MLFLOW_TRACKING_URI": f"sqlite:///{folder / 'mlflow.db'}",
        "MLFLOW_AUDIT_TRAINING": switch,
    }
    done = subprocess.run(
        [sys.executable, "train.py"],
        cwd=folder / "r",
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    return list(json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        repo = GitRepo(folder / "r")
        repo.commit({"train.py": SCRIPT, **{f"src/{n}.py": f"x = {n}\n" for n in range(500)}})
        (repo.path / "src" / "1.py").write_text("x = 0\n")
        (repo.path / "new.py").write_text("y = 0\n")
        measure(folder, "off")  # makes the database
        found: dict[str, list[list[float]]] = {"off": [], "on": []}
        for _ in range(rounds):
            for switch, rows in found.items():
                rows.append(measure(folder, switch))
    middle = {
        switch: [statistics.median(column) * 1000 for column in zip(*rows, strict=True)]
        for switch, rows in found.items()
    }
    rows = [
        (what, f"{without:.1f}", f"{with_it:.1f}", f"{with_it / without:.2f} x")
        for what, without, with_it in zip(
            ("first start_run of a process", "start_run again"),
            middle["off"],
            middle["on"],
            strict=False,
        )
    ]
    rows.append(("all tags read anew", "", f"{middle['on'][2]:.1f}", ""))
    show(f"{rounds} processes each", ("what", "ms without", "ms with plugin", "ratio"), rows)


if __name__ == "__main__":
    main()
