"""A team in a generated repository: what stands in its tree, what it runs and commits."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from support.fastimport import Importer
from support.gitrepo import GitRepo

SHARDS = 8
Stage: TypeAlias = tuple[dict[str, str], dict[str, str], dict[str, Any]]
"""Dependencies, outs and parameters of a stage."""
START = 1_700_000_000


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


def md5(content: bytes | str) -> str:
    data = content.encode() if isinstance(content, str) else content
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


@dataclass
class Project:
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
    more: dict[str, Stage] = field(default_factory=dict)
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


class Team:
    def __init__(self, folder: Path, dice: random.Random) -> None:
        self.dice = dice
        self.folder = folder
        self.clock = START
        self.importer = Importer(folder / "models")
        self.upstream = GitRepo(folder / "upstream")
        self.imports: list[tuple[str, str]] = []
        self.projects = {base: Project(base, code=1, prepare=1) for base in ("", "second/")}
        self.trainings: list[Training] = []
        self.experiments = 0
        self.models: list[tuple[bytes, Project]] = []

    # --- the history --------------------------------------------------------------------

    def work(self, trainings: int, commits: int, parts: dict[str, int]) -> None:
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

    def _edit(self, project: Project, *, unseen: bool = False) -> None:
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

    def _features(self, project: Project) -> bytes:
        images, reference = project.images, self.imports[project.reference][0]
        return f"{project.base}{project.seen}|{images}|{reference}|{project.prepare}".encode()

    def _train(self, project: Project) -> bytes:
        """Run the pipeline: write lock and metrics into the tree, return the weights."""
        model = spread(b"%s|%s|%d" % (self._features(project), b"%r" % project.c, project.code))
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

    def _lock(self, project: Project, model: bytes) -> str:
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
                    "encoder.json": md5(ENCODER),
                    "data/rejected.csv": md5(""),
                    "preprocessor.pkl": md5(preprocessor(features)),
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
                {"model.pkl": md5(model), "saved_model.pb": md5(graph(project))},
                {"train.C": project.c, "train.seed": 42},
            ),
            "evaluate": (
                {"model.pkl": md5(model), "data/prepared.csv": md5(features + b" prepared")},
                {"metrics.json": md5(project.metrics)},
                {},
            ),
        }
        return lock_text(stages | project.more)

    # --- what stays ---------------------------------------------------------------------

    def _ran(
        self,
        project: Project,
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
        project: Project | None,
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

    def _tree(self, project: Project) -> dict[str, bytes]:
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


ENCODER = b'{"classes": ["no", "yes"]}'


def graph(project: Project) -> bytes:
    """Return what is the same of all models with a parameter."""
    return f"graph {project.base} {project.c}".encode()


def preprocessor(features: bytes) -> bytes:
    return b"preprocessor " * 20 + features


def spread(seed: bytes) -> bytes:
    return hashlib.sha512(seed).digest() * 16


def lock_text(stages: dict[str, Stage]) -> str:
    return "\n".join(["schema: '2.0'", "stages:", *_lines(stages)]) + "\n"


def _lines(
    stages: dict[str, Stage],
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
