"""What people do to the registry: experiments before the trainings, the rest after them.

Runs as a process of its own (``python -m audit.demo.registry DIR found`` or
``… DIR tell SEASON``), for
MLflow keeps the address of its store in the process.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from audit.demo import story
from audit.demo.story import Season

EXPERIMENTS = (*story.PROJECTS, "monitoring")


def found(folder: Path) -> None:
    """Make the database, and the experiments with their artifacts below ``folder``."""
    from mlflow import MlflowClient

    client = MlflowClient()
    for name in EXPERIMENTS:
        client.create_experiment(name, artifact_location=(folder / "artifacts" / name).as_uri())


def tell(folder: Path, season: Season) -> None:
    """Describe, tag, copy, hand over, alias and delete, as the story has it for a season."""
    from mlflow import MlflowClient

    client = MlflowClient()
    for name, project in story.PROJECTS.items():
        trainings = enumerate(project.trainings, 1)
        _annotate(client, (f"{name}/{n}" for n, done in trainings if season.has(done.at)))
    for made in story.HANDMADE:
        if not season.has(made.at):
            continue
        if made.copy_of:
            client.copy_model_version(f"models:/{made.copy_of}", made.model)
        else:
            client.create_model_version(made.model, _handed_over(folder).as_uri())
        _annotate(client, [f"{made.model}/{made.version}"])
    for model in client.search_registered_models():
        if not model.description:
            client.update_registered_model(model.name, story.DESCRIPTIONS[model.name])
            client.set_registered_model_tag(model.name, "owner", story.OWNERS[model.name])
    model_name, number, deleted = story.DELETED
    for at, name, alias, version in story.ALIASES:
        if season.has(at):
            client.set_registered_model_alias(name, alias, str(version))
    if season.has(deleted):
        run_id = client.get_model_version(model_name, str(number)).run_id
        client.delete_model_version(model_name, str(number))
        client.delete_run(run_id)


def _annotate(client: Any, keys: Iterable[str]) -> None:
    """Give versions (``model/version``) their descriptions and the approver's tag."""
    for key in keys:
        model, version = key.split("/")
        if key in story.NOTES:
            client.update_model_version(model, version, story.NOTES[key])
        if key in story.APPROVALS:
            client.set_model_version_tag(model, version, "approved_by", story.APPROVALS[key])


def _handed_over(folder: Path) -> Path:
    """Make and return a model folder that came from elsewhere: no run, no pipeline."""
    import mlflow.sklearn
    import pandas as pd
    from sklearn.linear_model import LogisticRegression

    rows = pd.read_csv(folder / "fraud/data/features/train.csv")
    model = LogisticRegression(max_iter=500).fit(rows[["log_amount"]], rows["charged_back"])
    path = folder / "handover" / "vendor-fraud-model"
    mlflow.sklearn.save_model(
        model,
        str(path),
        serialization_format="cloudpickle",
        pip_requirements=["cloudpickle", "scikit-learn"],
    )
    return path


def main() -> None:
    """Do the step that the command line names."""
    place, step, *season = sys.argv[1:]
    folder = Path(place)
    os.chdir(folder)
    if step == "found":
        found(folder)
    else:
        tell(folder, Season(*season))


if __name__ == "__main__":
    main()
