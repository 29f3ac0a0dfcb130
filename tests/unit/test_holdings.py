"""Weights and data sets in words: what is told, and what is told first."""

from dataclasses import replace

import pytest
from support.samples import sample_report

from audit.facts import DatasetCheck, DigestState, ModelSignature, Tie
from audit.render import holdings, records
from audit.report.model import Dossier
from audit.verdicts import WeightsStatus


@pytest.fixture(scope="module")
def dossier() -> Dossier:
    return next(item for item in sample_report().dossiers if item.files)


def test_twins_are_told_by_how_they_came_about(dossier: Dossier) -> None:
    keys = [f"churn/{number}" for number in range(20)]
    ties = dict.fromkeys(keys, Tie.OTHER_RUN) | {"churn-eu/1": Tie.COPY}
    told = holdings.twins(replace(dossier, twins=tuple(ties), twin_ties=ties))
    assert told.startswith("Other versions with the same weights, copies, as the registry says: ")
    assert "churn-eu v1; registered from another run: churn v0, churn v1" in told
    assert told.endswith("churn v7 and 12 more.")
    assert holdings.twins(dossier) == ""


def test_changed_files_come_first_and_removed_ones_are_not_forgotten(dossier: Dossier) -> None:
    last = dossier.files[-1].path
    changed = replace(
        dossier,
        weights_changed=(last, "gone.bin"),
        weights_added=(last,),
        weights_removed=("gone.bin",),
    )
    found = holdings.files(changed, 2)
    assert [(row.cells[0], row.cells[3]) for row in found.rows] == [
        (last, "✕ added"),
        ("gone.bin", "✕ removed"),
    ]
    assert found.total == len(dossier.files) + 1


@pytest.mark.parametrize(("watched", "others"), [(True, "unchanged"), (False, "first seen")])
def test_only_files_that_a_lock_names_are_verified(
    dossier: Dossier, *, watched: bool, others: str
) -> None:
    statuses = replace(dossier.statuses, weights=WeightsStatus.VERIFIED)
    proved = dossier.files[0].path
    found = holdings.files(
        replace(
            dossier,
            statuses=statuses,
            weights_changed=(),
            weights_proved=(proved,),
            weights_watched=watched,
        ),
        9,
    )
    states = {row.cells[0]: row.cells[3] for row in found.rows}
    assert states.pop(proved) == "verified"
    assert set(states.values()) == {others}


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (
            ModelSignature("model.sig", "valid", "key", "ab", covered=1),
            "Model signature model.sig, made with a key: ✓ valid. Signed by ab. It names 1 file.",
        ),
        (
            ModelSignature("model.sig", "invalid", reason="the file is no signature of a model"),
            "Model signature model.sig: ✕ invalid, the file is no signature of a model.",
        ),
        (
            ModelSignature("a.sig", "not_checked", "sigstore", reason="no network is asked"),
            "Model signature a.sig, made with Sigstore: ? not checked, no network is asked.",
        ),
    ],
)
def test_a_signature_in_words(found: ModelSignature, told: str) -> None:
    assert holdings.signature(found) == told


def test_hostile_names_stay_in_their_line(dossier: Dossier) -> None:
    found = ModelSignature("model.sig", "invalid", "key", "a\nb", "c\n\u202ed", 1, ("e\nf",) * 20)
    assert "\n" not in holdings.signature(found)
    ties = {"a\nb/1": Tie.COPY}
    assert "\n" not in holdings.twins(replace(dossier, twins=("a\nb/1",), twin_ties=ties))


def _remark(dossier: Dossier, **found: object) -> str:
    row = next(row for row in dossier.datasets if row.kind == "input")
    check = DatasetCheck(row.name, row.digest, **found)  # type: ignore[arg-type]
    changed = replace(dossier, dataset_checks=(check,))
    (shown,) = [
        item.remark
        for item in records.data(changed, 100).rows
        if item.cells[:2] == (row.name, "input")
    ]
    return shown


def test_what_was_found_of_a_data_set_stands_below_it() -> None:
    dossier = next(
        item for item in sample_report().dossiers if any(d.kind == "input" for d in item.datasets)
    )
    file, reader = f"data/raw.csv@{'0' * 32}", "pandas 3.0 read_csv"
    state = DigestState.EQUAL
    told = _remark(dossier, state=state, file=file, reader=reader)
    assert "Consistent with data/raw.csv as DVC keeps it: the same sample digest (pandas" in told
    state = DigestState.DIFFERENT
    told = _remark(dossier, state=state, file=file, reader=reader, computed="12345678")
    assert "Not the digest of data/raw.csv by this reader: 12345678 (pandas" in told
    told = _remark(dossier, reason="its source is a folder", source_kind="s3", pinned=False)
    assert "Its address (s3) does not name one content. Digest not computed: its source" in told
    told = _remark(dossier, signature_differs=tuple(f"lacks {n} (long)" for n in range(12)))
    assert "lacks 7 (long); 4 more." in told
