"""What changed against the period before, control by control."""

from __future__ import annotations

import dataclasses
import json

import pytest
from support.samples import sample_report

from audit.errors import SourceError
from audit.facts import PreviousResults
from audit.render.json import render_json
from audit.report.diff import ORDER, changes, read_previous, status
from audit.report.model import Change, ControlResult, PackInfo
from audit.verdicts import Severity, Verdict

V = Verdict


def result(
    verdict: Verdict,
    control: str = "c.one",
    model: str = "fraud",
    version: int = 1,
    waiver: str = "",
) -> ControlResult:
    return ControlResult(
        pack="p",
        control=control,
        title=control,
        family="c",
        check="one",
        severity=Severity.HIGH,
        verdict=verdict,
        unwaived=verdict,
        reason="as read",
        waiver=waiver,
        model=model,
        version=version,
    )


def before(**verdicts: str) -> PreviousResults:
    """Verdicts of control ``c.one`` for ``fraud`` by version: ``v1="pass"``."""
    return PreviousResults(
        verdicts={f"c.one|fraud|{name[1:]}": word for name, word in verdicts.items()},
        versions=tuple(f"fraud|{name[1:]}" for name in verdicts),
        packs={"p": "aa"},
    )


def compare(previous: PreviousResults, *results: ControlResult) -> tuple[Change, ...]:
    versions = {(item.model, item.version) for item in results if item.model}
    return changes(previous, results, versions, [PackInfo("p", "P", "1", "own", "aa")])


def test_a_first_report_has_no_changes() -> None:
    assert changes(None, [result(V.FAIL)], [("fraud", 1)], []) == ()


@pytest.mark.parametrize(
    ("was", "verdict", "kind"),
    [
        ("pass", V.FAIL, "new_failure"),
        ("unknown", V.FAIL, "new_failure"),
        ("waived", V.FAIL, "waiver_expired"),
        ("fail", V.WAIVED, "newly_waived"),
        ("pass", V.WAIVED, "newly_waived"),
        ("fail", V.PASS, "resolved"),
        ("waived", V.PASS, "resolved"),
        ("unknown", V.PASS, "resolved"),
        ("error", V.NOT_APPLICABLE, "resolved"),
        ("pass", V.UNKNOWN, "evidence_lost"),
        ("fail", V.ERROR, "evidence_lost"),
        ("waived", V.MANUAL, "evidence_lost"),
        ("a word of a later edition", V.PASS, "resolved"),
    ],
)
def test_kinds(was: str, verdict: Verdict, kind: str) -> None:
    (found,) = compare(before(v1=was), result(verdict))
    assert (found.change, found.model, found.version, found.control) == (kind, "fraud", 1, "c.one")
    assert found.after == verdict.value
    assert found.before == ("unknown" if " " in was else was)
    assert "as read" in found.cause


@pytest.mark.parametrize(
    ("was", "verdict"),
    [("pass", V.PASS), ("fail", V.FAIL), ("unknown", V.ERROR), ("not_applicable", V.PASS)],
)
def test_what_is_no_change(was: str, verdict: Verdict) -> None:
    assert compare(before(v1=was), result(verdict)) == ()


def test_causes_name_the_waiver() -> None:
    (waived,) = compare(before(v1="fail"), result(V.WAIVED, waiver="W-3"))
    assert waived.cause == "waiver W-3: as read"
    (expired,) = compare(before(v1="waived"), result(V.FAIL))
    assert expired.cause == "the waiver no longer holds: as read"


def test_versions_that_came_and_went() -> None:
    found = compare(before(v1="pass"), result(V.FAIL, version=2))
    assert [(item.change, item.version) for item in found] == [
        ("new_failure", 2),
        ("new_version", 2),
        ("version_gone", 1),
    ]
    assert found[0].cause == "the version is new: as read"
    assert found[0].before == ""


def test_a_model_name_may_hold_a_bar() -> None:
    previous = PreviousResults(versions=("a|b|3",))
    (gone,) = changes(previous, [], [], [])
    assert (gone.change, gone.model, gone.version) == ("version_gone", "a|b", 3)


def test_controls_that_came_and_went() -> None:
    found = compare(before(v1="pass"), result(V.FAIL, "c.two"))
    assert [(item.change, item.control, item.after) for item in found] == [
        ("new_failure", "c.two", "fail"),
        ("control_changed", "c.one", "removed"),
        ("control_changed", "c.two", "added"),
    ]
    assert found[0].cause == "the control is new: as read"


def test_a_registry_without_versions_is_no_other_checklist() -> None:
    (gone,) = compare(before(v1="pass"))
    assert gone.change == "version_gone"


def test_controls_of_the_job_are_compared_as_well() -> None:
    job = dataclasses.replace(result(V.PASS), model="", version=0, control="archive.sealed")
    previous = PreviousResults(verdicts={"archive.sealed||0": "fail", "archive.old||0": "pass"})
    found = changes(previous, [job], [], [])
    assert [(item.change, item.control) for item in found] == [
        ("resolved", "archive.sealed"),
        ("control_changed", "archive.old"),
    ]


@pytest.mark.parametrize(
    ("was", "now", "cause"),
    [
        ({"p": "aa"}, "bb", "control pack: its text changed"),
        ({}, "bb", "control pack: the packs in use changed"),
    ],
)
def test_a_changed_pack(was: dict[str, str], now: str, cause: str) -> None:
    packs = [PackInfo("p", "P", "2", "own", now)]
    (found,) = changes(PreviousResults(packs=was), [], [], packs)
    assert (found.change, found.control, found.after, found.cause) == (
        "control_changed", "p", "sha256:bb", cause,
    )  # fmt: skip


def test_what_needs_attention_comes_first() -> None:
    found = compare(
        before(v1="fail", v2="pass", v3="pass"),
        result(V.PASS, version=1),
        result(V.UNKNOWN, version=2),
        result(V.FAIL, version=4),
    )
    kinds = [item.change for item in found]
    assert kinds == sorted(kinds, key=ORDER.index)
    assert kinds[0] == "new_failure"


@pytest.mark.parametrize(
    ("was", "expected"),
    [("fail", "persistent"), ("unknown", "persistent"), ("pass", "new"), ("waived", "new")],
)
def test_status_of_an_exception(was: str, expected: str) -> None:
    assert status(before(v1=was), result(V.FAIL)) == expected
    assert status(before(), result(V.FAIL)) == "new"


def test_a_report_against_itself_shows_no_change() -> None:
    report = sample_report()
    previous = read_previous(render_json(report))
    results = [*report.job_results, *(item for d in report.dossiers for item in d.results)]
    assert len(previous.verdicts) == len(results)
    versions = [(d.label, d.version) for d in report.dossiers]
    assert changes(previous, results, versions, report.packs) == ()


def test_a_later_edition_of_the_report_can_still_be_compared() -> None:
    data = json.loads(render_json(sample_report()))
    data["schema"] = "mlflow-audit/report/2"
    data["added"] = {"later": [1, 2]}
    data["dossiers"][0]["results"][0] |= {"verdict": "conditional", "weight": 0.5}
    found = read_previous(json.dumps(data).encode())
    assert "conditional" in found.verdicts.values()
    assert found.packs.keys() == {"operating-checklist"}


@pytest.mark.parametrize(
    "data",
    [b"", b"[]", b"null", b"{}", b'{"schema": "other/1", "period": "x"}', b"\xff\xfe", b"[" * 9999,
     b'{"schema": "mlflow-audit/report/1", "period": "x", "dossiers": [{"model": 1}]}'],
)  # fmt: skip
def test_what_is_not_a_report_is_refused_in_one_line(data: bytes) -> None:
    with pytest.raises(SourceError) as caught:
        read_previous(data)
    assert "\n" not in str(caught.value)
    assert "report.json: not a report" in str(caught.value)
