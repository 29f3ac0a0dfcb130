"""What a report comes to for whoever started it: an exit code and the line that says why."""

from __future__ import annotations

from audit.errors import EXIT_CONTROL_FAILED, EXIT_OK, EXIT_UNREAD
from audit.report.model import Report
from audit.verdicts import Verdict


def exit_code(report: Report) -> int:
    """Return 0, 1 or 3: required controls pass or are waived, one failed, one was not evaluated.

    Required are the controls of at least the severity that the job's ``fail_on`` names. A
    change that nothing explains counts as a failed one.
    """
    results = (*report.job_results, *(item for d in report.dossiers for item in d.results))
    told = [(item.severity, item.verdict) for item in results]
    told += [(item.severity, item.verdict) for item in report.exceptions]
    required = {verdict for severity, verdict in told if severity.rank <= report.fail_on.rank}
    if Verdict.FAIL in required:
        return EXIT_CONTROL_FAILED
    if required & {Verdict.UNKNOWN, Verdict.ERROR}:
        return EXIT_UNREAD
    return EXIT_OK
