"""``mlflow-audit capture listen``: take MLflow's webhooks."""

from __future__ import annotations

import click


@click.command()
def listen() -> None:
    """Take MLflow's registry webhooks and note them in the ledger."""
