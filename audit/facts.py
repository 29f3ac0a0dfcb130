"""What was read: the frozen facts that everything after the sources is computed from.

Times are UTC milliseconds since 1970, ``None`` where the source has none. Sizes
are bytes. Digests are full lower-case hex. An empty string is "not recorded":
MLflow's SQL ``NULL`` and REST ``''`` are the same here.

``Facts`` is the whole of one run's reading; ``VersionFacts`` is the slice that
one version's lineage, checks and dossier are computed from, and from nothing else.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Any

from audit.verdicts import Grade, Severity


def model_label(model: str, workspace: str) -> str:
    """Return a model's name, with the workspace before it only where it is not the default."""
    return model if workspace in ("", "default") else f"{workspace}:{model}"


# --- the registry ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DatasetInput:
    """A data set that a run logged as its input (MLflow ``inputs`` and ``datasets``)."""

    name: str
    digest: str
    """MLflow's own digest: a sample of the content, never a content digest."""
    source_type: str = ""
    source: str = ""
    schema: str = ""
    profile: str = ""
    context: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """A training (or consuming) run. Its ``mlflow.*`` tags are a client's claims."""

    run_id: str
    name: str = ""
    experiment_id: str = ""
    experiment: str = ""
    user: str = ""
    status: str = ""
    started_at: int | None = None
    ended_at: int | None = None
    lifecycle: str = "active"
    deleted_at: int | None = None
    artifact_uri: str = ""
    params: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    """The latest value of each metric; not-a-number and infinities are left out."""
    tags: dict[str, str] = field(default_factory=dict)
    datasets: tuple[DatasetInput, ...] = ()
    model_inputs: tuple[str, ...] = ()
    """Ids of the logged models that this run consumed."""
    model_outputs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LoggedModel:
    """MLflow 3's logged model: the artifact folder that a version's weights stand in."""

    model_id: str
    experiment_id: str = ""
    name: str = ""
    artifact_location: str = ""
    created_at: int | None = None
    updated_at: int | None = None
    status: str = ""
    lifecycle: str = "active"
    model_type: str = ""
    source_run_id: str = ""
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RegisteredModel:
    """A registered model as it stands in the registry now; aliases carry no time."""

    name: str
    workspace: str = "default"
    created_at: int | None = None
    updated_at: int | None = None
    description: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    aliases: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """A model version. ``deleted`` ones are MLflow's tombstones, seen only by SQL."""

    model: str
    version: int
    workspace: str = "default"
    created_at: int | None = None
    updated_at: int | None = None
    description: str = ""
    created_by: str = ""
    stage: str = ""
    source: str = ""
    storage_location: str = ""
    run_id: str = ""
    run_link: str = ""
    logged_model_id: str = ""
    """Taken from ``source`` or ``storage_location``: MLflow keeps no column for it."""
    status: str = ""
    status_message: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    deleted: bool = False
    deleted_at: int | None = None

    @property
    def key(self) -> str:
        """``model/version``, with the workspace before it where it is not the default."""
        return f"{self.label}/{self.version}"

    @property
    def label(self) -> str:
        """The model's name in tables: see ``model_label``."""
        return model_label(self.model, self.workspace)


@dataclass(frozen=True, slots=True)
class Registry:
    """All that was read from one registry, in one consistent view where the reader has one."""

    uri: str
    """With any password removed."""
    reader: str
    schema_version: str = ""
    blind_spots: tuple[str, ...] = ()
    """What this reader cannot see, each a sentence for the report."""
    models: tuple[RegisteredModel, ...] = ()
    versions: tuple[ModelVersion, ...] = ()
    runs: tuple[Run, ...] = ()
    logged_models: tuple[LoggedModel, ...] = ()


# --- weights ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ArtifactFile:
    """One file of a version's artifacts, hashed in this run."""

    path: str
    bytes: int
    sha256: str
    md5: str
    """What DVC 3 calls ``md5``: of the bytes as they are."""
    md5_dos2unix: str = ""
    """What DVC 2 calls ``md5``, where it differs from ``md5`` (text with CR LF)."""


@dataclass(frozen=True, slots=True)
class Weights:
    """The bytes at a version's storage location. ``files`` is empty where unreadable."""

    location: str = ""
    read: bool = False
    reason: str = ""
    """Why the location could not be read; empty where it was."""
    sha256: str = ""
    """Of the sorted manifest ``<sha256>  <path>\\n`` of all files but MLflow's own mark
    ``registered_model_meta``."""
    files: tuple[ArtifactFile, ...] = ()
    directories: dict[str, str] = field(default_factory=dict)
    """Folder path to its DVC digest (``….dir``), ``"."`` for the whole location."""
    directories_dos2unix: dict[str, str] = field(default_factory=dict)
    """The same as DVC 2 has it, for folders where it differs."""
    first_seen_at: int | None = None
    """When this tool first hashed this location; the baseline of "unchanged"."""
    first_sha256: str = ""
    watched: bool = False
    """Whether that baseline is older than the moment reported, so that "unchanged" says
    something of the period."""
    changed_files: tuple[str, ...] = ()
    """Files that differ from the baseline, where the baseline lists files."""


@dataclass(frozen=True, slots=True)
class Environment:
    """What a version's own files say of the environment that it needs."""

    sources: tuple[str, ...] = ()
    """The files read: ``python_env.yaml``, ``requirements.txt``, ``conda.yaml``."""
    python: str = ""
    packages: tuple[str, ...] = ()
    """Requirement lines as written."""
    unpinned: tuple[str, ...] = ()
    """Those lines that do not name one exact version."""
    signature: str = ""
    """MLmodel's model signature (JSON), empty if the model has none."""
    problems: tuple[str, ...] = ()
    """Files of these that could not be read or parsed, each a sentence."""


# --- code and pipelines --------------------------------------------------------------


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


# --- the rules, as read ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Control:
    """One control of a pack: what a check is held to, and what to do when it fails."""

    id: str
    title: str
    check: str
    """Name of the registered check function."""
    family: str
    """Id of the checklist item it belongs to."""
    severity: Severity
    rationale: str
    evidence: str
    """What evidence the check takes."""
    remedy: str
    parameters: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Family:
    """One item of a checklist."""

    id: str
    title: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Pack:
    """A control pack: a checklist as data."""

    id: str
    title: str
    edition: str
    source: str
    families: tuple[Family, ...]
    controls: tuple[Control, ...]


@dataclass(frozen=True, slots=True)
class Waiver:
    """An accepted deviation. Dates are UTC dates, ``expires`` is its last valid day."""

    id: str
    control: str
    """Control id, or a shell pattern of control ids."""
    owner: str
    approver: str
    reason: str
    effective: str
    expires: str
    models: tuple[str, ...] = ("*",)
    """Shell patterns of model names."""
    versions: tuple[int, ...] = ()
    """Empty for all versions."""

    @property
    def scope(self) -> str:
        """The models and versions it covers, as one phrase."""
        names = ", ".join(self.models)
        return f"{names} v{', v'.join(map(str, self.versions))}" if self.versions else names


@dataclass(frozen=True, slots=True)
class Rules:
    """Everything that judging and telling depend on besides what was read."""

    packs: tuple[Pack, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    fail_on: Severity = Severity.HIGH
    table_rows: int = 300
    version_pages: int = 100
    """At most so many versions get pages of their own in ``report.pdf``."""
    language: str = "en"


# --- one version, and all ------------------------------------------------------------------


class RunState(enum.StrEnum):
    """What became of the run that a version names."""

    PRESENT = "present"
    DELETED = "deleted"
    GONE = "gone"
    """Named by the version, and not in the tracking store."""
    NONE = "none"
    """The version names no run."""
    NOT_VISIBLE = "not_visible"
    """This reader cannot tell."""


@dataclass(frozen=True, slots=True)
class Consumer:
    """Who uses the version: a run that took it as input, or a copy."""

    kind: str
    """``run`` or ``copy``."""
    name: str
    id: str
    since: int | None = None
    grade: Grade = Grade.RECORDED
    detail: str = ""


@dataclass(frozen=True, slots=True)
class VersionFacts:
    """All that is known of one version; its dossier depends on nothing else."""

    version: ModelVersion
    aliases: tuple[str, ...] = ()
    model_description: str = ""
    model_tags: dict[str, str] = field(default_factory=dict)
    run: Run | None = None
    run_state: RunState = RunState.NONE
    logged_model: LoggedModel | None = None
    logged_model_state: RunState = RunState.NONE
    origin: tuple[str, ...] = ()
    """For a copy: the versions it was copied from, the nearest first (``model/version``)."""
    weights: Weights = field(default_factory=Weights)
    environment: Environment = field(default_factory=Environment)
    pipeline: Pipeline = field(default_factory=Pipeline)
    consumers: tuple[Consumer, ...] = ()
    problems: tuple[str, ...] = ()
    """What could not be read for this version, each a sentence."""


@dataclass(frozen=True, slots=True)
class PreviousBundle:
    """The bundle of the period before, as it was found and verified at this run."""

    label: str
    path: str = ""
    found: bool = False
    verified: bool = False
    reason: str = ""
    manifest_sha256: str = ""
    earlier: tuple[str, ...] = ()
    """Labels of all periods before this one that the archive holds, the oldest first."""


@dataclass(frozen=True, slots=True)
class PreviousResults:
    """What the report of the period before came to, to tell what changed since."""

    verdicts: dict[str, str] = field(default_factory=dict)
    """``control|model|version`` to verdict."""
    versions: tuple[str, ...] = ()
    """``model|version`` of every version that was in scope."""
    packs: dict[str, str] = field(default_factory=dict)
    """Pack id to the SHA-256 of its content."""


@dataclass(frozen=True, slots=True)
class JobFacts:
    """What was asked: the job, the period, the moment, as settled at the start of the run."""

    name: str
    title: str
    organisation: str
    period: str
    start: int
    end: int
    zone: str
    as_of: int
    interim: bool
    read_on: str
    """UTC date of the reading, ``YYYY-MM-DD``."""
    scope: str
    include: tuple[str, ...]
    exclude: tuple[str, ...]
    retain: str = ""
    signing: str = ""
    """Subject of the seal certificate; empty where none is configured."""
    self_issued: bool = False
    tool_version: str = ""


@dataclass(frozen=True, slots=True)
class OutOfScope:
    """A version that the registry has and this report leaves out, with the reason."""

    model: str
    version: int
    reason: str


@dataclass(frozen=True, slots=True)
class Facts:
    """One run's whole reading: what ``data/facts.jsonl`` holds."""

    job: JobFacts
    rules: Rules
    registry: Registry
    """Models only; versions stand in ``versions``, runs with them."""
    previous: PreviousBundle
    previous_results: PreviousResults | None = None
    repositories: tuple[Repository, ...] = ()
    versions: tuple[VersionFacts, ...] = ()
    scope_reasons: dict[str, str] = field(default_factory=dict)
    """Version key to why it is in scope."""
    left_out: tuple[OutOfScope, ...] = ()
    unregistered_runs: tuple[Run, ...] = ()
    """Runs of the period that made no registered version (without params and metrics)."""
