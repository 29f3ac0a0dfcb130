"""The sealing key: found by URI, checked whole before anything is signed with it.

A key is named ``scheme:reference``. Two schemes are built in: ``file:PATH`` (PEM) and
``pkcs12:PATH``; further ones come from the entry-point group ``mlflow_audit.signers``,
each a ``Loader``. Passwords come from ``MLFLOW_AUDIT_KEY_PASSWORD`` and
``MLFLOW_AUDIT_PKCS12_PASSWORD``, or from the file that the same name with ``_FILE`` names.

PDF/A-3 allows no signature algorithm that would lift the file to PDF 2.0, so the key
is RSA of at least 3,072 bits. All mistakes are ``UsageError``, told before a run starts.
"""

from __future__ import annotations

import datetime as dt
import os
import shlex
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import pkcs12

from audit.errors import UsageError
from audit.seal.pem import certificates_and_crls

MINIMUM_BITS = 3072
ENTRY_POINTS = "mlflow_audit.signers"

SELF_ISSUED = x509.ObjectIdentifier("2.25.290891470332510963289838359981947097874")
"""Extension that ``keys new`` puts into its authority; an OID from a UUID (ITU-T X.667)."""


@dataclass(frozen=True, slots=True)
class KeyMaterial:
    """What a loader found: the private key, and certificates where they stand with it."""

    key: rsa.RSAPrivateKey = field(repr=False)
    certificate: x509.Certificate | None = None
    others: tuple[x509.Certificate, ...] = ()


Loader = Callable[[str], KeyMaterial]
"""Takes the reference behind ``scheme:``, raises ``UsageError`` for what is wrong with it."""


@dataclass(frozen=True, slots=True, eq=False)
class Sealer:
    """A checked key with its certificate. It stays in the driver process, never pickled."""

    key: rsa.RSAPrivateKey = field(repr=False)
    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...] = ()
    """Issuers, the nearest first, the root last; empty where the seal is its own root."""
    crls: tuple[x509.CertificateRevocationList, ...] = ()

    @property
    def root(self) -> x509.Certificate:
        """The certificate that an examiner has to trust."""
        return self.chain[-1] if self.chain else self.certificate

    @property
    def subject(self) -> str:
        """Subject of the seal certificate, as one line (RFC 4514)."""
        return name_of(self.certificate)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the seal certificate's DER, 64 hex digits."""
        return fingerprint_of(self.certificate)

    @property
    def self_issued(self) -> bool:
        """Whether nobody but the sealer vouches for this seal.

        True for a certificate that signed itself, and for one under an authority made
        by ``keys new``, which carries a mark of its own. A company's private root is
        self-signed as every root is; that alone says nothing.
        """
        if not self.chain:
            return True
        return any(extension.oid == SELF_ISSUED for extension in self.root.extensions)


def utc(ms: int) -> dt.datetime:
    """Return UTC milliseconds as an aware time in whole seconds, which is what X.509 knows."""
    return dt.datetime.fromtimestamp(ms // 1000, dt.UTC)


def name_of(certificate: x509.Certificate) -> str:
    """Return a certificate's subject as one line without control characters."""
    text = certificate.subject.rfc4514_string()
    return "".join(mark if mark.isprintable() else " " for mark in text)


def fingerprint_of(certificate: x509.Certificate) -> str:
    """Return the SHA-256 of a certificate's DER as 64 hex digits."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def load_sealer(uri: str, certificate: Path | None, chain: Sequence[Path], now: int) -> Sealer:
    """Return the key that ``uri`` names with its certificate, checked at ``now`` (UTC ms).

    ``certificate`` is a PEM file, seal certificate first; it may be ``None`` where the key
    brings its own (PKCS#12). ``chain`` holds PEM files of issuers up to the root and, if
    wanted, of revocation lists. Raises ``UsageError`` for all that is wrong with them.
    """
    scheme, mark, reference = uri.partition(":")
    loader = _loader(scheme) if mark and reference else None
    if loader is None:
        known = ", ".join(f"{name}:…" for name in sorted(_schemes()))
        raise UsageError("not a key reference", where=f"signing.key: {uri}", remedy=f"Use {known}")
    material = loader(reference)
    given = certificates_and_crls(certificate)[0] if certificate else ()
    leaf = given[0] if given else material.certificate
    if leaf is None:
        raise UsageError(
            "the key has no certificate with it",
            where=f"signing.key: {uri}",
            remedy="Name its PEM certificate as signing.certificate",
        )
    issuers, crls = [*given[1:], *material.others], list[x509.CertificateRevocationList]()
    for path in chain:
        more, lists = certificates_and_crls(path)
        issuers += more
        crls += lists
    where = str(certificate or uri)
    _check_key(material.key, leaf, where)
    _check_usage(leaf, where)
    sealer = Sealer(material.key, leaf, _path_to_root(leaf, issuers, where), tuple(crls))
    for item in (leaf, *sealer.chain):
        _check_dates(item, now, where)
    return sealer


# --- loaders ------------------------------------------------------------------------


def load_file(reference: str) -> KeyMaterial:
    """Return the private key of a PEM file that only its owner can read."""
    data = _read_private(Path(reference))
    try:
        try:
            key = _load_pem(data, None)
        except TypeError:
            # Only a key that is encrypted refuses to be read without a password.
            key = _load_pem(data, _password("MLFLOW_AUDIT_KEY_PASSWORD", reference))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UsageError(
            "not a PEM private key, or not its password",
            where=reference,
            remedy="Check the file, and MLFLOW_AUDIT_KEY_PASSWORD",
        ) from error
    return KeyMaterial(_rsa(key, reference))


def _load_pem(data: bytes, password: bytes | None) -> object:
    # Testing primes takes a tenth of a second; _check_key proves the key by using it instead.
    return serialization.load_pem_private_key(data, password, unsafe_skip_rsa_key_validation=True)


def load_pkcs12(reference: str) -> KeyMaterial:
    """Return key, certificate and issuers of a PKCS#12 file that only its owner can read."""
    data = _read_private(Path(reference))
    word = _password("MLFLOW_AUDIT_PKCS12_PASSWORD", reference, needed=False)
    try:
        store = pkcs12.load_pkcs12(data, word)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UsageError(
            "not a PKCS#12 file, or not its password",
            where=reference,
            remedy="Check the file, and MLFLOW_AUDIT_PKCS12_PASSWORD",
        ) from error
    key = _rsa(store.key, reference)
    leaf = store.cert.certificate if store.cert else None
    return KeyMaterial(key, leaf, tuple(item.certificate for item in store.additional_certs))


LOADERS: dict[str, Loader] = {"file": load_file, "pkcs12": load_pkcs12}


def _schemes() -> set[str]:
    return {*LOADERS, *(point.name for point in metadata.entry_points(group=ENTRY_POINTS))}


def _loader(scheme: str) -> Loader | None:
    if scheme in LOADERS:
        return LOADERS[scheme]
    for point in metadata.entry_points(group=ENTRY_POINTS, name=scheme):
        loader: Loader = point.load()
        return loader
    return None


def _read_private(path: Path) -> bytes:
    """Return a key file's bytes. Raises ``UsageError`` where others than its owner read it."""
    try:
        with path.open("rb") as stream:
            mode = stat.S_IMODE(os.fstat(stream.fileno()).st_mode)
            if mode & 0o077:
                raise UsageError(
                    f"this key is open to others than its owner (mode {mode:04o})",
                    where=str(path),
                    remedy=f"Run: chmod 600 {shlex.quote(str(path))}",
                )
            return stream.read()
    except FileNotFoundError as error:
        raise UsageError(
            "no such key file", where=str(path), remedy="Make one with mlflow-audit keys new"
        ) from error
    except OSError as error:
        raise UsageError(f"cannot be read ({error.strerror})", where=str(path)) from error


def _password(variable: str, where: str, *, needed: bool = True) -> bytes | None:
    """Return the password that an environment variable, or the file it names, holds."""
    if variable in os.environ:
        return os.environ[variable].encode()
    if file := os.environ.get(f"{variable}_FILE"):
        try:
            return Path(file).read_bytes().rstrip(b"\r\n")
        except OSError as error:
            raise UsageError(
                f"the password file cannot be read ({error.strerror})", where=file
            ) from error
    if needed:
        raise UsageError(
            "this key is encrypted",
            where=where,
            remedy=f"Set {variable}, or {variable}_FILE to the path of a file with the password",
        )
    return None


def _rsa(key: object, where: str) -> rsa.RSAPrivateKey:
    if not isinstance(key, rsa.RSAPrivateKey):
        raise UsageError(
            "the sealing key is not an RSA key, which PDF/A-3 needs",
            where=where,
            remedy=f"Use RSA with {MINIMUM_BITS} bits or more",
        )
    return key


# --- checks -------------------------------------------------------------------------


def _check_key(key: rsa.RSAPrivateKey, leaf: x509.Certificate, where: str) -> None:
    public = leaf.public_key()
    mine = key.public_key().public_numbers()
    if not isinstance(public, rsa.RSAPublicKey) or public.public_numbers() != mine:
        raise UsageError(
            "key and certificate do not belong together",
            where=where,
            remedy="Name the certificate that was issued for this key",
        )
    try:
        public.verify(key.sign(b"", PKCS1v15(), SHA256()), b"", PKCS1v15(), SHA256())
    except (InvalidSignature, ValueError) as error:
        raise UsageError(
            "the private key is damaged: what it signs is wrong", where=where
        ) from error
    if key.key_size < MINIMUM_BITS:
        raise UsageError(
            f"the RSA key has {key.key_size} bits",
            where=where,
            remedy=f"Use {MINIMUM_BITS} or more",
        )


def _check_usage(leaf: x509.Certificate, where: str) -> None:
    """Refuse a certificate that verifiers of signatures would refuse.

    A seal needs nonRepudiation; digitalSignature beside it is optional (ETSI EN 319 412-2,
    4.3.2, types A and B).
    """
    try:
        usage = leaf.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        usage = None
    if usage is None or not usage.content_commitment:
        raise UsageError(
            "the certificate lacks the key usage nonRepudiation (contentCommitment)",
            where=where,
            remedy="Have it issued for signing: nonRepudiation, and digitalSignature if wanted",
        )


def _check_dates(certificate: x509.Certificate, now: int, where: str) -> None:
    first, last = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if not first <= utc(now) <= last:
        word = "has expired" if utc(now) > last else "is not valid yet"
        raise UsageError(
            f"the certificate of {name_of(certificate)} {word}"
            f" (valid {first:%Y-%m-%d} to {last:%Y-%m-%d})",
            where=where,
            remedy="Have a new one issued",
        )


def _path_to_root(
    leaf: x509.Certificate, issuers: Sequence[x509.Certificate], where: str
) -> tuple[x509.Certificate, ...]:
    """Return the issuers from ``leaf`` to its root, each signature checked."""
    path, last = list[x509.Certificate](), leaf
    while not issued(last, last):
        above = next((item for item in issuers if item not in path and issued(last, item)), None)
        if above is None:
            raise UsageError(
                f"the chain does not reach a root: no certificate of the issuer of {name_of(last)}",
                where=where,
                remedy="Add its PEM file to signing.chain",
            )
        path.append(above)
        last = above
    return tuple(path)


def issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Return whether ``issuer`` signed ``certificate``."""
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True
