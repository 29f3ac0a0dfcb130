"""The files that differ between two commits, with the lines of each.

git compares them here with the object store alone, from an empty folder: the
repository's configuration, attributes and drivers are not there to be obeyed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from audit.errors import SourceError
from audit.facts.since import FileChange
from audit.sources.git.store import ObjectStore, UnreadableError, is_sha

MAX_CHANGES = 100
_SECONDS = 120
_RENAMES = 1000
_PAIRS = 200
"""So many are compared by one process."""
_COMMAND = (
    *("diff-tree", "-r", "--raw", "--numstat", "-z", "--no-abbrev", "--no-ext-diff"),
    *("--no-textconv", "--find-renames=50%", f"-l{_RENAMES}", "--diff-algorithm=myers"),
    *("--no-relative", "--ignore-submodules=none"),
)
_WORDS = {"A": "added", "D": "removed", "R": "renamed"}


def changed_files(
    store: ObjectStore, before: str, after: str
) -> tuple[tuple[FileChange, ...], int]:
    """Return the files that differ between two commits or trees, and how many more do.

    At most ``MAX_CHANGES``, those with the most lines changed first; a file that is not
    text counts as one line. Raises ``UnreadableError`` where git cannot compare them,
    as in a clone without the commit or its files.
    """
    for commit in (before, after):
        if not store.kind(commit):
            raise UnreadableError(f"the commit {commit[:10]} is not in this clone")
    try:
        out = store.run_alone(*_COMMAND, before, after, "--", seconds=_SECONDS)
    except SourceError as error:
        sentence = f"git could not compare the files of {before[:10]} and {after[:10]}"
        raise UnreadableError(sentence) from error
    return _largest(out.split(b"\0"))


def changed_in_pairs(
    store: ObjectStore, pairs: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], tuple[tuple[FileChange, ...], int]]:
    """Return what ``changed_files`` does for many pairs of commits, a few processes for all.

    Pairs that git cannot compare, and those after them in their share, are left out.
    """
    wanted = list(dict.fromkeys(pairs))
    found: dict[tuple[str, str], tuple[tuple[FileChange, ...], int]] = {}
    for start in range(0, len(wanted), _PAIRS):
        share = [pair for pair in wanted[start : start + _PAIRS] if all(map(is_sha, pair))]
        share = [pair for pair in share if all(_is_commit(store, sha) for sha in pair)]
        lines = "".join(f"{after} {before}\n" for before, after in share)
        try:
            out = store.run_alone(
                *_COMMAND, "--stdin", "--always", stdin=lines.encode(), seconds=_SECONDS
            )
        except SourceError:
            continue
        groups = list(_groups(out.split(b"\0")))
        if len(groups) == len(share):
            found |= {pair: _largest(group) for pair, group in zip(share, groups, strict=True)}
    return found


def _is_commit(store: ObjectStore, sha: str) -> bool:
    try:
        return store.kind(sha) == "commit"
    except UnreadableError:
        return False


def _groups(fields: list[bytes]) -> Iterator[list[bytes]]:
    """Yield the fields of each pair: what follows its commit's id, which stands for itself.

    A path may look like such an id, so those that belong to a record are stepped over.
    """
    group: list[bytes] | None = None
    rest = iter(fields)
    for field in rest:
        if field.startswith(b":") and group is not None:
            renamed = field.rpartition(b" ")[2][:1] == b"R"
            group += [field, *(next(rest, b"") for _ in range(1 + renamed))]
        elif b"\t" in field and group is not None:
            group += [field, *(next(rest, b"") for _ in range(2 * field.endswith(b"\t")))]
        elif field:
            if group is not None:
                yield group
            group = []
    if group is not None:
        yield group


def _largest(fields: list[bytes]) -> tuple[tuple[FileChange, ...], int]:
    found = sorted(_changes(fields), key=lambda item: (-_weight(item), item.path))
    return tuple(found[:MAX_CHANGES]), max(0, len(found) - MAX_CHANGES)


def _weight(change: FileChange) -> int:
    if change.added is None or change.removed is None:
        return 1
    return change.added + change.removed


def _changes(fields: list[bytes]) -> Iterator[FileChange]:
    """Yield what ``--raw --numstat -z`` printed: all raw records, then all counts, alike in order.

    A raw record is ``:mode mode oid oid status`` and one path, or two of a rename; a count is
    ``added TAB removed TAB path``, its path empty and two more following of a rename.
    """
    words: dict[tuple[bytes, bytes], str] = {}
    rest = iter(fields)
    for field in rest:
        if field.startswith(b":"):
            letter = field.rpartition(b" ")[2][:1].decode("ascii", "replace")
            old = next(rest) if letter == "R" else b""
            words[old, next(rest)] = _WORDS.get(letter, "changed")
        elif field:
            added, removed, path = field.split(b"\t", 2)
            old = b"" if path else next(rest)
            path = path or next(rest)
            yield FileChange(
                path=_text(path),
                change=words.get((old, path), "changed"),
                added=int(added) if added.isdigit() else None,
                removed=int(removed) if removed.isdigit() else None,
                before=_text(old),
            )


def _text(path: bytes) -> str:
    return path.decode("utf-8", "backslashreplace")
