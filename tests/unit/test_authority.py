"""The small authority of ``keys new``."""

from __future__ import annotations

import datetime as dt

import pytest
from cryptography import x509
from support import seals

from audit.errors import UsageError
from audit.seal import authority, keys, pem


def test_what_is_written(tmp_path):
    made = authority.new_authority(tmp_path / "a" / "keys", "Example Bank", seals.NOW)
    assert sorted(item.name for item in made.folder.iterdir()) == sorted(authority.FILES)
    (ca,), () = pem.certificates_and_crls(made.folder / "ca.pem")
    (seal,), () = pem.certificates_and_crls(made.folder / "seal.pem")
    (), (crl,) = pem.certificates_and_crls(made.folder / "ca.crl.pem")
    assert made.ca_fingerprint == keys.fingerprint_of(ca)
    assert made.seal_fingerprint == keys.fingerprint_of(seal)
    usage = ca.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.key_cert_sign
    assert usage.crl_sign
    assert not usage.digital_signature
    usage = seal.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.digital_signature
    assert usage.content_commitment
    assert not usage.key_cert_sign
    assert ca.public_key().key_size == seal.public_key().key_size == 3072
    assert ca.not_valid_after_utc - ca.not_valid_before_utc > dt.timedelta(days=3652)
    assert crl.is_signature_valid(ca.public_key())
    assert "Self-issued" in keys.name_of(ca)


def test_nothing_is_overwritten(tmp_path):
    (tmp_path / "seal.key").write_text("precious")
    with pytest.raises(UsageError, match=r"seal\.key exists already"):
        authority.new_authority(tmp_path, "Example Bank", seals.NOW)
    assert [item.name for item in tmp_path.iterdir()] == ["seal.key"]
    assert (tmp_path / "seal.key").read_text() == "precious"


def test_a_dangling_link_counts_as_existing(tmp_path):
    (tmp_path / "ca.key").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="exists already"):
        authority.new_authority(tmp_path, "Example Bank", seals.NOW)


@pytest.mark.parametrize("name", ["x" * 65, "two\nlines", "bell\x07"])
def test_an_organisation_that_no_certificate_can_hold(tmp_path, name):
    with pytest.raises(UsageError, match="at most 64 characters"):
        authority.new_authority(tmp_path / "keys", name, seals.NOW)
    assert not (tmp_path / "keys").exists()


def test_without_an_organisation(tmp_path):
    authority.new_authority(tmp_path, " ", seals.NOW)
    (ca,), _ = pem.certificates_and_crls(tmp_path / "ca.pem")
    assert "O=mlflow-audit" in keys.name_of(ca)


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot write keys"):
        authority.new_authority(tmp_path / "file" / "keys", "Example Bank", seals.NOW)
