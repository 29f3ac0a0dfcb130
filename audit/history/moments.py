"""The registry as of a moment, and who held which alias from when to when."""

from __future__ import annotations

from collections.abc import Iterator

from audit.facts import State
from audit.history.books import Books
from audit.history.model import Action, History, Tenure, Unexplained, When


def steps(history: History) -> Iterator[Action | Unexplained]:
    """Yield actions and unexplained changes as they were done, by their latest times."""
    waiting = sorted(history.unexplained, key=lambda step: step.when.latest)
    position = 0
    for action in history.actions:
        while position < len(waiting) and waiting[position].when.latest < action.when.latest:
            yield waiting[position]
            position += 1
        yield action
    yield from waiting[position:]


def state_at(history: History, moment: int, *, undecided: bool = False) -> State | None:
    """Return the registry's state at a moment (UTC ms), ``None`` before the first observation.

    What was done at an uncertain time that may be later (see ``straddling``) is not yet done;
    with ``undecided`` it is: then only what is known to be later is left out.
    """
    if history.first_observed is None or moment < history.first_observed:
        return None
    books = Books(history.opening)
    for step in steps(history):
        if step.when.latest > moment and not (undecided and step.when.straddles(moment)):
            continue
        books.post(step)
    return books.state()


def straddling(history: History, moment: int) -> tuple[Action, ...]:
    """Return the actions of which nobody knows whether they were done before a moment."""
    return tuple(action for action in history.actions if action.when.straddles(moment))


def tenures(history: History, until: int | None = None) -> tuple[Tenure, ...]:
    """Return every alias's holders in order, up to a moment (UTC ms) or the last observation.

    Sorted by workspace, model, alias and beginning. Names are those at the end.
    """
    if history.first_observed is None:
        return ()
    books = Books(history.opening)
    names = {book.identity: book.key for book in books.books.values()}
    held: dict[tuple[str, str], tuple[str, When | None]] = {
        (book.identity, local[1]): (version, None)
        for book in books.books.values()
        for local, version in book.page.items()
        if local[0] == "alias"
    }
    found: list[tuple[str, str, str, When | None, When | None]] = []
    for step in steps(history):
        if until is not None and step.when.latest > until:
            break
        names[step.identity] = (step.workspace, step.model)
        for alias, version in _alias_changes(step):
            if before := held.pop((step.identity, alias), None):
                found.append((step.identity, alias, *before, step.when))
            if version is not None:
                held[step.identity, alias] = (version, step.when)
    found += [(*key, *holder, None) for key, holder in held.items()]
    made = [
        Tenure(
            workspace=names[identity][0],
            model=names[identity][1],
            identity=identity,
            alias=alias,
            version=int(version) if version.isdecimal() else 0,
            start=start,
            end=end,
            first_seen=history.first_observed if start is None else start.latest,
        )
        for identity, alias, version, start, end in found
    ]
    return tuple(
        sorted(made, key=lambda item: (item.workspace, item.model, item.alias, item.first_seen))
    )


def _alias_changes(step: Action | Unexplained) -> list[tuple[str, str | None]]:
    return [
        (change.entry[3], change.after) for change in step.changes if change.entry[0] == "alias"
    ]
