"""``mlflow-audit track``: a training, with what explains it kept in its run."""

from __future__ import annotations

import click

from audit.cli.options import PREFIX


@click.command(
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.option(
    "--artifact-path",
    default="mlflow_audit",
    show_default=True,
    envvar=f"{PREFIX}_ARTIFACT_PATH",
    metavar="PATH",
    help="Folder among the run's artifacts.",
)
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def track(artifact_path: str, command: tuple[str, ...]) -> int:
    """Run a training and keep in its run what differed from the commit, and the packages.

    Write the command behind --. Its exit code is passed on; 128 and the number of the signal
    that ended it, 126 or 127 if it could not be started.
    """
    from audit.capture.training import tracked

    return tracked.run(
        command,
        artifact_path,
        lambda text: click.echo(f"mlflow-audit track: {text}", err=True),
    )
