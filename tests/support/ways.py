"""The ways in which a team works: ``truth`` says what each of them is."""

from __future__ import annotations

import json

from support.team import ENCODER, Project, Team


class Ways(Team):
    """Each method is one way: it edits, trains, commits, and notes what really happened."""

    def _after(self, project: Project, way: str) -> None:
        self._edit(project)
        tag = self.importer.tip("main")
        model = self._train(project)
        self._ran(project, way, tag, {"model.pkl": model})
        self._commit("main", "Train", project)

    def _before(self, project: Project, way: str) -> None:
        self._edit(project)
        kept = project.lock, project.metrics
        self._commit("main", "Change", project)
        tag = self.importer.tip("main")
        project.lock, project.metrics = kept
        self._ran(project, way, tag, {"model.pkl": self._train(project)})
        self._commit("main", "Train", project)

    def _rerun(self, project: Project, way: str) -> None:
        self._edit(project)
        model = self._train(project)
        self._commit("main", "Train", project)
        self._ran(project, way, self.importer.tip("main"), {"model.pkl": model})

    def _branch(self, project: Project, way: str) -> None:
        self._edit(project)
        tag = self.importer.tip("main")
        name = f"work-{len(self.trainings)}"
        self._ran(project, way, tag, {"model.pkl": self._train(project)})
        self._commit(name, "Train", project, onto=tag)
        self._commit("main", "Tidy", None)
        self._commit("main", f"Merge pull request #{len(self.trainings)}", project, merge=name)

    def _squash(self, project: Project, way: str) -> None:
        self._edit(project)
        base = self.importer.tip("main")
        name = f"gone-{len(self.trainings)}"
        self._commit(name, "Work", None, onto=base)
        tag = self.importer.tip(name)
        self._ran(project, way, tag, {"model.pkl": self._train(project)})
        self._commit("main", f"Train (#{len(self.trainings)})", project)
        self.importer.forget(name)

    def _experiment(self, project: Project, way: str) -> None:
        before = (project.c, project.lock, project.metrics)
        tag = self.importer.tip("main")
        project.c = round(project.c + 100 + self.experiments, 3)
        self._ran(project, way, tag, {"model.pkl": self._train(project)})
        self.experiments += 1
        ref = f"refs/exps/{tag[:2]}/{tag[2:]}/try-{self.experiments}"
        self._commit(ref, "dvc: commit experiment", project, onto=tag, keep=False)
        project.c, project.lock, project.metrics = before

    def _untagged(self, project: Project, way: str) -> None:
        self._edit(project)
        self._ran(project, way, "", {"model.pkl": self._train(project)})
        self._commit("main", "Train", project)

    def _uncommitted(self, project: Project, way: str) -> None:
        """Train on other data with the same parameters, and throw the tree away."""
        kept = (project.seen, project.lock, project.metrics)
        project.seen += 1000 + len(self.trainings)
        tag = self.importer.tip("main")
        self._ran(project, way, tag, {"model.pkl": self._train(project)})
        project.seen, project.lock, project.metrics = kept

    def _forced(self, project: Project, way: str) -> None:
        self._edit(project, unseen=True)
        tag = self.importer.tip("main")
        self._ran(project, way, tag, {"model.pkl": self._train(project)})
        self._commit("main", "Train", project)

    def _reserialized(self, project: Project, way: str) -> None:
        self._edit(project)
        tag = self.importer.tip("main")
        model = self._train(project)
        self._ran(project, way, tag, {"model.pkl": b"joblib " + model})
        self._commit("main", "Train", project)

    def _lost(self, project: Project, way: str) -> None:
        """Like uncommitted, with weights of another form and coarse metrics."""
        kept = (project.seen, project.lock, project.metrics)
        project.seen += 5000 + len(self.trainings)
        tag = self.importer.tip("main")
        model = self._train(project)
        coarse = {"accuracy": json.loads(kept[2]).get("accuracy", 0.5), "rows": 1000.0}
        self._ran(project, way, tag, {"model.pkl": b"joblib " + model}, coarse)
        project.seen, project.lock, project.metrics = kept

    def _ambiguous(self, project: Project, way: str) -> None:
        """Make the bytes of the model once more from other raw data, in a lock of its own."""
        self._edit(project)
        model = self._train(project)
        self._commit("main", "Train", project)
        truth = project.raw_digests(self.imports[project.reference][0])
        project.seen += 1
        project.lock = self._lock(project, model)
        self._commit("main", "Train", project)
        self._ran(project, way, "", {"model.pkl": model}, raw=truth)

    def _beside(self, project: Project, way: str) -> None:
        """The encoder is an out of every lock's first stage, the weights are of none."""
        kept = (project.seen, project.lock, project.metrics)
        project.seen += 9000 + len(self.trainings)
        model = self._train(project)
        artifacts = {"model.pkl": model, "encoder.json": ENCODER}
        self._ran(project, way, self.importer.tip("main"), artifacts)
        project.seen, project.lock, project.metrics = kept
