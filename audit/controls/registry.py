"""Checks by name: pure functions of a subject, their parameters typed by their signature.

A check is written as a plain function and registered by ``@check``::

    @check("hyperparameters")
    def hyperparameters(subject: VersionSubject, *, minimum: int = 1) -> Outcome: ...

Its keyword parameters, with their types and defaults, are what a control pack may
set. Checks of other packages come in through the entry-point group
``mlflow_audit.checks``, each entry point naming a module that registers some.

A reason is one plain sentence without its capital and full stop, so that it stands
in a table cell as well as after a colon. Evidence is a tuple of references: ids and
digests in full, never abbreviated.
"""

from __future__ import annotations

import functools
import importlib.metadata
import inspect
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import pydantic
from pydantic import BaseModel, ConfigDict

from audit.facts import JobFacts, PreviousBundle, VersionFacts
from audit.graph import Graph
from audit.history.model import NOTHING, History
from audit.verdicts import Verdict

ENTRY_POINTS = "mlflow_audit.checks"

Scope = Literal["version", "job"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a check found, in one sentence, and the evidence it rests on."""

    verdict: Verdict
    reason: str
    evidence: tuple[str, ...] = ()


def passed(reason: str, *evidence: str) -> Outcome:
    """Return an outcome that passes."""
    return Outcome(Verdict.PASS, reason, evidence)


def failed(reason: str, *evidence: str) -> Outcome:
    """Return an outcome that fails."""
    return Outcome(Verdict.FAIL, reason, evidence)


def unknown(reason: str, *evidence: str) -> Outcome:
    """Return the outcome of what could not be evaluated."""
    return Outcome(Verdict.UNKNOWN, reason, evidence)


@dataclass(frozen=True, slots=True)
class VersionSubject:
    """One model version: its facts, and the lineage that follows from them."""

    facts: VersionFacts
    graph: Graph
    history: History = NOTHING
    """Of the whole registry; a check takes from it what concerns this version."""


@dataclass(frozen=True, slots=True)
class JobSubject:
    """The job as a whole, and the bundle of the period before."""

    job: JobFacts
    previous: PreviousBundle
    history: History = NOTHING


Subject = VersionSubject | JobSubject


@dataclass(frozen=True, slots=True)
class Check:
    """A registered check: its function, what it judges, and what it may be told."""

    name: str
    scope: Scope
    function: Callable[..., Outcome]
    parameters: type[BaseModel]
    summary: str
    """First line of the function's docstring."""

    def run(self, subject: Subject, parameters: dict[str, Any]) -> Outcome:
        """Return what the check finds.

        Raises whatever the function raises, ``pydantic.ValidationError`` for
        parameters that do not fit, and ``TypeError`` for an answer that is no
        verdict of a check (waiving is not for checks to do).
        """
        settings = self.parameters.model_validate(parameters)
        values = {name: getattr(settings, name) for name in type(settings).model_fields}
        outcome = self.function(subject, **values)
        if not isinstance(outcome, Outcome) or outcome.verdict is Verdict.WAIVED:
            raise TypeError(f"the check {self.name} gave no verdict of its own: {outcome!r}")
        return outcome


CHECKS: dict[str, Check] = {}
"""Every check registered so far; ``checks.catalogue()`` makes sure that all are."""

Function = TypeVar("Function", bound=Callable[..., Outcome])


def check(name: str, scope: Scope = "version") -> Callable[[Function], Function]:
    """Register the decorated function as the check ``name``.

    Raises ``ValueError`` for a name that is taken, a parameter without a default,
    or a function that does not say what it checks.
    """

    def register(function: Function) -> Function:
        if name in CHECKS:
            raise ValueError(f"two checks are named {name!r}")
        summary = (inspect.getdoc(function) or "").partition("\n")[0]
        if not summary:
            raise ValueError(f"the check {name!r} has no docstring to say what it checks")
        CHECKS[name] = Check(name, scope, function, _parameters(name, function), summary)
        return function

    return register


def _parameters(name: str, function: Callable[..., Outcome]) -> type[BaseModel]:
    """Return the model of a check's parameters, from its signature but the subject."""
    hints = typing.get_type_hints(function, include_extras=True)
    fields: dict[str, Any] = {}
    for parameter in list(inspect.signature(function).parameters.values())[1:]:
        if parameter.default is parameter.empty:
            raise ValueError(f"the parameter {parameter.name!r} of {name!r} has no default")
        fields[parameter.name] = (hints[parameter.name], parameter.default)
    return pydantic.create_model(name, __config__=ConfigDict(extra="forbid"), **fields)


@functools.cache
def load_plugins() -> tuple[str, ...]:
    """Register the checks of other packages, once; return what could not be loaded.

    A plug-in that cannot be loaded harms nobody until a pack asks for one of its
    checks; that pack's error then names it.
    """
    problems = []
    for point in importlib.metadata.entry_points(group=ENTRY_POINTS):
        try:
            point.load()
        except (ImportError, AttributeError, TypeError, ValueError) as error:
            problems.append(f"the plug-in {point.name} ({point.value}) cannot be loaded: {error}")
    return tuple(problems)
