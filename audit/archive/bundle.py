"""Bundles: written in a folder of their own beside the target, moved into place whole.

What a killed run leaves is a ``.partial-…`` folder, which the next one removes. A bundle
is never overwritten: the same period again becomes its next revision. Files get mode 0444
less the umask, against accidents only; folders stay writable, so that a bundle can be
copied, moved and, when its time is over, deleted.
"""

from __future__ import annotations

import dataclasses
import os
import re
import secrets
import shutil
from collections.abc import Iterable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from audit.archive import bag, evidence, manifest
from audit.archive.lock import JobLock
from audit.archive.manifest import ListedFile, Manifest, TagFile
from audit.canonical import sha256
from audit.errors import AuditError, UsageError
from audit.period import iso
from audit.seal.cms import sign_detached
from audit.seal.keys import Sealer

_PARTIAL = re.compile(r"\.partial-[A-Za-z0-9_.-]+-[0-9a-f]{8}")

SignatureCache = MutableMapping[tuple[str, str], bytes]
"""Detached signatures by (SHA-256 of the content, fingerprint of the seal certificate)."""


@dataclasses.dataclass(frozen=True, slots=True)
class Payload:
    """A file to put into ``data/``: its bytes, or the file that holds them."""

    path: str
    """Relative to ``data/``, portable (``manifest.is_portable``)."""
    content: bytes | Path
    needs_cms: bool = False
    """Whether a detached signature goes beside it (``path`` + ``.p7s``)."""
    unsigned_sha256: str = ""
    """Of the file before a signature was put inside it (PDF)."""

    def read(self) -> bytes:
        """Return the bytes. Raises ``AuditError`` where their file cannot be read."""
        if isinstance(self.content, bytes):
            return self.content
        try:
            return self.content.read_bytes()
        except OSError as error:
            raise AuditError(
                f"cannot be read ({error.strerror})", where=str(self.content)
            ) from error


@dataclasses.dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle in its place."""

    path: Path
    manifest: Manifest
    manifest_sha256: str


def revisions(job_folder: Path, period: str) -> dict[int, Path]:
    """Return whatever has the name of a period's bundle in ``output/<job>``, by revision."""
    name = re.compile(re.escape(manifest.folder_name(period)) + r"(?:\.r([1-9]\d{0,5}))?")
    entries = job_folder.iterdir() if job_folder.is_dir() else ()
    matches = ((name.fullmatch(entry.name), entry) for entry in entries)
    return {int(match[1] or 1): entry for match, entry in matches if match}


def next_revision(job_folder: Path, period: str) -> int:
    """Return the revision that a period's next bundle gets; 1 where there is none yet."""
    return max(revisions(job_folder, period), default=0) + 1


def write_bundle(
    lock: JobLock,
    draft: Manifest,
    payload: Iterable[Payload],
    sealer: Sealer | None,
    when_ms: int,
    signatures: SignatureCache | None = None,
) -> Bundle:
    """Write one bundle into the folder that ``lock`` holds, and return where it stands.

    ``draft`` says what the bundle is about; its revision, sealing time, seal and lists of
    files are filled in here. ``payload`` is consumed one file at a time. ``signatures``
    is read for signatures made before, which it must vouch for, and given those made now.
    ``when_ms`` (UTC ms) is what new signatures claim.

    Raises ``UsageError`` where the folder cannot be written (full, read-only), ``ValueError``
    for a payload path that is not portable or given twice. Whatever is raised, the target is
    not there and the partial folder is removed.
    """
    remove_partials(lock)
    draft = dataclasses.replace(
        draft,
        revision=next_revision(lock.folder, draft.period),
        sealed_at=iso(when_ms),
        seal=sealer.fingerprint if sealer else "",
    )
    target = lock.folder / draft.folder
    partial = lock.folder / f".partial-{draft.folder}-{secrets.token_hex(4)}"
    signer = _Signatures(sealer, when_ms, {} if signatures is None else signatures)
    try:
        partial.mkdir()
        writer = _Writer(partial)
        whole = _write(writer, draft, payload, signer)
        writer.sync()
        partial.rename(target)
        _sync(lock.folder)
    except OSError as error:
        raise UsageError(
            f"the bundle cannot be written ({error.strerror or error})",
            where=str(lock.folder),
            remedy="Make room or name another archive.path; nothing was left there",
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return Bundle(target, whole, sha256(manifest.dump(whole)))


def remove_partials(lock: JobLock) -> None:
    """Remove what killed runs left in a job's folder: our own naming pattern, no links."""
    for entry in os.scandir(lock.folder):
        if _PARTIAL.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path, ignore_errors=True)


@dataclasses.dataclass(frozen=True, slots=True)
class _Signatures:
    """Makes detached signatures, or takes those that were made before."""

    sealer: Sealer | None
    when_ms: int
    known: SignatureCache

    def over(self, data: bytes) -> bytes | None:
        """Return the signature over ``data``; None without a seal."""
        if self.sealer is None:
            return None
        key = (sha256(data), self.sealer.fingerprint)
        found = self.known.get(key)
        if found is None:
            found = self.known[key] = sign_detached(data, self.sealer, self.when_ms)
        return found


class _Writer:
    """Writes new files below one folder and remembers their digests and sizes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.digests: dict[str, str] = {}
        self.sizes: dict[str, int] = {}
        self._folders = {root}
        self._folded: set[str] = set()

    def write(self, path: str, data: bytes) -> None:
        """Write one file. Refuses a path that was written before."""
        if not manifest.is_portable(path) or path.casefold() in self._folded:
            raise ValueError(f"a path that cannot go into a bundle, or twice: {path!r}")
        self._folded.add(path.casefold())
        file = self.root / path
        if file.parent not in self._folders:
            file.parent.mkdir(parents=True, exist_ok=True)
            self._folders.update(file.parents[: len(Path(path).parents)])
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        with os.fdopen(os.open(file, flags, 0o444), "wb") as stream:
            stream.write(data)
        self.digests[path] = sha256(data)
        self.sizes[path] = len(data)

    def below(self, folder: str) -> dict[str, str]:
        """Return path to digest of the files written in ``folder``."""
        return {path: self.digests[path] for path in self.digests if path.startswith(folder)}

    def sync(self) -> None:
        """Wait until the disk has all files, and then all folders.

        Together at the end, for waiting after each file takes forty times as long.
        """
        with ThreadPoolExecutor(16) as pool:
            for group in ((self.root / path for path in self.digests), self._folders):
                list(pool.map(_sync, group))


def _write(
    writer: _Writer, draft: Manifest, payload: Iterable[Payload], signer: _Signatures
) -> Manifest:
    unsigned = dict[str, str]()
    for item in payload:
        data = item.read()
        writer.write(f"data/{item.path}", data)
        unsigned[item.path] = item.unsigned_sha256
        if item.needs_cms and (signature := signer.over(data)):
            writer.write(f"data/{item.path}{manifest.SIGNATURE}", signature)
    files = tuple(
        ListedFile(path[5:], digest, writer.sizes[path], unsigned.get(path[5:], ""))
        for path, digest in sorted(writer.digests.items())
    )
    beside = evidence.tag_files(draft, signer.sealer, signer.when_ms)
    for path, data in beside.items():
        writer.write(path, data)
    whole = dataclasses.replace(
        draft,
        files=files,
        tag_files=tuple(TagFile(path, writer.digests[path]) for path in sorted(beside)),
    )
    data = manifest.dump(whole)
    writer.write(f"data/{manifest.NAME}", data)
    if signature := signer.over(data):
        writer.write(f"data/{manifest.NAME}{manifest.SIGNATURE}", signature)
    oxum = bag.oxum(size for path, size in writer.sizes.items() if path.startswith("data/"))
    writer.write("bagit.txt", bag.DECLARATION)
    writer.write("bag-info.txt", bag.info(info_fields(whole, oxum)))
    writer.write(bag.PAYLOAD_MANIFEST, bag.manifest(writer.below("data/")))
    tags = {path: digest for path, digest in writer.digests.items() if path[:5] != "data/"}
    writer.write(bag.TAG_MANIFEST, bag.manifest(tags))
    return whole


def info_fields(whole: Manifest, oxum: str) -> dict[str, str]:
    """Return the fields of ``bag-info.txt``: all of them follow from manifest and payload."""
    return {
        "Source-Organization": whole.organisation,
        "External-Identifier": f"{whole.job}/{whole.folder}",
        "External-Description": f"Model registry audit, {whole.period}",
        "Bagging-Date": whole.sealed_at[:10],
        "Payload-Oxum": oxum,
        "Retain-Until": whole.retain_until,
    }


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
