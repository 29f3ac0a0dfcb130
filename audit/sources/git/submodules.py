"""Commits of submodules that a history holds: by their SHA alone, without their content.

A training script inside a submodule has MLflow record the submodule's commit. The
repository around it names that commit in its trees (mode 160000).
"""

from __future__ import annotations

from audit.sources.git.store import ObjectStore

_LINK = "160000"


def gitlinks(store: ObjectStore) -> dict[str, tuple[str, str]]:
    """Return every commit of a submodule that the history was ever set to.

    Each with the submodule's path, and the oldest commit that set it so. Raises
    ``SourceError`` where git cannot walk the history.
    """
    log = store.run(
        *("log", "--all", "--topo-order", "--reverse", "-m", "--raw", "-z", "--no-abbrev"),
        *("--no-renames", "--ignore-submodules=none", "--no-show-signature", "--no-ext-diff"),
        *("--no-textconv", "--no-color", "--format=%x01%H"),
    )
    found: dict[str, tuple[str, str]] = {}
    commit = ""
    fields = iter(log.split(b"\0"))
    for field in fields:
        text = field.lstrip(b"\n")
        if text.startswith(b"\x01"):
            commit = text[1:41].decode("ascii", "replace")
        elif text.startswith(b":"):
            path = next(fields, b"")
            _, mode, _, oid, *_ = text.decode("ascii", "replace").split(" ")
            if mode == _LINK:
                found.setdefault(oid, (path.decode("utf-8", "backslashreplace"), commit))
    return found
