"""Models across their names: each life under the names that it had, one after the other."""

from __future__ import annotations

from dataclasses import dataclass

from audit.facts import model_label
from audit.history.books import Books
from audit.history.model import Action, ActionKind, History


@dataclass(frozen=True, slots=True)
class Life:
    """One model, from its making or first observation on."""

    identity: str
    workspace: str
    names: tuple[tuple[int, str], ...]
    """From when (UTC ms, the latest that it can be) it had which name; the first from 0."""
    created: Action | None = None
    """``None`` where it was there when the registry was first observed."""
    deleted: Action | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """Every name that it had, the last one first."""
        found = [model_label(name, self.workspace) for _, name in reversed(self.names)]
        return tuple(dict.fromkeys(found))

    def name_at(self, moment: int) -> str:
        """Return the name that it had at a moment (UTC ms), the first one before its time."""
        return next(
            (name for since, name in reversed(self.names) if since <= moment), self.names[0][1]
        )

    def there_at(self, moment: int) -> bool:
        """Whether it stood in the registry at a moment (UTC ms)."""
        made = self.created is None or self.created.when.latest <= moment
        return made and (self.deleted is None or self.deleted.when.latest > moment)


def lives(history: History) -> dict[str, Life]:
    """Return every model that was ever observed, by identity."""
    spaces: dict[str, str] = {}
    names: dict[str, list[tuple[int, str]]] = {}
    ends: dict[tuple[str, ActionKind], Action] = {}
    for identity, book in Books(history.opening).books.items():
        spaces[identity], names[identity] = book.workspace, [(0, book.name)]
    for action in history.actions:
        identity = action.identity
        spaces.setdefault(identity, action.workspace)
        renamed = action.kind is ActionKind.MODEL_RENAMED
        known = names.setdefault(identity, [(0, action.before if renamed else action.model)])
        if renamed:
            known.append((action.when.latest, action.model))
        if action.kind in (ActionKind.MODEL_CREATED, ActionKind.MODEL_DELETED):
            ends[identity, action.kind] = action
    return {
        identity: Life(
            identity,
            spaces[identity],
            tuple(known),
            ends.get((identity, ActionKind.MODEL_CREATED)),
            ends.get((identity, ActionKind.MODEL_DELETED)),
        )
        for identity, known in names.items()
    }
