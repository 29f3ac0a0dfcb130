"""What DVC recorded in the repositories: stage states, matches, data objects."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from audit.facts.code import CodeDigest, Commit


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
    remote: str = ""
    """Name of the remote that this path is kept in, where the file names one."""
    version_id: str = ""
    """Of a cloud-versioned object: which version of it the remote is to hold."""
    etag: str = ""
    """What the cloud calls the content, or what an address answered when it was imported."""


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
    frozen: bool = False
    """DVC was told not to run it again, whatever its dependencies came to."""
    always_changed: bool = False
    again_in: tuple[str, ...] = ()
    """Later commits that brought the same state back after another one: restored from DVC's
    run cache, or made again with the same result."""

    def made(self, used: TrackedPath) -> TrackedPath | None:
        """Return the out that a dependency is: its content at its path.

        Content alone links what has nothing to do with each other: an empty file, a constant
        table. Of a path below a template only the end is known, and has to be the same.
        """
        likely = None
        for out in self.outs:
            if out.digest and out.digest == used.digest:
                if out.path == used.path:
                    return out
                if likely is None and _same_end(out.path, used.path):
                    likely = out
        return likely


def _same_end(one: str, other: str) -> bool:
    """Whether two paths may be the same, one of them below a template (``${…}``)."""
    if "${" not in one and "${" not in other:
        return False
    ends = [
        "/" + "/".join(p for p in path.rpartition("}")[2].split("/") if p not in {"", ".", ".."})
        for path in (one, other)
    ]
    return ends[0].endswith(ends[1]) or ends[1].endswith(ends[0])


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


class ObjectState(enum.StrEnum):
    """Whether a data digest is still in its DVC remote."""

    PRESENT = "present"
    CACHE_ONLY = "cache_only"
    MISSING = "missing"
    NOT_CHECKED = "not_checked"
    NOT_APPLICABLE = "not_applicable"
    """Kept in git (``cache: false``), never pushed, or owned by another repository."""
    DAMAGED = "damaged"
    """It is there, and its bytes are not those of its digest."""


@dataclass(frozen=True, slots=True)
class DataObject:
    """A data digest of the lineage, asked for in its remote."""

    digest: str
    repository: str
    remote: str = ""
    state: ObjectState = ObjectState.NOT_CHECKED
    reason: str = ""
    checked: str = ""
    """``exists`` (asked for) or ``rehashed`` (its bytes were read and have the digest)."""
    lost: tuple[str, ...] = ()
    """Of a folder: paths of members that are gone or differ, at most twenty."""


@dataclass(frozen=True, slots=True)
class FolderList:
    """The members of a directory out, from DVC's list of it (a ``.dir`` object)."""

    digest: str
    repository: str
    total: int | None = None
    """Number of files; ``None`` where the list could not be read."""
    members: tuple[TrackedPath, ...] = ()
    """Paths relative to the folder, in order, at most a thousand."""
    reason: str = ""
    """Why the list could not be read."""


class UpstreamHolds(enum.StrEnum):
    """What the upstream repository has at the path and commit that an import names."""

    UNKNOWN = "unknown"
    """It could not be asked: not configured, or its clone is not whole."""
    NO_COMMIT = "no_commit"
    NOTHING = "nothing"
    TRACKED = "tracked"
    """A digest, in a ``*.dvc`` file or a ``dvc.lock``."""
    INSIDE = "inside"
    """A tracked folder that the path leads into; ``digest`` is the folder's."""
    GIT = "git"
    """A file or folder of git, hashed now."""


@dataclass(frozen=True, slots=True)
class Import:
    """A ``dvc import``, followed into the repository that it came from."""

    state: str
    """``StageState.id`` of the ``*.dvc`` file."""
    address: str
    """Of the upstream repository, without credentials."""
    revision: str
    """The full SHA that the import is locked to."""
    path: str
    """In the upstream repository."""
    repository: str = ""
    """Its name among the configured ones; empty where it is none of them."""
    digest: str = ""
    """What the upstream commit tracks or holds there; empty where it was not found."""
    upstream: str = ""
    """``StageState.id`` in the upstream repository of what tracks or made it."""
    reason: str = ""
    """Why it was not followed."""
    held: UpstreamHolds = UpstreamHolds.UNKNOWN
    file: str = ""
    """The ``*.dvc`` file that imports."""
    imported: str = ""
    """The digest that it has for what was imported."""


@dataclass(frozen=True, slots=True)
class Member:
    """A dependency that stands inside a folder which DVC tracks as a whole."""

    repository: str
    path: str
    digest: str
    folder: str
    """Path of the folder."""
    folder_digest: str
    """Its list names the dependency with this very digest."""
    state: str
    """``StageState.id`` of what tracks or put out the folder."""


@dataclass(frozen=True, slots=True)
class Unfollowed:
    """A dependency that cannot be led to its content, which is not to say it is not there."""

    repository: str
    path: str
    digest: str
    reason: str


@dataclass(frozen=True, slots=True)
class DeclaredStage:
    """A stage of the pipeline that a ``dvc.yaml`` declares and no lock of its commit has."""

    repository: str
    file: str
    stage: str
    commit: str
    frozen: bool = False
    reason: str = "never run"


@dataclass(frozen=True, slots=True)
class Fresher:
    """A newer state of something the weights depend on, there before they were trained."""

    what: str
    """Path of the data, or name of the stage."""
    used: str
    """Digest that was used."""
    used_at: int | None
    """When the commit with it was made (UTC ms)."""
    newer: str
    newer_at: int | None
    newer_commit: str
    through: tuple[str, ...] = ()
    """Stages between it and the weights, the nearest to the weights first."""
    path: str = ""
    """Of the data that is newer: of a stage, what it put out."""


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
    folders: tuple[FolderList, ...] = ()
    imports: tuple[Import, ...] = ()
    declared: tuple[DeclaredStage, ...] = ()
    distance: int | None = None
    """Commits from the tagged commit to the one that holds the lock; negative where the lock is
    older; ``None`` where neither descends from the other."""
    fresher: tuple[Fresher, ...] = ()
    doubted: dict[str, str] = field(default_factory=dict)
    """Digests whose origin is not certain, each with the reason: nothing behind them counts."""
    members: tuple[Member, ...] = ()
    unfollowed: tuple[Unfollowed, ...] = ()

    @property
    def home(self) -> tuple[StageState, ...]:
        """The states of the repositories that made the weights, without those upstream."""
        matched = {match.state for match in self.matches}
        names = {state.repository for state in self.states if state.id in matched}
        return tuple(state for state in self.states if state.repository in names)
