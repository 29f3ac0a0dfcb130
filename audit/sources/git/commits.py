"""A commit object taken apart: who, when, message, and the signature with what it covers.

Names, dates and messages are free text that the author wrote. Pull-request numbers and
trailers are conventions in that text, not records of the host.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_MESSAGE = 4000
"""Characters of a message that are kept."""
_MAX_TRAILERS = 40

_CHARACTER_SET = re.compile(
    r"(utf-?(8|16|32)|(us-)?ascii|iso-?8859|iso-2022|latin|cp\d|windows-\d|koi8|mac|shift|euc|gb|big5)",
    re.IGNORECASE,
)
"""Encodings that are character sets; Python knows others that are programs of a kind."""
_PERSON = re.compile(r"(?P<who>.*?) ?(?P<seconds>-?\d{1,11}) [+-]\d{4}$", re.DOTALL)
_SIGNATURE_HEADERS = (b"gpgsig", b"gpgsig-sha256")
_KINDS = {
    "-----BEGIN SSH SIGNATURE-----": "ssh",
    "-----BEGIN PGP SIGNATURE-----": "gpg",
    "-----BEGIN PGP MESSAGE-----": "gpg",
    "-----BEGIN SIGNED MESSAGE-----": "x509",
}
_TRAILER = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]{0,60}):[ \t]+(\S.*)")
_CONTINUED = re.compile(r"[ \t]+\S")
_REQUESTS = (
    # GitHub, Bitbucket Data Center; Gitea; Bitbucket Cloud; Azure DevOps; GitLab; squashes.
    (re.compile(r"\AMerge pull request #(\d{1,9})\b"), "#"),
    (re.compile(r"\AMerge pull request '.*' \(#(\d{1,9})\) from "), "#"),
    (re.compile(r"\AMerged in .* \(pull request #(\d{1,9})\)"), "#"),
    (re.compile(r"\APull request #(\d{1,9}): "), "#"),
    (re.compile(r"\AMerged PR (\d{1,9}): "), "#"),
    (re.compile(r"^See merge request \S*!(\d{1,9})[ \t]*$", re.MULTILINE), "!"),
    (re.compile(r"\A[^\n]*\(#(\d{1,9})\)[ \t]*(?:\n|\Z)"), "#"),
    (re.compile(r"\A[^\n]*\(!(\d{1,9})\)[ \t]*(?:\n|\Z)"), "!"),
    (re.compile(r"^Change-Id: (I[0-9a-f]{40})[ \t]*$", re.MULTILINE), ""),
)


@dataclass(frozen=True, slots=True)
class Signed:
    """A signature in a commit, and the bytes that it is over. Neither is trusted yet."""

    kind: str
    signature: bytes
    payload: bytes
    several: bool = False
    """Whether the object carries more than one, of which no tool says which one counts."""


@dataclass(frozen=True, slots=True)
class CommitObject:
    """A commit as its object has it. Times are UTC milliseconds."""

    tree: str
    parents: tuple[str, ...]
    author: str
    authored_at: int | None
    committer: str
    committed_at: int | None
    subject: str
    message: str
    """At most ``MAX_MESSAGE`` characters."""
    signed: str
    """``ssh``, ``gpg``, ``x509`` or ``unknown`` where it carries a signature."""

    @property
    def trailers(self) -> tuple[tuple[str, str], ...]:
        """``Reviewed-by: …`` and the like in the last paragraph, as written."""
        return trailers(self.message)

    @property
    def pull_request(self) -> str:
        """Number of the request that the message names by a convention, ``""`` if none."""
        return pull_request(self.message)


def parse_commit(raw: bytes) -> CommitObject:
    """Return a commit object's content; what is malformed in it stays empty."""
    head, _, message = raw.partition(b"\n\n")
    fields: dict[bytes, list[bytes]] = {}
    for line in head.split(b"\n"):
        key, _, value = line.partition(b" ")
        if key:
            fields.setdefault(key, []).append(value)
    encoding = fields.get(b"encoding", [b"utf-8"])[0].decode("ascii", "replace")
    if not _CHARACTER_SET.match(encoding):
        encoding = "utf-8"

    def text(data: bytes) -> str:
        try:
            return data.decode(encoding, "replace")
        except (LookupError, UnicodeError):
            return data.decode("utf-8", "replace")

    author, authored_at = _person(text(fields.get(b"author", [b""])[0]))
    committer, committed_at = _person(text(fields.get(b"committer", [b""])[0]))
    written = text(message.strip(b"\n")[: 4 * MAX_MESSAGE])[:MAX_MESSAGE]
    signed = signed_parts(raw)
    return CommitObject(
        tree=fields.get(b"tree", [b""])[0].decode("ascii", "replace"),
        parents=tuple(parent.decode("ascii", "replace") for parent in fields.get(b"parent", ())),
        author=author,
        authored_at=authored_at,
        committer=committer,
        committed_at=committed_at,
        subject=" ".join(written.partition("\n\n")[0].split()),
        message=written,
        signed=signed.kind if signed else "",
    )


def signed_parts(raw: bytes) -> Signed | None:
    """Return a commit's signature and what it covers: the object without the signature headers.

    ``None`` where it carries none. The rule is git's own: a header's further lines begin with
    a space, and both ``gpgsig`` and ``gpgsig-sha256`` are left out of what is signed.
    """
    head, blank, message = raw.partition(b"\n\n")
    kept: list[bytes] = []
    found: dict[bytes, list[bytes]] = {}
    several = False
    current: list[bytes] | None = None
    for line in head.split(b"\n"):
        if line.startswith(b" ") and current is not None:
            current.append(line[1:])
            continue
        name, _, value = line.partition(b" ")
        if name in _SIGNATURE_HEADERS:
            several = several or name in found
            current = found.setdefault(name, [])
            current.append(value)
        else:
            current = None
            kept.append(line)
    lines = next((found[name] for name in _SIGNATURE_HEADERS if name in found), None)
    if lines is None:
        return None
    first = lines[0].decode("ascii", "replace").strip()
    return Signed(
        kind=_KINDS.get(first, "unknown"),
        signature=b"\n".join(lines) + b"\n",
        payload=b"\n".join(kept) + blank + message,
        several=several,
    )


def pull_request(message: str) -> str:
    """Return what a message says of its pull request: ``#12``, ``!12``, ``I0123…`` or ``""``.

    The conventions are those of GitHub, GitLab, Bitbucket, Azure DevOps, Gitea and Gerrit.
    """
    for pattern, mark in _REQUESTS:
        if found := pattern.search(message):
            return f"{mark}{found[1]}"
    return ""


def trailers(message: str) -> tuple[tuple[str, str], ...]:
    """Return the trailers of a message: its last paragraph, if every line of it is one."""
    *rest, last = re.split(r"\n[ \t]*\n", message.strip())
    if not rest:
        return ()
    found: list[tuple[str, str]] = []
    for line in last.splitlines():
        if match := _TRAILER.fullmatch(line.rstrip()):
            found.append((match[1], match[2]))
        elif found and _CONTINUED.match(line):
            name, value = found[-1]
            found[-1] = (name, f"{value} {line.strip()}")
        else:
            return ()
    return tuple(found[:_MAX_TRAILERS])


def _person(text: str) -> tuple[str, int | None]:
    match = _PERSON.fullmatch(text)
    return (match["who"], int(match["seconds"]) * 1000) if match else (text, None)


def parse_tag(raw: bytes) -> tuple[str, int | None]:
    """Return what an annotated tag names, and when it was made (UTC milliseconds)."""
    fields: dict[bytes, bytes] = {}
    for line in raw.partition(b"\n\n")[0].split(b"\n"):
        key, _, value = line.partition(b" ")
        fields.setdefault(key, value)
    named = fields.get(b"object", b"").decode("ascii", "replace")
    return named, _person(fields.get(b"tagger", b"").decode("utf-8", "replace"))[1]
