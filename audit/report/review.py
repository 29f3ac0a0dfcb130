"""What flagged versions have in common: by digest, and through all that they came from.

A component is a piece of the lineage (``report.pieces``): data by its digest, a stage by all
that its lock says of it, a commit, a package, a parameter. A version has those of its own
lineage and those of the versions that it is a copy of or was built on. What more than one
flagged version has is told with its coverage, the share of the flagged versions that have
it; of equal coverage, what the fewest other versions have stands first. A component that
every version has explains nothing. That a version's lineage has gaps does not show that it
lacks a component, so such versions are named.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from audit.facts import Flag, VersionFacts
from audit.graph import Graph
from audit.report.model import ReviewRow
from audit.report.pieces import Piece, PieceKind, named, pieces
from audit.verdicts import LineageStatus

_ORDER = (
    *("data", "data set", "stage", "command", "code", "weights", "commit", "version"),
    *("advisory", "package", "pipeline parameter", "parameter", "user"),
)
"""Kinds by how much they explain, where coverage and others are the same."""


@dataclass(frozen=True, slots=True)
class Review:
    """The answer: components by coverage, and what it could not be told from."""

    flagged: tuple[str, ...]
    """Flagged versions (``model/version``) that are reported on."""
    absent: tuple[str, ...]
    """Flagged versions that are not."""
    unflagged: int
    """Versions reported on that are not flagged."""
    rows: tuple[ReviewRow, ...]
    incomplete: tuple[tuple[str, LineageStatus], ...]
    """Flagged versions whose lineage is not complete: they may have more in common."""

    def telling(self) -> tuple[ReviewRow, ...]:
        """Return the components that not every version has."""
        if not self.unflagged:
            return self.rows
        return tuple(r for r in self.rows if r.coverage < 1 or r.others < self.unflagged)


def review(versions: Iterable[tuple[VersionFacts, Graph]], flagged: Collection[str]) -> Review:
    """Return what the flagged versions (``model/version``) have in common.

    With fewer than two of them among ``versions`` there is nothing to compare.
    """
    known = {facts.version.key: (facts, graph) for facts, graph in versions}
    asked = tuple(key for key in known if key in flagged)
    absent = tuple(sorted(key for key in flagged if key not in known))
    own = {key: _components(facts, graph) for key, (facts, graph) in known.items()}
    rows = _rows(known, own, asked) if len(asked) > 1 else ()
    incomplete = tuple(
        (key, known[key][1].status)
        for key in asked
        if known[key][1].status is not LineageStatus.COMPLETE
    )
    return Review(asked, absent, len(known) - len(asked), rows, incomplete)


def of_flags(versions: Iterable[tuple[VersionFacts, Graph]], flags: Collection[Flag]) -> Review:
    """Return what the versions that carry a flag have in common."""
    return review(versions, {flag.version for flag in flags}) if flags else review((), ())


_Components = Mapping[str, tuple[str, str]]
"""Name as ``impact`` takes it to kind and label."""


def _components(facts: VersionFacts, graph: Graph) -> _Components:
    found: dict[str, tuple[str, str]] = {}
    advisories = {item.id for item in facts.advisories}
    for piece in pieces(facts, graph):
        kind = piece.what or piece.kind.value
        if piece.kind is PieceKind.ADVISORY and piece.name not in advisories:
            continue  # another name of one that is told
        if kind == "file of weights" or (piece.kind is PieceKind.PATH and not piece.digest):
            continue  # said by the weights as a whole; without a digest nothing is the same
        found.setdefault(named(piece), (kind, _label(piece)))
    return found


def _label(piece: Piece) -> str:
    if piece.kind is PieceKind.DATASET and piece.digest:
        return f"{piece.name} (MLflow digest of a sample)"
    return piece.name


def _rows(
    known: Mapping[str, tuple[VersionFacts, Graph]],
    own: Mapping[str, _Components],
    asked: tuple[str, ...],
) -> tuple[ReviewRow, ...]:
    behind = {key: _behind(key, known) for key in known}
    having: dict[str, list[str]] = {}
    told: dict[str, tuple[str, str]] = {}
    for key in asked:
        for source in behind[key]:
            for name, words in own[source].items():
                told.setdefault(name, words)
                holders = having.setdefault(name, [])
                if not holders or holders[-1] != key:
                    holders.append(key)
    shared = {name: tuple(holders) for name, holders in having.items() if len(holders) > 1}
    others = dict.fromkeys(shared, 0)
    chosen = set(asked)
    for key, sources in behind.items():
        if key not in chosen:
            for name in {n for source in sources for n in own[source] if n in shared}:
                others[name] += 1
    rows = [
        ReviewRow(name, *told[name], holders, len(holders) / len(asked), others[name])
        for name, holders in shared.items()
    ]
    return tuple(sorted(rows, key=_place))


def _behind(key: str, known: Mapping[str, tuple[VersionFacts, Graph]]) -> tuple[str, ...]:
    """Return a version and all those that it is a copy of or was built on, as far as known."""
    found = {key: None}
    waiting = [key]
    while waiting:
        facts, _ = known[waiting.pop()]
        for name in (*facts.origin, *facts.bases):
            if name in known and name not in found:
                found[name] = None
                waiting.append(name)
    return tuple(found)


def _place(row: ReviewRow) -> tuple[float, int, int, str, str]:
    kind = _ORDER.index(row.kind) if row.kind in _ORDER else len(_ORDER)
    return (-row.coverage, row.others, kind, row.label, row.component)
