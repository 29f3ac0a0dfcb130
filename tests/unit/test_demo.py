"""The parts of the demo that need no world: its folder, its tables, its environment."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.demo import shell, story, tables
from audit.demo import world as demo
from audit.demo.repository import FILES, lay_out
from audit.errors import AuditError, UsageError

TABLES = ("customers.csv", "transactions.csv", "labels.csv")


def silent(_: str) -> None:
    """Takes progress and does nothing with it."""


def test_a_folder_with_something_in_it_is_refused_and_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="not empty") as caught:
        demo.build(tmp_path, silent)
    assert str(tmp_path) in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_file_is_refused(tmp_path):
    path = tmp_path / "file"
    path.write_text("")
    with pytest.raises(UsageError, match="cannot be built here"):
        demo.build(path, silent)


@pytest.mark.parametrize("name", ["50%", "what?", "#1"])
def test_a_path_that_a_uri_cannot_hold_is_refused(tmp_path, name):
    with pytest.raises(UsageError, match="registry's URI"):
        demo.build(tmp_path / name, silent)
    assert not (tmp_path / name).exists()


def test_a_step_that_fails_names_its_log(tmp_path):
    shell.scratch_of(tmp_path).mkdir()
    with pytest.raises(AuditError) as caught:
        shell.child(tmp_path, "audit.demo.repository", ["no-such-project", "spring"], silent)
    assert "KeyError: 'no-such-project'" in str(caught.value)
    assert Path(caught.value.where).exists()


def test_git_tells_what_went_wrong(tmp_path):
    with pytest.raises(AuditError, match=r"git log failed: fatal: .*repository"):
        shell.git(tmp_path, "log")


def test_the_users_own_settings_do_not_reach_the_demo(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://mlflow.example.org")
    monkeypatch.setenv("GIT_DIR", "/elsewhere")
    monkeypatch.setenv("DVC_STUDIO_TOKEN", "secret")
    found = shell.environment(tmp_path)
    assert found["MLFLOW_TRACKING_URI"] == f"sqlite:///{tmp_path}/mlflow.db"
    assert found["GIT_CONFIG_GLOBAL"] == os.devnull
    assert not {"GIT_DIR", "DVC_STUDIO_TOKEN"} & set(found)


@given(st.sampled_from(TABLES), st.integers(1, 4))
def test_a_later_edition_holds_the_earlier_rows_and_more(name, edition):
    earlier, later = tables.table(name, edition), tables.table(name, edition + 1)
    assert later.startswith(earlier)
    assert len(later) > len(earlier)
    assert tables.table(name, edition) == earlier


@pytest.mark.parametrize("name", ["churn", "fraud", "world"])
def test_templates_are_laid_out_without_their_ending(tmp_path, name):
    lay_out(name, tmp_path)
    written = {path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()}
    assert len(written) == len(list((FILES / name).rglob("*.txt")))
    assert Path("README.txt" if name == "world" else ".gitignore") in written
    assert "{scikit-learn}" not in "".join((tmp_path / path).read_text() for path in written)


def test_the_story_is_told_in_order():
    for project in story.PROJECTS.values():
        times = [story.moment(training.at) for training in project.trainings]
        assert times == sorted(times)
        assert story.moment(project.founded) < times[0]
        assert story.moment(project.backtest) > times[project.backtested - 1]
