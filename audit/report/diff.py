"""What changed against the period before: results compared control by control.

Two results are the same when control, model and version are. Nothing leaves the list of
results unseen: a failure that can no longer be judged is ``evidence_lost``, not resolved.
``read_previous`` takes from an earlier ``report.json`` only what is compared, and does not
mind anything that a later edition of the report adds.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pydantic

from audit.canonical import load
from audit.errors import SourceError
from audit.facts import PreviousResults, model_label
from audit.report.model import Change, ControlResult, PackInfo
from audit.verdicts import Verdict

ORDER = (
    "new_failure",
    "waiver_expired",
    "evidence_lost",
    "newly_waived",
    "resolved",
    "new_version",
    "version_gone",
    "control_changed",
)
"""The kinds of change, what needs attention first."""

EXCEPTIONS = frozenset({Verdict.FAIL, Verdict.ERROR, Verdict.UNKNOWN})
"""Verdicts that somebody must look at."""

_JUDGED = frozenset({Verdict.PASS, Verdict.FAIL, Verdict.WAIVED})
_GOOD = frozenset({Verdict.PASS, Verdict.NOT_APPLICABLE})
_UNJUDGED = frozenset({Verdict.UNKNOWN, Verdict.ERROR, Verdict.MANUAL})


@dataclass(frozen=True, slots=True)
class _Result:
    control: str
    verdict: str
    model: str = ""
    version: int = 0


@dataclass(frozen=True, slots=True)
class _Dossier:
    model: str
    version: int
    workspace: str = "default"
    results: tuple[_Result, ...] = ()


@dataclass(frozen=True, slots=True)
class _Pack:
    id: str
    sha256: str


@dataclass(frozen=True, slots=True)
class _Report:
    schema: str
    period: str
    dossiers: tuple[_Dossier, ...] = ()
    job_results: tuple[_Result, ...] = ()
    packs: tuple[_Pack, ...] = ()


def read_previous(report_json: bytes) -> PreviousResults:
    """Return what is compared, out of an earlier period's ``report.json``.

    Raises ``SourceError`` if the bytes are not such a report.
    """
    remedy = "Verify the bundle of the period before"
    try:
        report = load(_Report, json.loads(report_json))
    except (ValueError, RecursionError, pydantic.ValidationError) as error:
        raise SourceError("not a report", where="report.json", remedy=remedy) from error
    if not report.schema.startswith("mlflow-audit/report/"):
        raise SourceError(f"not a report: {report.schema!r}", where="report.json", remedy=remedy)
    judged = [result for dossier in report.dossiers for result in dossier.results]
    return PreviousResults(
        verdicts={key_of(result): result.verdict for result in (*report.job_results, *judged)},
        versions=tuple(
            f"{model_label(dossier.model, dossier.workspace)}|{dossier.version}"
            for dossier in report.dossiers
        ),
        packs={pack.id: pack.sha256 for pack in report.packs},
    )


def key_of(result: ControlResult | _Result) -> str:
    """Return what tells a result from all others: ``control|model|version``."""
    return f"{result.control}|{result.model}|{result.version}"


def status(previous: PreviousResults, result: ControlResult) -> str:
    """Return ``persistent`` for a result that was an exception before, else ``new``."""
    return "persistent" if _before(previous, key_of(result)) in EXCEPTIONS else "new"


def _before(previous: PreviousResults, key: str) -> Verdict | None:
    """Return the earlier verdict; a word that only a later edition knows is ``unknown``."""
    word = previous.verdicts.get(key)
    if word is None:
        return None
    return Verdict(word) if word in set(Verdict) else Verdict.UNKNOWN


def changes(
    previous: PreviousResults | None,
    results: Iterable[ControlResult],
    versions: Iterable[tuple[str, int]],
    packs: Iterable[PackInfo],
) -> tuple[Change, ...]:
    """Return what changed, what needs attention first; nothing for a first report.

    ``results`` are those of all versions and of the job; in them and in ``versions`` a
    model goes by its label (see ``model_label``).
    """
    if previous is None:
        return ()
    now = {key_of(result): result for result in results}
    found = [
        *_of_results(previous, now),
        *_of_versions(previous, frozenset(versions)),
        *_of_controls(previous, now),
        *_of_packs(previous, packs),
    ]
    return tuple(
        sorted(found, key=lambda c: (ORDER.index(c.change), c.model, c.version, c.control))
    )


def _of_results(previous: PreviousResults, now: dict[str, ControlResult]) -> Iterator[Change]:
    controls = {_control(key) for key in previous.verdicts}
    for key, result in now.items():
        before, after = _before(previous, key), result.verdict
        kind = _kind(before, after)
        if not kind:
            continue
        cause = result.reason
        if before is None:
            what = "version" if result.control in controls else "control"
            cause = f"the {what} is new: {cause}"
        elif kind == "waiver_expired":
            cause = f"the waiver no longer holds: {cause}"
        elif kind == "newly_waived" and result.waiver:
            cause = f"waiver {result.waiver}: {cause}"
        yield Change(
            kind,
            result.model,
            result.version,
            result.control,
            before.value if before else "",
            after.value,
            cause.removesuffix(": "),
        )


def _kind(before: Verdict | None, after: Verdict) -> str:
    """Return the kind of change between two verdicts of a control, empty for none."""
    if before is after:
        return ""
    if after is Verdict.FAIL:
        return "waiver_expired" if before is Verdict.WAIVED else "new_failure"
    if after is Verdict.WAIVED:
        return "newly_waived"
    if after in _GOOD and before in (EXCEPTIONS | {Verdict.WAIVED}):
        return "resolved"
    return "evidence_lost" if after in _UNJUDGED and before in _JUDGED else ""


def _of_versions(
    previous: PreviousResults, present: frozenset[tuple[str, int]]
) -> Iterator[Change]:
    known = {
        (model, int(version))
        for model, _, version in (key.rpartition("|") for key in previous.versions)
    }
    for model, number in present - known:
        cause = "not in the report of the period before"
        yield Change("new_version", model, number, "", "", "in this report", cause)
    for model, number in known - present:
        cause = "no longer in the registry, or no longer in scope"
        yield Change("version_gone", model, number, "", "in the report", "", cause)


def _of_controls(previous: PreviousResults, now: dict[str, ControlResult]) -> Iterator[Change]:
    """Yield controls that came or went: those of the job, and those of versions.

    The latter only where both periods judged versions at all: without any there are no
    results, and that does not mean that the checklist is another one.
    """
    for of_job in (True, False):
        old, new = (
            {_control(key) for key in keys if key.endswith("||0") is of_job}
            for keys in (previous.verdicts, now)
        )
        if of_job or (old and new):
            cause = "the checklist changed"
            for control in new - old:
                yield Change("control_changed", "", 0, control, "", "added", cause)
            for control in old - new:
                yield Change("control_changed", "", 0, control, "", "removed", cause)


def _control(key: str) -> str:
    return key.partition("|")[0]


def _of_packs(previous: PreviousResults, packs: Iterable[PackInfo]) -> Iterator[Change]:
    now = {pack.id: pack.sha256 for pack in packs}
    for pack in previous.packs.keys() | now.keys():
        before, after = previous.packs.get(pack, ""), now.get(pack, "")
        if before != after:
            cause = "its text changed" if before and after else "the packs in use changed"
            yield Change(
                "control_changed",
                "",
                0,
                pack,
                f"sha256:{before}" if before else "",
                f"sha256:{after}" if after else "",
                f"control pack: {cause}",
            )
