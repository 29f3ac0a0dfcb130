"""The command line: options, their environment mirror, messages and exit codes. No logic.

Results go to standard output, messages to standard error. Options that say what to report
and how, ``--name``, can be set in the environment as ``MLFLOW_AUDIT_NAME``; where a name
means something else to ``run``, ``HISTORY_`` or ``ANSWER_`` stands before it. What is typed
goes before the environment, and both before the job file.
"""

from audit.cli.commands import cli, main

__all__ = ["cli", "main"]
