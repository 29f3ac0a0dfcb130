"""``init``: a commented job file from what is found in a folder and the environment."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from audit.errors import UsageError
from audit.sources.uris import redact_uri

_DEPTH = 3


@dataclass(frozen=True, slots=True)
class Written:
    """The job file that was written, and what to look at before the first run."""

    path: Path
    notes: tuple[str, ...]


def init(folder: Path, registry: str = "") -> Written:
    """Write ``configs/quarterly.yaml`` into ``folder``; a file that is there is kept.

    Raises ``UsageError`` if there is one, or if the folder cannot be written.
    """
    target = folder / "configs" / "quarterly.yaml"
    if target.exists():
        raise UsageError("there is a job file already", where=str(target), remedy="Edit that one")
    found, notes = _registry(folder, registry)
    repositories = _repositories(folder)
    if not repositories:
        notes.append("No git repository was found: name yours under code:")
    if not (folder / "keys" / "seal.key").exists():
        notes.append(f"No seal key yet: mlflow-audit keys new {folder / 'keys'}")
    notes.append(f"Then: mlflow-audit doctor {target}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(_text(folder, found, repositories), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot be written ({error.strerror})", where=str(target)) from error
    return Written(target, tuple(notes))


def _registry(folder: Path, given: str) -> tuple[str, list[str]]:
    """Return the value for ``registry.uri`` and notes; secrets of the environment stay there."""
    if given:
        return given, []
    for name in ("MLFLOW_REGISTRY_URI", "MLFLOW_TRACKING_URI"):
        if value := os.environ.get(name):
            note = f"The registry is taken from {name} ({redact_uri(value)}) at each run"
            return f"${{{name}}}", [note]
    if (folder / "mlflow.db").is_file():
        return "sqlite:///../mlflow.db", []
    return "sqlite:///../mlflow.db", ["No registry was found: set registry.uri"]


def _repositories(folder: Path) -> list[Path]:
    """Return git repositories in and just below a folder, by their ``.git``."""
    found, waiting = [], [(folder, 0)]
    while waiting:
        place, depth = waiting.pop()
        if (place / ".git").exists():
            found.append(place)
            continue
        if depth < _DEPTH:
            try:
                below = sorted(item for item in place.iterdir() if item.is_dir())
            except OSError:  # not to be read, or not made yet
                continue
            hidden = (".", "node_modules", "output")
            waiting += [(item, depth + 1) for item in below if not item.name.startswith(hidden)]
    return sorted(found)


def _text(folder: Path, registry: str, repositories: list[Path]) -> str:
    base = folder / "configs"
    entries = [
        f"  - {{path: {os.path.relpath(path, base)}, branches: [main]}}" for path in repositories
    ]
    code = "\n".join(entries) if entries else "  # - {path: ../my-model, branches: [main]}"
    return f"""\
# A quarterly audit of this registry. Paths are relative to this file; ${{NAME}} and
# ${{NAME:-default}} are taken from the environment. All keys: configs/quarterly.yaml of
# mlflow-audit itself.
job: {{name: quarterly, title: Quarterly model audit, organisation: ""}}

registry:
  uri: {registry}
  reader: auto                      # sql for databases, rest for http(s)

scope: {{versions: all}}              # all | active (has an alias) | new (made in the period)
period: {{every: quarter, zone: UTC, settle: 3d}}

code:                               # the repositories that training runs come from
{code if entries else "  []" + chr(10) + code}

data: {{remotes: check, weights: new}}
ledger: sqlite:///../audit-ledger.db
controls: {{packs: [operating-checklist], fail_on: high}}
report: {{formats: [pdf, html, csv], dossiers: [pdf, html]}}

signing:                            # mlflow-audit keys new ../keys makes these for a first run
  key: "file:../keys/seal.key"
  certificate: ../keys/seal.pem
  chain: [../keys/ca.pem, ../keys/ca.crl.pem]

archive: {{path: ../output, retain: 10y}}
"""
