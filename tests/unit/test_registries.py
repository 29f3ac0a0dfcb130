import subprocess
import sys
from pathlib import Path

import pytest

from audit.errors import EXIT_USAGE, UsageError
from audit.sources.registry.readers import open_registry


@pytest.mark.parametrize(
    ("uri", "reader", "name"),
    [
        ("sqlite:///x.db", "auto", "sql"),
        ("postgresql+psycopg2://u@h/d", "auto", "sql"),
        ("mysql+pymysql://u@h/d", "sql", "sql"),
        ("HTTPS://host", "auto", "rest"),
        ("http://host:5000", "rest", "rest"),
    ],
)
def test_the_scheme_chooses_the_reader(uri: str, reader: str, name: str) -> None:
    assert open_registry(uri, reader).name == name


@pytest.mark.parametrize(
    ("uri", "reader", "what"),
    [
        ("", "auto", "registry.uri: no reader takes"),
        ("./mlruns", "auto", "mlflow migrate-filestore"),
        ("file:///srv/mlruns", "auto", "no reader takes"),
        ("databricks", "auto", "no reader takes"),
        ("mssql://u:geheim@h/d", "auto", "no reader takes"),
        ("http://user:geheim@host", "sql", "the sql reader does not take"),
        ("sqlite:///x.db", "rest", "Set registry.reader to auto or sql"),
    ],
)
def test_other_addresses_are_refused_in_one_line(uri: str, reader: str, what: str) -> None:
    with pytest.raises(UsageError) as caught:
        open_registry(uri, reader)
    assert what in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "geheim" not in str(caught.value)
    assert caught.value.exit_code == EXIT_USAGE


@pytest.mark.parametrize(
    ("uri", "what"),
    [
        ("sqlite:///", "no such registry database"),
        ("sqlite:///:memory:", "no such registry database"),
        ("sqlite:///{folder}/none.db", "no such registry database"),
        ("sqlite:///{folder}", "no such registry database"),
        ("sqlite:///{folder}/text.db", "cannot be reached (file is not a database)"),
        ("sqlite:///{folder}/empty.db", "holds no MLflow model registry"),
        ("postgresql://u:geheim@127.0.0.1:1/d", "cannot be reached"),
        ("postgresql://u:geheim@127.0.0.1:port/d", "not a database address"),
        ("postgresql+nodriver://u:geheim@127.0.0.1/d", "is not installed"),
        ("mysql://u:geheim@127.0.0.1:1/d", "cannot be reached"),
        ("http://u:geheim@127.0.0.1:1", "cannot be reached"),
        ("http://u:geheim@:5000", "not the address of a server"),
        ("http://host:port", "not the address of a server"),
    ],
)
def test_what_is_not_there_is_told_in_one_line(uri: str, what: str, tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("hello, I am no database at all\n" * 100)
    (tmp_path / "empty.db").touch()
    before = sorted(tmp_path.iterdir())
    with pytest.raises(UsageError) as caught:
        open_registry(uri.format(folder=tmp_path)).read()
    assert what in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "geheim" not in str(caught.value)
    assert sorted(tmp_path.iterdir()) == before


def test_reading_by_sql_or_rest_does_not_import_mlflow() -> None:
    code = (
        "import sys, audit.sources.registry.readers, audit.sources.registry.sql, "
        "audit.sources.registry.rest, audit.sources.artifacts.weights; "
        "assert not [m for m in sys.modules if m.startswith('mlflow')]"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
