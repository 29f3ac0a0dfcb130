"""``mlflow-audit snapshot`` and ``history``: observe a registry, and tell what happened."""

from __future__ import annotations

import click


@click.command()
def snapshot() -> None:
    """Note in the ledger what changed in the registry since the last time."""


@click.command()
def history() -> None:
    """Tell what was done to a model, by whom and when, or how it stood at a moment."""
