"""One version in the report: its dossier, which depends on that version's facts alone."""

from __future__ import annotations

from dataclasses import dataclass, field

from audit.controls.results import ControlResult
from audit.facts import (
    Advisory,
    AdvisoryFile,
    ArtifactFile,
    CodeDigest,
    Commit,
    Consumer,
    DataObject,
    DatasetCheck,
    DatasetInput,
    DeclaredDigest,
    DeclaredOrigin,
    DeclaredStage,
    Environment,
    Family,
    FolderList,
    Fresher,
    Import,
    ModelSignature,
    RecordedRun,
    Run,
    Since,
    StageState,
    Tie,
    model_label,
)
from audit.graph import Gap, Graph
from audit.history.model import Action
from audit.verdicts import Verdict, WeightsStatus

DOSSIER_SCHEMA = "mlflow-audit/dossier/1"


@dataclass(frozen=True, slots=True)
class DatasetRow:
    """One data source of a version: a DVC-tracked file or an MLflow data-set input."""

    name: str
    kind: str
    """``raw`` (a leaf of the lineage), ``intermediate``, or ``input`` (MLflow data set)."""
    digest: str
    digest_kind: str
    """``md5``, ``md5-dos2unix``, or ``mlflow sample`` for MLflow's eight hex digits."""
    columns: tuple[tuple[str, str], ...] = ()
    """Schema: column name and type; empty where none is recorded."""
    source: str = ""
    bytes: int | None = None
    rows: int | None = None
    in_remote: str = ""
    """An ``ObjectState``, empty where it does not apply."""
    digest_check: str = ""
    """A ``DigestState`` of an MLflow data set, empty for files."""
    source_kind: str = ""
    """Of an MLflow data set: ``local``, ``http``, ``s3``, ``huggingface``, ``code`` and others."""
    repository: str = ""
    """The configured repository whose file it is; empty for data-set inputs."""


@dataclass(frozen=True, slots=True)
class Statuses:
    """One word for each part of a version's evidence, as in ``versions.csv``."""

    lineage: str
    weights: WeightsStatus
    git: str
    """``reachable``, ``other_ref``, ``unreachable``, ``missing``, ``not_checkable``,
    ``malformed``, ``submodule``, ``unknown_repository``, ``not_recorded``."""
    dvc: str
    """``matched``, ``inferred``, ``no_match``, ``not_checkable``."""
    environment: str
    """``pinned``, ``unpinned``, ``not_recorded``."""


@dataclass(frozen=True, slots=True)
class Dossier:
    """One version's whole life."""

    schema: str
    slug: str
    """Folder below ``models/``: ``<model slug>/v<version>``."""
    model: str
    version: int
    workspace: str
    headline: str
    """One sentence that sums the version up."""
    verdict: Verdict
    created_at: int | None
    created_by: str
    description: str
    model_description: str
    tags: dict[str, str]
    aliases: tuple[str, ...]
    stage: str
    registry_status: str
    source: str
    storage_location: str
    origin: tuple[str, ...]
    deleted: bool
    deleted_at: int | None
    run: Run | None
    run_state: str
    logged_model_id: str
    model_type: str
    statuses: Statuses
    weights_sha256: str
    weights_first_seen_at: int | None
    weights_reason: str
    weights_changed: tuple[str, ...]
    files: tuple[ArtifactFile, ...]
    graph: Graph
    tagged_commit: Commit | None
    commits: tuple[Commit, ...]
    stages: tuple[StageState, ...]
    datasets: tuple[DatasetRow, ...]
    objects: tuple[DataObject, ...]
    inputs: tuple[DatasetInput, ...]
    environment: Environment
    consumers: tuple[Consumer, ...]
    families: tuple[Family, ...]
    """The checklist items, in order, for grouping ``results``."""
    results: tuple[ControlResult, ...]
    gaps: tuple[Gap, ...]
    problems: tuple[str, ...]
    run_id: str = ""
    """The run that the version names, also where that run is gone."""
    actions: tuple[Action, ...] = ()
    """All that was ever done to the version, also outside the period, in the order of time."""
    since: Since | None = None
    """Against the version before; ``None`` for a model's first."""
    distance: int | None = None
    """Commits from the tagged commit to the one that holds the lock: ``Pipeline.distance``."""
    twins: tuple[str, ...] = ()
    bases: tuple[str, ...] = ()
    folders: tuple[FolderList, ...] = ()
    imports: tuple[Import, ...] = ()
    declared_stages: tuple[DeclaredStage, ...] = ()
    fresher: tuple[Fresher, ...] = ()
    dataset_checks: tuple[DatasetCheck, ...] = ()
    model_signature: ModelSignature | None = None
    advisories: tuple[Advisory, ...] = ()
    recorded: tuple[RecordedRun, ...] = ()
    declared_origin: DeclaredOrigin | None = None
    declared_digests: tuple[DeclaredDigest, ...] = ()
    advisory_files: tuple[AdvisoryFile, ...] = ()
    """What ``advisories`` were looked for in; empty where the job names none."""
    weights_added: tuple[str, ...] = ()
    """Those of ``weights_changed`` that were not there before."""
    weights_removed: tuple[str, ...] = ()
    twin_ties: dict[str, Tie] = field(default_factory=dict)
    tree: tuple[CodeDigest, ...] = ()
    """What the locks name, compared with the files of ``tagged_commit`` and ``commits``."""
    weights_proved: tuple[str, ...] = ()
    """Those of ``files`` whose recorded digest was found; of the others nothing was recorded."""
    weights_watched: bool = False
    """Whether the weights were seen before the moment reported."""

    @property
    def label(self) -> str:
        """The model's name in tables: see ``model_label``."""
        return model_label(self.model, self.workspace)
