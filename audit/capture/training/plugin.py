"""MLflow's run context provider: tags of each run that ``mlflow.start_run`` makes.

MLflow loads this module while it is being imported itself; nothing else imports it.
"""

from __future__ import annotations

import os
import threading

from mlflow.tracking.context.abstract_context import RunContextProvider

from audit.capture.training.collect import SWITCH, collect, correlation

_OFF = {"off", "0", "false", "no"}


class TrainingContext(RunContextProvider):  # type: ignore[misc]
    """Tags ``mlflow_audit.*``, found once in a process and the same for each of its runs."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tags: dict[str, str] | None = None

    def in_context(self) -> bool:
        """Whether it is not switched off by ``MLFLOW_AUDIT_TRAINING=off``."""
        return os.environ.get(SWITCH, "").strip().lower() not in _OFF

    def tags(self) -> dict[str, str]:
        """Return the tags of this process. Never raises."""
        with self._lock:
            if self._tags is None:
                self._tags = collect()
        return {**self._tags, **correlation()}
