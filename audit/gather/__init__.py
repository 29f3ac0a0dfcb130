"""Asks every source once and in bulk, and keeps what was read as facts.

``scope`` decides which versions the report is about, ``join`` finds for each of them the
DVC state that made its weights, ``collect`` puts the facts together.
"""

from audit.gather.collect import Request, collect

__all__ = ["Request", "collect"]
