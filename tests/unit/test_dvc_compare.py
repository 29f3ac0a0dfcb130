"""What ran against what a commit holds."""

from pathlib import Path

import pytest
from support.gitrepo import GitRepo, lock, md5, tracked

from audit.facts import CodeDigest, StageState
from audit.sources.artifacts.hashing import folder_digest
from audit.sources.dvc.compare import Origin, TreeComparison
from audit.sources.dvc.history import DvcHistory
from audit.sources.git.history import GitHistory

RAW, NEW, OUT = "a" * 32, "b" * 32, "c" * 32


@pytest.fixture
def repo(tmp_path: Path) -> GitRepo:
    return GitRepo(tmp_path / "repo")


class Reading:
    def __init__(self, repo: GitRepo) -> None:
        self.history = DvcHistory(GitHistory(repo.path, "repo", ("main",)))
        self.trees = TreeComparison(self.history)

    def state(self, digest: str = OUT) -> StageState:
        return self.history.with_out(digest)[0]

    def compare(self, commit: str) -> dict[str, CodeDigest]:
        return {item.path: item for item in self.trees.compare(self.state(), commit)}

    def origin(self, path: str, commit: str) -> Origin:
        state = self.state()
        dep = next(dep for dep in state.deps if dep.path == path)
        return self.trees.origin_of(state, dep, commit)


def test_a_dirty_tree_is_proved_afterwards(repo: GitRepo) -> None:
    before = repo.commit(
        {
            "train.py": "old",
            "raw.csv.dvc": tracked("raw.csv", RAW),
            "params.yaml": "train: {C: 1, kind: a}\n",
        }
    )
    deps = {"train.py": md5("new"), "raw.csv": NEW, "new.py": md5("x"), "conf.yaml": md5("c: 1")}
    after = repo.commit(
        {
            "train.py": "new",
            "new.py": "x",
            "conf.yaml": "c: 1",
            "raw.csv.dvc": tracked("raw.csv", NEW),
            "params.yaml": "train: {C: 2.0, kind: a}\n",
            "dvc.lock": lock(
                {"train": (deps, {"m": OUT})}, {"train": {"train.C": 2, "train.kind": "a"}}
            ),
        }
    )
    reading = Reading(repo)
    assert all(item.equal for item in reading.compare(after).values())
    found = reading.compare(before)
    assert {path: (item.equal, item.kind) for path, item in found.items()} == {
        "train.py": (False, "file"),
        "raw.csv": (False, "data"),
        "new.py": (False, "file"),
        "conf.yaml": (False, "file"),
        "params.yaml:train.C": (False, "params"),
        "params.yaml:train.kind": (True, "params"),
    }
    assert found["raw.csv"].commit_digest == RAW
    assert found["new.py"].commit_digest == ""
    assert found["params.yaml:train.C"].commit_digest == "1"
    assert reading.compare("e" * 40) == {}


def test_origins(repo: GitRepo) -> None:
    deps = {
        "code.py": md5("x"),
        "raw.csv": RAW,
        "mid.csv": NEW,
        "s3://bucket/x": "d" * 32,
        "../up.csv": "e" * 32,
        "lost.csv": "f" * 32,
    }
    commit = repo.commit(
        {
            "code.py": "x",
            "raw.csv.dvc": tracked("raw.csv", RAW),
            "dvc.lock": lock({"prepare": ({}, {"mid.csv": NEW}), "train": (deps, {"m": OUT})}),
        }
    )
    reading = Reading(repo)
    assert {path: reading.origin(path, commit) for path in deps} == {
        "code.py": Origin.GIT,
        "raw.csv": Origin.TRACKED,
        "mid.csv": Origin.OUTPUT,
        "s3://bucket/x": Origin.EXTERNAL,
        "../up.csv": Origin.EXTERNAL,
        "lost.csv": Origin.UNKNOWN,
    }
    # Outputs and what lies outside are compared with no commit, a lost file with each.
    assert set(reading.compare(commit)) == {"code.py", "raw.csv", "lost.csv"}
    assert reading.compare(commit)["lost.csv"].commit_digest == ""


@pytest.mark.parametrize(
    ("in_git", "ran", "equal"),
    [
        ("a\nb\n", "a\nb\n", True),
        ("a\r\nb\n", "a\nb\n", True),
        ("a\nb\n", "a\r\nb\r\n", True),
        ("a\n\0", "a\r\n\0", False),
        ("a\n", "b\n", False),
    ],
)
@pytest.mark.parametrize("legacy", [True, False])
def test_line_ends_alone_make_no_difference(
    repo: GitRepo, in_git: str, ran: str, equal: bool, legacy: bool
) -> None:
    text = lock({"train": ({"f": md5(ran)}, {"m": OUT})}, legacy=legacy)
    commit = repo.commit({"f": in_git.encode(), "dvc.lock": text})
    assert Reading(repo).compare(commit)["f"].equal is equal


def test_a_folder_in_git_has_dvc_s_digest(repo: GitRepo) -> None:
    members = {"a.py": "1", "lib/b.py": "2"}
    data = "d" * 32
    digest = folder_digest((name, md5(text)) for name, text in members.items())
    mixed = folder_digest(
        [("raw.csv", data), ("raw.csv.dvc", md5(tracked("raw.csv", data))), ("x", md5("x"))]
    )
    deps = {"src": digest, "data": mixed}
    commit = repo.commit(
        {
            **{f"src/{name}": text for name, text in members.items()},
            "data/x": "x",
            "data/raw.csv.dvc": tracked("raw.csv", data),
            "dvc.lock": lock({"train": (deps, {"m": OUT})}),
        }
    )
    reading = Reading(repo)
    assert {path: item.equal for path, item in reading.compare(commit).items()} == {
        "src": True,
        "data": True,
    }
    changed = repo.commit({"src/lib/b.py": "3"})
    assert not Reading(repo).compare(changed)["src"].equal


def test_what_cannot_be_compared_is_told_and_left_out(repo: GitRepo) -> None:
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 3\n"
    (repo.path / "link.py").symlink_to("/etc/passwd")
    deps = {"big.bin": md5("abc"), "link.py": md5("x")}
    commit = repo.commit({"big.bin": pointer, "dvc.lock": lock({"train": (deps, {"m": OUT})})})
    reading = Reading(repo)
    assert reading.compare(commit) == {}
    told = "\n".join(reading.history.problems)
    assert "Git LFS pointer" in told
    assert "symbolic link" in told


@pytest.mark.parametrize(
    ("file", "text", "key", "value", "equal"),
    [
        ("p.yaml", "a: {b.c: {d: 1e-05}}", "a.b.c.d", "0.00001", True),
        ("p.yaml", "a: [1, {b: 2}]", "a.1.b", "2", True),
        ("p.yaml", "a: [1]", "a.7", "2", False),
        ("p.yaml", "a: true", "a", "1", False),
        ("p.yaml", "a: 7", "a.b", "7", False),
        ("p.json", '{"a": {"b": [1.0, "x"]}}', "a.b", "[1, x]", True),
        ("p.toml", "[a]\nb = 1\n", "a", "{b: 1}", True),
        ("p.toml", "not toml", "a", "1", False),
        ("p.json", "[" * 5000, "a", "1", False),
        ("p.json", "[" * 200 + "]" * 200, "a", "1", False),
    ],
)
def test_parameters_are_compared_by_value(
    repo: GitRepo, file: str, text: str, key: str, value: str, equal: bool
) -> None:
    stage = f"train:\n  outs:\n  - {{path: m, md5: {OUT}}}\n  params:\n    {file}:\n"
    commit = repo.commit({file: text, "dvc.lock": f"{stage}      {key}: {value}\n"})
    assert Reading(repo).compare(commit)[f"{file}:{key}"].equal is equal


def test_parameters_in_code_are_not_compared(repo: GitRepo) -> None:
    stage = f"train:\n  outs:\n  - {{path: m, md5: {OUT}}}\n  params:\n    p.py:\n      A: 1\n"
    commit = repo.commit({"p.py": "A = 1", "dvc.lock": stage})
    assert Reading(repo).compare(commit) == {}


def test_metrics_are_those_of_this_lock_only(repo: GitRepo) -> None:
    metrics = '{"test": {"score": 0.5, "n": 3, "ok": true, "name": "x"}, "huge": 1%s}' % ("0" * 400)
    stages = {
        "train": ({}, {"m": OUT}),
        "evaluate": ({"m": OUT}, {"metrics.json": md5(metrics)}),
        "other": ({}, {"other.json": md5('{"z": 1}')}),
    }
    commit = repo.commit(
        {"metrics.json": metrics, "other.json": '{"z": 1}', "dvc.lock": lock(stages)}
    )
    reading = Reading(repo)
    assert reading.trees.metrics_at(reading.state(), commit) == {"test.score": 0.5, "test.n": 3.0}
    assert reading.trees.in_git(reading.state(md5(metrics))) == {md5(metrics)}
    assert reading.trees.in_git(reading.state()) == set()
    stale = repo.commit({"metrics.json": '{"test": {"score": 0.9}}'})
    reading = Reading(repo)
    assert reading.trees.metrics_at(reading.state(), stale) == {}
