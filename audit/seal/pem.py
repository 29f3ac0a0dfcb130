"""PEM files: certificates and revocation lists in, certificates and revocation lists out."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from audit.errors import UsageError

_BLOCK = re.compile(rb"-----BEGIN (X509 CRL|CERTIFICATE)-----.*?-----END \1-----", re.DOTALL)

Certificates = tuple[x509.Certificate, ...]
Crls = tuple[x509.CertificateRevocationList, ...]


def certificates_and_crls(path: Path) -> tuple[Certificates, Crls]:
    """Return the certificates and CRLs of a PEM file, in their order, at least one of them.

    Other blocks (a private key) are passed over. Raises ``UsageError``.
    """
    try:
        found = read(path.read_bytes())
    except FileNotFoundError as error:
        raise UsageError("no such certificate file", where=str(path)) from error
    except OSError as error:
        raise UsageError(f"cannot be read ({error.strerror})", where=str(path)) from error
    except ValueError as error:
        raise UsageError("holds a damaged certificate or CRL", where=str(path)) from error
    if not any(found):
        raise UsageError(
            "holds no PEM certificate",
            where=str(path),
            remedy=f"Convert it: openssl x509 -inform DER -in {path.name} -out {path.stem}.pem",
        )
    return found


def read(data: bytes) -> tuple[Certificates, Crls]:
    """Return the certificates and CRLs in PEM text. Raises ``ValueError`` for a damaged one."""
    blocks = [(match[1], match[0]) for match in _BLOCK.finditer(data)]
    return (
        tuple(x509.load_pem_x509_certificate(text) for kind, text in blocks if kind != b"X509 CRL"),
        tuple(x509.load_pem_x509_crl(text) for kind, text in blocks if kind == b"X509 CRL"),
    )


def write(items: Iterable[x509.Certificate | x509.CertificateRevocationList]) -> bytes:
    """Return certificates and CRLs as PEM text."""
    return b"".join(item.public_bytes(Encoding.PEM) for item in items)
