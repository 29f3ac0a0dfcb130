"""Where DVC's files stand in a history: one ``git log`` names every content of each.

A commit *introduces* a content when it holds it and none of its parents does. A merge
counts only for what stands in none of its parents.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass, field

from audit.sources.git.history import GitHistory

NOTHING = "0" * 40
"""Object id that git gives for a file that is not there."""
_KINDS = {"120000": "a symbolic link", "160000": "a submodule"}


@dataclass(slots=True)
class Version:
    """One content of one file in the history."""

    file: str
    oid: str
    introduced: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    """Commits that introduced it, oldest first, with the ids it replaced (one a parent)."""


@dataclass(slots=True)
class Log:
    """What the history holds of DVC's files."""

    versions: dict[tuple[str, str], Version] = field(default_factory=dict)
    """Each content of each ``dvc.lock`` and ``*.dvc``, by path and object id."""
    files: tuple[str, ...] = ()
    """The paths of these, sorted."""
    pipelines: tuple[str, ...] = ()
    """The paths of each ``dvc.yaml``, sorted."""
    problems: tuple[str, ...] = ()


def read_log(git: GitHistory, below: str) -> Log:
    """Return what any commit of any ref introduced, oldest first.

    ``below`` is the folder to which it is limited, ending in ``/``, or empty. Raises
    ``SourceError`` where git cannot read the history.
    """
    out = git.store.run(
        *("log", "--all", "--topo-order", "--full-history", "-m", "--raw", "--no-abbrev"),
        *("--no-renames", "--no-color", "--no-ext-diff", "--no-textconv", "--root", "-z"),
        *("--format=%x01%H", "--", ":(top)*dvc.lock", ":(top)*.dvc", ":(top)*dvc.yaml"),
        ":(top)*dvc.lock/*",
    )
    changes: dict[tuple[str, str, str], list[str]] = {}
    pipelines: set[str] = set()
    problems: dict[str, None] = {}
    for commit, mode, old, new, file in _changes(out):
        if new == NOTHING or not file.startswith(below):
            continue
        folder, name = posixpath.split(file)
        if posixpath.basename(folder) == "dvc.lock":
            problems[f"{folder} is a folder in some commits, where a file is expected"] = None
        if name == "dvc.yaml":
            pipelines.add(file)
        elif name == "dvc.lock" or (name.endswith(".dvc") and name != ".dvc"):
            if mode.startswith("100"):
                changes.setdefault((commit, file, new), []).append(old)
            else:
                kind = _KINDS.get(mode, "not a plain file")
                where = f"{file} in commit {commit[:10]}"
                problems[f"{where} is {kind}, which is not followed"] = None
    log = Log(
        files=tuple(sorted({file for _, file, _ in changes})),
        pipelines=tuple(sorted(pipelines)),
        problems=tuple(problems),
    )
    parents, order = git.parents, git.order
    for commit, file, oid in sorted(changes, key=lambda key: order.get(key[0], 0)):
        replaced = changes[commit, file, oid]
        if len(replaced) >= len(parents.get(commit, ())):
            version = log.versions.setdefault((file, oid), Version(file, oid))
            version.introduced.append((commit, tuple(replaced)))
    return log


def _changes(log: bytes) -> Iterator[tuple[str, str, str, str, str]]:
    r"""Yield ``(commit, new mode, old id, new id, path)`` from ``git log --raw -z``.

    The output is a row of fields that each end in NUL: a commit is ``\x01<sha>``, a change
    is ``:<old mode> <new mode> <old id> <new id> <letter>`` and then its path.
    """
    commit = ""
    fields = iter(log.split(b"\0"))
    for item in fields:
        if item.startswith(b"\x01"):
            commit = item[1:].decode("ascii")
        elif item.strip().startswith(b":"):
            _, mode, old, new, _ = item.strip().decode("ascii").split(" ")
            yield commit, mode, old, new, next(fields).decode("utf-8", "backslashreplace")
