"""Verification of a bundle, offline: files, signatures, certification and chain.

Nothing in a bundle is believed before it is checked: links are never followed, paths
from lists are never opened but looked up among the files found, sizes are bounded, and
each thing that is wrong becomes a finding that names its file.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from audit.archive import bag, evidence, manifest
from audit.archive.bundle import info_fields
from audit.archive.chain import check_chain, check_ledger
from audit.archive.findings import Log, Verification
from audit.archive.manifest import Manifest
from audit.canonical import sha256, sha256_file
from audit.errors import UsageError, VerificationError
from audit.ledger import Ledger
from audit.period import Clock, iso, system_clock
from audit.seal import pem
from audit.seal.cms import check_detached
from audit.seal.trust import Checked, Fault, FaultKind, Trust, read_trust

MAX_LIST = 64 << 20
"""Bytes of a manifest that are read at most."""
MAX_SIGNATURE = 1 << 20
MAX_PDF = 1 << 30

_MANIFEST = f"data/{manifest.NAME}"
_SEAL = f"{_MANIFEST}{manifest.SIGNATURE}"
_CRLS = "evidence/trust-and-crl.pem"


@dataclass(frozen=True, slots=True)
class _Found:
    """The regular files of a bundle, with size and SHA-256; paths with ``/``."""

    root: Path
    digests: dict[str, str]
    sizes: dict[str, int]

    def read(self, path: str, limit: int) -> bytes:
        """Return a found file. Raises ``VerificationError`` where it is missing or too large."""
        if path not in self.sizes:
            raise VerificationError("missing")
        if self.sizes[path] > limit:
            raise VerificationError(f"larger than the {limit} bytes that are read of it")
        return (self.root / path).read_bytes()

    def digest(self, path: str) -> bytes:
        """Return the SHA-256 of a file that a signature is for. Raises ``VerificationError``."""
        if not self.digests.get(path):
            raise VerificationError(f"a signature for {path}, which is not there")
        return bytes.fromhex(self.digests[path])


def verify_bundle(
    path: Path,
    trust: Trust | Path | None = None,
    previous: Path | None = None,
    *,
    ledger: Ledger | None = None,
    quick: bool = False,
    clock: Clock = system_clock,
) -> Verification:
    """Return what is right and wrong with the bundle at ``path``.

    ``trust`` is the examiner's own: a PEM file of roots (and CRLs, if wanted) or what was
    read from one. Without it the root in the bundle is taken and a note says so: the
    bundle may then be ``ok``, which shows that it agrees with itself and not who sealed it.
    ``previous`` is the bundle before; without it, it is looked for beside ``path``.
    With ``ledger`` its chain is checked, and that the bundle's head stands in it.
    ``quick`` checks the one signature on the manifest, which vouches for every file by its
    digest, and leaves out the others.

    Raises ``UsageError`` where ``path`` is no bundle or ``trust`` holds no certificate,
    ``SourceError`` where the ledger cannot be read. All else is a finding.
    """
    trusted = read_trust(trust) if isinstance(trust, Path) else trust
    if not (path / "bagit.txt").is_file() and not (path / _MANIFEST).is_file():
        raise UsageError(
            "not a bundle", where=str(path), remedy="Name the folder that holds bagit.txt"
        )
    log = Log()
    found = _walk(path, log)
    _check_bag(found, log)
    listed = _read_manifest(found, log)
    if listed is not None:
        _check_listing(found, listed, log)
    believed = trusted or _bundled_trust(found, log)
    if believed is not None:
        _check_signatures(found, believed.with_crls(_crls(found)), log, clock(), quick=quick)
    if listed is not None:
        check_chain(path, listed, previous, log)
        if ledger is not None:
            check_ledger(listed, ledger, log)
    return Verification(
        path=path,
        anchored=trusted is not None,
        findings=tuple(log.findings),
        manifest=listed,
        manifest_sha256=found.digests.get(_MANIFEST, ""),
    )


# --- files ----------------------------------------------------------------------------


def _walk(root: Path, log: Log) -> _Found:
    """Return all regular files below ``root``; anything else but a folder is wrong."""
    digests, sizes = dict[str, str](), dict[str, int]()
    folders = [""]
    while folders:
        folder = folders.pop()
        for entry in sorted(os.scandir(root / folder), key=lambda item: item.name):
            path = f"{folder}{entry.name}"
            mode = entry.stat(follow_symlinks=False).st_mode
            if stat.S_ISDIR(mode):
                folders.append(f"{path}/")
            elif not stat.S_ISREG(mode):
                log.wrong(path, "neither a file nor a folder; it was not opened")
            else:
                try:
                    digests[path] = sha256_file(root / path)
                except OSError as error:
                    log.wrong(path, f"cannot be read ({error.strerror})")
                    digests[path] = ""
                sizes[path] = entry.stat(follow_symlinks=False).st_size
    return _Found(root, digests, sizes)


def _check_bag(found: _Found, log: Log) -> None:
    """Check declaration, payload and tag manifest, and that they list all there is."""
    before = len(log.findings)
    listed = {bag.TAG_MANIFEST}
    for name in (bag.PAYLOAD_MANIFEST, bag.TAG_MANIFEST):
        listed |= _check_list(found, name, log)
    for path in found.digests.keys() - listed:
        log.wrong(path, "added: no BagIt manifest lists it")
    for path in {"bagit.txt", "bag-info.txt"} - found.digests.keys() - listed:
        log.wrong(path, "missing")
    if found.digests.get("bagit.txt") not in {None, sha256(bag.DECLARATION)}:
        log.wrong("bagit.txt", "not the declaration of a BagIt 1.0 bag in UTF-8")
    if len(log.findings) == before:
        log.ok("", f"{len(found.digests)} files as the BagIt manifests list them, none added")


def _check_list(found: _Found, name: str, log: Log) -> set[str]:
    """Hold the files against one BagIt manifest and return the paths that it lists."""
    try:
        lines = bag.parse_manifest(found.read(name, MAX_LIST))
    except VerificationError as error:
        log.wrong(name, error.what)
        return set()
    for path, digest in lines.items():
        if path.startswith("data/") != (name == bag.PAYLOAD_MANIFEST):
            log.wrong(name, f"lists {path}, which belongs into the other manifest")
        elif path not in found.digests:
            log.wrong(path, f"missing, though {name} lists it")
        elif digest != found.digests[path]:
            log.wrong(path, f"changed: not the content that {name} lists")
    return set(lines)


def _read_manifest(found: _Found, log: Log) -> Manifest | None:
    try:
        return manifest.parse(found.read(_MANIFEST, MAX_LIST))
    except VerificationError as error:
        log.wrong(_MANIFEST, error.what)
        return None


def _check_listing(found: _Found, listed: Manifest, log: Log) -> None:
    """Hold the files against ``manifest.json``, which unlike the BagIt manifests is signed."""
    before = len(log.findings)
    expected = {f"data/{entry.path}": entry.sha256 for entry in listed.files}
    expected |= {entry.path: entry.sha256 for entry in listed.tag_files}
    sizes = {f"data/{entry.path}": entry.bytes for entry in listed.files}
    for path, digest in expected.items():
        if path not in found.digests:
            log.wrong(path, f"missing, though {_MANIFEST} lists it")
        elif (
            digest != found.digests[path] or sizes.get(path, found.sizes[path]) != found.sizes[path]
        ):
            log.wrong(path, f"changed: not the content that {_MANIFEST} lists")
    outside = {f"data/{name}" for name in manifest.OUTSIDE}
    outside |= {"bagit.txt", "bag-info.txt", bag.PAYLOAD_MANIFEST, bag.TAG_MANIFEST}
    for path in found.digests.keys() - expected.keys() - outside:
        log.wrong(path, f"added: {_MANIFEST} does not list it")
    oxum = bag.oxum(size for path, size in found.sizes.items() if path.startswith("data/"))
    if found.digests.get("bag-info.txt") != sha256(bag.info(info_fields(listed, oxum))):
        log.wrong("bag-info.txt", f"does not say what {_MANIFEST} and the payload say")
    if len(log.findings) == before:
        log.ok(_MANIFEST, f"lists {len(expected)} files, all as they are")


# --- signatures -------------------------------------------------------------------------


def _bundled_trust(found: _Found, log: Log) -> Trust | None:
    """Return trust in the bundle's own root, with a note; None where it has none."""
    try:
        roots, _ = pem.read(found.read(evidence.CA, MAX_SIGNATURE))
    except (VerificationError, ValueError):
        roots = ()
    if not roots:
        log.wrong(evidence.CA, "no root certificate to check signatures with: is it sealed?")
        return None
    log.note(
        evidence.CA,
        "the trust anchor was taken from the bundle itself, so this shows that the bundle agrees"
        " with itself and not who sealed it; give --trust, or compare the SHA-256 fingerprint "
        + evidence.colons(roots[0]),
    )
    # The first alone: its fingerprint is what a reader compares.
    return Trust(roots[:1])


def _crls(found: _Found) -> pem.Crls:
    """Return the bundle's CRLs. They count only where a trusted issuer signed them."""
    try:
        return pem.read(found.read(_CRLS, MAX_SIGNATURE))[1]
    except (VerificationError, ValueError):
        return ()


def _check_signatures(found: _Found, trust: Trust, log: Log, now: int, *, quick: bool) -> None:
    if _SEAL not in found.digests:
        log.wrong(_SEAL, "missing: the bundle is not sealed")
    sound, expired = 0, list[Checked]()
    for path in sorted({_SEAL} & found.digests.keys() if quick else found.digests):
        checked = _check_file(found, path, trust)
        if checked is None:
            continue
        for fault in checked.faults:
            log.wrong(path, fault.what)
        sound += checked.ok
        if checked.ok and checked.expires_at is not None and checked.expires_at < now:
            expired.append(checked)
        if checked.ok and path == _SEAL:
            log.ok(path, f"sealed by {checked.signer}, as of {iso(checked.signed_at)} by its word")
    if sound:
        log.ok("", f"{sound} signatures sound and trusted at the moment that they claim")
    if expired:
        log.note(
            "",
            f"the certificate of {expired[0].signer} has expired since"
            f" ({iso(expired[0].expires_at)}); that it was valid when it signed rests on the time"
            " that the signature itself claims",
        )


def _check_file(found: _Found, path: str, trust: Trust) -> Checked | None:
    """Return what the signature in a file is worth; None for a file that carries none."""
    if not path.startswith("data/"):
        return None
    try:
        if path.endswith(manifest.SIGNATURE):
            digest = found.digest(path.removesuffix(manifest.SIGNATURE))
            return check_detached(found.read(path, MAX_SIGNATURE), digest, trust)
        if path.endswith(".pdf"):
            from audit.seal.pades import check_pdf

            return check_pdf(found.read(path, MAX_PDF), trust)
    except VerificationError as error:
        return Checked((Fault(FaultKind.MALFORMED, error.what),))
    return None
