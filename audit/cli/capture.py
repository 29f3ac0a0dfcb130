"""``mlflow-audit capture``: how actions get recorded where they happen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, TypeVar

import click

from audit import errors
from audit.cli.listen import listen
from audit.cli.options import PREFIX
from audit.period import iso, system_clock

F = TypeVar("F", bound=Callable[..., Any])
_NONE = "not recorded"


@click.group()
def capture() -> None:
    """Record who does what to the registry, where it happens."""


capture.add_command(listen)


def _database(function: F) -> F:
    return click.option(
        "--db",
        required=True,
        metavar="URL",
        envvar=f"{PREFIX}_DB",
        help="The MLflow server's database: sqlite:///…, postgresql://… or mysql://….",
    )(function)


@capture.command()
@_database
@click.option(
    "--reader",
    default="",
    metavar="ROLE",
    envvar=f"{PREFIX}_READER",
    help="An account of the database that may read the log afterwards.",
)
def install(db: str, reader: str) -> int:
    """Put triggers on the registry's tables, or mend them. Can be run again at any time."""
    from audit.capture.install import install as do

    result = do(db, reader)
    counts: Counter[tuple[str, str]] = Counter()
    for step in result.steps:
        counts[step.done, step.name.partition(" ")[0]] += 1
        if step.done in {"mended", "removed", "granted"}:
            click.echo(f"{step.done:<8} {step.name}")
    for (done, kind), number in counts.items():
        if done in {"made", "stands"}:
            click.echo(f"{done:<8} {number} {kind}{'s' if number > 1 else ''}")
    for note in result.notes:
        click.echo(f"note: {note}", err=True)
    return errors.EXIT_OK


@capture.command()
@_database
def check(db: str) -> int:
    """Tell whether every trigger stands as installed; exit code 1 if not."""
    from audit.capture.install import check as do

    found = do(db, system_clock())
    for missing in found.missing:
        click.echo(missing)
    if not found.whole:
        click.echo("capture is not whole: run mlflow-audit capture install", err=True)
        return errors.EXIT_CONTROL_FAILED
    click.echo(f"every trigger stands as installed on {iso(found.installed_at)}")
    return errors.EXIT_OK


@capture.command()
@_database
def status(db: str) -> int:
    """Tell since when capture is installed and what the log holds."""
    from audit.capture.install import status as do

    found = do(db, system_clock())
    if found is None:
        click.echo("capture is not installed")
        return errors.EXIT_OK
    state = "whole" if found.check.whole else f"not whole ({len(found.check.missing)} wrong)"
    for name, value in (
        ("triggers", state),
        ("installed", iso(found.first_installed) or _NONE),
        ("as it is since", iso(found.check.installed_at) or _NONE),
        ("by version", found.tool_version or _NONE),
        ("rows", str(found.rows)),
        ("first", iso(found.first) or _NONE),
        ("last", iso(found.last) or _NONE),
        ("with a user", f"{found.stamped} of {found.rows}"),
        ("requests noted", str(found.requests)),
    ):
        click.echo(f"{name:<15} {value}")
    return errors.EXIT_OK


@capture.command()
@_database
@click.option("--purge", is_flag=True, help="Delete the log as well. It cannot be had back.")
def remove(db: str, purge: bool) -> int:
    """Take the triggers away; the log stays unless --purge."""
    from audit.capture.install import remove as do

    steps = do(db, purge=purge)
    if not steps:
        click.echo("capture is not installed")
        return errors.EXIT_OK
    for step in steps:
        if step.done == "removed" or step.name.startswith("table "):
            click.echo(f"{step.done:<8} {step.name}")
    if not purge:
        click.echo("the log is kept; --purge deletes it", err=True)
    return errors.EXIT_OK
