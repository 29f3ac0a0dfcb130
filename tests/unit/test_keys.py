"""Sealing keys: what is accepted, and one line with a remedy for each mistake."""

from __future__ import annotations

import re
import stat

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from support import seals

from audit.errors import UsageError
from audit.seal import keys, pem


def refused(uri, certificate, chain=(), now=seals.NOW):
    with pytest.raises(UsageError) as caught:
        keys.load_sealer(uri, certificate, chain, now)
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def custom(tmp_path):
    """Write a key and its certificate, and return them as arguments of ``load_sealer``."""

    def write(key=None, issuer=None, **options):
        key = key or seals.rsa_key()
        leaf = seals.certificate(key, issuer, **options)
        path = seals.write_private(tmp_path / "some.key", seals.key_pem(key))
        (tmp_path / "some.pem").write_bytes(pem.write([leaf]))
        return f"file:{path}", tmp_path / "some.pem"

    return write


def test_a_seal_of_keys_new_is_loaded_whole():
    sealer = seals.sealer()
    assert sealer.subject == "CN=Audit seal,O=Example Bank"
    assert re.fullmatch(r"[0-9a-f]{64}", sealer.fingerprint)
    assert sealer.self_issued
    assert len(sealer.chain) == len(sealer.crls) == 1
    assert "PRIVATE" not in repr(sealer)
    assert "key=" not in repr(sealer)


def test_the_chain_is_ordered_from_the_issuer_to_the_root(tmp_path, custom):
    root, root_key = seals.root()
    middle_key = seals.rsa_key(3074)
    usage = ("key_cert_sign", "crl_sign")
    middle = seals.certificate(
        middle_key, (root, root_key), name="Issuing CA", usage=usage, ca=True
    )
    uri, leaf = custom(issuer=(middle, middle_key))
    (tmp_path / "all.pem").write_bytes(pem.write([*seals.sealer("foreign").chain, root, middle]))
    sealer = keys.load_sealer(uri, leaf, [tmp_path / "all.pem"], seals.NOW)
    assert sealer.chain == (middle, root)
    assert sealer.root == root
    assert not sealer.self_issued, "a company's own root is not a mark of ours"


def test_a_self_signed_seal_is_self_issued(custom):
    sealer = keys.load_sealer(*custom(), [], seals.NOW)
    assert sealer.self_issued
    assert sealer.root == sealer.certificate


def test_key_and_certificate_that_do_not_belong_together():
    own, foreign = seals.keys(), seals.keys("foreign")
    line = refused(f"file:{own / 'seal.key'}", foreign / "seal.pem", [foreign / "ca.pem"])
    assert "key and certificate do not belong together" in line
    assert str(foreign / "seal.pem") in line


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660])
def test_a_key_that_others_can_read_is_refused_with_the_command_that_mends_it(tmp_path, mode):
    path = tmp_path / "my seal.key"
    path.write_bytes((seals.keys() / "seal.key").read_bytes())
    path.chmod(mode)
    line = refused(f"file:{path}", seals.keys() / "seal.pem")
    assert f"chmod 600 '{path}'" in line
    assert f"{mode:04o}" in line


def test_no_such_key_file(tmp_path):
    assert "no such key file" in refused(f"file:{tmp_path}/none.key", seals.keys() / "seal.pem")


def test_no_such_certificate_file(tmp_path):
    uri = f"file:{seals.keys() / 'seal.key'}"
    assert "no such certificate file" in refused(uri, tmp_path / "none.pem")


def test_a_folder_in_place_of_a_key(tmp_path):
    tmp_path.chmod(0o700)
    assert "cannot be read" in refused(f"file:{tmp_path}", seals.keys() / "seal.pem")


def test_a_key_without_a_certificate():
    assert "signing.certificate" in refused(f"file:{seals.keys() / 'seal.key'}", None)


@pytest.mark.parametrize("uri", ["seal.key", "", "file:", "gopher:seal.key", ":x"])
def test_not_a_key_reference(uri):
    line = refused(uri, seals.keys() / "seal.pem")
    assert "Use file:…, pkcs12:…" in line


def test_a_small_key(custom):
    assert "2048 bits" in refused(*custom(key=seals.rsa_key(2048)))


def test_an_elliptic_key(tmp_path):
    key = ec.generate_private_key(ec.SECP256R1())
    data = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path = seals.write_private(tmp_path / "ec.key", data)
    assert "not an RSA key" in refused(f"file:{path}", seals.keys() / "seal.pem")


@pytest.mark.parametrize("usage", [None, ("key_encipherment",), ("digital_signature",)])
def test_a_certificate_not_issued_for_sealing(custom, usage):
    assert "nonRepudiation" in refused(*custom(usage=usage))


def test_non_repudiation_alone_is_enough(custom):
    assert keys.load_sealer(*custom(usage=("content_commitment",)), [], seals.NOW)


@pytest.mark.parametrize(
    ("now", "words"),
    [(seals.NOW - seals.DAY, "is not valid yet"), (seals.NOW + 31 * seals.DAY, "has expired")],
)
def test_a_certificate_outside_its_time(custom, now, words):
    line = refused(*custom(days=30), now=now)
    assert f"{words} (valid 2025-01-01 to 2025-01-31)" in line


def test_an_expired_issuer_is_named(tmp_path, custom):
    key = seals.rsa_key(3074)
    usage = ("key_cert_sign",)
    issuer = seals.certificate(key, name="Old CA", usage=usage, ca=True, days=10)
    uri, leaf = custom(issuer=(issuer, key))
    (tmp_path / "ca.pem").write_bytes(pem.write([issuer]))
    line = refused(uri, leaf, [tmp_path / "ca.pem"], seals.NOW + 20 * seals.DAY)
    assert "CN=Old CA has expired" in line


def test_a_chain_that_does_not_reach_a_root():
    folder = seals.keys()
    line = refused(f"file:{folder / 'seal.key'}", folder / "seal.pem")
    assert "signing.chain" in line
    other = seals.keys("foreign") / "ca.pem"
    assert "signing.chain" in refused(f"file:{folder / 'seal.key'}", folder / "seal.pem", [other])


def test_a_chain_file_without_certificates(tmp_path):
    (tmp_path / "ca.der").write_bytes(b"\x30\x82")
    folder = seals.keys()
    line = refused(f"file:{folder / 'seal.key'}", folder / "seal.pem", [tmp_path / "ca.der"])
    assert "openssl x509 -inform DER" in line


def test_a_damaged_certificate(tmp_path):
    text = (seals.keys() / "seal.pem").read_text().replace("MII", "!!!", 1)
    (tmp_path / "bad.pem").write_text(text)
    assert "damaged" in refused(f"file:{seals.keys() / 'seal.key'}", tmp_path / "bad.pem")


def encrypted(tmp_path, word=b"correct"):
    key = seals.sealer().key
    data = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(word))
    return seals.write_private(tmp_path / "locked.key", data)


def test_an_encrypted_key_takes_its_password_from_the_environment(tmp_path, monkeypatch):
    folder = seals.keys()
    uri = f"file:{encrypted(tmp_path)}"
    args = (folder / "seal.pem", [folder / "ca.pem"])
    line = refused(uri, *args)
    assert "MLFLOW_AUDIT_KEY_PASSWORD" in line
    monkeypatch.setenv("MLFLOW_AUDIT_KEY_PASSWORD", "wrong")
    line = refused(uri, *args)
    assert "not its password" in line
    assert "wrong" not in line
    monkeypatch.setenv("MLFLOW_AUDIT_KEY_PASSWORD", "correct")
    assert keys.load_sealer(uri, *args, seals.NOW).fingerprint == seals.sealer().fingerprint


def test_a_password_from_a_file(tmp_path, monkeypatch):
    folder = seals.keys()
    uri = f"file:{encrypted(tmp_path)}"
    monkeypatch.setenv("MLFLOW_AUDIT_KEY_PASSWORD_FILE", str(tmp_path / "word"))
    line = refused(uri, folder / "seal.pem")
    assert "password file cannot be read" in line
    (tmp_path / "word").write_text("correct\n")
    assert keys.load_sealer(uri, folder / "seal.pem", [folder / "ca.pem"], seals.NOW)


def test_pkcs12_brings_its_certificates(tmp_path, monkeypatch):
    own = seals.sealer()
    lock = BestAvailableEncryption(b"correct")
    data = pkcs12.serialize_key_and_certificates(
        b"seal", own.key, own.certificate, list(own.chain), lock
    )
    path = seals.write_private(tmp_path / "seal.p12", data)
    assert "not its password" in refused(f"pkcs12:{path}", None)
    monkeypatch.setenv("MLFLOW_AUDIT_PKCS12_PASSWORD", "correct")
    sealer = keys.load_sealer(f"pkcs12:{path}", None, [], seals.NOW)
    assert (sealer.fingerprint, sealer.chain) == (own.fingerprint, own.chain)
    path.chmod(0o644)
    assert f"chmod 600 {path}" in refused(f"pkcs12:{path}", None)


def test_not_a_key_at_all(tmp_path):
    path = seals.write_private(tmp_path / "text.key", b"hello")
    assert "not a PEM private key" in refused(f"file:{path}", seals.keys() / "seal.pem")
    assert "not a PKCS#12 file" in refused(f"pkcs12:{path}", None)


def test_a_signer_from_an_entry_point(tmp_path, monkeypatch):
    own = seals.sealer()
    data = seals.key_pem(own.key)
    (tmp_path / "vault_signer.py").write_text(
        "from cryptography.hazmat.primitives.serialization import load_pem_private_key\n"
        "from audit.seal.keys import KeyMaterial\n"
        f"def load(reference):\n"
        f"    assert reference == 'slot/1'\n"
        f"    return KeyMaterial(load_pem_private_key({data!r}, None))\n"
    )
    info = tmp_path / "vault_signer-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: vault-signer\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[mlflow_audit.signers]\nvault = vault_signer:load\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    folder = seals.keys()
    args = (folder / "seal.pem", [folder / "ca.pem"], seals.NOW)
    assert keys.load_sealer("vault:slot/1", *args).fingerprint == own.fingerprint
    assert "vault:…" in refused("gopher:x", folder / "seal.pem")


def test_names_are_one_printable_line():
    leaf = seals.certificate(seals.rsa_key(), name="Evil\r\nseal\x1b[2J")
    assert keys.name_of(leaf).isprintable()


def test_keys_new_writes_private_keys_for_the_owner_alone():
    for path in seals.keys().iterdir():
        mode = stat.S_IMODE(path.stat().st_mode)
        assert (mode == 0o600) == (path.suffix == ".key")
        assert (b"PRIVATE" in path.read_bytes()) == (path.suffix == ".key")
