"""MLflow's digests, computed again from bytes: equal to what MLflow itself logs."""

import io
import pickle
import warnings
from typing import Any

import pandas as pd
import pytest

from audit.facts.schema import columns_of, differing
from audit.sources.datasets import readers

FRAME = pd.DataFrame(
    {
        "id": [f"c-{number}" for number in range(40)],
        "amount": [number / 7 for number in range(40)],
        "count": range(40),
        "good": [number % 2 == 0 for number in range(40)],
    }
)


def logged(frame: Any) -> tuple[str, str]:
    """Return digest and schema of a table as MLflow logs them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlflow.data

        data = mlflow.data.from_pandas(frame, source="data/raw.csv").to_dict()
    return data["digest"], data["schema"]


def as_bytes(name: str) -> bytes:
    if name.endswith(".parquet"):
        stream = io.BytesIO()
        FRAME.to_parquet(stream)
        return stream.getvalue()
    return FRAME.to_csv(index=False, sep="\t" if name.endswith(".tsv") else ",").encode()


@pytest.mark.parametrize("name", ["raw.csv", "raw.TSV", "data/raw.tsv", "raw.parquet"])
def test_the_digest_is_the_one_that_mlflow_logged(name: str) -> None:
    found = readers.read(name, as_bytes(name.lower()))
    assert isinstance(found, readers.Read)
    digest, schema = logged(FRAME)
    assert found.digest == digest
    assert differing(columns_of(schema), found.columns) == ()
    assert f"pandas {pd.__version__} read_" in found.reader
    assert "digest of mlflow 3" in found.reader


def test_another_table_has_another_digest() -> None:
    found = readers.read("raw.csv", as_bytes("raw.csv") + b"c-99,0.5,1,True\n")
    assert isinstance(found, readers.Read)
    assert found.digest != logged(FRAME)[0]


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("raw.pkl", pickle.dumps(FRAME), "there is no reader for .pkl"),
        ("raw.npy", b"\x93NUMPY", "there is no reader for .npy"),
        ("raw", b"a,b", "there is no reader for files without an ending"),
        ("raw.csv", b"", "the data cannot be read"),
        ("raw.csv", b"\xff\xfe\x00a", "the data cannot be read"),
        ("raw.csv", b"a,b\n1,2\n1,2,3,4\n", "the data cannot be read"),
        ("raw.parquet", b"PAR1 and no more PAR1", "the data cannot be read"),
        ("raw.csv", b"," * 30_000, "it has more than 20,000 columns"),
        ("raw.csv", (b"," * 10_000 + b"\n") * 5_001, "it has more than 50,000,000 cells"),
    ],
)
def test_what_is_not_read_says_why(name: str, data: bytes, reason: str) -> None:
    found = readers.read(name, data)
    assert isinstance(found, str)
    assert found.startswith(reason)
    assert "\n" not in found


def test_a_small_parquet_file_that_unfolds_is_not_read() -> None:
    stream = io.BytesIO()
    pd.DataFrame({"x": pd.Series(0, index=range(readers.MOST_CELLS + 1), dtype="int8")}).to_parquet(
        stream
    )
    assert len(stream.getvalue()) < 2**20
    assert readers.read("raw.parquet", stream.getvalue()) == "it has more than 50,000,000 cells"
