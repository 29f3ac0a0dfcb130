"""PAdES seals: what stays as it was, and what is noticed."""

from __future__ import annotations

import asyncio
import io

import pikepdf
import pytest
from asn1crypto.keys import PrivateKeyInfo
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st
from pyhanko.pdf_utils.generic import TextStringObject
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.fields import MDPPerm, SigSeedSubFilter
from pyhanko.sign.signers.pdf_cms import SimpleSigner
from pyhanko.sign.signers.pdf_signer import PdfSignatureMetadata, PdfSigner
from pyhanko_certvalidator.registry import SimpleCertificateStore
from support import seals

from audit.errors import SealError
from audit.seal import pades
from audit.seal.trust import FaultKind, to_asn1, trust_of

# pyHanko's own signer takes the machine's time, which lies within the seal's validity.
WHEN = seals.NOW + seals.DAY


def kinds(pdf):
    faults = pades.check_pdf(pdf, trust_of(seals.sealer())).faults
    assert all(fault.what and "\n" not in fault.what for fault in faults)
    return {fault.kind for fault in faults}


@pytest.fixture(scope="module")
def sealed():
    return pades.sign_pdf(seals.tiny_pdf(), seals.sealer(), WHEN, location="Frankfurt")


def test_a_seal_says_who_and_when(sealed):
    checked = pades.check_pdf(sealed, trust_of(seals.sealer()))
    assert checked.ok
    assert checked.signed_at == WHEN
    assert checked.fingerprint == seals.sealer().fingerprint


def test_the_document_is_otherwise_as_it_was(sealed):
    assert sealed.startswith(seals.tiny_pdf()), "an incremental update changes no byte"
    plain = io.BytesIO(seals.tiny_pdf())
    with pikepdf.open(plain) as before, pikepdf.open(io.BytesIO(sealed)) as after:
        assert after.pdf_version == before.pdf_version == "1.7"
        assert "/Version" not in after.Root
        assert after.Root.Metadata.read_bytes() == before.Root.Metadata.read_bytes()
        assert dict(after.docinfo) == dict(before.docinfo)


def test_it_certifies_that_nothing_may_change(sealed):
    with pikepdf.open(io.BytesIO(sealed)) as pdf:
        (field,) = pdf.Root.AcroForm.Fields
        assert field.T == pades.FIELD
        assert field.V.SubFilter == "/ETSI.CAdES.detached"
        assert field.V.Reason == pades.REASON
        assert field.V.Location == "Frankfurt"
        assert pdf.Root.Perms.DocMDP.Reference[0].TransformParams.P == 1
        assert [float(edge) for edge in field.Rect] == [0, 0, 0, 0]


def test_a_flipped_byte(sealed):
    at = len(seals.tiny_pdf()) // 2
    assert FaultKind.CONTENT in kinds(sealed[:at] + b"X" + sealed[at + 1 :])


@pytest.mark.parametrize("tail", [b"\n", b"%comment\n", b"x" * 5000])
def test_bytes_behind_the_end(sealed, tail):
    assert kinds(sealed + tail) <= {FaultKind.COVERAGE, FaultKind.MALFORMED}
    assert kinds(sealed + tail)


def test_a_title_changed_by_an_incremental_update(sealed):
    writer = IncrementalPdfFileWriter(io.BytesIO(sealed))
    writer.trailer["/Info"]["/Title"] = TextStringObject("Another title")
    writer.mark_update(writer.trailer.raw_get("/Info"))
    output = io.BytesIO()
    writer.write(output)
    changed = output.getvalue()
    assert b"Another title" in changed
    assert kinds(changed) == {FaultKind.COVERAGE}


def test_bytes_hidden_behind_the_signature_value():
    """Room that a signature leaves in its place is no place to hide anything."""
    roomy = approve(certify=True, docmdp_permissions=MDPPerm.NO_CHANGES)
    assert not kinds(roomy), "zeros behind the value are what other signers leave"
    end = roomy.index(b">", roomy.rindex(b"/Contents <"))
    assert roomy[:end].endswith(b"0" * 100)
    assert kinds(roomy[: end - 2] + b"41" + roomy[end:]) == {FaultKind.COVERAGE}
    hidden = roomy[: end - 60] + b">/Hidden (" + b"x" * 48 + b")<" + roomy[end:]
    assert len(hidden) == len(roomy)
    assert kinds(hidden)


def approve(**options):
    """Sign with pyHanko's own signer, which leaves room in the signature's place."""
    sealer = seals.sealer()
    signer = SimpleSigner(
        to_asn1(sealer.certificate),
        PrivateKeyInfo.load(
            sealer.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        ),
        SimpleCertificateStore(),
    )
    meta = PdfSignatureMetadata(
        field_name="Seal", md_algorithm="sha256", subfilter=SigSeedSubFilter.PADES, **options
    )
    writer = IncrementalPdfFileWriter(io.BytesIO(seals.tiny_pdf()))
    session = PdfSigner(meta, signer).async_sign_pdf(writer)
    return asyncio.run(session).getvalue()


def test_a_foreign_key():
    foreign = pades.sign_pdf(seals.tiny_pdf(), seals.sealer("foreign"), WHEN)
    assert kinds(foreign) == {FaultKind.UNTRUSTED}


def test_signed_after_the_certificate_ended():
    late = pades.sign_pdf(seals.tiny_pdf(), seals.sealer(), seals.NOW + 4000 * seals.DAY)
    assert kinds(late) == {FaultKind.EXPIRED}


def test_an_approval_is_no_certification():
    assert FaultKind.CERTIFICATION in kinds(approve())


def test_a_certification_that_allows_changes():
    assert FaultKind.CERTIFICATION in kinds(approve(certify=True))


def test_a_pdf_without_a_seal():
    assert kinds(seals.tiny_pdf()) == {FaultKind.MALFORMED}


def test_a_second_seal_is_refused(sealed):
    with pytest.raises(SealError, match="signed already"):
        pades.sign_pdf(sealed, seals.sealer(), WHEN)


@pytest.mark.parametrize("junk", [b"", b"%PDF-1.7\n", b"hello", b"%PDF-1.7\n%%EOF\n" * 50])
def test_junk(junk):
    assert kinds(junk) == {FaultKind.MALFORMED}
    with pytest.raises(SealError, match="cannot be signed"):
        pades.sign_pdf(junk, seals.sealer(), WHEN)


@given(at=st.integers(0, 1 << 20), value=st.integers(1, 255))
def test_no_flipped_byte_outside_the_signature_value_goes_unnoticed(sealed, at, value):
    value_start = sealed.rindex(b"/Contents <") + 11
    value_end = sealed.index(b">", value_start)
    at %= len(sealed) - (value_end - value_start)
    at += value_end - value_start if at >= value_start else 0
    changed = sealed[:at] + bytes([sealed[at] ^ value]) + sealed[at + 1 :]
    checked = pades.check_pdf(changed, trust_of(seals.sealer()))
    assert not checked.ok
