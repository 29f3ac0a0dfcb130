"""Each rule of the history on a small case of its own."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from support.histories import MINUTE, START, World

from audit.facts import CaptureCheck, CapturedRow, Delivery, Observations, Snapshot
from audit.history.gaps import unwatched, watched
from audit.history.model import ActionGrade, ActionKind, History
from audit.history.moments import state_at, straddling, tenures
from audit.history.reconstruct import reconstruct


def kinds(history: History) -> list[str]:
    return [str(action.kind) for action in history.actions if action.sources[0] != "registry"]


def watched_world(database: str = "sqlite") -> World:
    world = World(database)
    world.install()
    world.create_model("churn")
    world.add_version("churn", "s3://b/1")
    world.add_version("churn", "s3://b/2")
    return world


def sent(world: World, entity: str, action: str, **data: str) -> Delivery:
    return Delivery(f"d{world.now}", world.now, world.now + 5, entity, action, data)


ALIAS = "model_version_alias"


def test_a_move_is_one_action_with_before_and_after() -> None:
    world = watched_world()
    world.user = "alice"
    world.set_alias("churn", "champion", 1)
    world.set_alias("churn", "champion", 2)
    action = reconstruct(world.observations()).actions[-1]
    assert action.kind is ActionKind.ALIAS_MOVED
    assert (action.before, action.after, action.version) == ("1", "2", 2)
    assert (action.actor, action.actor_grade) == ("alice", ActionGrade.AUTHENTICATED)
    assert action.sources == ("plugin", "trigger")
    assert action.when.at == world.now


@pytest.mark.parametrize("alias_first", [False, True])
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_an_alias_that_goes_with_its_version_names_it(database: str, alias_first: bool) -> None:
    world = watched_world(database)
    world.set_alias("churn", "champion", 1)
    world.delete_version("churn", 1, alias_first=alias_first)
    history = reconstruct(world.observations())
    removed = {action.kind: action for action in history.actions[-2:]}
    version = removed[ActionKind.VERSION_REMOVED]
    assert removed[ActionKind.ALIAS_REMOVED].cause == version.id
    assert version.before == "s3://b/1"
    assert version.cause == ""


def test_where_cascades_fire_no_trigger_the_rest_is_derived() -> None:
    world = watched_world()
    world.set_alias("churn", "champion", 1)
    world.delete_model("churn")
    rows = [row for row in world.rows if row.operation != "delete" or row.table[-1] == "s"]
    rows = [row for row in rows if row.operation != "delete" or row.table == "registered_models"]
    history = reconstruct(Observations(rows=tuple(rows), checks=tuple(world.checks)))
    gone = [action for action in history.actions if "removed" in action.kind]
    deleted = next(a for a in history.actions if a.kind is ActionKind.MODEL_DELETED)
    assert len(gone) == 3
    assert {action.cause for action in gone} == {deleted.id}
    assert all("derived" in action.sources for action in gone)
    assert state_at(history, world.now) == {}


def test_a_model_keeps_its_identity_over_renames_but_not_over_deletion() -> None:
    world = watched_world("mysql")
    world.set_alias("churn", "champion", 1)
    world.rename_model("churn", "loss")
    world.delete_model("loss")
    world.create_model("churn")
    history = reconstruct(world.observations())
    names = [action.identity for action in history.actions]
    assert len(set(names)) == 2
    assert names[0] == names[-2] != names[-1]
    assert [(item.model, item.version) for item in tenures(history)] == [("loss", 1)]


def test_two_models_may_swap_their_names_between_snapshots() -> None:
    world = World(capture=False)
    for name in ("a", "b"):
        world.create_model(name)
        world.add_version(name)
    world.look()
    for old, new in (("a", "c"), ("b", "a"), ("c", "b")):
        world.rename_model(old, new)
    world.look()
    history = reconstruct(world.observations())
    assert kinds(history) == ["model_renamed", "model_renamed"]
    assert state_at(history, world.now) == world.state()


def test_prompts_leave_no_action() -> None:
    world = World()
    world.install()
    world.create_model("greeting", **{"mlflow.prompt.is_prompt": "true"})
    world.add_version("greeting", "dummy-source", **{"mlflow.prompt.is_prompt": "true"})
    history = reconstruct(world.observations())
    assert history.actions == ()
    shown = replace(world.observations(), snapshots=(Snapshot(world.now + MINUTE, "sql", "", 0),))
    assert reconstruct(shown).unexplained == ()


def test_the_first_snapshot_tells_what_the_registry_recorded() -> None:
    world = World(capture=False)
    world.create_model("churn")
    world.add_version("churn")
    world.set_alias("churn", "champion", 1)
    world.look()
    history = reconstruct(world.observations())
    assert [(a.kind, a.when.grade, a.sources, a.actor) for a in history.actions] == [
        (ActionKind.MODEL_CREATED, ActionGrade.RECORDED, ("registry",), ""),
        (ActionKind.VERSION_ADDED, ActionGrade.RECORDED, ("registry",), ""),
    ]
    (held,) = tenures(history)
    assert held.start is None
    assert held.first_seen == world.now
    assert state_at(history, world.now - 1) is None


def test_creation_and_deletion_are_sharpened_by_the_registry() -> None:
    world = World(capture=False)
    world.create_model("churn")
    world.add_version("churn", "s3://b/1")
    world.set_alias("churn", "champion", 1)
    world.look()
    world.add_version("churn", "s3://b/2")
    born = world.now
    world.delete_version("churn", 1)
    gone = world.now
    world.describe_model("churn", "why")
    world.look()
    actions = reconstruct(world.observations()).actions[2:]
    at = {action.kind: action for action in actions}
    assert at[ActionKind.VERSION_ADDED].when.at == born
    assert at[ActionKind.VERSION_REMOVED].when.at == gone
    assert at[ActionKind.ALIAS_REMOVED].cause == at[ActionKind.VERSION_REMOVED].id
    assert at[ActionKind.ALIAS_REMOVED].when.at == gone
    told = at[ActionKind.MODEL_DESCRIPTION_CHANGED]
    assert told.when.grade is ActionGrade.BRACKETED
    assert told.when.earliest == world.snapshots[0].at
    assert told.when.latest == world.snapshots[1].at


def test_an_old_value_that_nobody_recorded_is_unexplained() -> None:
    world = watched_world()
    world.set_alias("churn", "champion", 1)
    with world.hidden():
        world.set_alias("churn", "champion", 2)
    world.delete_alias("churn", "champion")
    world.check()
    history = reconstruct(world.observations())
    (strange,) = history.unexplained
    assert (strange.what, strange.expected, strange.observed) == ("alias champion", "1", "2")
    assert history.actions[-1].before == "2"


def test_in_a_gap_what_differs_is_a_bracketed_action() -> None:
    world = watched_world()
    world.look()
    whole = world.now
    world.pass_time()
    with world.hidden():
        world.set_alias("churn", "champion", 2)
    world.pass_time()
    world.check("model_versions_update")
    world.pass_time()
    world.check()
    back = world.now
    world.set_alias("churn", "champion", 1)
    world.look()
    history = reconstruct(world.observations())
    assert history.unexplained == ()
    added = next(a for a in history.actions if a.kind is ActionKind.ALIAS_ADDED)
    assert (added.when.earliest, added.when.latest) == (whole, back)
    gap = history.gaps[-1]
    assert (gap.start, gap.end) == (whole, back)
    assert "model_versions_update" in gap.reason


def test_rows_of_the_time_of_a_snapshot_do_not_contradict_it() -> None:
    world = watched_world()
    world.look()
    world.set_alias("churn", "champion", 1)
    late = replace(world.rows[-1], at=world.now + MINUTE + 500)
    world.look()
    world.look()
    seen = world.observations(rows=(*world.rows[:-1], late))
    assert reconstruct(seen).unexplained == ()
    early = replace(world.snapshots[1], changes=())
    moved = replace(world.snapshots[2], changes=world.snapshots[1].changes)
    seen = world.observations(snapshots=(world.snapshots[0], early, moved), rows=(
        *world.rows[:-1], replace(late, at=world.snapshots[1].at - 500)
    ))  # fmt: skip
    assert reconstruct(seen).unexplained == ()


def test_webhooks_split_a_bracket_and_show_what_it_hides() -> None:
    world = World(capture=False)
    world.create_model("churn")
    for _ in range(3):
        world.add_version("churn")
    world.set_alias("churn", "champion", 1)
    world.look()
    told = []
    for number in (2, 3, 1):
        world.set_alias("churn", "champion", number)
        told.append(
            sent(world, ALIAS, "created", name="churn", alias="champion", version=str(number))
        )
        world.pass_time()
    told.append(sent(world, ALIAS, "deleted", name="churn", alias="nothing"))
    world.look()
    history = reconstruct(world.observations(deliveries=tuple(told)))
    moves = [a for a in history.actions if a.kind is ActionKind.ALIAS_MOVED]
    assert [(a.before, a.after) for a in moves] == [("1", "2"), ("2", "3"), ("3", "1")]
    edges = [world.snapshots[0].at, *(item.sent_at for item in told[:3])]
    assert [(a.when.earliest, a.when.latest) for a in moves] == list(pairwise(edges))
    assert all(a.sources == ("webhook", "snapshot") and a.actor == "" for a in moves)
    assert len(kinds(history)) == 3


def test_a_webhook_after_the_last_snapshot_is_an_action_already() -> None:
    world = World(capture=False)
    world.create_model("churn")
    world.add_version("churn")
    world.look()
    world.set_alias("churn", "champion", 1)
    told = sent(world, ALIAS, "created", name="churn", alias="champion", version="1")
    action = reconstruct(world.observations(deliveries=(told,))).actions[-1]
    assert action.kind is ActionKind.ALIAS_ADDED
    assert action.when.earliest == world.snapshots[0].at
    assert action.when.latest == told.sent_at


def test_a_webhook_of_what_a_row_tells_only_joins_it() -> None:
    world = watched_world()
    world.set_alias("churn", "champion", 1)
    told = sent(world, ALIAS, "created", name="churn", alias="champion", version="1")
    world.look()
    history = reconstruct(world.observations(deliveries=(told,)))
    assert history.actions[-1].sources == ("trigger", "webhook", "snapshot")
    assert len(history.actions) == 4


def test_truncate_takes_everything_of_a_table() -> None:
    world = watched_world("postgresql")
    world.set_alias("churn", "champion", 1)
    world.set_alias("churn", "challenger", 2)
    row = CapturedRow(99, world.now + 1, "truncate", "registered_model_aliases")
    history = reconstruct(world.observations(rows=(*world.rows, row)))
    assert kinds(history)[-2:] == ["alias_removed", "alias_removed"]
    assert "derived" in history.actions[-1].sources


def test_what_straddles_a_moment_is_not_yet_done_and_named() -> None:
    world = World(capture=False)
    world.create_model("churn")
    world.look()
    world.describe_model("churn", "why")
    world.look()
    history = reconstruct(world.observations())
    moment = world.now - 1
    assert state_at(history, moment) == world.states[0][1]
    assert [action.after for action in straddling(history, moment)] == ["why"]


CHECKS: list[tuple[list[tuple[int, int | None, tuple[str, ...]]], list[tuple[int, int]]]] = [
    ([(20, 10, ())], [(10, 5020)]),
    ([(20, 10, ()), (30, 10, ("x",)), (40, 10, ()), (50, 10, ())], [(10, 20), (40, 5050)]),
    ([(20, 10, ()), (30, 10, ("x",)), (40, 35, ())], [(10, 20), (35, 5040)]),
    ([(20, 10, ()), (40, 30, ())], [(10, 20), (30, 5040)]),
    ([(20, None, ()), (40, 30, ())], [(30, 5040)]),
    ([(20, 10, ()), (40, None, ())], [(10, 20)]),
    ([(20, 10, ("x",))], []),
]


@pytest.mark.parametrize(("given", "expected"), CHECKS)
def test_watched_stretches(given: Any, expected: list[tuple[int, int]]) -> None:
    assert watched(CaptureCheck(*each) for each in given) == expected


def test_unwatched_parts() -> None:
    assert unwatched([(10, 20), (30, 40)], 5, 50) == [(5, 10), (20, 30), (40, 50)]
    assert unwatched([(10, 20)], 12, 20) == []
    assert unwatched([], 1, 2) == [(1, 2)]


def test_fifty_thousand_rows_take_seconds() -> None:
    base = {"workspace": "default", "name": "churn"}
    rows = [
        CapturedRow(1, START, "insert", "registered_models", None, {**base, "creation_time": "1"})
    ]
    for number in range(1, 10_001):
        at = START + number * 1000
        version = {**base, "version": str(number), "creation_time": str(at), "source": "s3://x"}
        alias = {**base, "alias": "champion", "version": str(number)}
        old = {**alias, "version": str(number - 1)} if number > 1 else None
        verb = "update" if old else "insert"
        tag = {**base, "version": str(number), "key": "k", "value": "v"}
        rows += [
            CapturedRow(len(rows) + 1, at, "insert", "model_versions", None, version),
            CapturedRow(len(rows) + 2, at, "insert", "model_version_tags", None, tag),
            CapturedRow(len(rows) + 3, at + 99, verb, "registered_model_aliases", old, alias),
            CapturedRow(len(rows) + 4, at + 200, "delete", "model_version_tags", tag, None),
            CapturedRow(
                len(rows) + 5,
                at + 400,
                "update",
                "model_versions",
                version,
                {**version, "current_stage": "Deleted_Internal", "last_updated_time": str(at)},
            ),
        ]
    begun = time.process_time()
    history = reconstruct(Observations(rows=tuple(rows)))
    assert time.process_time() - begun < 12
    assert len(history.actions) == 50_001


def installed_midway(unseen: Callable[[World], object]) -> World:
    """Return a world in which something was done unseen after a snapshot, before triggers."""
    world = World("sqlite", capture=False)
    world.create_model("churn")
    world.add_version("churn", "s3://b/1")
    world.set_alias("churn", "champion", 1)
    world.look()
    unseen(world)
    world.install()
    return world


def shown(world: World) -> History:
    """Return the history after a last snapshot; every captured moment must be as it was."""
    world.look()
    history = reconstruct(world.observations())
    assert history.unexplained == ()
    assert world.installed_at is not None
    for at, state in world.states:
        if at > world.installed_at:
            assert state_at(history, at) == state
    return history


def test_what_is_put_where_something_stood_was_empty_before() -> None:
    world = installed_midway(lambda world: world.delete_alias("churn", "champion"))
    world.set_alias("churn", "champion", 1)
    history = shown(world)
    assert kinds(history) == ["alias_removed", "alias_added"]
    removed = history.actions[-2].when
    assert (removed.earliest, removed.latest) == (world.snapshots[0].at, world.installed_at)


def test_a_model_made_unseen_is_known_by_the_name_it_has_later() -> None:
    world = installed_midway(lambda world: world.create_model("loss", "why"))
    world.add_version("loss", "s3://b/1")
    world.rename_model("loss", "gain")
    assert kinds(shown(world)) == ["model_created", "version_added", "model_renamed"]


def test_a_model_made_unseen_and_deleted_before_a_snapshot_is_told_by_its_rows() -> None:
    world = installed_midway(lambda world: world.create_model("loss", team="credit"))
    world.describe_model("loss", "why")
    world.delete_model("loss")
    told = ["model_created", "model_deleted", "model_description_changed", "model_tag_set"]
    assert sorted(kinds(shown(world))) == told


def test_a_prompt_deleted_before_a_snapshot_leaves_no_action() -> None:
    prompt = {"mlflow.prompt.is_prompt": "true"}
    world = installed_midway(lambda world: world.create_model("greeting", **prompt))
    world.delete_model("greeting")
    world.look()
    history = reconstruct(world.observations())
    assert kinds(history) == []
    assert history.unexplained == ()


def test_a_model_renamed_unseen_and_back_is_one_model() -> None:
    world = installed_midway(lambda world: world.rename_model("churn", "loss"))
    world.set_alias("loss", "gold", 1)
    world.rename_model("loss", "churn")
    history = shown(world)
    assert sorted(kinds(history)) == ["alias_added", "model_renamed", "model_renamed"]
    assert len({action.identity for action in history.actions}) == 1


def test_a_name_that_another_model_took_unseen_is_the_other_ones() -> None:
    def replaced(world: World) -> None:
        world.delete_model("churn")
        world.create_model("churn")
        world.add_version("churn", "s3://b/2")

    world = installed_midway(replaced)
    world.set_alias("churn", "gold", 1)
    (added,) = (action for action in shown(world).actions if action.alias == "gold")
    assert added.kind is ActionKind.ALIAS_ADDED
    assert added.identity == f"churn#{world.models['churn']['created']}"


def test_a_tag_of_a_version_added_unseen_is_told_when_it_was_set() -> None:
    world = installed_midway(lambda world: world.add_version("churn", "s3://b/2", t0="1"))
    world.tag_version("churn", 2, "t0", "2")
    world.tag_version("churn", 2, "t1", "1")
    world.untag_version("churn", 2, "t1")
    told = [(str(a.kind), a.key, a.before, a.after) for a in shown(world).actions[-3:]]
    assert told == [
        ("version_tag_set", "t0", "1", "2"),
        ("version_tag_set", "t1", "", "1"),
        ("version_tag_deleted", "t1", "1", ""),
    ]


def test_a_deleted_versions_tags_that_nothing_showed_are_not_made_up() -> None:
    world = installed_midway(lambda world: world.add_version("churn", "s3://b/2", t0="1"))
    world.delete_version("churn", 2)
    world.look()
    history = reconstruct(world.observations())
    assert kinds(history) == ["version_added", "version_removed"]
    assert history.unexplained == ()
    assert world.untold


def test_a_doubt_about_one_entry_excuses_no_other() -> None:
    world = installed_midway(World.pass_time)
    world.look()
    world.describe_model("churn", "why")
    early = replace(world.rows[-1], at=world.snapshots[-1].at - 500)
    with world.hidden():
        world.replace_source("churn", 1, "s3://other")
    world.look()
    history = reconstruct(world.observations(rows=(*world.rows[:-1], early)))
    (strange,) = history.unexplained
    assert (strange.what, strange.when.earliest) == ("version 1: source", world.snapshots[1].at)
