"""The commands: what each takes, whom it calls, and which exit code it ends with."""

from __future__ import annotations

import atexit
import contextlib
import gc
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from audit import __version__, config, errors
from audit.cli.capture import capture
from audit.cli.flags import flag, review, unflag
from audit.cli.history import history, snapshot
from audit.cli.messages import Messages
from audit.cli.options import PREFIX, job_options, job_path, run_options, shared
from audit.cli.questions import diff, impact, trace
from audit.cli.track import track
from audit.period import system_clock


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "--version", prog_name="mlflow-audit")
def cli() -> None:
    """Compliance audit reports for MLflow model registries.

    Exit codes: 0 all required controls pass or are validly waived; 1 a control failed;
    2 usage or configuration; 3 something could not be read or evaluated; 4 sealing or
    verification failed; 5 another run holds the lock; 130 interrupted.
    """


@cli.command()
@job_options
@run_options
@click.option(
    "--dry-run",
    is_flag=True,
    envvar=f"{PREFIX}_DRY_RUN",
    help="Tell what would be done, as plan does.",
)
@click.option(
    "--force",
    is_flag=True,
    envvar=f"{PREFIX}_FORCE",
    help="Run again although the period is sealed: a new revision.",
)
def run(
    job: Path | None, config_file: Path | None, dry_run: bool, force: bool, **options: Any
) -> int:
    """Read, judge, render, seal and archive the report of one period."""
    from audit import pipeline, planning

    messages = _messages(options)
    settings = _settings(job, config_file, options)
    request = _request(options, force=force)
    if dry_run:
        click.echo(planning.plan(settings, request))
        return errors.EXIT_OK
    result = pipeline.run(settings, request, clock=system_clock, messages=messages)
    for problem in result.problems:
        messages.warn(problem)
    messages.stage(result.headline)
    click.echo(result.path)
    return result.exit_code


@cli.command()
@job_options
def plan(job: Path | None, config_file: Path | None, **options: Any) -> int:
    """Tell what a run would do, without writing anything."""
    from audit import planning

    _messages(options)
    settings = _settings(job, config_file, options)
    click.echo(planning.plan(settings, _request(options)))
    return errors.EXIT_OK


@cli.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    envvar=f"{PREFIX}_OUTPUT",
    help="Folder to write to; without it the files are only compared.",
)
@run_options
@shared
def render(bundle: Path, output: Path | None, **options: Any) -> int:
    """Render a bundle's report again from its facts, and compare it with what was sealed."""
    from audit import rerender, typeset

    messages = _messages(options)
    settings = typeset.Settings(
        formats=_formats(options.get("formats")),
        executor=options.get("executor") or "process",
        jobs=_jobs(options.get("jobs")),
    )
    result = rerender.render(bundle, output, settings, messages)
    click.echo(result.text())
    return errors.EXIT_OK if result.same else errors.EXIT_SEAL


@cli.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option(
    "--trust",
    type=click.Path(path_type=Path),
    envvar=f"{PREFIX}_TRUST",
    help="PEM file of the authority to trust, had from elsewhere than the bundle.",
)
@click.option(
    "--previous",
    type=click.Path(path_type=Path),
    help="Bundle of the period before; default: looked for beside this one.",
)
@click.option(
    "--ledger",
    metavar="URL",
    envvar=f"{PREFIX}_LEDGER",
    help="Ledger to check, and that it still holds what it held when the bundle was sealed.",
)
@shared
def verify(
    bundle: Path, trust: Path | None, previous: Path | None, ledger: str | None, **options: Any
) -> int:
    """Check a bundle: every file, every signature, the chain to the period before."""
    from audit.archive.verify import verify_bundle
    from audit.ledger import Ledger

    _messages(options)
    with contextlib.ExitStack() as closing:
        events = Ledger(ledger, make=False) if ledger else None
        if events is not None:
            closing.callback(events.close)
        result = verify_bundle(bundle, trust, previous, ledger=events)
    wanted = list(result.findings) if options["verbose"] else [*result.notes, *result.wrong]
    for finding in wanted:
        click.echo(f"{finding.level.value:<6} {finding}")
    anchor = "by the authority given" if result.anchored else "but the bundle vouches for itself"
    click.echo(
        f"{bundle}: verified {anchor}" if result.ok else f"{bundle}: {len(result.wrong)} wrong"
    )
    return errors.EXIT_OK if result.ok else errors.EXIT_SEAL


@cli.group()
def keys() -> None:
    """Make keys for a first run."""


@keys.command("new")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--organisation", default="", help="Name in the certificates.")
@shared
def keys_new(folder: Path, organisation: str, **options: Any) -> int:
    """Make a small authority and a seal certificate in FOLDER."""
    from audit.seal.authority import new_authority

    _messages(options)
    made = new_authority(folder, organisation, system_clock())
    click.echo(f"authority  {made.folder / 'ca.pem'}")
    click.echo(f"           SHA-256 {made.ca_fingerprint}")
    click.echo(f"seal       {made.folder / 'seal.pem'}")
    click.echo(f"           SHA-256 {made.seal_fingerprint}")
    return errors.EXIT_OK


@cli.command()
@click.argument("folder", default=".", type=click.Path(path_type=Path))
@click.option("--registry", default="", help="Registry URI; default: from the environment.")
@shared
def init(folder: Path, registry: str, **options: Any) -> int:
    """Write a commented job file into FOLDER/configs from what is found there."""
    from audit import scaffold

    _messages(options)
    written = scaffold.init(folder, registry)
    for line in written.notes:
        click.echo(line, err=True)
    click.echo(written.path)
    return errors.EXIT_OK


@cli.command()
@job_options
def doctor(job: Path | None, config_file: Path | None, **options: Any) -> int:
    """Check registry, repositories, remotes, keys, fonts and disk; tell what to do."""
    from audit import doctor as examination

    _messages(options)
    findings = examination.examine(_settings(job, config_file, options), system_clock())
    click.echo(examination.table(findings))
    return errors.EXIT_OK if all(item.ok for item in findings) else errors.EXIT_UNREAD


@cli.command()
@click.argument("folder", default="demo", type=click.Path(path_type=Path))
@shared
def demo(folder: Path, **options: Any) -> int:
    """Build a small world in FOLDER, run the quarterly export on it, and show where to look."""
    from audit.demo import showcase

    click.echo(showcase.run(folder, _messages(options)))
    return errors.EXIT_OK


def _messages(options: dict[str, Any]) -> Messages:
    level = {0: logging.WARNING, 1: logging.INFO}.get(options.get("verbose", 0), logging.DEBUG)
    logging.basicConfig(
        level=level, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr
    )
    return Messages(options.get("quiet", False), options.get("progress", "auto"))


def _settings(
    job: Path | None, config_file: Path | None, options: dict[str, Any]
) -> config.JobFile:
    settings = config.load(job_path(job, config_file))
    execute, archive, report = settings.execute, settings.archive, settings.report
    if options.get("output"):
        archive = archive.model_copy(update={"path": options["output"].resolve()})
    if options.get("executor"):
        execute = execute.model_copy(update={"executor": options["executor"]})
    if options.get("jobs"):
        execute = execute.model_copy(update={"jobs": _jobs(options["jobs"])})
    if options.get("formats"):
        report = report.model_copy(update={"formats": _formats(options["formats"])})
    return settings.model_copy(update={"execute": execute, "archive": archive, "report": report})


def _request(options: dict[str, Any], *, force: bool = False) -> Any:
    from audit.pipeline import Request

    return Request(
        period=options.get("period") or "",
        as_of=options.get("as_of") or "",
        only=tuple(options.get("only") or ()),
        force=force,
    )


def _jobs(text: str | None) -> int | str:
    if text is None or text == "auto":
        return "auto"
    if not text.isdigit() or not int(text):
        raise errors.UsageError(
            f"not a number of processes: {text!r}", remedy="Use 1, 2, … or auto"
        )
    return int(text)


def _formats(text: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in (text or "pdf,html,csv").split(",") if part.strip())


for command in (snapshot, history, capture, track, trace, impact, diff, review, flag, unflag):
    cli.add_command(command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code; a user's mistake is one line, never a traceback."""
    # Nearly all that a run makes lives until its end: looking for garbage often finds none.
    gc.set_threshold(100_000, 20, 20)
    atexit.register(gc.freeze)  # nor is there anything to find when the process ends
    try:
        code = cli.main(
            args=list(arguments) if arguments is not None else None,
            prog_name="mlflow-audit",
            standalone_mode=False,
        )
    except (click.exceptions.Abort, KeyboardInterrupt):
        return _fail("interrupted", errors.EXIT_INTERRUPTED)
    except click.ClickException as error:
        return _fail(error.format_message(), errors.EXIT_USAGE)
    except errors.AuditError as error:
        return _fail(str(error), error.exit_code)
    except BrokenPipeError:
        _discard_output()  # the reader of standard output went away
        return errors.EXIT_OK
    except OSError as error:  # such as a disk that is full
        if error.filename is None:
            _discard_output()
        where = f"{error.filename}: " if error.filename else ""
        return _fail(f"{where}{error.strerror or error}", errors.EXIT_UNREAD)
    return code if isinstance(code, int) else errors.EXIT_OK


def _discard_output() -> None:
    """Let what is left to flush to standard output go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(text: str, code: int) -> int:
    click.echo(f"mlflow-audit: {text}", err=True)
    return code
