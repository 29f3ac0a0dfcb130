"""The export on a registry with every shape of version that MLflow can hold, by all readers."""

import csv
import json
import re
import subprocess
from pathlib import Path

import pytest
from support import services
from support.quarters import Quiet
from support.registry import HOSTILE, World

from audit import config, pipeline
from audit.archive.verify import verify_bundle
from audit.period import system_clock
from audit.seal.authority import new_authority
from audit.sources.registry.readers import open_registry

pytestmark = pytest.mark.xdist_group("registry-services")


def export(
    folder: Path, uri: str, *, formats: str = "html, csv", only: tuple[str, ...] = ()
) -> Path:
    """Report on everything up to now, and return the bundle."""
    if not (folder / "keys").exists():
        new_authority(folder / "keys", "Example Bank", system_clock())
    path = folder / "job.yaml"
    path.write_text(
        f"job: {{name: shapes, organisation: Example Bank}}\n"
        f"registry: {{uri: '{uri}'}}\n"
        f"report: {{formats: [{formats}]}}\n"
        "signing: {key: 'file:keys/seal.key', certificate: keys/seal.pem, chain: [keys/ca.pem]}\n"
        "archive: {path: output, retain: 10y}\n"
        "execute: {executor: inline, cache: cache}\n",
        encoding="utf-8",
    )
    request = pipeline.Request(period="2000-01-01/2099-12-31", only=only, force=True)
    return pipeline.run(config.load(path), request, messages=Quiet()).path


def versions(bundle: Path) -> dict[tuple[str, str], dict[str, str]]:
    with (bundle / "data/csv/versions.csv").open(encoding="utf-8", newline="") as stream:
        return {(row["model"], row["version"]): row for row in csv.DictReader(stream)}


def test_no_version_is_skipped_and_each_has_a_dossier(world: World, tmp_path: Path) -> None:
    bundle = export(tmp_path, world.uri)
    registry = open_registry(world.uri).read()
    report = json.loads((bundle / "data/report.json").read_bytes())
    expected = {(item.model, item.version) for item in registry.versions}
    assert {(item["model"], item["version"]) for item in report["dossiers"]} == expected
    assert len(list(bundle.glob("data/models/*/*/dossier.html"))) == len(expected)
    states = {item["run_state"] for item in report["dossiers"]}
    assert {"present", "gone", "none", "deleted"} <= states
    assert any(item["deleted"] for item in report["dossiers"])
    assert any(len(item["origin"]) > 1 for item in report["dossiers"])
    assert not any("prompt" in item["model"] for item in report["dossiers"])
    assert verify_bundle(bundle, tmp_path / "keys" / "ca.pem").ok


def test_hostile_names_are_inert_in_every_format(world: World, tmp_path: Path) -> None:
    pattern = re.sub(r"[\[\]*?]", "?", HOSTILE)
    bundle = export(tmp_path, world.uri, formats="pdf, html, csv", only=(pattern,))
    folders = {path.name for path in (bundle / "data/models").iterdir()}
    assert all(re.fullmatch(r"[a-z0-9_-]+", name) for name in folders)
    for path in (bundle / "data/index.html", *bundle.glob("data/models/*/*/dossier.html")):
        page = path.read_text(encoding="utf-8")
        assert "<script>alert" not in page
        assert "{{7*7}}" in page
        assert "\u202e" not in page
    for path in bundle.glob("data/csv/*.csv"):
        with path.open(encoding="utf-8", newline="") as stream:
            for row in csv.reader(stream):
                assert not any(cell.startswith(("=", "+", "@", "\t")) for cell in row)
    shown = subprocess.run(
        [services.tool("pdftotext", "poppler-utils"), str(bundle / "data/report.pdf"), "-"],
        capture_output=True,
        check=True,
    )
    assert b"{{7*7}}" in shown.stdout
    assert verify_bundle(bundle, tmp_path / "keys" / "ca.pem").ok


def test_the_server_reader_tells_the_same_but_for_what_it_says_it_cannot_see(
    world: World, server: str, tmp_path: Path
) -> None:
    (tmp_path / "sql").mkdir()
    (tmp_path / "rest").mkdir()
    by_sql = export(tmp_path / "sql", world.uri)
    by_rest = export(tmp_path / "rest", server)
    seen, known = versions(by_rest), versions(by_sql)
    report = json.loads((by_sql / "data/report.json").read_bytes())
    tombstones = {
        (item["model"], str(item["version"])) for item in report["dossiers"] if item["deleted"]
    }
    assert seen.keys() == known.keys() - tombstones
    for key, row in seen.items():
        for column in ("run_id", "created_at", "aliases", "status", "git_commit"):
            assert row[column] == known[key][column], (key, column)
    spots = json.loads((by_rest / "data/report.json").read_bytes())["registry"]["blind_spots"]
    html = (by_rest / "data/index.html").read_text(encoding="utf-8")
    assert any("tombstones" in spot for spot in spots)
    assert "tombstones" in html


@pytest.mark.service
def test_postgresql_behind_a_server_is_reported_alike_by_both_readers(
    postgresql_world: World, tmp_path: Path
) -> None:
    (tmp_path / "sql").mkdir()
    (tmp_path / "rest").mkdir()
    by_sql = export(tmp_path / "sql", postgresql_world.uri)
    store = postgresql_world.uri.replace("postgresql://", "postgresql+psycopg://")
    with services.mlflow_server(store, tmp_path / "server") as address:
        by_rest = export(tmp_path / "rest", address)
    known, seen = versions(by_sql), versions(by_rest)
    assert seen.keys() < known.keys()
    assert {key: seen[key]["run_id"] for key in seen} == {key: known[key]["run_id"] for key in seen}
    shown = (by_sql / "data/report.json").read_text(encoding="utf-8")
    assert services.PASSWORD not in shown
