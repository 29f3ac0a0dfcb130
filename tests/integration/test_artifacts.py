"""Weights through a real MLflow server, and folder digests beside real DVC."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import requests
import yaml
from support.registry import FILES, World

from audit.sources.artifacts.weights import ArtifactReader

pytestmark = pytest.mark.xdist_group("registry-services")


@pytest.fixture(scope="module")
def model(world: World) -> Path:
    """The folder of a logged model as MLflow wrote it."""
    return world.artifacts / "models" / world.logged_models["first"] / "artifacts"


def test_a_folder_logged_by_mlflow_has_the_digests_of_dvc(model: Path, tmp_path: Path) -> None:
    from dvc.repo import Repo

    found = ArtifactReader().read([str(model)])[str(model)]
    shutil.copytree(model, tmp_path / "model")
    repo = Repo.init(str(tmp_path), no_scm=True)
    repo.add([str(tmp_path / "model")])
    repo.close()
    (out,) = yaml.safe_load((tmp_path / "model.dvc").read_text())["outs"]
    assert found.directories["."] == out["md5"]
    assert len(found.files) == out["nfiles"] == len(FILES)
    assert sum(file.bytes for file in found.files) == out["size"]


@pytest.mark.service
def test_artifacts_behind_the_server_are_those_on_disk(server: str, model: Path) -> None:
    for path, data in FILES.items():
        address = f"{server}/api/2.0/mlflow-artifacts/artifacts/1/model/{path}"
        requests.put(address, data=data, timeout=60).raise_for_status()
    local = ArtifactReader().read([str(model)])[str(model)]
    reader = ArtifactReader(server)
    locations = [
        "mlflow-artifacts:/1/model",
        f"{server}/api/2.0/mlflow-artifacts/artifacts/1/model",
    ]
    for location, found in reader.read(locations).items():
        assert found.reason == ""
        assert (found.location, found.sha256) == (location, local.sha256)
        assert found.files == local.files
        assert found.directories == local.directories
    assert reader.environments(locations[:1])[locations[0]].python == "3.11.7"


@pytest.mark.service
def test_a_registry_in_a_database_finds_its_server_in_the_environment(
    server: str, model: Path, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"{server}/api/2.0/mlflow-artifacts/artifacts/2/model.pkl"
    requests.put(address, data=FILES["model.pkl"], timeout=60).raise_for_status()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    location = "mlflow-artifacts:/2"
    (found,) = ArtifactReader(world.uri).read([location])[location].files
    assert found in ArtifactReader().read([str(model)])[str(model)].files


@pytest.mark.service
def test_artifacts_that_the_server_does_not_have_say_so(server: str) -> None:
    location = "mlflow-artifacts:/1/nothing"
    found = ArtifactReader(server).read([location])[location]
    assert not found.read
    assert found.reason
