"""Accepted deviations: read strictly, dated in UTC days, and never hiding what they cover.

Only a failure can be waived: somebody accepts a deviation that is known. What could not
be evaluated is not known, and stays unknown.
"""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated

import pydantic
from pydantic import BaseModel, ConfigDict, Field

from audit.config import read_yaml, validate
from audit.errors import ConfigError
from audit.facts import Pack, Waiver

_Text = Annotated[str, Field(min_length=1)]


class _Waiver(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    id: _Text
    control: _Text
    owner: _Text
    approver: _Text
    reason: _Text
    effective: dt.date | None = None
    expires: dt.date
    models: Annotated[tuple[_Text, ...], Field(min_length=1)] = ("*",)
    versions: tuple[Annotated[int, Field(ge=1)], ...] = ()

    @pydantic.model_validator(mode="after")
    def _two_people(self) -> _Waiver:
        if self.owner.casefold() == self.approver.casefold():
            raise ValueError(f"waiver {self.id}: the approver must not be its owner")
        if self.effective and self.expires < self.effective:
            raise ValueError(f"waiver {self.id} expires before it is effective")
        return self

    def fact(self) -> Waiver:
        return Waiver(
            id=self.id,
            control=self.control,
            owner=self.owner,
            approver=self.approver,
            reason=self.reason,
            effective=self.effective.isoformat() if self.effective else "",
            expires=self.expires.isoformat(),
            models=self.models,
            versions=self.versions,
        )


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    waivers: tuple[_Waiver, ...]

    @pydantic.model_validator(mode="after")
    def _one_each(self) -> _File:
        seen: set[str] = set()
        for waiver in self.waivers:
            if waiver.id in seen:
                raise ValueError(f"two waivers have the id {waiver.id}")
            seen.add(waiver.id)
        return self


def load_waivers(path: Path) -> tuple[Waiver, ...]:
    """Return the waivers of a file, in its order.

    Raises ``ConfigError`` for a file that is missing or wrong: unknown keys, empty
    owner, approver, reason or expiry, an approver who is the owner, an expiry before
    the effective date, an id used twice.
    """
    raw = read_yaml(path, "waiver file")
    return tuple(waiver.fact() for waiver in validate(_File, raw, path).waivers)


def refuse_unknown(waivers: Iterable[Waiver], packs: Iterable[Pack], path: Path | str) -> None:
    """Raise ``ConfigError`` for the first waiver whose control no pack has."""
    known = [control.id for pack in packs for control in pack.controls]
    for waiver in waivers:
        if any(fnmatchcase(control, waiver.control) for control in known):
            continue
        near = difflib.get_close_matches(waiver.control, known, n=1, cutoff=0.5)
        remedy = f"Did you mean {near[0]!r}?" if near else f"Controls: {', '.join(known)}"
        raise ConfigError(
            f"waiver {waiver.id} names a control that no pack has: {waiver.control!r}",
            where=str(path),
            remedy=remedy,
        )


def state(waiver: Waiver, as_of: int) -> str:
    """Return ``active``, ``expired`` or ``not yet effective`` for the UTC day of ``as_of``.

    ``as_of`` is UTC milliseconds; a waiver holds through its last day.
    """
    # ISO dates sort as text; no effective date is an empty one, and sorts first.
    today = dt.datetime.fromtimestamp(as_of / 1000, dt.UTC).date().isoformat()
    if today > waiver.expires:
        return "expired"
    return "active" if today >= waiver.effective else "not yet effective"


def covering(
    waivers: Sequence[Waiver], control: str, model: str, version: int, as_of: int
) -> Waiver | None:
    """Return the first active waiver for a control of a version (or of the job: 0)."""
    for waiver in waivers:
        if (
            fnmatchcase(control, waiver.control)
            and any(fnmatchcase(model, pattern) for pattern in waiver.models)
            and (not waiver.versions or version in waiver.versions)
            and state(waiver, as_of) == "active"
        ):
            return waiver
    return None
