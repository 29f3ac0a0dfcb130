"""The history in a report: what belongs to the period, unexplained changes, a version's life."""

from __future__ import annotations

from dataclasses import replace

from support.subjects import good_job, good_version

from audit.errors import EXIT_CONTROL_FAILED
from audit.facts import (
    Attempt,
    CaptureCheck,
    CapturedRow,
    Change,
    Facts,
    Observations,
    RegisteredModel,
    Registry,
    Rules,
    Snapshot,
)
from audit.history.model import ActionKind
from audit.history.state import digest
from audit.report.build import build
from audit.report.exceptions import UNEXPLAINED
from audit.report.model import Report
from audit.report.outcome import exit_code
from audit.verdicts import Severity, Verdict

JOB = good_job().job
START, END = JOB.start, JOB.end
DAY = 86_400_000
CHAMPION = ("alias", "default", "churn", "champion")


def state(champion: int) -> dict[tuple[str, ...], str]:
    found: dict[tuple[str, ...], str] = {
        ("model", "default", "churn", "created_at"): str(START - 90 * DAY),
        CHAMPION: str(champion),
    }
    for number in (2, 3):
        made = ("version", "default", "churn", str(number))
        found[*made, "created_at"] = str(START - (80 - number) * DAY)
        found[*made, "source"] = f"models:/m-{number}"
    return found


def first(at: int, champion: int = 2) -> Snapshot:
    found = state(champion)
    changes = tuple(Change(entry, None, value) for entry, value in sorted(found.items()))
    return Snapshot(at, "sql", digest(found), len(found), changes)


def later(at: int, before: int, after: int) -> Snapshot:
    changes = (Change(CHAMPION, str(before), str(after)),) if before != after else ()
    return Snapshot(at, "sql", digest(state(after)), len(state(after)), changes)


def moved(at: int, before: int, after: int) -> CapturedRow:
    row = {"workspace": "default", "name": "churn", "alias": "champion"}
    return CapturedRow(
        1, at, "update", "registered_model_aliases",
        {**row, "version": str(before)}, {**row, "version": str(after)}, user="alice",
    )  # fmt: skip


def told(observations: Observations, **job: object) -> Report:
    facts = Facts(
        job=replace(JOB, **job),
        rules=Rules(),
        registry=Registry("sqlite:///r.db", "sql", models=(RegisteredModel("churn"),)),
        previous=good_job().previous,
        versions=(good_version(),),
        observations=observations,
    )
    return build(facts, "0" * 64)


def test_without_observations_nothing_is_claimed() -> None:
    report = told(Observations())
    assert report.history.first_observed is None
    assert report.history_statement.startswith("The registry was never observed over time")
    assert report.dossiers[0].actions == ()


def test_a_move_between_snapshots_is_of_the_period_and_of_the_version() -> None:
    seen = (first(START - DAY), later(START + 9 * DAY, 2, 3), later(END, 3, 3))
    report = told(Observations(seen))
    (action,) = report.history.actions
    assert action.kind is ActionKind.ALIAS_MOVED
    assert (action.before, action.after) == ("2", "3")
    assert [t.version for t in report.history.tenures] == [2, 3]
    assert action in report.dossiers[0].actions
    (book,) = report.history.balances
    assert book.opening == len(state(2))
    assert (book.actions, book.unexplained) == (1, ())
    assert report.exceptions == ()
    assert "Between two snapshots only the difference is known" in report.history_statement


def test_what_may_be_later_than_the_end_is_told_but_not_booked() -> None:
    report = told(
        Observations((first(START - DAY), later(END - DAY, 2, 2), later(END + DAY, 2, 3)))
    )
    (action,) = report.history.actions
    assert action.when.earliest == END - DAY
    before, after = report.history.tenures
    assert (before.version, before.end) == (2, action.when)
    assert (after.version, after.start, after.end) == (3, action.when, None)
    assert report.history.balances[0].actions == 0


def test_a_first_period_says_that_its_opening_is_unknown() -> None:
    report = told(Observations((first(START + DAY), later(END, 2, 2))))
    assert report.history.balances[0].opening is None
    assert "how it stood before" in report.history_statement


def test_a_registry_first_observed_after_the_period_is_no_history_of_it() -> None:
    report = told(Observations((first(END + DAY),)))
    assert "what was done in the period is unknown" in report.history_statement


def test_a_change_that_the_triggers_did_not_see_is_an_exception_without_any_pack() -> None:
    checks = tuple(
        CaptureCheck(at, START - 2 * DAY) for at in (START - DAY, START + 20 * DAY, END + DAY)
    )
    seen = Observations(
        snapshots=(first(START - DAY), later(START + 20 * DAY, 2, 2)),
        rows=(moved(START + 5 * DAY, 2, 3),),
        checks=checks,
    )
    report = told(seen)
    (item,) = report.exceptions
    assert (item.control, item.severity, item.verdict) == (
        UNEXPLAINED, Severity.HIGH, Verdict.FAIL
    )  # fmt: skip
    assert "expected 3, observed 2" in item.what
    assert report.verdict is Verdict.FAIL
    assert "Nothing recorded explains one change of the registry." in report.headline
    assert exit_code(report) == EXIT_CONTROL_FAILED
    assert sum(len(book.unexplained) for book in report.history.balances) == 1


def test_models_out_of_scope_stay_out() -> None:
    seen = (first(START - DAY), later(START + 9 * DAY, 2, 3))
    tried = (Attempt(START + DAY, "bob", "DELETE", "/x", 403, "churn"),)
    report = told(Observations(seen, attempts=tried), exclude=("ch*",))
    assert report.history.actions == ()
    assert report.history.balances == ()
    assert report.history.attempts == ()
    assert len(told(Observations(seen, attempts=tried)).history.attempts) == 1
