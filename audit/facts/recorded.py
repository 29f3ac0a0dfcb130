"""What other recorders say of training runs: AIline, mltrace, export-import, tag conventions.

All of it is a client's word: never better than ``declared``.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """One run in another recorder's database."""

    source: str
    """``ailine`` or ``mltrace``."""
    location: str
    """Of the database, without credentials."""
    record: str
    """The recorder's own id."""
    name: str = ""
    status: str = ""
    type: str = ""
    """``git`` or ``snapshot`` (AIline), the component's name (mltrace)."""
    mlflow_run: str = ""
    """As the record says, or as a tag of the MLflow run links back to the record."""
    linked_by: str = ""
    """How the two were joined, a phrase; empty where they were not."""
    git: str = ""
    parent: str = ""
    dvc_version: str = ""
    dvc_linkage_status: str = ""
    env_fingerprint_status: str = ""
    command: str = ""
    started_at: int | None = None
    ended_at: int | None = None
    exit_code: int | None = None
    dirty_files: tuple[str, ...] = ()
    """Files that a snapshot's diff names."""
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()
    """Ids of records that it came after."""
    flagged: tuple[str, ...] = ()
    """Outputs that somebody flagged."""
    stale: tuple[str, ...] = ()
    """Why it was stale when it began, computed again from the times, each a sentence."""
    detail: dict[str, str] = field(default_factory=dict)
    mlflow_run_name: str = ""
    """What MLflow calls that run; empty where MLflow does not have it."""
    inferred: bool = False
    """Whether the link to the MLflow run is deduced and not said by either of the two."""


@dataclass(frozen=True, slots=True)
class Recorder:
    """A recorder's database as it was read."""

    source: str
    location: str
    read: bool = True
    reason: str = ""
    records: int = 0
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DeclaredOrigin:
    """Where mlflow-export-import says that an imported version came from."""

    generation: str
    """Which form of tags: ``mlflow_exim.field``, ``mlflow_exim.src_version`` …"""
    model: str = ""
    version: str = ""
    run_id: str = ""
    user: str = ""
    created_at: int | None = None
    """Over there, as declared; the registry's own time is that of the import."""
    tracking_uri: str = ""
    fields: dict[str, str] = field(default_factory=dict)
    """What else the tags say, shortened."""


@dataclass(frozen=True, slots=True)
class DeclaredDigest:
    """A tag or parameter that a team's convention uses for data, and what it leads to."""

    key: str
    value: str
    on: str
    """``run tag``, ``run param`` or ``version tag``."""
    known: str = ""
    """``path`` of the DVC file or stage that the value is a digest of; empty where none is."""
    used: bool = False
    """Whether that content is in the lineage of the version."""
    contradicts: str = ""
    """``path@digest`` of what these weights were made from, where this value is another content
    of the same file and only one stage state put out these weights."""
