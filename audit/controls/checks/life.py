"""One version's part of the action history: its promotions, its approvals, its end.

Promoted is a version that is given a protected alias or a protected stage. What stood
already when the registry was first observed is a promotion that nobody saw.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from audit.controls.checks.common import counted, naming
from audit.controls.registry import JobSubject, Outcome, VersionSubject, unknown
from audit.history.books import Books, Local
from audit.history.model import Action, ActionGrade, ActionKind, History, Unexplained, When
from audit.history.state import ModelKey
from audit.period import iso
from audit.verdicts import Verdict

Names = tuple[str, ...]

ALIASES: Names = ("champion", "production")
STAGES: Names = ("Production",)
UNSEEN = "the registry's history was never observed"

_POINTED = frozenset({ActionKind.ALIAS_ADDED, ActionKind.ALIAS_MOVED})
_UNPOINTED = frozenset({ActionKind.ALIAS_REMOVED, ActionKind.ALIAS_MOVED})
_GRAVITY = (Verdict.FAIL, Verdict.UNKNOWN, Verdict.PASS)


@dataclass(frozen=True, slots=True)
class Protected:
    """The aliases and stages that make a version one to be relied on."""

    aliases: Collection[str]
    stages: Collection[str]

    def __str__(self) -> str:
        """Return them as a reason names them."""
        stages = [f"stage {stage}" for stage in self.stages]
        return naming([*self.aliases, *stages]) or "no alias at all"


@dataclass(frozen=True, slots=True)
class Life:
    """What a history tells of one version; nothing where its model is not in it."""

    version: int
    actions: tuple[Action, ...] = ()
    """Of its model, under whatever name, in their order; unexplained changes among them."""
    opening: Mapping[Local, str] = field(default_factory=dict)
    """The model's entries at the first observation."""

    def promotions(self, protected: Protected) -> tuple[Action, ...]:
        """Return the actions that gave it a protected alias or stage."""
        return tuple(
            action
            for action in self.actions
            if (action.kind in _POINTED and self._is(action.after, action, protected))
            or (self._staged(action) and action.after in protected.stages)
        )

    def demotions(self, protected: Protected) -> tuple[Action, ...]:
        """Return the actions that took a protected alias or stage from it."""
        return tuple(
            action
            for action in self.actions
            if (action.kind in _UNPOINTED and self._is(action.before, action, protected))
            or (self._staged(action) and action.before in protected.stages)
        )

    def promoted_before(self, protected: Protected) -> tuple[str, ...]:
        """Return what it held of these when the registry was first observed."""
        number = str(self.version)
        held = [
            alias for alias in protected.aliases if self.opening.get(("alias", alias)) == number
        ]
        stage = self.opening.get(("version", number, "stage"), "")
        return (*held, *([f"stage {stage}"] if stage in protected.stages else []))

    def of(self, *kinds: ActionKind) -> tuple[Action, ...]:
        """Return the actions of these kinds that were done to this version itself."""
        return tuple(a for a in self.actions if a.kind in kinds and a.version == self.version)

    @property
    def seen_whole(self) -> bool:
        """Whether it was made after the first observation."""
        born = ("version", str(self.version), "created_at")
        dead = ("version", str(self.version), "deleted_at")
        return bool(self.actions) and born not in self.opening and dead not in self.opening

    def surely_before(self, first: Action, second: Action) -> bool:
        """Tell whether one action is known to come before another.

        Within one millisecond the order of recording decides; where one lies in a bracket
        that the other may lie in too, nothing does.
        """
        if first.when.at is not None and first.when.at == second.when.at:
            return self.actions.index(first) < self.actions.index(second)
        earliest = second.when.earliest
        return earliest is not None and first.when.latest <= earliest

    def _is(self, version: str, action: Action, protected: Protected) -> bool:
        return version == str(self.version) and action.alias in protected.aliases

    def _staged(self, action: Action) -> bool:
        return action.kind is ActionKind.STAGE_CHANGED and action.version == self.version


@dataclass(frozen=True, slots=True)
class _Index:
    """A history by model, so that judging many versions does not read it for each."""

    history: History
    steps: tuple[Action, ...]
    by_identity: dict[str, tuple[Action, ...]]
    identities: dict[ModelKey, str]
    """Workspace and last name of a model to its identity."""
    openings: dict[str, Mapping[Local, str]]
    plugin_since: int | None


_kept: list[_Index] = []


def life_of(subject: VersionSubject) -> Life:
    """Return what the subject's history tells of its version."""
    version = subject.facts.version
    identity = _index(subject.history).identities.get((version.workspace, version.model), "")
    return find_life(subject.history, identity, version.version)


def find_life(history: History, identity: str, version: int) -> Life:
    """Return what a history tells of a version of the model of this identity."""
    index = _index(history)
    actions, opening = index.by_identity.get(identity, ()), index.openings.get(identity, {})
    return Life(version, actions, opening)


def steps_of(history: History) -> tuple[Action, ...]:
    """Return all that was done by latest time, an unexplained change as an action of nobody."""
    return _index(history).steps


def plugin_since(history: History) -> int | None:
    """Return when the server plugin first told of anything (UTC ms), ``None`` if it never did."""
    return _index(history).plugin_since


def _index(history: History) -> _Index:
    """Return the index of a history; the last one is kept, as all versions of a report share it."""
    if not _kept or _kept[0].history is not history:
        _kept[:] = [_indexed(history)]
    return _kept[0]


def _indexed(history: History) -> _Index:
    unrecorded = [_unrecorded(item, number) for number, item in enumerate(history.unexplained, 1)]
    steps = sorted([*history.actions, *filter(None, unrecorded)], key=lambda step: step.when.latest)
    books = Books(history.opening).books
    keys = {identity: book.key for identity, book in books.items()}
    identities = {key: identity for identity, key in keys.items()}
    by_identity: dict[str, list[Action]] = {}
    for step in steps:
        by_identity.setdefault(step.identity, []).append(step)
        old, key = keys.get(step.identity), (step.workspace, step.model)
        if old is not None and old != key and identities.get(old) == step.identity:
            del identities[old]
        identities[key], keys[step.identity] = step.identity, key
    told_by_plugin = [step.when.latest for step in steps if "plugin" in step.sources]
    told_by_plugin += [attempt.at for attempt in history.attempts]
    return _Index(
        history,
        tuple(steps),
        {identity: tuple(found) for identity, found in by_identity.items()},
        identities,
        {identity: book.page for identity, book in books.items()},
        min(told_by_plugin, default=None),
    )


def _unrecorded(item: Unexplained, number: int) -> Action | None:
    """Return an unexplained change as what it would be called had it been recorded."""
    if item.kind is None:
        return None
    entry = item.changes[-1].entry if item.changes else ()
    return Action(
        id=f"unexplained:{number}",
        when=item.when,
        kind=item.kind,
        workspace=item.workspace,
        model=item.model,
        identity=item.identity,
        version=item.version,
        alias=entry[-1] if entry[:1] == ("alias",) else "",
        key=entry[-1] if entry[:1] == ("version_tag",) else "",
        before=item.expected,
        after=item.observed,
        sources=("snapshot",),
    )


def told(when: When) -> str:
    """Return a time as a reason gives it: ``2026-08-14 10:02 UTC``, or its bounds."""
    if when.at is not None:
        return minute(when.latest)
    if when.earliest is None:
        return f"before {minute(when.latest)}"
    return f"between {minute(when.earliest)} and {minute(when.latest)}"


def named(action: Action) -> str:
    """Return what an action gave or took, and when: ``champion 2026-08-14 10:02 UTC``."""
    if action.kind is ActionKind.STAGE_CHANGED:
        return f"stage {action.after} {told(action.when)}"
    return f"{action.alias or action.key} {told(action.when)}"


def reference(action: Action) -> str:
    """Return an action in full, as evidence."""
    earliest, latest = iso(action.when.earliest), iso(action.when.latest)
    at = latest if earliest == latest else f"{earliest}/{latest}"
    version = f"version {action.version}" if action.version is not None else ""
    what = (str(action.kind), action.label, version, action.alias, action.key)
    actor = f"{action.actor or 'nobody recorded'} ({action.actor_grade})"
    return f"action {action.id} {' '.join(filter(None, what))} by {actor} at {at}"


def is_known(action: Action, at_least: str) -> bool:
    """Tell whether it is known who did it: ``authenticated``, or at least ``recorded``."""
    grades = (ActionGrade.AUTHENTICATED, ActionGrade.RECORDED)
    enough = grades if at_least == "recorded" else grades[:1]
    return bool(action.actor) and action.actor_grade in enough


def somebody(action: Action) -> str:
    """Return who did it, so that a weaker grade shows."""
    if not action.actor:
        return "nobody on record"
    match action.actor_grade:
        case ActionGrade.AUTHENTICATED:
            return action.actor
        case ActionGrade.RECORDED:
            return f"the database account {action.actor}"
        case _:
            return f"{action.actor} (a claim)"


def held_now(subject: VersionSubject, protected: Protected) -> list[str]:
    """Return what the version holds of the protected, as the registry was read."""
    stage = subject.facts.version.stage
    held = [alias for alias in subject.facts.aliases if alias in protected.aliases]
    return [*held, *([f"stage {stage}"] if stage in protected.stages else [])]


def unobserved(subject: JobSubject) -> Outcome | None:
    """Return what a check comes to where nothing of the period was observed, else ``None``."""
    history, job = subject.history, subject.job
    if history.first_observed is None or history.last_observed is None:
        return unknown(UNSEEN)
    if history.first_observed >= min(job.end, job.as_of) or history.last_observed < job.start:
        return unknown(f"the registry was not observed in {job.period}")
    return None


def worst(outcomes: Iterable[Outcome], noun: str) -> Outcome:
    """Return several outcomes as one: the gravest verdict, with the reasons that led to it."""
    found = list(outcomes)
    gravest = min((outcome.verdict for outcome in found), key=_GRAVITY.index)
    such = [outcome for outcome in found if outcome.verdict is gravest]
    evidence = tuple(reference for outcome in such for reference in outcome.evidence)
    if len(found) == 1:
        return found[0]
    share = counted(len(found), noun)
    if gravest is not Verdict.PASS:
        share = f"{len(such)} of {share}"
    return Outcome(gravest, f"{share}: {naming(item.reason for item in such)}", evidence)


def minute(ms: int | None) -> str:
    """Return UTC ms to the minute, as a reason gives a time; empty for unknown."""
    return f"{iso(ms)[:16].replace('T', ' ')} UTC" if ms is not None else ""
