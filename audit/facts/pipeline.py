"""What the repositories hold: commits, stage states, matches, comparisons, data objects."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field


class CommitState(enum.StrEnum):
    """Where a commit stands, as far as it can be told from the configured repositories."""

    REACHABLE = "reachable"
    """On a configured branch."""
    OTHER_REF = "other_ref"
    """On a branch, tag or DVC experiment that is not among the configured branches."""
    UNREACHABLE = "unreachable"
    """In the object store, on no ref."""
    MISSING = "missing"
    """In no configured repository, and all of them are whole."""
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
    """``ssh``, ``gpg`` or ``x509`` where the commit carries a signature (not verified here)."""


@dataclass(frozen=True, slots=True)
class TrackedPath:
    """One dependency or output of a DVC stage, as the lock has it."""

    path: str
    """Relative to the root of the repository."""
    digest: str = ""
    """Full: 32 hex digits, with ``.dir`` for a directory; empty where the lock has none."""
    hash_name: str = "md5"
    """``md5`` (DVC 3) or ``md5-dos2unix`` (DVC 2), or another that the file names."""
    size: int | None = None
    files: int | None = None


@dataclass(frozen=True, slots=True)
class StageState:
    """One stage as a ``dvc.lock`` of the history has it, or one ``*.dvc`` file's out.

    For a ``*.dvc`` file ``stage`` is empty, ``deps`` hold what it was imported from.
    """

    id: str
    """Stable digest of all that follows but ``commits``."""
    repository: str
    file: str
    """Path of the ``dvc.lock`` or ``*.dvc`` file in the repository."""
    stage: str
    commits: tuple[str, ...]
    """Commits that introduced this content, the oldest first."""
    command: str = ""
    deps: tuple[TrackedPath, ...] = ()
    outs: tuple[TrackedPath, ...] = ()
    params: dict[str, str] = field(default_factory=dict)
    """``file:key`` to value as JSON, e.g. ``params.yaml:train.C`` to ``0.5``."""
    imported_from: str = ""
    """``url@rev_lock`` of a ``dvc import``, or the address of an ``import-url``."""


class MatchMethod(enum.StrEnum):
    """How the stage state that made the weights was found."""

    BYTES = "bytes"
    """An artifact's digest, recomputed now, is an out of the state."""
    PARAMETERS = "parameters"
    """Parameters, metrics and data-set digest agree, the bytes do not."""


@dataclass(frozen=True, slots=True)
class Match:
    """A stage state that made, or may have made, the weights."""

    state: str
    """``StageState.id``."""
    method: MatchMethod
    commit: str = ""
    """The commit that the state's lock is read from."""
    out: str = ""
    """Path of the matching out in the repository."""
    artifact: str = ""
    """Path of the matching file or folder in the version's artifacts."""
    digest: str = ""
    agrees: tuple[str, ...] = ()
    """What else agrees (``param C``, ``metric accuracy``, ``data set raw``)."""
    differs: tuple[str, ...] = ()
    """What does not: ``param C: run 0.5, lock 1.0``."""


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


class ObjectState(enum.StrEnum):
    """Whether a data digest is still in its DVC remote."""

    PRESENT = "present"
    CACHE_ONLY = "cache_only"
    MISSING = "missing"
    NOT_CHECKED = "not_checked"
    NOT_APPLICABLE = "not_applicable"
    """Kept in git (``cache: false``), never pushed, or owned by another repository."""


@dataclass(frozen=True, slots=True)
class DataObject:
    """A data digest of the lineage, asked for in its remote."""

    digest: str
    repository: str
    remote: str = ""
    state: ObjectState = ObjectState.NOT_CHECKED
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Pipeline:
    """What the repositories hold about one version: the join by content."""

    matches: tuple[Match, ...] = ()
    states: tuple[StageState, ...] = ()
    """The matched states and, from them by digest, all that their data came from."""
    tagged: Commit | None = None
    """The commit that the run's tag names."""
    commits: tuple[Commit, ...] = ()
    """Commits that hold the states."""
    tree: tuple[CodeDigest, ...] = ()
    """Dependencies of the matched state against the tagged commit and the lock's commit."""
    objects: tuple[DataObject, ...] = ()
    problems: tuple[str, ...] = ()
