"""Reading a repository's objects, and what a hostile one tries."""

import contextlib
import hashlib
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from support.gitrepo import GitRepo, lock, md5, tracked
from support.poison import poisoned

import audit
from audit.config import Code
from audit.errors import UsageError
from audit.sources.git.history import GitHistory
from audit.sources.git.store import ObjectStore, UnreadableError, is_sha
from audit.sources.repositories import open_code


@pytest.fixture
def repo(tmp_path: Path) -> GitRepo:
    return GitRepo(tmp_path / "repo")


def test_only_full_shas_are_shas() -> None:
    assert is_sha("a" * 40)
    for text in ("", "HEAD", "a" * 39, "A" * 40, "--output=x", f"{'a' * 40}\n", "main:dvc.lock"):
        assert not is_sha(text)


@pytest.mark.parametrize("kind", ["nothing", "folder", "file", "inside"])
def test_what_is_not_a_repository_is_told_in_one_line(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "place"
    if kind == "folder":
        path.mkdir()
    elif kind == "file":
        path.write_text("text")
    elif kind == "inside":
        GitRepo(tmp_path).commit({"place/file": "x"})
    with pytest.raises(UsageError, match="not a git repository") as caught:
        ObjectStore(path)
    assert caught.value.exit_code == 2
    assert "Name the top folder" in str(caught.value)


def test_files_are_read_by_commit_without_a_checkout(repo: GitRepo) -> None:
    first = repo.commit({"a/b/c.txt": "one", "ä.txt": "x"})
    second = repo.commit({"a/b/c.txt": "two", "a/d": "y"})
    history = GitHistory(repo.path, "repo", ("main",))
    for commit, text in ((first, b"one"), (second, b"two")):
        entry = history.entry(commit, "a/b/c.txt")
        assert entry is not None
        assert history.store.blob(entry.oid) == text
    assert history.entry(first, "a/d") is None
    assert history.entry(first, "ä.txt") is not None
    assert history.entry(first, "a/b/c.txt/d") is None
    assert history.entry("0" * 40, "a") is None
    folder = history.entry(second, "a")
    assert folder is not None
    assert {path for path, _ in history.store.files(folder.oid)} == {"b/c.txt", "d"}
    history.store.close()


def test_links_and_submodules_are_not_files(repo: GitRepo) -> None:
    (repo.path / "link").symlink_to("/etc/passwd")
    inner = "1" * 40
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{inner},lib")
    repo.git("add", "link")
    repo.git("commit", "--quiet", "--message", "link")
    history = GitHistory(repo.path, "repo", ("main",))
    for name in ("link", "lib"):
        entry = history.entry(repo.head(), name)
        assert entry is not None
        assert not entry.is_file


def test_objects_are_bounded_typed_and_hashed_again(repo: GitRepo) -> None:
    repo.commit({"a": "content", "b": "other"})
    store = ObjectStore(repo.path)
    oid = repo.git("rev-parse", "HEAD:a")
    with pytest.raises(UnreadableError, match="has 7 bytes; more than 3"):
        store.blob(oid, limit=3)
    with pytest.raises(UnreadableError, match="is a blob, not a tree"):
        store.tree(oid)
    with pytest.raises(UnreadableError, match="not in the object store"):
        store.blob("f" * 40)
    with pytest.raises(UnreadableError, match="not in the object store"):
        store.blob("HEAD:a")
    other = repo.git("rev-parse", "HEAD:b")
    forged = repo.path / ".git" / "objects" / oid[:2] / oid[2:]
    forged.chmod(0o644)
    forged.write_bytes(zlib.compress(b"blob 6\0forged"))
    with pytest.raises(UnreadableError, match="does not hold what its id says"):
        store.blob(oid)
    forged.write_bytes(b"garbage")
    with pytest.raises(UnreadableError):
        store.blob(oid)
    assert store.blob(other) == b"other"


def test_a_hostile_repository_runs_nothing(repo: GitRepo, tmp_path: Path) -> None:
    """Every function of a code source, on a repository in which every setting is a trap."""
    made, raw = md5("weights"), md5("raw")
    oldest = repo.commit(
        {"dvc.lock": lock({"train": ({"raw.csv": raw}, {"model": made})}), "a.py": "1\n"}
    )
    repo.commit({"raw.csv.dvc": tracked("raw.csv", raw), "a.py": "2\n", "big": "lost"})
    signers = tmp_path / "allowed_signers"
    signers.write_text("alice@example.org ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ\n")
    lost = repo.git("rev-parse", "HEAD:big")
    (repo.path / ".git" / "objects" / lost[:2] / lost[2:]).unlink()
    with poisoned(repo, tmp_path / "traps") as poison:
        before = poison.state()
        entry = Code(path=repo.path, allowed_signers=signers)
        source, data = open_code(entry, tmp_path / "cache")
        history = GitHistory(repo.path, "repo", ("main",))
        (newest,) = history.tips["main"]
        for sha in (*history.parents, "b" * 40):
            commit = source.commit(sha)
            assert commit is None or commit.tags or commit.other_branches[0][:13] == "refs/replace/"
            assert source.submodule(sha) is None
        with contextlib.suppress(UnreadableError):
            source.changed_files(oldest, newest)
        assert source.commits_between(oldest, newest) == 6
        (state,) = source.states_with_out(made)
        assert source.upstream(state, source.lock_commit(state, newest))
        assert source.compare(state, newest)
        assert isinstance(source.infer({"C": "1"}, {"a": 1.0}), str)
        assert source.describe().readable
        assert source.describe().partial
        assert any("ext::" in address for address in source.addresses)
        entry_of_lost = history.entry(newest, "big")
        assert entry_of_lost is not None
        with pytest.raises(UnreadableError):
            history.store.blob(entry_of_lost.oid)
        assert data.exist([raw])
        source.close()
        history.close()
        assert poison.sprung() == []
        assert poison.state() == before
        assert len(poison.armed()) > 1


def test_replaced_and_grafted_history_is_not_believed(repo: GitRepo) -> None:
    first = repo.commit({"a": "1"})
    second = repo.commit({"a": "2"}, "the real subject")
    forged = repo.git("commit-tree", "HEAD^{tree}", "-m", "forged")
    repo.git("replace", second, forged)
    (repo.path / ".git" / "info").mkdir(exist_ok=True)
    (repo.path / ".git" / "info" / "grafts").write_text(f"{second}\n")
    history = GitHistory(repo.path, "repo", ("main",))
    commit = history.commit(second)
    assert commit is not None
    assert (commit.subject, commit.parents) == ("the real subject", (first,))
    assert history.parents[second] == (first,)


def test_variables_of_a_surrounding_git_do_not_redirect(
    repo: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha = repo.commit({"a": "1"})
    other = GitRepo(tmp_path / "other")
    other.commit({"b": "2"})
    monkeypatch.setenv("GIT_DIR", str(other.path / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other.path))
    monkeypatch.setenv("GIT_LITERAL_PATHSPECS", "1")
    history = GitHistory(repo.path, "repo", ("main",))
    assert list(history.parents) == [sha]


def test_reading_goes_on_when_git_ends(repo: GitRepo) -> None:
    repo.commit({"a": "1"})
    store = ObjectStore(repo.path)
    oid = repo.git("rev-parse", "HEAD:a")
    for _ in range(2):
        assert store.blob(oid) == b"1"
        store._git.cat_file_header.proc.kill()
        store._git.cat_file_header.proc.wait()


def test_a_damaged_repository_says_so(repo: GitRepo) -> None:
    sha = repo.commit({"a": "1"})
    (repo.path / ".git" / "objects" / sha[:2] / sha[2:]).unlink()
    history = GitHistory(repo.path, "repo", ("main",))
    about = history.describe(lock_states=lambda: 0)
    assert not about.readable
    assert "git fsck" in about.reason
    assert history.commit(sha) is None


def test_sha256_repositories_are_refused_plainly(tmp_path: Path) -> None:
    path = tmp_path / "repo"
    subprocess.run(["git", "init", "--quiet", "--object-format=sha256", str(path)], check=True)
    repo = GitRepo.__new__(GitRepo)
    repo.path, repo.clock = path, 1_780_000_000
    repo.commit({"a": "1"})
    about = GitHistory(path, "repo", ("main",)).describe(lock_states=lambda: 0)
    assert not about.readable
    assert "SHA-256" in about.reason


def test_a_tree_name_that_is_no_utf_8_does_not_stop_the_reading(repo: GitRepo) -> None:
    blob = repo.git("hash-object", "-w", "--stdin", stdin=b"x")
    entry = b"100644 \xff.dvc\0" + bytes.fromhex(blob)
    tree = repo.git("hash-object", "-t", "tree", "-w", "--stdin", stdin=entry)
    assert tree == hashlib.sha1(b"tree %d\0" % len(entry) + entry).hexdigest()
    assert list(ObjectStore(repo.path).tree(tree)) == ["\\xff.dvc"]


def test_without_git_one_line_says_so(repo: GitRepo) -> None:
    code = (
        "from pathlib import Path; from audit.sources.git.store import ObjectStore\n"
        "from audit.errors import SourceError\n"
        "try: ObjectStore(Path('.'))\nexcept SourceError as error: print(error)\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", code],
        env={"PATH": "", "PYTHONPATH": str(Path(audit.__file__).parents[1])},
        cwd=repo.path,
        capture_output=True,
        check=True,
        text=True,
    )
    assert told.stdout == "git is not installed. Install git\n"


def test_a_bomb_of_folders_is_left_alone(repo: GitRepo) -> None:
    oid = repo.git("hash-object", "-w", "--stdin", stdin=b"x")
    mode = "100644 blob"
    for _ in range(12):
        listing = "".join(f"{mode} {oid}\tn{number}\n" for number in range(10))
        oid = repo.git("mktree", stdin=listing.encode())
        mode = "040000 tree"
    with pytest.raises(UnreadableError, match="more than 200,000 files"):
        list(ObjectStore(repo.path).files(oid))
