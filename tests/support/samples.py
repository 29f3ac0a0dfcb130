"""A believable report, built by hand: three models, eight versions, every verdict, no clock.

``hostile_report`` is the same report with hostile text wherever others could have put text.
"""

from __future__ import annotations

import functools
from dataclasses import replace

from support.hostile import hostile
from support.sample_dossiers import LONG_NAME, sample_dossier, sample_dossiers
from support.sample_history import HISTORY, UNEXPLAINED
from support.sample_parts import FAMILIES, digest, job_results, ms

from audit.facts import OutOfScope, PreviousBundle, Repository, Run
from audit.period import parse
from audit.report.model import (
    SCHEMA,
    Change,
    Counts,
    Dossier,
    ExceptionItem,
    FamilyScore,
    GapRow,
    ModelSection,
    PackInfo,
    Report,
    Seal,
    Source,
    WaiverRow,
)
from audit.verdicts import Severity, Verdict, overall

__all__ = ["hostile_report", "sample_dossier", "sample_dossiers", "sample_report"]

PERIOD = parse("2026-Q3", "Europe/Berlin")


def _exceptions(dossiers: tuple[Dossier, ...]) -> tuple[ExceptionItem, ...]:
    found = (_unexplained(), *_failed(dossiers))
    return tuple(replace(item, number=number) for number, item in enumerate(found, start=1))


def _unexplained() -> ExceptionItem:
    odd = UNEXPLAINED
    return ExceptionItem(
        number=0,
        severity=Severity.HIGH,
        verdict=Verdict.FAIL,
        model=odd.model,
        version=odd.version or 0,
        control="history.explained",
        title="Change that no recorded action explains",
        what=f"no recorded action explains {odd.what}: expected {odd.expected}, observed "
        f"{odd.observed}",
        since=odd.when.latest,
        owner="Retail",
        evidence=(),
        remedy="Find out who changed the registry round the server",
        status="new",
    )


def _failed(dossiers: tuple[Dossier, ...]) -> tuple[ExceptionItem, ...]:
    bad = {Verdict.FAIL, Verdict.ERROR, Verdict.UNKNOWN}
    found = [(d, r) for d in dossiers for r in d.results if r.verdict in bad]
    found.sort(key=lambda pair: (pair[1].severity.rank, pair[0].model, -pair[0].version))
    return tuple(
        ExceptionItem(
            number=number,
            severity=result.severity,
            verdict=result.verdict,
            model=dossier.model,
            version=dossier.version,
            control=result.control,
            title=result.title,
            what=result.reason,
            since=dossier.created_at if number % 3 else None,
            owner=dossier.tags.get("owner", "") if number % 4 else "",
            evidence=result.evidence,
            remedy=result.remedy,
            status=("new", "persistent")[number % 2],
        )
        for number, (dossier, result) in enumerate(found, start=1)
    )


def _families(dossiers: tuple[Dossier, ...]) -> tuple[FamilyScore, ...]:
    scores = []
    for family in FAMILIES:
        of_job = tuple(r for r in job_results() if r.family == family.id)
        verdicts = [r.verdict for d in dossiers for r in d.results if r.family == family.id]
        verdicts += [r.verdict for r in of_job]
        passed, failed = verdicts.count(Verdict.PASS), verdicts.count(Verdict.FAIL)
        waived, skipped = verdicts.count(Verdict.WAIVED), verdicts.count(Verdict.NOT_APPLICABLE)
        rest = len(verdicts) - passed - failed - waived - skipped
        scores.append(FamilyScore(family, passed, failed, waived, rest, skipped, of_job))
    return tuple(scores)


def _models(dossiers: tuple[Dossier, ...]) -> tuple[ModelSection, ...]:
    names = sorted({dossier.model for dossier in dossiers})
    return tuple(
        ModelSection(
            name=name,
            workspace="default",
            slug=name,
            created_at=ms("2025-11-03T09:12:44.120"),
            description=own[0].model_description if name != LONG_NAME else "",
            tags={"owner": "Risk Data", "materiality": "high"},
            aliases={alias: d.version for d in own for alias in d.aliases},
            verdict=overall(d.verdict for d in own),
            versions=tuple(d.slug for d in own),
        )
        for name in names
        for own in [[d for d in dossiers if d.model == name]]
    )


WAIVERS = (
    WaiverRow(
        "W-3",
        "training.environment-pinned",
        "fraud",
        "Risk Data",
        "Model Risk Committee",
        "Two packages come from the internal index, which serves one version at a time",
        "2026-07-01",
        "2026-12-31",
        "active",
        2,
    ),
    WaiverRow(
        "W-1",
        "lineage.weights-unchanged",
        "churn v2",
        "Retail",
        "Model Risk Committee",
        "Re-serialised for a security patch",
        "2026-01-01",
        "2026-06-30",
        "expired",
        0,
    ),
    WaiverRow(
        "W-4", "sources.*", "*", "Retail", "CRO", "Migration", "2026-10-15", "2027-01-15",
        "not yet effective", 0,
    ),
    WaiverRow(
        "W-2", "archive.sealed", "*", "Platform", "CISO", "Old key", "2026-01-01", "2027-01-01",
        "unused", 0,
    ),
)  # fmt: skip

CHANGES = (
    Change("new_failure", "fraud", 7, "lineage.not-contradicted", "", "fail", "new version"),
    Change("resolved", "fraud", 6, "training.tree-clean", "fail", "pass", "commit was pushed"),
    Change("newly_waived", "fraud", 5, "training.environment-pinned", "fail", "waived", "W-3"),
    Change("waiver_expired", "churn", 2, "lineage.weights-unchanged", "waived", "fail", "W-1"),
    Change("new_version", "fraud", 7, "", "", "registered 11 August 2026", ""),
    Change("version_gone", "churn", 1, "", "present", "deleted", "deleted in the registry"),
)


@functools.cache
def sample_report() -> Report:
    """Return the sample report; ``counts`` and lists agree with its dossiers."""
    dossiers = sample_dossiers()
    verdicts = [d.verdict for d in dossiers]
    passed, failed = verdicts.count(Verdict.PASS), verdicts.count(Verdict.FAIL)
    waived = verdicts.count(Verdict.WAIVED)
    return Report(
        schema=SCHEMA,
        job="quarterly",
        title="Quarterly model audit",
        organisation="Example Bank",
        period=PERIOD.label,
        start=PERIOD.start,
        end=PERIOD.end,
        zone=PERIOD.zone,
        as_of=PERIOD.end,
        interim=False,
        read_on="2026-10-04",
        tool_version="0.1.0",
        facts_sha256=digest("facts"),
        registry=Source(
            "postgresql://audit@registry.bank.example/mlflow",
            "sql",
            "3.17.2 (1a2b3c4d)",
            (
                "Permissions of users: the registry keeps none that this reader may see.",
                "Artifacts of runs that are stored outside the configured storage.",
            ),
        ),
        repositories=(
            Repository(
                "fraud-pipeline",
                "git@git.bank.example:risk/fraud-pipeline.git",
                head=digest("head", 40),
                branches=("main", "release"),
                commits=1284,
                lock_states=212,
                problems=("dvc.lock at 3f9a1c is not valid YAML: line 12.",),
            ),
            Repository(
                "churn",
                "git@git.bank.example:retail/churn.git",
                readable=False,
                reason="authentication was refused",
            ),
        ),
        previous=PreviousBundle(
            "2026-Q2", "output/quarterly/2026-Q2", True, True, "", digest("previous")
        ),
        seal=Seal("CN=Example Bank Model Audit Seal, O=Example Bank, C=DE", self_issued=True),
        retain="10y",
        retain_until="2036-10-01",
        scope="all versions",
        include=("*",),
        exclude=("sandbox-*",),
        left_out=(OutOfScope("sandbox-alice", 1, "excluded by sandbox-*"),),
        scope_reasons={d.slug: "in the registry at the period's end" for d in dossiers},
        packs=(
            PackInfo(
                "operating-checklist",
                "Operating checklist",
                "2026-11",
                "the organisation's own",
                digest("pack"),
            ),
        ),
        table_rows=300,
        version_pages=100,
        verdict=Verdict.FAIL,
        headline="Two of eight versions fail, one is waived and three could not be evaluated in "
        "full; the gravest exception is the changed weights of churn version 2.",
        counts=Counts(
            in_scope=len(dossiers),
            passed=passed,
            failed=failed,
            waived=waived,
            not_evaluated=len(dossiers) - passed - failed - waived,
            models=3,
            tombstones=1,
            left_out=1,
        ),
        score_before=91.6,
        score_after=93.1,
        families=_families(dossiers),
        exceptions=_exceptions(dossiers),
        models=_models(dossiers),
        dossiers=dossiers,
        job_results=job_results(),
        waivers=WAIVERS,
        changes=CHANGES,
        compared_with="2026-Q2",
        gaps=tuple(GapRow(d.model, d.version, gap) for d in dossiers for gap in d.gaps),
        unregistered_runs=tuple(
            Run(
                digest(f"stray{n}", 32),
                name=f"sweep-{n}",
                experiment="fraud",
                user="carol",
                status=("FINISHED", "FAILED")[n % 2],
                started_at=ms("2026-08-20T11:00:00") + n * 3_600_000,
                tags={"mlflow.source.git.commit": digest(f"stray{n}", 40)} if n % 2 else {},
            )
            for n in range(4)
        ),
        history_statement="The registry was observed by snapshots of the registry, triggers in its "
        "database and the server plugin, which names the user.",
        history=HISTORY,
    )


@functools.cache
def hostile_report() -> Report:
    """Return the sample report with hostile text in every field that others can write."""
    report: Report = hostile(sample_report())
    return report
