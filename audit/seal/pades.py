"""PAdES: an invisible certification signature inside a PDF (baseline B-B, ETSI EN 319 142-1).

The signature certifies the document as allowing no changes (DocMDP level 1, ISO 32000-2
12.8.2.2) and covers every byte of the file but its own value. Title, dates and XMP stay
as they were rendered: certifying is not editing, and PDF/A metadata stay consistent.
"""

from __future__ import annotations

import dataclasses
import io

from asn1crypto import cms
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.fields import MDPPerm, SigSeedSubFilter
from pyhanko.sign.signers.cms_embedder import (
    PdfCMSEmbedder,
    SigIOSetup,
    SigMDPSetup,
    SigObjSetup,
)
from pyhanko.sign.signers.constants import ESIC_EXTENSION_1
from pyhanko.sign.signers.pdf_byterange import SignatureObject
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature, read_certification_data

from audit.errors import SealError
from audit.seal.cms import check_signed, signature_over, unreadable
from audit.seal.keys import Sealer, utc
from audit.seal.trust import Checked, Fault, FaultKind, Trust

FIELD = "Seal"
REASON = "Sealed by the audit service as generated; not a person's signature"


class _Writer(IncrementalPdfFileWriter):  # type: ignore[misc]  # pyHanko is not typed here
    """An incremental writer that leaves the document's metadata alone."""

    def _update_meta(self) -> None:
        # pyHanko would stamp its own name and the machine's time into Info and XMP.
        return


def sign_pdf(pdf: bytes, sealer: Sealer, when_ms: int, location: str = "") -> bytes:
    """Return ``pdf`` with a certification signature that claims ``when_ms`` (UTC ms).

    The PDF version stays what it was. Raises ``SealError`` for what is not a PDF, is
    encrypted, or is signed already.
    """
    try:
        writer = _Writer(io.BytesIO(pdf))
        if not (writer.prev.encrypted or writer.prev.embedded_signatures):
            return _sign(writer, sealer, when_ms, location)
    except PdfError as error:
        raise SealError(f"the PDF cannot be signed: {error}") from error
    raise SealError("the PDF cannot be signed: it is encrypted or signed already")


def _sign(writer: _Writer, sealer: Sealer, when_ms: int, location: str) -> bytes:
    writer.register_extension(ESIC_EXTENSION_1)
    steps = PdfCMSEmbedder().write_cms(field_name=FIELD, writer=writer)
    next(steps)
    placeholder = SignatureObject(
        timestamp=utc(when_ms),
        bytes_reserved=2 * len(signature_over(bytes(32), sealer)),
        subfilter=SigSeedSubFilter.PADES,
        location=location or None,
        reason=REASON,
    )
    certify = SigMDPSetup(md_algorithm="sha256", certify=True, docmdp_perms=MDPPerm.NO_CHANGES)
    steps.send(SigObjSetup(sig_placeholder=placeholder, mdp_setup=certify))
    prepared, output = steps.send(SigIOSetup(md_algorithm="sha256"))
    # PAdES takes the time from the signature dictionary, so none is among the attributes.
    steps.send(signature_over(prepared.document_digest, sealer))
    signed: bytes = output.getvalue()
    return signed


def check_pdf(pdf: bytes, trust: Trust) -> Checked:
    """Return what the seal of a PDF is worth: content, coverage, certification and trust.

    Exactly one signature is allowed, and no byte that it does not cover, appended or
    between. Never raises for what stands in the file.
    """
    try:
        reader = PdfFileReader(io.BytesIO(pdf))
        signatures = reader.embedded_signatures
        if len(signatures) != 1:
            what = "the PDF is not signed" if not signatures else "more than one signature"
            return Checked((Fault(FaultKind.MALFORMED, what),))
        (seal,) = signatures
        faults = [*_coverage(pdf, seal), *_certification(reader, seal)]
        signed, digest = seal.signed_data, seal.compute_digest("sha256")
        claimed = seal.self_reported_timestamp
    except Exception as error:  # noqa: BLE001 - a hostile PDF can fail anywhere: a finding
        return Checked((unreadable("PDF", error),))
    checked = check_signed(signed, digest, claimed, trust)
    return dataclasses.replace(checked, faults=(*checked.faults, *faults))


def _coverage(pdf: bytes, seal: EmbeddedPdfSignature) -> list[Fault]:
    """Hold the byte range to the whole file, with nothing but the signature value left out."""
    ranges = [int(number) for number in seal.byte_range]
    if len(ranges) == 4:
        start, before, resume, after = ranges
        value = pdf[before:resume]
        framed = value[:1] == b"<" and value[-1:] == b">"
        if start == 0 and framed and _is_value(bytes.fromhex(value[1:-1].decode()), seal):
            if resume + after == len(pdf):
                return []
            return [Fault(FaultKind.COVERAGE, "bytes were added behind the seal")]
    return [Fault(FaultKind.COVERAGE, "the seal does not cover the whole file")]


def _is_value(content: bytes, seal: EmbeddedPdfSignature) -> bool:
    """Return whether the bytes left out are the signature's, with zeros behind them at most."""
    size = len(cms.ContentInfo.load(content).dump())
    return content == seal.pkcs7_content and not content[size:].strip(b"\0")


def _certification(reader: PdfFileReader, seal: EmbeddedPdfSignature) -> list[Fault]:
    certified = read_certification_data(reader)
    if certified is None or certified.author_sig is not seal.sig_object:
        return [Fault(FaultKind.CERTIFICATION, "the seal does not certify the document")]
    if certified.permission != MDPPerm.NO_CHANGES:
        return [Fault(FaultKind.CERTIFICATION, "the seal allows changes to the document")]
    return []
