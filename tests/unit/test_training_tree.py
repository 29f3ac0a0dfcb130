"""The tree when training begins: real repositories, clean, dirty and hostile."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.gitrepo import GitRepo

from audit.capture.training import tree


@pytest.fixture
def repo(tmp_path: Path) -> GitRepo:
    made = GitRepo(tmp_path / "r")
    made.commit({"train.py": "print(1)\n", "b.bin": b"\0\1", ".gitignore": "scratch/\n"})
    return made


def test_clean(repo: GitRepo) -> None:
    found = tree.read(repo.path)
    assert found == tree.Tree(repo.head(), dirty=False)
    assert found.digest == ""


def test_the_difference_can_be_applied_and_hashed_again(repo: GitRepo, tmp_path: Path) -> None:
    (repo.path / "train.py").write_text("print(2)\n")
    (repo.path / "b.bin").write_bytes(b"\0\2")
    (repo.path / "new\nname.py").write_text("x")
    (repo.path / "plain.py").write_text("y")
    repo.git("add", "b.bin")
    found = tree.read(repo.path)
    assert (found.dirty, found.unhashed, found.problem) == (True, 0, "")
    assert found.digest == hashlib.sha256(found.patch + found.untracked).hexdigest()
    (tmp_path / "untracked.txt").write_bytes(found.untracked)
    listing = ["sha256sum", "--check", "--quiet", str(tmp_path / "untracked.txt")]
    subprocess.run(listing, cwd=repo.path, check=True)
    repo.git("stash", "--quiet")
    repo.git("apply", "--binary", "-", stdin=found.patch)
    assert tree.read(repo.path).digest == found.digest


def test_settings_do_not_change_the_digest(repo: GitRepo) -> None:
    (repo.path / "train.py").write_text("print(2)\n")
    before = tree.read(repo.path)
    for key, value in (
        ("diff.noprefix", "true"),
        ("diff.context", "9"),
        ("diff.algorithm", "patience"),
        ("diff.external", "false"),
        ("color.ui", "always"),
        ("diff.mnemonicPrefix", "true"),
        ("status.showUntrackedFiles", "no"),
    ):
        repo.git("config", key, value)
    assert tree.read(repo.path) == before


def test_nothing_is_run_or_written(repo: GitRepo, tmp_path: Path) -> None:
    trap = tmp_path / "trap.sh"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\n")
    trap.chmod(0o755)
    hooks = repo.path / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for hook in ("post-index-change", "reference-transaction"):
        (hooks / hook).write_text(trap.read_text())
        (hooks / hook).chmod(0o755)
    for key in ("core.fsmonitor", "diff.external"):
        repo.git("config", key, str(trap))
    (tmp_path / "sprung").unlink(missing_ok=True)
    os.utime(repo.path / "train.py", (1, 1))  # git would refresh its index for this
    (repo.path / "more.py").write_text("x")
    before = {path: path.stat().st_mtime_ns for path in repo.path.rglob("*")}
    assert tree.read(repo.path).dirty
    assert {path: path.stat().st_mtime_ns for path in repo.path.rglob("*")} == before
    assert not (tmp_path / "sprung").exists()


def test_an_ignored_script_is_no_clean_tree(repo: GitRepo) -> None:
    script = repo.path / "scratch" / "try.py"
    script.parent.mkdir()
    script.write_text("x")
    assert not tree.read(repo.path).dirty
    found = tree.read(repo.path, script)
    assert found.untracked.endswith(b"  scratch/try.py\n")


def test_links_are_not_followed_and_large_files_not_hashed(repo: GitRepo, tmp_path: Path) -> None:
    (repo.path / "link").symlink_to("/etc/passwd")
    with (repo.path / "large").open("wb") as file:
        file.truncate(tree.MAX_HASHED + 1)
    (repo.path / "small").write_text("s")
    found = tree.read(repo.path)
    assert found.untracked.decode().splitlines() == [
        f"not-hashed:{tree.MAX_HASHED + 1}  large",
        f"{hashlib.sha256(b'/etc/passwd').hexdigest()}  link",
        f"{hashlib.sha256(b's').hexdigest()}  small",
    ]
    assert found.unhashed == 1


def test_a_renamed_file_and_a_deleted_one(repo: GitRepo) -> None:
    repo.git("mv", "train.py", "fit.py")
    (repo.path / "b.bin").unlink()
    found = tree.read(repo.path)
    assert found.dirty
    assert found.untracked == b""
    assert b"fit.py" in found.patch


def test_without_a_commit(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path / "r")
    (repo.path / "train.py").write_text("x")
    found = tree.read(repo.path)
    assert (found.commit, found.dirty, found.digest) == ("", True, "")
    assert found.problem == "the repository has no commit to compare with"


def test_a_broken_repository_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    with pytest.raises(tree.TreeError, match=r"^git status: .*not a git repository"):
        tree.read(tmp_path)


def test_which_repository(repo: GitRepo, tmp_path: Path) -> None:
    other = GitRepo(tmp_path / "other")
    inner = repo.path / "src"
    inner.mkdir()
    script = repo.path / "train.py"
    assert tree.top_of(str(script), other.path) == (repo.path, script)
    assert tree.top_of("train.py", repo.path) == (repo.path, script)
    assert tree.top_of("-c", inner) == (repo.path, None)
    assert tree.top_of("", inner) == (repo.path, None)
    assert tree.top_of("train.py", tmp_path) == (None, None)


def test_a_tool_of_the_installation_is_not_what_ran(repo: GitRepo) -> None:
    tool = next(Path(sys.prefix, "bin").iterdir())
    assert tree.top_of(str(tool), repo.path) == (repo.path, None)
