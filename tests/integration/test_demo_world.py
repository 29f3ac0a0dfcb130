"""Holds the demo's world against its truth, with git, SQL and YAML only."""

import hashlib
import json
import re
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.world import copied, demo_world

from audit import config, period
from audit.demo import story
from audit.demo import world as demo
from audit.demo.story import Oddity, Workflow
from audit.demo.world import VersionTruth, World

__all__ = ["demo_world"]
pytestmark = pytest.mark.slow

SPRING = period.parse("2026-Q2", "Europe/Berlin")
SUMMER = period.parse("2026-Q3", "Europe/Berlin")


@pytest.fixture(scope="module")
def sql(demo_world: World) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(f"file:{demo_world.folder}/mlflow.db?mode=ro", uri=True)) as rows:
        rows.row_factory = sqlite3.Row
        yield rows


def git(world: World, project: str, *arguments: str) -> str:
    command = ("git", "-C", str(world.repositories[project]), *arguments)
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def lock_at(world: World, project: str, commit: str) -> dict[str, Any]:
    listed = git(world, project, "ls-tree", "--name-only", commit)
    if "dvc.lock" not in listed.split():
        return {}
    return yaml.safe_load(git(world, project, "show", f"{commit}:dvc.lock"))["stages"]


def digests(stages: dict[str, Any], role: str) -> dict[str, str]:
    return {item["path"]: item["md5"] for stage in stages.values() for item in stage.get(role, ())}


def trained(world: World) -> list[VersionTruth]:
    return [truth for truth in world.truth if truth.workflow]


def with_oddity(world: World, oddity: Oddity) -> list[VersionTruth]:
    return [truth for truth in world.truth if oddity.value in truth.oddities]


def version_row(sql: sqlite3.Connection, truth: VersionTruth) -> sqlite3.Row:
    return sql.execute(
        "SELECT * FROM model_versions WHERE name = ? AND version = ?", (truth.model, truth.version)
    ).fetchone()


def test_it_holds_three_models_and_the_versions_of_the_truth(demo_world, sql):
    keys = {
        f"{row['name']}/{row['version']}" for row in sql.execute("SELECT * FROM model_versions")
    }
    assert keys == {truth.key for truth in demo_world.truth}
    assert {truth.model for truth in demo_world.truth} == {"churn", "fraud", "fraud-eu"}
    assert demo.load(demo_world.folder) == demo_world


def test_each_weights_file_is_in_the_lock_of_its_own_training_only(demo_world):
    assert len({truth.weights_md5 for truth in trained(demo_world)}) == len(trained(demo_world))
    for truth in trained(demo_world):
        weights = demo_world.folder / truth.location / "model.pkl"
        assert hashlib.md5(weights.read_bytes()).hexdigest() == truth.weights_md5
        locked = lock_at(demo_world, truth.model, truth.lock)
        assert digests(locked, "outs")["models/model.pkl"] == truth.weights_md5
        for table, md5 in truth.raw.items():
            assert digests(locked, "deps")[f"data/raw/{table}"] == md5


def test_runs_carry_the_commit_that_was_checked_out(demo_world, sql):
    tags = dict(
        sql.execute("SELECT run_uuid, value FROM tags WHERE key = 'mlflow.source.git.commit'")
    )
    gone = {truth.run_id for truth in with_oddity(demo_world, Oddity.RUN_GONE)}
    for truth in trained(demo_world):
        assert tags.get(truth.run_id) == (None if truth.run_id in gone else truth.tagged)


def test_the_four_workflows_leave_the_tags_that_they_leave_in_life(demo_world):
    assert {truth.workflow for truth in trained(demo_world)} == set(Workflow)
    for truth in trained(demo_world):
        at_tag = digests(lock_at(demo_world, truth.model, truth.tagged), "outs")
        matches = at_tag.get("models/model.pkl") == truth.weights_md5
        if truth.workflow == Workflow.RERUN:
            assert truth.tagged == truth.lock
            assert matches
            continue
        assert not matches
        assert git(demo_world, truth.model, "rev-parse", f"{truth.lock}^") == truth.tagged
        changed = git(demo_world, truth.model, "diff", "--name-only", truth.tagged, truth.lock)
        generated = {"dvc.lock", "metrics.json"}
        assert generated <= set(changed.split())
        clean_code = all(
            name in generated or name.endswith(".gitignore") for name in changed.split()
        )
        assert clean_code is (truth.workflow == Workflow.BEFORE)


def test_branches_are_merged_by_a_pull_request_but_one(demo_world):
    unmerged = with_oddity(demo_world, Oddity.UNMERGED)
    for truth in trained(demo_world):
        on_main = git(demo_world, truth.model, "rev-list", "main").split()
        assert (truth.lock in on_main) is (truth not in unmerged)
        assert (truth.tagged in on_main) is (truth not in unmerged)
        if truth.workflow == Workflow.BRANCH:
            merges = git(
                demo_world, truth.model, "log", "--merges", "--ancestry-path", "--format=%an %s",
                f"{truth.lock}..main",
            )  # fmt: skip
            assert re.fullmatch(r"carol Merge pull request #\d+ from models/[a-z-]+", merges)
    assert [truth.key for truth in unmerged] == ["churn/5"]


def test_all_times_lie_in_the_two_quarters(demo_world, sql):
    tables = [name for (name,) in sql.execute("SELECT name FROM sqlite_master WHERE type='table'")]
    times = [
        value
        for table in tables
        for row in sql.execute(f"SELECT * FROM {table}")
        for value in tuple(row)
        if isinstance(value, int) and value > 1_500_000_000_000
    ]
    assert len(times) > 60
    assert all(time in SPRING or time in SUMMER for time in times)
    for project in demo_world.repositories:
        dates = git(demo_world, project, "log", "--all", "--format=%at%n%ct").split()
        assert all(int(at) * 1000 in SPRING or int(at) * 1000 in SUMMER for at in dates)
    for described in demo_world.folder.rglob("MLmodel"):
        made = yaml.safe_load(described.read_text())["utc_time_created"]
        assert "2026-04-08" <= made < "2026-10"


def test_versions_are_created_when_they_were_trained_or_made(demo_world, sql):
    for truth in demo_world.truth:
        row = version_row(sql, truth)
        assert truth.at <= row["creation_time"] < truth.at + 2 * story.MINUTE
        assert row["creation_time"] <= row["last_updated_time"]
    quarters = [truth.at in SUMMER for truth in demo_world.truth]
    assert any(quarters)
    assert not all(quarters)


def test_the_deleted_version_is_a_tombstone_and_its_run_deleted(demo_world, sql):
    (truth,) = with_oddity(demo_world, Oddity.DELETED)
    row = version_row(sql, truth)
    assert row["current_stage"] == "Deleted_Internal"
    assert row["source"] == "REDACTED-SOURCE-PATH"
    assert row["last_updated_time"] in SUMMER
    assert row["storage_location"].endswith(truth.location)
    run = sql.execute("SELECT * FROM runs WHERE run_uuid = ?", (truth.run_id,)).fetchone()
    assert run["lifecycle_stage"] == "deleted"
    assert run["deleted_time"] == row["last_updated_time"]


def test_the_purged_run_leaves_a_version_that_names_nothing(demo_world, sql):
    (truth,) = with_oddity(demo_world, Oddity.RUN_GONE)
    assert version_row(sql, truth)["run_id"] == truth.run_id
    for table in ("runs", "params", "metrics", "latest_metrics", "tags"):
        count = f"SELECT count(*) FROM {table} WHERE run_uuid = ?"
        assert sql.execute(count, (truth.run_id,)).fetchone()[0] == 0
    orphans = "SELECT count(*) FROM inputs WHERE destination_id = ? OR source_id = ?"
    assert sql.execute(orphans, (truth.run_id, truth.run_id)).fetchone()[0] > 0


def test_copies_share_the_storage_of_the_original(demo_world, sql):
    copies = [truth for truth in demo_world.truth if truth.copy_of]
    assert [truth.copy_of for truth in copies] == ["fraud/4", "fraud-eu/1"]
    for truth in copies:
        row = version_row(sql, truth)
        assert row["source"] == f"models:/{truth.copy_of}"
        assert truth.location == demo_world.version("fraud", 4).location
        assert row["run_id"] == demo_world.version("fraud", 4).run_id


def test_one_version_has_no_run_and_a_source_outside_any(demo_world, sql):
    (truth,) = with_oddity(demo_world, Oddity.NO_RUN)
    row = version_row(sql, truth)
    assert row["run_id"] is None
    assert row["source"] == (demo_world.folder / truth.location).as_uri()
    weights = (demo_world.folder / truth.location / "model.pkl").read_bytes()
    known = {other.weights_md5 for other in demo_world.truth}
    assert hashlib.md5(weights).hexdigest() not in known


def test_data_sets_are_logged_with_schema_and_source_but_once(demo_world, sql):
    without = with_oddity(demo_world, Oddity.NO_DATASET)
    for truth in trained(demo_world):
        logged = sql.execute(
            "SELECT dataset_source, dataset_schema FROM inputs JOIN datasets"
            " ON source_id = dataset_uuid WHERE destination_id = ?",
            (truth.run_id,),
        ).fetchall()
        sources = {json.loads(row["dataset_source"])["uri"] for row in logged}
        expected = set() if truth in without else {f"data/raw/{table}" for table in truth.raw}
        assert sources == expected
        assert all(json.loads(row["dataset_schema"])["mlflow_colspec"] for row in logged)


def test_one_version_has_loose_requirements(demo_world):
    loose = with_oddity(demo_world, Oddity.UNPINNED)
    for truth in trained(demo_world):
        lines = (demo_world.folder / truth.location / "requirements.txt").read_text().split()
        assert all("==" in line for line in lines) is (truth not in loose)
        assert any(line.startswith("scikit-learn") for line in lines)


def test_the_vendor_feed_is_in_the_lock_and_nowhere_else(demo_world):
    (truth,) = with_oddity(demo_world, Oddity.UNTRACKED_INPUT)
    locked = lock_at(demo_world, truth.model, truth.lock)
    md5 = digests(locked, "deps")["data/vendor_feed.csv"]
    assert md5 not in digests(locked, "outs").values()
    assert not git(demo_world, truth.model, "log", "--all", "--oneline", "--", "*vendor_feed.csv*")
    assert git(demo_world, truth.model, "check-ignore", "data/vendor_feed.csv")
    others = [other for other in trained(demo_world) if other != truth]
    for other in others:
        path = "data/vendor_feed.csv"
        assert path not in digests(lock_at(demo_world, other.model, other.lock), "deps")


def test_every_data_object_is_in_its_remote_but_one(demo_world):
    missing = set()
    for truth in trained(demo_world):
        outs = digests(lock_at(demo_world, truth.model, truth.lock), "outs")
        outs.pop("metrics.json")
        wanted = {*outs.values(), *truth.raw.values()}
        store = demo_world.folder / "remotes" / truth.model / "files/md5"
        for md5 in set(wanted):
            if md5.endswith(".dir"):
                members = json.loads((store / md5[:2] / md5[2:]).read_text())
                wanted |= {member["md5"] for member in members}
        missing |= {(truth.key, md5) for md5 in wanted if not (store / md5[:2] / md5[2:]).exists()}
    (truth,) = with_oddity(demo_world, Oddity.RAW_LOST)
    assert missing == {(truth.key, truth.raw["customers.csv"])}


def test_monitoring_runs_consume_a_version_of_each_project(demo_world, sql):
    consumed = sql.execute(
        "SELECT source_id, destination_id FROM inputs WHERE source_type = 'RUN_INPUT'"
    ).fetchall()
    expected = {Path(demo_world.version(name, 4).location).parts[-2] for name in ("churn", "fraud")}
    assert {row["destination_id"] for row in consumed} == expected
    for row in consumed:
        run = sql.execute("SELECT * FROM runs WHERE run_uuid = ?", (row["source_id"],)).fetchone()
        assert run["start_time"] in SUMMER
        assert run["user_id"] == "monitoring"


def test_aliases_stand_where_they_moved_to(sql):
    found = {
        (row["name"], row["alias"]): row["version"]
        for row in sql.execute("SELECT * FROM registered_model_aliases")
    }
    assert found == {
        ("churn", "champion"): 4,
        ("churn", "challenger"): 5,
        ("fraud", "champion"): 4,
        ("fraud-eu", "champion"): 2,
    }


def test_the_job_file_loads_and_names_what_is_there(demo_world):
    job = config.load(demo_world.job_file)
    assert job.job.organisation == "Example Bank"
    assert job.registry.uri == demo_world.registry_uri
    assert [code.path for code in job.code] == list(demo_world.repositories.values())
    assert job.signing.key == f"file:{demo_world.keys / 'seal.key'}"
    waivers = config.read_yaml(job.controls.waivers, "waiver file")["waivers"]
    assert [str(waiver["expires"]) for waiver in waivers] == ["2026-12-31", "2026-06-30"]


def test_nothing_is_left_over(demo_world):
    names = {path.name for path in demo_world.folder.iterdir()}
    assert names == {
        "README.txt", "artifacts", "churn", "configs", "fraud", "handover", "mlflow.db",
        "remotes", "truth.json",
    }  # fmt: skip
    for project in demo_world.repositories:
        assert not git(demo_world, project, "status", "--porcelain")
        authors = set(git(demo_world, project, "log", "--all", "--format=%ae").split())
        assert authors <= {f"{name}@example.org" for name in ("alice", "bob", "carol")}


def test_tampering_changes_one_bit_and_nothing_else(demo_world, tmp_path):
    world = copied(demo_world, tmp_path / "copy")
    original = demo_world.folder / demo_world.version(*story.TAMPERED).location / "model.pkl"
    changed = demo.tamper(world)
    assert changed.is_relative_to(world.folder)
    before, after = original.read_bytes(), changed.read_bytes()
    flipped = [a ^ b for a, b in zip(before, after, strict=True) if a != b]
    assert flipped == [1]
    assert changed.stat().st_mtime_ns == original.stat().st_mtime_ns
    with closing(sqlite3.connect(world.folder / "mlflow.db")) as rows:
        (location,) = rows.execute(
            "SELECT storage_location FROM model_versions WHERE name = ? AND version = ?",
            story.TAMPERED,
        ).fetchone()
    assert location == changed.parent.as_uri()
