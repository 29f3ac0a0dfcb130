"""The files that differ between two commits, whatever the repository says of them."""

from pathlib import Path

import pytest
from support.gitrepo import GitRepo

from audit.facts import FileChange
from audit.sources.git.difference import MAX_CHANGES, changed_files
from audit.sources.git.store import ObjectStore, UnreadableError

LINES = "".join(f"{number}\n" for number in range(20))


@pytest.fixture
def repo(tmp_path: Path) -> GitRepo:
    return GitRepo(tmp_path / "repo")


def test_each_change_with_its_lines(repo: GitRepo) -> None:
    names = {"odd": 'tab\t"quote" ä\nline', "option": "--output=x"}
    before = repo.commit({"a.py": LINES, "b.bin": b"\0\1", "gone": "p\nq\n", names["odd"]: "1\n"})
    files = {"a.py": None, "src/a.py": LINES + "new\n", "b.bin": b"\0\2", "gone": None}
    after = repo.commit({**files, names["odd"]: "1\n2\n3\n", names["option"]: "1\n"})
    found, more = changed_files(ObjectStore(repo.path), before, after)
    assert more == 0
    assert found == (
        FileChange("gone", "removed", 0, 2),
        FileChange(names["odd"], "changed", 2, 0),
        FileChange("--output=x", "added", 1, 0),
        FileChange("b.bin", "changed"),
        FileChange("src/a.py", "renamed", 1, 0, "a.py"),
    )
    assert changed_files(ObjectStore(repo.path), before, before) == ((), 0)


def test_the_largest_changes_come_first_and_the_rest_is_counted(repo: GitRepo) -> None:
    before = repo.commit({})
    count = MAX_CHANGES + 5
    after = repo.commit({f"f{number:03}": "x\n" * (number + 1) for number in range(count)})
    found, more = changed_files(ObjectStore(repo.path), before, after)
    assert (len(found), more) == (MAX_CHANGES, 5)
    assert [change.added for change in found] == list(range(count, 5, -1))


def test_links_submodules_and_attributes(repo: GitRepo) -> None:
    before = repo.commit({"a.py": "1\n", "b": "x\n"})
    (repo.path / "b").unlink()
    (repo.path / "b").symlink_to("a.py")
    # The attribute would have git call the text binary.
    repo.commit({".gitattributes": "*.py -diff\n", "a.py": "1\n2\n"})
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},lib")
    repo.git("commit", "--quiet", "--message", "submodule")
    (repo.path / ".git" / "info").mkdir(exist_ok=True)
    (repo.path / ".git" / "info" / "attributes").write_text("*.py -diff\n")
    found, _ = changed_files(ObjectStore(repo.path), before, repo.head())
    assert {change.path: (change.change, change.added) for change in found} == {
        ".gitattributes": ("added", 1),
        "a.py": ("changed", 1),
        "b": ("changed", 1),
        "lib": ("added", 1),
    }


def test_what_is_not_there_is_said(repo: GitRepo) -> None:
    sha = repo.commit({"a": "1"})
    for other in ("f" * 40, "HEAD", "--output=x"):
        with pytest.raises(UnreadableError, match="is not in this clone"):
            changed_files(ObjectStore(repo.path), sha, other)
    later = repo.commit({"a": "2"})
    tree = repo.git("rev-parse", f"{later}^{{tree}}")
    (repo.path / ".git" / "objects" / tree[:2] / tree[2:]).unlink()
    with pytest.raises(UnreadableError, match="git could not compare the files of"):
        changed_files(ObjectStore(repo.path), sha, later)
