"""Who promotes: each promotion of a version held against who may, and what has to be before.

A promotion is a version given a protected alias or stage. Each one that was observed is
judged, and the gravest verdict stands for all. One that stood already when the registry
was first observed is unknown: nobody saw it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from audit.controls.checks.common import Pattern, naming
from audit.controls.checks.life import (
    ALIASES,
    STAGES,
    UNSEEN,
    Life,
    Names,
    Protected,
    held_now,
    is_known,
    life_of,
    minute,
    named,
    plugin_since,
    reference,
    somebody,
    told,
    worst,
)
from audit.controls.registry import Outcome, VersionSubject, check, failed, passed, unknown
from audit.history.model import Action, ActionGrade, ActionKind, History
from audit.verdicts import Verdict

Known = Literal["authenticated", "recorded"]
"""How well an actor has to be known to count as a person."""
Approver = Literal["another", "named", "anybody"]


@check("promotion-authenticated")
def promotion_authenticated(
    subject: VersionSubject, *, aliases: Names = ALIASES, stages: Names = STAGES
) -> Outcome:
    """Each promotion to a protected alias or stage was done by a user whom the server knew.

    One by a database account or by nobody on record fails where the server plugin was
    already telling who; before that nothing could have told, and it is unknown.
    """

    def judged(_: Life, promotion: Action) -> Outcome:
        if promotion.actor_grade is ActionGrade.AUTHENTICATED and promotion.actor:
            return passed(f"{named(promotion)} by {promotion.actor}", reference(promotion))
        done = f"{named(promotion)} by {somebody(promotion)}"
        if _told_who(subject.history, promotion):
            return failed(f"{done}, round the server", reference(promotion))
        return unknown(f"{done}; nothing was there to tell a user", reference(promotion))

    return _each(subject, Protected(aliases, stages), judged)


@check("promotion-by-another")
def promotion_by_another(
    subject: VersionSubject,
    *,
    aliases: Names = ALIASES,
    stages: Names = STAGES,
    at_least: Known = "authenticated",
) -> Outcome:
    """Each promotion was done by somebody else than who registered the version.

    With ``at_least: recorded`` database accounts count as people too. The registry's own
    ``created_by`` is a claim, and never more than unknown follows from it.
    """
    version = subject.facts.version

    def judged(life: Life, promotion: Action) -> Outcome:
        if not is_known(promotion, at_least):
            reason = f"{named(promotion)} by {somebody(promotion)}"
            return unknown(f"{reason}, so not known by whom", reference(promotion))
        done = f"{named(promotion)} by {promotion.actor}"
        added = next(
            (
                action
                for action in reversed(life.of(ActionKind.VERSION_ADDED))
                if not life.surely_before(promotion, action)
            ),
            None,
        )
        if added is None or not is_known(added, at_least):
            if not (claim := version.created_by):
                return unknown(f"{done}; who registered it is not known", reference(promotion))
            reason = f"{done}; that {claim} registered it is only claimed"
            return unknown(
                reason, reference(promotion), f"version {version.key} created_by {claim}"
            )
        evidence = [reference(promotion), reference(added)]
        if _same(promotion.actor, added.actor):
            return failed(f"{done}, who registered it", *evidence)
        return passed(f"{done}, registered by {added.actor}", *evidence)

    return _each(subject, Protected(aliases, stages), judged)


@check("approval-before-promotion")
def approval_before_promotion(
    subject: VersionSubject,
    *,
    aliases: Names = ALIASES,
    stages: Names = STAGES,
    tags: Annotated[Names, Field(min_length=1)] = ("approved_by",),
    values: Pattern = "",
    approver: Approver = "another",
    at_least: Known = "authenticated",
) -> Outcome:
    """Each promotion found all approval tags on the version, from somebody else.

    ``values`` is a regular expression that a tag's whole value must match. The approver is
    ``another`` where somebody else than who promoted set the tag; ``named`` lets anybody
    set it, ``anybody`` asks no more. But for that last one, no tag may name who promoted.
    """
    rules = [_Approval(tag, values, approver, at_least) for tag in tags]

    def judged(life: Life, promotion: Action) -> Outcome:
        found = worst([rule.judged(life, promotion) for rule in rules], "approval")
        reason = f"{named(promotion)} by {somebody(promotion)}: {found.reason}"
        return Outcome(found.verdict, reason, (reference(promotion), *found.evidence))

    return _each(subject, Protected(aliases, stages), judged)


@dataclass(frozen=True, slots=True)
class _Approval:
    """What is asked of one approval tag."""

    tag: str
    values: str
    approver: Approver
    at_least: Known

    def judged(self, life: Life, promotion: Action) -> Outcome:
        """Return what the tag comes to at a promotion, whatever may have stood then."""
        kinds = (ActionKind.VERSION_TAG_SET, ActionKind.VERSION_TAG_DELETED)
        changes = [action for action in life.of(*kinds) if action.key == self.tag]
        before = [action for action in changes if life.surely_before(action, promotion)]
        after = [action for action in changes if life.surely_before(promotion, action)]
        setters = [action for action in changes if action not in before and action not in after]
        setters = [*before[-1:], *setters]
        found = [self._set(action, promotion) for action in setters]
        if not before:
            stood = life.opening.get(("version_tag", str(life.version), self.tag))
            found.insert(0, self._value(stood, None, promotion))
        evidence = tuple(reference(action) for action in setters)
        if len({outcome.verdict for outcome in found}) > 1:
            reason = f"{self.tag} changed at about that time, before or after is not known"
            return Outcome(Verdict.UNKNOWN, reason, evidence)
        if not setters and after and found[0].verdict is Verdict.FAIL:
            late = f"{found[0].reason}, set only {told(after[0].when)}"
            return failed(late, reference(after[0]))
        return Outcome(found[0].verdict, found[0].reason, evidence)

    def _set(self, setter: Action, promotion: Action) -> Outcome:
        gone = setter.kind is ActionKind.VERSION_TAG_DELETED
        return self._value(None if gone else setter.after, setter, promotion)

    def _value(self, value: str | None, setter: Action | None, promotion: Action) -> Outcome:
        if value is None:
            return failed(f"no tag {self.tag}")
        shown = f"{self.tag} {naming([value])}"
        if self.values and not re.fullmatch(self.values, value, re.DOTALL):
            return failed(f"{shown} is not an allowed value")
        if self.approver == "anybody":
            return passed(shown)
        if not is_known(promotion, self.at_least):
            return unknown(f"{shown}, and who promoted is not known")
        if _same(value, promotion.actor):
            return failed(f"{self.tag} names {promotion.actor}, who promoted")
        return passed(shown) if self.approver == "named" else self._by(shown, setter, promotion)

    def _by(self, shown: str, setter: Action | None, promotion: Action) -> Outcome:
        if setter is None or not is_known(setter, self.at_least):
            return unknown(f"{shown}, and who set it is not known")
        if _same(setter.actor, promotion.actor):
            return failed(f"{shown} was set by {setter.actor}, who promoted")
        return passed(f"{shown}, set by {setter.actor}")


def _each(
    subject: VersionSubject, protected: Protected, judged: Callable[[Life, Action], Outcome]
) -> Outcome:
    """Return what all promotions of a version come to, each held against ``judged``."""
    history = subject.history
    if history.first_observed is None:
        return unknown(UNSEEN)
    life = life_of(subject)
    first = minute(history.first_observed)
    outcomes = [judged(life, promotion) for promotion in life.promotions(protected)]
    outcomes += [
        unknown(f"{name} was given before the first observation {first}", f"{name} at {first}")
        for name in life.promoted_before(protected)
    ]
    if outcomes:
        return worst(outcomes, "promotion")
    if held := held_now(subject, protected):
        return unknown(f"holds {naming(held)}, and nothing observed says since when")
    return Outcome(Verdict.NOT_APPLICABLE, f"no promotion to {protected} was seen")


def _told_who(history: History, action: Action) -> bool:
    """Tell whether the plugin would have told who, had it gone through the server."""
    since, earliest = plugin_since(history), action.when.earliest
    if since is None or earliest is None or earliest < since:
        return False
    return "trigger" in action.sources or not any(
        (gap.start is None or gap.start < action.when.latest) and earliest < gap.end
        for gap in history.gaps
    )


def _same(one: str, other: str) -> bool:
    return one.strip().casefold() == other.strip().casefold()
