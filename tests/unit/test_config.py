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
    for section in (config.Code, type(config.Data().model_signing)):
        for key in section.model_fields:
            assert f"{key}:" in text, f"{key} is not documented"


def test_paths_are_relative_to_the_job_file(tmp_path: Path) -> None:
    code = "code: [{path: ../churn, allowed_signers: keys/a, keyring: k}]\n"
    loaded = job(tmp_path, MINIMAL + code)
    assert loaded.code[0].path == tmp_path.parent / "churn"
    assert loaded.code[0].allowed_signers == tmp_path / "keys" / "a"
    assert loaded.code[0].keyring == tmp_path / "k"
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
        ("job: {name: q}\ndata: {rehash: sometimes}\n", "data.rehash"),
        ("job: {name: q}\ndata: {rehash_most: 1 TB}\n", "data.rehash_most: give a size"),
        ("job: [1\n", "not valid YAML"),
        ("- 1\n", "a job file is a mapping"),
        ("job: {name: q}\nnotify: [mail]\n", "notify"),
        ("job: {name: q}\narchive: 7\n", "archive: give a mapping of keys"),
        ("job: {name: q}\nsources: {advisories: a.zip}\n", "sources.advisories: give a list"),
        ("job: {name: q}\ncode: [{path: a, keyring: [b]}]\n", "code.0.keyring: give a path"),
        ("job: {name: q}\ncode: []\njob: {name: r}\n", "job.yaml:3:1: not valid YAML: the key"),
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


def test_other_recorders(tmp_path: Path) -> None:
    text = "sources: {ailine: [../a/ailine_tree.db], mltrace: ['postgresql://a:b@h/mltrace']}\n"
    loaded = job(tmp_path, MINIMAL + text).sources
    assert loaded.ailine == (tmp_path.parent / "a/ailine_tree.db",)
    assert loaded.mltrace == ("postgresql://a:b@h/mltrace",)
    assert loaded.conventions
    assert loaded.zone == "UTC"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mltrace: ['mysql://a:geheim@h/x']", "sources.mltrace: address 1 is not of the form"),
        ("mltrace: ['postgresql:///']", "sources.mltrace: address 1 is not of the form"),
        ("mltrace: ['postgresql://']", "sources.mltrace: address 1 is not of the form"),
        ("conventions: ['data[']", "sources.conventions: 'data[' is no regular expression"),
        ("zone: Mars/Base", "no such time zone"),
        ("ailine: 7", "sources.ailine"),
        ("aline: []", "Did you mean 'ailine'?"),
    ],
)
def test_other_recorders_that_are_refused(tmp_path: Path, text: str, message: str) -> None:
    line = refused(tmp_path, f"{MINIMAL}sources: {{{text}}}\n")
    assert message in line
    assert "geheim" not in line


def test_trusted_keys_are_relative_to_the_job_file(tmp_path: Path) -> None:
    text = "data: {model_signing: {keys: [a.pub, /b.pub], certificates: [../root.pem]}}\n"
    trusted = job(tmp_path, MINIMAL + text).data.model_signing
    assert trusted.keys == (tmp_path / "a.pub", Path("/b.pub"))
    assert trusted.certificates == (tmp_path.parent / "root.pem",)
    assert "data.model_signing.keys" in refused(
        tmp_path, MINIMAL + "data: {model_signing: {keys: 7}}"
    )
    assert "data.model_signing" in refused(tmp_path, MINIMAL + "data: {model_signing: a.pub}")


@pytest.mark.parametrize("size", ["0 MiB", "256", "256 MB", "-1 MiB", "1e3 MiB", "MiB"])
def test_a_size_that_cannot_be_read_is_refused(tmp_path: Path, size: str) -> None:
    line = refused(tmp_path, f"{MINIMAL}data: {{datasets_most: '{size}'}}")
    assert "data.datasets_most" in line
    assert "such as 256 MiB" in line


def test_sizes_are_in_bytes() -> None:
    assert config.bytes_of("256 MiB") == 2**28
    assert (config.bytes_of("1KiB"), config.bytes_of("2 GiB")) == (1024, 2**31)
