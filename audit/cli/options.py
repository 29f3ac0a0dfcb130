"""Options that several commands share, each mirrored by an environment variable."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from audit.errors import UsageError

F = TypeVar("F", bound=Callable[..., Any])
PREFIX = "MLFLOW_AUDIT"


def shared(function: F) -> F:
    """Add the options that every command has."""
    for option in (
        click.option("-q", "--quiet", is_flag=True, envvar=f"{PREFIX}_QUIET", help="Only errors."),
        click.option(
            "-v", "--verbose", count=True, envvar=f"{PREFIX}_VERBOSE", help="Log what is done."
        ),
        click.option(
            "--progress",
            type=click.Choice(["auto", "on", "off"]),
            default="auto",
            envvar=f"{PREFIX}_PROGRESS",
            help="Moving counts; auto: only on a terminal.",
        ),
    ):
        function = option(function)
    return function


_CONFIG = click.option(
    "-c",
    "--config",
    "config_file",
    type=click.Path(path_type=Path),
    envvar=f"{PREFIX}_CONFIG",
    help="Job file, in place of the argument.",
)
_JOB = click.argument("job", required=False, type=click.Path(path_type=Path))


def job_path(job: Path | None, config_file: Path | None) -> Path:
    """Return the job file that a command is to work on: what is typed, else the environment's.

    Raises ``UsageError`` for none.
    """
    context = click.get_current_context(silent=True)
    source = context.get_parameter_source("config_file") if context else None
    typed = job if source is ParameterSource.ENVIRONMENT else None
    path = typed or config_file or job
    if path is None:
        raise UsageError("no job file is named", remedy="mlflow-audit init writes one")
    return path


def one_job(function: F) -> F:
    """Add the job file, and what every command has, to a command that reports no period."""
    return shared(_JOB(_CONFIG(function)))


def job_options(function: F) -> F:
    """Add the options of the commands that work on a job file."""
    for option in (
        click.option(
            "--only",
            multiple=True,
            metavar="PATTERN",
            envvar=f"{PREFIX}_ONLY",
            help="Only models whose name fits this shell pattern; may be repeated.",
        ),
        click.option(
            "--as-of",
            metavar="TIME",
            envvar=f"{PREFIX}_AS_OF",
            help="Report what held at this moment (ISO 8601), not at the period's end.",
        ),
        click.option(
            "-p",
            "--period",
            metavar="PERIOD",
            envvar=f"{PREFIX}_PERIOD",
            help="2026-Q3, 2026-07, 2026 or 2026-07-01/2026-09-30; default: the last closed one.",
        ),
        click.option(
            "-o",
            "--output",
            type=click.Path(path_type=Path),
            envvar=f"{PREFIX}_OUTPUT",
            help="Folder for bundles, in place of archive.path.",
        ),
        _CONFIG,
        _JOB,
    ):
        function = option(function)
    return shared(function)


def run_options(function: F) -> F:
    """Add the options of the commands that render."""
    for option in (
        click.option(
            "-j",
            "--jobs",
            envvar=f"{PREFIX}_JOBS",
            metavar="N|auto",
            help="Processes that render; auto: one for each core.",
        ),
        click.option(
            "--executor",
            type=click.Choice(["inline", "process"]),
            envvar=f"{PREFIX}_EXECUTOR",
            help="Where pages are rendered.",
        ),
        click.option(
            "--format",
            "formats",
            envvar=f"{PREFIX}_FORMAT",
            metavar="LIST",
            help="Formats, separated by commas: pdf,html,csv.",
        ),
    ):
        function = option(function)
    return function
