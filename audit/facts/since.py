"""What changed from the version before to this one: code, data, parameters, environment."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ValueChange:
    """A named value that is another one; empty is "not there"."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class FileChange:
    """A file of the repository that differs between the two commits."""

    path: str
    change: str
    """``added``, ``removed``, ``changed`` or ``renamed``."""
    added: int | None = None
    """Lines; ``None`` for a file that is not text."""
    removed: int | None = None
    before: str = ""
    """Its path before, of a renamed file."""


@dataclass(frozen=True, slots=True)
class DataChange:
    """Data at the start of the lineage that differs."""

    path: str
    before: str
    after: str
    """Digests; empty is "not used"."""
    members: tuple[FileChange, ...] = ()
    """Of a folder: the files that differ, at most fifty."""
    more: int = 0
    """How many more files differ."""
    reason: str = ""
    """Why the members of a folder are not known."""


@dataclass(frozen=True, slots=True)
class Since:
    """The difference of a version against the one before it in the registry."""

    version: str
    """Key of the version before (``model/version``)."""
    before: str = ""
    after: str = ""
    """The commits compared: those that hold the locks, else the tagged ones."""
    commits: int | None = None
    """How many commits lie between them; ``None`` where neither descends from the other."""
    files: tuple[FileChange, ...] = ()
    """At most a hundred, the largest changes first."""
    more_files: int = 0
    params: tuple[ValueChange, ...] = ()
    data: tuple[DataChange, ...] = ()
    schema: tuple[ValueChange, ...] = ()
    """Columns of the model signature and of the data sets."""
    environment: tuple[ValueChange, ...] = ()
    """``python`` and packages, by their exact versions."""
    unknown: tuple[str, ...] = ()
    """What could not be compared and why, each a sentence."""
