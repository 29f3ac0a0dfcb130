"""Two bundles side by side: versions that came and went, aliases that moved, verdicts.

Both are judged anew from their own facts; what their results come to is compared as a
report compares itself with the period before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from audit import canonical
from audit.facts import Facts, PreviousResults, model_label
from audit.questions.wording import columns, inert
from audit.render.words import status_word
from audit.report import diff
from audit.report.build import build
from audit.report.model import Change, Report


@dataclass(frozen=True, slots=True)
class Moved:
    """A value of a version or an alias that is another one; empty is "not there"."""

    name: str
    what: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs between two bundles."""

    before: str
    after: str
    """Job and period of each."""
    came: tuple[str, ...]
    went: tuple[str, ...]
    """Keys of versions."""
    aliases: tuple[Moved, ...]
    statuses: tuple[Moved, ...]
    """Of versions that are in both: their weights, lineage and other statuses."""
    changes: tuple[Change, ...]
    """Results that changed, what needs attention first."""


def compare(before: Facts, after: Facts) -> Comparison:
    """Return what differs between two bundles' facts."""
    old, new = build(before, ""), build(after, "")
    results = [*new.job_results, *(item for dossier in new.dossiers for item in dossier.results)]
    versions = [(dossier.label, dossier.version) for dossier in new.dossiers]
    changes = diff.changes(_results(old), results, versions, new.packs)
    values = _values(old), _values(new)
    return Comparison(
        f"{before.job.name} {before.job.period}",
        f"{after.job.name} {after.job.period}",
        tuple(key for key in values[1] if key not in values[0]),
        tuple(key for key in values[0] if key not in values[1]),
        tuple(_moved({"alias": _aliases(before)}, {"alias": _aliases(after)})),
        tuple(
            _moved(
                {key: part for key, part in values[0].items() if key in values[1]},
                {key: part for key, part in values[1].items() if key in values[0]},
            )
        ),
        tuple(item for item in changes if item.change not in ("new_version", "version_gone")),
    )


def _results(report: Report) -> PreviousResults:
    judged = [result for dossier in report.dossiers for result in dossier.results]
    return PreviousResults(
        verdicts={diff.key_of(item): item.verdict.value for item in (*report.job_results, *judged)},
        versions=tuple(f"{dossier.label}|{dossier.version}" for dossier in report.dossiers),
        packs={pack.id: pack.sha256 for pack in report.packs},
    )


def _aliases(facts: Facts) -> dict[str, str]:
    return {
        f"{model_label(model.name, model.workspace)}@{alias}": f"version {version}"
        for model in facts.registry.models
        for alias, version in sorted(model.aliases.items())
    }


def _values(report: Report) -> dict[str, dict[str, str]]:
    """Return what is compared of each version that is in both bundles."""
    found = {}
    for item in report.dossiers:
        statuses: dict[str, str] = canonical.plain(item.statuses)
        found[f"{item.label}/{item.version}"] = {
            "weights sha256": item.weights_sha256,
            "deleted": "yes" if item.deleted else "no",
            "stage": item.stage,
            **{name: status_word(value) for name, value in statuses.items()},
        }
    return found


def _moved(before: dict[str, dict[str, str]], after: dict[str, dict[str, str]]) -> Iterator[Moved]:
    for name, old in before.items():
        new = after[name]
        for what in dict.fromkeys((*old, *new)):
            if old.get(what, "") != new.get(what, ""):
                yield Moved(name, what, old.get(what, ""), new.get(what, ""))


def text(answer: Comparison) -> str:
    """Return the comparison as text for a terminal."""
    blocks: list[tuple[str, list[tuple[str, ...]]]] = [
        ("versions that came", [(key,) for key in answer.came]),
        ("versions that went", [(key,) for key in answer.went]),
        ("aliases that moved", [_row(item.what, item) for item in answer.aliases]),
        ("versions that changed", [_row(f"{m.name} {m.what}", m) for m in answer.statuses]),
        ("results that changed", [_result(item) for item in answer.changes]),
    ]
    lines = [f"{inert(answer.before)} → {inert(answer.after)}"]
    for title, rows in blocks:
        lines += ["", f"{title}: {len(rows) or 'none'}"]
        lines += columns((), [tuple(map(inert, row)) for row in rows], indent="  ")
    return "\n".join(lines)


def _row(name: str, item: Moved) -> tuple[str, ...]:
    return name, item.before or "(none)", "→", item.after or "(none)"


def _result(item: Change) -> tuple[str, ...]:
    subject = f"{item.model}/{item.version}" if item.model else "the job"
    words = (status_word(item.change), subject, item.control)
    moved = (status_word(item.before or "(none)"), "→", status_word(item.after or "(none)"))
    return (*words, *moved, item.cause)


def plain(answer: Comparison) -> dict[str, Any]:
    """Return the comparison as plain values for JSON."""
    told: dict[str, Any] = canonical.plain(answer)
    return told
