"""What follows from observations: actions, tenures, gaps, balances. Words as in the contract."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from audit.facts import Attempt, Change, State


class ActionKind(enum.StrEnum):
    """What was done."""

    MODEL_CREATED = "model_created"
    MODEL_RENAMED = "model_renamed"
    MODEL_DELETED = "model_deleted"
    MODEL_DESCRIPTION_CHANGED = "model_description_changed"
    MODEL_TAG_SET = "model_tag_set"
    MODEL_TAG_DELETED = "model_tag_deleted"
    VERSION_ADDED = "version_added"
    VERSION_REMOVED = "version_removed"
    VERSION_DESCRIPTION_CHANGED = "version_description_changed"
    VERSION_TAG_SET = "version_tag_set"
    VERSION_TAG_DELETED = "version_tag_deleted"
    VERSION_SOURCE_CHANGED = "version_source_changed"
    STAGE_CHANGED = "stage_changed"
    ALIAS_ADDED = "alias_added"
    ALIAS_MOVED = "alias_moved"
    ALIAS_REMOVED = "alias_removed"


class ActionGrade(enum.StrEnum):
    """How an action's who, or its what and when, is known; the strongest first.

    ``authenticated``: the server authenticated the user and stamped the same transaction.
    ``recorded``: exact time and values from the database's trigger, or the registry's own
    timestamp; of an actor: a database account. ``bracketed``: found between two
    observations. ``claimed``: a client's word. ``unknown``: nobody said.
    """

    AUTHENTICATED = "authenticated"
    RECORDED = "recorded"
    BRACKETED = "bracketed"
    CLAIMED = "claimed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class When:
    """When something happened: between two moments (UTC ms), which are equal where it is exact.

    ``earliest`` is ``None`` where nothing was observed before.
    """

    earliest: int | None
    latest: int
    grade: ActionGrade

    @property
    def at(self) -> int | None:
        """The exact moment, ``None`` for a bracket."""
        return self.latest if self.earliest == self.latest else None

    def straddles(self, moment: int) -> bool:
        """Whether nobody knows if it happened before a moment (UTC ms) or after it."""
        return self.latest > moment and (self.earliest is None or self.earliest < moment)


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that was done to the registry."""

    id: str
    """Stable for the same observations: ``<source>:<number>[.<n>]``."""
    when: When
    kind: ActionKind
    workspace: str
    model: str
    """The model's name right after the action (of a deletion: right before it)."""
    identity: str
    """The model across renames; a model deleted and made again is another one."""
    version: int | None = None
    alias: str = ""
    key: str = ""
    """Tag key, or the field of a version whose source changed."""
    before: str = ""
    after: str = ""
    actor: str = ""
    """As recorded; empty where nobody said."""
    actor_grade: ActionGrade = ActionGrade.UNKNOWN
    cause: str = ""
    """Id of the action that brought this one about."""
    sources: tuple[str, ...] = ()
    """Every way in which it was seen: ``plugin``, ``trigger``, ``snapshot``, ``webhook``,
    ``registry`` (its own timestamp), ``derived`` (follows from another captured change)."""
    changes: tuple[Change, ...] = ()
    """What it did to the state's entries, which have the model's name right after it. Empty
    where the opening state holds it already."""

    @property
    def grade(self) -> ActionGrade:
        """How what and when are known."""
        return self.when.grade

    @property
    def label(self) -> str:
        """The model's name in tables: with the workspace where it is not the default."""
        return self.model if self.workspace in ("", "default") else f"{self.workspace}:{self.model}"


@dataclass(frozen=True, slots=True)
class Tenure:
    """A version's time with an alias. ``end`` is ``None`` while it holds it.

    ``start`` is ``None`` where the alias stood already when the registry was first seen.
    """

    workspace: str
    model: str
    """The model's name at the tenure's end, or now."""
    identity: str
    alias: str
    version: int
    start: When | None
    end: When | None
    first_seen: int
    """UTC ms of the first observation at which the alias is known to have been held so."""

    @property
    def label(self) -> str:
        """The model's name in tables: with the workspace where it is not the default."""
        return self.model if self.workspace in ("", "default") else f"{self.workspace}:{self.model}"


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch of time (UTC ms) in which a change there and back would have left no trace."""

    start: int | None
    """``None``: from the beginning."""
    end: int
    reason: str


@dataclass(frozen=True, slots=True)
class Unexplained:
    """An entry that is not what the recorded actions make it, in a watched stretch of time."""

    workspace: str
    model: str
    identity: str
    what: str
    """The entry in words: ``alias champion``, ``version 3: source``."""
    expected: str
    observed: str
    when: When
    version: int | None = None
    kind: ActionKind | None = None
    """What the change would be called had it been recorded."""
    changes: tuple[Change, ...] = ()
    """The observed state is taken over, so that it is told once."""

    @property
    def label(self) -> str:
        """The model's name in tables: with the workspace where it is not the default."""
        return self.model if self.workspace in ("", "default") else f"{self.workspace}:{self.model}"


@dataclass(frozen=True, slots=True)
class Balance:
    """One model's books over a period: numbers of entries, and what is left unexplained."""

    workspace: str
    model: str
    identity: str
    opening: int | None
    """``None``: nothing was observed before the period's start, so the opening is unknown."""
    actions: int
    closing_expected: int
    closing_observed: int
    unexplained: tuple[Unexplained, ...] = ()

    @property
    def label(self) -> str:
        """The model's name in tables: with the workspace where it is not the default."""
        return self.model if self.workspace in ("", "default") else f"{self.workspace}:{self.model}"


@dataclass(frozen=True, slots=True)
class History:
    """All that the observations tell, up to the last of them."""

    actions: tuple[Action, ...]
    """By latest time, then in the order of their recording."""
    unexplained: tuple[Unexplained, ...]
    gaps: tuple[Gap, ...]
    first_observed: int | None
    last_observed: int | None
    opening: State
    """At the first observation."""
    attempts: tuple[Attempt, ...] = ()
    sources: tuple[str, ...] = ()
    """The ways in that were there at all: ``snapshot``, ``trigger``, ``plugin``, ``webhook``."""


NOTHING = History((), (), (), None, None, {})
"""What is known where nothing was ever observed."""
