import os
import subprocess
from pathlib import Path

import pytest

from audit.errors import SourceError
from audit.facts import Weights
from audit.sources.artifacts.weights import MARK, NEVER, ArtifactReader, list_files, local_path


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model folder with a nested file and MLflow's own mark."""
    folder = tmp_path / "model"
    (folder / "data").mkdir(parents=True)
    (folder / "model.pkl").write_bytes(bytes(range(256)))
    (folder / "data" / "größe.txt").write_bytes(b"a\r\nb\r\n")
    (folder / "requirements.txt").write_text("mlflow\n")
    (folder / MARK).write_text("model_name: churn\n")
    return folder


def read(location: object, **options: object) -> Weights:
    return ArtifactReader(**options).read([str(location)])[str(location)]  # type: ignore[arg-type]


def test_the_manifest_is_what_sha256sum_prints(model: Path) -> None:
    found = read(model)
    assert found.read
    names = [file.path for file in found.files]
    assert names == ["data/größe.txt", "model.pkl", "requirements.txt"]
    printed = subprocess.run(["sha256sum", *names], cwd=model, capture_output=True, check=True)
    total = subprocess.run(["sha256sum"], input=printed.stdout, capture_output=True, check=True)
    assert total.stdout.decode().startswith(found.sha256)
    assert set(found.directories) == {".", "data"} == set(found.directories_dos2unix)


def test_loading_a_model_is_no_change_and_everything_else_is(model: Path) -> None:
    first = read(model)
    (model / MARK).write_text("model_name: other\n")
    assert read(model) == first
    status = (model / "model.pkl").stat()
    data = bytearray((model / "model.pkl").read_bytes())
    data[7] ^= 1
    (model / "model.pkl").write_bytes(data)
    os.utime(model / "model.pkl", ns=(status.st_atime_ns, status.st_mtime_ns))
    flipped = read(model)
    assert flipped.sha256 != first.sha256
    changed = set(flipped.files) - set(first.files)
    assert [file.path for file in changed] == ["model.pkl"]
    (model / "data" / MARK).write_text("deeper it is no mark of MLflow's")
    assert read(model).sha256 != flipped.sha256


def test_a_cached_digest_never_hides_a_change(model: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    first = read(model, cache=cache)
    assert read(model, cache=cache) == first == read(model, cache=cache, mode="always")
    (model / "model.pkl").write_bytes(bytes(reversed(range(256))))
    assert read(model, cache=cache) == read(model, mode="always") != first


def test_each_location_is_read_once(model: Path) -> None:
    reader = ArtifactReader()
    first = reader.read([str(model), str(model), f"file://{model}"])
    (model / "model.pkl").unlink()
    assert list(first) == [str(model), f"file://{model}"]
    assert reader.read([str(model)])[str(model)] is first[str(model)]
    assert reader.environments([str(model)])[str(model)].unpinned == ("mlflow",)


def test_a_single_file_is_a_location_too(model: Path) -> None:
    found = read(model / "model.pkl")
    assert [file.path for file in found.files] == ["model.pkl"]


def test_never_reads_no_weights_but_the_environment(model: Path) -> None:
    reader = ArtifactReader(mode="never")
    found = reader.read([str(model), "s3://bucket/model"])
    assert {weights.reason for weights in found.values()} == {NEVER}
    assert reader.environments([str(model)])[str(model)].packages == ("mlflow",)


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("", "The registry records no storage location."),
        ("whatever garbage", "The location is neither an absolute path"),
        ("../../etc", "The location is neither an absolute path"),
        ("models:/churn/1", "The location is neither an absolute path"),
        ("ftp://host/model", "The location is neither an absolute path"),
        ("file://host/model", "The location is neither an absolute path"),
        ("/no/such/folder", "There is nothing at this location"),
        ("file:///no/such%20folder", "There is nothing at this location"),
        ("/dev/zero", "There is nothing at this location"),
        ("/" + "x" * 5000, "The location cannot be read (File name too long)."),
        ("http://elsewhere/model", "The location is on another host"),
        ("mlflow-artifacts://elsewhere/model", "The location is on another host"),
        ("http://user:geheim@127.0.0.1:1/x", "The location is on another host"),
    ],
)
def test_a_location_that_cannot_be_read_says_why(location: str, reason: str) -> None:
    found = read(location, tracking_uri="http://user:geheim@127.0.0.1:2")
    assert not found.read
    assert found.reason.startswith(reason)
    assert found.reason.endswith(".")
    assert "geheim" not in found.reason
    assert found.files == ()


def test_a_servers_artifacts_need_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    found = read("mlflow-artifacts:/1/model", tracking_uri="sqlite:///x")
    assert found.reason.endswith("MLFLOW_TRACKING_URI names none.")


def spoil_link(folder: Path) -> None:
    (folder / "data" / "link").symlink_to("/etc/passwd")


def spoil_folder_link(folder: Path) -> None:
    (folder / "loop").symlink_to(folder)


def spoil_pipe(folder: Path) -> None:
    os.mkfifo(folder / "pipe")


def spoil_name(folder: Path) -> None:
    (folder / "two\nlines").touch()


def spoil_bytes(folder: Path) -> None:
    (Path(os.fsdecode(bytes(folder) + b"/\xff"))).touch()


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (spoil_link, "The symbolic link data/link in it is not followed."),
        (spoil_folder_link, "The symbolic link loop in it is not followed."),
        (spoil_pipe, "The special file pipe in it is not read."),
        (spoil_name, "The file name 'two\\nlines' is not a single line of UTF-8."),
        (spoil_bytes, "The file name '\\udcff' is not a single line of UTF-8."),
    ],
)
def test_what_a_manifest_cannot_hold_makes_the_location_unreadable(
    model: Path, spoil: object, reason: str
) -> None:
    spoil(model)  # type: ignore[operator]
    assert read(model).reason == reason


def test_a_location_may_itself_be_a_link(model: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(model)
    assert read(tmp_path / "link").sha256 == read(model).sha256


def test_an_empty_folder_holds_no_weights(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match="holds no files"):
        list_files(tmp_path / "empty")


def test_local_paths() -> None:
    assert local_path("file:///a%20b/c") == Path("/a b/c")
    assert local_path("file:/a") == Path("/a")
    assert local_path("file://localhost/a") == Path("/a")
    assert local_path("/a%20b") == Path("/a%20b")
    assert local_path("/a\0b") is None
    assert local_path("s3://a/b") is None
