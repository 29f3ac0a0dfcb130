"""Control packs: checklists as data, read strictly from YAML."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Annotated, Any

import pydantic
from pydantic import BaseModel, ConfigDict, Field

from audit import resources
from audit.config import read_yaml, validate
from audit.controls.checks import find
from audit.errors import ConfigError
from audit.facts import Control, Family, Pack
from audit.verdicts import Severity

_Text = Annotated[str, Field(min_length=1)]
_Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class _Control(_Section):
    id: _Id
    title: _Text
    check: _Text
    severity: Severity
    rationale: _Text
    evidence: _Text
    remedy: _Text
    parameters: dict[str, Any] = {}


class _Family(_Section):
    id: _Id
    title: _Text
    text: str = ""
    controls: Annotated[tuple[_Control, ...], Field(min_length=1)]


class _Pack(_Section):
    id: _Id
    title: _Text
    edition: _Text
    source: _Text
    defaults: dict[str, Any] = {}
    families: Annotated[tuple[_Family, ...], Field(min_length=1)]

    @pydantic.model_validator(mode="after")
    def _one_each(self) -> _Pack:
        controls = [control.id for family in self.families for control in family.controls]
        for ids in ([family.id for family in self.families], controls):
            twice = next((name for name in ids if ids.count(name) > 1), None)
            if twice:
                raise ValueError(f"the id {twice} is given twice")
        return self


def shipped() -> tuple[str, ...]:
    """Return the names of the packs that come with the tool."""
    return tuple(sorted(path.stem for path in resources.PACKS.glob("*.yaml")))


def load_pack(name: str) -> Pack:
    """Return a shipped pack by its name, or one by the path of its YAML file.

    Raises ``ConfigError`` for a pack that does not exist or is wrong: unknown keys,
    ids given twice, checks that are not registered, parameters that they do not take.
    A pack's ``defaults`` are parameters of all its controls whose checks take them; what
    a control sets itself goes before them.
    """
    path = _path(name)
    read = validate(_Pack, read_yaml(path, "control pack"), path)
    _refuse_unused(read, path)
    return Pack(
        id=read.id,
        title=read.title,
        edition=read.edition,
        source=read.source,
        families=tuple(Family(family.id, family.title, family.text) for family in read.families),
        controls=tuple(
            _control(control, family.id, read.defaults, path)
            for family in read.families
            for control in family.controls
        ),
    )


def _path(name: str) -> Path:
    if name.endswith((".yaml", ".yml")) or "/" in name:
        return Path(name)
    known = shipped()
    if name in known:
        return resources.PACKS / f"{name}.yaml"
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"Did you mean {near[0]!r}? " if near else ""
    raise ConfigError(
        f"no such control pack: {name!r}",
        remedy=f"{hint}Shipped: {', '.join(known)}; or give the path of a .yaml file",
    )


def _refuse_unused(pack: _Pack, path: Path) -> None:
    """Raise ``ConfigError`` for the first default that no check of the pack takes."""
    controls = [control for family in pack.families for control in family.controls]
    taken = {
        name
        for control in controls
        for name in find(control.check, f"{path}: {control.id}").parameters.model_fields
    }
    for name in pack.defaults:
        if name not in taken:
            near = difflib.get_close_matches(name, taken, n=1, cutoff=0.5)
            raise ConfigError(
                f"no check of this pack takes the parameter {name!r}",
                where=f"{path}: defaults",
                remedy=f"Did you mean {near[0]!r}?" if near else "Leave it out",
            )


def _control(control: _Control, family: str, defaults: dict[str, Any], path: Path) -> Control:
    check = find(control.check, f"{path}: {control.id}")
    takes = check.parameters.model_fields
    given = {name: value for name, value in defaults.items() if name in takes} | control.parameters
    validate(check.parameters, given, f"{path}: {control.id}: parameters")
    return Control(family=family, **dict(control) | {"parameters": given})
