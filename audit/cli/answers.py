"""What the commands that answer from a bundle share: which bundle, in which form, in colour."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from audit import canonical, config
from audit.cli.messages import Messages
from audit.cli.options import PREFIX, job_path, shared
from audit.errors import UsageError
from audit.period import iso
from audit.verdicts import Grade

if TYPE_CHECKING:
    from audit.facts import Facts

F = TypeVar("F", bound=Callable[..., Any])

_COLOURS = {
    Grade.VERIFIED: "green",
    Grade.CONTRADICTED: "red",
    Grade.MISSING: "red",
    Grade.NOT_CHECKABLE: "yellow",
}

CONFIG = click.option(
    "-c",
    "--config",
    "config_file",
    type=click.Path(path_type=Path),
    envvar=f"{PREFIX}_CONFIG",
    help="Job file: says where registry, ledger and bundles are.",
)
BUNDLE = click.option(
    "--bundle",
    type=click.Path(path_type=Path),
    envvar=f"{PREFIX}_BUNDLE",
    help="Bundle to ask, in place of the job's newest one.",
)


def answered(*forms: str) -> Callable[[F], F]:
    """Add what names the bundle and the form of the answer."""
    form = click.option(
        "--format",
        "form",
        type=click.Choice(forms),
        default="table",
        envvar=f"{PREFIX}_ANSWER_FORMAT",
        help="How it is told.",
    )

    def add(function: F) -> F:
        return shared(CONFIG(BUNDLE(form(function))))

    return add


def to_file(function: F) -> F:
    """Add the file that an answer is written to."""
    option = click.option(
        "-o",
        "--output",
        type=click.Path(path_type=Path, allow_dash=True, dir_okay=False),
        envvar=f"{PREFIX}_ANSWER_OUTPUT",
        help="File to write the answer to; - or none: standard output.",
    )
    return option(function)


def facts_asked(options: dict[str, Any]) -> Facts:
    """Return the facts of the bundle that is asked, and say which one that is."""
    from audit.questions import asked

    messages = Messages(options["quiet"], options["progress"])
    bundle = options["bundle"]
    if bundle is None:
        settings = settings_of(options)
        bundle = asked.newest(settings.archive.path / settings.job.name, settings.period.zone)
    facts = asked.read(bundle)
    messages.stage(f"{bundle}: as of {iso(facts.job.as_of)}")
    return facts


def settings_of(options: dict[str, Any]) -> config.JobFile:
    """Return the job file that a command names."""
    return config.load(job_path(None, options["config_file"]))


def tell(text: str, output: Path | None = None) -> None:
    """Write an answer to a file, else to standard output. Raises ``UsageError``."""
    text = f"{text.rstrip(chr(10))}\n"
    if output is None or str(output) == "-":
        click.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise UsageError(f"cannot be written ({error.strerror})", where=str(output)) from error


def as_json(value: Any) -> str:
    """Return an answer's plain values as JSON for people to read."""
    return json.dumps(canonical.plain(value), ensure_ascii=False, indent=2)


def paint_for(output: Path | None) -> Callable[[str, Grade], str]:
    """Return what colours a grade's word: only on a terminal that has not asked for none."""
    onto = output is None or str(output) == "-"
    shown = onto and sys.stdout.isatty() and "NO_COLOR" not in os.environ

    def paint(word: str, grade: Grade) -> str:
        colour = _COLOURS.get(grade) if shown else None
        bold = grade is Grade.CONTRADICTED
        return click.style(word, fg=colour, bold=bold) if colour else word

    return paint
