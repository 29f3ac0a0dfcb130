"""Which requests the server plugin keeps, and what it takes out of them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.capture.server.calls import MAX_NAME, storable
from audit.capture.server.routes import MAX_BODY, Concern, concern, kept_path, model_of

REGISTRY, WEIGHTS = Concern.REGISTRY, Concern.WEIGHTS


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("POST", "/api/2.0/mlflow/registered-models/create", REGISTRY),
        ("POST", "/ajax-api/2.0/mlflow/registered-models/alias", REGISTRY),
        ("DELETE", "/api/2.0/mlflow/registered-models/alias", REGISTRY),
        ("DELETE", "/api/3.0/mlflow/registered-models/delete", REGISTRY),
        ("PATCH", "/ajax-api/3.0/mlflow/model-versions/update", REGISTRY),
        ("POST", "/api/2.0/mlflow/model-versions/transition-stage", REGISTRY),
        ("POST", "/api/2.0/mlflow/registered-models/get-latest-versions", None),
        ("GET", "/api/2.0/mlflow/registered-models/alias", None),
        ("HEAD", "/api/2.0/mlflow/registered-models/create", None),
        ("PUT", "/api/2.0/mlflow-artifacts/artifacts/1/run/artifacts/model.pkl", WEIGHTS),
        ("PUT", "/ajax-api/2.0/mlflow-artifacts/artifacts/a\nb", WEIGHTS),
        ("DELETE", "/api/2.0/mlflow-artifacts/artifacts/1/run/artifacts", WEIGHTS),
        ("GET", "/api/2.0/mlflow-artifacts/artifacts/1/run/artifacts/model.pkl", None),
        ("POST", "/api/2.0/mlflow-artifacts/mpu/create/1/run", WEIGHTS),
        ("POST", "/ajax-api/2.0/mlflow-artifacts/mpu/complete/1/run", WEIGHTS),
        ("POST", "/api/2.0/mlflow-artifacts/mpu/abort/1/run", WEIGHTS),
        ("POST", "/api/2.0/mlflow/artifacts/presigned-upload-url", WEIGHTS),
        ("POST", "/api/2.0/mlflow/artifacts/presigned-download-url", None),
        ("POST", "/ajax-api/2.0/mlflow/upload-artifact", WEIGHTS),
        ("POST", "/api/2.0/mlflow/users/create", None),
        ("PATCH", "/ajax-api/2.0/mlflow/users/update-password", None),
        ("POST", "/api/2.0/mlflow/users/create/api/2.0/mlflow/registered-models/create", None),
        ("POST", "/x/api/2.0/mlflow/registered-models/create", None),
    ],
)
def test_concern(method: str, path: str, expected: Concern | None) -> None:
    assert concern(method, path) is expected


@pytest.mark.parametrize("prefix", ["/mlflow", "/mlflow/"])
def test_static_prefix(prefix: str) -> None:
    path = "/mlflow/api/2.0/mlflow/registered-models/create"
    assert concern("POST", path, prefix) is REGISTRY
    assert concern("POST", path) is None


def test_of_a_query_only_the_file_is_kept() -> None:
    path = "/ajax-api/2.0/mlflow/upload-artifact"
    assert kept_path(path, "run_uuid=1&path=a%20b&token=x") == f"{path}?run_uuid=1&path=a+b"
    assert kept_path("/api/2.0/mlflow/users/create", "path=secret") == (
        "/api/2.0/mlflow/users/create"
    )


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"name": "M", "version": "3", "alias": "prod"}', ("M", "3")),
        (b'{"name": "M", "version": 3}', ("M", "3")),
        (json.dumps(json.dumps({"name": "M"})).encode(), ("M", "")),
        ('{"name": "größe"}'.encode("utf-16"), ("größe", "")),
        (b'{"name": "a\\u0000b\\ud800"}', ("a\ufffdb?", "")),
        (b'{"name": ["M"], "version": true}', ("", "")),
        (b'["name"]', ("", "")),
        (b"", ("", "")),
        (b"\xff\xfe\x00", ("", "")),
        (b"[" * 100_000, ("", "")),
        (b'{"name": "M"}' + b" " * MAX_BODY, ("", "")),
    ],
)
def test_model_of(body: bytes, expected: tuple[str, str]) -> None:
    assert model_of(body) == expected


@given(st.binary(max_size=200) | st.recursive(st.text() | st.integers(), st.lists).map(
    lambda value: json.dumps({"name": value, "version": value}).encode()
))  # fmt: skip
def test_any_body_gives_storable_text(body: bytes) -> None:
    for text in model_of(body):
        assert text == storable(text)
        assert len(text) <= MAX_NAME
        text.encode()
