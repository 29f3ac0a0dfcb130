"""What versions can descend from, and which piece of it a question names."""

from __future__ import annotations

import enum
import fnmatch
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from audit.errors import UsageError
from audit.facts import VersionFacts
from audit.graph import Graph, Node, NodeKind
from audit.questions.asked import near
from audit.questions.wording import inert


class PieceKind(enum.StrEnum):
    """How a piece can be named; the value is the word before the colon."""

    DIGEST = "digest"
    PATH = "path"
    DATASET = "dataset"
    COMMIT = "commit"
    PACKAGE = "package"


@dataclass(frozen=True, slots=True)
class Piece:
    """A file with its digest, a data set, a commit or a package of one version's lineage."""

    kind: PieceKind
    """``path`` for files, which also go by their digest."""
    name: str
    digest: str = ""
    """Without the name of its kind: hex digits, with ``.dir`` for a folder."""
    node: str = ""
    """The node of the version's graph that is the piece, or that used it; empty for none."""
    link: str = ""
    """Where ``node`` only used it: how that is known."""


_HEX = re.compile(r"(?:md5|sha1|sha256|md5-dos2unix)?:?([0-9a-f]{7,64}(?:\.dir)?)", re.IGNORECASE)
_LEAST = {PieceKind.DIGEST: 8, PieceKind.COMMIT: 7}


def pieces(facts: VersionFacts, graph: Graph) -> Iterator[Piece]:
    """Yield all pieces that one version descends from."""
    for node in graph.nodes:
        if node.kind is NodeKind.FILE:
            yield Piece(PieceKind.PATH, node.label, _bare(node.digest), node.id)
        elif node.kind is NodeKind.DATASET:
            digest = node.detail.rpartition(" ")[2] if node.role == "input" else ""
            yield Piece(PieceKind.DATASET, node.label, digest, node.id)
        elif node.kind is NodeKind.COMMIT:
            yield Piece(PieceKind.COMMIT, node.label, node.digest, node.id)
        elif node.kind is NodeKind.WEIGHTS:
            yield from _weights(facts, node)
    yield from _code(facts, graph)
    environment = next((node.id for node in graph.of_kind(NodeKind.ENVIRONMENT)), "")
    for line in facts.environment.packages:
        yield Piece(PieceKind.PACKAGE, line, "", environment)


def _weights(facts: VersionFacts, node: Node) -> Iterator[Piece]:
    if node.digest:
        name = f"weights of {facts.version.key}"
        yield Piece(PieceKind.PATH, name, _bare(node.digest), node.id)
    for file in facts.weights.files:
        for digest in (file.md5, file.sha256, file.md5_dos2unix):
            if digest:
                yield Piece(PieceKind.PATH, file.path, digest, node.id)


def _code(facts: VersionFacts, graph: Graph) -> Iterator[Piece]:
    """Yield what a stage depends on and the graph does not draw as a file: code, and gaps."""
    drawn = {node.label for node in graph.of_kind(NodeKind.FILE)}
    for state in facts.pipeline.states:
        for dep in state.deps:
            if state.stage and dep.path not in drawn:
                link = f"{state.file}: {state.stage} names it as a dependency"
                stage = f"{NodeKind.STAGE.value}:{state.id}"
                yield Piece(PieceKind.PATH, dep.path, dep.digest, stage, link)


def _bare(digest: str) -> str:
    return digest.rpartition(":")[2]


def package_of(line: str) -> tuple[str, str]:
    """Return a requirement's name as compared and its exact version, empty where it has none.

    A line that is no requirement (``git+https://…``) is its own name.
    """
    try:
        requirement = Requirement(line.partition(" --hash")[0].partition(" #")[0].strip())
    except InvalidRequirement:
        name, separator, version = line.partition("=")  # conda: name=version=build
        return canonicalize_name(name.strip()), version.strip("= ") if separator else ""
    exact = [item.version for item in requirement.specifier if item.operator in ("==", "===")]
    return canonicalize_name(requirement.name), exact[0] if exact else ""


def chosen(asked: str, known: Iterable[Piece]) -> tuple[PieceKind, tuple[Piece, ...]]:
    """Return the pieces that a question names, all of one kind.

    Raises ``UsageError`` for a name of nothing or of several things, with what is near it.
    """
    every = tuple(dict.fromkeys(known))
    word, _, rest = asked.strip().partition(":")
    kinds, name = tuple(PieceKind), asked.strip()
    if word in set(PieceKind) and rest:
        kinds, name = (PieceKind(word),), rest.strip()
    found: dict[PieceKind, tuple[Piece, ...]] = {}
    for kind in kinds:
        fitting = tuple(piece for piece in every if _FITS[kind](name, piece))
        if fitting:
            found[kind] = fitting
    if len(found) > 1:
        ways = ", ".join(f"{kind.value}:{inert(name, 80)}" for kind in found)
        what = f"{inert(name, 80)} is the name of several things"
        raise UsageError(what, remedy=f"Say which: {ways}")
    if not found:
        raise UsageError(
            f"nothing in the lineage of this bundle goes by {inert(name, 80)!r}",
            remedy=near(name, _names(every)) or _too_short(name),
        )
    ((kind, fitting),) = found.items()
    if kind in _LEAST:
        digests = sorted({piece.digest for piece in fitting})
        if len(digests) > 1:
            shown = ", ".join(digests[:4]) + (", …" if len(digests) > 4 else "")
            raise UsageError(
                f"{inert(name, 80)} is the beginning of {len(digests)} {kind.value}s",
                remedy=f"Write more of it: {inert(shown)}",
            )
    return kind, fitting


def _too_short(name: str) -> str:
    short = re.fullmatch(r"[0-9a-f]{4,7}", name)
    return "Digests need 8 digits or more, commits 7 or more" if short else ""


def _names(every: Iterable[Piece]) -> Iterator[str]:
    for piece in every:
        if piece.kind is PieceKind.PACKAGE:
            yield package_of(piece.name)[0]
        yield piece.digest if piece.kind is PieceKind.COMMIT else piece.name


def _is_digest(name: str, piece: Piece) -> bool:
    return piece.kind in (PieceKind.PATH, PieceKind.DATASET) and _begins(name, piece, 8)


def _is_commit(name: str, piece: Piece) -> bool:
    return piece.kind is PieceKind.COMMIT and _begins(name, piece, 7)


def _begins(name: str, piece: Piece, least: int) -> bool:
    match = _HEX.fullmatch(name)
    return (
        match is not None and len(match[1]) >= least and piece.digest.startswith(match[1].lower())
    )


def _is_path(name: str, piece: Piece) -> bool:
    if piece.kind is not PieceKind.PATH:
        return False
    return piece.name == name or (
        any(sign in name for sign in "*?[") and fnmatch.fnmatchcase(piece.name, name)
    )


def _is_dataset(name: str, piece: Piece) -> bool:
    return piece.kind is PieceKind.DATASET and piece.name == name


def _is_package(name: str, piece: Piece) -> bool:
    if piece.kind is not PieceKind.PACKAGE:
        return False
    wanted, _, number = name.partition("==")
    own, version = package_of(piece.name)
    return canonicalize_name(wanted.strip()) == own and number.strip() in ("", version)


_FITS = {
    PieceKind.DIGEST: _is_digest,
    PieceKind.PATH: _is_path,
    PieceKind.DATASET: _is_dataset,
    PieceKind.COMMIT: _is_commit,
    PieceKind.PACKAGE: _is_package,
}
