"""One version's slice of what was read, and one run's whole reading."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from audit.facts.advisories import Advisory, AdvisoryFile
from audit.facts.code import Repository
from audit.facts.datasets import DatasetCheck, ModelSignature
from audit.facts.flags import Flag
from audit.facts.observed import Observations
from audit.facts.pipeline import Pipeline
from audit.facts.recorded import DeclaredDigest, DeclaredOrigin, RecordedRun, Recorder
from audit.facts.registry import LoggedModel, ModelVersion, Registry, Run
from audit.facts.rules import Rules
from audit.facts.since import Since
from audit.facts.weights import Environment, Tie, Weights
from audit.verdicts import Grade


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
    """Who uses the version, or was made from it."""

    kind: str
    """``run``, ``copy``, ``model`` (a version built on it), ``traces``, ``endpoint`` or
    ``dvc_stage``."""
    name: str
    id: str
    since: int | None = None
    grade: Grade = Grade.RECORDED
    detail: str = ""
    until: int | None = None
    """When it was last used, where that is known."""
    count: int | None = None
    """How often, where that is known."""


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
    since: Since | None = None
    """Against the version before; ``None`` for a model's first."""
    twins: tuple[str, ...] = ()
    """Other versions that were read with the very same weights, at most a hundred."""
    bases: tuple[str, ...] = ()
    """What its training run took as input: versions (``model/version``), else logged models."""
    datasets: tuple[DatasetCheck, ...] = ()
    model_signature: ModelSignature | None = None
    advisories: tuple[Advisory, ...] = ()
    recorded: tuple[RecordedRun, ...] = ()
    """What other recorders say of its training run."""
    declared_origin: DeclaredOrigin | None = None
    declared_digests: tuple[DeclaredDigest, ...] = ()
    twin_ties: dict[str, Tie] = field(default_factory=dict)
    """How each of ``twins`` came by the same weights."""
    advisory_files: tuple[AdvisoryFile, ...] = ()
    """What ``advisories`` were looked for in; empty where the job names none."""


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
    ledger: str = ""
    """``continues`` where this run's ledger is whole and holds what it held when the bundle
    was sealed; a sentence on what contradicts; empty where it was not checked (no verified
    bundle, or one that carries no head)."""


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
    observations: Observations = field(default_factory=Observations)
    """What was observed of the registry over time, to the moment of the reading."""
    recorders: tuple[Recorder, ...] = ()
    recorded: tuple[RecordedRun, ...] = ()
    """Records of the period, and all that link to a version in scope."""
    advisory_files: tuple[AdvisoryFile, ...] = ()
    flags: tuple[Flag, ...] = ()
    """Versions flagged at the moment reported."""
