"""The bytes at a version's storage location, and the environment that they ask for."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field


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
    added_files: tuple[str, ...] = ()
    """Those of them that the baseline did not have."""
    removed_files: tuple[str, ...] = ()
    """Those of them that only the baseline had."""

    @property
    def changes(self) -> tuple[str, ...]:
        """The files that differ; those that came or went say so: ``extra.bin (added)``."""
        came = dict.fromkeys(self.added_files, " (added)")
        ways = came | dict.fromkeys(self.removed_files, " (removed)")
        return tuple(f"{path}{ways.get(path, '')}" for path in self.changed_files)


class Tie(enum.StrEnum):
    """How two versions come to have the same weights."""

    COPY = "copy"
    """One is a copy of the other, or both are of a third: the registry says so."""
    SAME_PLACE = "same_place"
    """Both were registered from the same files."""
    SAME_RUN = "same_run"
    """One run logged them twice."""
    OTHER_RUN = "other_run"
    """Another run, or none that is recorded, came to the same bytes."""


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
