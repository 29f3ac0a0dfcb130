"""Other recorders, whole: what the real mltrace wrote, in a real PostgreSQL, and a report of it."""

from __future__ import annotations

import csv
import json
import os
import pickletools
import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from support.ailine import record, write_ailine, write_snapshot
from support.quarters import Quiet
from support.registry import World, mlflow_at
from support.services import PASSWORD, PostgreSQL

from audit import config, pipeline
from audit.facts import RecordedRun
from audit.period import iso, system_clock
from audit.seal.authority import new_authority
from audit.sources.recorders.mltrace import read_mltrace

pytestmark = pytest.mark.xdist_group("registry-services")

RECORDED = Path(__file__).parent.parent / "support" / "recorded"
READER = "mltrace_reader"


@pytest.fixture(scope="module")
def mltrace(postgresql: PostgreSQL) -> str:
    """Address of a database with all that mltrace 0.17 wrote, for a user who may only read."""
    postgresql.run("postgres", "CREATE DATABASE mltrace")
    postgresql.run("mltrace", (RECORDED / "mltrace-0.17.sql").read_text(encoding="utf-8"))
    postgresql.run(
        "mltrace",
        f"CREATE ROLE {READER} LOGIN PASSWORD '{PASSWORD}'",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {READER}",
    )
    return postgresql.uri("mltrace", READER)


def runs(uri: str) -> dict[str, RecordedRun]:
    about, found = read_mltrace(uri)
    assert about.read, about.reason
    assert about.records == len(found)
    assert PASSWORD not in about.location
    return {item.record: item for item in found}


def test_component_runs_as_mltrace_wrote_them(mltrace: str) -> None:
    found = runs(mltrace)
    assert [found[str(n)].type for n in range(1, 10)] == [
        "etl", "etl", "train", "infer", "etl", "etl", "train", "infer", "score",
    ]  # fmt: skip
    train = found["3"]
    assert iso(train.started_at) == "2026-06-10T06:00:00.000Z", "it keeps UTC without a zone"
    assert iso(train.ended_at) == "2026-06-10T06:10:00.000Z"
    assert train.inputs == ("data/features.csv",)
    assert train.outputs == ("models/churn.joblib",)
    assert train.depends_on == ("1",)
    assert train.git == "3f786850e387550fdab836ed7e6dc881de23001b"
    assert train.detail == {"notes": "weekly", "owner": "bob"}
    assert found["8"].depends_on == ("6", "7")


def test_flags(mltrace: str) -> None:
    flagged = {name: item.flagged for name, item in runs(mltrace).items() if item.flagged}
    assert flagged == {"4": ("predictions-1",), "8": ("predictions-3",)}


def test_staleness_is_what_mltrace_said_itself(mltrace: str) -> None:
    """Its messages stand in pickles: here they are taken apart without being run."""
    dump = (RECORDED / "mltrace-0.17.sql").read_text(encoding="utf-8")
    pickles = re.findall(r"INSERT INTO public.component_runs VALUES \((\d+), .*'\\x(\w+)'\);", dump)
    assert len(pickles) == 9
    said = 0
    for run, text in pickles:
        theirs = [
            str(argument)
            for opcode, argument, _ in pickletools.genops(bytes.fromhex(text))
            if "UNICODE" in opcode.name
        ]
        ours = runs(mltrace)[run].stale
        assert [re.findall(r"\d+", line)[:2] for line in ours] == [
            re.findall(r"\d+", line)[:2] for line in theirs
        ]
        assert ["fresher" in line for line in ours] == ["fresher" in line for line in theirs]
        said += len(theirs)
    assert said == 5
    assert runs(mltrace)["3"].stale == (
        "etl (record 1) ran 40 days before",
        "etl (record 1) has 1 fresher run from before it began",
    )


def test_no_pickle_is_ever_loaded(mltrace: str, postgresql: PostgreSQL, tmp_path: Path) -> None:
    """A pickle that would write a file when loaded, where mltrace keeps its lists."""
    victim = tmp_path / "written"

    class Hostile:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(victim),)

    import pickle

    text = pickle.dumps(Hostile()).hex()
    postgresql.run("postgres", "CREATE DATABASE mltrace_hostile TEMPLATE mltrace")
    postgresql.run(
        "mltrace_hostile",
        f"UPDATE component_runs SET stale = '\\x{text}', git_tags = '\\x{text}'",
    )
    assert len(runs(postgresql.uri("mltrace_hostile", READER))) == 9
    assert not victim.exists()


def test_a_later_schema_names_the_mlflow_run(mltrace: str, postgresql: PostgreSQL) -> None:
    postgresql.run("postgres", "CREATE DATABASE mltrace_later TEMPLATE mltrace")
    postgresql.run(
        "mltrace_later",
        "ALTER TABLE component_runs ADD COLUMN mlflow_run_id varchar",
        "ALTER TABLE component_runs ADD COLUMN mlflow_run_params bytea",
        "UPDATE component_runs SET mlflow_run_id = 'r7', start_timestamp = NULL WHERE id = 7",
        "DROP TABLE components CASCADE",
    )
    found = runs(postgresql.uri("mltrace_later", READER))
    assert (found["7"].mlflow_run, found["7"].started_at, found["7"].stale) == ("r7", None, ())
    assert found["8"].stale == ("etl (record 6) ran 38 days before",)
    assert found["3"].detail == {"notes": "weekly"}


def test_what_is_no_mltrace_database(mltrace: str, postgresql: PostgreSQL) -> None:
    about, found = read_mltrace(postgresql.uri("postgres"))
    assert (about.read, found) == (False, ())
    assert about.reason == "this is no mltrace database: it has no table component_runs"
    for uri in (
        postgresql.uri("mltrace", READER, "wrong"),
        postgresql.uri("no_such_database"),
        "postgresql://a:secret@127.0.0.1:1/m",
    ):
        about, _ = read_mltrace(uri)
        assert not about.read
        assert about.reason.startswith("the mltrace database cannot be reached")
        assert "wrong" not in about.location
        assert "secret" not in about.location


# --- a whole report ------------------------------------------------------------------------


def table(bundle: Path, name: str) -> list[dict[str, str]]:
    with (bundle / "data/csv" / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def bundle(
    world: World, mltrace: str, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[str]]:
    """A report on a registry, an AIline and an mltrace database, and one that is not there."""
    folder = tmp_path_factory.mktemp("recorders")
    registry = folder / "registry.db"
    with sqlite3.connect(world.uri.removeprefix("sqlite:///")) as source:
        with sqlite3.connect(registry) as target:
            source.backup(target)
        target.close()
    source.close()
    uri = f"sqlite:///{registry}"
    with mlflow_at(uri) as client:
        versions = [v for v in client.search_model_versions() if v.run_id]
        made = {v.run_id for v in versions}
        version = min(versions, key=lambda v: (v.name, int(v.version)))
        experiments = [found.experiment_id for found in client.search_experiments()]
        loose = next(
            run.info.run_id
            for run in client.search_runs(experiments)
            if run.info.run_id not in made
        )
        imported = json.loads((RECORDED / "export-import-1.2.0.json").read_text())
        for key, value in imported["versions"][1]["tags"].items():
            if value:
                client.set_model_version_tag(version.name, version.version, key, value)
        client.set_model_version_tag(version.name, version.version, "data_version", "v7")
    rows = [
        record(
            id="aa" * 32,
            type="snapshot",
            parent="5f" * 20,
            mlflow_run=version.run_id,
            **write_snapshot(folder / "snapshots", "aa" * 32),
        ),
        record(id="bb" * 20, mlflow_run=loose),
    ]
    ailine = write_ailine(folder / "ailine_tree.db", *rows)
    new_authority(folder / "keys", "Example Bank", system_clock())
    job = folder / "job.yaml"
    job.write_text(
        "job: {name: recorders}\n"
        f"registry: {{uri: '{uri}'}}\n"
        f"sources: {{ailine: [{ailine.name}, none.db], mltrace: ['{mltrace}']}}\n"
        "report: {formats: [html, csv], dossiers: [html]}\n"
        "signing: {key: 'file:keys/seal.key', certificate: keys/seal.pem, chain: [keys/ca.pem]}\n"
        "archive: {path: output}\n"
        "execute: {executor: inline, cache: cache}\n",
        encoding="utf-8",
    )
    request = pipeline.Request(period="2000-01-01/2099-12-31", only=(version.name,), force=True)
    path = pipeline.run(config.load(job), request, messages=Quiet()).path
    return path, [f"{version.name}/{version.version}", version.run_id, loose]


def test_runs_and_their_links(bundle: tuple[Path, list[str]]) -> None:
    path, (version, run, loose) = bundle
    rows = {row["record"]: row for row in table(path, "runs")}
    snapshot = rows["aa" * 32]
    assert (snapshot["mlflow_run"], snapshot["source"], snapshot["type"]) == (
        run, "ailine", "snapshot",
    )  # fmt: skip
    assert snapshot["name"] == "brave-otter"
    assert snapshot["name_mismatch"] == "true"
    assert snapshot["linked_by"] == "the record names the run"
    assert snapshot["command"] == "python src/train.py --password <removed>"
    assert rows[version]["source"] == "registry"
    assert {row["type"] for row in rows.values() if row["source"] == "mltrace"} == {
        "etl", "train", "infer", "score",
    }  # fmt: skip
    unregistered = {row["run"]: row for row in table(path, "unregistered_runs")}
    assert unregistered[loose]["recorded_by"] == f"ailine:{'bb' * 20}"


def test_the_pages_say_so(bundle: tuple[Path, list[str]]) -> None:
    path, _ = bundle
    page = (path / "data/index.html").read_text(encoding="utf-8")
    assert '<h2 id="runs">Runs' in page
    assert "none.db: there is no such file." in page
    assert "hunter2" not in page
    assert PASSWORD not in page
    (dossier,) = [
        text
        for file in path.glob("data/models/*/*/dossier.html")
        if "What other recorders say" in (text := file.read_text(encoding="utf-8"))
    ]
    assert "Imported from another registry by mlflow-export-import" in dossier
    assert "src/train.py" in dossier
    assert "data_version" in dossier


def test_the_origin_is_declared(bundle: tuple[Path, list[str]]) -> None:
    path, _ = bundle
    (edge,) = [row for row in table(path, "lineage_edges") if "origin:" in row["to"]]
    assert (edge["relation"], edge["grade"]) == ("was_derived_from", "declared")
