"""Signatures by real keys, held against the auditor's own files and nothing else."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.gitrepo import GitRepo
from support.signers import FAKED, Keys, altered

from audit.config import Code
from audit.errors import SourceError, UsageError
from audit.facts import CommitSignature, SignatureState
from audit.sources.git.commits import Signed
from audit.sources.git.history import GitHistory
from audit.sources.git.signatures import Signers
from audit.sources.repositories import open_code


@dataclass(frozen=True, slots=True)
class World:
    """A repository with a commit for each case, and the auditor's files."""

    repo: GitRepo
    commits: dict[str, str]
    allowed: Path
    keyring: Path

    def judge(self, case: str, signers: Signers) -> CommitSignature:
        history = GitHistory(self.repo.path, "repo", ("main",), signers)
        found = history.commit(self.commits[case])
        history.close()
        assert found is not None
        return found.signature


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("signed")
    keys = Keys(folder)
    repo = GitRepo(folder / "repo")
    repo.clock = 1_768_000_000  # 2026-01-09T23:06:40Z
    commits = {"none": repo.commit({"a": "1"})}
    public = {name: keys.ssh(name) for name in ("alice", "old", "later", "other", "stranger")}
    for name in public:
        commits[f"ssh {name}"] = keys.sign_ssh(repo, name)
    commits["ssh altered"] = altered(repo, commits["ssh alice"], b"signed", b"forged")
    first = b"\ngpgsig -----BEGIN SSH SIGNATURE-----"
    commits["ssh twice"] = altered(repo, commits["ssh alice"], first, first + b"\n x" + first)
    allowed = folder / "allowed_signers"
    allowed.write_text(
        "# committers\n"
        f"alice@example.org,al@example.org {public['alice']} laptop\n"
        f'old@example.org valid-before="20260101" {public["old"]}\n'
        f"later@example.org valid-after=20260201Z {public['later']}\n"
        f'other@example.org namespaces="file" {public["other"]}\n'
    )
    try:
        for user in ("bob", "carol", "nobody"):
            keys.pgp(f"{user} <{user}@example.org>")
        keys.pgp("short <short@example.org>", "10d", FAKED)
        for user in ("bob", "carol", "nobody"):
            commits[f"gpg {user}"] = keys.sign_pgp(repo, f"{user}@example.org")
        commits["gpg altered"] = altered(repo, commits["gpg bob"], b"signed", b"forged")
        at = "20260112T000000"
        repo.clock = 1_768_176_000  # 2026-01-12
        commits["gpg in time"] = keys.sign_pgp(repo, "short@example.org", at=at)
        repo.clock = 1_771_000_000  # 2026-02-13
        commits["gpg too late"] = keys.sign_pgp(repo, "short@example.org", at=at)
        keys.revoke("carol@example.org")
        keyring = folder / "committers.asc"
        known = [f"{user}@example.org" for user in ("bob", "carol", "short")]
        keyring.write_bytes(keys.gpg("--armor", "--export", *known))
        yield World(repo, commits, allowed, keyring)
    finally:
        keys.close()


@pytest.mark.parametrize(
    ("case", "state", "signer", "reason"),
    [
        ("none", SignatureState.NONE, "", ""),
        ("ssh alice", SignatureState.GOOD, "alice@example.org", ""),
        ("ssh old", SignatureState.EXPIRED, "old@example.org", "only until 2026-01-01"),
        ("ssh later", SignatureState.UNKNOWN_SIGNER, "", "only from later on"),
        ("ssh other", SignatureState.UNKNOWN_SIGNER, "", "for another purpose"),
        ("ssh stranger", SignatureState.UNKNOWN_SIGNER, "", "do not hold the key"),
        ("ssh altered", SignatureState.BAD, "", "not over this commit"),
        ("ssh twice", SignatureState.BAD, "", "more than one signature"),
        ("gpg bob", SignatureState.GOOD, "bob <bob@example.org>", ""),
        ("gpg in time", SignatureState.GOOD, "short <short@example.org>", ""),
        ("gpg too late", SignatureState.EXPIRED, "short <short@example.org>", "on 2026-01-20"),
        ("gpg carol", SignatureState.REVOKED, "carol <carol@example.org>", "revoked"),
        ("gpg nobody", SignatureState.UNKNOWN_SIGNER, "", "does not hold the key"),
        ("gpg altered", SignatureState.BAD, "", "not over this commit"),
    ],
)
def test_what_a_signature_comes_to(
    world: World, case: str, state: SignatureState, signer: str, reason: str
) -> None:
    found = world.judge(case, Signers(world.allowed, world.keyring))
    assert (found.state, found.signer) == (state, signer), found
    assert reason in found.reason
    assert bool(found.reason) == (state not in (SignatureState.NONE, SignatureState.GOOD))
    assert found.kind == ("" if case == "none" else case.partition(" ")[0])
    assert found.against.startswith("allowed_signers sha256:")
    assert ", committers.asc sha256:" in found.against
    if state is SignatureState.GOOD:
        assert found.key.startswith("SHA256:") or len(found.key) == 40


def test_without_keys_of_its_kind_a_signature_is_not_checked(world: World) -> None:
    for signers, case, reason in (
        (Signers(), "ssh alice", "no signers are configured"),
        (Signers(keyring=world.keyring), "ssh alice", "no allowed_signers are set"),
        (Signers(world.allowed), "gpg bob", "no keyring is set"),
    ):
        found = world.judge(case, signers)
        assert found.state is SignatureState.NOT_CHECKED
        assert reason in found.reason
    assert world.judge("ssh alice", Signers()).against == ""


@pytest.mark.parametrize(
    ("kind", "reason"), [("x509", "X.509 signatures are not checked"), ("unknown", "not known")]
)
def test_other_kinds_are_not_checked(world: World, kind: str, reason: str) -> None:
    found = Signers(world.allowed).judge(Signed(kind, b"x", b"y"), 0)
    assert found.state is SignatureState.NOT_CHECKED
    assert reason in found.reason


@pytest.mark.parametrize("junk", [b"", b"x\n", b"-----BEGIN SSH SIGNATURE-----\nAAAA\n"])
@pytest.mark.parametrize("kind", ["ssh", "gpg"])
def test_a_signature_that_is_none_is_bad(world: World, kind: str, junk: bytes) -> None:
    found = Signers(world.allowed, world.keyring).judge(Signed(kind, junk, b"payload"), -5)
    assert found.state is SignatureState.BAD


def test_a_commit_without_a_time_is_not_checked(world: World) -> None:
    found = Signers(world.allowed).judge(Signed("ssh", b"x", b"y"), None)
    assert found.state is SignatureState.NOT_CHECKED


def test_where_the_programs_are_missing_it_says_so(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git = shutil.which("git")
    assert git is not None
    (tmp_path / "git").symlink_to(git)
    monkeypatch.setenv("PATH", str(tmp_path))
    for case, reason in (("ssh alice", "ssh-keygen"), ("gpg bob", "gpg")):
        found = world.judge(case, Signers(world.allowed, world.keyring))
        assert found.state is SignatureState.NOT_CHECKED
        assert found.reason == f"{reason} is not installed"


@pytest.mark.parametrize("content", [None, b"", b"not a key\n"])
def test_files_of_keys_that_are_none_are_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "keys"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        Signers(keyring=path)
    assert str(path) in str(caught.value)
    with pytest.raises(UsageError) as caught:
        Signers(path)
    assert str(path) in str(caught.value)


def test_a_file_of_signers_is_known_by_one_good_line(tmp_path: Path) -> None:
    path = tmp_path / "allowed_signers"
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ"
    for line in (
        f"alice@example.org {key}",
        f'*@example.org namespaces="git",cert-authority {key}',
    ):
        path.write_text(f"# who may sign\n\n{line} comment\n")
        assert Signers(path).against.startswith("allowed_signers sha256:")
    path.write_text("principals:\n  - alice\n")
    with pytest.raises(UsageError, match="no line of this file names a signer"):
        Signers(path)


def test_nothing_is_left_behind(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    signers = Signers(world.allowed, world.keyring)
    assert list(tmp_path.iterdir())
    world.judge("gpg bob", signers)
    assert not list(tmp_path.iterdir())


def test_a_repository_that_cannot_be_opened_leaves_nothing_behind(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    damaged = tmp_path / "damaged"
    shutil.copytree(world.repo.path, damaged)
    (damaged / ".git" / "packed-refs").write_text("nonsense\n")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    for path, error in ((damaged, SourceError), (tmp_path / "nowhere", UsageError)):
        with pytest.raises(error) as caught:
            open_code(Code(path=path, keyring=world.keyring), tmp_path / "cache")
        # Looked at while the error is held, and with it all that was open when it came.
        assert caught.tb is not None
        assert not list(scratch.iterdir())
