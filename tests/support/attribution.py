"""The trainings of ``truth`` in a real registry, and what a sealed bundle says of them."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from support.registry import mlflow_at
from support.truth import Training, Truth, md5

from audit import lineage
from audit.config import Code
from audit.facts import ArtifactFile, MatchMethod, ModelVersion, Run, VersionFacts, Weights
from audit.gather.join import join
from audit.graph import NodeKind
from audit.period import system_clock
from audit.questions import asked
from audit.seal.authority import new_authority
from audit.sources.repositories import open_code

OUTCOMES = ("right", "lower grade", "not attributed", "wrong")


@contextlib.contextmanager
def unsafe_sqlite() -> Iterator[None]:
    """Let SQLite skip waiting for the disk while a registry is built."""

    def unsafe(connection: Any, _: Any) -> None:
        connection.execute("PRAGMA synchronous=OFF")

    sa.event.listen(sa.engine.Engine, "connect", unsafe)
    try:
        yield
    finally:
        sa.event.remove(sa.engine.Engine, "connect", unsafe)


def job(folder: Path, truth: Truth) -> Path:
    """Register every training as a version of ``credit``, the first as version 1.

    Returns the job file of a report on all of them.
    """
    from mlflow.entities import LoggedModelOutput, Metric, Param

    with unsafe_sqlite(), mlflow_at(f"sqlite:///{folder / 'mlflow.db'}") as client:
        experiment = client.create_experiment("credit", str(folder / "artifacts"))
        client.create_registered_model("credit")
        for training in truth.trainings:
            tags = {"mlflow.source.git.commit": training.tag} if training.tag else {}
            run = client.create_run(experiment, training.started_at, tags).info.run_id
            client.log_batch(
                run,
                [Metric(key, value, 0, 0) for key, value in training.metrics.items()],
                [Param(key, value) for key, value in training.params.items()],
            )
            logged = client.create_logged_model(experiment, name="model", source_run_id=run)
            client.log_outputs(run, [LoggedModelOutput(logged.model_id, 0)])
            place = Path(logged.artifact_location.removeprefix("file://"))
            place.mkdir(parents=True)
            for name, data in training.artifacts.items():
                (place / name).write_bytes(data)
            (place / "requirements.txt").write_text("scikit-learn==1.7.2\n")
            client.finalize_logged_model(logged.model_id, "READY")
            client.set_terminated(run)
            source = f"models:/{logged.model_id}"
            client.create_model_version("credit", source, run, model_id=logged.model_id)
    new_authority(folder / "keys", "Example Bank", system_clock())
    path = folder / "job.yaml"
    path.write_text(
        "job: {name: truth, organisation: Example Bank}\n"
        "registry: {uri: 'sqlite:///mlflow.db'}\n"
        f"code: [{{path: '{truth.repository}'}}, {{path: '{truth.upstream}'}}]\n"
        "ledger: sqlite:///ledger.db\n"
        "data: {remotes: skip}\n"
        "report: {formats: [csv], dossiers: []}\n"
        "signing: {key: 'file:keys/seal.key', certificate: keys/seal.pem, chain: [keys/ca.pem]}\n"
        "archive: {path: output, retain: 10y}\n"
        "execute: {cache: cache}\n",
        encoding="utf-8",
    )
    return path


def outcomes(bundle: Path, truth: Truth) -> list[tuple[Training, str]]:
    """Return for each training what the bundle's lineage says of its data."""
    facts = {item.version.version: item for item in asked.read(bundle).versions}
    return [
        (training, outcome(training, facts[number]))
        for number, training in enumerate(truth.trainings, start=1)
    ]


def joined(truth: Truth, cache: Path) -> Iterator[tuple[Training, str]]:
    """Yield for each training what the repositories alone say of its data, without a registry."""
    repositories = (truth.repository, truth.upstream)
    sources = [open_code(Code(path=path), cache)[0] for path in repositories]
    for number, training in enumerate(truth.trainings, start=1):
        run = Run(
            f"{number:032x}",
            started_at=training.started_at,
            params=training.params,
            metrics=training.metrics,
            tags={"mlflow.source.git.commit": training.tag} if training.tag else {},
        )
        files = tuple(
            ArtifactFile(name, len(data), hashlib.sha256(data).hexdigest(), md5(data))
            for name, data in training.artifacts.items()
        )
        weights = Weights("memory", read=True, files=files)
        version = ModelVersion("credit", number, run_id=run.run_id)
        found = VersionFacts(
            version, run=run, weights=weights, pipeline=join(weights, run, sources)
        )
        yield training, outcome(training, found)
    for source in sources:
        source.close()


def outcome(training: Training, facts: VersionFacts) -> str:
    """Return one of ``OUTCOMES``: wrong is any raw data that the training did not read.

    Right is all of it, from a stage that the weights' own bytes lead to.
    """
    graph = lineage.build(facts)
    files = [node for node in graph.of_kind(NodeKind.FILE) if node.role == "raw"]
    named = {node.digest.partition(":")[2] for node in files}
    if named - training.raw:
        return "wrong"
    if not named:
        return "not attributed"
    exact = any(match.method is MatchMethod.BYTES for match in facts.pipeline.matches)
    return "right" if named == training.raw and exact else "lower grade"
