"""Books that balance: opening entries and actions give the closing ones, or it is told why not."""

from __future__ import annotations

from collections import Counter, defaultdict

from audit.history.books import Books
from audit.history.model import Action, Balance, History, Unexplained
from audit.history.moments import steps


def balances(history: History, start: int, end: int) -> tuple[Balance, ...]:
    """Return the books of each model that was there or was acted on after ``start`` until ``end``.

    Counted are entries of the state. What is expected at the end is the opening and what the
    actions put in and took away; unexplained changes make the difference to what is observed.
    """
    if history.first_observed is None:
        return ()
    books = Books(history.opening)
    opening: dict[str, int] = {}
    actions: Counter[str] = Counter()
    strange: dict[str, list[Unexplained]] = defaultdict(list)
    drift: Counter[str] = Counter()
    names = {book.identity: book.key for book in books.books.values()}
    begun = False
    for step in steps(history):
        if step.when.latest > end:
            break
        if not begun and step.when.latest > start:
            opening, begun = _sizes(books), True
        names[step.identity] = (step.workspace, step.model)
        before = _size(books, step.identity)
        books.post(step)
        if not begun:
            continue
        if isinstance(step, Action):
            actions[step.identity] += 1
        else:
            strange[step.identity].append(step)
            drift[step.identity] += _size(books, step.identity) - before
    if not begun:
        opening = _sizes(books)
    closing = _sizes(books)
    known = start >= history.first_observed
    made = [
        Balance(
            workspace=names[identity][0],
            model=names[identity][1],
            identity=identity,
            opening=opening.get(identity, 0) if known else None,
            actions=actions[identity],
            closing_expected=closing.get(identity, 0) - drift[identity],
            closing_observed=closing.get(identity, 0),
            unexplained=tuple(strange[identity]),
        )
        for identity in opening.keys() | closing.keys() | actions.keys() | strange.keys()
    ]
    return tuple(sorted(made, key=lambda item: (item.workspace, item.model, item.identity)))


def _size(books: Books, identity: str) -> int:
    book = books.books.get(identity)
    return 0 if book is None else len(book.page)


def _sizes(books: Books) -> dict[str, int]:
    return {identity: len(book.page) for identity, book in books.books.items()}
