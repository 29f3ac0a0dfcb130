"""A git and DVC repository with a training a commit, and the registry that belongs to it.

The files are in DVC's own format with the digests of real content, the objects stand in a
local remote; only ``dvc repro`` is spared.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import yaml
from bench import fast_sqlite
from support.registry import mlflow_at

_STAGES = {
    "prepare": ("python src/prepare.py", ("data/raw.csv", "src/prepare.py"), ("data/clean.csv",)),
    "train": ("python src/train.py", ("data/clean.csv", "src/train.py"), ("model.pkl",)),
}
SOURCE = '{"uri": "data/raw.csv"}'
SCHEMA = '{"mlflow_colspec": [{"type": "long", "name": "id"}, {"type": "long", "name": "x"}]}'
PROFILE = '{"num_rows": 200, "num_elements": 400}'


def md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


class Repository:
    """Commits one training after the other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.remote = folder.parent / "remote"
        self._git("init", "--quiet", "--initial-branch=main")
        self._write(
            ".dvc/config",
            f"[core]\n    remote = store\n['remote \"store\"']\n    url = {self.remote}\n",
        )
        self._write(".gitignore", "/model.pkl\n/data/*.csv\n")
        stages = {
            name: {"cmd": cmd, "deps": list(deps), "outs": list(outs)}
            for name, (cmd, deps, outs) in _STAGES.items()
        }
        stages["train"]["params"] = ["train.C"]
        self._write("dvc.yaml", yaml.safe_dump({"stages": stages}))
        for name in _STAGES:
            self._write(f"src/{name}.py", f"print({name!r})\n")

    def train(self, number: int) -> tuple[str, bytes]:
        """Commit training ``number``; return the commit and the weights."""
        raw = "id,x\n" + "".join(f"{i},{(i * number) % 97}\n" for i in range(200))
        content = {
            "data/raw.csv": raw.encode(),
            "data/clean.csv": raw.replace(",", ";").encode(),
            "model.pkl": f"weights of training {number}\n".encode() * 40,
        }
        for data in content.values():
            place = self.remote / "files" / "md5" / md5(data)[:2] / md5(data)[2:]
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
        self._write("params.yaml", f"train:\n  C: {number / 10}\n")
        out = {
            "md5": md5(content["data/raw.csv"]),
            "size": len(raw),
            "hash": "md5",
            "path": "raw.csv",
        }
        self._write("data/raw.csv.dvc", yaml.safe_dump({"outs": [out]}))
        lock = {"schema": "2.0", "stages": {n: self._lock(n, content, number) for n in _STAGES}}
        self._write("dvc.lock", yaml.safe_dump(lock, sort_keys=False))
        self._git("add", "--all")
        self._git("commit", "--quiet", "-m", f"Training {number}")
        return self._git("rev-parse", "HEAD").strip(), content["model.pkl"]

    def _lock(self, name: str, content: dict[str, bytes], number: int) -> dict[str, object]:
        command, deps, outs = _STAGES[name]

        def entry(path: str) -> dict[str, object]:
            data = content.get(path) or (self.folder / path).read_bytes()
            return {"path": path, "hash": "md5", "md5": md5(data), "size": len(data)}

        state: dict[str, object] = {"cmd": command, "deps": [entry(path) for path in deps]}
        if name == "train":
            state["params"] = {"params.yaml": {"train.C": number / 10}}
        state["outs"] = [entry(path) for path in outs]
        return state

    def _write(self, path: str, text: str) -> None:
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / path).write_text(text, encoding="utf-8")

    def _git(self, *arguments: str) -> str:
        who = {
            f"GIT_{role}_{part}": "alice@example.org"
            for role in ("AUTHOR", "COMMITTER")
            for part in ("NAME", "EMAIL")
        }
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.folder,
            env={**os.environ, **who, "GIT_CONFIG_GLOBAL": os.devnull},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout


def build(folder: Path, versions: int, progress: Callable[[str], None] = lambda _: None) -> Path:
    """Build repository, registry, keys and job file below ``folder``; return the job file."""
    from mlflow.entities import (
        Dataset,
        DatasetInput,
        InputTag,
        LoggedModelOutput,
        Metric,
        Param,
    )

    from audit.period import system_clock
    from audit.seal.authority import new_authority

    (folder / "project").mkdir(parents=True)
    repository = Repository(folder / "project")
    with fast_sqlite(), mlflow_at(f"sqlite:///{folder / 'mlflow.db'}") as client:
        experiment = client.create_experiment("bench", str(folder / "artifacts"))
        client.create_registered_model("credit", tags={"owner": "risk-models"})
        for number in range(1, versions + 1):
            commit, weights = repository.train(number)
            run = client.create_run(
                experiment, tags={"mlflow.source.git.commit": commit}
            ).info.run_id
            params = [
                Param("train.C", str(number / 10)),
                *(Param(f"p{i}", str(i)) for i in range(15)),
            ]
            client.log_batch(run, [Metric(f"m{i}", i / 7, 0, 0) for i in range(8)], params)
            data = Dataset("raw", md5(commit.encode())[:8], "local", SOURCE, SCHEMA, PROFILE)
            context = [InputTag("mlflow.data.context", "training")]
            client.log_inputs(run, [DatasetInput(data, context)])
            logged = client.create_logged_model(experiment, name="model", source_run_id=run)
            client.log_outputs(run, [LoggedModelOutput(logged.model_id, 0)])
            place = Path(logged.artifact_location.removeprefix("file://"))
            place.mkdir(parents=True)
            (place / "model.pkl").write_bytes(weights)
            (place / "requirements.txt").write_text("scikit-learn==1.7.2\nmlflow==3.17.2\n")
            (place / "python_env.yaml").write_text("python: 3.11.7\n")
            client.finalize_logged_model(logged.model_id, "READY")
            client.set_terminated(run)
            client.create_model_version(
                "credit", f"models:/{logged.model_id}", run, model_id=logged.model_id
            )
            progress(f"{number} of {versions}")
        client.set_registered_model_alias("credit", "champion", str(versions))
    new_authority(folder / "keys", "Example Bank", system_clock())
    job = folder / "configs" / "quarterly.yaml"
    job.parent.mkdir()
    job.write_text(
        "job: {name: quarterly, title: Quarterly model audit, organisation: Example Bank}\n"
        "registry: {uri: 'sqlite:///../mlflow.db'}\n"
        "code: [{path: ../project}]\n"
        "ledger: sqlite:///../audit-ledger.db\n"
        "signing:\n"
        "  key: file:../keys/seal.key\n"
        "  certificate: ../keys/seal.pem\n"
        "  chain: [../keys/ca.pem]\n"
        "archive: {path: ../output, retain: 10y}\n"
        "execute: {cache: ../.cache}\n"
    )
    return job
