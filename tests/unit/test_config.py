"""Job files: defaults, variables, paths, and one line for everything that is wrong."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit import config
from audit.errors import ConfigError

MINIMAL = "job: {name: quarterly}\nregistry: {uri: 'sqlite:///mlflow.db'}\n"


def job(folder: Path, text: str) -> config.JobFile:
    path = folder / "job.yaml"
    path.write_text(text, encoding="utf-8")
    return config.load(path)


def refused(folder: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        job(folder, text)
    line = str(caught.value)
    assert "\n" not in line
    return line


def test_the_documented_example_is_a_job_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", "postgresql://reader@db/registry")
    example = config.load(Path("configs/quarterly.yaml"))
    assert example.registry.uri == "postgresql://reader@db/registry"
    assert example.archive.retain == "10y"


def test_the_documented_example_names_every_key() -> None:
    text = Path("configs/quarterly.yaml").read_text(encoding="utf-8")
    for name, field in config.JobFile.model_fields.items():
        assert f"{name}:" in text
        section = field.annotation
        for key in getattr(section, "model_fields", {}):
            assert f"{key}:" in text, f"{name}.{key} is not documented"


def test_paths_are_relative_to_the_job_file(tmp_path: Path) -> None:
    loaded = job(tmp_path, MINIMAL + "code: [{path: ../churn}]\n")
    assert loaded.code[0].path == tmp_path.parent / "churn"
    assert loaded.registry.uri == f"sqlite:///{tmp_path}/mlflow.db"
    assert loaded.archive.path == tmp_path.parent / "output"
    assert loaded.ledger == f"sqlite:///{tmp_path}/audit-ledger.db"


def test_variables_are_replaced_in_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGISTRY_PASSWORD", "p&w")
    text = (
        "job: {name: q}\nregistry: {uri: 'postgresql://a:${REGISTRY_PASSWORD}@h/${DB:-mlflow}'}\n"
    )
    assert job(tmp_path, text).registry.uri == "postgresql://a:p&w@h/mlflow"


def test_a_variable_that_is_not_set_is_named(tmp_path: Path) -> None:
    line = refused(tmp_path, "job: {name: q, title: '${NOT_SET_ANYWHERE}'}\n")
    assert "NOT_SET_ANYWHERE" in line
    assert "job: title" in line


def test_the_registry_comes_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000")
    assert job(tmp_path, "job: {name: q}\n").registry.uri == "http://127.0.0.1:5000"
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert "MLFLOW_REGISTRY_URI" in refused(tmp_path, "job: {name: q}\n")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("job: {name: q}\nregistery: {}\n", "registery: unknown key. Did you mean 'registry'?"),
        ("job: {name: q}\nregistry: {url: x}\n", "registry.url: unknown key. Did you mean 'uri'?"),
        ("job: {name: q}\ncode: [{path: a, branch: main}]\n", "Did you mean 'branches'?"),
        ("job: {name: q}\ncode: [{}]\n", "give either path:"),
        ("job: {titel: x}\n", "job.name: this key is required"),
        ("job: {name: Has Spaces}\n", "job.name"),
        ("job: {name: q}\nperiod: {zone: Nowhere/Else}\n", "no such time zone"),
        ("job: {name: q}\nperiod: {every: week}\n", "period.every"),
        ("job: {name: q}\narchive: {retain: forever}\n", "not a retention time"),
        ("job: {name: q}\nreport: {table_rows: many}\n", "report.table_rows"),
        ("job: [1\n", "not valid YAML"),
        ("- 1\n", "a job file is a mapping"),
        ("job: {name: q}\nnotify: [mail]\n", "notify"),
        ("job: {name: q}\narchive: 7\n", "archive"),
    ],
)
def test_what_is_wrong_is_one_line_with_its_place(tmp_path: Path, text: str, expected: str) -> None:
    line = refused(tmp_path, text)
    assert expected in line
    assert "job.yaml" in line


def test_no_such_job_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such job file"):
        config.load(tmp_path / "absent.yaml")


@given(st.binary(max_size=200))
def test_any_bytes_are_a_job_file_or_one_error(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.mktemp("job") / "job.yaml"
    path.write_bytes(data)
    with pytest.raises(ConfigError):
        config.load(path)
