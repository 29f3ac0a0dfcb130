"""A registry's state: equal for equal registries, and told apart entry by entry."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from support.histories import Step, World, steps, take

from audit.facts import ModelVersion, RegisteredModel, Registry, Rename, State
from audit.history.state import (
    applied,
    difference,
    digest,
    own_location,
    state_of,
    without_sql_fields,
)


def test_a_deleted_version_keeps_only_the_time_of_its_deletion() -> None:
    gone = ModelVersion(
        "churn", 1, created_at=5, source="s3://b", deleted=True, deleted_at=9, tags={"k": "v"}
    )
    registry = Registry("", "sql", models=(RegisteredModel("churn"),), versions=(gone,))
    model = {("model", "default", "churn", "created_at"): ""}
    assert state_of(registry, "sql") == {
        **model,
        ("version", "default", "churn", "1", "deleted_at"): "9",
    }
    assert state_of(registry, "rest") == model


@pytest.mark.parametrize(
    ("source", "location", "own"),
    [
        ("s3://b/1", "s3://b/1", ""),
        ("models:/m-1", "/store/m-1", "/store/m-1"),
        ("runs:/ab/model", "/store/ab/artifacts/model", ""),
        ("runs:/ab/model", "runs:/ab/model", ""),
        ("runs:/ab/model", "/store/cd/artifacts/model", "/store/cd/artifacts/model"),
        ("s3://b/1", "", ""),
    ],
)
def test_a_location_stands_where_it_says_more_than_the_source(
    source: str, location: str, own: str
) -> None:
    assert own_location(source, location) == own


@settings(max_examples=40, deadline=None)
@given(steps, steps)
def test_a_difference_applied_makes_the_later_state(before: list[Step], after: list[Step]) -> None:
    world = World()
    for step in before:
        take(world, step)
    old = world.state()
    for step in after:
        take(world, step)
    new = world.state()
    assert applied(old, *difference(old, new)) == new
    assert (digest(old) == digest(new)) == (old == new)
    assert digest(dict(reversed(list(new.items())))) == digest(new)
    assert without_sql_fields(new) == world.state("rest")


def _model(name: str, born: int, *versions: int) -> State:
    state = {("model", "default", name, "created_at"): str(born)}
    for number, at in enumerate(versions, 1):
        state["version", "default", name, str(number), "created_at"] = str(at)
    return state


def test_a_rename_is_told_by_times_of_creation() -> None:
    assert difference(_model("a", 1, 5), _model("b", 1, 5))[0] == (Rename("default", "a", "b"),)
    assert difference(_model("a", 1, 5), _model("b", 1, 6))[0] == ()
    assert difference(_model("a", 1), _model("b", 2))[0] == ()


def test_what_could_be_either_is_no_rename() -> None:
    before = {**_model("a", 1), **_model("b", 1)}
    assert difference(before, {**_model("c", 1), **_model("d", 1)})[0] == ()
    before = {**_model("a", 1, 5), **_model("b", 1, 6)}
    after = {**_model("c", 1, 6), **_model("d", 1, 5)}
    renames = difference(before, after)[0]
    assert [(each.before, each.after) for each in renames] == [("a", "d"), ("b", "c")]


def test_a_name_taken_over_and_a_swap() -> None:
    old, new = {**_model("a", 1), **_model("b", 2)}, _model("b", 1)
    assert applied(old, *difference(old, new)) == new
    swapped = {**_model("a", 2), **_model("b", 1)}
    renames, changes = difference(old, swapped)
    assert len(renames) == 2
    assert changes == ()


def test_half_a_surrogate_pair_has_a_digest() -> None:
    assert len(digest({("model_tag", "default", "a", "k"): "\ud800"})) == 64


def test_ten_thousand_versions_are_quick() -> None:
    versions = tuple(
        ModelVersion("m", n, created_at=n, source=f"models:/m-{n}", run_id="r", tags={"a": "b"})
        for n in range(10_000)
    )
    state = state_of(Registry("", "sql", versions=versions), "sql")
    begun = time.process_time()
    digest(state)
    assert difference(state, dict(state)) == ((), ())
    assert time.process_time() - begun < 0.5
