"""Governance checks on histories that were reconstructed from what was observed."""

import dataclasses
from typing import Any

from support.histories import MINUTE, START, World
from support.subjects import good_job, good_version

from audit.controls.checks import find
from audit.controls.registry import JobSubject, Outcome, VersionSubject
from audit.graph import Graph
from audit.history.model import History
from audit.history.reconstruct import reconstruct
from audit.history.until import until

DAY = 24 * 60 * MINUTE


def _registry(**world: Any) -> World:
    """Return a watched registry in which alice registered and carol approved a version."""
    registry = World(**world)
    registry.look()
    if registry.capture:
        registry.install()
        registry.look()
    _as(registry, "alice")
    registry.create_model("churn")
    registry.add_version("churn")
    registry.look()
    _as(registry, "carol")
    registry.tag_version("churn", 1, "approved_by", "carol")
    registry.look()
    return registry


def _as(registry: World, user: str, account: str = "") -> None:
    registry.user, registry.account = user, account


def _promote(registry: World, user: str, alias: str = "champion") -> None:
    _as(registry, user)
    registry.set_alias("churn", alias, 1)
    registry.look()


def _judged(registry: World, name: str, *, model: str = "churn", **parameters: Any) -> Outcome:
    history = reconstruct(registry.observations())
    check = find(name)
    if check.scope == "job":
        return check.run(_job(history), parameters)
    version = dataclasses.replace(good_version().version, model=model, version=1)
    facts = dataclasses.replace(good_version(), version=version, aliases=())
    return check.run(VersionSubject(facts, Graph(()), history), parameters)


def _job(history: History) -> JobSubject:
    good = good_job()
    job = dataclasses.replace(good.job, start=START - DAY, end=START + DAY, as_of=START + DAY)
    last = {"last_observed": START + DAY}
    return JobSubject(job, good.previous, dataclasses.replace(history, **last))


PROMOTION = ("promotion-authenticated", "promotion-by-another", "approval-before-promotion")


def test_a_promotion_as_it_should_be() -> None:
    registry = _registry()
    _promote(registry, "bob")
    for name in PROMOTION:
        outcome = _judged(registry, name)
        assert outcome.verdict == "pass", outcome
        assert " by bob" in outcome.reason
    assert _judged(registry, "history-explained").verdict == "pass"


def test_a_promotion_round_the_server() -> None:
    registry = _registry()
    _as(registry, "", "dba")
    registry.set_alias("churn", "champion", 1)
    registry.look()
    outcome = _judged(registry, "promotion-authenticated")
    assert outcome.verdict == "fail"
    assert outcome.reason.endswith("by the database account dba, round the server")
    assert _judged(registry, "promotion-by-another").verdict == "unknown"
    assert _judged(registry, "approval-before-promotion").verdict == "unknown"


def test_a_promotion_beneath_the_triggers_is_one_too() -> None:
    registry = _registry()
    with registry.hidden():
        registry.set_alias("churn", "champion", 1)
    registry.look()
    outcome = _judged(registry, "promotion-authenticated")
    assert outcome.verdict == "fail", outcome
    assert "by nobody on record, round the server" in outcome.reason
    explained = _judged(registry, "history-explained")
    assert explained.verdict == "fail"
    assert "alias champion of churn" in explained.reason


def test_snapshots_alone_tell_nobody() -> None:
    registry = _registry(capture=False)
    _promote(registry, "bob")
    for name in PROMOTION:
        assert _judged(registry, name).verdict == "unknown"
    assert _judged(registry, "history-explained").verdict == "unknown"
    told = _judged(registry, "approval-before-promotion", approver="anybody")
    assert told.verdict == "pass", "the snapshot before had the tag, and not yet the alias"


def test_a_promotion_keeps_its_version_when_the_model_is_renamed() -> None:
    registry = _registry()
    _promote(registry, "alice")
    registry.rename_model("churn", "leave")
    registry.look()
    for model, verdict in (("leave", "fail"), ("churn", "not_applicable")):
        assert _judged(registry, "promotion-by-another", model=model).verdict == verdict


def test_a_model_made_again_has_no_past() -> None:
    registry = _registry()
    _promote(registry, "alice")
    registry.delete_model("churn")
    registry.look()
    registry.create_model("churn")
    registry.add_version("churn")
    registry.look()
    assert _judged(registry, "promotion-by-another").verdict == "not_applicable"
    lost = _judged(registry, "protected-versions-kept")
    assert lost.verdict == "fail", lost
    assert lost.reason.startswith("churn/1 deleted")
    assert "by alice, and it held champion" in lost.reason


def test_what_stood_at_the_first_observation_is_a_promotion_that_nobody_saw() -> None:
    registry = World()
    registry.create_model("churn")
    registry.add_version("churn")
    registry.set_alias("churn", "champion", 1)
    registry.rows.clear()
    registry.look()
    registry.install()
    registry.look()
    outcome = _judged(registry, "promotion-authenticated")
    assert outcome.verdict == "unknown", outcome
    assert "champion was given before the first observation" in outcome.reason
    registry.delete_version("churn", 1)
    registry.look()
    assert _judged(registry, "protected-not-deleted").verdict == "fail"


def test_an_alias_taken_away_before_the_deletion_still_counts() -> None:
    registry = _registry()
    _promote(registry, "bob")
    registry.delete_alias("churn", "champion")
    registry.delete_version("churn", 1)
    registry.look()
    for name in ("protected-not-deleted", "protected-versions-kept"):
        outcome = _judged(registry, name)
        assert outcome.verdict == "fail", outcome
        assert "it held champion until" in outcome.reason


def test_a_gap_is_found_where_nothing_looked() -> None:
    registry = _registry(capture=False)
    registry.pass_time(3 * DAY)
    registry.look()
    history = reconstruct(registry.observations())
    subject = _job(history)
    job = dataclasses.replace(subject.job, end=START + 4 * DAY, as_of=START + 4 * DAY)
    subject = JobSubject(job, subject.previous, dataclasses.replace(history, last_observed=job.end))
    outcome = find("observation-unbroken").run(subject, {})
    assert outcome.verdict == "fail", outcome
    assert outcome.reason.startswith("1 gap longer than 24h")
    assert find("observation-unbroken").run(subject, {"longest": "4d"}).verdict == "pass"


def test_a_past_moment_is_judged_by_what_had_been_done_by_then() -> None:
    registry = _registry()
    _promote(registry, "bob")
    moment = registry.now
    registry.rename_model("churn", "leave")
    _as(registry, "", "dba")
    registry.set_alias("leave", "production", 1)
    registry.look()
    history = reconstruct(registry.observations())
    version = dataclasses.replace(good_version().version, version=1)
    facts = dataclasses.replace(good_version(), version=version, aliases=("champion",))
    check = find("promotion-authenticated")
    then = check.run(VersionSubject(facts, Graph(()), until(history, moment)), {})
    assert then.verdict == "pass", then
    assert until(history, registry.now) == history
    version = dataclasses.replace(version, model="leave")
    facts = dataclasses.replace(facts, version=version)
    now = check.run(VersionSubject(facts, Graph(()), history), {})
    assert now.reason.startswith("1 of 2 promotions: production")
