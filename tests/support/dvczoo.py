"""Three real git and DVC repositories that import from one another, with a ground truth.

``python dvczoo.py DIR`` builds them in a process of its own. ``DIR/base`` tracks a file,
``DIR/shop`` imports it, keeps a folder and makes a table from one file of it, and
``DIR/churn`` imports all that and trains. What really came from what is written down in
``DIR/zoo.json`` while it happens. In ``churn`` there are as well: ``vars``, a matrix whose
names hold hyphens, a working directory that is a template, stages that are frozen, always
changed or never ran, a result that came back, an experiment, a nested DVC project, and a
project as DVC 2 left it.
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

TRAIN = """\
import pathlib, re
c = re.search(r"c: (\\S+)", pathlib.Path("params.yaml").read_text())[1]
names = ["data/clean.csv", "data/names.csv", "data/vocab.txt", "data/part.csv", "frozen.txt"]
text = "".join(pathlib.Path(name).read_text() for name in names)
pathlib.Path("model.pkl").write_text(f"weights {c}\\n{text}")
"""

COPY = "import pathlib, sys\npathlib.Path(sys.argv[2]).write_text(f(open(sys.argv[1]).read()))\n"

SHOP = {
    "clean.py": COPY.replace("f(", "str.upper("),
    "vocab.txt": "one\ntwo\n",
    "dvc.yaml": """\
stages:
  clean:
    cmd: python3 clean.py raw/a.csv clean.csv
    deps: [clean.py, raw/a.csv]
    outs: [clean.csv]
""",
}

CHURN = {
    "train.py": TRAIN,
    "score.py": COPY.replace("f(", "str.title("),
    "params.yaml": "c: 1.0\n",
    "vars.yaml": "place:\n  scripts: scoring/scripts\nmodel: model.pkl\n",
    "scoring/scripts/note.py": "import pathlib\n"
    "text = pathlib.Path('../../model.pkl').read_text()\n"
    "pathlib.Path('../note.txt').write_text(text[::-1])\n",
    "dvc.yaml": """\
vars: [vars.yaml]
stages:
  freeze:
    cmd: python3 score.py data/names.csv frozen.txt
    deps: [score.py, data/names.csv]
    outs: [frozen.txt]
    frozen: true
  train:
    cmd: python3 train.py
    deps: [train.py, data/clean.csv, data/names.csv, data/vocab.txt, data/part.csv, frozen.txt]
    params: [c]
    outs: ["${model}"]
  score:
    matrix:
      set: [new-york, los-angeles]
    cmd: python3 score.py model.pkl scores-${item.set}.txt
    deps: [score.py, model.pkl]
    outs: ["scores-${item.set}.txt"]
    always_changed: true
  note:
    wdir: ${place.scripts}
    cmd: python3 note.py
    deps: [note.py, ../../model.pkl]
    outs: [../note.txt]
  never:
    cmd: python3 score.py model.pkl never.txt
    deps: [model.pkl]
    outs: [never.txt]
metrics: [scores-new-york.txt]
plots:
  - scores-los-angeles.txt
artifacts:
  churn: {path: model.pkl, type: model}
""",
    "later/dvc.yaml": "stages:\n  later:\n    cmd: echo later\n    outs: [later.txt]\n",
}

NESTED = """\
stages:
  train:
    cmd: cp ../model.pkl model.bin && echo nested >> model.bin
    deps: [../model.pkl]
    outs: [model.bin]
"""


@dataclass(frozen=True)
class Zoo:
    """The finished repositories."""

    root: Path
    facts: dict[str, Any]

    def path(self, name: str) -> Path:
        """Return the folder of ``base``, ``shop`` or ``churn``."""
        return self.root / name


def zoo(factory: pytest.TempPathFactory) -> Zoo:
    """Return the repositories, built once for all test processes. Do not change them."""
    base = factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    root = shared / "dvczoo"
    with (shared / "dvczoo.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (root / "zoo.json").exists():
            root.mkdir()
            subprocess.run([sys.executable, __file__, str(root)], check=True, capture_output=True)
    return Zoo(root, json.loads((root / "zoo.json").read_text()))


class _Builder:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.clock = 1_780_000_000

    def enter(self, name: str, files: dict[str, str]) -> None:
        """Begin a repository with a DVC project, and stand in it."""
        folder = self.root / name
        folder.mkdir()
        os.chdir(folder)
        self.git("init", "--quiet", "--initial-branch", "main")
        self.dvc("init")
        for file, text in files.items():
            self.write(file, text)

    def write(self, file: str, text: str) -> None:
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        Path(file).write_text(text)

    def git(self, *arguments: str) -> str:
        self.clock += 60
        dates = dict.fromkeys(("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"), f"{self.clock} +0000")
        done = subprocess.run(
            ["git", *arguments],
            env={**os.environ, **dates},
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    def dvc(self, *arguments: str) -> None:
        from dvc.cli import main

        if main([*arguments, "--quiet"]):
            raise RuntimeError(f"dvc {' '.join(arguments)} failed")

    def commit(self, subject: str) -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", subject)
        return self.git("rev-parse", "HEAD")


def _md5(path: str) -> str:
    return hashlib.md5(Path(path).read_bytes(), usedforsecurity=False).hexdigest()


def build(root: Path) -> None:
    """Build the repositories below an empty folder."""
    from support.dvcworld import environment

    os.environ.update(environment(root))
    builder = _Builder(root)
    truth: dict[str, Any] = {}

    builder.enter("base", {"names.csv": "id,name\n1,ann\n"})
    builder.dvc("add", "names.csv")
    truth["base"] = builder.commit("Names")
    truth["names"] = _md5("names.csv")
    builder.write("names.csv", "id,name\n1,ann\n2,bob\n")
    builder.dvc("add", "names.csv")
    builder.commit("Newer names, which nobody imported")

    builder.enter("shop", SHOP)
    builder.write("raw/a.csv", "a,b\n1,2\n")
    builder.write("raw/deep/b.csv", "c,d\n3,4\n")
    builder.dvc("add", "raw")
    builder.dvc("import", str(root / "base"), "names.csv", "--rev", truth["base"])
    builder.dvc("repro")
    truth["shop"] = builder.commit("Clean")
    truth |= {"raw_a": _md5("raw/a.csv"), "raw_b": _md5("raw/deep/b.csv")}
    truth |= {"clean": _md5("clean.csv"), "vocab": _md5("vocab.txt")}
    builder.write("raw/a.csv", "a,b\n9,9\n")
    builder.dvc("add", "raw")
    builder.dvc("repro")
    builder.commit("Newer data, which nobody imported")

    builder.enter("churn", CHURN)
    Path("data").mkdir()
    for path, out in (
        ("clean.csv", "clean.csv"),
        ("names.csv", "names.csv"),
        ("vocab.txt", "vocab.txt"),
        ("raw/deep/b.csv", "part.csv"),
    ):
        address = os.path.relpath(root / "shop") if out == "names.csv" else str(root / "shop")
        builder.dvc("import", address, path, "-o", f"data/{out}", "--rev", truth["shop"])
    builder.dvc("unfreeze", "freeze")
    builder.dvc("repro", "freeze")
    builder.dvc("freeze", "freeze")
    builder.dvc("repro", "train", "score", "note")
    truth["first"] = {"weights": _md5("model.pkl"), "note": _md5("scoring/note.txt")}
    truth["scores"] = [_md5(f"scores-{name}.txt") for name in ("new-york", "los-angeles")]
    truth["first"]["commit"] = builder.commit("Train")
    builder.write("params.yaml", "c: 2.0\n")
    builder.dvc("repro", "train", "score", "note")
    truth["second"] = {"weights": _md5("model.pkl"), "commit": builder.commit("Train with 2")}
    builder.write("params.yaml", "c: 1.0\n")
    builder.dvc("repro", "train", "score", "note")
    truth["again"] = builder.commit("Back to 1: the run cache has it")
    builder.dvc("exp", "run", "--set-param", "c=7.0", "--name", "try", "train")
    truth["experiment"] = {"weights": _md5("model.pkl")}
    builder.git("checkout", "--quiet", "--", ".")
    builder.dvc("checkout", "--force", "model.pkl")
    _projects(builder, truth)
    (root / "zoo.json").write_text(json.dumps(truth, indent=1))


def _projects(builder: _Builder, truth: dict[str, Any]) -> None:
    """Add a nested project, and one as DVC 2 left it, to the repository ``churn``."""
    Path("nested").mkdir()
    os.chdir("nested")
    builder.dvc("init", "--subdir")
    builder.write("dvc.yaml", NESTED)
    builder.dvc("repro")
    truth["nested"] = _md5("model.bin")
    os.chdir("..")
    # Text was hashed with LF for CR LF, and the hash was not named.
    text = b"x,y\r\n1,2\r\n"
    raw = hashlib.md5(text.replace(b"\r\n", b"\n"), usedforsecurity=False).hexdigest()
    truth["old"] = {"raw": raw, "weights": "d" * 31 + "2"}
    builder.write("old/data.csv.dvc", f"outs:\n- md5: {raw}\n  size: 10\n  path: data.csv\n")
    builder.write(
        "old/dvc.lock",
        "train:\n  cmd: python train.py\n  deps:\n  - path: data.csv\n"
        f"    md5: {raw}\n  outs:\n  - path: model.pkl\n    md5: {truth['old']['weights']}\n",
    )
    truth["last"] = builder.commit("A nested project, and an old one")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    build(Path(sys.argv[1]).resolve())
