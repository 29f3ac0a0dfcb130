"""Data sets held against DVC's objects, and weights against each other: with the real tools."""

import subprocess
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.dvcworld import environment
from support.quarters import Quiet
from support.registry import log_model, mlflow_at

from audit import config, pipeline
from audit.facts import DatasetCheck, DigestState, Facts, Tie
from audit.period import system_clock
from audit.questions import asked
from audit.seal.authority import new_authority
from audit.verdicts import Grade

RAW = "customer,balance,age\n" + "".join(f"c-{n},{n / 4},{n % 60}\n" for n in range(120))
TRAIN = """
import hashlib, pathlib
data = pathlib.Path("data/raw.csv").read_bytes()
pathlib.Path("model.pkl").write_bytes(hashlib.sha256(data).digest() * 8)
"""
STAGES = """
stages:
  train:
    cmd: python train.py
    deps: [train.py, data/raw.csv]
    outs: [model.pkl]
"""
SIGNATURE = (
    "signature:\n  inputs: '["
    '{"type": "double", "name": "balance", "required": true},'
    ' {"type": "string", "name": "region", "required": true}'
    "]'\n"
)
JOB = """
job: {name: data, organisation: Example Bank}
registry: {uri: 'sqlite:///mlflow.db'}
code: [{path: churn}]
ledger: sqlite:///ledger.db
data: {remotes: skip, datasets: CHECK}
controls: {packs: [operating-checklist, registry-governance]}
report: {formats: [csv, html], dossiers: [html]}
signing: {key: 'file:keys/seal.key', certificate: keys/seal.pem, chain: [keys/ca.pem]}
archive: {path: output, retain: 10y}
execute: {cache: cache, executor: inline}
"""


@dataclass(frozen=True)
class Audited:
    """A world of four versions, and how to report on it."""

    folder: Path

    def report(self, check: str = "check") -> tuple[Facts, Path]:
        path = self.folder / "job.yaml"
        path.write_text(JOB.replace("CHECK", check), encoding="utf-8")
        request = pipeline.Request(period="2020-01-01/2099-12-31", force=True)
        bundle = pipeline.run(config.load(path), request, messages=Quiet()).path
        return asked.read(bundle), bundle / "data"


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Audited:
    folder = tmp_path_factory.mktemp("data")
    _train(folder)
    new_authority(folder / "keys", "Example Bank", system_clock())
    with mlflow_at(f"sqlite:///{folder / 'mlflow.db'}") as client:
        _register(client, folder)
    return Audited(folder)


def _train(folder: Path) -> None:
    """Train one model under DVC; only the remote keeps the data in the end."""
    repository = folder / "churn"
    (repository / "data").mkdir(parents=True)
    (repository / "data" / "raw.csv").write_text(RAW)
    (repository / "train.py").write_text(TRAIN)
    (repository / "dvc.yaml").write_text(STAGES)
    for command in (
        "git init --quiet --initial-branch main",
        "dvc init --quiet",
        f"dvc remote add --quiet --default store {folder / 'remote'}",
        "dvc add --quiet data/raw.csv",
        "dvc repro --quiet",
        "dvc push --quiet",
        "git add .",
        "git commit --quiet -m Train",
        "rm -r .dvc/cache",
    ):
        subprocess.run(
            command.split(), cwd=repository, env=environment(folder), check=True, timeout=120
        )


def _register(client: Any, folder: Path) -> None:
    import mlflow.data
    import pandas as pd

    experiment = client.create_experiment("churn", str(folder / "artifacts"))
    client.create_registered_model("churn")
    client.create_registered_model("churn-eu")
    frame = pd.read_csv(folder / "churn" / "data" / "raw.csv")
    weights = (folder / "churn" / "model.pkl").read_bytes()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sets = [
            mlflow.data.from_pandas(frame, source="data/raw.csv", name="customers"),
            mlflow.data.from_pandas(frame.assign(age=1.5), source="data/raw.csv", name="changed"),
            mlflow.data.from_pandas(frame, source="https://u:p@example.org/x.csv", name="web"),
        ]
    for used, text in ((sets, "# one\n"), (sets[:1], "# two\n")):
        run = client.create_run(experiment).info.run_id
        inputs = [mlflow.entities.DatasetInput(data._to_mlflow_entity(), []) for data in used]
        client.log_inputs(run, inputs)
        files = {"MLmodel": f"{text}{SIGNATURE}".encode(), "model.pkl": weights}
        model = log_model(client, run, files)
        client.set_terminated(run)
        client.create_model_version("churn", f"models:/{model}", run, model_id=model)
    client.create_model_version("churn", f"models:/{model}", run, model_id=model)
    client.copy_model_version("models:/churn/1", "churn-eu")


def _checks(facts: Facts, version: int) -> dict[str, DatasetCheck]:
    (found,) = (v for v in facts.versions if v.version.key == f"churn/{version}")
    return {check.name: check for check in found.datasets}


@pytest.fixture(scope="module")
def reported(audited: Audited) -> tuple[Facts, Path]:
    return audited.report()


def test_a_digest_is_computed_from_the_object_in_the_remote(reported: tuple[Facts, Path]) -> None:
    found = _checks(reported[0], 1)["customers"]
    assert (found.state, found.computed) == (DigestState.EQUAL, found.digest)
    assert found.file.startswith("data/raw.csv@")
    assert found.reader.startswith("pandas ")
    assert found.schema_differs == ()
    assert found.signature_differs == ("lacks region (string)",)
    assert (found.source_kind, found.address) == ("local", "data/raw.csv")


def test_another_table_by_that_name_differs(reported: tuple[Facts, Path]) -> None:
    found = _checks(reported[0], 1)["changed"]
    assert found.state is DigestState.DIFFERENT
    assert found.computed != found.digest
    assert found.schema_differs == ("age is logged as double, and long in the data",)


def test_a_source_beside_the_lineage_is_not_read(reported: tuple[Facts, Path]) -> None:
    found = _checks(reported[0], 1)["web"]
    assert found.state is DigestState.NOT_COMPUTED
    assert found.reason == "no single file of the lineage has the name that its source gives"
    assert (found.source_kind, found.address) == ("http", "https://***@example.org/x.csv")


def test_the_lineage_says_by_what_a_data_set_is_known(reported: tuple[Facts, Path]) -> None:
    from audit import lineage

    (version,) = (v for v in reported[0].versions if v.version.key == "churn/2")
    graph = lineage.build(version)
    (edge,) = (e for e in graph.edges if e.source.startswith("dataset:customers"))
    assert edge.grade is Grade.INFERRED
    assert edge.method == "the source has the file's name, and a sample of the file has its digest"
    assert len(edge.operands) == 3


def test_nothing_is_read_unless_the_job_asks(audited: Audited) -> None:
    found = _checks(audited.report("skip")[0], 1)["customers"]
    assert found.state is DigestState.NOT_COMPUTED
    assert found.reason == "the job does not ask for it (data.datasets: skip)"
    assert found.signature_differs == ("lacks region (string)",)
    assert found.file.startswith("data/raw.csv@")


def test_an_object_that_is_too_large_is_not_read(audited: Audited) -> None:
    found = _checks(audited.report("check, datasets_most: 1 KiB")[0], 1)["customers"]
    size = f"{len(RAW):,}"
    expected = f"it has {size} bytes, and at most 1,024 are read (data.datasets_most)"
    assert (found.state, found.reason) == (DigestState.NOT_COMPUTED, expected)


def test_the_same_weights_are_told_apart_by_how_they_came(reported: tuple[Facts, Path]) -> None:
    ties = {facts.version.key: facts.twin_ties for facts in reported[0].versions}
    assert ties["churn/2"] == {
        "churn/1": Tie.OTHER_RUN,
        "churn/3": Tie.SAME_PLACE,
        "churn-eu/1": Tie.OTHER_RUN,
    }
    assert ties["churn-eu/1"]["churn/1"] is Tie.COPY


def test_the_pages_and_tables_tell_it(reported: tuple[Facts, Path]) -> None:
    data = reported[1]
    page = (data / "models" / "churn" / "v1" / "dossier.html").read_text()
    assert "Consistent with data/raw.csv as DVC keeps it: the same sample digest" in page
    assert "Not the digest of data/raw.csv by this reader" in page
    assert "registered from another run: churn v2" in page
    table = (data / "csv" / "datasets.csv").read_text()
    assert table.splitlines()[0].endswith("used_by,digest_check,source_kind")
    assert ",equal,local" in table
    assert "u:p@" not in table + page
    controls = (data / "csv" / "controls.csv").read_text().splitlines()
    (unique,) = (row for row in controls if ",weights-unique,churn,1," in row)
    assert ",fail,low," in unique
    (schema,) = (row for row in controls if ",dataset-schema,churn,2," in row)
    assert ",fail,medium," in schema
    assert "region (string)" in schema
