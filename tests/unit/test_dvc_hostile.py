"""One commit with every malformed and hostile file beside a good stage: each is one finding."""

from pathlib import Path

import pytest
from support.gitrepo import GitRepo, lock, tracked

from audit.config import Code
from audit.facts import ArtifactFile, Weights
from audit.gather.join import join
from audit.sources.dvc.history import DvcHistory
from audit.sources.dvc.lineage import upstream
from audit.sources.dvc.yaml12 import MAX_BYTES
from audit.sources.git.history import GitHistory
from audit.sources.repositories import open_code

RAW, OUT, BAD = "a" * 32, "c" * 32, "d" * 32


def _dvc(body: str) -> str:
    return f"outs:\n- {{hash: md5, path: x.csv, {body}}}\n"


HOSTILE: dict[str, tuple[str | bytes, str]] = {
    "bomb/x.dvc": (
        "a: &a [x, x, x, x, x, x, x, x, x]\n"
        + "".join(
            f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n"
            for old, new in zip("abcdefgh", "bcdefghi", strict=True)
        ),
        "expands to more than",
    ),
    "alias/dvc.lock": (f"s: &s\n  outs: [{{path: y, md5: {BAD}}}, *s]\n", "alias to nothing"),
    "deep/x.csv.dvc": ("outs: " + "[" * 5000 + "]" * 5000, "nested deeper"),
    "huge/x.csv.dvc": (tracked("x.csv", BAD) + "#" * MAX_BYTES, "are not read"),
    "number/x.csv.dvc": (_dvc("md5: 12345678901234567890123456789012"), "is malformed"),
    "list/x.csv.dvc": (_dvc(f"md5: [{BAD}]"), "is malformed"),
    "mapping/x.csv.dvc": (_dvc("etag: {a: 1}"), "is malformed"),
    "long/x.csv.dvc": (_dvc(f"md5: {'e' * 33}"), "is malformed"),
    "twice/dvc.lock": (f"s: {{outs: [{{path: y, md5: {BAD}}}]}}\ns: 1\n", "twice"),
    "nul/x.csv.dvc": (b"outs:\n- path: \0\n", "not valid YAML"),
    "latin/x.csv.dvc": ("outs:\n- path: \xe9\n".encode("latin-1"), "not valid YAML"),
    "member/x.csv.dvc": (
        f"outs:\n- path: x\n  files: [{{relpath: ../../../etc/passwd, md5: {BAD}}}]\n",
        "is malformed",
    ),
    "tag/x.csv.dvc": ("!!python/object/apply:os.system ['touch owned']\n", "not a mapping"),
    "dvc.lock/inner": ("a file where the lock should be\n", "is a folder"),
}
"""By path: what stands there, and what is said of it."""


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> GitRepo:
    repo = GitRepo(tmp_path_factory.mktemp("hostile") / "repo")
    for folder in ("link", "module/dvc.lock", "good"):
        (repo.path / folder).mkdir(parents=True)
    (repo.path / "link" / "dvc.lock").symlink_to("../../../../etc/passwd")
    (repo.path / "link" / "x.csv.dvc").symlink_to("/etc/passwd")
    stages = {"train": ({"../data/raw.csv": RAW, "train.py": "f" * 32}, {"model.pkl": OUT})}
    repo.commit(
        {
            **{path: content for path, (content, _) in HOSTILE.items()},
            "good/dvc.lock": lock(stages, {"train": {"c": 1}}),
            "good/dvc.yaml": f"stages: {'[' * 200}{']' * 200}\n",
            "data/raw.csv.dvc": tracked("raw.csv", RAW),
            # Paths that lead out, or that hold what a terminal would act on.
            "out/dvc.lock": lock({"s": ({"../../../../etc/passwd": BAD}, {"/etc/x": BAD})}),
            "odd/x.csv.dvc": f'outs:\n- {{path: "a\\0b\\e[31m", md5: {BAD}}}\n',
        }
    )
    (repo.path / "module" / "dvc.lock").rmdir()
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{repo.head()},module/dvc.lock")
    repo.git("commit", "--quiet", "--message", "a submodule named dvc.lock")
    return repo


@pytest.fixture(scope="module")
def history(repo: GitRepo) -> DvcHistory:
    history = DvcHistory(GitHistory(repo.path, "repo", ("main",)))
    # Everything is parsed, also what nobody asks for.
    assert len(history.all_states) >= 4
    return history


def test_the_good_stage_is_attributed_and_nothing_else_is_lost(
    repo: GitRepo, history: DvcHistory
) -> None:
    (train,) = history.with_out(OUT)
    states = upstream(history, train)
    assert [state.file for state in states] == ["good/dvc.lock", "data/raw.csv.dvc"]
    assert history.with_out(RAW)[0].outs[0].path == "data/raw.csv"
    assert not (repo.path / "owned").exists()


@pytest.mark.parametrize("path", HOSTILE)
def test_each_bad_file_is_one_finding(history: DvcHistory, path: str) -> None:
    about = [p for p in history.problems if p.startswith(path.removesuffix("/inner") + " ")]
    assert len(about) == 1
    assert HOSTILE[path][1] in about[0]


def test_links_and_submodules_are_named_and_not_followed(history: DvcHistory) -> None:
    told = {p.partition(" ")[0]: p for p in history.problems}
    assert "symbolic link, which is not followed" in told["link/dvc.lock"]
    assert "symbolic link, which is not followed" in told["link/x.csv.dvc"]
    assert "submodule, which is not followed" in told["module/dvc.lock"]
    assert "nested deeper" in told["good/dvc.yaml"]


def test_there_are_no_findings_beside_these(history: DvcHistory) -> None:
    assert len(history.problems) == len(HOSTILE) + 4
    assert all("\n" not in p and p.isprintable() for p in history.problems)


def test_paths_are_names_and_never_opened(history: DvcHistory) -> None:
    found = [out.path for state in history.with_out(BAD) for out in state.outs]
    assert "odd/a\\x00b\\x1b[31m" in found
    assert "/etc/x" in found
    (state,) = (s for s in history.all_states if s.file == "out/dvc.lock")
    assert [dep.path for dep in state.deps] == ["../../../etc/passwd"]


def test_the_version_is_joined_all_the_same(repo: GitRepo, tmp_path: Path) -> None:
    code = open_code(Code(path=repo.path), tmp_path)[0]
    file = ArtifactFile(path="model.pkl", bytes=1, sha256="0" * 64, md5=OUT)
    pipeline = join(Weights(location="here", read=True, files=(file,)), None, [code])
    assert [state.file for state in pipeline.states] == ["good/dvc.lock", "data/raw.csv.dvc"]
    code.close()


def test_a_bad_dvc_yaml_that_stands_for_long_is_one_finding(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path / "repo")
    for number in range(4):
        stages = {"train": ({}, {"model.pkl": f"{OUT[:-1]}{number}"})}
        repo.commit({"dvc.lock": lock(stages), "dvc.yaml": "a: b: c\n"})
    history = DvcHistory(GitHistory(repo.path, "repo", ("main",)))
    assert len(history.all_states) == 4
    assert len(history.problems) == 1
