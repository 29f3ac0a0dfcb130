"""``data/manifest.json``: what one period's bundle holds, chained to the bundle before.

The manifest is canonical JSON and carries a CMS signature beside it, so that one
signature vouches for every file: the payload in ``files``, guide and certificates in
``tag_files``. Only ``bag-info.txt`` and the BagIt manifests stand outside, because they
in turn count and list the manifest.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

import pydantic

from audit import canonical
from audit.errors import VerificationError

SCHEMA = "mlflow-audit/manifest/1"
NAME = "manifest.json"
SIGNATURE = ".p7s"
OUTSIDE = frozenset({NAME, NAME + SIGNATURE, f"{NAME}{SIGNATURE}.tsr"})
"""Payload files that the manifest cannot list, for they are made from it."""

_SHA256 = re.compile(r"[0-9a-f]{64}")
_SEGMENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,199}")


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A payload file. ``path`` is relative to ``data/``."""

    path: str
    sha256: str
    bytes: int
    unsigned_sha256: str = ""
    """Of the file before a signature was put inside it: what a new rendering has to equal."""


@dataclass(frozen=True, slots=True)
class TagFile:
    """A file beside ``data/``. ``path`` is relative to the bundle."""

    path: str
    sha256: str


@dataclass(frozen=True, slots=True)
class LedgerHead:
    """Where the ledger's chain of events stood when the bundle was sealed."""

    head: str
    """SHA-256 of the last event."""
    events: int
    """How many events there were, that one among them."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """One bundle's table of contents, and its place in the chain of periods."""

    job: str
    period: str
    """The period's label, such as ``2026-Q3``."""
    facts_sha256: str
    organisation: str = ""
    sealed_at: str = ""
    """ISO 8601, UTC: the moment that the signatures made for this bundle claim."""
    retain_until: str = ""
    """UTC date; empty where no retention time is set."""
    previous_bundle: str = ""
    """Folder name of the bundle before; empty for the first of a chain."""
    previous_manifest_sha256: str = ""
    renderer: dict[str, str] = field(default_factory=dict)
    """Name to version of what made the files: with the same, the same bytes can be made."""
    seal: str = ""
    """SHA-256 of the seal certificate; empty for a bundle without a seal."""
    ledger: LedgerHead | None = None
    """None, and left out of the JSON, for an empty ledger and in bundles of earlier versions."""
    revision: int = 1
    """Two and more for a forced new run of the same period."""
    files: tuple[ListedFile, ...] = ()
    tag_files: tuple[TagFile, ...] = ()
    schema: str = SCHEMA

    @property
    def folder(self) -> str:
        """The folder that this bundle goes into."""
        return folder_name(self.period, self.revision)


def folder_name(period: str, revision: int = 1) -> str:
    """Return a bundle's folder name: ``2026-Q3``, then ``2026-Q3.r2`` and so on."""
    slug = period.replace("/", "_")
    return slug if revision == 1 else f"{slug}.r{revision}"


def is_portable(path: str) -> bool:
    """Return whether a relative path can go into a bundle.

    Letters, digits, ``_ . -`` and ``/``, no segment starting with a dot or a dash: such a
    path means the same to every file system, to ``sha256sum`` and to a shell, and needs
    none of BagIt's percent-encoding (RFC 8493, 2.1.3).
    """
    return all(_SEGMENT.fullmatch(segment) for segment in path.split("/"))


def dump(manifest: Manifest) -> bytes:
    """Return the manifest as canonical JSON, its lists sorted by path."""
    value = canonical.plain(manifest)
    for key in ("files", "tag_files"):
        value[key] = sorted(value[key], key=lambda entry: entry["path"])
    if manifest.ledger is None:
        del value["ledger"]
    return canonical.dumps(value)


def parse(data: bytes) -> Manifest:
    """Return the manifest in ``data``.

    Raises ``VerificationError`` for all that is not a manifest of this schema in its
    canonical form, lists a path twice or a path that leaves the bundle.
    """
    try:
        value = json.loads(data)
        if not isinstance(value, dict) or value.get("schema") != SCHEMA:
            raise VerificationError(f"not a manifest of the schema {SCHEMA}")
        manifest = canonical.load(Manifest, value)
    except (ValueError, RecursionError, pydantic.ValidationError) as error:
        raise VerificationError("not a manifest: its JSON cannot be read") from error
    if dump(manifest) != data:
        raise VerificationError("not in canonical form, or with keys that do not belong there")
    ledger = manifest.ledger
    if ledger is not None and (not _SHA256.fullmatch(ledger.head) or ledger.events < 1):
        raise VerificationError("names a head of the ledger that none can have")
    for entries in (manifest.files, manifest.tag_files):
        paths = [entry.path for entry in entries]
        if len(set(paths)) != len(paths):
            raise VerificationError("lists a path twice")
        for entry in entries:
            if not is_portable(entry.path) or not _SHA256.fullmatch(entry.sha256):
                raise VerificationError(f"lists a path or digest out of form: {entry.path!r:.80}")
    return manifest
