"""The bundle of the period before: found in the job's folder, verified, told as a fact."""

from __future__ import annotations

from pathlib import Path

from audit.archive.bundle import revisions
from audit.archive.chain import manifest_digest
from audit.archive.verify import verify_bundle
from audit.facts import PreviousBundle
from audit.seal.trust import Trust


def find_previous(job_folder: Path, period: str) -> Path | None:
    """Return the newest revision of a period's bundle in ``output/<job>``, None without one."""
    found = revisions(job_folder, period)
    folders = [number for number, path in found.items() if path.is_dir() and not path.is_symlink()]
    return found[max(folders)] if folders else None


def previous_bundle(job_folder: Path, period: str, trust: Trust | None) -> PreviousBundle:
    """Return what is to be said of a period's bundle, verified against ``trust``.

    Quick: all digests, the chain and all detached signatures, not the signatures inside
    PDFs, whose content the signed manifest covers. Without ``trust`` (an unsealed run)
    nothing is verified.
    """
    path = find_previous(job_folder, period)
    if path is None:
        return PreviousBundle(label=period, reason=f"no bundle of {period} in the archive")
    digest = manifest_digest(path)
    if not digest:
        reason = "its manifest is missing or cannot be read"
        return PreviousBundle(label=period, path=path.name, found=True, reason=reason)
    if trust is None:
        verified, reason = False, "not verified: this run has no seal to trust"
    else:
        outcome = verify_bundle(path, trust, pdfs=False)
        verified = outcome.ok
        reason = "; ".join(map(str, outcome.wrong[:3]))
        if len(outcome.wrong) > 3:
            reason += f"; and {len(outcome.wrong) - 3} more"
    return PreviousBundle(
        label=period,
        path=path.name,
        found=True,
        verified=verified,
        reason=reason,
        manifest_sha256=digest,
    )
