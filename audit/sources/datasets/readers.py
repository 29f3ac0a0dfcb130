"""Data read by a named reader, to compute the digest that MLflow computes of it.

The digest is MLflow's own function for pandas: eight hex digits over the first 10,000 rows of
text and numbers, the number of rows and the names of all columns. Equal is consistent with
the data and no proof; different may mean that training read the same file in another way.
The data is a stranger's: it is parsed with a limit to its cells, and never unpickled.
"""

from __future__ import annotations

import importlib
import io
import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from audit.facts.schema import Column

MOST_CELLS = 50_000_000
_MOST_COLUMNS = 20_000
_TYPES = {
    "int8": "integer",
    "int16": "integer",
    "int32": "integer",
    "int64": "long",
    "uint8": "integer",
    "uint16": "integer",
    "uint32": "long",
    "float32": "float",
    "float64": "double",
    "bool": "boolean",
    "object": "string",
    "str": "string",
    "string": "string",
}
"""pandas' types as MLflow logs them in a schema."""


@dataclass(frozen=True, slots=True)
class Read:
    """What a reader made of the bytes of one file."""

    reader: str
    """With its version and that of the rule: ``pandas 3.0.0 read_csv, digest of mlflow 3.5.0``."""
    digest: str
    columns: tuple[Column, ...]


def readable(path: str) -> bool:
    """Whether there is a reader for a file of this name."""
    return _ending(path) in _READERS


def read(path: str, data: bytes) -> Read | str:
    """Return what the reader for a file of this name makes of its bytes, else why it does not."""
    reader = _READERS.get(_ending(path))
    if reader is None:
        return f"there is no reader for {PurePosixPath(path).suffix or 'files without an ending'}"
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    import mlflow
    import pandas
    from mlflow.data.digest_utils import compute_pandas_digest

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the data's types, which the digest shows anyhow
            name, frame = reader(data)
            digest = compute_pandas_digest(frame)
    except _NotReadError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - parsers of foreign bytes raise what they like
        words = " ".join((str(error) or type(error).__name__).split())
        return f"the data cannot be read ({words[:200]})"
    named = f"pandas {pandas.__version__} {name}, digest of mlflow {mlflow.__version__}"
    return Read(named, digest, _columns(frame))


class _NotReadError(Exception):
    """The data is not read, for the reason that it says."""


def _csv(separator: str) -> Callable[[bytes], tuple[str, Any]]:
    def read_text(data: bytes) -> tuple[str, Any]:
        import pandas

        mark = separator.encode()
        widest = max((line.count(mark) for line in io.BytesIO(data)), default=0) + 1
        _hold(widest, data.count(mark) + data.count(b"\n"))
        frame = pandas.read_csv(io.BytesIO(data), sep=separator)
        return "read_csv" if separator == "," else 'read_csv(sep="\\t")', frame

    return read_text


def _parquet(data: bytes) -> tuple[str, Any]:
    import pandas

    parquet: Any = importlib.import_module("pyarrow.parquet")
    about = parquet.ParquetFile(io.BytesIO(data)).metadata
    _hold(about.num_columns, about.num_columns * about.num_rows)
    return "read_parquet", pandas.read_parquet(io.BytesIO(data), engine="pyarrow")


def _hold(columns: int, cells: int) -> None:
    """Raise where a small file would unfold to more than a table that can be held."""
    if columns > _MOST_COLUMNS:
        raise _NotReadError(f"it has more than {_MOST_COLUMNS:,} columns")
    if cells > MOST_CELLS:
        raise _NotReadError(f"it has more than {MOST_CELLS:,} cells")


def _columns(frame: Any) -> tuple[Column, ...]:
    return tuple(
        Column(str(name), _type(str(kind)))
        for name, kind in zip(frame.columns, frame.dtypes, strict=True)
    )


def _type(kind: str) -> str:
    return "datetime" if kind.startswith("datetime64") else _TYPES.get(kind, kind)


def _ending(path: str) -> str:
    return PurePosixPath(path).suffix.lower()


_READERS: dict[str, Callable[[bytes], tuple[str, Any]]] = {
    ".csv": _csv(","),
    ".tsv": _csv("\t"),
    ".parquet": _parquet,
    ".pq": _parquet,
}
