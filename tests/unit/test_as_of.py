"""The registry turned back: what a state holds comes back, whatever became of it since."""

from dataclasses import replace

from audit.facts import ModelVersion, Observations, RegisteredModel, Registry, Snapshot
from audit.gather.as_of import at
from audit.gather.scope import holders
from audit.history.reconstruct import reconstruct
from audit.history.state import difference, digest, state_of

ID = "0" * 31 + "1"


def version(model="fraud", number=1, made=100, **fields):
    source = fields.pop("source", f"models:/m-{ID}")
    return ModelVersion(
        model,
        number,
        created_at=made,
        updated_at=made,
        source=source,
        storage_location=fields.pop("storage_location", f"s3://b/models/m-{ID}/artifacts"),
        run_id=fields.pop("run_id", "r1"),
        logged_model_id=fields.pop("logged_model_id", f"m-{ID}"),
        status="READY",
        **fields,
    )


def registry(models, versions):
    return Registry("sqlite:///x", "sql", models=tuple(models), versions=tuple(versions))


THEN = registry(
    [RegisteredModel("fraud", created_at=50, description="old", aliases={"champion": 1})],
    [version(tags={"approved": "yes"}), version(number=2, made=110, stage="Staging")],
)


def turned(now, then=THEN):
    return at(now, state_of(now, "sql"), state_of(then, "sql"))


def test_an_unchanged_registry_stays_the_very_same():
    assert turned(THEN) is THEN


def test_aliases_texts_tags_and_stages_come_back():
    now = registry(
        [RegisteredModel("fraud", created_at=50, description="new", aliases={"champion": 2})],
        [version(description="later", tags={"b": "c"}), version(number=2, made=110)],
    )
    back = turned(now)
    (model,) = back.models
    assert (model.description, model.aliases) == ("old", {"champion": 1})
    assert back.versions[0].tags == {"approved": "yes"}
    assert back.versions[0].description == ""
    assert back.versions[1].stage == "Staging"


def test_a_deleted_version_is_restored_with_source_run_and_tags():
    gone = replace(
        version(), source="", run_id="", deleted=True, deleted_at=900, tags={"approved": "yes"}
    )
    now = registry(THEN.models, [gone, THEN.versions[1]])
    back = turned(now)
    restored = back.versions[0]
    assert (restored.deleted, restored.deleted_at) == (False, None)
    assert (restored.source, restored.run_id, restored.tags) == (
        f"models:/m-{ID}",
        "r1",
        {"approved": "yes"},
    )
    assert restored.logged_model_id == f"m-{ID}"


def test_a_deleted_model_is_rebuilt_with_its_versions():
    back = turned(registry([], []))
    assert [model.name for model in back.models] == ["fraud"]
    assert [item.key for item in back.versions] == ["fraud/1", "fraud/2"]
    assert back.versions[0].logged_model_id == f"m-{ID}"


def test_a_renamed_model_has_its_old_name_again():
    now = registry(
        [replace(THEN.models[0], name="scoring")],
        [replace(item, model="scoring") for item in THEN.versions],
    )
    back = turned(now)
    assert [model.name for model in back.models] == ["fraud"]
    assert [item.key for item in back.versions] == ["fraud/1", "fraud/2"]
    assert back.versions[0].status == "READY"


def test_a_model_made_again_under_the_name_does_not_lend_its_versions():
    other = version(made=500, source="s3://other", storage_location="s3://other", run_id="r9")
    now = registry([RegisteredModel("fraud", created_at=500)], [other])
    back = turned(now)
    assert [(item.created_at, item.run_id) for item in back.versions] == [(100, "r1"), (110, "r1")]
    assert back.models[0].created_at == 50


def test_a_model_renamed_back_over_one_made_since():
    now = registry(
        [RegisteredModel("fraud", created_at=500), replace(THEN.models[0], name="scoring")],
        [version(made=500), *(replace(item, model="scoring") for item in THEN.versions)],
    )
    back = turned(now)
    assert [(model.name, model.created_at) for model in back.models] == [("fraud", 50)]
    assert [item.created_at for item in back.versions] == [100, 110]


def test_versions_made_since_stay_for_the_scope_to_leave_out():
    now = registry(THEN.models, [*THEN.versions, version(number=3, made=800)])
    assert [item.version for item in turned(now).versions] == [1, 2, 3]


def test_holders_are_those_of_the_period_by_the_names_of_its_end():
    readings = [
        (1000, THEN),
        (2000, registry([replace(THEN.models[0], aliases={"champion": 2})], THEN.versions)),
        (3000, registry([replace(THEN.models[0], aliases={})], THEN.versions)),
        (
            4000,
            registry(
                [replace(THEN.models[0], name="scoring", aliases={})],
                [replace(item, model="scoring") for item in THEN.versions],
            ),
        ),
    ]
    snapshots, before = [], {}
    for moment, found in readings:
        state = state_of(found, "sql")
        renames, changes = difference(before, state)
        snapshots.append(Snapshot(moment, "sql", digest(state), len(state), changes, renames))
        before = state
    history = reconstruct(Observations(snapshots=tuple(snapshots)))
    assert holders(history, 0, 1000) is None
    assert holders(history, 500, 1500) == {("default", "fraud", 1)}
    assert holders(history, 1500, 2500) == {("default", "fraud", 1), ("default", "fraud", 2)}
    assert holders(history, 2500, 4500) == {("default", "scoring", 2)}
    assert holders(history, 3500, 4500) == frozenset()
