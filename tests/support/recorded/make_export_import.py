"""What the real mlflow-export-import 1.2.0 writes, for ``export-import-1.2.0.json`` beside this.

Run it in an environment of its own, with the addresses of two MLflow servers::

    pip install mlflow-export-import==1.2.0 tabulate mlflow==3.17.2
    python make_export_import.py http://127.0.0.1:5001 http://127.0.0.1:5002 > recorded.json

A model with two versions of the older form (their source is a run's artifact folder, which is
all that this tool can import) goes from the first server to the second, once with its models
tool and one of its runs once more with its run tool, which alone writes tags of the run.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from mlflow import MlflowClient

MODEL = "churn"


def train(uri):
    """Register two versions at the first server; return the run of the second."""
    client = MlflowClient(uri, uri)
    experiment = client.create_experiment("training")
    client.create_registered_model(MODEL, {"owner": "Retail"}, "Who leaves")
    for number in (1, 2):
        tags = {"mlflow.user": "ann", "mlflow.source.git.commit": f"{number}" * 40}
        run = client.create_run(experiment, tags=tags, run_name=f"train-{number}")
        client.log_text(run.info.run_id, "bytes", "m/model.pkl")
        client.set_terminated(run.info.run_id)
        source = f"{run.info.artifact_uri}/m"
        client.create_model_version(MODEL, source, run.info.run_id, tags={"ticket": f"R-{number}"})
    client.set_registered_model_alias(MODEL, "champion", "2")
    return run.info.run_id


def told(uri):
    """Return what the second server then holds of models, versions and runs."""
    client = MlflowClient(uri, uri)
    model = client.get_registered_model(MODEL)
    versions = client.search_model_versions(f"name = '{MODEL}'", order_by=["version_number"])
    experiments = [found.experiment_id for found in client.search_experiments()]
    runs = client.search_runs(experiments, order_by=["attributes.start_time"])
    return {
        "model": {"created_at": model.creation_timestamp, "tags": model.tags},
        "versions": [
            {
                "version": int(version.version),
                "created_at": version.creation_timestamp,
                "run_id": version.run_id,
                "source": version.source,
                "tags": version.tags,
            }
            for version in sorted(versions, key=lambda found: int(found.version))
        ],
        "runs": [
            {"run_id": run.info.run_id, "name": run.info.run_name, "tags": run.data.tags}
            for run in runs
        ],
    }


def call(uri, *command):
    """Run one of the tool's commands against a server."""
    program = str(Path(sys.executable).parent / command[0])
    environment = {**os.environ, "MLFLOW_TRACKING_URI": uri}
    subprocess.run([program, *command[1:]], env=environment, stdout=sys.stderr, check=True)


def main(origin, destination):
    """Export, import, and print what arrived."""
    with contextlib.redirect_stdout(sys.stderr):
        run_id = train(origin)
    with tempfile.TemporaryDirectory() as folder:
        models, run, yes = f"{folder}/models", f"{folder}/run", ("--import-source-tags", "True")
        call(origin, "export-models", "--models", MODEL, "--output-dir", models)
        call(origin, "export-run", "--run-id", run_id, "--output-dir", run)
        call(destination, "import-models", "--input-dir", models, *yes)
        call(destination, "import-run", "--input-dir", run, "--experiment-name", "again", *yes)
    json.dump(told(destination), sys.stdout, indent=1, sort_keys=True)


if __name__ == "__main__":
    main(*sys.argv[1:3])
