"""Detached CMS signatures: made with an injected time, checked against a trust alone."""

from __future__ import annotations

import hashlib

import pytest
from asn1crypto import cms as asn1
from hypothesis import given
from hypothesis import strategies as st
from support import seals

from audit.seal import cms
from audit.seal.trust import FaultKind, trust_of

DATA = b"model,version\nchurn,1\n"
WHEN = seals.NOW + seals.DAY


def kinds(signature, data=DATA, trust=None):
    trust = trust or trust_of(seals.sealer())
    checked = cms.check_detached(signature, hashlib.sha256(data).digest(), trust)
    assert all(fault.what and "\n" not in fault.what for fault in checked.faults)
    return [fault.kind for fault in checked.faults]


@pytest.fixture(scope="module")
def signature():
    return cms.sign_detached(DATA, seals.sealer(), WHEN)


def test_a_signature_says_who_and_when(signature):
    digest = hashlib.sha256(DATA).digest()
    checked = cms.check_detached(signature, digest, trust_of(seals.sealer()))
    assert checked.ok
    assert checked.signer == seals.sealer().subject
    assert checked.fingerprint == seals.sealer().fingerprint
    assert checked.signed_at == WHEN
    assert checked.expires_at > WHEN


def test_same_content_key_and_time_give_the_same_bytes(signature):
    assert cms.sign_detached(DATA, seals.sealer(), WHEN) == signature
    assert cms.sign_detached(DATA, seals.sealer(), WHEN + 1000) != signature


def test_it_is_detached_and_carries_the_chain(signature):
    signed = asn1.ContentInfo.load(signature)["content"]
    assert signed["encap_content_info"]["content"].native is None
    assert len(signed["certificates"]) == 2
    names = {attribute["type"].native for attribute in signed["signer_infos"][0]["signed_attrs"]}
    assert {"signing_time", "message_digest", "signing_certificate_v2"} <= names


def test_a_signing_time_after_2049():
    assert kinds(cms.sign_detached(DATA, seals.sealer(), 2_600_000_000_000)) == [FaultKind.EXPIRED]


def test_other_content(signature):
    assert kinds(signature, DATA + b"x") == [FaultKind.CONTENT]


def test_a_changed_signature_value(signature):
    value = asn1.ContentInfo.load(signature)["content"]["signer_infos"][0]["signature"].native
    forged = signature.replace(value, value[:-1] + bytes([value[-1] ^ 1]))
    assert kinds(forged) == [FaultKind.SIGNATURE]


def test_a_foreign_key_of_the_same_name():
    foreign = cms.sign_detached(DATA, seals.sealer("foreign"), WHEN)
    assert seals.sealer("foreign").subject == seals.sealer().subject
    assert kinds(foreign) == [FaultKind.UNTRUSTED]


@pytest.mark.parametrize("when", [seals.NOW - seals.DAY, seals.NOW + 4000 * seals.DAY])
def test_signed_outside_the_validity_of_the_certificate(when):
    assert kinds(cms.sign_detached(DATA, seals.sealer(), when)) == [FaultKind.EXPIRED]


def test_an_issuer_out_of_date_is_named():
    root, key = seals.root(), seals.rsa_key(3074)
    usage = ("key_cert_sign",)
    issuer = seals.certificate(key, root, name="Old CA", usage=usage, ca=True, days=5)
    leaf = seals.certificate(seals.rsa_key(), (issuer, key))
    sealer = cms.Sealer(seals.rsa_key(), leaf, (issuer, root[0]))
    signature = cms.sign_detached(DATA, sealer, seals.NOW + 9 * seals.DAY)
    digest = hashlib.sha256(DATA).digest()
    (fault,) = cms.check_detached(signature, digest, trust_of(sealer)).faults
    assert fault.kind is FaultKind.EXPIRED
    assert "CN=Old CA was not valid" in fault.what


def test_a_certificate_not_for_sealing_vouches_for_nothing():
    key, root = seals.rsa_key(), seals.root()
    leaf = seals.certificate(key, root, usage=("key_encipherment",))
    sealer = cms.Sealer(key, leaf, (root[0],))
    assert kinds(cms.sign_detached(DATA, sealer, WHEN), trust=trust_of(sealer)) == [FaultKind.USAGE]


def test_content_inside_is_not_a_detached_signature(signature):
    info = asn1.ContentInfo.load(signature)
    info["content"]["encap_content_info"]["content"] = DATA
    assert kinds(info.dump(force=True)) == [FaultKind.MALFORMED]


@pytest.mark.parametrize("junk", [b"", b"x", b"\x30\x80", b"\x30\x03\x02\x01\x00"])
def test_junk(junk):
    assert kinds(junk) == [FaultKind.MALFORMED]


@given(at=st.integers(0, 2500), value=st.integers(1, 255))
def test_no_flipped_byte_of_a_signature_raises(signature, at, value):
    at %= len(signature)
    changed = signature[:at] + bytes([signature[at] ^ value]) + signature[at + 1 :]
    digest = hashlib.sha256(DATA).digest()
    checked = cms.check_detached(changed, digest, trust_of(seals.sealer()))
    # Parts that the signature does not cover (the copies of issuers) may change unnoticed;
    # what is told of the signature may not.
    assert not checked.ok or checked.signed_at == WHEN


@given(st.binary(max_size=300))
def test_no_bytes_raise(data):
    assert kinds(data) == [FaultKind.MALFORMED]
