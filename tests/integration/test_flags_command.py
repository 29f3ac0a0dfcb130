"""``flag``, ``unflag`` and ``review`` on the demo's registry, in a ledger of their own."""

import json
import shutil

import pytest
from support.quarters import quarters
from support.world import demo_world

from audit.cli import main
from audit.ledger import Ledger

__all__ = ["demo_world", "quarters"]
pytestmark = pytest.mark.xdist_group("quarters")


@pytest.fixture
def job(quarters, tmp_path):
    """A job on the demo's registry and bundles, whose ledger nobody else uses."""
    root = quarters.world.folder
    registry = tmp_path / "mlflow.db"
    shutil.copyfile(root / "mlflow.db", registry)
    file = tmp_path / "job.yaml"
    file.write_text(
        f"job: {{name: quarterly}}\n"
        f"registry: {{uri: 'sqlite:///{registry}'}}\n"
        f"code: [{{path: '{root / 'churn'}'}}]\n"
        f"ledger: sqlite:///ledger.db\n"
        f"archive: {{path: '{root / 'output'}'}}\n"
        f"execute: {{cache: cache}}\n"
    )
    return file


@pytest.fixture
def ask(job, capsys):
    def asked(*arguments):
        code = main([*arguments, "-c", str(job), "-q"])
        told = capsys.readouterr()
        return code, told.out, told.err

    return asked


def test_a_flag_is_set_listed_reviewed_and_taken_back(ask, job):
    assert ask("flag", "churn/3", "--reason", "drifted", "--by", "alice")[0] == 0
    code, told, _ = ask("flag", "models:/churn@champion", "--reason", "drifted  too")
    assert (code, told) == (0, "churn/4 is flagged\n")
    listed = json.loads(ask("flag", "--list", "--format", "json")[1])
    assert [(item["version"], item["reason"]) for item in listed] == [
        ("churn/3", "drifted"),
        ("churn/4", "drifted too"),
    ]
    assert listed[1]["by"]
    code, told, _ = ask("review", "--format", "json")
    answer = json.loads(told)
    assert (code, answer["flagged"]) == (0, ["churn/3", "churn/4"])
    best = answer["in_common"][0]
    assert (best["coverage"], best["others"]) == (1.0, 0)
    code, told, _ = ask("impact", best["component"], "--format", "json")
    assert {item["version"] for item in json.loads(told)["versions"]} == {3, 4}
    assert ask("unflag", "churn/3", "--reason", "a false alarm")[0] == 0
    assert "churn/3" not in ask("flag", "--list")[1]
    ledger = Ledger(f"sqlite:///{job.parent}/ledger.db")
    ledger.verify()
    assert ledger.head()[1] == 3


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("flag", "churn/99", "--reason", "x"), "no version 99 in the registry. Near it: churn/"),
        (("flag", "chrun/4", "--reason", "x"), "no model of this name is in the registry"),
        (("flag", "churn/4"), "--reason is needed"),
        (("flag", "churn/4", "--reason", " \n"), "--reason is needed"),
        (("flag", "churn/4", "--reason", "x" * 2001), "--reason is longer than 2000"),
        (("flag",), "no version is named"),
        (("flag", "churn/4", "--list"), "--list takes no version"),
        (("flag", "--list"), "there is no ledger"),
        (("review", "--also", "churn/99"), "no version 99 in the bundle"),
        (("impact", "zzzzzzz", "--ancestry"), "not a commit"),
    ],
)
def test_a_mistake_is_one_line_and_writes_nothing(ask, job, arguments, told):
    code, out, err = ask(*arguments)
    assert code == (3 if "no ledger" in told else 2)
    assert told in err
    assert out == ""
    assert err.splitlines()[-1].startswith("mlflow-audit: ")
    assert not (job.parent / "ledger.db").exists()


def test_without_the_registry_the_newest_bundle_says_which_versions_there_are(ask, job):
    (job.parent / "mlflow.db").unlink()
    code, _, err = ask("flag", "churn/4", "--reason", "drifted")
    assert code == 0
    assert "the registry was not asked" in err
    assert ask("flag", "churn/99", "--reason", "drifted")[0] == 2


def test_a_flagged_version_that_is_gone_can_be_unflagged(ask, job):
    ask("flag", "churn/4", "--reason", "drifted")
    (job.parent / "mlflow.db").unlink()
    code, told, _ = ask("unflag", "churn/4", "--reason", "gone")
    assert (code, told) == (0, "churn/4 is no longer flagged\n")
    assert ask("unflag", "churn/4", "--reason", "again")[0] == 2


def test_a_bundle_is_reviewed_by_the_flags_it_was_sealed_with(ask, job, quarters):
    code, told, _ = ask("review", "--bundle", str(quarters.second))
    assert (code, told) == (0, "no version is flagged\n")
    named = ("--also", "churn/4", "--also", "churn/5")
    code, told, _ = ask("review", "--bundle", str(quarters.second), *named)
    assert told.startswith("2 flagged versions, ")


def test_answers_are_drawn_and_written_to_files(ask, tmp_path):
    for form, beginning in (("svg", "<svg"), ("html", "<!DOCTYPE html>")):
        file = tmp_path / f"trace.{form}"
        code, told, _ = ask("trace", "churn/4", "--both", "--format", form, "-o", str(file))
        assert (code, told) == (0, "")
        assert file.read_text(encoding="utf-8").startswith(beginning)
        code, told, _ = ask("impact", "src/train.py", "--format", form)
        assert (code, told.startswith(beginning)) == (0, True)
    assert ask("trace", "churn/4", "-o", str(tmp_path / "no" / "such"))[0] == 2


def test_ancestry_finds_the_versions_that_were_made_later(ask, quarters):
    lock = json.loads(ask("trace", "churn/2", "--format", "json")[1])["up"]
    commit = next(s["node"]["digest"] for s in lock if s["node"]["role"].endswith("lock"))
    plain = json.loads(ask("impact", commit, "--format", "json")[1])
    later = json.loads(ask("impact", commit, "--ancestry", "--format", "json")[1])
    assert {item["version"] for item in plain["versions"]} < {
        item["version"] for item in later["versions"] if item["model"] == "churn"
    }
