"""Which versions a report is about: each is either in scope or left out, with a reason."""

from hypothesis import given
from hypothesis import strategies as st

from audit.facts import ModelVersion, RegisteredModel, Registry
from audit.gather.scope import select
from audit.period import Period

QUARTER = Period("2026-Q3", 1000, 2000)
EVERY = ("*",)


def registry(*versions: ModelVersion, **aliases: int) -> Registry:
    names = {version.model for version in versions}
    models = tuple(RegisteredModel(name, aliases=aliases) for name in sorted(names))
    return Registry("sqlite:///r.db", "sql", models=models, versions=versions)


def chosen(found: Registry, rule: str = "all", include=EVERY, exclude=(), as_of=2000):
    return select(found, QUARTER, as_of, rule=rule, include=include, exclude=exclude)


def left_out(*versions: ModelVersion, **options) -> str:
    selection = chosen(registry(*versions), **options)
    assert not selection.versions
    return selection.left_out[0].reason


def test_reasons_say_when_a_version_came_and_went() -> None:
    before = ModelVersion("a", 1, created_at=10)
    within = ModelVersion("a", 2, created_at=1500)
    deleted = ModelVersion("a", 3, created_at=10, deleted=True, deleted_at=1700)
    later = ModelVersion("a", 4, created_at=10, deleted=True, deleted_at=2700)
    selection = chosen(registry(before, within, deleted, later))
    assert selection.reasons == {
        "a/1": "registered before the period",
        "a/2": "registered in the period",
        "a/3": "deleted in the period",
        "a/4": "registered before the period",
    }


def test_what_came_after_the_moment_reported_is_left_out() -> None:
    version = ModelVersion("a", 1, created_at=1500)
    assert "after the moment" in left_out(version, as_of=1500)
    assert not chosen(registry(version), as_of=1501).left_out


def test_what_was_deleted_before_the_period_is_left_out() -> None:
    version = ModelVersion("a", 1, created_at=10, deleted=True, deleted_at=999)
    assert "deleted before" in left_out(version)


def test_models_are_chosen_by_shell_patterns() -> None:
    version = ModelVersion("fraud-eu", 1, created_at=10)
    assert "job file" in left_out(version, include=("churn*",))
    assert "job file" in left_out(version, exclude=("*-eu",))
    assert chosen(registry(version), include=("churn", "fraud-*")).versions == (version,)


def test_rules_new_and_active() -> None:
    old, new = ModelVersion("a", 1, created_at=10), ModelVersion("a", 2, created_at=1500)
    found = registry(old, new, champion=1)
    assert chosen(found, rule="new").versions == (new,)
    assert chosen(found, rule="active").versions == (old,)


TIMES = st.none() | st.integers(0, 3000)
VERSIONS = st.lists(
    st.builds(
        ModelVersion,
        model=st.sampled_from(["a", "b"]),
        version=st.integers(1, 50),
        created_at=TIMES,
        deleted_at=TIMES,
        deleted=st.booleans(),
    ),
    unique_by=lambda version: version.key,
)


@given(VERSIONS, st.sampled_from(["all", "new", "active"]), st.integers(1, 3000))
def test_every_version_is_accounted_for_once(versions, rule: str, as_of: int) -> None:
    selection = chosen(registry(*versions, champion=1), rule=rule, as_of=as_of)
    inside = [version.key for version in selection.versions]
    outside = [f"{item.model}/{item.version}" for item in selection.left_out]
    assert sorted(inside + outside) == sorted(version.key for version in versions)
    assert set(selection.reasons) == set(inside)
