"""``mlflow-audit history``: asked of a ledger that snapshots of a real registry filled."""

import csv
import datetime as dt
import io
import json
import time
from pathlib import Path

import pytest
from support.registry import mlflow_at

from audit.cli import main
from audit.history.rows import ACTION_COLUMNS


@pytest.fixture(scope="module")
def job(tmp_path_factory) -> Path:
    """A job whose ledger has seen a model made, moved, renamed, deleted and made again."""
    folder = tmp_path_factory.mktemp("history")
    uri, path = f"sqlite:///{folder / 'mlflow.db'}", folder / "job.yaml"
    path.write_text(
        f"job: {{name: test}}\nregistry: {{uri: '{uri}'}}\n"
        f"ledger: 'sqlite:///{folder / 'ledger.db'}'\n"
    )
    moments = {}
    with mlflow_at(uri) as client:

        def seen(name):
            time.sleep(0.02)
            assert main(["snapshot", str(path), "-q"]) == 0
            moments[name] = dt.datetime.now(dt.UTC).isoformat()
            time.sleep(0.02)

        client.create_registered_model("other")
        seen("empty")
        client.create_registered_model("fraud", description="finds fraud")
        for number in (1, 2):
            client.create_model_version("fraud", f"s3://models/{number}")
        client.set_registered_model_alias("fraud", "champion", "1")
        seen("first")
        client.set_registered_model_alias("fraud", "champion", "2")
        client.set_model_version_tag("fraud", "2", "approved", "yes")
        seen("moved")
        client.rename_registered_model("fraud", "scoring")
        seen("renamed")
        client.delete_registered_model("scoring")
        seen("deleted")
        client.create_registered_model("fraud")
        seen("again")
    (folder / "moments.json").write_text(json.dumps(moments))
    return path


def asked(job, capsys, *arguments):
    assert main(["history", *arguments, "-c", str(job)]) == 0
    return capsys.readouterr().out


def moment(job, name):
    return json.loads((job.parent / "moments.json").read_text())[name]


def test_two_models_of_one_name_are_told_apart_with_all_their_names(job, capsys):
    answer = json.loads(asked(job, capsys, "fraud", "--format", "json"))
    assert [model["names"] for model in answer["models"]] == [["scoring", "fraud"], ["fraud"]]
    first, second = ([a["kind"] for a in model["actions"]] for model in answer["models"])
    assert second == ["model_created"]
    assert first[0] == "model_created"
    assert "model_deleted" in first
    assert "model_renamed" in first
    assert first.count("alias_moved") == 1
    later = json.loads(asked(job, capsys, "scoring", "--format", "json"))
    assert [model["identity"] for model in later["models"]] == [answer["models"][0]["identity"]]


def test_a_moved_alias_is_bracketed_by_the_readings(job, capsys):
    text = asked(job, capsys, "fraud", "--action", "alias_moved")
    assert "champion 1 → 2" in text
    assert "between " in text
    assert "not recorded" in text
    assert "model_renamed" not in text


def test_csv_has_the_columns_of_the_contract(job, capsys):
    rows = list(csv.reader(io.StringIO(asked(job, capsys, "fraud", "--format", "csv"))))
    assert tuple(rows[0]) == ACTION_COLUMNS
    assert {len(row) for row in rows} == {len(ACTION_COLUMNS)}


def test_as_of_a_moment_the_aliases_are_those_that_were(job, capsys):
    for name, number in (("first", 1), ("moved", 2)):
        text = asked(job, capsys, "fraud", "--at", moment(job, name))
        assert f"champion  version {number}" in text
        assert "finds fraud" in text
    assert "approved=yes" in text
    state = json.loads(
        asked(job, capsys, "fraud", "--at", moment(job, "renamed"), "--format", "json")
    )
    assert [model["there"] for model in state["models"]] == [True, False]
    assert {row["model"] for row in state["models"][0]["state"]} == {"scoring"}


def test_limits_and_actor(job, capsys):
    text = asked(job, capsys, "fraud", "--until", moment(job, "empty"))
    assert "alias_moved" not in text
    assert "no action on record" in asked(job, capsys, "fraud", "--actor", "nobody")


def test_an_unknown_model_is_one_line_with_the_nearest_names(job, capsys):
    assert main(["history", "fruad", "-c", str(job)]) == 2
    error = capsys.readouterr().err
    assert "no model of this name was ever observed: 'fruad'. Near it: fraud" in error
    assert error.count("\n") == 1


def test_before_the_first_observation_nothing_is_claimed(job, capsys):
    assert main(["history", "fraud", "-c", str(job), "--at", "2020-01-01T00:00Z"]) == 3
    assert "how it stood before is not known" in capsys.readouterr().err


def test_a_time_that_is_none_is_refused(job, capsys):
    assert main(["history", "fraud", "-c", str(job), "--at", "yesterday"]) == 2
    assert "not a time: 'yesterday'" in capsys.readouterr().err
