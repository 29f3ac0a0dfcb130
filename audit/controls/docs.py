"""A control pack as a page of documentation, so that the page cannot drift from the pack."""

from __future__ import annotations

import sys

from audit.controls.checks import find
from audit.controls.pack import load_pack
from audit.facts import Control, Pack


def describe(pack: Pack) -> str:
    """Return a pack as Markdown. Raises ``ConfigError`` for a check that is not registered."""
    parts = [f"# {pack.title}", f"Edition {pack.edition}. {pack.source}"]
    for number, family in enumerate(pack.families, 1):
        parts += [f"## {number}. {family.title}", f"> {family.text}" if family.text else ""]
        controls = [control for control in pack.controls if control.family == family.id]
        for index, control in enumerate(controls, 1):
            parts += [f"### {number}.{index} {control.title}", *_described(control)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _described(control: Control) -> list[str]:
    check = find(control.check)
    fields = check.parameters.model_fields
    settings = {name: field.default for name, field in fields.items()} | control.parameters
    summary = check.summary.replace("``", "`")
    lines = [
        f"- Control `{control.id}`, severity {control.severity}",
        f"- Check `{control.check}`, once for each {check.scope}: {summary}",
        f"- Evidence: {control.evidence}",
        f"- When it fails: {control.remedy}",
    ]
    if settings:
        shown = ", ".join(f"`{name}: {_value(value)}`" for name, value in settings.items())
        lines.append(f"- Parameters: {shown}")
    return [control.rationale, "\n".join(lines)]


def _value(value: object) -> str:
    """Return a parameter's value as it is written in YAML."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(str, value))}]"
    return str(value) or '""'


if __name__ == "__main__":
    sys.stdout.write(describe(load_pack(*sys.argv[1:])))
