"""CMS: a detached signature beside a file (RFC 5652, CAdES baseline B: ETSI EN 319 122-1).

The signature is DER, with SHA-256, the signing time, the digest of the signing
certificate and the whole chain inside, so that ``openssl cms -verify`` needs no more
than a trusted root. Given the same content, key and time it has the same bytes.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import functools
from typing import Any

from asn1crypto import algos, cms
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from pyhanko.sign.signers.pdf_cms import PdfCMSSignedAttributes, Signer
from pyhanko.sign.validation.generic_cms import (
    async_validate_cms_signature,
    extract_certs_for_validation,
    extract_self_reported_ts,
)
from pyhanko_certvalidator.registry import SimpleCertificateStore

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


class _KeySigner(Signer):  # type: ignore[misc]  # pyHanko is not typed for mypy here
    """pyHanko's signer over a key held open: loading one anew takes ten times the signing."""

    def __init__(self, sealer: Sealer) -> None:
        store = SimpleCertificateStore()
        store.register_multiple(to_asn1(item) for item in sealer.chain)
        super().__init__(
            signing_cert=to_asn1(sealer.certificate),
            cert_registry=store,
            signature_mechanism=algos.SignedDigestAlgorithm({"algorithm": "sha256_rsa"}),
        )
        self._key = sealer.key

    async def async_sign_raw(
        self, data: bytes, digest_algorithm: str, dry_run: bool = False
    ) -> bytes:
        if dry_run:
            return bytes(self._key.key_size // 8)
        if digest_algorithm != "sha256":
            raise ValueError(f"the seal signs SHA-256 only, not {digest_algorithm}")
        return self._key.sign(data, padding.PKCS1v15(), hashes.SHA256())


@functools.lru_cache(maxsize=4)
def signer_of(sealer: Sealer) -> Signer:
    """Return pyHanko's signer for a sealer, made once."""
    return _KeySigner(sealer)


def sign_detached(data: bytes, sealer: Sealer, when_ms: int) -> bytes:
    """Return the detached CMS signature (DER) over ``data``, claiming ``when_ms`` (UTC ms)."""
    signing = signer_of(sealer).async_sign_general_data(
        data,
        "sha256",
        detached=True,
        use_cades=True,
        signed_attr_settings=PdfCMSSignedAttributes(signing_time=utc(when_ms)),
    )
    signed: bytes = asyncio.run(signing).dump()
    return signed


def check_detached(signature: bytes, digest: bytes, trust: Trust) -> Checked:
    """Return what a detached CMS signature is worth for content of this SHA-256 digest."""
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
