"""Choosing among states, and inferring one from parameters and metrics."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.gitrepo import GitRepo, lock

from audit.facts import MatchMethod, StageState
from audit.sources.dvc.files import json_text
from audit.sources.dvc.history import DvcHistory
from audit.sources.dvc.match import Inferrer, agreement, best, makes_model, params_of
from audit.sources.git.history import GitHistory

OUT = ["c" * 31 + str(n) for n in range(5)]


@given(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False))
def test_a_logged_value_agrees_with_itself(value: Any) -> None:
    assert agreement("param", {"C": str(value)}, {"train.C": value}).agrees == ("param C",)


@pytest.mark.parametrize(
    ("run", "lock", "agrees", "differs"),
    [
        ({"C": "0.5"}, {"train.C": 0.5}, ("param C",), ()),
        ({"train.C": "5e-1"}, {"C": 0.5}, ("param train.C",), ()),
        ({"clf__C": "0.5"}, {"C": 0.5}, ("param clf__C",), ()),
        ({"C": "0.5"}, {"train.BC": 0.5}, (), ()),
        ({"C": "1"}, {"train.C": 0.5}, (), ("param C: run 1, lock 0.5",)),
        ({"C": "1", "train.C": "0.5"}, {"train.C": 0.5}, ("param train.C",), ()),
        ({"a.C": "1", "b.C": "2"}, {"C": 2}, ("param b.C",), ()),
        ({"k": "[1, 'a']"}, {"k": [1, "a"]}, ("param k",), ()),
        ({"k": "[1,"}, {"k": [1]}, (), ("param k: run [1,, lock [1]",)),
        ({"k": "1"}, {"k": True}, (), ("param k: run 1, lock True",)),
        ({"k": "TRUE"}, {"k": True}, ("param k",), ()),
        ({"k": ""}, {"k": None}, (), ("param k: run , lock None",)),
        ({"k": "010"}, {"k": "10"}, (), ("param k: run 010, lock 10",)),
    ],
)
def test_values_are_compared_by_meaning(
    run: dict[str, str], lock: dict[str, Any], agrees: tuple[str, ...], differs: tuple[str, ...]
) -> None:
    found = agreement("param", run, lock)
    assert (found.agrees, found.differs) == (agrees, differs)


def _state(key: str, **params: Any) -> StageState:
    named = {f"params.yaml:{name}": json_text(value) for name, value in params.items()}
    return StageState(key, "repo", "dvc.lock", "train", (), params=named)


def test_parameters_choose_among_states_with_the_same_bytes() -> None:
    one, two, three = _state("1", C=1), _state("2", C=2), _state("3", C=2)
    assert best((one, two, three), {"C": "2"}) == (two, three)
    assert best((one, two), {"C": "9"}) == (one, two)
    assert best((), {}) == ()


@pytest.fixture
def repo(tmp_path: Path) -> GitRepo:
    return GitRepo(tmp_path / "repo")


def _inferrer(repo: GitRepo, metrics: dict[str, dict[str, float]] | None = None) -> Inferrer:
    history = DvcHistory(GitHistory(repo.path, "repo", ("main",)))
    given = metrics or {}
    return Inferrer(history, lambda state, _: given.get(state.outs[0].digest, {}))


def _train(number: int, c: float, **more: Any) -> str:
    return lock(
        {
            "prepare": ({}, {"data.csv": f"{number}" * 32}),
            "train": ({"data.csv": f"{number}" * 32}, {"model.pkl": OUT[number]}),
        },
        {"train": {"train.C": c, "seed": 1, **more}, "prepare": {"seed": 1}},
    )


def test_a_unique_state_is_inferred_and_says_why(repo: GitRepo) -> None:
    repo.commit({"dvc.lock": _train(0, 0.5)})
    repo.commit({"dvc.lock": _train(1, 1.0)})
    inferrer = _inferrer(repo, {OUT[1]: {"test.score": 0.751234512345}})
    found = inferrer.candidates({"C": "1.0", "seed": "1"}, {"score": 0.751234512345})
    assert not isinstance(found, str)
    state, match = found
    assert state.outs[0].digest == OUT[1]
    assert match.state == state.id
    assert match.method is MatchMethod.PARAMETERS
    assert match.agrees == ("param seed", "param C", "metric score")
    told = inferrer.candidates({"C": "1.0"}, {"score": 0.7})
    assert told == "the DVC locks with the run's parameters have other metrics"
    assert inferrer.candidates({"C": "7"}, {}) == "no DVC lock has the run's parameters"
    assert inferrer.candidates({}, {}) == "no DVC lock has the run's parameters"


def test_two_results_that_agree_equally_are_no_answer(repo: GitRepo) -> None:
    repo.commit({"dvc.lock": _train(0, 0.5)})
    repo.commit({"dvc.lock": _train(1, 0.5)})
    found = _inferrer(repo).candidates({"C": "0.5"}, {"score": 0.5})
    assert found == "2 different DVC results agree equally well with the run"
    # Metrics in git tell them apart.
    measured = _inferrer(repo, {OUT[0]: {"score": 0.512345612345}, OUT[1]: {"score": 0.6}})
    found = measured.candidates({"C": "0.5"}, {"score": 0.512345612345})
    assert not isinstance(found, str)
    assert found[0].outs[0].digest == OUT[0]


def test_more_parameters_that_agree_go_first(repo: GitRepo) -> None:
    repo.commit({"dvc.lock": _train(0, 0.5)})
    repo.commit({"dvc.lock": _train(1, 0.5, kind="a")})
    run, loss = {"C": "0.5", "kind": "a"}, {"loss": 0.123456712345}
    found = _inferrer(repo, {OUT[1]: loss}).candidates(run, loss)
    assert not isinstance(found, str)
    assert found[0].outs[0].digest == OUT[1]
    # What both have is the same whatever the data was.
    assert isinstance(_inferrer(repo, {OUT[0]: loss, OUT[1]: loss}).candidates(run, loss), str)


def test_equal_outs_from_different_data_are_no_answer(repo: GitRepo) -> None:
    loss = {"loss": 0.123456712345}
    for number in (0, 1):
        data = f"{number}" * 32
        stages = {"train": ({"data.csv": data}, {"model.pkl": OUT[0]})}
        repo.commit({"dvc.lock": lock(stages, {"train": {"train.C": 0.5}})})
    found = _inferrer(repo, {OUT[0]: loss}).candidates({"C": "0.5"}, loss)
    assert found == "2 different DVC results agree equally well with the run"


@pytest.mark.parametrize(
    ("metrics", "tells"),
    [
        ({}, False),
        ({"accuracy": 0.9}, False),
        ({"rows": 123456.0, "accuracy": 0.25}, False),
        ({"accuracy": 0.917, "auc": 0.803}, False),
        ({"precision": 18 / 19, "recall": 36 / 41, "f1": 72 / 79}, False),
        ({"share": 4321 / 9876}, False),
        ({"loss": 0.000123456}, True),
        ({"loss": -1.23456e-9}, True),
        ({"loss": 0.345678901234567, "accuracy": 0.9}, True),
        ({"loss": float("nan")}, False),
        ({"loss": float("inf")}, False),
        ({"loss": float(10**15)}, False),
    ],
)
def test_parameters_and_a_rounded_score_do_not_tell_the_data(
    repo: GitRepo, metrics: dict[str, float], tells: bool
) -> None:
    repo.commit({"dvc.lock": _train(0, 0.5)})
    found = _inferrer(repo, {OUT[0]: metrics}).candidates({"C": "0.5"}, metrics)
    assert isinstance(found, str) is not tells
    if not tells:
        assert found == "a DVC lock has the run's parameters, but no metric that tells its data"


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ("model.pkl", True),
        ("models/churn", True),
        ("out/net.safetensors", True),
        ("remodelled.csv", False),
        ("data/features.parquet", False),
    ],
)
def test_names_that_look_like_models(repo: GitRepo, path: str, model: bool) -> None:
    repo.commit({"dvc.lock": lock({"train": ({}, {path: OUT[0]})})})
    history = DvcHistory(GitHistory(repo.path, "repo", ("main",)))
    assert makes_model(history.all_states[0]) is model


def test_a_section_of_parameters_is_compared_by_its_keys() -> None:
    params = {"params.yaml:train": '{"C":0.5,"tree":{"depth":3}}', "params.yaml:seed": "7"}
    state = StageState("id", "churn", "dvc.lock", "train", (), params=params)
    assert params_of(state) == {"train.C": 0.5, "train.tree.depth": 3, "seed": 7}
    found = agreement("param", {"C": "0.5", "depth": "4"}, params_of(state))
    assert found.agrees == ("param C",)
    assert found.differs == ("param depth: run 4, lock 3",)
