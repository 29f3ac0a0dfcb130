"""Evaluation: one result a control, never an exception, waivers that hide nothing."""

import dataclasses
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.anything import anything
from support.subjects import (
    AS_OF,
    good_graph,
    good_history,
    good_job,
    good_version,
    subject_for,
)

from audit.canonical import digest_of
from audit.controls.checks import catalogue
from audit.controls.evaluate import JobSubject, VersionSubject, evaluate
from audit.controls.pack import load_pack
from audit.controls.registry import CHECKS, Outcome, check
from audit.facts import (
    JobFacts,
    ModelVersion,
    Pack,
    PreviousBundle,
    VersionFacts,
    Waiver,
    Weights,
)
from audit.graph import Graph
from audit.history.model import History
from audit.verdicts import Verdict

DAY = 86_400_000
PACK = load_pack("operating-checklist")
GOVERNANCE = load_pack("registry-governance")
UNFINISHED = {"facts.run.status": "FAILED"}


def _only(check_name: str, **parameters: Any) -> Pack:
    """Return the shipped pack with its first control held to another check."""
    first = dataclasses.replace(PACK.controls[0], check=check_name, parameters=parameters)
    return dataclasses.replace(PACK, controls=(first, *PACK.controls[1:]))


def _waiver(**changes: Any) -> Waiver:
    waiver = Waiver("W-1", "training.run-finished", "carol", "bob", "known", "", "2026-12-31")
    return dataclasses.replace(waiver, **changes)


def _run_finished(waivers: tuple[Waiver, ...], as_of: int = AS_OF) -> tuple[str, str, str]:
    results = evaluate([PACK], subject_for("version", UNFINISHED), waivers, as_of)
    found = next(item for item in results if item.control == "training.run-finished")
    return found.verdict, found.unwaived, found.waiver


def test_good_subjects_pass_everything() -> None:
    version = VersionSubject(good_version(), good_graph(), good_history())
    for pack in (PACK, GOVERNANCE):
        results = [
            r for subject in (version, good_job()) for r in evaluate([pack], subject, (), AS_OF)
        ]
        assert {result.verdict for result in results} == {Verdict.PASS}
        assert {result.control for result in results} == {control.id for control in pack.controls}


def test_where_nothing_was_observed_no_promotion_passes() -> None:
    results = evaluate([GOVERNANCE], VersionSubject(good_version(), good_graph()), (), AS_OF)
    verdicts = {result.control: result.verdict for result in results}
    told = ("loss.version", "loss.baseline", "weights.signature", "weights.unique")
    assert {verdicts.pop(control) for control in told} == {Verdict.PASS}
    assert set(verdicts.values()) == {Verdict.UNKNOWN}


def test_results_carry_what_the_report_needs() -> None:
    control = next(control for control in PACK.controls if control.id == "training.run-finished")
    results = evaluate([PACK], subject_for("version", UNFINISHED), (), AS_OF)
    result = next(result for result in results if result.control == control.id)
    assert (result.pack, result.control, result.family) == (PACK.id, control.id, "training")
    assert (result.model, result.version) == ("churn", 3)
    assert (result.title, result.severity) == (control.title, control.severity)
    assert (result.remedy, result.check) == (control.remedy, "run-finished")
    job_result = evaluate([PACK], good_job(), (), AS_OF)[0]
    assert (job_result.model, job_result.version, job_result.family) == ("", 0, "archive")


@pytest.fixture
def broken_checks() -> Any:
    @check("test-exploding")
    def exploding(subject: VersionSubject) -> Outcome:
        """Breaks."""
        raise RuntimeError("no\nluck")

    @check("test-self-waiving")
    def waiving(subject: VersionSubject) -> Outcome:
        """Does what is not for checks to do."""
        return Outcome(Verdict.WAIVED, "it is fine")

    yield
    del CHECKS["test-exploding"], CHECKS["test-self-waiving"]


@pytest.mark.parametrize(
    ("pack", "reason"),
    [
        (_only("test-exploding"), "RuntimeError: no luck"),
        (_only("test-self-waiving"), "TypeError: the check test-self-waiving gave no verdict"),
        (_only("hyperparameters", minimum="many"), "ValidationError: 1 validation error"),
        (_only("hyperparametres"), "Did you mean 'hyperparameters'?"),
    ],
)
def test_what_breaks_is_an_error_and_the_others_go_on(
    pack: Pack, reason: str, broken_checks: None
) -> None:
    results = evaluate([pack], VersionSubject(good_version(), good_graph()), (), AS_OF)
    assert results[0].verdict is Verdict.ERROR
    assert reason in results[0].reason
    assert "\n" not in results[0].reason
    assert {result.verdict for result in results[1:]} == {Verdict.PASS}


def test_a_control_without_a_check_is_an_error_for_every_kind_of_subject() -> None:
    results = evaluate([_only("gone")], good_job(), (), AS_OF)
    assert [result.verdict for result in results].count(Verdict.ERROR) == 1


def test_no_error_can_be_waived() -> None:
    waivers = (_waiver(control="*"),)
    results = evaluate([_only("gone")], good_job(), waivers, AS_OF)
    assert results[0].verdict is Verdict.ERROR
    assert not results[0].waiver


def test_a_failure_is_waived_and_stays_visible() -> None:
    assert _run_finished((_waiver(),)) == ("waived", "fail", "W-1")
    assert _run_finished((_waiver(control="training.*", models=("ch*",), versions=(2, 3)),)) == (
        "waived",
        "fail",
        "W-1",
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"control": "training.commit-exists"},
        {"control": "Training.run-finished"},
        {"models": ("fraud", "Churn")},
        {"versions": (2,)},
        {"expires": "2026-09-30"},
        {"effective": "2026-10-02"},
    ],
)
def test_a_waiver_that_does_not_cover_it_changes_nothing(changes: dict[str, Any]) -> None:
    assert _run_finished((_waiver(**changes),)) == ("fail", "fail", "")


def test_an_expired_waiver_reverts() -> None:
    waiver = _waiver(effective="2026-10-01", expires="2026-10-01")
    verdicts = [_run_finished((waiver,), AS_OF + days * DAY)[0] for days in (-1, 0, 1)]
    assert verdicts == ["fail", "waived", "fail"]
    assert _run_finished((waiver,), AS_OF + DAY - 1)[0] == "waived"


def test_the_first_active_waiver_counts() -> None:
    waivers = (_waiver(expires="2026-01-01"), _waiver(id="W-2"), _waiver(id="W-3"))
    assert _run_finished(waivers) == ("waived", "fail", "W-2")


def test_only_failures_are_waived() -> None:
    subject = subject_for("version", {"facts.run": None, "facts.run_state": "not_visible"})
    results = evaluate([PACK], subject, (_waiver(control="*"),), AS_OF)
    assert Verdict.UNKNOWN in {result.verdict for result in results}
    assert all(
        (result.unwaived is Verdict.FAIL) == (result.verdict is Verdict.WAIVED)
        for result in results
    )


def test_a_failure_of_the_job_is_waived_without_a_model() -> None:
    subject = subject_for("job", {"job.retain": ""})
    waiver = _waiver(control="archive.retention-set")
    results = evaluate([PACK], subject, (waiver,), AS_OF)
    assert results[2].verdict is Verdict.WAIVED


@given(anything(VersionFacts), anything(Graph), anything(JobFacts), anything(PreviousBundle))
@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_any_facts_are_judged_once_by_each_control(
    facts: VersionFacts, graph: Graph, job: JobFacts, previous: PreviousBundle
) -> None:
    subjects = (VersionSubject(facts, graph), JobSubject(job, previous))
    waivers = (_waiver(control="sources.*"),)
    results = [r for subject in subjects for r in evaluate([PACK], subject, waivers, AS_OF)]
    assert [result.control for result in results] == [control.id for control in PACK.controls]
    counts = Counter(result.verdict for result in results)
    assert sum(counts[verdict] for verdict in Verdict) == len(PACK.controls)
    for result in results:
        assert result.reason
        assert (result.verdict is Verdict.WAIVED) == bool(result.waiver)
        assert result.verdict in (result.unwaived, Verdict.WAIVED)


@given(anything(VersionFacts))
@settings(
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_no_shipped_check_breaks_on_a_graph_that_was_built(facts: VersionFacts) -> None:
    facts = dataclasses.replace(facts, pipeline=good_version().pipeline)
    for result in evaluate([PACK], VersionSubject(facts, good_graph()), (), AS_OF):
        assert result.verdict is not Verdict.ERROR, result


@given(
    anything(ModelVersion), anything(Weights), anything(History), anything(JobFacts), st.booleans()
)
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_no_history_breaks_a_governance_check(
    version: ModelVersion, weights: Weights, history: History, job: JobFacts, mine: bool
) -> None:
    facts = dataclasses.replace(good_version(), version=version, weights=weights)
    history = dataclasses.replace(history, opening=good_history().opening)
    if mine:
        # Half of them about this version, since what is drawn hardly ever is.
        history = dataclasses.replace(
            history,
            actions=tuple(
                dataclasses.replace(
                    action,
                    workspace=version.workspace,
                    model=version.model,
                    identity="one",
                    version=version.version,
                    alias="champion",
                    before=str(version.version),
                    after=str(version.version),
                )
                for action in history.actions
            ),
        )
    subjects = (
        VersionSubject(facts, Graph(()), history),
        JobSubject(job, good_job().previous, history),
    )
    for subject in subjects:
        for result in evaluate([GOVERNANCE], subject, (), AS_OF):
            assert result.verdict is not Verdict.ERROR, result
            assert result.reason


def test_the_same_facts_give_the_same_results() -> None:
    first, second = (
        evaluate([PACK], subject_for("version", UNFINISHED), (), AS_OF) for _ in range(2)
    )
    assert [digest_of(result) for result in first] == [digest_of(result) for result in second]


def test_all_shipped_checks_are_used_by_one_shipped_pack() -> None:
    used = [control.check for pack in (PACK, GOVERNANCE) for control in pack.controls]
    assert sorted(used) == sorted(catalogue())
