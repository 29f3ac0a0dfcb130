"""Reports as of moments in the middle of the scripted quarter: the state then, not today's."""

import csv
import datetime as dt
from pathlib import Path

import pytest
from support.deeds import Deed, Mark, held
from support.played import Played, job_file

from audit.archive.verify import verify_bundle
from audit.cli import main
from audit.period import iso

pytestmark = pytest.mark.xdist_group("mlflow-servers")

MOMENTS = ["renamed", "fraud stands"]
"""A model had another name; a model stood that was deleted, and made again, later."""


def table(bundle: Path, name: str) -> list[dict[str, str]]:
    with (bundle / "data" / "csv" / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="session")
def reported(on_sqlite: Played) -> tuple[Played, dict[str, Path], Path]:
    """The bundles of a period as of several moments in the middle of the script."""
    authority = on_sqlite.folder / "keys"
    assert main(["keys", "new", str(authority)]) == 0
    bundles = {}
    day = dt.timedelta(days=1)
    today = dt.datetime.now(dt.UTC).date()
    period = f"{today - day}/{today + day}"
    for mark in on_sqlite.book.marks:
        if mark.name in MOMENTS:
            folder = on_sqlite.folder / mark.name.replace(" ", "-")
            job = job_file(on_sqlite, folder)
            code = main(["run", str(job), "-q", "-p", period, "--as-of", iso(mark.at)])
            assert code in (0, 1, 3)
            (bundles[mark.name],) = (folder / "output" / "past").glob("20*")
    return on_sqlite, bundles, authority / "ca.pem"


Reported = tuple[Played, dict[str, Path], Path]


def moment_of(reported: Reported, name: str) -> tuple[Mark, Path, list[Deed]]:
    mark = next(item for item in reported[0].book.marks if item.name == name)
    deeds = [deed for deed in reported[0].book.deeds if deed.end <= mark.at]
    return mark, reported[1][name], deeds


@pytest.mark.parametrize("name", MOMENTS)
def test_a_past_report_shows_the_state_of_its_moment(reported: Reported, name: str) -> None:
    mark, bundle, _ = moment_of(reported, name)
    expected = {}
    for model in mark.state.values():
        for number, version in model.versions.items():
            held = sorted(alias for alias, holder in model.aliases.items() if holder == number)
            expected[model.name, str(number)] = (version.stage, "; ".join(held), version.source)
    found = {
        (row["model"], row["version"]): (row["stage"], row["aliases"], row["source"])
        for row in table(bundle, "versions")
        if row["status"] != "DELETED"
    }
    assert found == expected
    models = {row["model"]: row for row in table(bundle, "models")}
    for model in mark.state.values():
        if model.versions:
            assert models[model.name]["description"] == model.description
            tags = "; ".join(f"{key}={text}" for key, text in sorted(model.tags.items()))
            assert models[model.name]["tags"] == tags


@pytest.mark.parametrize("name", MOMENTS)
def test_a_past_report_tells_the_actions_up_to_its_moment(reported: Reported, name: str) -> None:
    _, bundle, deeds = moment_of(reported, name)
    rows = table(bundle, "actions")
    found = sorted(
        (
            row["action"], row["model"], row["version"], row["alias"], row["key"],
            row["before"], row["after"], row["actor"], row["actor_grade"], row["grade"],
        )
        for row in rows
    )  # fmt: skip
    expected = sorted(
        (
            deed.kind.value, deed.model, "" if deed.version is None else str(deed.version),
            deed.alias, deed.key, deed.before, deed.after, deed.actor, deed.actor_grade.value,
            "recorded",
        )
        for deed in deeds
    )  # fmt: skip
    assert found == expected
    assert len({row["event"] for row in rows}) == len(rows)


@pytest.mark.parametrize("name", MOMENTS)
def test_a_past_report_tells_tenures_and_balanced_books(reported: Reported, name: str) -> None:
    mark, bundle, deeds = moment_of(reported, name)
    names = {model.identity: model.name for model in mark.state.values()}
    expected = sorted(
        (names[identity], alias, str(version), end is None)
        for identity, alias, version, _, end in held(deeds)
        if identity in names
    )
    found = sorted(
        (row["model"], row["alias"], row["version"], not row["to"])
        for row in table(bundle, "tenures")
    )
    assert found == expected
    books = table(bundle, "reconciliation")
    assert {row["model"] for row in books} >= {model.name for model in mark.state.values()}
    for row in books:
        assert row["unexplained"] == "0"
        assert row["closing_expected"] == row["closing_observed"]


@pytest.mark.parametrize("name", MOMENTS)
def test_a_past_report_is_sealed(reported: Reported, name: str) -> None:
    assert verify_bundle(moment_of(reported, name)[1], reported[2]).ok
