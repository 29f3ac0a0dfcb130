"""Builds one project of the story: its commits, DVC pipeline, trainings and pushes.

Runs as a process of its own (``python -m audit.demo.repository DIR PROJECT
SEASON``), for
DVC is used as a library here, and that reads the process's environment and folder.
Leaves a record of every training in ``<scratch>/<project>-<season>.json``.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import yaml

from audit.demo import shell, story, tables
from audit.demo.story import HOUR, MINUTE, Project, Season, Training, Workflow
from audit.errors import AuditError

FILES = Path(__file__).parent / "files"
_PACKAGES = ("cloudpickle", "mlflow", "numpy", "pandas", "scikit-learn")
_DVC_CONFIG = """\
[core]
    remote = store
['remote "store"']
    url = ../../remotes/{name}
"""


@dataclasses.dataclass(frozen=True, slots=True)
class Trained:
    """What one training left behind, in the order of the runs of its experiment."""

    at: int
    """UTC milliseconds of the story."""
    registered: bool
    workflow: str
    tagged: str
    """Commit that was checked out when the training ran."""
    lock: str
    """Commit that holds its lock; empty for a trial that training again replaced."""
    weights_md5: str
    """Of the model file, as the lock has it."""
    raw: dict[str, str]
    """Raw table to the MD5 that its ``.dvc`` file had."""


@dataclasses.dataclass(frozen=True, slots=True)
class Workshop:
    """One project's repository, and what is done in it."""

    project: Project
    folder: Path

    def git(self, *arguments: str, at: int | None = None, by: str = "") -> str:
        """Return what git prints; the project's author by default."""
        return shell.git(self.folder, *arguments, by=by or self.project.author, at=at)

    def commit(self, subject: str, at: int) -> str:
        """Commit the whole tree and return the commit's SHA."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", subject, at=at)
        return self.head()

    def head(self) -> str:
        """Return the SHA that is checked out."""
        return self.git("rev-parse", "HEAD")

    def found(self) -> None:
        """Make the repository with its first commit, which holds no data yet."""
        from dvc.repo import Repo

        name = self.project.name
        shell.git(self.folder.parent, "init", "--quiet", "--initial-branch=main", name)
        self.git("remote", "add", "origin", f"https://git.example.org/models/{name}.git")
        Repo.init(".").close()
        Path(".dvc/config").write_text(_DVC_CONFIG.format(name=name), encoding="utf-8")
        lay_out(name, self.folder)
        self.commit(f"Start the {name} pipeline", story.moment(self.project.founded))

    def change(self, training: Training) -> None:
        """Make the changes that go before a training."""
        if training.branch:
            self.git("switch", "--quiet", "--create", training.branch)
        for edit in training.edits:
            path = self.folder / edit.path
            text, old = path.read_text(encoding="utf-8"), _filled(edit.old)
            if text.count(old) != 1:
                raise AuditError("the demo's story does not fit its files", where=edit.path)
            path.write_text(text.replace(old, _filled(edit.new)), encoding="utf-8")
        for name, edition in (training.raw or {}).items():
            path = self.folder / "data/raw" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(tables.table(name, edition), encoding="utf-8")
            with _dvc() as dvc:
                dvc.add(str(path.relative_to(self.folder)))
        if story.Oddity.UNTRACKED_INPUT in training.oddities:
            feed = tables.table("vendor_feed.csv", 1)
            (self.folder / "data/vendor_feed.csv").write_text(feed, encoding="utf-8")

    def fit(self, *, register: bool, again: bool = False) -> None:
        """Bring the pipeline up to date; ``again`` trains once more from the same state."""
        os.environ.pop("REGISTER_AS", None)
        if register:
            os.environ["REGISTER_AS"] = self.project.name
        with _dvc() as dvc:
            if again:
                dvc.reproduce("train", single_item=True, force=True)
            else:
                dvc.reproduce()

    def train(self, training: Training) -> Iterator[Trained]:
        """Do one training the way its workflow has it, and yield what it left."""
        at, subject = story.moment(training.at), training.subject
        self.change(training)
        if training.workflow is Workflow.BEFORE:
            self.commit(subject, at - 20 * MINUTE)
        trial = training.workflow is Workflow.RERUN
        tagged = self.head()
        self.fit(register=not trial)
        if trial:
            yield self.trained(training, at - HOUR, tagged, "", registered=False)
            tagged = lock = self.commit(subject, at - 30 * MINUTE)
            self.fit(register=True, again=True)
            if self.git("status", "--porcelain"):
                raise AuditError("training again gave other weights", where=str(self.folder))
        elif training.workflow is Workflow.BEFORE:
            lock = self.commit("Update the lock and the metrics", at + 15 * MINUTE)
        else:
            lock = self.commit(subject, at + 25 * MINUTE)
        yield self.trained(training, at, tagged, lock, registered=True)
        self.finish(training, at)

    def trained(
        self, training: Training, at: int, tagged: str, lock: str, *, registered: bool
    ) -> Trained:
        """Return the record of the training whose results stand in the tree."""
        stages = yaml.safe_load(Path("dvc.lock").read_text(encoding="utf-8"))["stages"]
        (weights,) = (out for out in stages["train"]["outs"] if out["path"] == "models/model.pkl")
        raw = {
            path.stem: yaml.safe_load(path.read_text(encoding="utf-8"))["outs"][0]["md5"]
            for path in sorted(Path("data/raw").glob("*.dvc"))
        }
        return Trained(at, registered, training.workflow, tagged, lock, weights["md5"], raw)

    def finish(self, training: Training, at: int) -> None:
        """Push the data and, after work on a branch, go back to main."""
        with _dvc() as dvc:
            dvc.push()
        if not training.branch:
            return
        self.git("switch", "--quiet", "main")
        if training.pull_request:
            subject = f"Merge pull request #{training.pull_request} from models/{training.branch}"
            self.git(
                "merge", "--no-ff", "--message", subject, training.branch,
                at=at + 22 * HOUR, by="carol",
            )  # fmt: skip
            self.git("branch", "--delete", training.branch)
        else:
            with _dvc() as dvc:
                dvc.checkout(force=True)

    def backtest(self) -> None:
        """Score a registered version again, as monitoring does. Raises ``AuditError``."""
        version = str(self.project.backtested)
        arguments = (sys.executable, "src/backtest.py", self.project.name, version)
        done = subprocess.run(arguments, stdin=subprocess.DEVNULL, check=False)
        if done.returncode:
            raise AuditError("the backtest failed", where=str(self.folder))

    def lose(self, digest: str) -> None:
        """Delete a data object from the remote and the cache, as ``dvc gc --cloud`` does."""
        for store in (self.folder.parent / "remotes" / self.project.name, Path(".dvc/cache")):
            (store / "files/md5" / digest[:2] / digest[2:]).unlink()


@contextlib.contextmanager
def _dvc() -> Iterator[Any]:
    """Give DVC's repository for the present folder, opened anew: it remembers what it read."""
    from dvc.repo import Repo

    with contextlib.closing(Repo(".")) as dvc:
        yield dvc


def _filled(text: str) -> str:
    """Return a text with ``{package}`` replaced by the installed version of each package."""
    for package in _PACKAGES:
        if f"{{{package}}}" in text:
            text = text.replace(f"{{{package}}}", metadata.version(package))
    return text


def lay_out(name: str, target: Path) -> None:
    """Write the template files ``files/<name>`` to ``target``.

    A template ends in ``.txt``, so that it is no code of this package; ``dot.`` stands
    for a leading dot.
    """
    for template in sorted((FILES / name).rglob("*.txt")):
        relative = template.relative_to(FILES / name)
        path = target / relative.with_name(relative.stem.replace("dot.", ".", 1))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_filled(template.read_text(encoding="utf-8")), encoding="utf-8")


def build(folder: Path, name: str, season: Season, progress: Callable[[str], None]) -> None:
    """Do a season's work on the project ``name`` in ``folder``. Raises ``AuditError``."""
    project = story.PROJECTS[name]
    workshop = Workshop(project, folder / name)
    workshop.folder.mkdir(exist_ok=True)
    os.chdir(workshop.folder)
    os.environ.update(LOGNAME=project.author, USER=project.author)
    if season is Season.SPRING:
        workshop.found()
    records: list[Trained] = []
    for version, training in enumerate(project.trainings, 1):
        if season.has(training.at):
            records += workshop.train(training)
            progress(f"{training.at[:10]} {name} v{version}: {training.subject}")
    os.environ.update(LOGNAME="monitoring", USER="monitoring")
    if season.has(project.backtest):
        workshop.backtest()
    if season is Season.SPRING and name == story.RAW_LOST[0]:
        workshop.lose(records[story.RAW_LOST[1] - 1].raw[story.RAW_LOST[2]])
    record = json.dumps([dataclasses.asdict(trained) for trained in records], indent=1)
    (shell.scratch_of(folder) / f"{name}-{season}.json").write_text(record, encoding="utf-8")


def main() -> None:
    """Do the season's work that the command line names; progress goes to stdout."""
    folder, name, season = sys.argv[1:]
    # What stage commands print belongs in the log, only progress on the old stdout.
    with os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1) as out:
        os.dup2(2, 1)
        build(Path(folder), name, Season(season), lambda line: print(line, file=out))


if __name__ == "__main__":
    main()
