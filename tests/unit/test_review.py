"""What flagged versions have in common, on small facts of which the answer is known."""

import dataclasses
import json

import pytest
from support.subjects import AS_OF, good_job, good_version, md5

from audit import canonical, lineage
from audit.facts import Advisory, Facts, Flag, Registry, Rules, RunState, VersionFacts
from audit.questions import review as answers
from audit.report.build import build
from audit.report.review import Review, of_flags, review
from audit.report.tables import tables

GOOD = good_version()


def version(number: int, *, model: str = "churn", params=None, **changes) -> VersionFacts:
    """Return a version made of its own data, by its own stages, with its own weights."""
    text = json.dumps(canonical.plain(GOOD))
    own = f"{model}{number}"
    for path in ("data/raw.csv", "data/prepared.csv", "models/model.pkl"):
        text = text.replace(md5(path), md5(f"{path} {own}"))
    for state in GOOD.pipeline.states:
        text = text.replace(state.id, canonical.sha256(f"{state.id} {own}".encode()))
    facts = canonical.load(VersionFacts, json.loads(text))
    run = dataclasses.replace(facts.run, params=params or {"C": own})
    named = dataclasses.replace(facts.version, model=model, version=number)
    weights = dataclasses.replace(facts.weights, sha256=md5(own) * 2, first_sha256=md5(own) * 2)
    return dataclasses.replace(facts, version=named, run=run, weights=weights, **changes)


def of_data(facts: VersionFacts, name: str) -> VersionFacts:
    """Return the version made from raw data that goes by a name here."""
    own = f"{facts.version.model}{facts.version.version}"
    text = json.dumps(canonical.plain(facts)).replace(md5(f"data/raw.csv {own}"), md5(name))
    return canonical.load(VersionFacts, json.loads(text))


def reviewed(*versions: VersionFacts, flagged: set[str]) -> Review:
    return review([(item, lineage.build(item)) for item in versions], flagged)


def named(found: Review, kind: str) -> dict[str, tuple[float, int]]:
    return {row.component: (row.coverage, row.others) for row in found.rows if row.kind == kind}


BAD = [of_data(version(number), "bad") for number in (1, 2)]
OTHER = [version(number) for number in (3, 4)]


def test_what_only_the_flagged_share_stands_first() -> None:
    found = reviewed(*BAD, *OTHER, flagged={"churn/1", "churn/2"})
    first = found.rows[0]
    assert (first.component, first.kind, first.label) == (
        f"digest:{md5('bad')}",
        "data",
        "data/raw.csv",
    )
    assert (first.flagged, first.coverage, first.others) == (("churn/1", "churn/2"), 1.0, 0)
    order = [(-row.coverage, row.others) for row in found.rows]
    assert order == sorted(order)


def test_what_every_version_has_tells_nothing() -> None:
    found = reviewed(*BAD, *OTHER, flagged={"churn/1", "churn/2"})
    assert named(found, "package")["package:scikit-learn==1.7.2"] == (1.0, 2)
    assert [row.component for row in found.telling()] == [f"digest:{md5('bad')}"]
    alone = reviewed(*BAD, flagged={"churn/1", "churn/2"})
    assert alone.telling() == alone.rows


def test_coverage_is_the_share_of_the_flagged_that_have_it() -> None:
    found = reviewed(*BAD, *OTHER, flagged={"churn/1", "churn/2", "churn/3"})
    assert named(found, "data") == {f"digest:{md5('bad')}": (2 / 3, 0)}
    assert all(row.coverage > 1 / 3 for row in found.rows)
    assert found.rows[0].coverage == 1.0


def test_the_versions_that_a_version_was_built_on_count_as_its_own() -> None:
    built = [
        dataclasses.replace(version(number, model="small"), bases=("churn/1",)) for number in (1, 2)
    ]
    copied = version(1, model="eu", origin=("small/1",))
    found = reviewed(*BAD, *OTHER, *built, copied, flagged={"small/2", "eu/1"})
    assert named(found, "data")[f"digest:{md5('bad')}"] == (1.0, 3)
    assert named(found, "version") == {"version:churn/1": (1.0, 2)}


def test_versions_built_on_each_other_end_the_walk() -> None:
    one = version(1, bases=("churn/2",))
    two = version(2, bases=("churn/1", "gone/1"))
    found = reviewed(one, two, flagged={"churn/1", "churn/2"})
    assert named(found, "version").keys() == {
        "version:churn/1",
        "version:churn/2",
        "version:gone/1",
    }


def test_fewer_than_two_flagged_versions_have_nothing_in_common() -> None:
    found = reviewed(*BAD, *OTHER, flagged={"churn/1", "gone/7"})
    assert (found.rows, found.flagged, found.absent) == ((), ("churn/1",), ("gone/7",))
    assert "nothing to compare" in answers.text(answers.Answer(found, (), ("churn/1",)))


def test_a_flagged_version_whose_lineage_ends_early_is_named() -> None:
    lost = dataclasses.replace(
        version(5),
        run=None,
        run_state=RunState.GONE,
        pipeline=dataclasses.replace(GOOD.pipeline, matches=(), states=(), tagged=None),
    )
    found = reviewed(*BAD, lost, flagged={"churn/1", "churn/5"})
    assert [key for key, _ in found.incomplete] == ["churn/5"]
    told = answers.text(answers.Answer(found, (), ("churn/1", "churn/5")))
    assert "NOT COMPLETE" in told


# --- told, and in the report ----------------------------------------------------------------

FLAGS = tuple(Flag(f"churn/{n}", AS_OF - n, "alice", "drifted\x1b[31m") for n in (1, 2))


def facts_of(*versions: VersionFacts, **changes) -> Facts:
    job = good_job()
    registry = Registry("sqlite:///registry.db", "sql")
    return Facts(job.job, Rules(), registry, job.previous, versions=versions, **changes)


def test_a_review_as_text_names_who_flagged_and_hides_nothing() -> None:
    answer = answers.review(facts_of(*BAD, *OTHER), FLAGS)
    told = answers.text(answer)
    assert "\x1b" not in told
    assert told.splitlines()[0] == "2 flagged versions, 2 others"
    assert "flagged by alice on 2026-09-30: drifted" in told
    assert "in common: 1 component\n" in told
    assert "not shown, as every version has it" in told
    assert len(answers.text(answer, whole=True).splitlines()) > len(told.splitlines())


def test_a_review_as_values_and_csv_has_every_component() -> None:
    answer = answers.review(facts_of(*BAD, *OTHER), FLAGS, ["churn/3", "churn/3"])
    told = json.loads(json.dumps(answers.plain(answer)))
    assert told["flagged"] == ["churn/1", "churn/2", "churn/3"]
    assert told["also"] == ["churn/3"]
    assert len(answers.csv(answer).splitlines()) == len(told["in_common"]) + 1


def test_nothing_flagged_is_said_so() -> None:
    assert answers.text(answers.review(facts_of(*BAD), ())) == "no version is flagged"


@pytest.mark.parametrize("flags", [(), FLAGS])
def test_the_report_has_reviews_only_where_there_are_flags(flags: tuple[Flag, ...]) -> None:
    report = build(facts_of(*BAD, *OTHER, flags=flags), "")
    assert report.flags == flags
    rows = {row[0]: row for row in tables(report)["reviews"].rows}
    if not flags:
        assert not rows
        return
    assert rows[f"digest:{md5('bad')}"] == (
        f"digest:{md5('bad')}",
        "data",
        "churn/1; churn/2",
        "1.000",
        "data/raw.csv",
        0,
    )
    graphs = [(facts, lineage.build(facts)) for facts in (*BAD, *OTHER)]
    assert report.reviews == of_flags(graphs, flags).rows


def test_a_vulnerability_with_several_names_is_told_once() -> None:
    advisory = Advisory("GHSA-1", "scikit-learn", "1.7.2", aliases=("CVE-2026-1", "PYSEC-2026-1"))
    both = [version(number, advisories=(advisory,)) for number in (1, 2)]
    found = reviewed(*both, *OTHER, flagged={"churn/1", "churn/2"})
    assert list(named(found, "advisory")) == ["advisory:GHSA-1"]
