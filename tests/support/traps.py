"""Trainings of which something agrees with what the weights were not made from."""

from __future__ import annotations

import json

import yaml
from support.team import SHARDS, Project, graph, md5, preprocessor, spread
from support.ways import Ways


class Traps(Ways):
    """Each method is one trap: ``truth`` says what each of them is."""

    def _begin(self, project: Project, subject: str = "Train") -> bytes:
        """Make and commit a model that something after it will look like."""
        self._edit(project)
        model = self._train(project)
        self._commit("main", subject, project)
        return model

    def _other_c(self, project: Project) -> float:
        """Change a parameter with data that is not seen, and return the old one."""
        old = project.c
        project.c = round(project.c + 0.375, 3)
        project.unseen += 1
        self._train(project)
        self._commit("main", "Train", project)
        return old

    def _retrained(self, project: Project, way: str) -> None:
        self._begin(project)
        old = self._other_c(project)
        kept = (project.c, project.lock, project.metrics)
        project.c = old
        self._ran(project, way, self.importer.tip("main"), {"model.pkl": self._train(project)})
        project.c, project.lock, project.metrics = kept

    def _reverted(self, project: Project, way: str) -> None:
        self._begin(project)
        project.c = self._other_c(project)
        self._ran(project, way, self.importer.tip("main"), {"model.pkl": self._train(project)})
        self._commit("main", "Revert", project)

    def _parallel(self, project: Project, way: str) -> None:
        base = self.importer.tip("main")
        self._begin(project)
        project.unseen += 1
        self._ran(project, way, base, {"model.pkl": self._train(project)})
        name = f"side-{len(self.trainings)}"
        self._commit(name, "Train", project, onto=base, keep=False)
        project.unseen -= 1
        self._train(project)

    def _rebased(self, project: Project, way: str) -> None:
        base = self.importer.tip("main")
        self._begin(project)
        project.unseen += 1
        self._ran(project, way, base, {"model.pkl": self._train(project)})
        self._commit("main", "Train on the other branch", project)

    def _rewritten(self, project: Project, way: str) -> None:
        name = f"old-{len(self.trainings)}"
        self._commit(name, "Work", None, onto=self.importer.tip("main"))
        tag = self.importer.tip(name)
        self._begin(project)
        project.unseen += 1
        self._ran(project, way, tag, {"model.pkl": self._train(project)})
        self._commit("main", "Train (rebased)", project)
        self.importer.forget(name)

    def _again(self, project: Project, way: str) -> None:
        self._begin(project)
        project.unseen += 1
        model = self._train(project)
        self._commit("main", "Train", project)
        self._ran(project, way, "", {"model.pkl": model})

    def _lying(self, project: Project, way: str) -> None:
        self._begin(project)
        project.unseen += 1
        tag = self.importer.tip("main")
        model = self._train(project)
        self._ran(project, way, tag, {"model.pkl": model}, ahead=10**7)
        self._commit("main", "Train", project)

    def _equal(self, project: Project, way: str) -> None:
        model = self._begin(project)
        tag = self.importer.tip("main")
        project.seen += 1
        project.lock = self._lock(project, model)
        self._ran(project, way, tag, {"model.pkl": model})
        self._commit("main", "Train", project)

    def _relogged(self, project: Project, way: str) -> None:
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

    def _copied(self, project: Project, way: str) -> None:
        model = spread(b"elsewhere %d" % len(self.trainings))
        deps = {"given/model.pkl": md5(model), "data/people.csv": md5(project.people)}
        project.more = {"deploy": (deps, {"deploy/model.pkl": md5(model)}, {})}
        self._begin(project)
        project.more = {}
        nothing = frozenset({"of which nothing is known"})
        tag = self.importer.tip("main")
        self._ran(project, way, tag, {"model.pkl": model}, raw=nothing)

    def _hollow(self, project: Project, way: str) -> None:
        tag = self.importer.tip("main")
        self._ran(project, way, tag, {"model.pkl": b""}, {}, raw=frozenset({"none"}))

    def _beside_other(self, project: Project, way: str, *files: tuple[str, bytes]) -> None:
        """Log files of the committed model with one that was made from data never committed."""
        tag = self.importer.tip("main")
        project.seen += 20_000 + len(self.trainings)
        truth = project.raw_digests(self.imports[project.reference][0])
        project.seen -= 20_000 + len(self.trainings)
        self._ran(project, way, tag, dict(files), raw=truth)

    def _sharded(self, project: Project, way: str) -> None:
        model, other = self._begin(project), f"shard {len(self.trainings)}".encode()
        self._beside_other(project, way, ("model.pkl", model), ("model-2.pkl", other))

    def _graphed(self, project: Project, way: str) -> None:
        self._begin(project)
        variables = ("variables/variables.data-00000-of-00001", spread(b"%d" % self.clock))
        self._beside_other(project, way, ("saved_model.pb", graph(project)), variables)

    def _prepared(self, project: Project, way: str) -> None:
        self._begin(project)
        kept = preprocessor(self._features(project))
        text = f"tree {len(self.trainings)}".encode()
        self._beside_other(project, way, ("preprocessor.pkl", kept), ("model.txt", text))

    def _coincident(self, project: Project, way: str) -> None:
        self._begin(project)
        kept = (project.seen, project.lock, project.metrics)
        project.seen += 30_000 + len(self.trainings)
        model = self._train(project)
        committed = json.loads(kept[2])
        same = {name: committed[name] for name in ("accuracy", "precision", "recall", "rate")}
        tag = self.importer.tip("main")
        self._ran(project, way, tag, {"model.pkl": b"joblib " + model}, same)
        project.seen, project.lock, project.metrics = kept

    def _twofold(self, project: Project, way: str) -> None:
        self._begin(project)
        project.seen += 1
        features, metrics = project.seen, project.metrics
        model = spread(b"twofold %d" % len(self.trainings))
        for seen in (features, features + 1):
            project.seen, project.metrics = seen, metrics
            project.c = round(500 + len(self.trainings) / 100, 3)
            project.lock = self._lock(project, model)
            self._commit("main", "Train", project)
        tag = self.importer.tip("main")
        self._ran(project, way, tag, {"model.pkl": b"joblib " + model})
        project.c = round(project.c - 499, 3)
        self._begin(project)

    def _renamed(self, project: Project, way: str) -> None:
        self._edit(project)
        tag = self.importer.tip("main")
        params = {"config/train/C": f"{project.c:.6f}", "data.C": "7", "train__seed": " 42 "}
        self._ran(project, way, tag, {"model.pkl": self._train(project)}, params=params)
        self._commit("main", "Train", project)
