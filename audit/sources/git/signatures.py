"""Signatures of commits, held against the auditor's own keys.

``ssh-keygen`` and ``gpg`` are called directly with what the commit object holds: what the
repository's configuration names as a program, a signers file or a keyring is not asked.
Both judge as of the time that the commit names, so that the answer stays the same later.
The formats are those of ssh-keygen(1) (allowed signers), PROTOCOL.sshsig of OpenSSH, and
doc/DETAILS of GnuPG (status lines, listings with colons).
"""

from __future__ import annotations

import base64
import binascii
import functools
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import weakref
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from audit.errors import UsageError
from audit.facts import CommitSignature, SignatureState
from audit.sources.git.commits import Signed

_SECONDS = 60
_MAX_KEYS = 16 * 1024 * 1024
_MAX_PRINCIPALS = 10
_BOUND = re.compile(r"valid-(after|before)=\"?(\d{8}(?:\d{4}(?:\d{2})?)?)Z?", re.IGNORECASE)
_SIGNER = re.compile(rb"\s*[^#\s]\S*\s.*?\b(?:ssh|ecdsa|sk)-[\w@.-]+\s+[A-Za-z0-9+/]{16,}")
"""A line of an allowed signers file: principals, options, type of key, key."""
_FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}")
_GPG = (
    *("--no-options", "--batch", "--no-tty", "--quiet", "--no-autostart", "--disable-dirmngr"),
    *("--trust-model", "always", "--no-auto-check-trustdb", "--status-fd", "1"),
)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a program printed; ``code`` is ``None`` where it could not be run to its end."""

    code: int | None
    out: str = ""
    reason: str = ""


class Signers:
    """The auditor's keys: a file of allowed signers (SSH), a keyring (OpenPGP), or neither."""

    def __init__(self, allowed_signers: Path | None = None, keyring: Path | None = None) -> None:
        """Read the files. Raises ``UsageError`` for one that cannot be read or holds no key."""
        self._folder = ""
        self._removal: weakref.finalize[..., Signers] | None = None
        self._ssh = _read(allowed_signers, "allowed_signers") if allowed_signers else b""
        if allowed_signers and not any(map(_SIGNER.match, self._ssh.splitlines())):
            raise UsageError(
                "no line of this file names a signer",
                where=str(allowed_signers),
                remedy="Write: principal key-type key, as in ALLOWED SIGNERS of ssh-keygen(1)",
            )
        self._gpg = _read(keyring, "keyring") if keyring else b""
        self._until: dict[str, int | None] = {}
        files = [(allowed_signers, self._ssh), (keyring, self._gpg)]
        self.against = ", ".join(
            f"{path.name} sha256:{hashlib.sha256(data).hexdigest()}" for path, data in files if path
        )
        """The files by name and digest, empty where none is configured."""
        self._gpg_missing = ""
        if keyring and self._gpg:
            self._import(keyring)

    def close(self) -> None:
        """Remove the temporary folder."""
        if self._removal is not None:
            self._removal()
        self._folder = ""

    def judge(self, signed: Signed | None, moment: int | None) -> CommitSignature:
        """Return what a commit's signature comes to at the commit's own time (UTC ms)."""
        if signed is None:
            return CommitSignature(against=self.against)
        found = self._judged(signed, moment)
        return replace(found, kind=signed.kind, against=self.against)

    def _judged(self, signed: Signed, moment: int | None) -> CommitSignature:
        if self.against and signed.several:
            return _bad("the commit carries more than one signature")
        hindrance = self._hindrance(signed.kind)
        if hindrance or moment is None:
            return _not_checked(hindrance or "the commit names no time for which to check the key")
        if signed.kind == "ssh":
            return self._judge_ssh(signed, max(moment, 0))
        return self._judge_gpg(signed, moment)

    def _hindrance(self, kind: str) -> str:
        """Return why a signature of this kind cannot be checked, ``""`` if it can be."""
        if not self.against:
            return "no signers are configured for the repository"
        if kind == "ssh":
            return "" if self._ssh else "it is an SSH signature, and no allowed_signers are set"
        if kind == "gpg":
            missing = "it is an OpenPGP signature, and no keyring is set"
            return self._gpg_missing if self._gpg else missing
        return "X.509 signatures are not checked" if kind == "x509" else "its kind is not known"

    # --- SSH --------------------------------------------------------------------------------

    def _judge_ssh(self, signed: Signed, moment: int) -> CommitSignature:
        file = self._file("signature", signed.signature)
        allowed = self._file("allowed_signers", self._ssh)
        at = datetime.fromtimestamp(moment // 1000, UTC).strftime("%Y%m%d%H%M%S")
        verify_time = f"-Overify-time={at}"
        signers = self._keygen("find-principals", "-f", allowed, "-s", file, verify_time)
        if signers.code is None:
            return _not_checked(signers.reason)
        for principal in signers.out.splitlines()[:_MAX_PRINCIPALS] if not signers.code else ():
            named = ("-f", allowed, "-I", principal, "-n", "git", "-s", file, verify_time)
            answer = self._keygen("verify", *named, data=signed.payload)
            if answer.code == 0 and (key := _FINGERPRINT.search(answer.out)):
                return CommitSignature(state=SignatureState.GOOD, signer=principal, key=key[0])
        intact = self._keygen("check-novalidate", "-n", "git", "-s", file, data=signed.payload)
        if intact.code is None:
            return _not_checked(intact.reason)
        key = _FINGERPRINT.search(intact.out)
        if intact.code or key is None:
            return _bad("the signature is not over this commit, or it is malformed")
        return _outside(self._ssh.decode("utf-8", "replace"), key[0], at)

    def _keygen(self, action: str, *arguments: str, data: bytes = b"") -> _Answer:
        return self._run("ssh-keygen", "-Y", action, *arguments, data=data)

    # --- OpenPGP ----------------------------------------------------------------------------

    def _import(self, keyring: Path) -> None:
        """Put the keyring into a GnuPG folder of its own, and note until when its keys hold."""
        home = Path(self._place()) / "gnupg"
        home.mkdir(mode=0o700)
        answer = self._gnupg("--import", self._file("keyring", self._gpg))
        if answer.code is None:
            self._gpg_missing = answer.reason
            return
        primary: int | None = None
        until: int | None = None
        for line in self._gnupg("--with-colons", "--with-subkey-fingerprint", "-k").out.split("\n"):
            field = line.split(":")
            if field[0] in {"pub", "sub"} and len(field) > 6:
                until = int(field[6]) * 1000 if field[6].isdigit() else None
                primary = until if field[0] == "pub" else primary
            elif field[0] == "fpr" and len(field) > 9:
                bounds = [bound for bound in (until, primary) if bound is not None]
                self._until[field[9]] = min(bounds, default=None)
        if not self._until:
            raise UsageError(
                "gpg finds no public key in this keyring",
                where=str(keyring),
                remedy="Write it with gpg --export",
            )

    def _judge_gpg(self, signed: Signed, moment: int) -> CommitSignature:
        file = self._file("signature", signed.signature)
        answer = self._gnupg("--verify", file, "-", data=signed.payload)
        if answer.code is None:
            return _not_checked(answer.reason)
        said = [
            (words[1], words[2:])
            for line in answer.out.splitlines()
            if len(words := line.split(" ")) > 2 and words[0] == "[GNUPG:]"
        ]
        verdicts = [(word, rest) for word, rest in said if word in _GPG_STATES]
        if len(verdicts) != 1:
            return _bad("it holds more than one signature" if verdicts else "it cannot be read")
        ((word, rest),) = verdicts
        if word == "ERRSIG":
            return _unreadable(rest)
        key = next((rest[0] for word, rest in said if word == "VALIDSIG"), rest[0])
        state, until = _GPG_STATES[word], self._until.get(key)
        reason = _GPG_REASONS.get(word, "")
        if state is SignatureState.GOOD and until is not None and until <= moment:
            day = datetime.fromtimestamp(until // 1000, UTC).strftime("%Y-%m-%d")
            reason = f"the key had expired on {day}, before the time that the commit names"
            state = SignatureState.EXPIRED
        # Of a bad signature the user id is only what it claims.
        signer = "" if state is SignatureState.BAD else " ".join(rest[1:])
        return CommitSignature(state=state, signer=signer, key=key, reason=reason)

    def _gnupg(self, *arguments: str, data: bytes = b"") -> _Answer:
        return self._run("gpg", *_GPG, *arguments, data=data)

    # --- programs and files -----------------------------------------------------------------

    def _place(self) -> str:
        if not self._folder:
            self._folder = tempfile.mkdtemp(prefix="mlflow-audit-signers-")
            remove = functools.partial(shutil.rmtree, self._folder, ignore_errors=True)
            self._removal = weakref.finalize(self, remove)
        return self._folder

    def _file(self, name: str, data: bytes) -> str:
        path = Path(self._place()) / name
        if name == "signature" or not path.exists():
            path.write_bytes(data)
        return str(path)

    def _run(self, program: str, *arguments: str, data: bytes) -> _Answer:
        found = shutil.which(program)
        if found is None:
            return _Answer(None, reason=f"{program} is not installed")
        place = self._place()
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": place,
            "GNUPGHOME": str(Path(place) / "gnupg"),
            "LC_ALL": "C",
            "TZ": "UTC0",
        }
        try:
            done = subprocess.run(
                [str(Path(found).absolute()), *arguments],
                input=data,
                cwd=place,
                env=environment,
                capture_output=True,
                timeout=_SECONDS,
                check=False,
            )
        except (OSError, ValueError, subprocess.TimeoutExpired) as error:
            return _Answer(None, reason=f"{program} could not be run ({type(error).__name__})")
        return _Answer(done.returncode, done.stdout.decode("utf-8", "replace"))


_GPG_STATES = {
    "GOODSIG": SignatureState.GOOD,
    # The key has expired by today; whether it had at the commit's time is looked at here.
    "EXPKEYSIG": SignatureState.GOOD,
    "EXPSIG": SignatureState.EXPIRED,
    "REVKEYSIG": SignatureState.REVOKED,
    "BADSIG": SignatureState.BAD,
    "ERRSIG": SignatureState.NOT_CHECKED,
}
_GPG_REASONS = {
    "EXPSIG": "the signature itself has an end, which has passed",
    "REVKEYSIG": "the keyring holds the key as revoked",
    "BADSIG": "the signature is not over this commit",
}


def _unreadable(rest: list[str]) -> CommitSignature:
    """Return what the fields of ``ERRSIG`` come to: key, …, reason code, fingerprint."""
    if rest[5:6] != ["9"]:
        return _not_checked("gpg cannot check this kind of signature")
    key = next((text for text in rest[6:7] if text != "-"), rest[0])
    reason = "the keyring does not hold the key"
    return CommitSignature(state=SignatureState.UNKNOWN_SIGNER, key=key, reason=reason)


def _outside(allowed: str, key: str, at: str) -> CommitSignature:
    """Return why an intact SSH signature is by nobody whom the signers file allows.

    ``at`` is the commit's time as ``YYYYMMDDHHMMSS`` in UTC.
    """
    reason = "the allowed signers do not hold the key"
    for line in allowed.splitlines():
        if line.startswith("#") or key not in {_fingerprint(word) for word in line.split()}:
            continue
        signer = line.split()[0]
        bounds = {which.lower(): f"{time:0<14}" for which, time in _BOUND.findall(line)}
        if at >= bounds.get("before", "9"):
            end = bounds["before"]
            reason = f"the allowed signers hold the key only until {end[:4]}-{end[4:6]}-{end[6:8]}"
            return CommitSignature(
                state=SignatureState.EXPIRED, signer=signer, key=key, reason=reason
            )
        reason = "the allowed signers hold the key for another purpose"
        if at < bounds.get("after", "0"):
            reason = "the allowed signers hold the key only from later on"
    return CommitSignature(state=SignatureState.UNKNOWN_SIGNER, key=key, reason=reason)


def _fingerprint(word: str) -> str:
    """Return the fingerprint of a public key in base64, ``""`` for any other word."""
    if not word.startswith("AAAA"):
        return ""
    try:
        blob = base64.b64decode(word, validate=True)
    except (binascii.Error, ValueError):
        return ""
    return f"SHA256:{base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip('=')}"


def _read(path: Path, what: str) -> bytes:
    """Return a file of keys. Raises ``UsageError`` where it is none."""
    try:
        if path.stat().st_size > _MAX_KEYS:
            raise UsageError(f"this {what} file is larger than 16 MiB", where=str(path))
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"this {what} file cannot be read ({error.strerror})",
            where=str(path),
            remedy=f"Correct code[].{what} in the job file",
        ) from error
    if not data.strip():
        raise UsageError(f"this {what} file is empty", where=str(path))
    return data


def _not_checked(reason: str) -> CommitSignature:
    return CommitSignature(state=SignatureState.NOT_CHECKED, reason=reason)


def _bad(reason: str) -> CommitSignature:
    return CommitSignature(state=SignatureState.BAD, reason=reason)
