"""The report: the only thing that templates and renderers see.

Every part is a frozen dataclass of plain values, so that ``report.json`` is the
report and can be read back. Times are UTC milliseconds, ``None`` for not recorded.
``Dossier`` depends on one version's facts and on nothing else: not on the period,
not on the other versions. What the period adds stands in ``Report``.
"""

from __future__ import annotations

from dataclasses import dataclass

from audit.controls.results import ControlResult as ControlResult  # noqa: PLC0414
from audit.facts import (
    AdvisoryFile,
    Attempt,
    Family,
    Flag,
    OutOfScope,
    PreviousBundle,
    RecordedRun,
    Recorder,
    Repository,
    Run,
    model_label,
)
from audit.graph import Gap
from audit.history.model import Action, Balance, Tenure
from audit.history.model import Gap as Unwatched
from audit.report.version import DOSSIER_SCHEMA as DOSSIER_SCHEMA  # noqa: PLC0414
from audit.report.version import DatasetRow as DatasetRow  # noqa: PLC0414
from audit.report.version import Dossier as Dossier  # noqa: PLC0414
from audit.report.version import Statuses as Statuses  # noqa: PLC0414
from audit.verdicts import Severity, Verdict

SCHEMA = "mlflow-audit/report/1"


@dataclass(frozen=True, slots=True)
class ExceptionItem:
    """A failed, unevaluable or unexplained thing that somebody must look at."""

    number: int
    severity: Severity
    verdict: Verdict
    model: str
    version: int
    control: str
    title: str
    what: str
    since: int | None
    owner: str
    evidence: tuple[str, ...]
    remedy: str
    status: str
    """``new``, ``persistent``, or ``first report`` against the period before."""


@dataclass(frozen=True, slots=True)
class Counts:
    """``in_scope == passed + failed + waived + not_evaluated``; checked when built."""

    in_scope: int
    passed: int
    failed: int
    waived: int
    not_evaluated: int
    models: int
    tombstones: int
    left_out: int


@dataclass(frozen=True, slots=True)
class FamilyScore:
    """One checklist item over all versions: how many results came to what."""

    family: Family
    passed: int
    failed: int
    waived: int
    not_evaluated: int
    not_applicable: int
    job_results: tuple[ControlResult, ...] = ()
    """Results that speak of the job and not of a version."""


@dataclass(frozen=True, slots=True)
class ModelSection:
    """A registered model with what the report says of it as a whole."""

    name: str
    workspace: str
    slug: str
    created_at: int | None
    description: str
    tags: dict[str, str]
    aliases: dict[str, int]
    verdict: Verdict
    versions: tuple[str, ...]
    """Slugs of its dossiers in this report, the newest version first."""

    @property
    def label(self) -> str:
        """The model's name in tables: see ``model_label``."""
        return model_label(self.name, self.workspace)


@dataclass(frozen=True, slots=True)
class WaiverRow:
    """A waiver with its state at the report's ``as_of`` and what it covered."""

    id: str
    control: str
    scope: str
    owner: str
    approver: str
    reason: str
    effective: str
    expires: str
    state: str
    """``active``, ``expired``, ``not yet effective``, ``unused``."""
    covered: int


@dataclass(frozen=True, slots=True)
class Change:
    """What changed against the period before."""

    change: str
    """``new_failure``, ``resolved``, ``newly_waived``, ``waiver_expired``, ``new_version``,
    ``version_gone``, ``evidence_lost``, ``control_changed``."""
    model: str
    version: int
    control: str
    before: str
    after: str
    cause: str


@dataclass(frozen=True, slots=True)
class GapRow:
    """A gap with the version that it belongs to."""

    model: str
    version: int
    gap: Gap


@dataclass(frozen=True, slots=True)
class ReviewRow:
    """Something that flagged versions have in common."""

    component: str
    """Digest, commit, stage or package, named as ``impact`` takes it."""
    kind: str
    label: str
    flagged: tuple[str, ...]
    """Flagged versions that descend from it (``model/version``)."""
    coverage: float
    """Share of all flagged versions, 0 to 1."""
    others: int
    """Versions in scope that descend from it and are not flagged."""


@dataclass(frozen=True, slots=True)
class Seal:
    """Who seals the bundle, as the certificate says."""

    subject: str
    self_issued: bool


@dataclass(frozen=True, slots=True)
class Source:
    """The registry that was read, and what its reader cannot see."""

    uri: str
    reader: str
    schema_version: str
    blind_spots: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PackInfo:
    """A control pack that was applied."""

    id: str
    title: str
    edition: str
    source: str
    sha256: str


@dataclass(frozen=True, slots=True)
class PeriodHistory:
    """What was done in the period, to the models in scope, as far as it was observed."""

    first_observed: int | None = None
    """``None``: the registry was never observed, and nothing is known of actions."""
    last_observed: int | None = None
    sources: tuple[str, ...] = ()
    """The ways in: ``snapshot``, ``trigger``, ``plugin``, ``webhook``."""
    actions: tuple[Action, ...] = ()
    """Those that are known to have happened by the period's end, then those that happened
    before or after it, nobody knows which (``when.latest`` is later than the end)."""
    tenures: tuple[Tenure, ...] = ()
    """Of every alias that was held at some time of the period."""
    balances: tuple[Balance, ...] = ()
    """The books of each model, with the changes that nothing explains."""
    gaps: tuple[Unwatched, ...] = ()
    """Stretches of the period that nobody watched."""
    attempts: tuple[Attempt, ...] = ()
    """Requests that changed no row of the registry: refused ones, failed ones, uploads."""


@dataclass(frozen=True, slots=True)
class Report:
    """One period's report."""

    schema: str
    job: str
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
    tool_version: str
    facts_sha256: str
    """The fingerprint of ``facts.jsonl``: the report follows from it alone."""
    registry: Source
    repositories: tuple[Repository, ...]
    previous: PreviousBundle
    seal: Seal
    retain: str
    retain_until: str
    scope: str
    include: tuple[str, ...]
    exclude: tuple[str, ...]
    left_out: tuple[OutOfScope, ...]
    scope_reasons: dict[str, str]
    """Dossier slug to why the version is in scope."""
    packs: tuple[PackInfo, ...]
    table_rows: int
    version_pages: int
    verdict: Verdict
    headline: str
    counts: Counts
    score_before: float | None
    """Share of evaluated results that pass, in per cent, before waivers."""
    score_after: float | None
    families: tuple[FamilyScore, ...]
    exceptions: tuple[ExceptionItem, ...]
    models: tuple[ModelSection, ...]
    dossiers: tuple[Dossier, ...]
    job_results: tuple[ControlResult, ...]
    waivers: tuple[WaiverRow, ...]
    changes: tuple[Change, ...]
    compared_with: str
    """Label of the period compared with; empty for a first report."""
    gaps: tuple[GapRow, ...]
    unregistered_runs: tuple[Run, ...]
    history_statement: str
    """In plain words: how the registry was observed, and what is not known of the period."""
    fail_on: Severity = Severity.HIGH
    """The least severity at which a failed control fails the run."""
    history: PeriodHistory = PeriodHistory()
    recorders: tuple[Recorder, ...] = ()
    recorded: tuple[RecordedRun, ...] = ()
    advisory_files: tuple[AdvisoryFile, ...] = ()
    flags: tuple[Flag, ...] = ()
    reviews: tuple[ReviewRow, ...] = ()
