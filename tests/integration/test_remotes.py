"""Whether data is still in its DVC remotes, asked through DVC."""

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from support.dvcworld import World, world
from support.gitrepo import GitRepo, lock, md5, tracked

from audit.config import Code
from audit.facts import DataObject, ObjectState
from audit.sources.dvc.answers import Answer, guarded
from audit.sources.dvc.rehash import Rehash
from audit.sources.dvc.remotes import DvcRemotes, ProjectConfig, merged
from audit.sources.repositories import open_code


@pytest.fixture(scope="module")
def churn(tmp_path_factory: pytest.TempPathFactory) -> World:
    return world(tmp_path_factory)


class Storage:
    """A folder laid out like a DVC remote."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)

    def put(self, data: bytes, *, name: str = "", legacy: bool = False) -> str:
        digest = name or hashlib.md5(data, usedforsecurity=False).hexdigest()
        base = self.path if legacy else self.path / "files" / "md5"
        file = base / digest[:2] / digest[2:]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        return digest

    def put_folder(self, members: dict[str, str]) -> str:
        listed = [{"md5": digest, "relpath": path} for path, digest in sorted(members.items())]
        data = json.dumps(listed, sort_keys=True).encode()
        return self.put(data, name=f"{md5(data)}.dir")


def _config(*remotes: str, default: str = "", **more: str) -> bytes:
    lines = ["[core]", f"    remote = {default}"] if default else []
    for remote in remotes:
        name, _, url = remote.partition("=")
        lines += [f"['remote \"{name}\"']", f"    url = {url}"]
        lines += [f"    {key} = {value}" for key, value in more.items()]
    return "\n".join(lines).encode()


def _states(found: tuple[DataObject, ...]) -> list[ObjectState]:
    return [item.state for item in found]


def test_data_that_is_gone_from_the_remote_is_found(churn: World, tmp_path: Path) -> None:
    code, data = open_code(Code(path=churn.repository, name="churn"), tmp_path)
    digests = []
    for training in churn.trainings:
        (state,) = (s for s in code.states_with_out(training.weights) if s.stage)
        for found in code.upstream(state, training.lock):
            digests += [out.digest for out in found.outs]
    objects = {item.digest: item for item in data.exist(digests)}
    assert set(objects) == set(digests)
    assert any(digest.endswith(".dir") for digest in digests)
    for digest, item in objects.items():
        expected = ObjectState.CACHE_ONLY if digest == churn.lost else ObjectState.PRESENT
        assert (item.state, item.repository, item.remote) == (expected, "churn", "storage")


def test_metrics_in_git_are_no_data_of_a_remote(churn: World, tmp_path: Path) -> None:
    code, data = open_code(Code(path=churn.repository), tmp_path)
    metrics = (churn.repository / "metrics.json").read_bytes()
    assert code.states_with_out(md5(metrics))
    (item,) = data.exist([md5(metrics)])
    assert (item.state, item.reason) == (ObjectState.NOT_APPLICABLE, "kept in git")


def test_a_clone_without_a_cache_says_missing(churn: World, tmp_path: Path) -> None:
    clone = tmp_path / "churn"
    subprocess.run(["git", "clone", "--quiet", churn.repository, clone], check=True)
    (tmp_path / "remote").symlink_to(churn.root / "remote")
    for entry in (Code(path=clone), Code(url=f"file://{clone}")):
        _, data = open_code(entry, tmp_path / "cache")
        present = churn.trainings[-1].raw
        found = data.exist([churn.lost, present])
        assert _states(found) == [ObjectState.MISSING, ObjectState.PRESENT]


def test_both_layouts_and_folders_file_by_file(tmp_path: Path) -> None:
    storage = Storage(tmp_path / "remote")
    one, two = storage.put(b"1"), storage.put(b"2", legacy=True)
    whole = storage.put_folder({"a": one, "b/c": two})
    holey = storage.put_folder({"a": one, "b": "f" * 32, "c": "e" * 32})
    forged = storage.put(b"[]", name="d" * 32 + ".dir")
    broken = storage.put(b"{", name=f"{md5(b'{')}.dir")
    remotes = DvcRemotes("r", ProjectConfig(_config(f"s={storage.path}", default="s")))
    found = remotes.exist([one, two, whole, holey, forged, broken, "0" * 32, "etag-1", one])
    assert [(item.state, item.reason) for item in found] == [
        (ObjectState.PRESENT, ""),
        (ObjectState.PRESENT, ""),
        (ObjectState.PRESENT, ""),
        (ObjectState.MISSING, "2 of the folder's 3 files are gone"),
        (ObjectState.DAMAGED, "the folder's list is not what its name says"),
        (ObjectState.MISSING, "the folder's list is not a list of files"),
        (ObjectState.MISSING, "not in the remote"),
        (ObjectState.NOT_CHECKED, "its digest is not an MD5 of DVC's"),
    ]
    assert remotes.exist([]) == ()


def test_a_local_object_is_neither_protected_nor_deleted(tmp_path: Path) -> None:
    """DVC does both when it is asked whether a local object exists."""
    storage = Storage(tmp_path / "remote")
    altered = storage.put(b"other content", name="d" * 32)
    file = storage.path / "files" / "md5" / "dd" / ("d" * 30)
    before = file.stat()
    config = ProjectConfig(_config(f"s={storage.path}", default="s"))
    (item,) = DvcRemotes("r", config).exist([altered])
    assert item.state is ObjectState.PRESENT
    assert file.stat() == before


def test_the_default_remote_decides_and_others_help(tmp_path: Path) -> None:
    first, second = Storage(tmp_path / "first"), Storage(tmp_path / "second")
    one, two = first.put(b"1"), second.put(b"2")
    places = (f"a={second.path}", f"b={first.path}")
    remotes = DvcRemotes("r", ProjectConfig(_config(*places, default="b")))
    found = remotes.exist([one, two, "0" * 32])
    assert [(item.state, item.remote) for item in found] == [
        (ObjectState.PRESENT, "b"),
        (ObjectState.PRESENT, "a"),
        (ObjectState.MISSING, "b, a"),
    ]
    gone = (f"a={tmp_path / 'gone'}", f"b={first.path}")
    for default, state in (("b", "missing"), ("a", "not_checked"), ("", "not_checked")):
        config = ProjectConfig(_config(*gone, default=default))
        found = DvcRemotes("r", config).exist([one, "0" * 32])
        assert [item.state for item in found] == ["present", state]


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (ProjectConfig(found=False), "no DVC project"),
        (ProjectConfig(b""), "no DVC remote is configured"),
        (ProjectConfig(b"[core"), "DVC cannot read its configuration"),
        (ProjectConfig(b"\xff\xfe\x00"), "DVC cannot read its configuration"),
        (ProjectConfig(b"core = 1\n[remote]\na = 1\n"), "no DVC remote is configured"),
        (ProjectConfig(b"['remote \"s\"']\n    nonsense = 1\n"), "DVC cannot read its config"),
        (ProjectConfig(_config("s=/nowhere/at/all", default="s")), "does not exist"),
        (ProjectConfig(_config("s=s3://bucket/path", default="s")), "cannot be asked"),
        (ProjectConfig(_config("s=/tmp", default="other")), "no remote of the name other"),
        (ProjectConfig(_config("s=../remote", default="s")), "no folder from which"),
    ],
)
def test_what_cannot_be_asked_is_not_checked_and_says_why(
    config: ProjectConfig, reason: str
) -> None:
    (item,) = DvcRemotes("r", config).exist(["0" * 32])
    assert item.state is ObjectState.NOT_CHECKED
    assert reason in item.reason


def test_a_failure_within_is_told_as_one() -> None:
    answer = Answer("store")
    with guarded(answer):
        raise KeyError("Contents")
    assert answer.reason == "the remote cannot be asked: 'Contents'"


def test_no_secret_of_a_remote_is_told() -> None:
    config = ProjectConfig(_config("s=https://bob:s3cret@127.0.0.1:9/data", default="s"))
    (item,) = DvcRemotes("r", config).exist(["0" * 32])
    assert item.state is ObjectState.NOT_CHECKED
    assert "s3cret" not in item.reason


def test_a_committed_configuration_names_no_credential_files(tmp_path: Path) -> None:
    """An AWS configuration file can name a command to run (``credential_process``)."""
    committed = _config("s=s3://b", default="s", configpath="evil", credentialpath="evil")
    local = _config("s=s3://b", profile="mine", credentialpath="mine")
    options = merged(ProjectConfig(committed, local, tmp_path))["remote"]["s"]
    assert options == {"url": "s3://b", "profile": "mine", "credentialpath": str(tmp_path / "mine")}


def test_what_no_remote_is_meant_to_hold_is_not_asked_for(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path / "repo")
    storage = Storage(tmp_path / "remote")
    sub = {
        "p/.dvc/config": _config("s=../../../remote", default="s"),
        "p/dvc.yaml": "stages:\n  a:\n    outs: [{x: {push: false}}, {y: {cache: false}}, z]\n",
        "p/dvc.lock": lock({"a": ({}, {"x": "a" * 32, "y": "b" * 32, "z": "c" * 32})}),
        "p/imported.dvc": tracked("imported", "d" * 32)
        + "deps:\n- path: v\n  repo: {url: ../other, rev_lock: abc}\n",
        "p/both.dvc": tracked("both", "a" * 32),
        "p/yes.dvc": tracked("yes", storage.put(b"yes")),
    }
    repo.commit({name: text for name, text in sub.items() if name != "p/both.dvc"})
    digests = ["a" * 32, "b" * 32, "c" * 32, "d" * 32, md5(b"yes")]
    entry = Code(path=repo.path, subdirectory="p")
    found = open_code(entry, tmp_path / "cache")[1].exist(digests)
    assert [(item.state.value, item.reason) for item in found] == [
        ("not_applicable", "never pushed (push: false)"),
        ("not_applicable", "not kept by DVC (cache: false)"),
        ("missing", "not in the remote"),
        ("not_applicable", "the repository it was imported from holds it"),
        ("present", ""),
    ]
    # The same content, tracked elsewhere as data, is asked for.
    repo.commit({"p/both.dvc": sub["p/both.dvc"]})
    (item,) = open_code(entry, tmp_path / "cache")[1].exist(["a" * 32])
    assert item.state is ObjectState.MISSING
    # The configuration of a bare repository comes from its newest commit.
    shutil.copytree(repo.path / ".git", tmp_path / "bare.git")
    subprocess.run(["git", "config", "core.bare", "true"], cwd=tmp_path / "bare.git", check=True)
    entry = Code(path=tmp_path / "bare.git", subdirectory="p")
    (item,) = open_code(entry, tmp_path / "cache")[1].exist([md5(b"yes")])
    assert item.state is ObjectState.PRESENT


def test_a_configuration_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path / "repo")
    repo.commit({"a": "1"})
    (repo.path / ".dvc").mkdir()
    secret = tmp_path / "config"
    secret.write_bytes(_config(f"s={tmp_path}", default="s"))
    (repo.path / ".dvc" / "config").symlink_to(secret)
    (item,) = open_code(Code(path=repo.path), tmp_path / "cache")[1].exist(["0" * 32])
    assert item.reason == "no DVC remote is configured"


def test_bytes_in_a_folder_remote_are_read_again(tmp_path: Path) -> None:
    """DVC 2 took the MD5 of a text with LF for CR LF, DVC 3 takes that of the bytes."""
    storage = Storage(tmp_path / "remote")
    text = b"a\r\nb\r\n"
    good = storage.put(text)
    legacy = storage.put(text, name=md5(b"a\nb\n"), legacy=True)
    plain = storage.put(b"\0binary\r\n", legacy=True)
    wrong = storage.put(text, name="d" * 32)
    modern = storage.put(b"c\r\nd\r\n", name=md5(b"c\nd\n"))  # of DVC 2, where DVC 3 keeps its own
    whole = storage.put_folder({"a": good, "b": legacy})
    broken = storage.put_folder({"a": good, "b/c": wrong, "b/d": modern})
    storage.put(b"", name="e" * 32)
    linked = storage.path / "files" / "md5" / "ee" / ("e" * 30)
    linked.unlink()
    linked.symlink_to(storage.path / "files" / "md5" / good[:2] / good[2:])
    config = ProjectConfig(_config(f"s={storage.path}", default="s"))
    digests = [good, legacy, plain, wrong, modern, whole, broken, "e" * 32]

    def read(rehash: Rehash) -> list[tuple[str, str]]:
        found = DvcRemotes("r", config, rehash=rehash).exist(digests)
        return [(item.state.value, item.checked) for item in found]

    expected = [("present", "rehashed")] * 3 + [("damaged", "exists")] * 2
    expected += [("present", "rehashed"), ("damaged", "exists"), ("present", "exists")]
    assert read(Rehash("always", 2**20)) == expected
    assert read(Rehash("new", 2**20, tmp_path / "cache")) == expected
    (item,) = DvcRemotes("r", config, rehash=Rehash("always", 2**20)).exist([broken])
    assert item.lost == ("b/c", "b/d")
    assert item.reason == "2 of the folder's 3 files do not have their digests"
    # A cache that is none: everything is read again.
    (tmp_path / "cache" / "objects.sqlite").write_bytes(b"no database")
    assert read(Rehash("new", 2**20, tmp_path / "cache")) == expected
    assert {checked for _, checked in read(Rehash("always", 0))} == {"exists"}
    assert {checked for _, checked in read(Rehash("never", 2**20))} == {"exists"}


def test_what_a_folder_holds_is_told_from_its_list(tmp_path: Path) -> None:
    storage = Storage(tmp_path / "remote")
    many = storage.put_folder({f"{number:04}": "a" * 32 for number in range(1500)})
    forged = storage.put(b"[]", name="d" * 32 + ".dir")
    hostile = storage.put_folder({"../../etc/passwd": "a" * 32, "half \ud800": "b" * 32})
    nested = storage.put_folder({"a": "c" * 32 + ".dir"})
    config = ProjectConfig(_config(f"s={storage.path}", default="s"))
    found = DvcRemotes("r", config).members(
        [many, forged, hostile, nested, "0" * 32 + ".dir", "x.dir", "a" * 32]
    )
    assert {digest: (item.total, item.reason) for digest, item in found.items()} == {
        many: (1500, ""),
        forged: (None, "the folder's list is not what its name says"),
        hostile: (2, ""),
        nested: (None, "the folder's list is not a list of files"),
        "0" * 32 + ".dir": (None, "the folder's list is not in the remote"),
        "x.dir": (None, "its digest is not an MD5 of DVC's"),
    }
    assert len(found[many].members) == 1000
    assert [item.path for item in found[hostile].members] == ["../../etc/passwd", "half \\ud800"]
    cannot = DvcRemotes("r", ProjectConfig(found=False)).members([many])
    assert "no DVC project" in cannot[many].reason


def test_a_folder_in_pieces_is_in_the_cache_only_if_all_of_it_is(tmp_path: Path) -> None:
    storage, cache = Storage(tmp_path / "remote"), Storage(tmp_path / ".dvc" / "cache")
    one = cache.put(b"1")
    gone = storage.put_folder({"a": one, "b": storage.put(b"2")})
    cache.put_folder({"a": one, "b": storage.put(b"2")})
    folder = tmp_path / ".dvc"
    config = ProjectConfig(_config(f"s={storage.path}", default="s"), folder=folder)
    (item,) = DvcRemotes("r", config).exist([gone])
    assert (item.state.value, item.lost) == ("missing", ("a",))
    cache.put(b"2")
    (item,) = DvcRemotes("r", config).exist([gone])
    assert (item.state.value, item.lost) == ("cache_only", ("a",))
    # A list that is in the cache alone is read there.
    alone = cache.put_folder({"z": one})
    remotes = DvcRemotes("r", config)
    assert remotes.exist([alone])[0].state is ObjectState.CACHE_ONLY
    assert [member.path for member in remotes.members([alone])[alone].members] == ["z"]


def test_nobody_is_asked_for_a_password(tmp_path: Path) -> None:
    text = _config("s=https://127.0.0.1:9/data", default="s", ask_password="true")
    (item,) = DvcRemotes("r", ProjectConfig(text, text, tmp_path)).exist(["0" * 32])
    assert item.state is ObjectState.NOT_CHECKED
    assert "ask_password" not in merged(ProjectConfig(text, text, tmp_path))["remote"]["s"]


def test_a_pipe_among_the_objects_is_not_waited_for(tmp_path: Path) -> None:
    storage = Storage(tmp_path / "remote")
    digest = storage.put(b"", name="d" * 32 + ".dir")
    file = storage.path / "files" / "md5" / digest[:2] / digest[2:]
    file.unlink()
    os.mkfifo(file)
    remotes = DvcRemotes("r", ProjectConfig(_config(f"s={storage.path}", default="s")))
    assert remotes.members([digest])[digest].total is None
    assert remotes.exist([digest])[0].state is ObjectState.MISSING


def test_where_versions_are_kept_is_known_from_the_files(tmp_path: Path) -> None:
    """Paths are those in the DVC project; a dependency lists a folder without its versions."""
    repo = GitRepo(tmp_path / "repo")
    cloud = "    cloud: {s: {etag: e, version_id: v-1}}\n"
    member = f"  - relpath: a\n    md5: {'a' * 32}\n"
    dep = f"    - path: d\n      hash: md5\n      files:\n      - {{relpath: a, md5: {'a' * 32}}}\n"
    repo.commit(
        {
            "p/raw.dvc": f"outs:\n- md5: {'b' * 32}\n  hash: md5\n  path: raw\n{cloud[2:]}",
            "p/d.dvc": f"outs:\n- hash: md5\n  path: d\n  files:\n{member}{cloud}",
            "p/dvc.lock": f"schema: '2.0'\nstages:\n  z:\n    cmd: z\n    deps:\n{dep}",
        }
    )
    code, _ = open_code(Code(path=repo.path, subdirectory="p"), tmp_path / "cache")
    (raw,) = code.kept("b" * 32).outs
    assert (raw.path, raw.remote, raw.version_id) == ("raw", "s", "v-1")
    folder = md5(json.dumps([{"md5": "a" * 32, "relpath": "a"}])) + ".dir"
    kept = code.kept(folder)
    assert [out.path for out in kept.outs] == ["d"]
    assert [(item.path, item.version_id) for item in kept.members] == [("a", "v-1")]
    assert kept.remotes == {"s"}
