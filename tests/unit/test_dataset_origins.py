"""Where data sets say they come from, in the forms that MLflow itself writes."""

import json
import warnings
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.facts import DatasetInput, TrackedPath
from audit.sources.datasets.origins import origin_of, tracked_file

SHA = "0123456789abcdef0123456789abcdef01234567"


def _sources() -> dict[str, Any]:
    """Return sources of each kind, made by MLflow's own classes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlflow.data.code_dataset_source import CodeDatasetSource
        from mlflow.data.dataset_source_registry import resolve_dataset_source
        from mlflow.data.delta_dataset_source import DeltaDatasetSource
        from mlflow.data.http_dataset_source import HTTPDatasetSource
        from mlflow.data.huggingface_dataset_source import HuggingFaceDatasetSource
        from mlflow.data.spark_dataset_source import SparkDatasetSource

        address = "https://bob:secret@data.example.org/raw.csv?token=abc"
        return {
            "local": resolve_dataset_source("data/raw.csv"),
            "file": resolve_dataset_source("file:///srv/data/my%20raw.csv"),
            "s3": resolve_dataset_source("s3://lake/raw.parquet?versionId=3sL4kqtJ"),
            "gs": resolve_dataset_source("gs://lake/raw.parquet"),
            "http": HTTPDatasetSource(address),
            "hub": HuggingFaceDatasetSource("imdb", split="train", revision="main"),
            "hub pinned": HuggingFaceDatasetSource("imdb", revision=SHA),
            "delta": DeltaDatasetSource(path="/lake/table", delta_table_version=7),
            "delta head": DeltaDatasetSource(path="/lake/table"),
            "spark": SparkDatasetSource(sql="select * from raw"),
            "code": CodeDatasetSource({"mlflow.source.name": "src/train.py"}),
        }


@pytest.fixture(scope="module")
def origins() -> dict[str, Any]:
    return {
        name: origin_of(DatasetInput("raw", "", source._get_source_type(), source.to_json()))
        for name, source in _sources().items()
    }


@pytest.mark.parametrize(
    ("name", "kind", "address", "pinned"),
    [
        ("local", "local", "data/raw.csv", False),
        ("file", "local", "file:///srv/data/my%20raw.csv", False),
        ("s3", "s3", "s3://lake/raw.parquet?versionId=3sL4kqtJ", True),
        ("gs", "gs", "gs://lake/raw.parquet", False),
        ("http", "http", "https://***@data.example.org/raw.csv?token=***", False),
        ("hub", "huggingface", "imdb@main (split train)", False),
        ("hub pinned", "huggingface", f"imdb@{SHA}", True),
        ("delta", "delta", "/lake/table@7", True),
        ("delta head", "delta", "/lake/table", False),
        ("spark", "spark", "select * from raw", False),
        ("code", "code", "src/train.py", False),
    ],
)
def test_each_kind_is_told(
    origins: dict[str, Any], name: str, kind: str, address: str, pinned: bool
) -> None:
    found = origins[name]
    assert (found.kind, found.address, found.pinned) == (kind, address, pinned)


def test_only_files_have_a_path(origins: dict[str, Any]) -> None:
    assert origins["local"].path == "data/raw.csv"
    assert origins["file"].path == "/srv/data/my raw.csv"
    assert origins["s3"].path == "/raw.parquet"
    assert origins["http"].path == "/raw.csv"
    others = ("hub", "hub pinned", "delta", "delta head", "spark", "code")
    assert not any(origins[name].path for name in others)


@given(st.sampled_from(["local", "hugging_face", "delta_table", "code", "s3", "", "x"]), st.data())
def test_no_source_breaks_the_reading(kind: str, data: st.DataObject) -> None:
    values = st.recursive(
        st.none() | st.booleans() | st.integers() | st.text() | st.just("http://[x"), st.lists
    )
    names = st.sampled_from(["uri", "url", "path", "revision", "tags", "delta_table_version"])
    source = data.draw(st.text() | st.dictionaries(names, values).map(json.dumps))
    assert isinstance(origin_of(DatasetInput("raw", "", kind, source)).address, str)


def _file(address: str, *paths: str) -> str:
    found = tracked_file(address, [TrackedPath(path, f"digest of {path}") for path in paths])
    return found.path if found else ""


def test_a_file_is_found_by_the_end_of_its_path() -> None:
    assert _file("/home/alice/churn/data/raw.csv", "data/raw.csv", "old/raw.csv") == "data/raw.csv"
    assert _file("raw.csv", "data/raw.csv", "data/labels.csv") == "data/raw.csv"


def test_a_file_that_is_not_certain_is_none() -> None:
    assert _file("raw.csv", "data/raw.csv", "old/raw.csv") == ""
    assert _file("other.csv", "data/raw.csv") == ""
    assert _file("", "data/raw.csv") == ""
