"""``facts.jsonl``: one run's facts as canonical JSON lines, written and read back equal.

The first line holds what belongs to the whole run, every further line one version or
one run without a version. Format ``mlflow-audit/facts/1``.
"""

from __future__ import annotations

import dataclasses

import pydantic

from audit import canonical
from audit.errors import VerificationError
from audit.facts import Facts, Run, VersionFacts

FORMAT = "mlflow-audit/facts/1"


def dumps(facts: Facts) -> bytes:
    """Return the facts as JSON lines; the same facts give the same bytes."""
    head = dataclasses.replace(facts, versions=(), unregistered_runs=())
    lines = [canonical.dumps({"format": FORMAT, "facts": canonical.plain(head)})]
    lines += [canonical.dumps({"version": canonical.plain(item)}) for item in facts.versions]
    lines += [canonical.dumps({"run": canonical.plain(item)}) for item in facts.unregistered_runs]
    return b"\n".join(lines) + b"\n"


def loads(data: bytes, where: str = "facts.jsonl") -> Facts:
    """Return the facts in JSON lines. Raises ``VerificationError`` if they are not that."""
    try:
        first, *others = [canonical.loads(line) for line in data.splitlines()]
        if first["format"] != FORMAT:
            raise VerificationError(f"facts of an unknown format {first['format']!r}", where=where)
        head = canonical.load(Facts, first["facts"])
        versions = tuple(
            canonical.load(VersionFacts, line["version"]) for line in others if "version" in line
        )
        runs = tuple(canonical.load(Run, line["run"]) for line in others if "run" in line)
    except (ValueError, KeyError, TypeError, pydantic.ValidationError) as error:
        reason = str(error).splitlines()[0]
        raise VerificationError(f"not a facts file ({reason})", where=where) from error
    return dataclasses.replace(head, versions=versions, unregistered_runs=runs)
