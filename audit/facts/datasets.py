"""What was found of a run's data sets and of the model's signature beside what they say."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class DigestState(enum.StrEnum):
    """A data set's digest, computed again from the data that DVC kept."""

    EQUAL = "equal"
    """The same sample digest: consistent with the data, no proof (MLflow digests a sample)."""
    DIFFERENT = "different"
    """By the same reader and the same rule, another digest."""
    NOT_COMPUTED = "not_computed"


@dataclass(frozen=True, slots=True)
class DatasetCheck:
    """One data-set input of a run, held against the data and the model."""

    name: str
    digest: str
    state: DigestState = DigestState.NOT_COMPUTED
    computed: str = ""
    reader: str = ""
    """What read the data, with its version: ``pandas 3.1.0 read_csv``."""
    file: str = ""
    """``path@digest`` of the file in the lineage that the source names; what was read."""
    reason: str = ""
    """Why the digest was not computed."""
    schema_differs: tuple[str, ...] = ()
    """Columns in which the logged schema and the data's own differ, each a phrase."""
    signature_differs: tuple[str, ...] = ()
    """Columns in which the logged schema and the model's signature differ."""
    source_kind: str = ""
    """``local``, ``http``, ``s3``, ``huggingface``, ``delta``, ``code``, as recorded."""
    address: str = ""
    """The source's address, without credentials."""
    pinned: bool = False
    """Whether the address names one content (a revision, a version, an object version)."""


@dataclass(frozen=True, slots=True)
class ModelSignature:
    """An OpenSSF model signature (``model.sig``) beside the weights, verified if it can be."""

    file: str
    state: str
    """``valid``, ``invalid``, ``not_checked``."""
    method: str = ""
    """``key``, ``certificate`` or ``sigstore``."""
    signer: str = ""
    """The key's SHA-256 or the certificate's subject."""
    reason: str = ""
    covered: int | None = None
    """How many files it names."""
    uncovered: tuple[str, ...] = ()
    """Files of the weights that it does not name."""
