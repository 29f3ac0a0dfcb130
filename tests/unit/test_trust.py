"""Trust: roots from a file, revocation, and what counts at which moment."""

from __future__ import annotations

import hashlib

import pytest
from cryptography import x509
from support import seals

from audit.errors import UsageError
from audit.seal import cms, pem
from audit.seal.trust import FaultKind, Trust, read_trust, trust_of

DATA = b"x"
WHEN = seals.NOW + 10 * seals.DAY


@pytest.fixture(scope="module")
def sealer():
    key = seals.rsa_key()
    return cms.Sealer(key, seals.certificate(key, seals.root()), (seals.root()[0],))


def faults(sealer, *crls):
    signature = cms.sign_detached(DATA, sealer, WHEN)
    trust = trust_of(sealer).with_crls(crls)
    return [
        fault.kind
        for fault in cms.check_detached(signature, hashlib.sha256(DATA).digest(), trust).faults
    ]


def revoked(sealer, when, reason=None):
    return seals.revocations(seals.root(), sealer.certificate.serial_number, when, reason)


def test_a_revocation_counts_from_its_date(sealer):
    assert faults(sealer, revoked(sealer, WHEN - seals.DAY)) == [FaultKind.REVOKED]
    assert faults(sealer, revoked(sealer, WHEN + seals.DAY)) == []


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        (x509.ReasonFlags.key_compromise, [FaultKind.REVOKED]),
        (x509.ReasonFlags.superseded, []),
    ],
)
def test_a_stolen_key_is_never_believed(sealer, reason, expected):
    assert faults(sealer, revoked(sealer, WHEN + seals.DAY, reason)) == expected


def test_a_revocation_list_of_somebody_else_does_not_count(sealer):
    key = seals.rsa_key(3074)
    name = "Example Bank Root"
    usage = ("crl_sign", "key_cert_sign")
    impostor = (seals.certificate(key, name=name, usage=usage, ca=True), key)
    serial = sealer.certificate.serial_number
    assert faults(sealer, seals.revocations(impostor, serial, seals.NOW)) == []


def test_trust_is_read_from_pem(tmp_path, sealer):
    crl = revoked(sealer, WHEN)
    (tmp_path / "trust.pem").write_bytes(pem.write([seals.root()[0], crl]))
    assert read_trust(tmp_path / "trust.pem") == Trust((seals.root()[0],), (crl,))


def test_trust_without_a_certificate(tmp_path, sealer):
    with pytest.raises(UsageError, match="no such certificate file"):
        read_trust(tmp_path / "none.pem")
    (tmp_path / "crl.pem").write_bytes(pem.write([revoked(sealer, WHEN)]))
    with pytest.raises(UsageError, match="no PEM certificate to trust"):
        read_trust(tmp_path / "crl.pem")
