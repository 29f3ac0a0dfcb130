"""A small authority for a first run: a root, a seal under it, an empty revocation list.

Nobody vouches for such a seal but the one who made it. The root says so in its subject
and in an extension (``keys.SELF_ISSUED``), and reports sealed under it say *self-issued*.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import os
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from audit.errors import UsageError
from audit.seal import pem
from audit.seal.keys import MINIMUM_BITS, SELF_ISSUED, fingerprint_of, utc

CA_YEARS = 30
SEAL_YEARS = 10
FILES = ("ca.pem", "ca.key", "seal.pem", "seal.key", "ca.crl.pem")

_UNIT = "Self-issued by mlflow-audit"
_MARK = b"\x0c" + bytes([len(_UNIT)]) + _UNIT.encode()  # the text as a DER UTF8String
_YEAR = dt.timedelta(days=365.25)


@dataclasses.dataclass(frozen=True, slots=True)
class Authority:
    """What ``new_authority`` wrote. Fingerprints are SHA-256, 64 hex digits."""

    folder: Path
    ca_fingerprint: str
    seal_fingerprint: str


def new_authority(folder: Path, organisation: str, now: int) -> Authority:
    """Write a new root, seal and CRL (``FILES``) into ``folder``, keys readable by the owner only.

    ``now`` is UTC milliseconds. The root is valid for 30 years and so is its CRL, the seal
    for 10. Raises ``UsageError``, and writes nothing, where one of the files exists already,
    the folder cannot be written, or the organisation does not fit into a certificate.
    """
    organisation = organisation.strip() or "mlflow-audit"
    if len(organisation) > 64 or not organisation.isprintable():
        raise UsageError(
            "an organisation in a certificate is one line of at most 64 characters",
            remedy="Give a shorter one",
        )
    for name in FILES:
        if os.path.lexists(folder / name):
            raise UsageError(
                f"{name} exists already", where=str(folder), remedy="Name another folder"
            )
    start = utc(now)
    ca_key, seal_key = (rsa.generate_private_key(65537, MINIMUM_BITS) for _ in range(2))
    ca_name = _name(organisation, "Audit authority", _UNIT)
    ca_end = start + CA_YEARS * _YEAR
    ca = (
        _builder(ca_name, ca_name, ca_key.public_key(), ca_key)
        .not_valid_before(start)
        .not_valid_after(ca_end)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(ca=True), critical=True)
        .add_extension(x509.UnrecognizedExtension(SELF_ISSUED, _MARK), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    seal = (
        _builder(_name(organisation, "Audit seal"), ca_name, seal_key.public_key(), ca_key)
        .not_valid_before(start)
        .not_valid_after(start + SEAL_YEARS * _YEAR)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(ca=False), critical=True)
        .sign(ca_key, hashes.SHA256())
    )
    crl = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(ca_name)
        .last_update(start)
        .next_update(ca_end)
        .add_extension(x509.CRLNumber(1), critical=False)
        .add_extension(_issuer_id(ca_key), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    contents = (pem.write([ca]), _pem(ca_key), pem.write([seal]), _pem(seal_key), pem.write([crl]))
    _write_all(folder, dict(zip(FILES, contents, strict=True)))
    return Authority(folder, fingerprint_of(ca), fingerprint_of(seal))


def _name(organisation: str, common: str, unit: str = "") -> x509.Name:
    parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation)]
    if unit:
        parts.append(x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit))
    return x509.Name([*parts, x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _builder(
    subject: x509.Name, issuer: x509.Name, public: rsa.RSAPublicKey, issuer_key: rsa.RSAPrivateKey
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder(subject_name=subject, issuer_name=issuer, public_key=public)
        .serial_number(x509.random_serial_number())
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(_issuer_id(issuer_key), critical=False)
    )


def _issuer_id(key: rsa.RSAPrivateKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())


def _usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not ca,
        content_commitment=not ca,
        key_cert_sign=ca,
        crl_sign=ca,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write_all(folder: Path, contents: dict[str, bytes]) -> None:
    """Write new files, all or none."""
    written = list[Path]()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, data in contents.items():
            mode = 0o600 if name.endswith(".key") else 0o644
            handle = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
            written.append(folder / name)
            with os.fdopen(handle, "wb") as stream:
                stream.write(data)
    except OSError as error:
        for path in written:
            path.unlink(missing_ok=True)
        raise UsageError(f"cannot write keys ({error.strerror})", where=str(folder)) from error
