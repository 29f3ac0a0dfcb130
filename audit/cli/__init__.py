"""The command line: options, their environment mirror, messages and exit codes. No logic.

Results go to standard output, messages to standard error. Every option that says what to
do and how, ``--name``, can be set in the environment as ``MLFLOW_AUDIT_NAME``.
"""

from audit.cli.commands import cli, main

__all__ = ["cli", "main"]
