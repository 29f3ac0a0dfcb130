"""Questions of lineage, on small facts of which the answers are known."""

import dataclasses
import json

import pytest
from support.golden import assert_golden
from support.hostile import hostile
from support.subjects import AS_OF, COMMIT, RUN, good_job, good_version, md5, sha256

from audit import canonical
from audit.errors import UsageError
from audit.facts import (
    Consumer,
    Facts,
    OutOfScope,
    RegisteredModel,
    Registry,
    Rules,
    RunState,
    VersionFacts,
)
from audit.questions import asked, bundles, difference, impact, trace
from audit.verdicts import Grade


def version(number: int, model: str = "churn", **changes) -> VersionFacts:
    good = good_version()
    named = dataclasses.replace(
        good.version, model=model, version=number, run_id=changes.pop("run_id", RUN)
    )
    return dataclasses.replace(good, version=named, **{"aliases": (), **changes})


def facts_of(*versions: VersionFacts, **changes) -> Facts:
    job = good_job()
    return Facts(
        job=job.job,
        rules=Rules(),
        registry=Registry("sqlite:///registry.db", "sql"),
        previous=job.previous,
        versions=versions,
        **changes,
    )


def other_data(facts: VersionFacts) -> VersionFacts:
    """Return the version made from another raw file of the same name."""
    text = json.dumps(canonical.plain(facts)).replace(md5("data/raw.csv"), md5("other"))
    return canonical.load(VersionFacts, json.loads(text))


GOOD = good_version()
LATER = other_data(version(4, aliases=("challenger",)))
LOST = version(
    5,
    run=None,
    run_state=RunState.GONE,
    pipeline=dataclasses.replace(GOOD.pipeline, matches=(), states=(), tree=(), tagged=None),
)
FACTS = facts_of(version(1), GOOD, LATER, LOST, left_out=(OutOfScope("churn", 2, "not asked"),))


# --- which version is meant -----------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["models:/churn@champion", "churn@champion", "models:/churn/3", "churn/3", "churn/v3"]
)
def test_a_version_goes_by_its_number_and_by_its_alias(name):
    assert asked.version_named(FACTS, name) is GOOD


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("churn", "not the name of a version"),
        ("chrun/3", "no model of this name.*Near it: churn"),
        ("churn/9", "no version 9.*Near it"),
        ("churn/2", "not in this report: not asked"),
        ("churn@champoin", "no alias champoin.*Near it: churn@champion"),
        ("churn@x", "no alias x in the bundle. Near it: churn@champion, churn@challenger$"),
    ],
)
def test_a_version_that_is_not_there_is_refused_with_what_is_near(name, told):
    with pytest.raises(UsageError, match=told):
        asked.version_named(FACTS, name)


def test_a_model_of_another_workspace_goes_by_its_label():
    elsewhere = dataclasses.replace(GOOD.version, workspace="risk")
    there = dataclasses.replace(GOOD, version=elsewhere)
    assert asked.version_named(facts_of(GOOD, there), "models:/risk:churn/3") is there


# --- trace ----------------------------------------------------------------------------------


def traced(facts: Facts, name: str) -> trace.Trace:
    return trace.trace(facts, asked.version_named(facts, name))


def test_a_trace_as_text():
    consumer = Consumer("run", "nightly scoring", "0" * 32, AS_OF, Grade.RECORDED, "an input")
    facts = facts_of(dataclasses.replace(GOOD, consumers=(consumer,)))
    told = trace.text(traced(facts, "churn/3"), up=True, down=True)
    assert_golden("questions/trace.txt", f"{told}\n".encode())


def test_a_broken_trace_as_text():
    told = trace.text(traced(FACTS, "churn/5"), up=True, down=False)
    assert_golden("questions/trace-broken.txt", f"{told}\n".encode())


def test_a_trace_reaches_every_node_that_the_version_came_from():
    answer = traced(FACTS, "churn@champion")
    steps = {step.node.id for step in answer.up}
    assert steps == {node.id for node in answer.graph.nodes} - {
        "model_version:churn/3",
        "alias:champion",
    }
    assert {step.node.label for step in answer.down} == {"champion"}


def test_what_was_changed_stands_before_everything_else():
    changed = dataclasses.replace(GOOD.weights, first_sha256=sha256("before"))
    facts = facts_of(dataclasses.replace(GOOD, weights=changed))
    told = trace.text(traced(facts, "churn/3"), up=True, down=False).splitlines()
    assert told[1] == "lineage contradicted"
    assert told[4].startswith("  [CONTRADICTED] logged model churn")


def test_copies_and_models_built_on_a_version_are_followed():
    copy = version(1, "churn-eu", aliases=("live",), origin=("churn/3",))
    built = version(1, "churn-small", run_id="b" * 32)
    consumers = (
        Consumer("copy", "churn-eu v1", "churn-eu/1"),
        Consumer("run", "distil", "b" * 32),
    )
    facts = facts_of(dataclasses.replace(GOOD, consumers=consumers), copy, built)
    down = [(len(s.lasts), s.node.id) for s in traced(facts, "churn/3").down]
    assert down == [
        (1, "alias:churn/3@champion"),
        (1, "model_version:churn-eu/1"),
        (2, "alias:churn-eu/1@live"),
        (1, f"consumer:{'b' * 32}"),
        (2, "model_version:churn-small/1"),
    ]


def test_a_trace_as_values_names_every_edge():
    told = json.loads(json.dumps(trace.plain(traced(FACTS, "churn/5"), up=True, down=True)))
    assert (told["lineage"], told["weakest_grade"]) == ("gaps", "missing")
    assert {edge["grade"] for edge in told["broken"]} == {"missing"}
    assert {gap["what"] for gap in told["gaps"]} == {"training run", "training data"}
    assert told["down"] == []


# --- impact ---------------------------------------------------------------------------------


def found(what: str, facts: Facts = FACTS) -> list[str]:
    return [item.version.version.key for item in impact.impact(facts, what).found]


@pytest.mark.parametrize(
    ("what", "versions"),
    [
        (md5("data/raw.csv"), ["churn/3", "churn/1"]),
        (md5("data/raw.csv")[:8].upper(), ["churn/3", "churn/1"]),
        (f"md5:{md5('other')}", ["churn/4"]),
        ("data/raw.csv", ["churn/4", "churn/3", "churn/1"]),
        ("data/r*.csv", ["churn/4", "churn/3", "churn/1"]),
        ("src/train.py", ["churn/4", "churn/3", "churn/1"]),
        ("dataset:raw", ["churn/4", "churn/3", "churn/1"]),
        ("1a2b3c4d", ["churn/4", "churn/3", "churn/1"]),
        (COMMIT[:7], ["churn/4", "churn/3", "churn/1"]),
        ("scikit_learn", ["churn/4", "churn/3", "churn/5", "churn/1"]),
        ("package:scikit-learn==1.7.2", ["churn/4", "churn/3", "churn/5", "churn/1"]),
    ],
)
def test_what_descends_from_a_piece_and_holders_of_an_alias_come_first(what, versions):
    answer = found(what)
    assert sorted(answer) == sorted(versions)
    held = [key in ("churn/3", "churn/4") for key in answer]
    assert held == sorted(held, reverse=True)


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("raw.csv", "nothing in the lineage.*Near it: data/raw.csv"),
        ("scikit-learn==1.7", "nothing in the lineage.*Near it: scikit-learn"),
        (md5("data/raw.csv")[:6], "Digests need 8 digits or more"),
        ("f" * 32, "nothing in the lineage"),
        ("", "nothing in the lineage"),
    ],
)
def test_a_name_of_nothing_is_refused_with_what_is_near(what, told):
    with pytest.raises(UsageError, match=told):
        impact.impact(FACTS, what)


def test_a_name_of_several_things_is_refused_with_the_ways_to_say_which():
    packaged = dataclasses.replace(GOOD.environment, packages=("raw==1.0",))
    facts = facts_of(dataclasses.replace(GOOD, environment=packaged))
    with pytest.raises(UsageError, match="dataset:raw, package:raw"):
        impact.impact(facts, "raw")
    assert found("package:raw", facts) == ["churn/3"]


def test_a_beginning_of_two_digests_is_refused():
    one, two = "12345678" + "a" * 24, "12345678" + "b" * 24
    text = json.dumps(canonical.plain(GOOD)).replace(md5("data/raw.csv"), one)
    also = text.replace(one, two).replace('"version": 3', '"version": 4')
    facts = facts_of(*(canonical.load(VersionFacts, json.loads(item)) for item in (text, also)))
    with pytest.raises(UsageError, match=r"beginning of 2 digests.*12345678a"):
        impact.impact(facts, "12345678")
    assert found("12345678a", facts) == ["churn/3"]


def test_the_way_is_the_one_whose_weakest_link_is_strongest():
    (item,) = impact.impact(facts_of(GOOD), "data/raw.csv").found
    assert item.grade is Grade.RECORDED
    ends = [hop.node.id for hop in item.hops]
    assert ends[-1] == "model_version:churn/3"
    assert not any("dataset:" in end for end in ends)


def test_versions_whose_lineage_has_a_gap_are_undecided_and_not_cleared():
    answer = impact.impact(FACTS, "data/raw.csv")
    assert [key for key, _ in answer.undecided] == ["churn/5"]
    assert answer.left_out == 1
    told = impact.text(answer)
    assert "UNDECIDED: 1 version may descend" in told
    assert "not asked: 1 version" in told


def test_a_version_made_from_a_descendant_descends_as_well():
    built = dataclasses.replace(LOST, version=dataclasses.replace(LOST.version, run_id="b" * 32))
    taken = dataclasses.replace(GOOD, consumers=(Consumer("run", "distil", "b" * 32),))
    answer = impact.impact(facts_of(taken, built), md5("data/raw.csv"))
    assert [item.version.version.key for item in answer.found] == ["churn/3", "churn/5"]
    assert answer.found[1].grade is Grade.DECLARED
    assert answer.undecided == ()


def test_an_impact_as_text_csv_and_values():
    answer = impact.impact(FACTS, "data/raw.csv")
    assert_golden("questions/impact.txt", f"{impact.text(answer)}\n".encode())
    assert_golden("questions/impact.csv", impact.csv(answer))
    told = impact.plain(answer)
    assert [item["version"] for item in told["versions"]] == [4, 3, 1]
    assert told["versions"][0]["path"][-1]["node"]["id"] == "model_version:churn/4"


# --- diff -----------------------------------------------------------------------------------


def parts(before: VersionFacts, after: VersionFacts) -> dict[str, difference.Part]:
    answer = difference.compare(facts_of(before, after), before, after)
    return {part.name: part for part in answer.parts}


def test_equal_versions_differ_in_nothing_but_the_alias():
    found = parts(version(1), GOOD)
    differ = {name: part.differences for name, part in found.items() if part.differences}
    assert list(differ) == ["statuses"]
    assert [item.what for item in differ["statuses"]] == ["aliases"]
    assert not any(part.unknown for part in found.values())


def test_a_version_is_the_same_as_itself():
    assert not any(part.differences for part in parts(GOOD, GOOD).values())


def test_other_raw_data_is_told_by_digest():
    (item,) = parts(GOOD, LATER)["raw data"].differences
    assert (item.what, item.before, item.after) == (
        "data/raw.csv",
        f"md5:{md5('data/raw.csv')}",
        f"md5:{md5('other')}",
    )


def test_what_is_not_known_is_neither_equal_nor_other():
    found = parts(GOOD, LOST)
    for name in ("raw data", "code", "parameters", "metrics", "inputs and schema"):
        assert found[name].unknown.startswith("churn/5: "), name
        assert found[name].differences == ()


def test_a_difference_as_text():
    run = dataclasses.replace(
        GOOD.run,
        params={"C": "1.0", "seed": "7"},
        metrics={"accuracy": 0.91, "auc": 0.8},
        datasets=(dataclasses.replace(GOOD.run.datasets[0], schema='{"mlflow_colspec": []}'),),
    )
    packages = dataclasses.replace(GOOD.environment, packages=("scikit-learn==1.8.0",))
    after = dataclasses.replace(LATER, run=run, environment=packages)
    told = difference.text(difference.compare(facts_of(GOOD, after), GOOD, after))
    assert_golden("questions/diff.txt", f"{told}\n".encode())


def test_bundles_tell_what_came_what_went_and_what_moved():
    spoiled = dataclasses.replace(
        GOOD, weights=dataclasses.replace(GOOD.weights, first_sha256=sha256("before"))
    )
    answer = bundles.compare(facts_of(version(1), GOOD), facts_of(spoiled, LATER))
    assert (answer.came, answer.went) == (("churn/4",), ("churn/1",))
    moved = {(item.name, item.what): item.after for item in answer.statuses}
    assert moved["churn/3", "weights"] == "changed"
    assert "churn/3 lineage" in bundles.text(answer)
    assert bundles.plain(answer)["came"] == ["churn/4"]


def test_an_alias_that_moved_came_or_went_is_told_once():
    before, after = (
        dataclasses.replace(
            FACTS,
            registry=dataclasses.replace(
                FACTS.registry, models=(RegisteredModel("churn", aliases=aliases),)
            ),
        )
        for aliases in ({"champion": 1, "old": 1, "same": 3}, {"champion": 3, "new": 4, "same": 3})
    )
    assert [(i.what, i.before, i.after) for i in bundles.compare(before, after).aliases] == [
        ("churn@champion", "version 1", "version 3"),
        ("churn@old", "version 1", ""),
        ("churn@new", "", "version 4"),
    ]


# --- hostile text ---------------------------------------------------------------------------


def hostile_version(number: int, **changes) -> VersionFacts:
    bad = hostile(version(number, consumers=(Consumer("run", "x", "y", detail="z"),), **changes))
    states = tuple(
        dataclasses.replace(state, id=kept.id)
        for state, kept in zip(bad.pipeline.states, GOOD.pipeline.states, strict=True)
    )
    return dataclasses.replace(bad, pipeline=dataclasses.replace(bad.pipeline, states=states))


def test_text_of_others_cannot_move_the_cursor_or_turn_the_line():
    facts = facts_of(hostile_version(3), hostile_version(4, aliases=("a\x1b[31m\u202eb",)))
    one, two = facts.versions
    answers = (
        trace.text(trace.trace(facts, one), up=True, down=True),
        difference.text(difference.compare(facts, one, two)),
        impact.text(impact.impact(facts, "path:*src*")),
        bundles.text(bundles.compare(facts_of(one), facts_of(two))),
    )
    for told in answers:
        assert not set(told) & set("\x00\x07\x1b\x7f\x85\r\t\u202e\u2066\u200f\u2028\ud800")
