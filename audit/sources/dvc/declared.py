"""What a ``dvc.yaml`` says of its stages that their lock does not.

It is an overlay only: nothing is run, and no template (``${…}``) is replaced. Its sections
``vars``, ``params``, ``metrics``, ``plots`` and ``artifacts`` say nothing of what ran.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from audit.sources.dvc import yaml12
from audit.sources.dvc.entries import a_list, clean, placed, text


@dataclass(frozen=True, slots=True)
class Declared:
    """What a ``dvc.yaml`` says of a stage that its lock does not."""

    folder: str = ""
    """Working directory as written, perhaps with templates; empty where none is set."""
    elsewhere: tuple[tuple[str, str], ...] = ()
    """Pattern of an out's path as written, with the reason why no remote holds it."""
    frozen: bool = False
    always_changed: bool = False
    remotes: tuple[tuple[str, str], ...] = ()
    """Pattern of an out's path as written, with the remote that it is kept in."""


def parse_yaml(data: bytes) -> dict[str, Declared]:
    """Return what a ``dvc.yaml`` says of its stages, by the stage's name without ``@…``.

    Raises ``MalformedError``.
    """
    document = yaml12.read(data)
    stages = document.get("stages") if isinstance(document, dict) else None
    found = {}
    for name, body in (stages if isinstance(stages, dict) else {}).items():
        inner = body.get("do", body) if isinstance(body, dict) else None
        if isinstance(inner, dict):
            outs = [
                (path, options)
                for kind in ("outs", "metrics", "plots")
                for out in a_list(inner.get(kind))
                if isinstance(out, dict)
                for path, options in out.items()
                if isinstance(options, dict)
            ]
            found[clean(name)] = Declared(
                folder=text(inner.get("wdir")),
                elsewhere=tuple((path, why) for path, options in outs if (why := kept(options))),
                frozen=inner.get("frozen") is True,
                always_changed=inner.get("always_changed") is True,
                remotes=tuple(
                    (path, where)
                    for path, options in outs
                    if (where := text(options.get("remote")))
                ),
            )
    return found


def kept(options: Mapping[str, Any]) -> str:
    """Return why an out's options keep it from the remotes, or ``""``."""
    if options.get("cache") is False:
        return "not kept by DVC (cache: false)"
    return "never pushed (push: false)" if options.get("push") is False else ""


def fits(base: str, pattern: str, path: str) -> bool:
    """Whether a placed path is what a ``dvc.yaml`` names, perhaps with templates in it."""
    parts = re.split(r"\$\{[^}]*\}", placed(base, pattern))
    return re.fullmatch(".+".join(map(re.escape, parts)), path) is not None
