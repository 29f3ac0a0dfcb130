"""The sections of a job file, each key with its type and default."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pydantic
from pydantic import BaseModel, ConfigDict, Field

from audit import period as periods
from audit.verdicts import Severity


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class Job(_Section):
    """Name of the job (a folder below ``output/``), title and organisation on the cover."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")
    title: str = "Model registry audit"
    organisation: str = ""


class Models(_Section):
    """Shell patterns of model names."""

    include: tuple[str, ...] = ("*",)
    exclude: tuple[str, ...] = ()


class Registry(_Section):
    """Where the registry is and how it is read."""

    uri: str = ""
    reader: Literal["auto", "sql", "rest"] = "auto"
    models: Models = Models()


class Scope(_Section):
    """Which versions the report covers."""

    versions: Literal["all", "active", "new"] = "all"


class PeriodRule(_Section):
    """How periods are cut: length, time zone, and how long to wait after their end."""

    every: Literal["month", "quarter", "year"] = "quarter"
    zone: str = "UTC"
    settle: str = "3d"

    @pydantic.field_validator("zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        periods.zone_of(value)
        return value

    @pydantic.field_validator("settle")
    @classmethod
    def _duration(cls, value: str) -> str:
        periods.duration_ms(value)
        return value


class Code(_Section):
    """A git repository, with the DVC projects in it."""

    path: Path | None = None
    url: str = ""
    name: str = ""
    subdirectory: str = "."
    branches: tuple[str, ...] = ("main",)
    allowed_signers: Path | None = None

    @pydantic.model_validator(mode="after")
    def _one_place(self) -> Code:
        if (self.path is None) == (not self.url):
            raise ValueError("give either path: (a clone on this machine) or url: (to mirror)")
        return self

    @property
    def label(self) -> str:
        """The repository's name in the report."""
        place = self.url.rstrip("/").removesuffix(".git") or str(self.path or "")
        return self.name or Path(place).name


class Data(_Section):
    """What is asked of data remotes and of the weights' bytes."""

    remotes: Literal["check", "skip"] = "check"
    weights: Literal["always", "new", "never"] = "new"


class Sources(_Section):
    """Other recorders to read."""

    ailine: tuple[()] = ()
    mltrace: tuple[()] = ()


class Controls(_Section):
    """Control packs (names of shipped ones, or paths), waivers, and what fails a run."""

    packs: tuple[str, ...] = ("operating-checklist",)
    waivers: Path | None = None
    fail_on: Severity = Severity.HIGH


class ReportRule(_Section):
    """Formats and sizes of the report."""

    formats: tuple[str, ...] = ("pdf", "html", "csv")
    dossiers: tuple[Literal["pdf", "html"], ...] = ("pdf", "html")
    table_rows: int = Field(300, ge=10, le=5000)
    version_pages: int = Field(100, ge=0, le=1000)
    language: Literal["en"] = "en"


class Signing(_Section):
    """The seal: key by URI, certificate and chain by path."""

    key: str = ""
    certificate: Path | None = None
    chain: tuple[Path, ...] = ()
    timestamp: None = None
    level: Literal["auto", "b-b"] = "auto"


class Archive(_Section):
    """Where bundles go and how long they are to be kept."""

    path: Path = Path("../output")
    retain: str = ""
    object_store: None = None

    @pydantic.field_validator("retain")
    @classmethod
    def _retention(cls, value: str) -> str:
        if value:
            periods.retain_until(0, value)
        return value


class Execute(_Section):
    """How the rendering work is spread, and where finished pages are cached."""

    executor: str = Field("process", pattern=r"^(inline|process)$")
    jobs: Literal["auto"] | int = "auto"
    cache: Path = Path("../.cache/mlflow-audit")


class JobFile(_Section):
    """A whole job file. Read it with ``load``."""

    job: Job
    registry: Registry = Registry()
    scope: Scope = Scope()
    period: PeriodRule = PeriodRule()
    code: tuple[Code, ...] = ()
    data: Data = Data()
    sources: Sources = Sources()
    ledger: str = "sqlite:///audit-ledger.db"
    controls: Controls = Controls()
    report: ReportRule = ReportRule()
    signing: Signing = Signing()
    archive: Archive = Archive()
    execute: Execute = Execute()
    notify: tuple[()] = ()
