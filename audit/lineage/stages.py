"""From the weights back through the DVC stages to the raw data."""

from __future__ import annotations

from pathlib import PurePosixPath

from audit.facts import CodeDigest, MatchMethod, StageState, TrackedPath, VersionFacts
from audit.graph import NodeKind, Relation
from audit.lineage.canvas import Canvas
from audit.verdicts import Grade

CODE_SUFFIXES = frozenset(
    {".py", ".pyx", ".ipynb", ".r", ".jl", ".scala", ".java", ".sql", ".sh", ".bash"}
    | {".toml", ".yaml", ".yml", ".cfg", ".ini", ".c", ".cpp"}
)
"""Dependencies in git with these endings are code; others there are data kept in git."""


def draw_stages(canvas: Canvas, facts: VersionFacts, weights: str) -> None:
    """Add the stages that made the weights, and all that their data came from."""
    pipeline = facts.pipeline
    if not pipeline.matches:
        _no_stage(canvas, facts, weights)
        return
    states = {state.id: state for state in pipeline.states}
    for match in pipeline.matches:
        state = states[match.state]
        stage = _stage(canvas, state)
        where = f"{state.file} in commit {match.commit}"
        if match.method is MatchMethod.BYTES:
            canvas.edge(
                weights,
                stage,
                Relation.WAS_GENERATED_BY,
                Grade.VERIFIED,
                "the artifact's digest, recomputed now, is the stage's out in the DVC lock",
                f"artifact {match.artifact} {match.digest}",
                f"out {match.out} {match.digest} ({where})",
            )
            continue
        method = "parameters and metrics agree with the stage's lock; the bytes are not in it"
        canvas.edge(
            weights,
            stage,
            Relation.WAS_GENERATED_BY,
            Grade.INFERRED,
            method,
            *match.agrees,
            where,
        )
        canvas.gap(
            "weights in DVC",
            "no DVC lock of the history names the bytes of these weights",
            "the stage is inferred from parameters and metrics",
        )
    _Walk(canvas, facts).draw()


def _no_stage(canvas: Canvas, facts: VersionFacts, weights: str) -> None:
    reason = "no DVC lock of the configured repositories names the bytes of these weights"
    grade = Grade.MISSING
    if not facts.weights.read:
        reason = "the weights could not be read, so no lock can be found for them"
        grade = Grade.NOT_CHECKABLE
    elif facts.pipeline.problems:
        reason = facts.pipeline.problems[0]
        grade = Grade.NOT_CHECKABLE
    gap = canvas.node(NodeKind.GAP, "data", "training data", detail=reason, role="raw")
    canvas.edge(weights, gap, Relation.WAS_GENERATED_BY, grade, reason)
    consequence = "it cannot be shown from which data the weights were made"
    canvas.gap("training data", reason, consequence)


def _stage(canvas: Canvas, state: StageState) -> str:
    return canvas.node(NodeKind.STAGE, state.id, state.stage, detail=state.command or state.file)


class _Walk:
    """The dependencies of all stage states, each led to where its content comes from."""

    def __init__(self, canvas: Canvas, facts: VersionFacts) -> None:
        self.canvas = canvas
        self.pipeline = facts.pipeline
        made = [(out, state) for state in self.pipeline.states for out in state.outs if out.digest]
        self.by_path = {(out.digest, out.path): state for out, state in made}
        self.by_digest = {out.digest: state for out, state in reversed(made)}
        self.commits = tuple(match.commit for match in self.pipeline.matches)
        equal = [item for item in self.pipeline.tree if item.equal]
        equal.sort(key=lambda item: item.commit not in self.commits)
        self.in_git = {(item.path, item.lock_digest): item for item in reversed(equal)}

    def draw(self) -> None:
        for state in self.pipeline.states:
            if state.stage:
                self._dependencies(state)

    def _dependencies(self, state: StageState) -> None:
        stage = _stage(self.canvas, state)
        code: list[CodeDigest] = []
        for dep in state.deps:
            maker = self._maker(dep)
            found = self.in_git.get((dep.path, dep.digest))
            if maker is not None:
                self._tracked(stage, state, dep, maker)
            elif found is None:
                self._untracked(stage, state, dep)
            elif PurePosixPath(dep.path).suffix.lower() in CODE_SUFFIXES:
                code.append(found)
            else:
                self._data_in_git(stage, dep, found)
        self._lock_commit(stage, state, code)

    def _maker(self, dep: TrackedPath) -> StageState | None:
        """Return the state that put out a dependency; one that only copied it comes second."""
        same_path = self.by_path.get((dep.digest, dep.path))
        return same_path or self.by_digest.get(dep.digest)

    def _tracked(self, stage: str, state: StageState, dep: TrackedPath, maker: StageState) -> None:
        node = self.canvas.file(dep, "intermediate" if maker.stage else "raw")
        self.canvas.edge(
            stage,
            node,
            Relation.USED,
            Grade.RECORDED,
            "the digest in the stage's lock equals the digest where the data was made",
            f"{state.file}: {state.stage} uses {dep.path} {dep.digest}",
            f"{maker.file}: {maker.stage or dep.path} {dep.digest}",
        )
        if maker.stage:
            self.canvas.edge(
                node,
                _stage(self.canvas, maker),
                Relation.WAS_GENERATED_BY,
                Grade.RECORDED,
                "the stage's lock names the file as its out",
                f"{maker.file}: {maker.stage} {dep.path} {dep.digest}",
            )
        elif maker.imported_from:
            address = maker.imported_from
            origin = self.canvas.node(NodeKind.DATASET, address, address, role="import")
            method = f"{maker.file} says where it was imported from"
            self.canvas.edge(
                node, origin, Relation.WAS_DERIVED_FROM, Grade.DECLARED, method, address
            )

    def _data_in_git(self, stage: str, dep: TrackedPath, found: CodeDigest) -> None:
        node = self.canvas.file(dep, "raw", detail="in git")
        method = "the file in git, hashed now, has the digest in the lock"
        operands = (f"{dep.path} {found.lock_digest}", f"commit {found.commit}")
        self.canvas.edge(stage, node, Relation.USED, Grade.VERIFIED, method, *operands)

    def _untracked(self, stage: str, state: StageState, dep: TrackedPath) -> None:
        reason = (
            f"{dep.path} is used by stage {state.stage} but is neither tracked by DVC nor in git"
        )
        key = f"{state.id}:{dep.path}"
        gap = self.canvas.node(NodeKind.GAP, key, dep.path, detail=dep.digest, role="raw")
        operand = f"{dep.path} {dep.digest}"
        self.canvas.edge(stage, gap, Relation.USED, Grade.MISSING, reason, operand)
        self.canvas.gap(dep.path, reason, "its content at training cannot be shown")

    def _lock_commit(self, stage: str, state: StageState, code: list[CodeDigest]) -> None:
        """Lead the stage to the commits that hold its code, else to the one that holds its lock."""
        known = {commit.sha: commit for commit in self.pipeline.commits}
        for sha in dict.fromkeys(item.commit for item in code):
            method = "the files in this commit, hashed now, have the digests in the lock"
            paths = [f"{item.path} {item.lock_digest}" for item in code if item.commit == sha]
            node = self.canvas.commit(sha, known.get(sha), "lock")
            self.canvas.edge(stage, node, Relation.USED, Grade.VERIFIED, method, *paths)
        if not code and state.commits:
            method = "this commit holds the lock that names the stage"
            sha = next((sha for sha in self.commits if sha in state.commits), state.commits[0])
            node = self.canvas.commit(sha, known.get(sha), "lock")
            self.canvas.edge(stage, node, Relation.USED, Grade.RECORDED, method, state.file)
