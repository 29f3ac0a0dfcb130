"""What a run needs, looked at one by one: a line each, with what to do where it is not well."""

from __future__ import annotations

import contextlib
import ctypes.util
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from audit.capture.log import open_log
from audit.config import Code, JobFile
from audit.controls.pack import load_pack
from audit.controls.waivers import load_waivers, refuse_unknown
from audit.errors import AuditError
from audit.facts import ObjectState, Repository
from audit.gather.recorders import Recorders
from audit.ledger import Ledger
from audit.period import iso
from audit.resources import FONTS
from audit.seal.keys import load_sealer
from audit.sources import DataSource
from audit.sources.advisories.files import AdvisoryFiles
from audit.sources.artifacts.signature import Trusted
from audit.sources.registry.readers import open_registry
from audit.sources.repositories import open_code
from audit.sources.uris import redact_uri

LEAST_FREE = 1 << 30
"""Bytes that the output's file system should have free."""
_NOBODYS = "0" * 32
_LISTED = "It is listed in the report; the rest is read"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: whether it is well, what was seen, and what to do."""

    what: str
    ok: bool
    seen: str
    remedy: str = ""


def examine(job: JobFile, now: int) -> tuple[Finding, ...]:
    """Return a finding for everything that a run of this job needs. Never raises ``AuditError``."""
    found: list[Finding] = [_try("registry", lambda: _registry(job))]
    for entry in job.code:
        found += _repository(entry, job)
    if not job.code:
        remedy = "Name the repositories under code: in the job file"
        found.append(Finding("repositories", False, "none is configured", remedy))
    found += _recorders(job, now)
    found += _advisories(job)
    found += [
        _try("control packs", lambda: _packs(job)),
        _try("seal", lambda: _seal(job, now)),
        *_model_signing(job),
        *_ledger(job),
        _capture(job, now),
        *_tools(job),
        _fonts(),
        _pango(),
        _disk(job.archive.path),
    ]
    return tuple(found)


def table(findings: tuple[Finding, ...]) -> str:
    """Return the findings as an aligned table, remedies below their lines."""
    width = max(len(item.what) for item in findings)
    lines = []
    for item in findings:
        lines.append(f"{'ok ' if item.ok else 'NOT'}  {item.what:<{width}}  {item.seen}")
        if not item.ok and item.remedy:
            lines.append(f"     {'':<{width}}  → {item.remedy}")
    return "\n".join(lines)


def _try(what: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(what, True, look())
    except AuditError as error:
        return _failed(what, error)


def _failed(what: str, error: AuditError) -> Finding:
    seen = f"{error.where}: {error.what}" if error.where else error.what
    return Finding(what, False, seen, error.remedy)


def _registry(job: JobFile) -> str:
    registry = open_registry(job.registry.uri, job.registry.reader).read()
    deleted = sum(version.deleted for version in registry.versions)
    return (
        f"{redact_uri(job.registry.uri)} by {registry.reader}: {len(registry.models)} models, "
        f"{len(registry.versions)} versions ({deleted} deleted), {len(registry.runs)} runs"
    )


def _repository(entry: Code, job: JobFile) -> Iterator[Finding]:
    what = f"repository {entry.label}"
    try:
        code, data = open_code(entry, job.execute.cache)
    except AuditError as error:
        yield _failed(what, error)
        return
    with contextlib.closing(code):
        yield from _history(what, code.describe())
        if job.data.remotes == "check":
            # Which objects a remote is meant to hold is asked of the history.
            yield _remote(entry, data)


def _history(what: str, about: Repository) -> Iterator[Finding]:
    cut = "shallow" if about.shallow else "partial" if about.partial else ""
    if about.readable and not cut:
        counts = ((about.commits, "commit"), (about.lock_states, "DVC lock state"))
        seen = ", ".join(f"{count} {noun}{'s' if count != 1 else ''}" for count, noun in counts)
        yield Finding(what, True, seen)
    else:
        seen = f"a {cut} clone: what is cut off cannot be checked" if cut else about.reason
        yield Finding(what, False, seen, "Fetch it whole: git clone, or git fetch --unshallow")
    for problem in about.problems[:3]:
        yield Finding(what, False, problem, _LISTED)


def _recorders(job: JobFile, now: int) -> Iterator[Finding]:
    for about in Recorders(job.sources, (), now).about:
        what, seen = f"{about.source} database", f"{about.location}: {about.records} records"
        if about.read:
            yield Finding(what, True, seen)
        else:
            remedy = "Check the address under sources: and that the account may read"
            yield Finding(what, False, f"{about.location}: {about.reason}", remedy)
        for problem in about.problems[:3]:
            yield Finding(what, False, problem, _LISTED)


def _advisories(job: JobFile) -> Iterator[Finding]:
    try:
        _, files = AdvisoryFiles(job.sources.advisories).read(())
    except AuditError as error:
        yield _failed("advisories", error)
        return
    for file in files:
        newest = iso(file.newest_at) or "at a time not recorded"
        if file.advisories:
            seen = f"{file.name}: {file.advisories:,} in all, the newest {newest}"
            yield Finding("advisories", True, seen)
        for problem in file.problems[:3]:
            named = problem if problem.startswith(file.name) else f"{file.name}: {problem}"
            yield Finding("advisories", False, named, _LISTED)


def _model_signing(job: JobFile) -> Iterator[Finding]:
    keys, certificates = job.data.model_signing.keys, job.data.model_signing.certificates
    if keys or certificates:

        def look() -> str:
            Trusted(keys, certificates)
            return f"public keys: {len(keys)}, root certificates: {len(certificates)}"

        yield _try("model signing", look)


def _remote(entry: Code, data: DataSource) -> Finding:
    """Ask the remote for an object that nobody has: an answer shows that it can be asked."""
    (answer,) = data.exist([_NOBODYS])
    what = f"remote of {entry.label}"
    if answer.state is ObjectState.NOT_CHECKED:
        remedy = "Check .dvc/config, credentials and the plug-in for its scheme (dvc[s3] …)"
        return Finding(what, False, answer.reason, remedy)
    return Finding(what, True, f"{answer.remote or 'default'} answers")


def _packs(job: JobFile) -> str:
    packs = [load_pack(name) for name in job.controls.packs]
    waivers = load_waivers(job.controls.waivers) if job.controls.waivers else ()
    refuse_unknown(waivers, packs, job.controls.waivers or "")
    controls = sum(len(pack.controls) for pack in packs)
    names = ", ".join(pack.id for pack in packs)
    return f"{names}: {controls} controls; {len(waivers)} waivers"


def _seal(job: JobFile, now: int) -> str:
    signing = job.signing
    sealer = load_sealer(signing.key, signing.certificate, signing.chain, now)
    issued = " (self-issued)" if sealer.self_issued else ""
    until = sealer.certificate.not_valid_after_utc
    return f"{sealer.subject}{issued}, valid until {until:%Y-%m-%d}"


def _ledger(job: JobFile) -> Iterator[Finding]:
    try:
        with contextlib.closing(Ledger(job.ledger)) as ledger:
            head, guarded = ledger.verify(), ledger.guarded
    except AuditError as error:
        yield _failed("ledger", error)
        return
    seen = f"chain whole, head {head[:12]}"
    if guarded:
        yield Finding("ledger", True, f"{seen}, updates and deletes are refused")
    else:
        remedy = "Open it once with an account that may create triggers"
        yield Finding("ledger", False, f"{seen}, but nothing refuses updates and deletes", remedy)


def _capture(job: JobFile, now: int) -> Finding:
    """Tell how actions get recorded; that nothing but snapshots does is no fault."""
    try:
        log = open_log(job.registry.uri)
        if log is None:
            return Finding("actions", True, "from snapshots alone; see docs/capture.md for more")
        with contextlib.closing(log):
            state = log.check(now)
    except AuditError as error:
        return _failed("actions", error)
    if state.whole:
        return Finding("actions", True, f"captured by triggers since {iso(state.installed_at)}")
    remedy = "mlflow-audit capture install --db URL mends it"
    return Finding("actions", False, f"capture is not whole: {'; '.join(state.missing)}", remedy)


def _tools(job: JobFile) -> Iterator[Finding]:
    tools = [("git", "git", "to read repositories"), ("openssl", "openssl", "for verify.sh")]
    if any(entry.allowed_signers for entry in job.code):
        tools.append(("ssh-keygen", "openssh-client", "for SSH signatures of commits"))
    if any(entry.keyring for entry in job.code):
        tools.append(("gpg", "gnupg", "for OpenPGP signatures of commits"))
    for name, package, why in tools:
        path = shutil.which(name)
        remedy = f"Install it: apt-get install {package}"
        yield Finding(name, path is not None, path or f"not found; needed {why}", remedy)


def _fonts() -> Finding:
    fonts = sorted(FONTS.glob("*.ttf"))
    remedy = "Install mlflow-audit again: its fonts are part of it"
    return Finding("fonts", bool(fonts), f"{len(fonts)} shipped fonts in {FONTS}", remedy)


def _pango() -> Finding:
    if not ctypes.util.find_library("pango-1.0"):
        remedy = "apt-get install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0"
        return Finding("Pango", False, "not found; WeasyPrint needs it", remedy)
    if not ctypes.util.find_library("harfbuzz-subset"):
        remedy = "apt-get install libharfbuzz-subset0"
        return Finding(
            "Pango", False, "no libharfbuzz-subset: PDFs take three times longer", remedy
        )
    return Finding("Pango", True, "with libharfbuzz-subset")


def _disk(output: Path) -> Finding:
    place = output
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    seen = f"{free / (1 << 30):.1f} GiB free at {output}"
    return Finding("disk", free >= LEAST_FREE, seen, "Make room, or name another archive.path")
