"""Eight dossiers that between them show every verdict and every kind of trouble."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

from support.sample_history import life
from support.sample_parts import (
    FAMILIES,
    consumers,
    datasets,
    digest,
    environment,
    files,
    graph,
    inputs,
    ms,
    objects,
    results,
    run,
    stages,
)

from audit.facts import Commit, CommitState, Environment
from audit.report.model import DOSSIER_SCHEMA, Dossier, Statuses
from audit.verdicts import Verdict, WeightsStatus

LONG_NAME = "credit-limit-recommendation-retail-emea-challenger-2026-revision-b"


def _commit(sha_of: str, subject: str, state: CommitState = CommitState.REACHABLE) -> Commit:
    return Commit(
        sha=digest(sha_of, 40),
        state=state,
        repository="fraud-pipeline",
        parents=(digest(sha_of + "parent", 40),),
        author="Alice <alice@bank.example>",
        authored_at=ms("2026-08-11T06:40:12"),
        committer="Alice <alice@bank.example>",
        committed_at=ms("2026-08-11T06:41:55"),
        subject=subject,
        branches=("main",) if state is CommitState.REACHABLE else (),
        merged_by=digest(sha_of + "merge", 40) if state is CommitState.REACHABLE else "",
        signed="ssh",
    )


def _dossier(
    model: str,
    version: int,
    verdict: Verdict,
    headline: str,
    *,
    weights: WeightsStatus = WeightsStatus.UNCHANGED,
    failing: dict[str, tuple[Verdict, str]] | None = None,
    broken: str = "",
    **changes: Any,
) -> Dossier:
    """Return one dossier; ``failing`` maps control ids to what they came to."""
    key = f"{model}/{version}"
    slug = f"{model}/v{version}"
    lineage = graph(model, version, broken)
    tagged = _commit(key + "tag", "Raise the regularisation, add vendor features")
    dossier = Dossier(
        schema=DOSSIER_SCHEMA,
        slug=slug,
        model=model,
        version=version,
        workspace="default",
        headline=headline,
        verdict=verdict,
        created_at=ms("2026-08-11T07:16:03.412") - (8 - version) * 86_400_000 * 11,
        created_by="alice",
        description="Trained on the July extract; vendor features added after the June review.",
        model_description="Scores card transactions for fraud at authorisation time.",
        tags={"owner": "Risk Data", "risk_tier": "1", "reviewed": "yes"},
        aliases=(),
        stage="None",
        registry_status="READY",
        source=f"models:/m-{digest(key + 'lm', 32)}",
        storage_location=f"s3://models/1/models/m-{digest(key + 'lm', 32)}/artifacts",
        origin=(),
        deleted=False,
        deleted_at=None,
        run=run(key),
        run_state="present",
        logged_model_id=f"m-{digest(key + 'lm', 32)}",
        model_type="sklearn",
        statuses=Statuses(lineage.status.value, weights, "reachable", "matched", "pinned"),
        weights_sha256=digest(key + "weights"),
        weights_first_seen_at=ms("2026-08-11T18:00:04"),
        weights_reason="",
        weights_changed=(),
        files=files(key),
        graph=lineage,
        tagged_commit=tagged,
        commits=(tagged, _commit(key + "lock", "Update the lock after the August training")),
        stages=stages(key),
        datasets=datasets(key),
        objects=objects(key),
        inputs=inputs(key),
        environment=environment(),
        consumers=consumers(key),
        families=FAMILIES,
        results=results(model, version, failing or {}),
        gaps=lineage.gaps,
        problems=(),
        actions=life(model, version),
    )
    return dataclasses.replace(dossier, **changes)


@functools.cache
def sample_dossiers() -> tuple[Dossier, ...]:
    """Return eight dossiers that between them show every verdict and every kind of trouble."""
    no_run: dict[str, Any] = {
        "run": None,
        "run_state": "none",
        "tagged_commit": None,
        "commits": (),
        "stages": (),
        "datasets": (),
        "objects": (),
        "inputs": (),
        "environment": Environment(),
        "consumers": (),
        "statuses": Statuses(
            "gaps", WeightsStatus.FIRST_SEEN, "not_recorded", "no_match", "not_recorded"
        ),
        "logged_model_id": "",
        "model_type": "",
    }
    unknown = dict.fromkeys(
        ("training.run-finished", "training.commit-recorded", "lineage.unbroken"),
        (Verdict.UNKNOWN, "the version names no run"),
    )
    return (
        _dossier(
            "fraud",
            7,
            Verdict.FAIL,
            "Champion since registration; trained from transactions.csv and labels.csv by stage "
            "train. Two checks fail.",
            aliases=("champion", "prod-eu"),
            broken="contradicted",
            failing={
                "sources.raw-tracked": (
                    Verdict.FAIL,
                    "The vendor feed is used by stage prepare and stands in no lock",
                ),
                "lineage.not-contradicted": (
                    Verdict.FAIL,
                    "The vendor feed has another digest in the run than in the lock",
                ),
                "training.environment-pinned": (Verdict.WAIVED, "2 of 14 packages are not pinned"),
            },
            problems=("The remote eu-store answered with a time-out for 2 of 14 objects.",),
        ),
        _dossier("fraud", 6, Verdict.PASS, "All evaluated checks pass.", aliases=("challenger",)),
        _dossier(
            "fraud",
            5,
            Verdict.WAIVED,
            "All checks pass but one, which is waived until 31 December 2026.",
            failing={
                "training.environment-pinned": (Verdict.WAIVED, "2 of 14 packages are not pinned")
            },
        ),
        _dossier(
            "churn",
            3,
            Verdict.UNKNOWN,
            "Registered from a folder without a run: its training cannot be shown.",
            broken="missing",
            failing=unknown,
            **no_run,
        ),
        _dossier(
            "churn",
            2,
            Verdict.FAIL,
            "The weights are not the bytes that were first seen.",
            weights=WeightsStatus.CHANGED,
            failing={
                "lineage.weights-unchanged": (Verdict.FAIL, "1 of 4 files differs: model.pkl")
            },
            weights_changed=("model.pkl",),
        ),
        _dossier(
            "churn",
            1,
            Verdict.ERROR,
            "Deleted on 2 September 2026; its artifacts can no longer be read.",
            weights=WeightsStatus.UNREACHABLE,
            deleted=True,
            deleted_at=ms("2026-09-02T12:30:00"),
            weights_sha256="",
            weights_first_seen_at=None,
            weights_reason="the storage location answered: access denied",
            files=(),
            failing={"lineage.weights-unchanged": (Verdict.ERROR, "the location cannot be read")},
        ),
        _dossier(
            LONG_NAME,
            2,
            Verdict.MANUAL,
            "One check needs a person to confirm the purpose.",
            failing={
                "sources.input-recorded": (Verdict.MANUAL, "Confirm the schema against the card")
            },
        ),
        _dossier(
            LONG_NAME,
            1,
            Verdict.PASS,
            "A copy of fraud version 6; all evaluated checks pass.",
            origin=("fraud/6", "fraud-staging/12"),
            failing={
                "sources.objects-present": (Verdict.NOT_APPLICABLE, "no data of its own"),
            },
        ),
    )


def sample_dossier(model: str = "fraud", version: int = 7) -> Dossier:
    """Return one of ``sample_dossiers``."""
    return next(d for d in sample_dossiers() if (d.model, d.version) == (model, version))
