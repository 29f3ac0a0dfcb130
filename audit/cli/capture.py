"""``mlflow-audit capture``: how actions get recorded where they happen."""

from __future__ import annotations

import click

from audit.cli.listen import listen


@click.group()
def capture() -> None:
    """Record who does what to the registry, where it happens."""


capture.add_command(listen)
