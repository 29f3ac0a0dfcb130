"""Two versions of a real model: what changed between them, and what is known of their packages."""

from __future__ import annotations

import csv
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from support.gitrepo import GitRepo, lock, md5, tracked
from support.quarters import Quiet
from support.registry import log_model, mlflow_at

from audit import config, pipeline
from audit.period import system_clock
from audit.seal.authority import new_authority

JOB = """\
job: {name: small, organisation: Example Bank}
registry: {uri: 'sqlite:///registry.db'}
scope: {versions: SCOPE}
code: [{path: churn}]
sources: {advisories: [pypi.zip]}
report: {formats: [html, csv]}
signing: {key: 'file:keys/seal.key', certificate: keys/seal.pem, chain: [keys/ca.pem]}
archive: {path: output, retain: 10y}
execute: {executor: inline, cache: cache}
"""
ADVISORY = {
    "id": "PYSEC-2026-1",
    "modified": "2026-01-02T00:00:00Z",
    "published": "2026-01-01T00:00:00Z",
    "aliases": ["CVE-2026-0001"],
    "summary": "A crafted model file runs code",
    "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:U/C:H/I:H/A:H"}],
    "affected": [
        {
            "package": {"ecosystem": "PyPI", "name": "Scikit_Learn"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.5.2"}]}],
        }
    ],
}


def pushed(repo: GitRepo, files: dict[str, str]) -> str:
    """Put a folder's list into the DVC remote, as DVC keeps it, and return its digest."""
    members = [{"md5": md5(text), "relpath": path} for path, text in sorted(files.items())]
    data = json.dumps(members, sort_keys=True)
    digest = f"{md5(data)}.dir"
    kept = repo.path.parent / "remote" / "files" / "md5" / digest[:2] / digest[2:]
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(data)
    return digest


def train(
    client: Any, repo: GitRepo, experiment: str, c: str, raw: str, code: str, package: str
) -> None:
    """Commit a training's lock, log its model with the same bytes, and register it."""

    weights = f"weights {c} {raw} {code}".encode()
    images = pushed(repo, {"a.png": "same", "deep/b.png": raw})
    deps = {"data/images": images, "data/raw.csv": md5(raw), "src/train.py": md5(code)}
    sha = repo.commit(
        {
            "src/train.py": code,
            "data/raw.csv.dvc": tracked("raw.csv", md5(raw)),
            "data/images.dvc": tracked("images", images),
            "dvc.lock": lock({"train": (deps, {"model.pkl": md5(weights)})}, {"train": {"C": c}}),
        }
    )
    run = client.create_run(experiment, tags={"mlflow.source.git.commit": sha})
    run_id = run.info.run_id
    client.log_param(run_id, "C", c)
    client.set_terminated(run_id)
    signature = b'signature:\n  inputs: \'[{"type": "double", "name": "x"}]\'\n'
    files = {
        "MLmodel": signature,
        "model.pkl": weights,
        "requirements.txt": package.encode(),
        "python_env.yaml": b"python: 3.11.7\n",
    }
    client.create_model_version("churn", f"models:/{log_model(client, run_id, files)}")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry with four versions, the third deleted, their repository and an advisory."""
    folder = tmp_path_factory.mktemp("since")
    new_authority(folder / "keys", "Example Bank", system_clock())
    repo = GitRepo(folder / "churn")
    remote = "[core]\n    remote = storage\n['remote \"storage\"']\n    url = ../../remote\n"
    repo.commit({".dvc/config": remote, "dvc.yaml": "stages: {}\n"})
    with zipfile.ZipFile(folder / "pypi.zip", "w") as archive:
        archive.writestr("PYSEC-2026-1.json", json.dumps(ADVISORY))
    with mlflow_at(f"sqlite:///{folder / 'registry.db'}") as client:
        experiment = client.create_experiment("training", f"file://{folder / 'artifacts'}")
        client.create_registered_model("churn")
        one, two = "fit()\n", "fit()\nscore()\n"
        train(client, repo, experiment, "0.5", "raw 1", one, "scikit-learn==1.5.0\n")
        train(client, repo, experiment, "1.0", "raw 2", two, "scikit-learn==1.5.2\n")
        train(client, repo, experiment, "2.0", "raw 2", two, "scikit-learn==1.5.2\nnumpy>=2\n")
        train(client, repo, experiment, "4.0", "raw 2", two, "scikit-learn==1.5.2\nnumpy>=2\n")
        client.delete_model_version("churn", "3")
        client.set_registered_model_alias("churn", "champion", 2)
    return folder


def report(place: Path, scope: str = "all") -> Path:
    """Report on everything up to now, and return the bundle's data."""
    job = place / "job.yaml"
    job.write_text(JOB.replace("SCOPE", scope), encoding="utf-8")
    request = pipeline.Request(period="2000-01-01/2099-12-31", force=True)
    return pipeline.run(config.load(job), request, messages=Quiet()).path / "data"


@pytest.fixture(scope="module")
def data(place: Path) -> Path:
    return report(place)


def rows(data: Path) -> dict[str, dict[str, str]]:
    with (data / "csv/versions.csv").open(encoding="utf-8", newline="") as stream:
        return {row["version"]: row for row in csv.DictReader(stream)}


CHANGED = (
    "Since version 1: 1 commit, 4 files changed (src/train.py +1 −0, dvc.lock +5 −5, "
    "data/images.dvc +1 −1, 1 more), parameter C 0.5 → 1.0, "
    "data/images changed (1 file in it), data/raw.csv changed, "
    "scikit-learn 1.5.0 → 1.5.2."
)


def test_what_changed_is_one_sentence_in_the_table(data: Path) -> None:
    found = rows(data)
    assert found["1"]["since_previous"] == ""
    assert found["2"]["since_previous"] == CHANGED
    assert found["4"]["since_previous"].startswith("Since version 3: 1 commit, ")
    assert found["4"]["since_previous"].endswith("what is left of it is compared.")


def test_it_stands_in_the_dossier_and_in_the_report(data: Path) -> None:
    page = (data / "models/churn/v2/dossier.html").read_text(encoding="utf-8")
    assert "<h2>Since version 1</h2>" in page
    assert "1 commit, 4 files changed (src/train.py +1 −0" in page.replace("&#43;", "+")
    assert "In it: deep/b.png changed." in page
    assert "Since version" not in (data / "models/churn/v1/dossier.html").read_text("utf-8")
    assert "None" not in page.split("Since version 1")[1].split("</section>")[0]


def test_a_known_vulnerability_is_found_offline(data: Path) -> None:
    whole = json.loads((data / "report.json").read_bytes())
    first, second = whole["dossiers"][0], whole["dossiers"][1]
    (found,) = first["advisories"]
    assert (found["id"], found["severity"], found["fixed"]) == ("PYSEC-2026-1", "high", ["1.5.2"])
    assert second["advisories"] == []
    (about,) = whole["advisory_files"]
    assert (about["name"], about["advisories"], about["problems"]) == ("pypi.zip", 1, [])
    verdicts = {
        dossier["version"]: result["verdict"]
        for dossier in whole["dossiers"]
        for result in dossier["results"]
        if result["check"] == "known-vulnerabilities"
    }
    assert verdicts == {1: "fail", 2: "pass", 3: "pass", 4: "pass"}
    page = (data / "models/churn/v1/dossier.html").read_text(encoding="utf-8")
    assert "CVE-2026-0001" in page
    assert "the newest of 2026-01-02" in page


def test_the_version_before_may_be_out_of_scope(place: Path) -> None:
    found = rows(report(place, "active"))
    assert list(found) == ["2"]
    assert found["2"]["since_previous"] == CHANGED
