"""What the user is told while a command works."""

from __future__ import annotations

import sys

import click


class Messages:
    """Progress on standard error: a line for each stage, a moving count on a terminal."""

    def __init__(self, quiet: bool, progress: str) -> None:
        self._quiet = quiet
        self._moving = progress == "on" or (progress == "auto" and sys.stderr.isatty())
        self._open = False

    def stage(self, text: str) -> None:
        """Tell that a stage begins."""
        if not self._quiet:
            self._end_line()
            click.echo(text, err=True)

    def step(self, done: int, total: int) -> None:
        """Tell how far the stage has come."""
        if self._moving and not self._quiet:
            click.echo(f"\r  {done} of {total}", err=True, nl=done == total)
            self._open = done != total

    def warn(self, text: str) -> None:
        """Tell what the user ought to know, in quiet runs as well."""
        self._end_line()
        click.echo(text, err=True)

    def _end_line(self) -> None:
        if self._open:
            click.echo(err=True)
            self._open = False
