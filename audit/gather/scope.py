"""Which versions a report is about, and why each of the others is not."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TypeAlias

from audit.facts import ModelVersion, OutOfScope, RegisteredModel, Registry
from audit.history.lives import lives
from audit.history.model import History
from audit.history.moments import tenures
from audit.period import Period

VersionKey: TypeAlias = tuple[str, str, int]
"""Workspace, model and number."""

_IDLE = "no alias pointed to it when the registry was read (scope: active)"
_IDLE_THROUGHOUT = "no alias pointed to it in the period, as far as was observed (scope: active)"


@dataclass(frozen=True, slots=True)
class Selection:
    """The versions in scope with the reason of each, and those left out with theirs."""

    versions: tuple[ModelVersion, ...]
    reasons: dict[str, str]
    left_out: tuple[OutOfScope, ...]


def select(
    registry: Registry,
    period: Period,
    as_of: int,
    *,
    rule: str,
    include: Iterable[str],
    exclude: Iterable[str],
    held: Collection[VersionKey] | None = None,
) -> Selection:
    """Return the versions that a report for ``period`` as of ``as_of`` (UTC ms) is about.

    ``rule`` is ``all``, ``active`` (it held an alias in the period) or ``new`` (made in it).
    ``held`` are the versions that are known to have held one at some time of the period,
    beside those that an alias points to; ``None`` where nothing is known of the past.
    A version registered after ``as_of`` is left out, as is one deleted before the period.
    """
    models = {(model.workspace, model.name): model for model in registry.models}
    included, excluded = tuple(include), tuple(exclude)
    chosen, reasons, left_out = [], {}, []
    for version in registry.versions:
        model = models.get((version.workspace, version.model))
        against = _against(version, period, as_of, rule)
        if not against and rule == "active" and not _active(version, model, held or ()):
            against = _IDLE if held is None else _IDLE_THROUGHOUT
        if not wanted(version.model, included, excluded):
            against = "the job file leaves this model out"
        if against:
            left_out.append(OutOfScope(version.model, version.version, against))
        else:
            chosen.append(version)
            reasons[version.key] = _reason(version, period)
    return Selection(tuple(chosen), reasons, tuple(left_out))


def holders(history: History, start: int, as_of: int) -> frozenset[VersionKey] | None:
    """Return the versions that held an alias between two moments (UTC ms), by their names then.

    ``None`` where nothing was observed before ``as_of``. One whose alias ended at a time
    that is only known to lie on both sides of ``start`` is among them.
    """
    if history.first_observed is None or history.first_observed >= as_of:
        return None
    models = lives(history)
    return frozenset(
        (tenure.workspace, models[tenure.identity].name_at(as_of), tenure.version)
        for tenure in tenures(history)
        if tenure.first_seen < as_of and (tenure.end is None or tenure.end.latest >= start)
    )


def wanted(name: str, include: Iterable[str], exclude: Iterable[str]) -> bool:
    """Return whether a job's patterns take a model of this name in."""
    return _fits(name, include) and not _fits(name, exclude)


def _fits(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _active(
    version: ModelVersion, model: RegisteredModel | None, held: Collection[VersionKey]
) -> bool:
    pointed = version.version in (model.aliases.values() if model else ())
    return pointed or (version.workspace, version.model, version.version) in held


def _against(version: ModelVersion, period: Period, as_of: int, rule: str) -> str:
    """Return why a version is not in scope, empty if it is."""
    if version.created_at is not None and version.created_at >= as_of:
        return "registered after the moment reported"
    if version.deleted_at is not None and version.deleted_at < period.start:
        return "deleted before the period"
    if rule == "new" and version.created_at not in period:
        return "not registered in the period (scope: new)"
    return ""


def _reason(version: ModelVersion, period: Period) -> str:
    if version.deleted_at in period:
        return "deleted in the period"
    if version.created_at in period:
        return "registered in the period"
    return "registered before the period"
