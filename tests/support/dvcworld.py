"""A real git and DVC repository with a ground truth: which raw data made which weights.

``python dvcworld.py DIR`` builds it in a process of its own (DVC changes directories and
keeps global state). ``DIR/churn`` is the repository, ``DIR/remote`` its DVC remote and
``DIR/truth.json`` what really happened, written down while it happened and not taken from
any lock. Trainings go round four ways of working:

after    edit, train, commit: the run's tag names the parent commit
before   commit, train, commit the lock: the lock at the tag is stale
rerun    train, commit, train again: the tag is right
branch   like after, on a branch that is merged with ``--no-ff``
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

ROUNDS = ("after", "before", "rerun", "branch") * 2

FILES = {
    "src/prepare.py": """\
import csv, json, pathlib
limit = json.loads(pathlib.Path("params.json").read_text())["prepare"]["limit"]
rows = [row for row in csv.reader(open("data/raw.csv"))][1:][:limit]
folder = pathlib.Path("data/prepared")
(folder / "parts").mkdir(parents=True, exist_ok=True)
(folder / "train.csv").write_text("".join(",".join(row) + "\\n" for row in rows[::2]))
(folder / "parts" / "test.csv").write_text("".join(",".join(row) + "\\n" for row in rows[1::2]))
""",
    "src/featurize.py": """\
import pathlib, sys
name = sys.argv[1]
source = {"train": "train.csv", "test": "parts/test.csv"}[name]
text = pathlib.Path("data/prepared", source).read_text()
out = pathlib.Path("data/features", name + ".csv")
out.parent.mkdir(exist_ok=True)
out.write_text(text.replace(",", ";"))
""",
    "src/lib/__init__.py": "",
    "src/lib/weigh.py": "def weigh(values, c):\n    return sum(values) * c\n",
    "src/train.py": """\
import pathlib, pickle, re, sys
sys.path.insert(0, "src"); sys.dont_write_bytecode = True
from lib.weigh import weigh
params = dict(re.findall(r"^  (\\w+): (.*)$", pathlib.Path("params.yaml").read_text(), re.M))
rows = pathlib.Path("data/features/train.csv").read_text().split()
values = [float(row.split(";")[1]) for row in rows]
model = {"C": float(params["C"]), "sum": weigh(values, float(params["C"])), "n": len(rows)}
pathlib.Path("model.pkl").write_bytes(pickle.dumps(model, protocol=4))
""",
    "src/evaluate.py": """\
import json, pathlib, pickle
model = pickle.loads(pathlib.Path("model.pkl").read_bytes())
n = len(pathlib.Path("data/features/test.csv").read_text().split())
metrics = {"test": {"score": model["sum"] / 7**0.5, "n": n}}
pathlib.Path("metrics.json").write_text(json.dumps(metrics))
""",
    "params.yaml": "train:\n  C: 1.0\n  seed: 42\n",
    "params.json": '{"prepare": {"limit": 40}}\n',
    "dvc.yaml": """\
stages:
  prepare:
    cmd: python3 src/prepare.py
    deps: [src/prepare.py, data/raw.csv]
    params:
      - params.json:
          - prepare.limit
    outs: [data/prepared]
  featurize:
    foreach: [train, test]
    do:
      cmd: python3 src/featurize.py ${item}
      deps: [src/featurize.py, data/prepared]
      outs: ["data/features/${item}.csv"]
  train:
    cmd: python3 src/train.py
    deps: [src/train.py, src/lib, data/features/train.csv]
    params: [train.C, train.seed]
    outs: [model.pkl]
  evaluate:
    cmd: python3 src/evaluate.py
    deps: [src/evaluate.py, model.pkl, data/features/test.csv]
    metrics:
      - metrics.json:
          cache: false
""",
    "scoring/dvc.yaml": """\
stages:
  digest:
    wdir: scripts
    cmd: python3 digest.py
    deps: [digest.py, ../../model.pkl]
    outs: [../digest.txt]
""",
    "scoring/scripts/digest.py": """\
import hashlib, pathlib
data = pathlib.Path("../../model.pkl").read_bytes()
pathlib.Path("../digest.txt").write_text(hashlib.sha256(data).hexdigest())
""",
}


@dataclass(frozen=True)
class Training:
    """One training as it really was."""

    workflow: str
    weights: str
    raw: str
    tagged: str
    lock: str
    c: float
    score: float


@dataclass(frozen=True)
class World:
    """The finished repository."""

    root: Path
    trainings: tuple[Training, ...]
    lost: str
    """Digest of the raw data that is gone from the remote."""
    merges: dict[str, str]
    """Commit made on a branch to the merge that brought it to ``main``."""

    @property
    def repository(self) -> Path:
        return self.root / "churn"


def world(factory: pytest.TempPathFactory) -> World:
    """Return the world, built once for all test processes of a run. Do not change it."""
    base = factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    root = shared / "dvcworld"
    with (shared / "dvcworld.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (root / "truth.json").exists():
            root.mkdir()
            subprocess.run([sys.executable, __file__, str(root)], check=True, capture_output=True)
    facts = json.loads((root / "truth.json").read_text())
    trainings = tuple(Training(**item) for item in facts["trainings"])
    return World(root, trainings, facts["lost"], facts["merges"])


class _Builder:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.repository = root / "churn"
        self.repository.mkdir()
        self.clock = 1_780_000_000
        os.chdir(self.repository)
        os.environ.update(environment(root))

    def git(self, *arguments: str) -> str:
        self.clock += 60
        dates = dict.fromkeys(("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"), f"{self.clock} +0000")
        command = ["git", *arguments]
        done = subprocess.run(
            command, env={**os.environ, **dates}, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def dvc(self, *arguments: str) -> None:
        from dvc.cli import main

        if main([*arguments, "--quiet"]):
            raise RuntimeError(f"dvc {' '.join(arguments)} failed")

    def commit(self, subject: str) -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", subject)
        return self.head()

    def head(self) -> str:
        return self.git("rev-parse", "HEAD")

    def raw(self, generation: int) -> None:
        rows = "".join(f"{n},{(n * 7 + generation * 13) % 50}\n" for n in range(40))
        Path("data/raw.csv").write_text(f"id,value\n{rows}")
        self.dvc("add", "data/raw.csv")

    def train(self, workflow: str) -> dict[str, Any]:
        self.dvc("repro", "--all-pipelines")
        # Never with --all-commits: DVC then takes the remote's relative path from the root of
        # the file system.
        self.dvc("push")
        return {
            "workflow": workflow,
            "weights": _md5(Path("model.pkl")),
            "raw": _md5(Path("data/raw.csv")),
            "tagged": self.head(),
            "c": _c(),
            "score": json.loads(Path("metrics.json").read_text())["test"]["score"],
        }


def environment(root: Path) -> dict[str, str]:
    """Return an environment in which git and DVC know nothing of the machine's user."""
    people = {"NAME": "alice", "EMAIL": "alice@example.org"}
    return {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "DVC_NO_ANALYTICS": "1",
        "DVC_GLOBAL_CONFIG_DIR": str(root / "none"),
        "DVC_SYSTEM_CONFIG_DIR": str(root / "none"),
        "DVC_SITE_CACHE_DIR": str(root / "site"),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        **{f"GIT_AUTHOR_{key}": value for key, value in people.items()},
        **{f"GIT_COMMITTER_{key}": value for key, value in people.items()},
    }


def _md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def _c() -> float:
    return float(Path("params.yaml").read_text().split("C: ")[1].split()[0])


def _edit(builder: _Builder, number: int) -> None:
    """Change parameters each time, raw data often, code every third time."""
    Path("params.yaml").write_text(f"train:\n  C: {1 + number / 8}\n  seed: 42\n")
    if number not in {2, 5}:
        builder.raw(number)
    if number % 3 == 0:
        Path("src/train.py").write_text(FILES["src/train.py"] + f"# revision {number}\n")


def build(root: Path) -> None:
    """Build the world below an empty folder."""
    builder = _Builder(root)
    builder.git("init", "--quiet", "--initial-branch", "main")
    builder.dvc("init")
    for name, text in FILES.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text)
    Path("data").mkdir()
    # Relative to the folder .dvc, as DVC itself writes it.
    Path(".dvc/config").write_text(
        "[core]\n    remote = storage\n['remote \"storage\"']\n    url = ../../remote\n"
    )
    (root / "remote").mkdir()
    builder.raw(99)
    builder.commit("Begin")
    trainings = []
    for number, workflow in enumerate(ROUNDS):
        if workflow == "branch":
            builder.git("switch", "--quiet", "--create", f"work-{number}")
        _edit(builder, number)
        if workflow == "before":
            builder.commit(f"Change {number}")
        truth = builder.train(workflow)
        truth["lock"] = builder.commit(f"Train {number}")
        if workflow == "rerun":
            builder.dvc("repro", "--force", "--single-item", "train")
            truth["tagged"] = builder.head()
        if workflow == "branch":
            builder.git("switch", "--quiet", "main")
            subject = f"Merge pull request #{number}"
            builder.git("merge", "--quiet", "--no-ff", "-m", subject, f"work-{number}")
            truth["merge"] = builder.head()
        trainings.append(truth)
    merges = {item["lock"]: item.pop("merge") for item in trainings if "merge" in item}
    baseline = builder.head()
    builder.dvc("exp", "run", "--set-param", "train.C=77.5", "--name", "try")
    trainings.append(
        {
            "workflow": "experiment",
            "weights": _md5(Path("model.pkl")),
            "raw": _md5(Path("data/raw.csv")),
            "tagged": baseline,
            "lock": builder.git("for-each-ref", "--format=%(objectname)", "refs/exps/*/*/try"),
            "c": 77.5,
            "score": json.loads(Path("metrics.json").read_text())["test"]["score"],
        }
    )
    builder.dvc("push")
    builder.git("checkout", "--quiet", "--", ".")
    lost = trainings[0]["raw"]
    (root / "remote" / "files" / "md5" / lost[:2] / lost[2:]).unlink()
    truth = {"trainings": trainings, "lost": lost, "merges": merges}
    (root / "truth.json").write_text(json.dumps(truth, indent=1))


if __name__ == "__main__":
    build(Path(sys.argv[1]).resolve())
