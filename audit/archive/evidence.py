"""What stands beside the data: certificates, the guide and the script for an examiner."""

from __future__ import annotations

import string
from importlib import resources

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from audit.archive.manifest import Manifest
from audit.errors import SealError
from audit.seal import pem
from audit.seal.keys import Sealer, name_of

GUIDE = "VERIFY.md"
SCRIPT = "verify.sh"
CA = "evidence/ca.pem"
CRL = "evidence/crl.pem"


def tag_files(manifest: Manifest, sealer: Sealer | None, when_ms: int) -> dict[str, bytes]:
    """Return path to content of guide, script and, where there is a seal, certificates.

    Raises ``SealError`` rather than let anything that looks like a private key out.
    """
    files = {SCRIPT: _shipped(SCRIPT).encode(), GUIDE: _guide(manifest, sealer, when_ms)}
    if sealer is not None:
        files |= certificates(sealer)
    for path, data in files.items():
        if b"PRIVATE KEY" in data:
            raise SealError("refused to put a private key into a bundle", where=path)
    return files


def certificates(sealer: Sealer) -> dict[str, bytes]:
    """Return the ``evidence/`` of a sealer: public certificates and CRLs as PEM.

    ``crl.pem`` holds the one CRL that covers the seal itself, and is there only with it:
    ``verify.sh`` takes its presence as the order to check revocation.
    """
    files = {
        CA: pem.write([sealer.root]),
        "evidence/chain.pem": pem.write(sealer.chain or (sealer.root,)),
        "evidence/seal.pem": pem.write([sealer.certificate]),
        "evidence/trust-and-crl.pem": pem.write([sealer.root, *sealer.crls]),
    }
    issuer = sealer.chain[0].subject if sealer.chain else None
    covering = [crl for crl in sealer.crls if crl.issuer == issuer]
    if covering:
        files[CRL] = pem.write([max(covering, key=lambda crl: crl.last_update_utc)])
    return files


def colons(certificate: x509.Certificate) -> str:
    """Return a certificate's SHA-256 fingerprint the way ``openssl`` prints it."""
    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()


def _guide(manifest: Manifest, sealer: Sealer | None, when_ms: int) -> bytes:
    about = {
        "job": manifest.job,
        "period": manifest.period,
        "organisation": f", {name}" if (name := _inert(manifest.organisation)) else "",
        "sealed_at": manifest.sealed_at,
        "epoch": str(when_ms // 1000),
    }
    if sealer is None:
        return string.Template(_shipped("UNSEALED.md")).substitute(about).encode()
    about |= {
        "subject": _inert(name_of(sealer.certificate)),
        "root": _inert(name_of(sealer.root)),
        "fingerprint": colons(sealer.root),
        "seal_fingerprint": colons(sealer.certificate),
        "until": f"{sealer.certificate.not_valid_after_utc:%Y-%m-%d}",
        "vouched": (
            "**This seal is self-issued**: nobody but the sealing organisation vouches for it."
            if sealer.self_issued
            else "The seal was issued under the authority named above."
        ),
    }
    return string.Template(_shipped(GUIDE)).substitute(about).encode()


def _inert(text: str) -> str:
    """Return text that Markdown shows as it is, on one line."""
    shown = "".join(
        mark if mark.isprintable() and mark not in "`<>[]|\\*" else " " for mark in text
    )
    return " ".join(shown.split())


def _shipped(name: str) -> str:
    return resources.files("audit.archive").joinpath(name).read_text(encoding="utf-8")
