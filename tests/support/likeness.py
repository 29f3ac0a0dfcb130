"""A history against the truth of a script: every difference in words, none forgiven."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from support.deeds import Deed, K, Mark, net

from audit.history.model import Action, ActionGrade

What = tuple[str | int | None, ...]


def what(item: Action | Deed) -> What:
    """Return what was done, without who, when and why."""
    return (
        item.kind.value, item.model, item.version, item.alias, item.key, item.before, item.after,
    )  # fmt: skip


@dataclass(slots=True)
class Pairing:
    """Deeds and the actions that tell of them, and those without the other."""

    pairs: list[tuple[Deed, Action]]
    wrong: list[str]

    def not_so(self, deed: Deed, action: Action, why: str) -> None:
        """Note a difference."""
        when = action.when
        self.wrong.append(
            f"{why}: {deed.words()} [{deed.start}, {deed.end}] is told as {action.id} by "
            f"{action.actor or 'nobody'} ({action.actor_grade.value}) at [{when.earliest}, "
            f"{when.latest}] ({when.grade.value}) from {', '.join(action.sources)}"
        )


def paired(actions: Iterable[Action], deeds: Iterable[Deed], *, causes: bool = True) -> Pairing:
    """Pair what is the same in what was done, in the order of time; causes and identities too.

    Without ``causes`` those of what nobody did by name may be missing.
    """
    told, done = defaultdict[What, list[Action]](list), defaultdict[What, list[Deed]](list)
    for action in actions:
        told[what(action)].append(action)
    for deed in deeds:
        done[what(deed)].append(deed)
    found = Pairing([], [])
    for key in sorted(told.keys() | done.keys(), key=str):
        mine = sorted(done[key], key=lambda item: item.start)
        theirs = sorted(told[key], key=lambda item: item.when.latest)
        found.pairs += zip(mine, theirs, strict=False)
        for deed in mine[len(theirs) :]:
            found.wrong.append(f"not told: {deed.words()} [{deed.start}, {deed.end}]")
        for action in theirs[len(mine) :]:
            found.wrong.append(f"never done: {action.id} {key} at {action.when}")
    _causes(found, always=causes)
    _identities(found)
    return found


def _causes(found: Pairing, *, always: bool) -> None:
    by_deed = {id(deed): action for deed, action in found.pairs}
    for deed, action in found.pairs:
        cause = by_deed.get(id(deed.cause)) if deed.cause else None
        # A database account is no name either: it says nothing of which rows were one request.
        by_name = action.actor_grade is ActionGrade.AUTHENTICATED
        if not (always or by_name or action.cause):
            continue
        if action.cause != (cause.id if cause else ""):
            found.not_so(deed, action, f"another cause ({action.cause or 'none'})")


def _identities(found: Pairing) -> None:
    mine, theirs = defaultdict[str, set[str]](set), defaultdict[str, set[str]](set)
    for deed, action in found.pairs:
        mine[deed.identity].add(action.identity)
        theirs[action.identity].add(deed.identity)
    for identity, others in [*mine.items(), *theirs.items()]:
        if len(others) != 1:
            found.wrong.append(f"the model {identity} is told as {sorted(others)}")


def as_captured(
    actions: Iterable[Action], deeds: Sequence[Deed], *, transactions: bool = True
) -> list[str]:
    """Return what is wrong with a history that triggers and server recorded.

    Where the database does not number ``transactions``, nothing ties the rows together that
    no request of the server made: their cause may honestly be unknown, but never another.
    """
    found = paired(actions, deeds, causes=transactions)
    for deed, action in found.pairs:
        at = action.when.at
        if at is None or not deed.start <= at <= deed.end:
            found.not_so(deed, action, "another time")
        if action.when.grade is not ActionGrade.RECORDED:
            found.not_so(deed, action, "another grade")
        if (action.actor, action.actor_grade) != (deed.actor, deed.actor_grade):
            found.not_so(deed, action, "somebody else")
        ways = {"trigger"} | (
            {"plugin"} if action.actor_grade is ActionGrade.AUTHENTICATED else set()
        )
        if not ways <= set(action.sources) or {"plugin"} & set(action.sources) - ways:
            found.not_so(deed, action, "another source")
    return found.wrong


Slot = tuple[str, str, str | int | None, str, str]


def slot(deed: Deed) -> Slot:
    """Return what thing a deed changes."""
    thing = deed.kind.value
    for group in ("alias", "model_tag", "version_tag"):
        if thing.startswith(f"{group}_"):
            thing = group
    return (
        deed.identity, thing, None if thing == "alias" else deed.version, deed.alias, deed.key,
    )  # fmt: skip


def as_looked_at(
    actions: Iterable[Action],
    deeds: Sequence[Deed],
    marks: Sequence[Mark],
    looks: Sequence[int],
    *,
    tombstones: bool = True,
) -> list[str]:
    """Return what is wrong with a history that only looks at the registry tell.

    ``looks`` are the times of the snapshots at the marks. Each action must be in the interval
    in which it was found, must take in the time at which it was really done, and may be exact
    only where the registry has a time of its own: births, and deaths with a tombstone.
    """
    remaining = list(actions)
    wrong: list[str] = []
    for number in range(1, len(marks)):
        start, end = looks[number - 1], looks[number]
        expected = net(marks[number - 1].state, marks[number].state, tombstones=tombstones)
        last = {
            slot(deed): deed
            for deed in sorted(deeds, key=lambda item: item.start)
            if marks[number - 1].at <= deed.start < marks[number].at
        }
        graves = {
            (model.identity, version)
            for model in marks[number].state.values()
            for version in (model.tombstones if tombstones else ())
        }
        mine = [action for action in remaining if start < action.when.latest <= end]
        remaining = [action for action in remaining if action not in mine]
        for deed in expected:
            really = last.get(slot(deed))
            if really is None:
                raise AssertionError(f"nobody did {deed.words()}")
            deed.start, deed.end = really.start, really.end
        found = paired(mine, expected)
        for deed, action in found.pairs:
            known = deed.kind is K.MODEL_CREATED or (
                deed.kind is K.VERSION_ADDED and (deed.identity, deed.version) not in graves
            )
            dead = deed.kind is K.VERSION_REMOVED and (deed.identity, deed.version) in graves
            _bracketed(found, deed, action, (start, end), exact=known or dead)
        wrong += [f"{marks[number].name}: {text}" for text in found.wrong]
    wrong += [f"outside: {action}" for action in remaining]
    return wrong


def _bracketed(
    found: Pairing, deed: Deed, action: Action, look: tuple[int, int], *, exact: bool
) -> None:
    when = action.when
    if when.earliest is None or not look[0] <= when.earliest <= when.latest <= look[1]:
        found.not_so(deed, action, f"outside of {look}")
        return
    if when.earliest > deed.end or when.latest < deed.start:
        found.not_so(deed, action, "not at that time")
    if (action.actor, action.actor_grade) != ("", ActionGrade.UNKNOWN):
        found.not_so(deed, action, "nobody saw who")
    if exact != (when.at is not None):
        found.not_so(deed, action, "the registry knows when" if exact else "nobody knows when")
    if when.grade is not (ActionGrade.RECORDED if exact else ActionGrade.BRACKETED):
        found.not_so(deed, action, "another grade")
