"""Which versions a report is about, and why each of the others is not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from audit.facts import ModelVersion, OutOfScope, RegisteredModel, Registry
from audit.period import Period


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
) -> Selection:
    """Return the versions that a report for ``period`` as of ``as_of`` (UTC ms) is about.

    ``rule`` is ``all``, ``active`` (an alias points to it) or ``new`` (made in the period).
    A version registered after ``as_of`` is left out, as is one deleted before the period.
    """
    models = {(model.workspace, model.name): model for model in registry.models}
    included, excluded = tuple(include), tuple(exclude)
    chosen, reasons, left_out = [], {}, []
    for version in registry.versions:
        model = models.get((version.workspace, version.model))
        against = _against(version, model, period, as_of, rule)
        if not _fits(version.model, included) or _fits(version.model, excluded):
            against = "the job file leaves this model out"
        if against:
            left_out.append(OutOfScope(version.model, version.version, against))
        else:
            chosen.append(version)
            reasons[version.key] = _reason(version, period)
    return Selection(tuple(chosen), reasons, tuple(left_out))


def _fits(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _against(
    version: ModelVersion, model: RegisteredModel | None, period: Period, as_of: int, rule: str
) -> str:
    """Return why a version is not in scope, empty if it is."""
    if version.created_at is not None and version.created_at >= as_of:
        return "registered after the moment reported"
    if version.deleted_at is not None and version.deleted_at < period.start:
        return "deleted before the period"
    if rule == "new" and version.created_at not in period:
        return "not registered in the period (scope: new)"
    if rule == "active" and version.version not in (model.aliases.values() if model else ()):
        return "no alias pointed to it when the registry was read (scope: active)"
    return ""


def _reason(version: ModelVersion, period: Period) -> str:
    if version.deleted_at in period:
        return "deleted in the period"
    if version.created_at in period:
        return "registered in the period"
    return "registered before the period"
