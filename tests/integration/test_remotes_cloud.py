"""Data in object stores, pushed by DVC and asked for again: S3 by digest and in versions."""

import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.gitrepo import GitRepo, md5
from support.objectstore import ObjectStore, dvc, object_store

from audit.config import Code
from audit.facts import DataObject, ObjectState
from audit.sources.dvc.rehash import Rehash
from audit.sources.dvc.remotes import DvcRemotes, ProjectConfig
from audit.sources.repositories import open_code

PIPELINE = """\
stages:
  features:
    cmd: cp data/raw.csv features.csv
    deps: [data/raw.csv]
    outs: [features.csv: {remote: second}]
"""


@pytest.fixture(scope="module")
def store() -> Iterator[ObjectStore]:
    with object_store() as running:
        yield running


@dataclass(frozen=True)
class Pushed:
    """A repository whose data DVC pushed, and a clone of it that has no cache."""

    path: Path
    bucket: str
    raw: tuple[str, str]
    """Digest of ``data/raw.csv`` before and after its change; ``features.csv`` has the same."""
    pictures: tuple[str, str]
    """The same of the folder ``data/pictures``."""

    @property
    def digests(self) -> list[str]:
        return [*self.raw, *self.pictures]


def _push(store: ObjectStore, folder: Path, bucket: str, option: str = "") -> Pushed:
    """Let DVC push two states of a small project, and return a clone without its cache."""
    repo = GitRepo(folder / "work")
    dvc(repo.path, "init")
    config = ["[core]", "    remote = first"]
    for name in ("first", "second"):
        config += [f"['remote \"{name}\"']", f"    url = s3://{bucket}/{name}"]
        config += [f"    endpointurl = {store.url}", *([f"    {option} = true"] if option else [])]
    (repo.path / ".dvc" / "config").write_text("\n".join(config))
    raw, pictures = [], []
    for number in (1, 2):
        files = {"data/raw.csv": f"a,b\r\n{number},2\r\n", "data/pictures/same": "p"}
        files |= {"data/pictures/sub/one": f"one {number}", "data/pictures/two": f"two {number}"}
        for name, text in files.items():
            (repo.path / name).parent.mkdir(parents=True, exist_ok=True)
            (repo.path / name).write_bytes(text.encode())
        if not option:
            (repo.path / "dvc.yaml").write_text(PIPELINE)
        dvc(repo.path, "add", "data/raw.csv", "data/pictures")
        if not option:
            dvc(repo.path, "repro")
        dvc(repo.path, "push")
        repo.commit({})
        raw.append(md5(files["data/raw.csv"]))
        pictures.append(_folder(files))
    clone = folder / "clone"
    subprocess.run(["git", "clone", "--quiet", repo.path, clone], check=True)
    shutil.copy(repo.path / ".dvc" / "config", clone / ".dvc" / "config")
    return Pushed(clone, bucket, (raw[0], raw[1]), (pictures[0], pictures[1]))


def _folder(files: dict[str, str]) -> str:
    from audit.sources.artifacts.hashing import folder_digest

    below = "data/pictures/"
    return folder_digest(
        (name.removeprefix(below), md5(text)) for name, text in files.items() if below in name
    )


@pytest.fixture(scope="module")
def pushed(store: ObjectStore, tmp_path_factory: pytest.TempPathFactory) -> Pushed:
    return _push(store, tmp_path_factory.mktemp("plain"), store.bucket("plain"))


@pytest.fixture(scope="module")
def versioned(store: ObjectStore, tmp_path_factory: pytest.TempPathFactory) -> Pushed:
    bucket = store.bucket("versioned", versions=True)
    return _push(store, tmp_path_factory.mktemp("versioned"), bucket, "version_aware")


def _remotes(pushed: Pushed, rehash: Rehash | None = None) -> DvcRemotes:
    return open_code(Code(path=pushed.path, name="r"), pushed.path.parent, rehash)[1]


def _told(found: tuple[DataObject, ...]) -> list[tuple[str, str]]:
    return [(item.state.value, item.reason) for item in found]


def _key(digest: str, remote: str = "first") -> str:
    return f"{remote}/files/md5/{digest[:2]}/{digest[2:]}"


class _Gone:
    """Takes an object out of a bucket for as long as the context lasts."""

    def __init__(self, store: ObjectStore, bucket: str, key: str) -> None:
        self._store, self._place = store, {"Bucket": bucket, "Key": key}

    def __enter__(self) -> bytes:
        body: bytes = self._store.client.get_object(**self._place)["Body"].read()
        self._body = body
        self._store.client.delete_object(**self._place)
        return body

    def __exit__(self, *_: object) -> None:
        self._store.client.put_object(**self._place, Body=self._body)


def test_what_dvc_pushed_is_there_and_nothing_is_written(
    store: ObjectStore, pushed: Pushed
) -> None:
    before = store.content(pushed.bucket)
    remotes = _remotes(pushed)
    with store.watched() as requests:
        found = remotes.exist(pushed.digests)
        assert [(item.state.value, item.checked) for item in found] == [
            (ObjectState.PRESENT, "exists")
        ] * 4
        asked = len(requests)
        folders = remotes.members(pushed.digests)
        assert len(requests) == asked, "the lists were read before"
    assert {method for method, _ in requests} <= {"GET", "HEAD"}
    assert store.content(pushed.bucket) == before
    first = folders[pushed.pictures[0]]
    assert [member.path for member in first.members] == ["same", "sub/one", "two"]
    assert (first.total, first.members[1].digest) == (3, md5("one 1"))
    # Without being asked whether they exist, the lists come from the remote as well.
    assert _remotes(pushed).members(pushed.digests) == folders


def test_a_deleted_object_is_missing_or_only_in_the_cache(
    store: ObjectStore, pushed: Pushed
) -> None:
    with _Gone(store, pushed.bucket, _key(pushed.raw[0])):
        found = _remotes(pushed).exist(pushed.digests)
        # What no remote holds in the first place is still held for its copy in the second.
        assert [(item.state.value, item.remote) for item in found[:2]] == [
            ("present", "second"),
            ("present", "second"),
        ]
        with _Gone(store, pushed.bucket, _key(pushed.raw[0], "second")):
            found = _remotes(pushed).exist(pushed.digests)
            assert _told(found)[0] == ("missing", "not in the remote")
            work = Code(path=pushed.path.parent / "work", name="r")
            found = open_code(work, pushed.path.parent)[1].exist(pushed.digests)
            assert _told(found)[0][0] == "cache_only"


def test_files_that_a_folder_lost_are_named(store: ObjectStore, pushed: Pushed) -> None:
    with _Gone(store, pushed.bucket, _key(md5("one 1"))):
        found = _remotes(pushed).exist(pushed.pictures)
        assert [(item.state.value, item.lost) for item in found] == [
            ("missing", ("sub/one",)),
            ("present", ()),
        ]
        assert found[0].reason == "1 of the folder's 3 files is gone"
    with _Gone(store, pushed.bucket, _key(pushed.pictures[1])):
        remotes = _remotes(pushed)
        assert _told(remotes.exist(pushed.pictures))[1] == ("missing", "not in the remote")
        listed = remotes.members(pushed.pictures)[pushed.pictures[1]]
        assert (listed.total, listed.reason) == (None, "not in the remote")


def test_the_layout_of_dvc_2_is_found_too(store: ObjectStore, pushed: Pushed) -> None:
    digest = md5("one 2")
    key = f"first/{digest[:2]}/{digest[2:]}"
    with _Gone(store, pushed.bucket, _key(digest)) as body:
        store.client.put_object(Bucket=pushed.bucket, Key=key, Body=body)
        found = _remotes(pushed).exist([pushed.pictures[1], digest])
        assert [item.state.value for item in found] == ["present", "present"]
        store.client.delete_object(Bucket=pushed.bucket, Key=key)


def test_the_remote_that_a_file_names_decides(store: ObjectStore, pushed: Pushed) -> None:
    """``features.csv`` is kept in the second one; where that is silent, nothing is known."""
    remotes = _remotes(pushed)
    assert [item.remote for item in remotes.exist(pushed.raw)] == ["second", "second"]
    config = pushed.path / ".dvc" / "config"
    text = config.read_text()
    config.write_text(text.replace("s3://plain/second", "gs://plain/second"))
    with (
        _Gone(store, pushed.bucket, _key(pushed.raw[0])),
        _Gone(store, pushed.bucket, _key(pushed.raw[0], "second")),
    ):
        found = _remotes(pushed).exist(pushed.raw)
    config.write_text(text)
    assert [(item.state.value, item.remote) for item in found] == [
        ("not_checked", "second"),
        ("present", "first"),
    ]


def _config(url: str, endpoint: str) -> ProjectConfig:
    lines = ["[core]", "    remote = s", "['remote \"s\"']", f"    url = {url}"]
    lines += [f"    endpointurl = {endpoint}"] if endpoint else []
    return ProjectConfig("\n".join(lines).encode())


def test_who_cannot_ask_says_why(
    store: ObjectStore, pushed: Pushed, monkeypatch: pytest.MonkeyPatch
) -> None:
    def reason(config: ProjectConfig) -> str:
        (item,) = DvcRemotes("r", config).exist([pushed.raw[0]])
        assert item.state is ObjectState.NOT_CHECKED
        return item.reason

    good = _config("s3://plain/first", store.url)
    with store.refusing():
        assert "refuses access" in reason(good)
    assert "no bucket nowhere" in reason(_config("s3://nowhere/first", store.url))
    assert "requires 'dvc-gs'" in reason(_config("gs://plain/first", ""))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{free.getsockname()[1]}"
        assert "Could not connect" in reason(_config("s3://plain/first", nobody))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    assert "Unable to locate credentials" in reason(good)


def test_many_objects_take_few_requests(store: ObjectStore) -> None:
    bucket = store.bucket("many")
    digests = [md5(str(number)) for number in range(600)]
    for digest in digests[:500]:
        store.client.put_object(Bucket=bucket, Key=_key(digest, "d"), Body=b"")
    with store.watched() as requests:
        found = DvcRemotes("r", _config(f"s3://{bucket}/d", store.url)).exist(digests)
    assert [item.state.value for item in found] == ["present"] * 500 + ["missing"] * 100
    assert len(requests) < 12, requests


def test_cloud_versions_are_asked_for_by_path(store: ObjectStore, versioned: Pushed) -> None:
    before = store.content(versioned.bucket)
    remotes = _remotes(versioned)
    with store.watched() as requests:
        found = remotes.exist(versioned.digests)
    assert [(item.state.value, item.remote) for item in found] == [("present", "first")] * 4
    assert {method for method, _ in requests} <= {"GET", "HEAD"}
    assert store.content(versioned.bucket) == before
    folder = remotes.members(versioned.pictures)[versioned.pictures[0]]
    assert [member.path for member in folder.members] == ["same", "sub/one", "two"]
    config = versioned.path / ".dvc" / "config"
    text = config.read_text()
    config.write_text(text.replace("version_aware", "worktree"))
    assert _remotes(versioned).exist(versioned.digests) == found
    # What was never pushed has no version; the same remote without versions has no digests.
    (never,) = _remotes(versioned).exist(["0" * 32])
    assert _told((never,)) == [
        ("missing", "no version of it was recorded for this remote, as if it had never been pushed")
    ]
    config.write_text(text.replace("s3://versioned", "s3://nowhere"))
    (item,) = _remotes(versioned).exist(versioned.raw[:1])
    config.write_text(text)
    assert item.state is ObjectState.NOT_CHECKED


def test_a_version_that_was_deleted_is_missing(store: ObjectStore, versioned: Pushed) -> None:
    """A newer version, or the mark of a deletion, takes nothing away."""
    client, bucket = store.client, versioned.bucket
    client.delete_object(Bucket=bucket, Key="first/data/raw.csv")
    assert _remotes(versioned).exist(versioned.raw)[0].state is ObjectState.PRESENT
    listed = client.list_object_versions(Bucket=bucket)["Versions"]
    oldest = {item["Key"]: item["VersionId"] for item in listed}  # listed from the newest on
    for key in ("first/data/raw.csv", "first/data/pictures/sub/one"):
        client.delete_object(Bucket=bucket, Key=key, VersionId=oldest[key])
    found = _remotes(versioned).exist(versioned.digests)
    assert [(item.state.value, item.lost) for item in found] == [
        ("missing", ()),
        ("present", ()),
        ("missing", ("sub/one",)),
        ("present", ()),
    ]
    (read,) = _remotes(versioned, Rehash("always", 2**20)).exist(versioned.raw[1:])
    assert (read.state.value, read.checked) == ("present", "rehashed")


def test_bytes_are_read_again_where_asked(
    store: ObjectStore, pushed: Pushed, tmp_path: Path
) -> None:
    def again(mode: str, most: int = 2**20) -> tuple[list[tuple[str, str]], int]:
        rehash = Rehash(mode, most, tmp_path)  # type: ignore[arg-type]
        with store.watched() as requests:
            found = _remotes(pushed, rehash).exist(pushed.digests)
        read = sum(method == "GET" and "?" not in path for method, path in requests)
        return [(item.state.value, item.checked) for item in found], read

    whole = [("present", "rehashed")] * 4
    assert again("always")[0] == whole
    first, read = again("new")
    assert (first, read > 2) == (whole, True)
    second, read_again = again("new")
    assert (second, read_again) == (whole, 2), "only the lists of the two folders"
    assert again("always", 20)[0] != whole
    (limited,) = _remotes(pushed, Rehash("always", 3)).exist(pushed.raw[:1])
    assert (limited.state.value, limited.checked) == ("present", "exists")
    assert "rehash_most" in limited.reason
    # Other bytes under the same digest: remembered as good is only what has not changed.
    with _Gone(store, pushed.bucket, _key(md5("one 1"))):
        store.client.put_object(Bucket=pushed.bucket, Key=_key(md5("one 1")), Body=b"one 9")
        found = _remotes(pushed, Rehash("new", 2**20, tmp_path)).exist(pushed.pictures)
        assert [(item.state.value, item.lost) for item in found] == [
            ("damaged", ("sub/one",)),
            ("present", ()),
        ]
        assert _remotes(pushed).exist(pushed.pictures)[0].state is ObjectState.PRESENT
