"""The sections of a job file, each key with its type and default."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

import pydantic
from pydantic import BaseModel, ConfigDict, Field

from audit import period as periods
from audit.verdicts import Severity

CONVENTIONS = (
    r"dvc[._-]?(data|dataset|model)[._-]?(md5|hash|digest)",
    r"data(set)?[._-](md5|hash|digest|version|rev)",
    r"dvc[._-](rev|commit|version)",
)
"""Keys of tags and parameters that speak of data, as found in public projects."""

ENDPOINTS = (r"(.*[._-])?(serving_)?endpoints?(_(name|url|id))?", r"deployed_(to|as|at)")
"""Keys of version tags by which teams note where a version is served."""

_POSTGRESQL = re.compile(r"postgres(ql)?(\+\w+)?://[^/\s]*/[^/?\s]")


_SIZE = re.compile(r"([1-9][0-9]{0,8}) ?(KiB|MiB|GiB)")
_UNITS = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30}


def bytes_of(size: str) -> int:
    """Return a size such as ``256 MiB`` in bytes. Raises ``ValueError`` for any other text."""
    found = _SIZE.fullmatch(size)
    if found is None:
        raise ValueError("give a size as a whole number of KiB, MiB or GiB, such as 256 MiB")
    return int(found[1]) * _UNITS[found[2]]


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
    keyring: Path | None = None

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


class ModelSigning(_Section):
    """Whose OpenSSF model signatures are accepted: public keys and root certificates, in PEM."""

    keys: tuple[Path, ...] = ()
    certificates: tuple[Path, ...] = ()


class Data(_Section):
    """What is asked of data remotes and of the weights' bytes."""

    remotes: Literal["check", "skip"] = "check"
    weights: Literal["always", "new", "never"] = "new"
    rehash: Literal["never", "new", "always"] = "never"
    rehash_most: str = "1 GiB"
    datasets: Literal["skip", "check"] = "skip"
    datasets_most: str = "256 MiB"
    model_signing: ModelSigning = ModelSigning()

    @pydantic.field_validator("rehash_most", "datasets_most")
    @classmethod
    def _size(cls, value: str) -> str:
        bytes_of(value)
        return value


class Sources(_Section):
    """Other recorders to read, and the keys by which teams name data."""

    ailine: tuple[Path, ...] = ()
    mltrace: tuple[str, ...] = ()
    conventions: tuple[str, ...] = CONVENTIONS
    endpoints: tuple[str, ...] = ENDPOINTS
    zone: str = "UTC"
    advisories: tuple[Path, ...] = ()

    @pydantic.field_validator("mltrace")
    @classmethod
    def _databases(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        # The address may hold a password, so it is not repeated.
        for number, uri in enumerate(value, start=1):
            if not _POSTGRESQL.match(uri):
                raise ValueError(f"address {number} is not of the form postgresql://…")
        return value

    @pydantic.field_validator("conventions", "endpoints")
    @classmethod
    def _patterns(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in value:
            try:
                re.compile(pattern)
            except (re.error, RecursionError, OverflowError) as error:
                raise ValueError(f"{pattern!r} is no regular expression ({error})") from error
        return value

    @pydantic.field_validator("zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        periods.zone_of(value)
        return value


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
