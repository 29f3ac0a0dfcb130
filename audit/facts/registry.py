"""What a registry holds: models, versions, runs, logged models, data sets."""

from __future__ import annotations

from dataclasses import dataclass, field

COMMIT_TAGS = ("mlflow.source.git.commit", "mlflow_audit.git.commit")
"""Tags that name the commit of a run's code: MLflow's, and the training plugin's."""


def model_label(model: str, workspace: str) -> str:
    """Return a model's name, with the workspace before it only where it is not the default."""
    return model if workspace in ("", "default") else f"{workspace}:{model}"


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

    @property
    def commit(self) -> tuple[str, str]:
        """The tag that names the code's commit and what it says; both empty without one.

        MLflow's own comes first; where it set none (a notebook, inline code), the training
        plugin's.
        """
        for tag in COMMIT_TAGS:
            if self.tags.get(tag):
                return tag, self.tags[tag]
        return "", ""


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
class TraceUse:
    """How many traces a logged model answered in one hour."""

    model_id: str
    hour: int
    """Whole hours since 1970, UTC."""
    count: int


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
    traces: tuple[TraceUse, ...] = ()
