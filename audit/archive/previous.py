"""The bundle of the period before: found in the job's folder, verified, told as a fact."""

from __future__ import annotations

from pathlib import Path

from audit.archive.bundle import revisions
from audit.archive.chain import manifest_digest
from audit.archive.manifest import Manifest
from audit.archive.verify import verify_bundle
from audit.errors import UsageError, VerificationError
from audit.facts import PreviousBundle
from audit.ledger import Ledger
from audit.period import Period, parse
from audit.seal.trust import Trust


def find_previous(job_folder: Path, period: str) -> Path | None:
    """Return the newest revision of a period's bundle in ``output/<job>``, None without one."""
    found = revisions(job_folder, period)
    folders = [number for number, path in found.items() if path.is_dir() and not path.is_symlink()]
    return found[max(folders)] if folders else None


def previous_bundle(
    job_folder: Path, period: Period, trust: Trust | None, ledger: Ledger | None = None
) -> PreviousBundle:
    """Return what is to be said of a period's bundle, verified against ``trust``.

    Quick: all digests, the chain, and the one signature on the manifest that lists them.
    Without ``trust`` (an unsealed run) nothing is verified. The head that a verified bundle
    carries is held against ``ledger``; raises ``SourceError`` where that cannot be read.
    """
    label, earlier = period.label, _archived_until(job_folder, period)
    path = find_previous(job_folder, label)
    if path is None:
        reason = f"no bundle of {label} in the archive"
        return PreviousBundle(label=label, reason=reason, earlier=earlier)
    digest = manifest_digest(path)
    if not digest:
        reason = "its manifest is missing or cannot be read"
        return PreviousBundle(
            label=label, path=path.name, found=True, reason=reason, earlier=earlier
        )
    continued = ""
    if trust is None:
        verified, reason = False, "not verified: this run has no seal to trust"
    else:
        outcome = verify_bundle(path, trust, quick=True)
        verified = outcome.ok
        reason = "; ".join(map(str, outcome.wrong[:3]))
        if len(outcome.wrong) > 3:
            reason += f"; and {len(outcome.wrong) - 3} more"
        if verified and ledger is not None and outcome.manifest is not None:
            continued = _continued(ledger, outcome.manifest)
    return PreviousBundle(
        label=label,
        path=path.name,
        found=True,
        verified=verified,
        reason=reason,
        manifest_sha256=digest,
        earlier=earlier,
        ledger=continued,
    )


def _continued(ledger: Ledger, sealed: Manifest) -> str:
    """Return ``continues``, or what contradicts; empty where the bundle carries no head."""
    if sealed.ledger is None:
        return ""
    try:
        ledger.verify(sealed.ledger.head, sealed.ledger.events)
    except VerificationError as error:
        return error.what
    return "continues"


def _archived_until(job_folder: Path, period: Period) -> tuple[str, ...]:
    """Return the labels of the archived periods that end no later than ``period`` does."""
    found: dict[str, int] = {}
    for path in sorted(job_folder.glob("*/bagit.txt")):
        name = path.parent.name.partition(".r")[0].replace("_", "/")
        try:
            archived = parse(name, period.zone)
        except UsageError:
            continue  # a folder of another name is not a bundle of this job
        if archived.end <= period.end:
            found[archived.label] = archived.end
    return tuple(sorted(found, key=lambda label: (found[label], label)))
