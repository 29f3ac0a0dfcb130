"""Trust: the roots that an examiner believes, and what a certificate is worth under them.

A certificate is judged at the moment that its signature claims. Without a timestamp of a
third party that moment is the sealer's own word; the bundle's guide says so.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding

from audit.errors import UsageError
from audit.seal import pem
from audit.seal.keys import Sealer, issued, name_of

if TYPE_CHECKING:
    from pyhanko_certvalidator import ValidationContext

# What these libraries log with a traceback is told as a fault instead, in one line.
for _library in ("pyhanko", "pyhanko_certvalidator"):
    logging.getLogger(_library).addHandler(logging.NullHandler())
    logging.getLogger(_library).propagate = False

_NO_PATH = frozenset({"NO_CERTIFICATE_CHAIN_FOUND", "CERTIFICATE_CHAIN_GENERAL_FAILURE"})
"""Names of pyHanko's ``AdESIndeterminate`` that mean: no path to a trusted root."""


class FaultKind(enum.StrEnum):
    """What can be wrong with a signature."""

    MALFORMED = "malformed"
    CONTENT = "content"
    """The content is not what was signed."""
    SIGNATURE = "signature"
    """The signature value is not by the certificate's key."""
    UNTRUSTED = "untrusted"
    """A sound signature that does not lead to a trusted root: a foreign key."""
    EXPIRED = "expired"
    """Signed outside the validity of its certificate."""
    USAGE = "usage"
    """The certificate was not issued for signing, or the algorithm is too weak."""
    REVOKED = "revoked"
    COVERAGE = "coverage"
    """Bytes of the PDF that the signature does not cover."""
    CERTIFICATION = "certification"
    """The PDF is not certified as allowing no changes."""


@dataclasses.dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a signature, as a phrase."""

    kind: FaultKind
    what: str


@dataclasses.dataclass(frozen=True, slots=True)
class Checked:
    """The outcome of checking one signature; sound and trusted if ``faults`` is empty."""

    faults: tuple[Fault, ...] = ()
    signer: str = ""
    fingerprint: str = ""
    signed_at: int | None = None
    """What the signature itself claims, UTC milliseconds."""
    expires_at: int | None = None
    """End of the certificate's validity, UTC milliseconds."""

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults


@dataclasses.dataclass(frozen=True, slots=True)
class Trust:
    """Trusted roots, and revocation lists to hold certificates against."""

    roots: tuple[x509.Certificate, ...]
    crls: tuple[x509.CertificateRevocationList, ...] = ()

    def with_crls(self, crls: Iterable[x509.CertificateRevocationList]) -> Trust:
        """Return the same trust with more revocation lists: they can only take trust away."""
        return dataclasses.replace(self, crls=(*self.crls, *crls))


def read_trust(path: Path) -> Trust:
    """Return the trust in a PEM file: certificates and, where it has them, CRLs.

    Raises ``UsageError`` where there is no such file or no certificate in it.
    """
    roots, crls = pem.certificates_and_crls(path)
    if not roots:
        raise UsageError("holds no PEM certificate to trust", where=str(path))
    return Trust(roots, crls)


def trust_of(sealer: Sealer) -> Trust:
    """Return trust in the root of one's own seal."""
    return Trust((sealer.root,), sealer.crls)


def context(trust: Trust, moment: dt.datetime) -> ValidationContext:
    """Return a fresh, offline validation context at ``moment``."""
    from pyhanko_certvalidator import ValidationContext

    return ValidationContext(
        trust_roots=[to_asn1(root) for root in trust.roots],
        moment=moment,
        best_signature_time=moment,
        allow_fetching=False,
        revocation_mode="soft-fail",
    )


def to_asn1(certificate: x509.Certificate) -> asn1_x509.Certificate:
    """Return a certificate in the form that pyHanko takes."""
    return asn1_x509.Certificate.load(certificate.public_bytes(Encoding.DER))


def fault_of_trust(
    problem: object, signer: x509.Certificate, path: Iterable[x509.Certificate], moment: dt.datetime
) -> Fault:
    """Return pyHanko's trust problem (an AdES sub-indication, ETSI EN 319 102-1) as a fault.

    ``path`` leads from a trusted root to the signer, as far as one was found: pyHanko's
    indication does not tell an issuer out of date from one that did not sign.
    """
    for item in path:
        if not item.not_valid_before_utc <= moment <= item.not_valid_after_utc:
            span = f"{item.not_valid_before_utc:%Y-%m-%d} to {item.not_valid_after_utc:%Y-%m-%d}"
            return Fault(
                FaultKind.EXPIRED,
                f"signed {moment:%Y-%m-%d}, when the certificate of {name_of(item)} was not valid"
                f" ({span})",
            )
    name = name_of(signer)
    if getattr(problem, "name", "") in _NO_PATH:
        return Fault(
            FaultKind.UNTRUSTED,
            f"signed with a foreign key: {name} does not lead to a trusted root",
        )
    detail = str(getattr(problem, "name", problem)).lower().replace("_", " ")
    return Fault(FaultKind.USAGE, f"the certificate of {name} cannot vouch for this ({detail})")


def revocation(
    trust: Trust, certificates: Iterable[x509.Certificate], moment: dt.datetime
) -> Fault | None:
    """Return the fault where a CRL revokes one of the certificates for ``moment``.

    A revocation counts from its date on. Where the key was compromised it counts always:
    the thief can claim any moment. A CRL counts only if a given certificate or root
    signed it.
    """
    path = (*certificates, *trust.roots)
    for crl in trust.crls:
        issuers = [item for item in path if _signed_crl(crl, item)]
        for certificate in path:
            entry = crl.get_revoked_certificate_by_serial_number(certificate.serial_number)
            if entry is None or not any(issued(certificate, issuer) for issuer in issuers):
                continue
            when = entry.revocation_date_utc
            if when <= moment or _compromised(entry):
                return Fault(
                    FaultKind.REVOKED,
                    f"the certificate of {name_of(certificate)} was revoked on {when:%Y-%m-%d}",
                )
    return None


def _signed_crl(crl: x509.CertificateRevocationList, issuer: x509.Certificate) -> bool:
    try:
        return crl.issuer == issuer.subject and crl.is_signature_valid(
            issuer.public_key()  # type: ignore[arg-type]  # other key kinds raise TypeError
        )
    except (TypeError, ValueError, InvalidSignature):
        return False


def _compromised(entry: x509.RevokedCertificate) -> bool:
    try:
        reason = entry.extensions.get_extension_for_class(x509.CRLReason).value.reason
    except x509.ExtensionNotFound:
        return False
    return reason in {x509.ReasonFlags.key_compromise, x509.ReasonFlags.ca_compromise}
