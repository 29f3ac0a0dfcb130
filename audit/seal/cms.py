"""CMS: a detached signature beside a file (RFC 5652, CAdES baseline B: ETSI EN 319 122-1).

The signature is DER, with SHA-256, the signing time, the digest of the signing
certificate and the whole chain inside, so that ``openssl cms -verify`` needs no more
than a trusted root. Given the same content, key and time it has the same bytes.
"""

from __future__ import annotations

import datetime as dt
import functools
import hashlib
from typing import Any, NamedTuple

from asn1crypto import cms, tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from audit.seal.keys import Sealer, fingerprint_of, name_of, utc
from audit.seal.trust import (
    Checked,
    Fault,
    FaultKind,
    Trust,
    context,
    fault_of_trust,
    revocation,
    to_asn1,
)


def sign_detached(data: bytes, sealer: Sealer, when_ms: int) -> bytes:
    """Return the detached CMS signature (DER) over ``data``, claiming ``when_ms`` (UTC ms)."""
    moment = utc(when_ms)
    # RFC 5652, 11.3: UTCTime until 2049, GeneralizedTime from then on.
    kind = "utc_time" if moment.year < 2050 else "generalized_time"
    claimed = _attribute("signing_time", cms.Time({kind: moment}))
    return signature_over(hashlib.sha256(data).digest(), sealer, claimed)


def signature_over(digest: bytes, sealer: Sealer, *attributes: cms.CMSAttribute) -> bytes:
    """Return CMS signed data (DER) for content of this SHA-256 digest.

    The signed attributes are content type, message digest and signing certificate (what
    CAdES and PAdES baseline ask for), and those given. The length depends on the sealer
    and their lengths alone.
    """
    fixed = _fixed_parts(sealer)
    signed_attributes = _encoded(
        cms.CMSAttributes(
            [
                _attribute("content_type", "data"),
                _attribute("message_digest", digest),
                *attributes,
                fixed.signing_certificate,
            ]
        )
    )
    value = sealer.key.sign(signed_attributes.dump(), padding.PKCS1v15(), hashes.SHA256())
    signer = {
        "version": "v1",
        "sid": fixed.signer_id,
        "digest_algorithm": {"algorithm": "sha256"},
        "signed_attrs": signed_attributes,
        "signature_algorithm": {"algorithm": "sha256_rsa"},
        "signature": value,
    }
    signed = cms.SignedData(
        {
            "version": "v1",
            "digest_algorithms": [{"algorithm": "sha256"}],
            "encap_content_info": {"content_type": "data"},
            "certificates": fixed.certificates,
            "signer_infos": [signer],
        }
    )
    whole: bytes = cms.ContentInfo({"content_type": "signed_data", "content": signed}).dump()
    return whole


class _FixedParts(NamedTuple):
    """What is the same in every signature of one sealer."""

    signer_id: cms.SignerIdentifier
    signing_certificate: cms.CMSAttribute
    certificates: cms.CertificateSet


@functools.lru_cache(maxsize=4)
def _fixed_parts(sealer: Sealer) -> _FixedParts:
    leaf = to_asn1(sealer.certificate)
    serial = {"issuer": leaf.issuer, "serial_number": leaf.serial_number}
    chain = [leaf, *(to_asn1(item) for item in sealer.chain)]
    signer_id = cms.SignerIdentifier(
        {"issuer_and_serial_number": cms.IssuerAndSerialNumber(serial)}
    )
    return _FixedParts(
        _encoded(signer_id),
        _encoded(_attribute("signing_certificate_v2", _signing_certificate(leaf))),
        _encoded(cms.CertificateSet([cms.CertificateChoices("certificate", c) for c in chain])),
    )


def _signing_certificate(leaf: asn1_x509.Certificate) -> tsp.SigningCertificateV2:
    """Return ESS signing-certificate-v2 (RFC 5035): whose signature this is, by digest."""
    issuer = asn1_x509.GeneralName("directory_name", leaf.issuer)
    return tsp.SigningCertificateV2(
        {
            "certs": [
                {
                    "cert_hash": hashlib.sha256(leaf.dump()).digest(),
                    "issuer_serial": {"issuer": [issuer], "serial_number": leaf.serial_number},
                }
            ]
        }
    )


def _encoded(value: Any) -> Any:
    """Return the same ASN.1 value read back, for one that was built is encoded at each use."""
    return type(value).load(value.dump())


def _attribute(kind: str, value: object) -> cms.CMSAttribute:
    return cms.CMSAttribute({"type": kind, "values": [value]})


def check_detached(signature: bytes, digest: bytes, trust: Trust) -> Checked:
    """Return what a detached CMS signature is worth for content of this SHA-256 digest."""
    from pyhanko.sign.validation.generic_cms import extract_self_reported_ts

    try:
        signed = cms.ContentInfo.load(signature, strict=True)["content"]
        claimed = extract_self_reported_ts(signed["signer_infos"][0])
    except Exception as error:  # noqa: BLE001 - hostile ASN.1 can fail anywhere: a finding
        return Checked((unreadable("signature", error),))
    return check_signed(signed, digest, claimed, trust)


def check_signed(
    signed: cms.SignedData, digest: bytes, claimed: dt.datetime | None, trust: Trust
) -> Checked:
    """Return what CMS signed data are worth for content of this SHA-256 digest.

    The chain is validated at the ``claimed`` signing time, against ``trust`` alone and
    without network. Never raises for what stands in the signature.
    """
    import asyncio  # slow to import, and signing does without

    from pyhanko.sign.validation.generic_cms import (
        async_validate_cms_signature,
        extract_certs_for_validation,
    )

    try:
        if len(signed["signer_infos"]) != 1 or claimed is None:
            return Checked((Fault(FaultKind.MALFORMED, "not one signer with a signing time"),))
        if signed["signer_infos"][0]["digest_algorithm"]["algorithm"].native != "sha256":
            return Checked((Fault(FaultKind.USAGE, "not signed with SHA-256"),))
        found = extract_certs_for_validation(signed)
        leaf = _from_asn1(found.signer_cert)
        others = [_from_asn1(item) for item in found.other_certs]
        status = asyncio.run(
            async_validate_cms_signature(
                signed, raw_digest=digest, validation_context=context(trust, claimed)
            )
        )
        faults = _faults(status, leaf, claimed)
        revoked = None if faults else revocation(trust, (leaf, *others), claimed)
    except Exception as error:  # noqa: BLE001 - hostile ASN.1 can fail anywhere: a finding
        return Checked((unreadable("signature", error),))
    return Checked(
        faults=(*faults, revoked) if revoked else faults,
        signer=name_of(leaf),
        fingerprint=fingerprint_of(leaf),
        signed_at=int(claimed.timestamp() * 1000),
        expires_at=int(leaf.not_valid_after_utc.timestamp() * 1000),
    )


def unreadable(what: str, error: Exception) -> Fault:
    """Return the fault of something that a library failed to read, in one line."""
    text = " ".join(str(error).split())[:200] or type(error).__name__
    return Fault(FaultKind.MALFORMED, f"the {what} cannot be read ({text})")


def _faults(status: Any, leaf: x509.Certificate, claimed: dt.datetime) -> tuple[Fault, ...]:
    if not status.intact:
        return (Fault(FaultKind.CONTENT, "the content is not what was signed"),)
    if not status.valid:
        return (Fault(FaultKind.SIGNATURE, "the signature value is wrong"),)
    if status.trust_problem_indic is not None:
        found = status.validation_path.iter_certs(False) if status.validation_path else ()
        path = [_from_asn1(item) for item in found]
        return (fault_of_trust(status.trust_problem_indic, leaf, path, claimed),)
    return ()


def _from_asn1(certificate: asn1_x509.Certificate) -> x509.Certificate:
    return x509.load_der_x509_certificate(certificate.dump())
