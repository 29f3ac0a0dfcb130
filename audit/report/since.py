"""What changed from the version before, in words: one sentence for pages and tables alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from audit.facts import DataChange, FileChange, Since, ValueChange

_NAMED = 3
_LONGEST = 60
_SAME = "the same commit"

T = TypeVar("T")


def told(since: Since | None) -> str:
    """Return the whole of it as text: what changed, and what could not be compared.

    Empty for a model's first version.
    """
    if since is None:
        return ""
    return f"Since {before(since)}: {whole(since)}"


def whole(since: Since) -> str:
    """Return the same without its beginning."""
    return " ".join((changes(since), *since.unknown))


def before(since: Since) -> str:
    """Return the name of the version before: ``version 3``."""
    return f"version {since.version.rpartition('/')[2]}"


def changes(since: Since) -> str:
    """Return what changed as the end of a sentence, with its full stop."""
    parts = [
        *_code(since),
        *_few(since.params, lambda item: f"parameter {change(item)}", "parameter"),
        *_few(since.data, data_change, "data source"),
        *_few(since.schema, change, "change of the schema", "changes of the schema"),
        *_few(since.environment, change, "package"),
    ]
    if parts == [_SAME]:
        return f"no difference was found ({_SAME})."
    if parts:
        return f"{', '.join(parts)}."
    return f"no difference was found{' in what could be compared' if since.unknown else ''}."


def change(item: ValueChange) -> str:
    """Return a changed value: ``C 0.5 → 1.0``, ``seed added (7)``, ``seed removed``."""
    name = short(item.name)
    if not item.after:
        return f"{name} removed"
    if not item.before:
        return f"{name} added ({short(item.after)})"
    return f"{name} {short(item.before)} → {short(item.after)}"


def data_change(item: DataChange) -> str:
    """Return changed data: ``data/raw.csv changed``, a folder with its number of files."""
    count = len(item.members) + item.more
    inside = f" ({_counted(count, 'file')} in it)" if count else ""
    return f"{short(item.path)} {way(item)}{inside}"


def way(item: DataChange | ValueChange) -> str:
    """Return how something changed, in a word."""
    if item.before and item.after:
        return "changed"
    return "added" if item.after else "removed"


def lines(item: FileChange) -> str:
    """Return the lines of a changed file: ``+12 −3``; empty for a file that is not text."""
    if item.added is None or item.removed is None:
        return ""
    return f"+{item.added:,} −{item.removed:,}"


def distance(since: Since) -> str:
    """Return how many commits lie between the two, in words; empty where none were compared."""
    if not since.before or not since.after:
        return ""
    if since.before == since.after:
        return _SAME
    if since.commits is None:
        return "" if since.unknown and not since.files else "a commit on another line of history"
    if since.commits < 0:
        return f"a commit that is {_counted(-since.commits, 'commit')} older"
    return _counted(since.commits, "commit")


def short(text: str) -> str:
    """Return a value in one line of at most sixty characters."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"


def _code(since: Since) -> Iterator[str]:
    if told := distance(since):
        yield told
    count = len(since.files) + since.more_files
    if count:
        # What DVC itself writes follows from the rest, so that is named first.
        ordered = sorted(since.files, key=lambda item: item.path.endswith(("dvc.lock", ".dvc")))
        named = [f"{short(item.path)} {lines(item)}".strip() for item in ordered[:_NAMED]]
        more = [f"{count - len(named)} more"] if count > len(named) else []
        changed = "changed" if any(item.change != "added" for item in since.files) else "added"
        yield f"{_counted(count, 'file')} {changed} ({', '.join([*named, *more])})"


def _few(
    items: Sequence[T], say: Callable[[T], str], noun: str, several: str = ""
) -> Iterable[str]:
    """Return the first few items in words, and how many more there are."""
    # One more takes no more room than saying that there is one.
    shown = items if len(items) <= _NAMED + 1 else items[:_NAMED]
    left = len(items) - len(shown)
    return [*map(say, shown), *([f"{left:,} more {several or f'{noun}s'}"] if left else [])]


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
