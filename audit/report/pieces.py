"""What one version descends from, piece by piece, each by the name that ``impact`` takes."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass

from audit.facts import VersionFacts
from audit.graph import Graph, Node, NodeKind
from audit.sources.artifacts.requirements import package_of


class PieceKind(enum.StrEnum):
    """How a piece can be named; the value is the word before the colon."""

    DIGEST = "digest"
    PATH = "path"
    DATASET = "dataset"
    COMMIT = "commit"
    PACKAGE = "package"
    STAGE = "stage"
    VERSION = "version"
    ADVISORY = "advisory"
    COMMAND = "command"
    PARAM = "param"
    USER = "user"


@dataclass(frozen=True, slots=True)
class Piece:
    """A file with its digest, a data set, a commit, a package … of one version's lineage."""

    kind: PieceKind
    """``path`` for files, which also go by their digest."""
    name: str
    digest: str = ""
    """Without the name of its kind: hex digits, with ``.dir`` for a folder; a stage's is the
    digest of all that its lock says of it."""
    node: str = ""
    """The node of the version's graph that is the piece, or that used it; empty for none."""
    link: str = ""
    """Where ``node`` only used it: how that is known."""
    what: str = ""
    """What it is, in a word or two, where the kind does not say it."""


def pieces(facts: VersionFacts, graph: Graph) -> Iterator[Piece]:
    """Yield all pieces that one version descends from, the version itself among them."""
    for node in graph.nodes:
        if node.kind is NodeKind.FILE:
            yield Piece(PieceKind.PATH, node.label, bare(node.digest), node.id, what="data")
            yield from _members(facts, node)
        elif node.kind is NodeKind.DATASET:
            digest = node.detail.rpartition(" ")[2] if node.role == "input" else ""
            yield Piece(PieceKind.DATASET, node.label, digest, node.id, what="data set")
        elif node.kind is NodeKind.COMMIT:
            yield Piece(PieceKind.COMMIT, node.label, node.digest, node.id)
        elif node.kind is NodeKind.WEIGHTS:
            yield from _weights(facts, node)
    yield from _code(facts, graph)
    yield from _stages(facts, graph)
    yield from _environment(facts, graph)
    yield from _run(facts, graph)
    yield from _versions(facts, graph)


def bare(digest: str) -> str:
    """Return a digest without the name of its kind."""
    return digest.rpartition(":")[2]


def unlisted_folders(facts: VersionFacts, graph: Graph) -> Iterator[tuple[str, str]]:
    """Yield the path of each folder of the lineage whose members are not all known, and why."""
    lists = {item.digest: item for item in facts.pipeline.folders}
    for node in graph.of_kind(NodeKind.FILE):
        digest = bare(node.digest)
        if not digest.endswith(".dir"):
            continue
        found = lists.get(digest)
        if found is None:
            yield node.label, "the bundle has no list of its files"
        elif found.total is None:
            yield node.label, found.reason or "its list of files could not be read"
        elif found.total > len(found.members):
            yield node.label, f"{len(found.members):,} of its {found.total:,} files are listed"


def _members(facts: VersionFacts, node: Node) -> Iterator[Piece]:
    for folder in facts.pipeline.folders:
        if folder.digest == bare(node.digest):
            link = f"DVC's list of the folder {node.label} names it"
            for item in folder.members:
                name = f"{node.label}/{item.path}"
                yield Piece(PieceKind.PATH, name, item.digest, node.id, link, "data")
            return


def _weights(facts: VersionFacts, node: Node) -> Iterator[Piece]:
    if node.digest:
        name = f"weights of {facts.version.key}"
        yield Piece(PieceKind.PATH, name, bare(node.digest), node.id, what="weights")
    for file in facts.weights.files:
        for digest in (file.md5, file.sha256, file.md5_dos2unix):
            if digest:
                yield Piece(PieceKind.PATH, file.path, digest, node.id, what="file of weights")


def _code(facts: VersionFacts, graph: Graph) -> Iterator[Piece]:
    """Yield what a stage depends on and the graph does not draw as a file: code, and gaps."""
    drawn = {node.label for node in graph.of_kind(NodeKind.FILE)}
    for state in facts.pipeline.states:
        for dep in state.deps:
            if state.stage and dep.path not in drawn:
                link = f"{state.file}: {state.stage} names it as a dependency"
                stage = f"{NodeKind.STAGE.value}:{state.id}"
                yield Piece(PieceKind.PATH, dep.path, dep.digest, stage, link, "code")


def _stages(facts: VersionFacts, graph: Graph) -> Iterator[Piece]:
    drawn = graph.by_id()
    for state in facts.pipeline.states:
        node = f"{NodeKind.STAGE.value}:{state.id}"
        if not state.stage or node not in drawn:
            continue
        yield Piece(PieceKind.STAGE, state.stage, state.id, node)
        link = f"{state.file}: {state.stage} ran it"
        if state.command:
            yield Piece(PieceKind.COMMAND, state.command, "", node, link)
        link = f"{state.file}: {state.stage} read it"
        for name, value in state.params.items():
            yield Piece(PieceKind.PARAM, f"{name}={value}", "", node, link, "pipeline parameter")


def _environment(facts: VersionFacts, graph: Graph) -> Iterator[Piece]:
    node = next((node.id for node in graph.of_kind(NodeKind.ENVIRONMENT)), "")
    if facts.environment.python:
        yield Piece(PieceKind.PACKAGE, f"python=={facts.environment.python}", "", node)
    for line in facts.environment.packages:
        yield Piece(PieceKind.PACKAGE, line, "", node)
    for item in facts.advisories:
        link = f"{item.package} {item.version} is affected by it"
        for name in dict.fromkeys((item.id, *item.aliases)):
            yield Piece(PieceKind.ADVISORY, name, "", node, link)


def _run(facts: VersionFacts, graph: Graph) -> Iterator[Piece]:
    node = next((node.id for node in graph.of_kind(NodeKind.RUN)), "")
    if facts.run is None or not node:
        return
    for name, value in facts.run.params.items():
        yield Piece(PieceKind.PARAM, f"{name}={value}", "", node, "the run logged it", "parameter")
    if facts.run.user:
        yield Piece(PieceKind.USER, facts.run.user, "", node, "the run names its user")


def _versions(facts: VersionFacts, graph: Graph) -> Iterator[Piece]:
    """Yield the version itself, and those that it is a copy of or was built on."""
    drawn = graph.by_id()
    own = f"{NodeKind.MODEL_VERSION.value}:{facts.version.key}"
    if own in drawn:
        yield Piece(PieceKind.VERSION, facts.version.key, "", own)
    run = next((node.id for node in graph.of_kind(NodeKind.RUN)), own)
    for names, user, link in (
        (facts.origin, own, "the version is a copy of it"),
        (facts.bases, run, "its training run took it as an input"),
    ):
        for name in names:
            node = f"{NodeKind.MODEL_VERSION.value}:{name}"
            if node in drawn:
                yield Piece(PieceKind.VERSION, name, "", node)
            elif user in drawn:
                yield Piece(PieceKind.VERSION, name, "", user, link)


def named(piece: Piece) -> str:
    """Return how ``impact`` takes a piece: the word of its kind, and what tells it apart."""
    if piece.kind is PieceKind.PACKAGE:
        name, version = package_of(piece.name)
        return f"package:{name}=={version}" if version else f"package:{piece.name}"
    if piece.kind is PieceKind.PATH:
        return f"digest:{piece.digest}" if piece.digest else f"path:{piece.name}"
    return f"{piece.kind.value}:{piece.digest or piece.name}"
