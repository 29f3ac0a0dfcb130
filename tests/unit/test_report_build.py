"""Facts → report: counts that add up, exceptions first, waivers, changes; facts read back."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.subjects import AS_OF, good_job, good_version

from audit import factsfile
from audit.controls.pack import load_pack
from audit.errors import EXIT_CONTROL_FAILED, EXIT_OK, EXIT_UNREAD, VerificationError
from audit.facts import (
    Facts,
    FolderList,
    ModelVersion,
    Pipeline,
    PreviousBundle,
    PreviousResults,
    RegisteredModel,
    Registry,
    Rules,
    Run,
    RunState,
    TrackedPath,
    VersionFacts,
    Waiver,
    Weights,
)
from audit.report.build import build
from audit.report.dossier import columns, slug_of
from audit.report.model import Report
from audit.report.outcome import exit_code
from audit.verdicts import Severity, Verdict

PACK = load_pack("operating-checklist")
WAIVER = Waiver("W-1", "training.*", "risk", "board", "old runs", "2026-01-01", "2026-12-31")


def numbered(facts: VersionFacts, number: int, model: str = "churn") -> VersionFacts:
    return replace(facts, version=replace(facts.version, model=model, version=number))


def without_run(number: int = 2) -> VersionFacts:
    facts = numbered(good_version(), number)
    return replace(facts, run=None, run_state=RunState.NONE)


def unreadable(number: int) -> VersionFacts:
    facts = numbered(good_version(), number)
    weights = Weights(facts.weights.location, reason="access denied")
    return replace(facts, weights=weights, pipeline=replace(facts.pipeline, matches=(), states=()))


def facts_of(*versions: VersionFacts, **more: object) -> Facts:
    names = sorted({item.version.model for item in versions})
    models = tuple(RegisteredModel(name, tags={"owner": "risk-models"}) for name in names)
    given = {
        "job": good_job().job,
        "rules": Rules(packs=(PACK,)),
        "registry": Registry("sqlite:///r.db", "sql", models=models),
        "previous": good_job().previous,
        "versions": versions,
    }
    return Facts(**{**given, **more})


def report_of(*versions: VersionFacts, **more: object) -> Report:
    return build(facts_of(*versions, **more), "0" * 64)


def test_a_sound_registry_passes_without_exceptions() -> None:
    report = report_of(good_version())
    assert report.verdict is Verdict.PASS
    assert report.exceptions == ()
    assert report.headline == "Of one model version in scope, one passes every check."
    assert (report.score_before, report.score_after) == (100.0, 100.0)
    assert exit_code(report) == EXIT_OK


def test_counts_partition_the_scope() -> None:
    stopped = replace(good_version().run, status="KILLED")
    waived = replace(numbered(good_version(), 4), run=stopped, aliases=())
    rules = Rules(packs=(PACK,), waivers=(replace(WAIVER, control="*", versions=(4,)),))
    report = report_of(good_version(), without_run(), unreadable(5), waived, rules=rules)
    counts = report.counts
    assert (counts.in_scope, counts.passed, counts.failed) == (4, 1, 1)
    assert (counts.waived, counts.not_evaluated) == (1, 1)
    assert report.headline.startswith("Of four model versions in scope, one passes every check")


def test_failures_come_first_and_one_by_one_what_is_unknown_by_its_reason() -> None:
    report = report_of(good_version(), without_run(), unreadable(5), unreadable(6))
    verdicts = [item.verdict for item in report.exceptions]
    assert verdicts == sorted(verdicts, key=[Verdict.FAIL, Verdict.UNKNOWN].index)
    assert [item.number for item in report.exceptions] == list(range(1, len(verdicts) + 1))
    failed = [item for item in report.exceptions if item.verdict is Verdict.FAIL]
    assert {item.owner for item in failed} == {"risk-models"}
    ranks = [item.severity.rank for item in failed]
    assert ranks == sorted(ranks)
    gathered = [item for item in report.exceptions if "churn v5, churn v6" in item.what]
    assert gathered
    assert all(item.model == "" for item in gathered)


def test_a_waiver_covers_and_the_score_stands_before_and_after() -> None:
    rules = Rules(packs=(PACK,), waivers=(WAIVER, replace(WAIVER, id="W-2", control="archive.*")))
    report = report_of(without_run(), rules=rules)
    assert report.score_before is not None
    assert report.score_after is not None
    assert report.score_before < report.score_after
    rows = {row.id: row for row in report.waivers}
    assert rows["W-1"].state == "active"
    assert rows["W-1"].covered > 0
    assert rows["W-2"].state == "unused"


def test_an_expired_waiver_reverts() -> None:
    expired = replace(WAIVER, expires="2026-08-31")
    report = report_of(without_run(), rules=Rules(packs=(PACK,), waivers=(expired,)))
    assert report.waivers[0].state == "expired"
    assert not any(item.waiver for dossier in report.dossiers for item in dossier.results)


def test_what_changed_since_the_period_before() -> None:
    first = report_of(good_version())
    before = PreviousResults(
        verdicts={
            f"{item.control}|{item.model}|{item.version}": item.verdict.value
            for item in (*first.job_results, *first.dossiers[0].results)
        },
        versions=("churn|3",),
        packs={first.packs[0].id: first.packs[0].sha256},
    )
    gone = replace(without_run(3))
    report = report_of(gone, good_version_of(9), previous_results=before)
    kinds = {(item.change, item.version) for item in report.changes}
    assert ("new_failure", 3) in kinds
    assert ("new_version", 9) in kinds
    assert report.compared_with == "2026-Q2"
    assert {item.status for item in report.exceptions} == {"new"}


def good_version_of(number: int) -> VersionFacts:
    return numbered(good_version(), number)


@pytest.mark.parametrize(
    ("severity", "expected"),
    [(Severity.LOW, EXIT_CONTROL_FAILED), (Severity.HIGH, EXIT_CONTROL_FAILED)],
)
def test_a_failed_control_of_the_required_severity_fails_the_run(
    severity: Severity, expected: int
) -> None:
    report = report_of(without_run(), rules=Rules(packs=(PACK,), fail_on=severity))
    assert exit_code(report) == expected


def test_what_could_not_be_evaluated_is_told_by_the_exit_code() -> None:
    assert exit_code(report_of(unreadable(3))) == EXIT_UNREAD


def test_a_failure_below_the_required_severity_does_not_fail_the_run() -> None:
    facts = good_version()
    run = facts.run
    assert run is not None
    report = report_of(replace(facts, run=replace(run, params={})))
    assert report.verdict is Verdict.FAIL
    assert exit_code(report) == EXIT_OK


def test_nothing_in_scope_is_said() -> None:
    report = report_of()
    assert report.headline == "No model version is in scope of this report."
    assert report.counts.in_scope == 0


def test_a_dossier_does_not_depend_on_the_period_or_on_other_versions() -> None:
    alone = report_of(good_version()).dossiers[0]
    job = replace(good_job().job, period="2027-Q1", as_of=AS_OF + 1, read_on="2027-01-01")
    among = report_of(without_run(), good_version(), job=job).dossiers[1]
    assert alone == among


def test_a_dossier_says_in_one_sentence_what_it_is_about() -> None:
    facts = replace(good_version(), origin=("base/2",), aliases=("champion", "stable"))
    headline = report_of(facts).dossiers[0].headline
    assert headline == (
        "Copy of base version 2. Aliases champion and stable. Trained from raw.csv. "
        "All checks pass."
    )


def test_data_sources_carry_schema_and_state() -> None:
    rows = {row.name: row for row in report_of(good_version()).dossiers[0].datasets}
    assert rows["data/raw.csv"].kind == "raw"
    assert rows["data/raw.csv"].columns == (("amount", "double"), ("y", "long"))
    assert rows["data/raw.csv"].in_remote == "present"
    assert rows["raw"].digest_kind == "mlflow sample"


@pytest.mark.parametrize("schema", ["", "{}", "[]", "no json", '{"mlflow_colspec": 3}', "null"])
def test_a_schema_of_another_kind_has_no_columns(schema: str) -> None:
    assert columns(schema) == ()


def test_workspaces_do_not_share_a_folder() -> None:
    assert slug_of("churn", 1) == "churn/v1"
    assert slug_of("churn", 1, "retail") != slug_of("churn", 1)


def test_facts_read_back_equal() -> None:
    loose = Run("r", name="loose", tags={"a": "b"})
    facts = facts_of(good_version(), without_run(), unregistered_runs=(loose,))
    data = factsfile.dumps(facts)
    assert factsfile.loads(data) == facts
    assert factsfile.dumps(factsfile.loads(data)) == data


def test_a_folder_s_list_is_written_once_and_read_back_by_every_version() -> None:
    members = tuple(TrackedPath(f"{number}.png", f"{number:032x}") for number in range(300))
    shared = FolderList("a" * 32 + ".dir", "churn", 300, members)
    unread = FolderList("b" * 32 + ".dir", "churn", reason="the list is gone")
    both = Pipeline(folders=(shared, unread))
    facts = facts_of(*(replace(item, pipeline=both) for item in (good_version(), without_run())))
    data = factsfile.dumps(facts)
    assert factsfile.loads(data) == facts
    assert data.count(b'"299.png"') == 1
    lines = [line for line in data.splitlines() if not line.startswith(b'{"folder"')]
    with pytest.raises(VerificationError, match="not a facts file"):
        factsfile.loads(b"\n".join(lines))


@given(st.binary(max_size=300))
def test_any_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(VerificationError):
        factsfile.loads(data)


def test_a_tombstone_is_counted_and_said() -> None:
    version = replace(good_version().version, deleted=True, deleted_at=AS_OF - 1)
    report = report_of(replace(good_version(), version=version, aliases=()))
    assert report.counts.tombstones == 1
    assert report.dossiers[0].headline.startswith("Deleted from the registry.")


def test_the_first_report_compares_with_nothing() -> None:
    report = report_of(without_run(), previous=PreviousBundle("2026-Q2"))
    assert report.compared_with == ""
    assert report.changes == ()
    assert {item.status for item in report.exceptions} == {"first report"}


def test_a_version_that_the_registry_only_names() -> None:
    bare = VersionFacts(version=ModelVersion("bare", 1))
    report = report_of(bare)
    assert report.dossiers[0].verdict is Verdict.FAIL
    assert report.dossiers[0].headline.startswith("No alias points to it.")
