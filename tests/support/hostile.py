"""Hostile text for every place where a registry, a repository or a file could have put text."""

from __future__ import annotations

import dataclasses
import enum
from typing import Any

HOSTILE = (
    "<script>alert(1)</script>",
    "{{7*7}}{% raw %}{% include '/etc/passwd' %}",
    "../../../../etc/passwd",
    '=HYPERLINK("http://evil.example","x")',
    "\x00\x07\x1b[31mred\x7f\x85",
    "\u202egnp.exe\u2066\u200f",
    "模型 نموذج 🧨 हिन्दी",
    "<img src=file:///etc/passwd onerror=alert(1)>",
    "</style><link rel=attachment href=file:///etc/passwd>",
    "]]></svg><svg onload=alert(1)>&amp;&#x202e;",
    "N" * 5000,
    "@import url(http://evil.example/x.css);",
    "line\r\nbreak\ttab\u2028separator",
    "\ud800 lone surrogate",
    "Ω≠é Ж ‰ \N{COMBINING ACUTE ACCENT}",
)

_STRUCTURAL = {
    "schema", "slug", "versions", "scope_reasons", "kind", "state",
    "run_state", "statuses", "start", "end", "zone", "period", "in_remote", "change", "status",
}  # fmt: skip


def hostile(value: Any, name: str = "") -> Any:
    """Return a value with hostile text before every string; equal strings stay equal."""
    if name in _STRUCTURAL or isinstance(value, enum.Enum):
        return value
    if isinstance(value, str):
        return f"{HOSTILE[sum(value.encode()) % len(HOSTILE)]}{value}" if value else value
    if isinstance(value, tuple):
        return tuple(hostile(item) for item in value)
    if isinstance(value, dict):
        return {hostile(key): hostile(item) for key, item in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {
            f.name: hostile(getattr(value, f.name), f.name) for f in dataclasses.fields(value)
        }
        return dataclasses.replace(value, **fields)
    return value
