"""OpenSSF model signatures: a ``model.sig`` beside the weights, verified by its own library.

A signature is a Sigstore bundle whose payload names every file of the model with its digest.
One made with a key or a certificate is verified against those that the job file names, and
nothing in the bundle is believed before that. One made with Sigstore itself needs its
public log, and the audit asks no network.

MLflow adds ``registered_model_meta`` to a local model when it is loaded: that file counts
here as little as in the digest of the weights. Any other file that the signature does not
name, and does not leave out in so many words, makes it invalid.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import importlib
import io
import json
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)

from audit.errors import ConfigError
from audit.facts import ModelSignature

MARK = "registered_model_meta"
"""A file that MLflow itself writes into a local location when a model is loaded from it."""

_NAMES = ("model.sig", "claims.jsonl")
_MOST_BYTES = 64 * 2**20
_MOST_NAMED = 20
_CHANGED = re.compile(r"Hash mismatch for \\?'(.+?)\\?': Expected")


@dataclass(frozen=True, slots=True)
class Trusted:
    """The public keys and root certificates that the auditor accepts signatures of."""

    keys: tuple[Path, ...] = ()
    certificates: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        """Raise ``ConfigError`` for a file that is not what it is named as."""
        for path in self.keys:
            _key(path)
        for path in self.certificates:
            with _readable(path, "a PEM certificate"):
                x509.load_pem_x509_certificates(path.read_bytes())


def verify(root: Path, listed: Mapping[str, Path], trusted: Trusted) -> ModelSignature | None:
    """Return what a signature among the listed files of a model comes to, ``None`` without one.

    ``listed`` are the files below ``root`` by their path in it. Nothing is raised.
    """
    for name in [*_NAMES, *sorted(name for name in listed if PurePosixPath(name).suffix == ".sig")]:
        if name not in listed or "/" in name:
            continue
        with listed[name].open("rb") as stream:
            data = stream.read(_MOST_BYTES + 1)
        bundle = _bundle(data)
        if bundle is not None:
            return _verified(root, listed, name, bundle, trusted)
        if name == _NAMES[0]:
            return ModelSignature(name, "invalid", reason="the file is no signature of a model")
    return None


def unread(listed: Mapping[str, Path], reason: str) -> ModelSignature | None:
    """Return the signature among the listed files as one that was not checked."""
    name = next((name for name in _NAMES if name in listed), "")
    return ModelSignature(name, "not_checked", reason=reason) if name else None


def _bundle(data: bytes) -> dict[str, Any] | None:
    """Return a Sigstore bundle, ``None`` for all other bytes."""
    try:
        found = json.loads(data) if len(data) <= _MOST_BYTES else None
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or not isinstance(found.get("verificationMaterial"), dict):
        return None
    return found if isinstance(found.get("dsseEnvelope"), dict) else None


def _method(bundle: dict[str, Any]) -> str:
    """Return how a bundle was signed, by what it holds to verify it with."""
    material = bundle["verificationMaterial"]
    if "certificate" in material or material.get("tlogEntries"):
        return "sigstore"
    if "publicKey" in material:
        return "key"
    return "certificate" if "x509CertificateChain" in material else ""


def _verified(
    root: Path, listed: Mapping[str, Path], name: str, bundle: dict[str, Any], trusted: Trusted
) -> ModelSignature:
    method = _method(bundle)
    chosen = trusted.keys if method == "key" else trusted.certificates
    if reason := _unasked(method, chosen):
        return ModelSignature(name, "not_checked", method, reason=reason)
    try:
        payload = _Payload.of(bundle)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return ModelSignature(name, "invalid", method, reason="what it signs cannot be read")
    uncovered = tuple(sorted(path for path in listed if path not in {*payload.files, name}))
    state, signer, reason = "valid", "", ""
    try:
        signer = _signer(root, name, bundle, payload, chosen)
    except ImportError as error:
        remedy = "install mlflow-audit[signatures] to have it verified"
        state, reason = "not_checked", f"{error.name or 'model_signing'} is not installed; {remedy}"
    except Exception as error:  # noqa: BLE001 - the library raises many kinds for a bad signature
        told = _mismatch(str(error), payload, listed, uncovered) or _line(error, method)
        state, reason = "invalid", told
    covered, left = len(payload.files), uncovered[:_MOST_NAMED]
    return ModelSignature(name, state, method, signer, reason, covered, left)


def _unasked(method: str, chosen: Sequence[Path]) -> str:
    """Return why a signature of this kind is not verified, ``""`` if it is."""
    if method == "sigstore":
        return "a signature by Sigstore is verified against its public log, and no network is asked"
    if not method:
        return "it says neither by which key nor by which certificate it is made"
    if not chosen:
        return f"the job file names no {method} to verify it with (data.model_signing.{method}s)"
    return ""


@dataclass(frozen=True, slots=True)
class _Payload:
    """What a bundle says that it signs. Nothing of it is believed before it is verified."""

    files: frozenset[str]
    algorithm: str = "sha256"
    shard: int = 0
    """Bytes of a part where files are signed in parts, else 0."""

    @classmethod
    def of(cls, bundle: dict[str, Any]) -> _Payload:
        """Raise ``ValueError``, ``KeyError`` or ``TypeError`` for what is no such payload."""
        statement = json.loads(base64.b64decode(bundle["dsseEnvelope"]["payload"]))
        predicate = statement.get("predicate") or {}
        how = predicate.get("serialization") or {}
        # Before version 1 of the format the files were the subjects themselves.
        names = [_safe(item["name"]) for item in predicate.get("resources") or statement["subject"]]
        shard = int(how["shard_size"]) if how.get("method") == "shards" else 0
        if shard:
            names = [name.rsplit(":", 2)[0] for name in names]  # file:first byte:last byte
        return cls(frozenset(names), str(how.get("hash_type", "sha256")), shard)


def _safe(name: Any) -> str:
    """Return a file's name. Raises ``ValueError`` if it leads out of the folder."""
    if not isinstance(name, str) or name.startswith("/") or ".." in PurePosixPath(name).parts:
        raise ValueError(name)
    return name


def _signer(
    root: Path, name: str, bundle: dict[str, Any], payload: _Payload, chosen: Sequence[Path]
) -> str:
    """Return who signed. Raises whatever the library does where nobody who is trusted did."""
    # It takes a second to come up, which only a signature is worth.
    hashing: Any = importlib.import_module("model_signing.hashing")
    verifying: Any = importlib.import_module("model_signing.verifying")
    files = hashing.Config()
    if payload.shard:
        files.use_shard_serialization(hashing_algorithm=payload.algorithm, shard_size=payload.shard)
    else:
        files.use_file_serialization(hashing_algorithm=payload.algorithm)
    # MLflow's mark counts only where it was there before the model was signed.
    files.set_ignored_paths(paths=[name, *({MARK} - payload.files)])

    def run(config: Any) -> None:
        # The library says on standard output what it thinks of old formats.
        with contextlib.redirect_stdout(io.StringIO()):
            config.set_hashing_config(files).verify(root, copy)

    with tempfile.TemporaryDirectory(prefix="mlflow-audit-") as folder:
        # A copy, as the bundle that was looked into is to be the one that is verified.
        copy = Path(folder) / "model.sig"
        copy.write_text(json.dumps(bundle), encoding="utf-8")
        if "publicKey" not in bundle["verificationMaterial"]:
            run(verifying.Config().use_certificate_verifier(certificate_chain=chosen))
            return _subject(bundle)
        hint = bundle["verificationMaterial"]["publicKey"].get("hint") or ""
        failure: Exception = ValueError("Key mismatch")
        for path in [path for path in chosen if hint in ("", _key_digest(path))]:
            try:
                run(verifying.Config().use_elliptic_key_verifier(public_key=path))
            except Exception as error:  # noqa: BLE001 - an old bundle does not say which key
                failure = error
                continue
            return f"key SHA-256 {_key_digest(path)}"
        raise failure


def _subject(bundle: dict[str, Any]) -> str:
    chain = bundle["verificationMaterial"]["x509CertificateChain"]["certificates"]
    certificate = x509.load_der_x509_certificate(base64.b64decode(chain[0]["rawBytes"]))
    return certificate.subject.rfc4514_string()


def _key_digest(path: Path) -> str:
    """Return the SHA-256 of a public key as the library computes it: of its PEM."""
    pem = _key(path).public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(pem).hexdigest()


def _key(path: Path) -> EllipticCurvePublicKey:
    with _readable(path, "a public key in PEM (elliptic curve)"):
        key = load_pem_public_key(path.read_bytes())
        if isinstance(key, EllipticCurvePublicKey):
            return key
        raise ValueError(path)


@contextlib.contextmanager
def _readable(path: Path, what: str) -> Iterator[None]:
    """Read a file of the job within. Raises ``ConfigError`` where it is not that."""
    try:
        yield
    except OSError as error:
        raise ConfigError(
            f"the file cannot be read ({error.strerror})", where=f"data.model_signing: {path}"
        ) from error
    except ValueError as error:
        raise ConfigError(f"not {what}", where=f"data.model_signing: {path}") from error


def _mismatch(
    text: str, payload: _Payload, listed: Mapping[str, Path], uncovered: Sequence[str]
) -> str:
    """Return which files are not those that were signed, ``""`` for another kind of error."""
    if not text.startswith("Signature mismatch: "):
        return ""
    ways = {
        "changed": sorted({_part(payload, name) for name in _CHANGED.findall(text)}),
        "added": [path for path in uncovered if path in text and "Extra files" in text],
        "gone": sorted(payload.files - listed.keys() - {MARK}),
    }
    named = [
        f"{way} {', '.join(paths[:3])}{f' and {len(paths) - 3} more' if len(paths) > 3 else ''}"
        for way, paths in ways.items()
        if paths
    ]
    return f"the files are not those that were signed: {'; '.join(named) or 'others'}"


def _part(payload: _Payload, name: str) -> str:
    return name.rsplit(":", 2)[0] if payload.shard else name


def _line(error: Exception, method: str) -> str:
    """Return in one line why a signature does not hold."""
    text = " ".join(str(error).split())
    if text.startswith("Key mismatch"):
        return "it was made with another key than those in the job file"
    if type(error).__name__ == "X509StoreContextError":
        return f"its certificate does not lead to one in the job file ({text[:200]})"
    if not text or isinstance(error, InvalidSignature):
        return f"the signature does not hold for the {method}"
    return text[:300]
