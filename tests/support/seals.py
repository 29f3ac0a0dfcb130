"""A test authority, foreign and special certificates, and a tiny PDF/A, each made once."""

from __future__ import annotations

import atexit
import datetime as dt
import functools
import os
import shutil
import tempfile
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from audit.seal.authority import new_authority
from audit.seal.keys import Sealer, load_sealer, utc

NOW = 1_735_689_600_000
"""2025-01-01, UTC milliseconds: the certificates made here are valid from then on."""
DAY = 86_400_000


@functools.cache
def scratch() -> Path:
    """Return a folder of this process's own, removed when it ends."""
    folder = Path(tempfile.mkdtemp(prefix="audit-seals-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def keys(name: str = "own") -> Path:
    """Return a folder made by ``new_authority``; two names are two authorities."""
    return _keys(name)


def sealer(name: str = "own") -> Sealer:
    """Return the checked sealer of an authority."""
    return _sealer(name)


@functools.cache
def _keys(name: str) -> Path:
    folder = scratch() / name
    new_authority(folder, "Example Bank", NOW)
    return folder


@functools.cache
def _sealer(name: str) -> Sealer:
    folder = keys(name)
    return load_sealer(
        f"file:{folder / 'seal.key'}",
        folder / "seal.pem",
        [folder / "ca.pem", folder / "ca.crl.pem"],
        NOW,
    )


@functools.cache
def rsa_key(bits: int = 3072) -> rsa.RSAPrivateKey:
    """Return an RSA key, one for each size."""
    return rsa.generate_private_key(65537, bits)


def certificate(
    key: rsa.RSAPrivateKey,
    issuer: tuple[x509.Certificate, rsa.RSAPrivateKey] | None = None,
    *,
    name: str = "Some seal",
    usage: tuple[str, ...] | None = ("digital_signature", "content_commitment"),
    start: int = NOW,
    days: int = 3650,
    ca: bool = False,
) -> x509.Certificate:
    """Return a certificate for ``key``; self-signed without an issuer."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[0].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(utc(start))
        .not_valid_after(utc(start) + dt.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    if usage is not None:
        names = [
            *("digital_signature", "content_commitment", "key_encipherment"),
            *("data_encipherment", "key_agreement", "key_cert_sign"),
            *("crl_sign", "encipher_only", "decipher_only"),
        ]
        flags = {flag: flag in usage for flag in names}
        builder = builder.add_extension(x509.KeyUsage(**flags), critical=True)
    return builder.sign(issuer[1] if issuer else key, hashes.SHA256())


@functools.cache
def root() -> tuple[x509.Certificate, rsa.RSAPrivateKey]:
    """Return a root of a company's own: self-signed, without our mark."""
    key = rsa.generate_private_key(65537, 3072)
    usage = ("key_cert_sign", "crl_sign")
    return certificate(key, name="Example Bank Root", usage=usage, ca=True, days=7300), key


def revocations(
    issuer: tuple[x509.Certificate, rsa.RSAPrivateKey],
    serial: int,
    when: int,
    reason: x509.ReasonFlags | None = None,
) -> x509.CertificateRevocationList:
    """Return a CRL that revokes one serial number."""
    entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(utc(when))
    if reason:
        entry = entry.add_extension(x509.CRLReason(reason), critical=False)
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer[0].subject)
        .last_update(utc(when))
        .next_update(utc(when + 30 * DAY))
        .add_revoked_certificate(entry.build())
    )
    return builder.sign(issuer[1], hashes.SHA256())


def key_pem(key: rsa.RSAPrivateKey) -> bytes:
    """Return a private key as PEM, not encrypted."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def write_private(path: Path, data: bytes) -> Path:
    """Write a file that only its owner can read."""
    path.write_bytes(data)
    path.chmod(0o600)
    return path


@functools.cache
def tiny_pdf() -> bytes:
    """Return a small PDF/A-3a without a glyph, so that it needs no fonts."""
    from weasyprint import HTML

    before = os.environ.get("SOURCE_DATE_EPOCH")
    os.environ["SOURCE_DATE_EPOCH"] = str(NOW // 1000)
    try:
        page = '<html lang="en"><title>Tiny</title><body><hr></body></html>'
        data = HTML(string=page).write_pdf(pdf_variant="pdf/a-3a", pdf_identifier=b"tiny")
    finally:
        if before is None:
            del os.environ["SOURCE_DATE_EPOCH"]
        else:
            os.environ["SOURCE_DATE_EPOCH"] = before
    assert isinstance(data, bytes)
    return data
