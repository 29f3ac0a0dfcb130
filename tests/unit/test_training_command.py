"""Secrets in command lines: what is taken out, and what has to stay readable."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.capture.training.command import MAX_TAG, as_tag, speaks_of_a_secret, without_secrets

SECRET = "hunter2"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--password", SECRET],
        ["--password=hunter2"],
        ["--db-password", SECRET],
        ["--dbPassword", SECRET],
        ["--aws_secret_access_key", SECRET],
        ["--api-key=hunter2"],
        ["--apikey", SECRET],
        ["--auth-token", SECRET],
        ["-token", SECRET],
        ["--password", "-hunter2"],
        ["DB_PASSWORD=hunter2"],
        ["+db.password=hunter2"],
        ["--set", "db.password=hunter2"],
        ['{"user": "bob", "password": "hunter2"}'],
        ["host=db password=hunter2 dbname=x"],
        ["postgresql://bob:hunter2@db/x"],
        ["postgresql://bob:hunt/hunter2@db/x"],
        ["postgresql://bob:a@hunter2@db/x"],
        ["--url=https://hunter2@example.org/x"],
        ["https://example.org/x?a=1&access_token=hunter2&b=2"],
        ["-H", "Authorization: Basic hunter2 and more hunter2"],
        ["Bearer hunter2"],
        ["--", "x", "--secret", SECRET],
    ],
)
def test_a_secret_is_removed(arguments: list[str]) -> None:
    shown = json.dumps(without_secrets(["train.py", *arguments, "--lr", "0.1"]))
    assert SECRET not in shown
    assert "<removed>" in shown
    assert json.loads(shown)[-2:] == ["--lr", "0.1"]


@pytest.mark.parametrize(
    "token",
    [
        "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
        "AKIAIOSFODNN7EXAMPLE12",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc",
        "wJalrXUtnFEMI7K7MDENGbPxRfiCYEXAMPLEKEY",
    ],
)
def test_what_looks_like_a_token_is_removed_anywhere(token: str) -> None:
    assert token not in as_tag(["train.py", token])


def test_a_digest_stays_but_behind_a_short_option() -> None:
    digest = "5d41402abc4b2a76b9719d911017c592"
    assert without_secrets(["t", "--data", digest, digest]) == ["t", "--data", digest, digest]
    assert without_secrets(["t", "-k", digest]) == ["t", "-k", "<removed>"]


@pytest.mark.parametrize(
    "argument",
    [
        "--learning-rate=0.1",
        "--tokenizer=bert-base-uncased",
        "--max-tokens=512",
        "model.hidden=128",
        "data/raw/transactions-2026-09-30.csv",
        "s3://bucket/models/churn/2026/Q3/model.pkl",
        "src/models/ChurnClassifierVersion2/train.py",
        "--monitor=val_loss",
    ],
)
def test_what_is_no_secret_stays(argument: str) -> None:
    assert without_secrets(["train.py", argument]) == ["train.py", argument]


def test_an_option_after_a_secret_option_is_no_value() -> None:
    assert without_secrets(["t", "--auth", "--lr", "0.1"]) == ["t", "--auth", "--lr", "0.1"]


def test_a_long_line_stays_json_of_a_tag_s_length() -> None:
    for arguments in (["x" * 50_000], [f"file-{n}.csv" for n in range(50_000)], ["\x00\udcff"] * 9):
        tag = as_tag(["train.py", *arguments])
        assert len(tag) <= MAX_TAG
        assert json.loads(tag)[0] == "train.py"
    assert "more" in as_tag([f"file-{n}.csv" for n in range(50_000)])


@given(st.lists(st.text(max_size=60), max_size=20))
def test_any_line_becomes_json_and_keeps_its_length(arguments: list[str]) -> None:
    assert len(without_secrets(arguments)) == len(arguments)
    assert isinstance(json.loads(as_tag(arguments)), list)


@given(st.from_regex(r"[a-z]{1,8}[-_.](password|token|secret|key)", fullmatch=True))
def test_names_that_end_in_a_secret_word(name: str) -> None:
    assert speaks_of_a_secret(name)
    assert without_secrets([f"--{name}", "x"])[1] == "<removed>"
