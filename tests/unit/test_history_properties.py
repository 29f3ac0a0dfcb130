"""Random lives of a registry: what was observed must tell what was done."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from support.histories import Deed, Step, World, steps, take

from audit.facts import Observations
from audit.history.balance import balances
from audit.history.model import Action, ActionGrade, History
from audit.history.moments import state_at, straddling, tenures
from audit.history.reconstruct import reconstruct

calm = settings(
    max_examples=40,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow],
)


def told(history: History, since: int = 0) -> list[Deed]:
    """Return a history's actions in the form of the truth."""
    kinds = {action.id: str(action.kind) for action in history.actions}
    return [
        Deed(
            action.when.latest,
            str(action.kind),
            action.model,
            action.version,
            action.alias,
            action.key,
            action.before,
            action.after,
            kinds.get(action.cause, action.cause),
            action.actor,
        )
        for action in history.actions
        if action.when.latest > since
    ]


def order(deeds: list[Deed]) -> list[Deed]:
    return sorted(deeds, key=repr)


def check_books(history: History) -> None:
    assert history.first_observed is not None
    assert history.last_observed is not None
    for start, end in (
        (history.first_observed - 1, history.last_observed),
        (history.first_observed, history.last_observed),
        ((history.first_observed + history.last_observed) // 2, history.last_observed),
    ):
        closing = state_at(history, end) or {}
        found = balances(history, start, end)
        assert sum(book.closing_observed for book in found) == len(closing)
        for book in found:
            if not book.unexplained:
                assert book.closing_expected == book.closing_observed


@calm
@given(steps, st.sampled_from(["postgresql", "sqlite", "mysql"]), st.booleans())
def test_triggers_alone_tell_all_that_was_done(
    script: list[Step], database: str, by_user: bool
) -> None:
    world = World(database, user="alice" if by_user else "", account="app")
    world.install()
    for step in script:
        take(world, step)
        world.user = {"alice": "bob", "bob": "alice"}.get(world.user, "")
    world.check()
    history = reconstruct(world.observations())
    assert order(told(history)) == order(world.truth)
    assert not history.unexplained
    assert [gap for gap in history.gaps if gap.start is not None] == []
    for at, state in world.states:
        assert _without_graves(state_at(history, at) or {}) == _without_graves(state)
    check_books(history)
    grade = ActionGrade.AUTHENTICATED if by_user else ActionGrade.RECORDED
    assert {action.actor_grade for action in history.actions} <= {grade}


@calm
@given(steps, st.sets(st.integers(0, 44)), st.sampled_from(["sql", "rest"]))
def test_snapshots_alone_tell_the_net_changes(
    script: list[Step], moments: set[int], reader: str
) -> None:
    world = World(capture=False)
    looks = []
    for number, step in enumerate(script):
        take(world, step)
        if number in moments or number == len(script) - 1:
            world.look(reader)
            looks.append((world.now, world.state(reader)))
    history = reconstruct(world.observations())
    for at, state in looks:
        assert (state_at(history, at) or {}).keys() == state.keys()
        assert _without_graves(state_at(history, at) or {}) == _without_graves(state)
    assert not history.unexplained
    edges = [at for at, _ in looks]
    for action in history.actions:
        if action.when.latest <= edges[0]:
            assert action.sources == ("registry",)
            continue
        before = max(at for at in edges if at < action.when.latest)
        assert action.when.earliest is not None
        assert action.when.earliest >= before
        assert "snapshot" in action.sources
        assert _really(action, world.truth)
    for (start, old), (end, new) in pairwise(looks):
        inside = [action for action in history.actions if start < action.when.latest <= end]
        assert bool(inside) == (_without_graves(old) != _without_graves(new))
    check_books(history)
    assert len(history.gaps) == len(looks)


def _tellable(state: dict[tuple[str, ...], str], world: World) -> dict[tuple[str, ...], str]:
    """Return a state without what went before any observation could show it."""

    def untold(entry: tuple[str, ...]) -> bool:
        model = (int(state["model", *entry[1:3], "created_at"]), "")
        born = state.get(("version", *entry[1:4], "created_at"), "0")
        return (entry[0] != "model" and model in world.untold) or (
            entry[0] == "version_tag" and (int(born), entry[4]) in world.untold
        )

    return {entry: text for entry, text in _without_graves(state).items() if not untold(entry)}


def _tellable_deeds(deeds: list[Deed], world: World) -> list[Deed]:
    """Return deeds without what a model took along of which the inside was never shown."""
    return order(
        [
            deed
            for deed in deeds
            if deed.cause != "model_deleted" or (deed.at, deed.model) not in world.lost
        ]
    )


def _without_graves(state: dict[tuple[str, ...], str]) -> dict[tuple[str, ...], str]:
    return {
        entry: "" if entry[0] == "version" and entry[4] == "deleted_at" else text
        for entry, text in state.items()
    }


def _really(action: Action, truth: list[Deed]) -> bool:
    """Whether something was really done at that time to what the action tells."""
    assert action.when.earliest is not None
    near = [deed for deed in truth if action.when.earliest <= deed.at <= action.when.latest]
    if action.alias:
        near = [deed for deed in near if deed.alias == action.alias]
    elif action.key and "tag" in action.kind:
        near = [deed for deed in near if deed.key == action.key or "removed" in deed.kind]
    return bool(near)


@calm
@given(steps, st.sets(st.integers(0, 44)), st.integers(0, 10), st.sampled_from(["sqlite", "mysql"]))
def test_both_ways_leave_nothing_unexplained(
    script: list[Step], moments: set[int], installed: int, database: str
) -> None:
    world = World(database, capture=False)
    for number, step in enumerate(script):
        if number == installed:
            world.install()
        take(world, step)
        if number in moments:
            world.look()
    world.look()
    history = reconstruct(world.observations())
    assert not history.unexplained
    first = history.first_observed
    assert first is not None
    for at, state in world.states:
        if world.installed_at is not None and at > world.installed_at and world.rows:
            assert _tellable(state_at(history, at) or {}, world) == _tellable(state, world)
    exact = [deed for deed in world.truth if world.installed_at and deed.at > world.installed_at]
    since = told(history, world.installed_at or 10**15)
    assert _tellable_deeds(since, world) == _tellable_deeds(exact, world)
    check_books(history)


@calm
@given(steps, st.integers(0, 5), st.booleans())
def test_a_hidden_change_is_told_exactly_once(
    script: list[Step], which: int, seen_before: bool
) -> None:
    world = World("sqlite")
    world.install()
    world.create_model("kept")
    number = world.add_version("kept")
    world.set_alias("kept", "gold", number)
    world.tag_model("kept", "secret", "no")
    if seen_before:
        world.look()
    for step in script:
        take(world, step)
    with world.hidden():
        (
            lambda: world.replace_source("kept", number, "s3://other"),
            lambda: world.delete_version("kept", number),
            lambda: world.delete_alias("kept", "gold"),
            lambda: world.tag_model("kept", "secret", "yes"),
            lambda: world.untag_model("kept", "secret"),
            lambda: world.add_version("kept"),
        )[which]()
    world.look()
    world.look()
    history = reconstruct(world.observations())
    assert len(history.unexplained) == 1
    assert history.unexplained[0].model == "kept"
    assert _without_graves(state_at(history, world.now) or {}) == _without_graves(world.state())
    books = {book.model: book for book in balances(history, world.checks[0].at, world.now)}
    assert books["kept"].unexplained == history.unexplained
    check_books(history)


@calm
@given(steps, st.sets(st.integers(0, 44)))
def test_the_same_observations_give_the_same_history(script: list[Step], moments: set[int]) -> None:
    world = World("sqlite")
    world.install()
    for number, step in enumerate(script):
        take(world, step)
        if number in moments:
            world.look()
    seen = world.observations()
    assert reconstruct(seen) == reconstruct(seen)
    history = reconstruct(seen)
    assert len({action.id for action in history.actions}) == len(history.actions)
    assert {action.cause for action in history.actions} - {""} <= {
        action.id for action in history.actions
    }
    held = tenures(history)
    now = {(item.model, item.alias): item.version for item in held if item.end is None}
    assert now == {
        (name, alias): number
        for name, model in world.models.items()
        for alias, number in model["aliases"].items()
    }
    assert straddling(history, world.now) == ()


def test_nothing_observed_is_nothing_known() -> None:
    history = reconstruct(Observations())
    assert history.actions == ()
    assert state_at(history, 5) is None
    assert tenures(history) == ()
    assert balances(history, 0, 10) == ()


@pytest.mark.parametrize("reader", ["sql", "rest"])
def test_an_unchanged_registry_shows_no_action(reader: str) -> None:
    world = World(capture=False)
    world.look(reader)
    world.look(reader)
    assert reconstruct(world.observations()).actions == ()
