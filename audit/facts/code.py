"""What git holds: repositories, commits and where they stand, code compared by digest."""

from __future__ import annotations

import enum
from dataclasses import dataclass

CODE_SUFFIXES = frozenset(
    {".py", ".pyx", ".ipynb", ".r", ".jl", ".scala", ".java", ".sql", ".sh", ".bash"}
    | {".toml", ".yaml", ".yml", ".cfg", ".ini", ".c", ".cpp"}
)
"""Dependencies in git with these endings are code; others there are data kept in git."""


class CommitState(enum.StrEnum):
    """Where a commit stands, as far as it can be told from the configured repositories."""

    REACHABLE = "reachable"
    """On a configured branch."""
    OTHER_REF = "other_ref"
    """On a branch, tag or DVC experiment that is not among the configured branches."""
    UNREACHABLE = "unreachable"
    """In the object store, on no ref."""
    MISSING = "missing"
    """In no configured repository, and all of them are whole: rewritten, discarded or never
    pushed."""
    SUBMODULE = "submodule"
    """In no configured repository, but one of them holds it as the commit of a submodule."""
    UNKNOWN_REPOSITORY = "unknown_repository"
    """The run's tag names a repository that is not among the configured ones."""
    NOT_CHECKABLE = "not_checkable"
    """In no configured repository, but one is shallow, partial or unreadable, or none is
    configured."""
    MALFORMED = "malformed"


@dataclass(frozen=True, slots=True)
class Repository:
    """A configured git repository and what can be asked of it."""

    name: str
    location: str
    readable: bool = True
    reason: str = ""
    head: str = ""
    shallow: bool = False
    partial: bool = False
    branches: tuple[str, ...] = ()
    """The configured branches."""
    commits: int = 0
    lock_states: int = 0
    """Distinct ``dvc.lock`` and ``*.dvc`` contents in the history."""
    problems: tuple[str, ...] = ()
    """Files of the history that could not be parsed, each a sentence."""


class SignatureState(enum.StrEnum):
    """What became of a commit's signature, held against the auditor's own keys."""

    NONE = "none"
    """The commit carries none."""
    GOOD = "good"
    """Made by a key that the configured signers or keyring hold, valid at the time."""
    UNKNOWN_SIGNER = "unknown_signer"
    """Intact, by a key that they do not hold."""
    BAD = "bad"
    EXPIRED = "expired"
    REVOKED = "revoked"
    NOT_CHECKED = "not_checked"
    """No signers are configured, or the program that checks is not there."""


@dataclass(frozen=True, slots=True)
class CommitSignature:
    """A commit's signature. It says who holds the key, not who reviewed the code."""

    kind: str = ""
    """``ssh``, ``gpg``, ``x509``, ``unknown``; empty where the commit carries none."""
    state: SignatureState = SignatureState.NONE
    signer: str = ""
    """The principal or user id that the auditor's file names for the key."""
    key: str = ""
    """Fingerprint, as ``SHA256:…`` (ssh) or 40 hex digits (gpg)."""
    reason: str = ""
    against: str = ""
    """The auditor's files that decide, by name and SHA-256; empty where none is configured."""


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit. Names and dates in it are what its author wrote."""

    sha: str
    state: CommitState
    repository: str = ""
    parents: tuple[str, ...] = ()
    author: str = ""
    authored_at: int | None = None
    committer: str = ""
    committed_at: int | None = None
    subject: str = ""
    branches: tuple[str, ...] = ()
    """Configured branches that hold it."""
    merged_by: str = ""
    """The merge commit that brought it to the first of ``branches``, where there is one."""
    signed: str = ""
    """``ssh``, ``gpg`` or ``x509`` where the commit carries a signature."""
    signature: CommitSignature = CommitSignature()
    message: str = ""
    """The whole message, at most 4,000 characters."""
    trailers: tuple[tuple[str, str], ...] = ()
    """``Reviewed-by``, ``Signed-off-by`` and the like, as written."""
    tags: tuple[str, ...] = ()
    """Tags that hold it, the oldest first, at most ten."""
    other_branches: tuple[str, ...] = ()
    """Branches and DVC experiments that hold it and are not configured, at most ten."""
    merged_at: int | None = None
    pull_request: str = ""
    """As the merge or the commit itself says by convention: ``#12``, ``!12``, ``I0123…``."""
    reason: str = ""
    """Why it stands where it does, in a sentence; empty where ``state`` says all."""


@dataclass(frozen=True, slots=True)
class CodeDigest:
    """A lock dependency compared with the file at a commit."""

    commit: str
    path: str
    lock_digest: str
    commit_digest: str = ""
    """MD5 of the file at that commit (or the digest its ``.dvc`` names); empty if absent."""
    kind: str = "file"
    """``file`` (a git blob), ``data`` (a ``.dvc`` file's digest) or ``params``."""

    @property
    def equal(self) -> bool:
        """Whether the commit holds what ran."""
        return bool(self.commit_digest) and self.lock_digest == self.commit_digest
