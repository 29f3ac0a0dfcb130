"""Item 4, archived: the previous period verifies, this one is sealed, retention is set."""

from __future__ import annotations

from audit.controls.checks.common import Retention
from audit.controls.registry import JobSubject, Outcome, check, failed, passed
from audit.period import retain_until
from audit.verdicts import Verdict


@check("previous-verifies", scope="job")
def previous_verifies(subject: JobSubject) -> Outcome:
    """The bundle of the period before is there and is what it was when it was sealed."""
    previous = subject.previous
    if not previous.found and not previous.earlier:
        reason = "the first period in this archive; there is none before it"
        return Outcome(Verdict.NOT_APPLICABLE, reason)
    if not previous.found:
        last = previous.earlier[-1]
        return failed(f"{previous.label} is missing, the last period archived is {last}")
    evidence = (f"bundle {previous.path}", f"manifest sha256:{previous.manifest_sha256}")
    if previous.verified:
        return passed(f"{previous.label} verifies", *evidence)
    reason = previous.reason or "its verification failed"
    return failed(f"{previous.label} does not verify: {reason}", *evidence)


@check("sealed", scope="job")
def sealed(subject: JobSubject) -> Outcome:
    """A seal certificate is set, so that this period's bundle is signed."""
    job = subject.job
    if not job.signing:
        return failed("no seal certificate is set", "job signing")
    remark = "; self-issued" if job.self_issued else ""
    return passed(f"sealed by {job.signing}{remark}", f"certificate {job.signing}")


@check("retention-set", scope="job")
def retention_set(subject: JobSubject, *, at_least: Retention = "") -> Outcome:
    """The job says how long its bundles are kept, and long enough (``10y``, ``18m``, ``90d``)."""
    job = subject.job
    if not job.retain:
        return failed("no retention time is set", "job archive.retain")
    evidence = f"job archive.retain {job.retain}"
    until = retain_until(job.as_of, job.retain)
    if at_least and until < retain_until(job.as_of, at_least):
        return failed(f"kept for {job.retain}, less than {at_least}", evidence)
    return passed(f"kept for {job.retain}, until {until}", evidence)
