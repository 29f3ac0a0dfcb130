"""Two versions side by side: what differs in data, code, run, environment, weights and checks.

A part that is not known of one of the two is said to be so, never to be equal or other.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from audit import canonical
from audit.facts import Facts, VersionFacts
from audit.facts.code import CODE_SUFFIXES
from audit.graph import NodeKind
from audit.questions.members import changed_members
from audit.questions.wording import columns, inert
from audit.render.words import VERDICTS, counted, status_word
from audit.report.build import build
from audit.report.dossier import columns as schema_columns
from audit.report.model import Dossier
from audit.sources.artifacts.requirements import package_of


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not the same. Empty is "not there"."""

    what: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Part:
    """One part of two versions: what differs in it, or why that cannot be told."""

    name: str
    differences: tuple[Difference, ...] = ()
    same: int = 0
    """How many things are the same in both."""
    unknown: str = ""
    more: tuple[str, ...] = ()
    """What else differs, or may, beside what is listed."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two versions, named by their keys, part for part."""

    before: str
    after: str
    before_lineage: str
    after_lineage: str
    """In words: what is said of a side is worth what its lineage is."""
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class _Side:
    facts: VersionFacts
    dossier: Dossier


_Values = Mapping[str, str]
_COMMITS = {"tagged": "commit in the run's tag", "lock": "commit that holds the lock"}


def compare(facts: Facts, before: VersionFacts, after: VersionFacts) -> Comparison:
    """Return what differs between two versions of a bundle."""
    both = (before,) if before == after else (before, after)
    report = build(dataclasses.replace(facts, versions=both), "")
    old, new = (
        _Side(item, dossier)
        for item in (before, after)
        for dossier in report.dossiers
        if (dossier.label, dossier.version) == (item.version.label, item.version.version)
    )
    raw, *rest = (_part(name, read, old, new) for name, read in _PARTS.items())
    return Comparison(
        before.version.key,
        after.version.key,
        status_word(old.dossier.statuses.lineage),
        status_word(new.dossier.statuses.lineage),
        (raw, *_members(before, after), *rest, _checks(old, new)),
    )


def _part(name: str, read: Callable[[_Side], _Values | str], old: _Side, new: _Side) -> Part:
    values = [read(old), read(new)]
    unknown = [
        f"{side.facts.version.key}: {value}"
        for side, value in zip((old, new), values, strict=True)
        if isinstance(value, str)
    ]
    before, after = ({} if isinstance(value, str) else value for value in values)
    if unknown:
        return Part(name, unknown="; ".join(unknown))
    keys = dict.fromkeys((*before, *after))
    found = tuple(
        Difference(key, before.get(key, ""), after.get(key, ""))
        for key in keys
        if before.get(key) != after.get(key)
    )
    return Part(name, found, len(keys) - len(found))


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return values by name; several of one name as one text."""
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return {name: "; ".join(sorted(set(values))) for name, values in found.items()}


def _raw(side: _Side) -> _Values | str:
    graph = side.dossier.graph
    files = [node for node in graph.of_kind(NodeKind.FILE) if node.role == "raw"]
    gaps = [node for node in graph.of_kind(NodeKind.GAP) if node.role == "raw"]
    if not files:
        return gaps[0].detail or "its raw data is not known" if gaps else "no raw data is recorded"
    pairs = [(node.label, node.digest) for node in files]
    return _grouped([*pairs, *((gap.label, f"GAP {gap.detail}".strip()) for gap in gaps)])


def _members(before: VersionFacts, after: VersionFacts) -> Iterator[Part]:
    """Yield the files of raw folders that differ, where a folder does."""
    found, more = changed_members(before, after)
    if found:
        differences = tuple(Difference(*item) for item in found)
        yield Part("files of folders", differences, more=tuple(more))
    elif more:
        yield Part("files of folders", unknown="; ".join(more))


def _code(side: _Side) -> _Values | str:
    pairs = [
        (name, node.digest)
        for node in side.dossier.graph.of_kind(NodeKind.COMMIT)
        for role, name in _COMMITS.items()
        if role in node.role
    ]
    states = [state for state in side.facts.pipeline.states if state.stage]
    pairs += [
        (dep.path, dep.digest)
        for state in states
        for dep in state.deps
        if PurePosixPath(dep.path).suffix.lower() in CODE_SUFFIXES
    ]
    pairs += [(f"command of {state.stage}", state.command) for state in states]
    return _grouped(pairs) or "no commit and no stage of it is known"


def _no_run(side: _Side) -> str:
    state = side.dossier.run_state
    return "it names no run" if state == "none" else f"its run is {status_word(state)}"


def _parameters(side: _Side) -> _Values | str:
    run = side.facts.run
    if run is None:
        return _no_run(side)
    return dict(sorted(run.params.items()))


def _pipeline_parameters(side: _Side) -> _Values | str:
    states = [state for state in side.facts.pipeline.states if state.stage]
    if not states:
        return "no stage of it is known"
    return _grouped(sorted(pair for state in states for pair in state.params.items()))


def _metrics(side: _Side) -> _Values | str:
    run = side.facts.run
    if run is None:
        return _no_run(side)
    return {name: repr(value) for name, value in sorted(run.metrics.items())}


def _inputs(side: _Side) -> _Values | str:
    run = side.facts.run
    found: dict[str, str] = {}
    if run is None:
        return _no_run(side)
    for data in run.datasets:
        found[f"{data.name}: MLflow sample digest"] = data.digest
        for column, kind in schema_columns(data.schema):
            found[f"{data.name}: column {column or '(no name)'}"] = kind
    return found | _signature(side.facts.environment.signature)


def _signature(signature: str) -> dict[str, str]:
    """Return the columns of a model's signature, whose halves are JSON texts themselves."""
    found: dict[str, str] = {}
    try:
        halves = json.loads(signature) if signature else {}
        for half in ("inputs", "outputs"):
            spec = halves.get(half) or []
            for at, column in enumerate(json.loads(spec) if isinstance(spec, str) else spec):
                name = f"signature {half}: {column.get('name', f'number {at + 1}')}"
                found[name] = str(column.get("type", ""))
    except (ValueError, AttributeError, TypeError):
        return {"signature": signature}
    return found


def _environment(side: _Side) -> _Values | str:
    environment = side.facts.environment
    if not environment.sources:
        return "its environment is not recorded"
    found = {"python": environment.python or "not recorded"}
    for line in sorted(environment.packages):
        name, version = package_of(line)
        found[name] = version or line
    return found


def _weights(side: _Side) -> _Values | str:
    weights = side.facts.weights
    if not weights.read:
        return weights.reason or "its weights could not be read"
    found = {"all files together": f"sha256:{weights.sha256}"}
    return found | {file.path: f"sha256:{file.sha256}" for file in weights.files}


def _statuses(side: _Side) -> _Values:
    version, dossier = side.facts.version, side.dossier
    statuses = canonical.plain(dossier.statuses)
    return {
        "aliases": ", ".join(dossier.aliases),
        "registry status": version.status.lower(),
        "deleted": "yes" if version.deleted else "no",
        "verdict": VERDICTS[dossier.verdict],
        **{name: status_word(value) for name, value in statuses.items()},
    }


def _checks(old: _Side, new: _Side) -> Part:
    """Return the checks whose verdict is another one, with the reasons of both."""
    before, after = (
        {result.control: result for result in side.dossier.results} for side in (old, new)
    )
    told = {
        control: tuple(
            f"{VERDICTS[found.verdict]}: {found.reason}".removesuffix(": ") if found else ""
            for found in (before.get(control), after.get(control))
        )
        for control in dict.fromkeys((*before, *after))
        if control not in before
        or control not in after
        or before[control].verdict is not after[control].verdict
    }
    found = tuple(Difference(control, *words) for control, words in told.items())
    return Part("checks", found, len(before.keys() | after.keys()) - len(found))


_PARTS: dict[str, Callable[[_Side], _Values | str]] = {
    "raw data": _raw,
    "code": _code,
    "parameters": _parameters,
    "pipeline parameters": _pipeline_parameters,
    "metrics": _metrics,
    "inputs and schema": _inputs,
    "environment": _environment,
    "weights": _weights,
    "statuses": _statuses,
}


def text(answer: Comparison) -> str:
    """Return the comparison as text for a terminal."""
    sides = (answer.before, answer.before_lineage), (answer.after, answer.after_lineage)
    lines = [" → ".join(f"{inert(key)} (lineage {status})" for key, status in sides)]
    for part in answer.parts:
        lines += ["", *_block(part)]
    return "\n".join(lines)


def _block(part: Part) -> Iterator[str]:
    if part.unknown:
        yield f"{part.name}: CANNOT BE TOLD ({inert(part.unknown)})"
        return
    same = f"{part.same:,} the same" if part.same else ""
    if not part.differences:
        yield f"{part.name}: no difference{f' ({same})' if same else ''}"
        return
    count = counted(len(part.differences), "difference")
    yield f"{part.name}: {count}{f', {same}' if same else ''}"
    rows = [
        (f"  {inert(item.what, 60)}", _sign(item), _shown(item.before), "→", _shown(item.after))
        for item in part.differences
    ]
    yield from columns((), rows)
    yield from (f"  {inert(item)}" for item in part.more)


def _sign(item: Difference) -> str:
    if not item.before:
        return "new"
    return "changed" if item.after else "gone"


def _shown(value: str) -> str:
    return inert(value, 120) if value else "(none)"


def plain(answer: Comparison) -> dict[str, Any]:
    """Return the comparison as plain values for JSON."""
    told: dict[str, Any] = canonical.plain(answer)
    return told
