"""``mlflow-audit trace``, ``impact`` and ``diff``: questions of lineage, asked of a bundle."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from audit import canonical, config, errors
from audit.cli.messages import Messages
from audit.cli.options import PREFIX, job_path, shared
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


def _asked(*forms: str) -> Callable[[F], F]:
    """Add what names the bundle and the form of the answer."""

    def add(function: F) -> F:
        for option in (
            click.option(
                "--format",
                "form",
                type=click.Choice(forms),
                default="table",
                envvar=f"{PREFIX}_ANSWER_FORMAT",
                help="How it is told.",
            ),
            click.option(
                "--bundle",
                type=click.Path(path_type=Path),
                envvar=f"{PREFIX}_BUNDLE",
                help="Bundle to ask, in place of the job's newest one.",
            ),
            click.option(
                "-c",
                "--config",
                "config_file",
                type=click.Path(path_type=Path),
                envvar=f"{PREFIX}_CONFIG",
                help="Job file: its newest bundle is asked.",
            ),
        ):
            function = option(function)
        return shared(function)

    return add


@click.command()
@click.argument("version")
@click.option("--down", is_flag=True, help="What came of it, in place of what it came from.")
@click.option("--both", is_flag=True, help="Where it came from, and what came of it.")
@_asked("table", "json")
def trace(version: str, down: bool, both: bool, form: str, **options: Any) -> int:
    """Follow VERSION back to its raw data, its weakest link named first.

    VERSION is models:/churn@champion, models:/churn/4 or churn/4.
    """
    from audit.questions import asked
    from audit.questions import trace as answers

    facts = _facts(options)
    up, on = both or not down, both or down
    answer = answers.trace(facts, asked.version_named(facts, version), down=on)
    if form == "json":
        _json(answers.plain(answer, up=up, down=on))
    else:
        click.echo(answers.text(answer, up=up, down=on, paint=_paint))
    return errors.EXIT_OK


@click.command()
@click.argument("what")
@_asked("table", "json", "csv")
def impact(what: str, form: str, **options: Any) -> int:
    """Find every version that descends from WHAT, holders of an alias first.

    WHAT is a digest (8 hex digits or more), a path or pattern of paths, a data set's name, a
    commit (7 digits or more) or a package, with ==version or without. Where a name could be
    several of these: digest:…, path:…, dataset:…, commit:… or package:….
    """
    from audit.questions import impact as answers

    answer = answers.impact(_facts(options), what)
    if form == "json":
        _json(answers.plain(answer))
    elif form == "csv":
        click.echo(answers.csv(answer), nl=False)
    else:
        click.echo(answers.text(answer, _paint))
    return errors.EXIT_OK


@click.command()
@click.argument("before")
@click.argument("after")
@_asked("table", "json")
def diff(before: str, after: str, form: str, **options: Any) -> int:
    """Hold two versions, or two bundles, side by side: what differs, in words.

    BEFORE and AFTER are two versions (churn/3 churn/4) of one bundle, or two folders of bundles.
    """
    from audit.questions import asked, bundles, difference

    folders = [path for path in (Path(before), Path(after)) if asked.is_bundle(path)]
    if len(folders) == 2:
        of_bundles = bundles.compare(*map(asked.read, folders))
        if form == "json":
            _json(bundles.plain(of_bundles))
        else:
            click.echo(bundles.text(of_bundles))
        return errors.EXIT_OK
    if folders:
        raise errors.UsageError(
            "one is a bundle and the other is not", remedy="Name two bundles, or two versions"
        )
    facts = _facts(options)
    found = difference.compare(
        facts, *(asked.version_named(facts, name) for name in (before, after))
    )
    if form == "json":
        _json(difference.plain(found))
    else:
        click.echo(difference.text(found))
    return errors.EXIT_OK


def _facts(options: dict[str, Any]) -> Facts:
    """Return the facts of the bundle that is asked, and say which one that is."""
    from audit.questions import asked

    messages = Messages(options["quiet"], options["progress"])
    bundle = options["bundle"]
    if bundle is None:
        settings = config.load(job_path(None, options["config_file"]))
        bundle = asked.newest(settings.archive.path / settings.job.name, settings.period.zone)
    facts = asked.read(bundle)
    messages.stage(f"{bundle}: as of {iso(facts.job.as_of)}")
    return facts


def _paint(word: str, grade: Grade) -> str:
    """Return the word in its grade's colour on a terminal that has not asked for none."""
    colour = _COLOURS.get(grade)
    if colour is None or not sys.stdout.isatty() or "NO_COLOR" in os.environ:
        return word
    return click.style(word, fg=colour, bold=grade is Grade.CONTRADICTED)


def _json(value: Any) -> None:
    click.echo(json.dumps(canonical.plain(value), ensure_ascii=False, indent=2))
