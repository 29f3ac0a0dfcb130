"""Generated repositories of which it is known what was really trained from what.

A team works for years in one repository: raw data changes, code changes, parameters change,
and now and then somebody trains. What each training read and made is written down when it
happens (``Training``); the repository only gets what such a team would commit, in DVC's
own format, by ``git fast-import``. The ways of working:

after        edit, train, commit: the run's tag names the parent commit
before       commit, train, commit the lock: the lock at the tag is stale
rerun        train and commit, then train again on that commit: the tag is right
branch       like after, on a branch that is merged
squash       like after, on a branch whose one commit on ``main`` is another one
experiment   a DVC experiment: its commit is held by ``refs/exps`` alone
untagged     from a notebook: no tag at all
uncommitted  changed data, trained, and neither data nor lock was ever committed
forced       data that the features do not show, trained by force, then committed
reserialized as after, but MLflow's copy of the weights has other bytes than DVC's
lost         as reserialized, and the metrics that would tell are not in git
ambiguous    the bytes of an earlier model, made from other data
beside       a small file of the model is another stage's out, the weights are not
second       in the second DVC project of the repository

Traps, in which something that agrees is not what the weights were made from:

retrained    an old parameter again on new data that the features do not show, nothing committed
reverted     the same, with the lock of it committed
parallel     on one of two branches that differ in such data only, both from the tagged commit
rebased      the same, with the branches put in line behind each other
rewritten    the same, and the tagged commit is on no branch any more
again        untagged, after such data was committed behind an unchanged stage
lying        data committed after a run whose clock was far ahead
equal        other data that comes to the same bytes as the lock at the tagged commit
relogged     an old model logged again, at a commit with a lock of which half ran on newer data
copied       a stage copies a model that was made elsewhere, and reads data to test it
hollow       the file that is the model is empty
sharded      of two files of the weights one is as in a lock, the smaller one is not
graphed      the graph is as in a lock, the variables are not
prepared     the preprocessor is as in a lock, the model in a text file is not
coincident   as lost, with ratios of a small test set and a constant among the metrics
twofold      as reserialized, and two locks with the same outs have different data
renamed      as after, with parameters logged as texts and under longer names

Part of the data is always imported from another repository. Every lock has what is the same
whatever ran: an empty source file beside an empty mark of a stage that reads other data, a
table without rows, a verdict of a check.
"""

from __future__ import annotations

import hashlib
import json
import random
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import yaml
from support.gitrepo import GitRepo

WAYS = {
    "after": 20,
    "before": 14,
    "rerun": 12,
    "branch": 10,
    "squash": 5,
    "experiment": 5,
    "untagged": 5,
    "uncommitted": 6,
    "forced": 3,
    "reserialized": 6,
    "lost": 3,
    "ambiguous": 3,
    "beside": 3,
    "second": 5,
}
"""How often each way is gone, in parts of a hundred; imports are mixed into all of them."""

TRAPS = (
    *("retrained", "reverted", "parallel", "rebased", "rewritten", "again", "lying", "equal"),
    *("relogged", "copied", "hollow", "sharded", "graphed", "prepared", "coincident", "twofold"),
    "renamed",
)
"""Each as often as the rarest way where they are asked for."""

SHARDS = 8
_Stage: TypeAlias = tuple[dict[str, str], dict[str, str], dict[str, Any]]
"""Dependencies, outs and parameters of a stage."""
_START = 1_700_000_000


@dataclass(frozen=True)
class Training:
    """One training as it really was, and what its run says."""

    way: str
    raw: frozenset[str]
    """Digests of the raw data that it read: the truth."""
    artifacts: dict[str, bytes]
    tag: str
    params: dict[str, str]
    metrics: dict[str, float]
    started_at: int
    """UTC milliseconds."""


@dataclass
class Truth:
    """The repositories with all trainings."""

    repository: Path
    upstream: Path
    trainings: list[Training]
    commits: int


def build(
    folder: Path, trainings: int, commits: int, seed: int = 1, *, traps: bool = False
) -> Truth:
    """Build a history of about ``commits`` commits with ``trainings`` trainings.

    ``traps`` mixes those in; what the tool can know of other trainings suffers by them.
    """
    ways = WAYS | dict.fromkeys(TRAPS if traps else (), 3)
    return _Team(folder, random.Random(seed)).work(trainings, commits, ways)


def md5(content: bytes | str) -> str:
    data = content.encode() if isinstance(content, str) else content
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


@dataclass
class _Project:
    """One DVC project as it stands in the working tree of the team."""

    base: str
    seen: int = 0
    """The part of the raw data that features show."""
    unseen: int = 0
    images: int = 0
    reference: int = 0
    code: int = 0
    prepare: int = 0
    c: float = 1.0
    lock: str = ""
    metrics: str = "{}"
    committed: dict[str, bytes] = field(default_factory=dict)
    more: dict[str, _Stage] = field(default_factory=dict)
    """Further stages of its lock."""

    @property
    def people(self) -> str:
        """What no model is made from."""
        return f"people {self.base} {self.seen // 3}\n"

    @property
    def raw(self) -> str:
        return f"raw {self.base} {self.seen} {self.unseen}\n"

    def raw_digests(self, imported: str) -> frozenset[str]:
        own = {md5(self.raw), md5(self.images_list)[:32] + ".dir"}
        return frozenset(own | ({imported} if imported else set()))

    @property
    def images_list(self) -> str:
        members = [
            {"md5": md5(f"image {self.base} {i} {self.images if i == 3 else 0}"), "relpath": f"{i}"}
            for i in range(5)
        ]
        return json.dumps(members, sort_keys=True)


class _Team:
    def __init__(self, folder: Path, dice: random.Random) -> None:
        self.dice = dice
        self.folder = folder
        self.clock = _START
        self.importer = _Importer(folder / "models")
        self.upstream = GitRepo(folder / "upstream")
        self.imports: list[tuple[str, str]] = []
        self.projects = {base: _Project(base, code=1, prepare=1) for base in ("", "second/")}
        self.trainings: list[Training] = []
        self.experiments = 0
        self.models: list[tuple[bytes, _Project]] = []

    # --- the history --------------------------------------------------------------------

    def work(self, trainings: int, commits: int, parts: dict[str, int]) -> Truth:
        for generation in range(6):
            digest = md5(f"reference {generation}\n")
            text = f"outs:\n- md5: '{digest}'\n  size: 12\n  hash: md5\n  path: reference.csv\n"
            self.imports.append((digest, self.upstream.commit({"reference.csv.dvc": text})))
        for project in self.projects.values():
            self._edit(project)
            self._commit("main", "Begin", project)
        ways = self.dice.choices(list(parts), list(parts.values()), k=trainings)
        for done, way in enumerate(ways):
            quiet = commits * done // trainings - self.importer.count
            for _ in range(max(0, min(quiet, 12))):
                self._commit("main", "Tidy", None)
            project = self.projects["second/" if way == "second" else ""]
            getattr(self, f"_{'after' if way == 'second' else way}")(project, way)
        while self.importer.count < commits:
            self._commit("main", "Tidy", None)
        self.importer.finish()
        return Truth(
            self.folder / "models", self.upstream.path, self.trainings, self.importer.count
        )

    def _edit(self, project: _Project, *, unseen: bool = False) -> None:
        """Change what a team changes between two trainings: parameters always."""
        if unseen:
            project.unseen += 1
            return
        project.c = round(project.c + self.dice.choice((0.25, 0.5, 0.125)), 3)
        if self.dice.random() < 0.6:
            project.seen += 1
        if self.dice.random() < 0.25:
            project.images += 1
        if self.dice.random() < 0.2:
            project.reference = self.dice.randrange(len(self.imports))
        if self.dice.random() < 0.3:
            project.code += 1
        if self.dice.random() < 0.1:
            project.prepare += 1

    def _features(self, project: _Project) -> bytes:
        images, reference = project.images, self.imports[project.reference][0]
        return f"{project.base}{project.seen}|{images}|{reference}|{project.prepare}".encode()

    def _train(self, project: _Project) -> bytes:
        """Run the pipeline: write lock and metrics into the tree, return the weights."""
        model = _spread(b"%s|%s|%d" % (self._features(project), b"%r" % project.c, project.code))
        loss = int(md5(model)[:12], 16) / 16**12
        hits = int(md5(model)[12:16], 16) % 40
        project.metrics = json.dumps(
            {
                "loss": loss,
                "accuracy": round(loss, 1),
                "rows": 1000,
                "precision": hits / 41,
                "recall": hits / 43,
                "rate": 0.0123456789012345,
            }
        )
        project.lock = self._lock(project, model)
        return model

    def _lock(self, project: _Project, model: bytes) -> str:
        features = self._features(project)
        shards = {
            f"data/shards/{i}.csv": md5(b"%s shard %d" % (features, i)) for i in range(SHARDS)
        }
        digest, _ = self.imports[project.reference]
        stages = {
            "prepare": (
                {
                    "data/raw.csv": md5(project.raw),
                    "data/images": md5(project.images_list) + ".dir",
                    "data/reference.csv": digest,
                    "src/prepare.py": md5(f"prepare {project.prepare}\n"),
                },
                {
                    "data/prepared.csv": md5(features + b" prepared"),
                    "encoder.json": md5(_ENCODER),
                    "data/rejected.csv": md5(""),
                    "preprocessor.pkl": md5(_preprocessor(features)),
                },
                {},
            ),
            "check": ({"data/raw.csv": md5(project.raw)}, {"checked.txt": md5("good\n")}, {}),
            "notify": ({"data/people.csv": md5(project.people)}, {"sent": md5("")}, {}),
            **{
                f"shard@{i}": (
                    {"data/prepared.csv": md5(features + b" prepared")},
                    {path: value},
                    {},
                )
                for i, (path, value) in enumerate(shards.items())
            },
            "train": (
                {
                    "checked.txt": md5("good\n"),
                    "data/rejected.csv": md5(""),
                    **shards,
                    "src/__init__.py": md5(""),
                    "src/train.py": md5(f"train {project.code}\n"),
                },
                {"model.pkl": md5(model), "saved_model.pb": md5(_graph(project))},
                {"train.C": project.c, "train.seed": 42},
            ),
            "evaluate": (
                {"model.pkl": md5(model), "data/prepared.csv": md5(features + b" prepared")},
                {"metrics.json": md5(project.metrics)},
                {},
            ),
        }
        return _lock_text(stages | project.more)

    # --- the ways -----------------------------------------------------------------------

    def _after(self, project: _Project, way: str) -> None:
        self._edit(project)
        tag = self.importer.tip("main")
        model = self._train(project)
        self._ran(project, way, tag, {"model.pkl": model})
        self._commit("main", "Train", project)

    def _before(self, project: _Project, way: str) -> None:
        self._edit(project)
        kept = project.lock, project.metrics
        self._commit("main", "Change", project)
        tag = self.importer.tip("main")
        project.lock, project.metrics = kept
        self._ran(project, way, tag, {"model.pkl": self._train(project)})
        self._commit("main", "Train", project)

    def _rerun(self, project: _Project, way: str) -> None:
        self._edit(project)
        model = self._train(project)
        self._commit("main", "Train", project)
        self._ran(project, way, self.importer.tip("main"), {"model.pkl": model})

    def _branch(self, project: _Project, way: str) -> None:
        self._edit(project)
        tag = self.importer.tip("main")
        name = f"work-{len(self.trainings)}"
        self._ran(project, way, tag, {"model.pkl": self._train(project)})
        self._commit(name, "Train", project, onto=tag)
        self._commit("main", "Tidy", None)
        self._commit("main", f"Merge pull request #{len(self.trainings)}", project, merge=name)

    def _squash(self, project: _Project, way: str) -> None:
        self._edit(project)
        base = self.importer.tip("main")
        name = f"gone-{len(self.trainings)}"
        self._commit(name, "Work", None, onto=base)
        tag = self.importer.tip(name)
        self._ran(project, way, tag, {"model.pkl": self._train(project)})
        self._commit("main", f"Train (#{len(self.trainings)})", project)
        self.importer.forget(name)

    def _experiment(self, project: _Project, way: str) -> None:
        before = (project.c, project.lock, project.metrics)
        tag = self.importer.tip("main")
        project.c = round(project.c + 100 + self.experiments, 3)
        self._ran(project, way, tag, {"model.pkl": self._train(project)})
        self.experiments += 1
        ref = f"refs/exps/{tag[:2]}/{tag[2:]}/try-{self.experiments}"
        self._commit(ref, "dvc: commit experiment", project, onto=tag, keep=False)
        project.c, project.lock, project.metrics = before

    def _untagged(self, project: _Project, way: str) -> None:
        self._edit(project)
        self._ran(project, way, "", {"model.pkl": self._train(project)})
        self._commit("main", "Train", project)

    def _uncommitted(self, project: _Project, way: str) -> None:
        """Train on other data with the same parameters, and throw the tree away."""
        kept = (project.seen, project.lock, project.metrics)
        project.seen += 1000 + len(self.trainings)
        tag = self.importer.tip("main")
        self._ran(project, way, tag, {"model.pkl": self._train(project)})
        project.seen, project.lock, project.metrics = kept

    def _forced(self, project: _Project, way: str) -> None:
        self._edit(project, unseen=True)
        tag = self.importer.tip("main")
        self._ran(project, way, tag, {"model.pkl": self._train(project)})
        self._commit("main", "Train", project)

    def _reserialized(self, project: _Project, way: str) -> None:
        self._edit(project)
        tag = self.importer.tip("main")
        model = self._train(project)
        self._ran(project, way, tag, {"model.pkl": b"joblib " + model})
        self._commit("main", "Train", project)

    def _lost(self, project: _Project, way: str) -> None:
        """Like uncommitted, with weights of another form and coarse metrics."""
        kept = (project.seen, project.lock, project.metrics)
        project.seen += 5000 + len(self.trainings)
        tag = self.importer.tip("main")
        model = self._train(project)
        coarse = {"accuracy": json.loads(kept[2]).get("accuracy", 0.5), "rows": 1000.0}
        self._ran(project, way, tag, {"model.pkl": b"joblib " + model}, coarse)
        project.seen, project.lock, project.metrics = kept

    def _ambiguous(self, project: _Project, way: str) -> None:
        """Make the bytes of the model once more from other raw data, in a lock of its own."""
        self._edit(project)
        model = self._train(project)
        self._commit("main", "Train", project)
        truth = project.raw_digests(self.imports[project.reference][0])
        project.seen += 1
        project.lock = self._lock(project, model)
        self._commit("main", "Train", project)
        self._ran(project, way, "", {"model.pkl": model}, raw=truth)

    def _beside(self, project: _Project, way: str) -> None:
        """The encoder is an out of every lock's first stage, the weights are of none."""
        kept = (project.seen, project.lock, project.metrics)
        project.seen += 9000 + len(self.trainings)
        model = self._train(project)
        artifacts = {"model.pkl": model, "encoder.json": _ENCODER}
        self._ran(project, way, self.importer.tip("main"), artifacts)
        project.seen, project.lock, project.metrics = kept

    # --- the traps ----------------------------------------------------------------------

    def _begin(self, project: _Project, subject: str = "Train") -> bytes:
        """Make and commit a model that something after it will look like."""
        self._edit(project)
        model = self._train(project)
        self._commit("main", subject, project)
        return model

    def _other_c(self, project: _Project) -> float:
        """Change a parameter with data that is not seen, and return the old one."""
        old = project.c
        project.c = round(project.c + 0.375, 3)
        project.unseen += 1
        self._train(project)
        self._commit("main", "Train", project)
        return old

    def _retrained(self, project: _Project, way: str) -> None:
        self._begin(project)
        old = self._other_c(project)
        kept = (project.c, project.lock, project.metrics)
        project.c = old
        self._ran(project, way, self.importer.tip("main"), {"model.pkl": self._train(project)})
        project.c, project.lock, project.metrics = kept

    def _reverted(self, project: _Project, way: str) -> None:
        self._begin(project)
        project.c = self._other_c(project)
        self._ran(project, way, self.importer.tip("main"), {"model.pkl": self._train(project)})
        self._commit("main", "Revert", project)

    def _parallel(self, project: _Project, way: str) -> None:
        base = self.importer.tip("main")
        self._begin(project)
        project.unseen += 1
        self._ran(project, way, base, {"model.pkl": self._train(project)})
        name = f"side-{len(self.trainings)}"
        self._commit(name, "Train", project, onto=base, keep=False)
        project.unseen -= 1
        self._train(project)

    def _rebased(self, project: _Project, way: str) -> None:
        base = self.importer.tip("main")
        self._begin(project)
        project.unseen += 1
        self._ran(project, way, base, {"model.pkl": self._train(project)})
        self._commit("main", "Train on the other branch", project)

    def _rewritten(self, project: _Project, way: str) -> None:
        name = f"old-{len(self.trainings)}"
        self._commit(name, "Work", None, onto=self.importer.tip("main"))
        tag = self.importer.tip(name)
        self._begin(project)
        project.unseen += 1
        self._ran(project, way, tag, {"model.pkl": self._train(project)})
        self._commit("main", "Train (rebased)", project)
        self.importer.forget(name)

    def _again(self, project: _Project, way: str) -> None:
        self._begin(project)
        project.unseen += 1
        model = self._train(project)
        self._commit("main", "Train", project)
        self._ran(project, way, "", {"model.pkl": model})

    def _lying(self, project: _Project, way: str) -> None:
        self._begin(project)
        project.unseen += 1
        tag = self.importer.tip("main")
        model = self._train(project)
        self._ran(project, way, tag, {"model.pkl": model}, ahead=10**7)
        self._commit("main", "Train", project)

    def _equal(self, project: _Project, way: str) -> None:
        model = self._begin(project)
        tag = self.importer.tip("main")
        project.seen += 1
        project.lock = self._lock(project, model)
        self._ran(project, way, tag, {"model.pkl": model})
        self._commit("main", "Train", project)

    def _relogged(self, project: _Project, way: str) -> None:
        model = self._begin(project)
        truth = project.raw_digests(self.imports[project.reference][0])
        old = yaml.safe_load(project.lock)
        project.seen += 1
        new = yaml.safe_load(self._lock(project, model))
        kept = project.lock
        for name in ("train", "evaluate", *(f"shard@{i}" for i in range(SHARDS))):
            new["stages"][name] = old["stages"][name]
        project.lock = yaml.safe_dump(new, sort_keys=False)
        self._commit("main", "Prepare", project)
        self._ran(project, way, self.importer.tip("main"), {"model.pkl": model}, raw=truth)
        project.lock = kept

    def _copied(self, project: _Project, way: str) -> None:
        model = _spread(b"elsewhere %d" % len(self.trainings))
        deps = {"given/model.pkl": md5(model), "data/people.csv": md5(project.people)}
        project.more = {"deploy": (deps, {"deploy/model.pkl": md5(model)}, {})}
        self._begin(project)
        project.more = {}
        nothing = frozenset({"of which nothing is known"})
        tag = self.importer.tip("main")
        self._ran(project, way, tag, {"model.pkl": model}, raw=nothing)

    def _hollow(self, project: _Project, way: str) -> None:
        tag = self.importer.tip("main")
        self._ran(project, way, tag, {"model.pkl": b""}, {}, raw=frozenset({"none"}))

    def _beside_other(self, project: _Project, way: str, *files: tuple[str, bytes]) -> None:
        """Log files of the committed model with one that was made from data never committed."""
        tag = self.importer.tip("main")
        project.seen += 20_000 + len(self.trainings)
        truth = project.raw_digests(self.imports[project.reference][0])
        project.seen -= 20_000 + len(self.trainings)
        self._ran(project, way, tag, dict(files), raw=truth)

    def _sharded(self, project: _Project, way: str) -> None:
        model, other = self._begin(project), f"shard {len(self.trainings)}".encode()
        self._beside_other(project, way, ("model.pkl", model), ("model-2.pkl", other))

    def _graphed(self, project: _Project, way: str) -> None:
        self._begin(project)
        variables = ("variables/variables.data-00000-of-00001", _spread(b"%d" % self.clock))
        self._beside_other(project, way, ("saved_model.pb", _graph(project)), variables)

    def _prepared(self, project: _Project, way: str) -> None:
        self._begin(project)
        preprocessor = _preprocessor(self._features(project))
        text = f"tree {len(self.trainings)}".encode()
        self._beside_other(project, way, ("preprocessor.pkl", preprocessor), ("model.txt", text))

    def _coincident(self, project: _Project, way: str) -> None:
        self._begin(project)
        kept = (project.seen, project.lock, project.metrics)
        project.seen += 30_000 + len(self.trainings)
        model = self._train(project)
        committed = json.loads(kept[2])
        same = {name: committed[name] for name in ("accuracy", "precision", "recall", "rate")}
        tag = self.importer.tip("main")
        self._ran(project, way, tag, {"model.pkl": b"joblib " + model}, same)
        project.seen, project.lock, project.metrics = kept

    def _twofold(self, project: _Project, way: str) -> None:
        self._begin(project)
        project.seen += 1
        features, metrics = project.seen, project.metrics
        model = _spread(b"twofold %d" % len(self.trainings))
        for seen in (features, features + 1):
            project.seen, project.metrics = seen, metrics
            project.c = round(500 + len(self.trainings) / 100, 3)
            project.lock = self._lock(project, model)
            self._commit("main", "Train", project)
        tag = self.importer.tip("main")
        self._ran(project, way, tag, {"model.pkl": b"joblib " + model})
        project.c = round(project.c - 499, 3)
        self._begin(project)

    def _renamed(self, project: _Project, way: str) -> None:
        self._edit(project)
        tag = self.importer.tip("main")
        params = {"config/train/C": f"{project.c:.6f}", "data.C": "7", "train__seed": " 42 "}
        self._ran(project, way, tag, {"model.pkl": self._train(project)}, params=params)
        self._commit("main", "Train", project)

    # --- what stays ---------------------------------------------------------------------

    def _ran(
        self,
        project: _Project,
        way: str,
        tag: str,
        artifacts: dict[str, bytes],
        metrics: dict[str, float] | None = None,
        *,
        raw: frozenset[str] | None = None,
        params: dict[str, str] | None = None,
        ahead: int = 0,
    ) -> None:
        self.clock += 60
        if metrics is None:
            metrics = {key: float(value) for key, value in json.loads(project.metrics).items()}
        self.trainings.append(
            Training(
                way,
                raw or project.raw_digests(self.imports[project.reference][0]),
                artifacts,
                tag,
                params or {"C": str(project.c), "seed": "42"},
                metrics,
                (self.clock + ahead) * 1000,
            )
        )

    def _commit(
        self,
        branch: str,
        subject: str,
        project: _Project | None,
        *,
        onto: str = "",
        merge: str = "",
        keep: bool = True,
    ) -> None:
        self.clock += 60
        files: dict[str, bytes] = {}
        if project is None:
            files["NOTES.md"] = f"{self.clock}\n".encode()
        else:
            whole = self._tree(project)
            files = {
                path: data
                for path, data in whole.items()
                if project.committed.get(path) != data or merge or onto
            }
            if keep:
                project.committed = whole
        self.importer.commit(branch, subject, self.clock, files, onto, merge)

    def _tree(self, project: _Project) -> dict[str, bytes]:
        digest, revision = self.imports[project.reference]
        images = md5(project.images_list)
        texts = {
            "params.yaml": f"train:\n  C: {project.c}\n  seed: 42\n",
            "src/train.py": f"train {project.code}\n",
            "src/prepare.py": f"prepare {project.prepare}\n",
            "src/__init__.py": "",
            "dvc.yaml": "stages:\n  prepare:\n    cmd: python src/prepare.py\n",
            "data/raw.csv.dvc": f"outs:\n- md5: '{md5(project.raw)}'\n  size: 9\n  hash: md5\n"
            "  path: raw.csv\n",
            "data/people.csv.dvc": f"outs:\n- md5: '{md5(project.people)}'\n  size: 9\n"
            "  hash: md5\n  path: people.csv\n",
            "data/images.dvc": f"outs:\n- md5: '{images}.dir'\n  size: 9\n  nfiles: 5\n"
            "  hash: md5\n  path: images\n",
            "data/reference.csv.dvc": "deps:\n- path: reference.csv\n  repo:\n"
            f"    url: {self.upstream.path}\n    rev_lock: {revision}\n"
            f"outs:\n- md5: '{digest}'\n  size: 12\n  hash: md5\n  path: reference.csv\n",
            "metrics.json": project.metrics,
            **({"dvc.lock": project.lock} if project.lock else {}),
        }
        return {project.base + path: text.encode() for path, text in texts.items()}


class _Importer:
    """Writes a history by ``git fast-import``, and knows the commits' SHAs when they are made."""

    def __init__(self, path: Path) -> None:
        self.repository = GitRepo(path)
        self.count = 0
        self.tips: dict[str, str] = {}
        self.marks: dict[str, int] = {}
        self.forgotten: list[str] = []
        self.process = subprocess.Popen(
            ["git", "fast-import", "--quiet", "--done"],
            cwd=path,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=self.repository.environment(),
        )

    def tip(self, branch: str) -> str:
        return self.tips[branch]

    def forget(self, branch: str) -> None:
        self.forgotten.append(branch)

    def commit(
        self, branch: str, subject: str, at: int, files: dict[str, bytes], onto: str, merge: str
    ) -> None:
        self.count += 1
        ref = branch if branch.startswith("refs/") else f"refs/heads/{branch}"
        person = f"alice <alice@example.org> {at} +0000"
        lines = [f"commit {ref}", f"mark :{self.count}", f"author {person}", f"committer {person}"]
        lines += [f"data {len(subject.encode())}", subject]
        parent = onto or self.tips.get(branch, "")
        lines += [f"from :{self.marks[parent]}"] if parent else []
        lines += [f"merge :{self.marks[self.tips[merge]]}"] if merge else []
        stream = "\n".join(lines).encode() + b"\n"
        for path, data in files.items():
            stream += b"M 100644 inline %s\ndata %d\n%s\n" % (path.encode(), len(data), data)
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(stream + b"\nget-mark :%d\n" % self.count)
        self.process.stdin.flush()
        sha = self.process.stdout.readline().decode().strip()
        self.tips[branch] = sha
        self.marks[sha] = self.count

    def finish(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(b"done\n")
        self.process.stdin.close()
        if self.process.wait():
            raise RuntimeError("git fast-import failed")
        for branch in self.forgotten:
            self.repository.git("update-ref", "-d", f"refs/heads/{branch}")
        self.repository.git("reset", "--quiet", "--hard")


_ENCODER = b'{"classes": ["no", "yes"]}'


def _graph(project: _Project) -> bytes:
    """Return what is the same of all models with a parameter."""
    return f"graph {project.base} {project.c}".encode()


def _preprocessor(features: bytes) -> bytes:
    return b"preprocessor " * 20 + features


def _spread(seed: bytes) -> bytes:
    return hashlib.sha512(seed).digest() * 16


def _lock_text(stages: dict[str, _Stage]) -> str:
    return "\n".join(["schema: '2.0'", "stages:", *_lines(stages)]) + "\n"


def _lines(
    stages: dict[str, _Stage],
) -> Iterator[str]:
    for name, (deps, outs, params) in stages.items():
        yield f"  {name}:"
        yield f"    cmd: python src/{name.partition('@')[0]}.py"
        for kind, paths in (("deps", deps), ("outs", outs)):
            yield f"    {kind}:"
            for path, digest in paths.items():
                yield from (f"    - path: {path}", "      hash: md5", f"      md5: '{digest}'")
        if params:
            yield from ("    params:", "      params.yaml:")
            yield from (f"        {key}: {value}" for key, value in params.items())
