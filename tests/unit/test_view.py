"""What pages take from a report beyond its own fields."""

import dataclasses

from support.samples import sample_dossier, sample_report

from audit.render import view
from audit.report.tables import tables
from audit.verdicts import Verdict


def test_version_pages_follow_the_models_and_are_linked_by_number():
    report = sample_report()
    pages = view.version_pages(report)
    assert list(pages) == [slug for model in report.models for slug in model.versions]
    assert [page.anchor for page in pages.values()][:2] == ["version-1", "version-2"]
    found = [item for page in pages.values() for item in page.exceptions]
    assert sorted(item.number for item in found) == list(range(1, len(report.exceptions) + 1))


def test_versions_with_exceptions_are_chosen_first():
    report = dataclasses.replace(sample_report(), version_pages=3)
    assert all(page.exceptions for page in view.version_pages(report).values())
    assert len(view.version_pages(report)) == 3


def test_open_results_are_the_gravest_first_and_never_a_pass():
    verdicts = [result.verdict for result in view.open_results(sample_dossier("churn", 3))]
    assert verdicts == [Verdict.UNKNOWN] * 3
    severities = [r.severity.rank for r in view.open_results(sample_dossier("fraud", 7))]
    assert severities == sorted(severities)


def test_results_stand_under_their_checklist_items():
    groups = view.by_family(sample_dossier())
    assert [title for title, _ in groups] == [
        "Data sources registered", "Training captured", "Lineage complete",
    ]  # fmt: skip
    assert sum(len(results) for _, results in groups) == len(sample_dossier().results)


def test_each_data_source_stands_once_with_its_users():
    report = sample_report()
    twice = dataclasses.replace(report, dossiers=(*report.dossiers, report.dossiers[0]))
    assert len(view.datasets(twice)) == len(view.datasets(report))
    assert view.datasets(twice)[0][1]


def test_a_file_whose_schema_only_one_run_logged_is_one_data_source():
    report = sample_report()
    first = report.dossiers[0]
    bare = dataclasses.replace(
        first,
        version=99,
        datasets=tuple(
            row if row.kind == "input" else dataclasses.replace(row, columns=())
            for row in first.datasets
        ),
    )
    both = dataclasses.replace(report, dossiers=(bare, first))
    found = view.datasets(both)
    assert len(found) == len(set(first.datasets))
    assert {row for row, _ in found} == set(first.datasets)
    assert all(len(users) == 2 for _, users in found)
    assert len(list(tables(both)["datasets"].rows)) == len(found)


def test_what_is_blank_is_named():
    assert view.blank_parts(sample_dossier()) == []
    assert "a training run" in view.blank_parts(sample_dossier("churn", 3))


def test_period_days_are_those_of_its_zone():
    days = view.period_days(sample_report())
    assert days == "1 July 2026 to 30 September 2026, whole days in Europe/Berlin"
