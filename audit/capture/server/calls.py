"""What is known of the request that a server is serving, wherever its work is done.

A request passes from the event loop through tasks into a worker thread. All of them see
the same ``Call`` through a context variable, which threads that outlive the request do not.
"""

from __future__ import annotations

import uuid
from contextvars import ContextVar
from dataclasses import dataclass, field

MAX_NAME = 256
"""Longest name of a user, a model or a version that is kept; MLflow's own limit."""
MAX_PATH = 2000


@dataclass(slots=True)
class Call:
    """One request. ``actor`` is empty until somebody is authenticated."""

    method: str
    path: str
    peer: str = ""
    """Network address that the server sees the request come from."""
    actor: str = ""
    model: str = ""
    version: str = ""
    changed: bool = False
    """Whether it changed the registry: then the registry's rows tell of it."""
    id: str = field(default_factory=lambda: uuid.uuid4().hex)


CURRENT: ContextVar[Call | None] = ContextVar("mlflow_audit_call", default=None)
"""The request being served in this context; None outside of any."""


def storable(text: str, limit: int = MAX_NAME) -> str:
    """Return ``text`` as every database takes it: no NUL, no half characters, not too long."""
    clean = text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")
    return clean[:limit]
