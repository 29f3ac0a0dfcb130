"""What people do to the registry: experiments before the trainings, the rest after them.

Runs as a process of its own (``python -m audit.demo.registry DIR found|tell``), for
MLflow keeps the address of its store in the process.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from audit.demo import story

EXPERIMENTS = (*story.PROJECTS, "monitoring")


def found(folder: Path) -> None:
    """Make the database, and the experiments with their artifacts below ``folder``."""
    from mlflow import MlflowClient

    client = MlflowClient()
    for name in EXPERIMENTS:
        client.create_experiment(name, artifact_location=(folder / "artifacts" / name).as_uri())


def tell(folder: Path) -> None:
    """Describe, tag, copy, hand over, alias and delete, as the story has it."""
    from mlflow import MlflowClient

    client = MlflowClient()
    for name, project in story.PROJECTS.items():
        _annotate(client, (f"{name}/{n}" for n, _ in enumerate(project.trainings, 1)))
    for made in story.HANDMADE:
        if made.copy_of:
            client.copy_model_version(f"models:/{made.copy_of}", made.model)
        else:
            client.create_model_version(made.model, _handed_over(folder).as_uri())
        _annotate(client, [f"{made.model}/{made.version}"])
    for model, text in story.DESCRIPTIONS.items():
        client.update_registered_model(model, text)
        client.set_registered_model_tag(model, "owner", story.OWNERS[model])
    for model, alias, version in story.ALIASES:
        client.set_registered_model_alias(model, alias, str(version))
    model, number, _ = story.DELETED
    run_id = client.get_model_version(model, str(number)).run_id
    client.delete_model_version(model, str(number))
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
    place, step = sys.argv[1:]
    folder = Path(place)
    os.chdir(folder)
    {"found": found, "tell": tell}[step](folder)


if __name__ == "__main__":
    main()
