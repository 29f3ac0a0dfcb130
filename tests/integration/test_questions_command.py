"""``trace``, ``impact`` and ``diff`` asked of the demo's bundles, of which the truth is known."""

import csv
import io
import json
import shutil
from collections import defaultdict

import pytest
from support.quarters import quarters
from support.world import demo_world

from audit.cli import main

__all__ = ["demo_world", "quarters"]
pytestmark = pytest.mark.xdist_group("quarters")


@pytest.fixture
def ask(quarters, capsys):
    """Ask the newest bundle of the demo's job, as JSON; returns exit code and answer."""

    def asked(*arguments, form="json"):
        code = main([*arguments, "-c", str(quarters.world.job_file), "-q", "--format", form])
        told = capsys.readouterr()
        return code, (json.loads(told.out) if form == "json" and code == 0 else told.out + told.err)

    return asked


def raw_files(quarters):
    """Return the raw files that each version was really made from; a copy's are its origin's."""
    truth = {item.key: item for item in quarters.world.truth}

    def raw(item):
        return raw(truth[item.copy_of]) if item.copy_of else item.raw

    return {key: raw(item) for key, item in truth.items()}


def made_from(quarters):
    """Return the versions by the digest of every raw file that they were really made from."""
    found = defaultdict(set)
    for key, raw in raw_files(quarters).items():
        for digest in raw.values():
            found[digest].add(key)
    assert len(found) > 3
    return found


def test_impact_finds_the_versions_that_were_made_from_a_file_and_no_other(quarters, ask):
    every = {truth.key for truth in quarters.world.truth}
    for digest, truth in made_from(quarters).items():
        code, answer = ask("impact", digest)
        assert code == 0
        told = {f"{item['model']}/{item['version']}" for item in answer["versions"]}
        undecided = {item["version"] for item in answer["undecided"]}
        assert told <= truth <= told | undecided, digest
        assert told | undecided <= every
        holders = [bool(item["aliases"]) for item in answer["versions"]]
        assert holders == sorted(holders, reverse=True)
        assert all(
            item["path"][-1]["node"]["kind"] == "model_version" for item in answer["versions"]
        )


def test_trace_leads_each_version_to_its_raw_files_or_says_that_it_cannot(quarters, ask):
    for key, truth in raw_files(quarters).items():
        code, answer = ask("trace", key)
        assert code == 0
        raw = {
            step["node"]["label"].rpartition("/")[2]: step["node"]["digest"].removeprefix("md5:")
            for step in answer["up"]
            if step["node"]["kind"] == "file" and step["node"]["role"] == "raw"
        }
        assert raw.items() <= truth.items(), key
        assert raw == truth or answer["lineage"] != "complete", key


def test_a_trace_names_what_is_wrong_before_the_chain(ask):
    code, told = ask("trace", "churn/3", form="table")
    assert code == 0
    assert "\x1b" not in told
    assert told.index("[CONTRADICTED]") < told.index("back to its data")
    assert told.splitlines()[1] == "lineage contradicted"


def test_a_copy_and_a_backtest_stand_downstream(ask):
    _, answer = ask("trace", "models:/fraud@champion", "--down")
    names = [step["node"]["label"] for step in answer["down"]]
    assert {"champion", "fraud-eu v1", "fraud-eu v2", "backtest-fraud-4"} <= set(names)
    assert "up" not in answer


def test_impact_of_a_commit_and_of_a_package(quarters, ask):
    truth = next(item for item in quarters.world.truth if item.key == "churn/4")
    for commit in (truth.lock, truth.tagged[:7]):
        _, answer = ask("impact", commit)
        assert "churn/4" in {f"{i['model']}/{i['version']}" for i in answer["versions"]}
    _, told = ask("impact", "scikit-learn", form="csv")
    rows = list(csv.DictReader(io.StringIO(told)))
    assert {row["grade"] for row in rows} <= {"declared", "contradicted"}
    assert len(rows) == len(quarters.world.truth)


def test_what_is_unknown_is_refused_in_one_line(ask):
    for question in (("trace", "churn/99"), ("impact", "customers.csv"), ("diff", "churn/1", "x")):
        code, told = ask(*question)
        assert code == 2
        assert len(told.splitlines()) == 1, told


def test_diff_of_versions_tells_the_raw_files_that_changed(quarters, ask):
    truth = {item.key: item for item in quarters.world.truth}
    code, answer = ask("diff", "churn/2", "churn/4")
    assert code == 0
    parts = {part["name"]: part for part in answer["parts"]}
    assert {
        (item["what"].rpartition("/")[2], item["before"], item["after"])
        for item in parts["raw data"]["differences"]
    } == {
        (
            "customers.csv",
            f"md5:{truth['churn/2'].raw['customers.csv']}",
            f"md5:{truth['churn/4'].raw['customers.csv']}",
        )
    }
    assert parts["weights"]["differences"]


def test_diff_of_bundles_tells_what_came_and_what_was_tampered_with(quarters, ask):
    code, answer = ask("diff", str(quarters.first), str(quarters.second))
    assert code == 0
    assert "churn/4" in answer["came"]
    assert {"name": "churn/3", "what": "weights", "before": "verified", "after": "changed"} in (
        answer["statuses"]
    )


def test_the_bundle_that_is_named_is_asked_and_held_against_its_manifest(
    quarters, tmp_path, capsys
):
    assert main(["trace", "churn/4", "--bundle", str(quarters.first)]) == 2
    assert main(["trace", "churn/3", "--bundle", str(quarters.first)]) == 0
    assert "lineage complete" in capsys.readouterr().out
    forged = tmp_path / "forged"
    (forged / "data").mkdir(parents=True)
    for name in ("facts.jsonl", "manifest.json"):
        shutil.copyfile(quarters.first / "data" / name, forged / "data" / name)
    with (forged / "data" / "facts.jsonl").open("ab") as facts:
        facts.write(b"\n")
    assert main(["trace", "churn/3", "--bundle", str(forged)]) == 4
    (forged / "data" / "manifest.json").write_bytes(b"")
    capsys.readouterr()
    assert main(["trace", "churn/3", "--bundle", str(forged)]) == 4
    assert "data/manifest.json: not a manifest" in capsys.readouterr().err
    assert main(["trace", "churn/3", "--bundle", str(tmp_path)]) == 2
    assert main(["diff", "churn/3", str(quarters.first), "--bundle", str(quarters.first)]) == 2
