"""Model signatures made by the library's own signer, and what becomes of them."""

import base64
import datetime as dt
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from support.services import impossible

from audit.errors import ConfigError
from audit.facts import ModelSignature
from audit.sources.artifacts.signature import MARK, Trusted
from audit.sources.artifacts.weights import ArtifactReader

PEM, DER = serialization.Encoding.PEM, serialization.Encoding.DER


def new_key(folder: Path, name: str) -> tuple[Any, Path]:
    """Return a new key and the file of its public part; the private one stands beside it."""
    key = ec.generate_private_key(ec.SECP256R1())
    private, public = folder / f"{name}.key", folder / f"{name}.pub"
    plain = serialization.NoEncryption()
    private.write_bytes(key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, plain))
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    public.write_bytes(key.public_key().public_bytes(PEM, form))
    return key, public


def certificate(folder: Path, name: str, key: Any, issuer: Any = None) -> Any:
    """Return a certificate of ``key``, signed by the issuer's certificate and key or by itself."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    by, by_key = issuer or (None, key)
    now = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    usage = x509.KeyUsage(
        digital_signature=issuer is not None,
        key_cert_sign=issuer is None,
        crl_sign=issuer is None,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + dt.timedelta(days=900))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .sign(by_key, hashes.SHA256())
    )
    (folder / f"{name}.pem").write_bytes(made.public_bytes(PEM))
    return made


class Signed:
    """A model folder, and the keys that sign it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.model = folder / "model"
        (self.model / "data").mkdir(parents=True)
        (self.model / "MLmodel").write_text("flavors: {}\n")
        (self.model / "data" / "model.bin").write_bytes(bytes(range(256)) * 40)
        _, self.public = new_key(folder, "trainer")
        root, _ = new_key(folder, "root")
        leaf, _ = new_key(folder, "leaf")
        authority = certificate(folder, "root", root)
        certificate(folder, "leaf", leaf, (authority, root))

    def sign(self, how: str = "key", **hashing: Any) -> None:
        """Sign the model with the library's own interface."""
        from model_signing import hashing as files
        from model_signing import signing

        left_out = [self.model / "model.sig", *hashing.pop("left_out", ())]
        config = files.Config()
        if hashing:
            config.use_shard_serialization(**hashing)
        if how == "key":
            signer = signing.Config().use_elliptic_key_signer(
                private_key=self.folder / "trainer.key"
            )
        else:
            signer = signing.Config().use_certificate_signer(
                private_key=self.folder / "leaf.key",
                signing_certificate=self.folder / "leaf.pem",
                certificate_chain=[self.folder / "root.pem"],
            )
        signer.set_hashing_config(config.set_ignored_paths(paths=left_out))
        signer.sign(self.model, self.model / "model.sig")

    def found(self, **trusted: Any) -> ModelSignature | None:
        """Return what the audit makes of the model's signature."""
        place = str(self.model)
        trusted = trusted or {"keys": (self.public,)}
        return ArtifactReader(trusted=Trusted(**trusted)).signatures([place])[place]

    def told(self, **trusted: Any) -> tuple[str, str]:
        """Return state and reason of what is found."""
        found = self.found(**trusted)
        assert found is not None
        return found.state, found.reason


@pytest.fixture
def signed(tmp_path: Path) -> Signed:
    try:
        import model_signing  # noqa: F401 - whether it is whole shows only here
    except ImportError as error:
        impossible(f"{error.name} is not installed (extra signatures)")
    return Signed(tmp_path)


def test_a_model_without_a_signature_has_none(signed: Signed) -> None:
    assert signed.found() is None


def test_a_signature_with_a_key_is_valid(signed: Signed) -> None:
    signed.sign()
    found = signed.found()
    assert found is not None
    assert (found.file, found.state, found.method, found.reason) == (
        "model.sig",
        "valid",
        "key",
        "",
    )
    assert (found.covered, found.uncovered) == (2, ())
    assert found.signer.startswith("key SHA-256 ")


def test_a_signature_with_a_certificate_is_valid_by_its_root(signed: Signed) -> None:
    signed.sign("certificate")
    root = signed.folder / "root.pem"
    found = signed.found(certificates=(root,))
    assert found is not None
    assert (found.state, found.method, found.signer) == ("valid", "certificate", "CN=leaf")
    other = certificate(signed.folder, "other", new_key(signed.folder, "other")[0])
    assert other.subject != x509.load_pem_x509_certificate(root.read_bytes()).subject
    state, reason = signed.told(certificates=(signed.folder / "other.pem",))
    assert (state, reason[:48]) == ("invalid", "its certificate does not lead to one in the job ")


@pytest.mark.parametrize("how", [{}, {"shard_size": 1000}])
def test_each_change_of_the_files_is_named(signed: Signed, how: dict[str, Any]) -> None:
    signed.sign(**how)
    assert signed.told() == ("valid", "")
    weights = signed.model / "data" / "model.bin"
    data = weights.read_bytes()
    weights.write_bytes(data[:-1] + b"\0")
    why = "the files are not those that were signed: "
    assert signed.told() == ("invalid", f"{why}changed data/model.bin")
    weights.rename(signed.model / "data" / "moved.bin")
    assert signed.told() == ("invalid", f"{why}added data/moved.bin; gone data/model.bin")
    (signed.model / "data" / "moved.bin").unlink()
    weights.write_bytes(data)
    (signed.model / "extra.py").write_text("import os\n")
    found = signed.found()
    assert found is not None
    assert (found.state, found.reason) == ("invalid", f"{why}added extra.py")
    assert found.uncovered == ("extra.py",)


def test_what_mlflow_adds_after_signing_is_left_aside(signed: Signed) -> None:
    signed.sign()
    (signed.model / MARK).write_text("model_name: churn\n")
    assert signed.told() == ("valid", "")
    (signed.model / "data" / MARK).write_text("deeper it is no mark of MLflow's")
    assert signed.told()[0] == "invalid"


def test_the_mark_may_have_been_there_before(signed: Signed) -> None:
    (signed.model / MARK).write_text("model_name: churn\n")
    signed.sign()
    assert signed.told() == ("valid", "")


def test_files_that_the_signer_left_out_are_told(signed: Signed) -> None:
    (signed.model / "notes.md").write_text("draft\n")
    signed.sign(left_out=[signed.model / "notes.md"])
    found = signed.found()
    assert found is not None
    assert (found.state, found.uncovered) == ("valid", ("notes.md",))


def test_a_key_that_is_not_the_auditors_signs_nothing(signed: Signed) -> None:
    signed.sign()
    _, other = new_key(signed.folder, "other")
    reason = "it was made with another key than those in the job file"
    assert signed.told(keys=(other,)) == ("invalid", reason)
    assert signed.told(keys=(other, signed.public)) == ("valid", "")
    missing = "the job file names no key to verify it with (data.model_signing.keys)"
    assert signed.told(certificates=(signed.folder / "root.pem",)) == ("not_checked", missing)


def test_a_forged_payload_is_invalid(signed: Signed) -> None:
    signed.sign()
    file = signed.model / "model.sig"
    bundle = json.loads(file.read_text())
    statement = json.loads(base64.b64decode(bundle["dsseEnvelope"]["payload"]))
    statement["predicate"]["resources"].pop()
    bundle["dsseEnvelope"]["payload"] = base64.b64encode(json.dumps(statement).encode()).decode()
    file.write_text(json.dumps(bundle))
    assert signed.told() == ("invalid", "the signature does not hold for the key")
    statement["predicate"]["resources"] = [{"name": "../../etc/passwd", "digest": "00"}]
    bundle["dsseEnvelope"]["payload"] = base64.b64encode(json.dumps(statement).encode()).decode()
    file.write_text(json.dumps(bundle))
    assert signed.told() == ("invalid", "what it signs cannot be read")


def test_a_bundle_of_sigstore_is_not_checked(signed: Signed) -> None:
    signed.sign()
    bundle = json.loads((signed.model / "model.sig").read_text())
    bundle["verificationMaterial"] = {"certificate": {"rawBytes": "MA=="}, "tlogEntries": [{}]}
    (signed.model / "model.sig").write_text(json.dumps(bundle))
    found = signed.found()
    assert found is not None
    assert (found.state, found.method) == ("not_checked", "sigstore")
    assert "public log" in found.reason


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b"\xff", b"[" * 100_000])
def test_a_signature_that_is_none_is_invalid(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.sig").write_bytes(data)
    place = str(tmp_path / "model")
    found = ArtifactReader().signatures([place])[place]
    assert found == ModelSignature(
        "model.sig", "invalid", reason="the file is no signature of a model"
    )


def test_other_files_that_end_alike_are_no_model_signatures(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "archive.sig").write_bytes(b"-----BEGIN PGP SIGNATURE-----")
    place = str(tmp_path / "model")
    assert ArtifactReader().signatures([place])[place] is None


def test_weights_that_are_not_to_be_read_are_not_verified(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.sig").write_bytes(b"{}")
    place = str(tmp_path / "model")
    found = ArtifactReader(mode="never").signatures([place])[place]
    assert found == ModelSignature(
        "model.sig", "not_checked", reason="the job says not to read weights"
    )


def test_without_the_library_a_signature_is_not_checked(tmp_path: Path) -> None:
    _, public = new_key(tmp_path, "trainer")
    (tmp_path / "model").mkdir()
    payload = base64.b64encode(b'{"subject": [{"name": "model.pkl"}]}').decode()
    bundle = {"verificationMaterial": {"publicKey": {}}, "dsseEnvelope": {"payload": payload}}
    (tmp_path / "model" / "model.sig").write_text(json.dumps(bundle))
    code = (
        "import sys; sys.modules['model_signing'] = None\n"
        "from pathlib import Path\n"
        "from audit.sources.artifacts.signature import Trusted\n"
        "from audit.sources.artifacts.weights import ArtifactReader\n"
        f"reader, place = ArtifactReader(trusted=Trusted(({public!r},))), {tmp_path!r} / 'model'\n"
        "print(reader.signatures([str(place)])[str(place)].reason)"
    ).replace("PosixPath", "Path")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    told = "is not installed; install mlflow-audit[signatures] to have it verified"
    assert told in done.stdout


def test_the_library_is_loaded_for_a_signature_alone(tmp_path: Path) -> None:
    (tmp_path / "model.pkl").write_bytes(b"weights")
    code = (
        "import sys; from audit.sources.artifacts.weights import ArtifactReader\n"
        f"ArtifactReader().read([{str(tmp_path)!r}])\n"
        "sys.exit('model_signing' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_trusted_files_that_are_no_keys_are_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "text.pem").write_text("no key\n")
    weak = rsa.generate_private_key(65537, 2048).public_key()
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    (tmp_path / "rsa.pem").write_bytes(weak.public_bytes(PEM, form))
    for given, reason in (
        ({"keys": (tmp_path / "gone.pem",)}, "cannot be read"),
        ({"keys": (tmp_path / "text.pem",)}, "not a public key in PEM"),
        ({"keys": (tmp_path / "rsa.pem",)}, "not a public key in PEM"),
        ({"certificates": (tmp_path / "text.pem",)}, "not a PEM certificate"),
    ):
        with pytest.raises(ConfigError, match=reason) as caught:
            Trusted(**given)
        assert "\n" not in str(caught.value)
