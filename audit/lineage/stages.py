"""From the weights back through the DVC stages to the raw data."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from audit.facts import (
    CodeDigest,
    MatchMethod,
    Member,
    ObjectState,
    StageState,
    TrackedPath,
    VersionFacts,
)
from audit.facts.code import CODE_SUFFIXES
from audit.graph import NodeKind, Relation
from audit.lineage.canvas import Canvas
from audit.lineage.imports import draw_import, draw_upstream
from audit.sources.dvc.entries import is_outside
from audit.sources.dvc.lineage import maker_of
from audit.verdicts import Grade

_COMMITS = 3
"""Commits that are named, of those that brought a result back."""


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


def _stage(canvas: Canvas, state: StageState, within: str = "") -> str:
    where = f"in {within}" if within else ""
    detail = "; ".join(filter(None, (state.command or state.file, where, *_remarks(state))))
    return canvas.node(NodeKind.STAGE, state.id, state.stage, detail=detail)


def _remarks(state: StageState) -> Iterator[str]:
    """Yield what is to be known of how a stage came to its result."""
    if state.frozen:
        yield "frozen: DVC did not run it again, whatever its dependencies came to"
    if state.always_changed:
        yield "always run again (always_changed)"
    if state.again_in:
        more = len(state.again_in) - _COMMITS
        commits = ", ".join(state.again_in[:_COMMITS]) + (f" and {more} more" if more > 0 else "")
        yield (
            f"this result came back in {commits}: restored from the run cache or from git, or "
            "made again with the same outcome; the lock does not say which"
        )


class _Walk:
    """The dependencies of all stage states, each led to where its content comes from."""

    def __init__(self, canvas: Canvas, facts: VersionFacts) -> None:
        self.canvas = canvas
        self.pipeline = facts.pipeline
        home = {state.repository for state in self.pipeline.home}
        self.home = next(iter(sorted(home)), "")
        self.commits = tuple(match.commit for match in self.pipeline.matches)
        held = {commit.sha: commit.repository for commit in self.pipeline.commits}
        equal = [item for item in self.pipeline.tree if item.equal]
        equal.sort(key=lambda item: item.commit not in self.commits)
        self.in_git = {
            (held.get(item.commit) or self.home, item.path, item.lock_digest): item
            for item in reversed(equal)
        }
        self.states = {state.id: state for state in self.pipeline.states}
        self.members = {(m.repository, m.path, m.digest): m for m in self.pipeline.members}
        self.unfollowed = {
            (item.repository, item.path, item.digest): item.reason
            for item in self.pipeline.unfollowed
        }
        self.read_again = {
            (item.repository, item.digest): item.remote
            for item in self.pipeline.objects
            if item.checked == "rehashed" and item.state is ObjectState.PRESENT
        }
        self.led: set[str] = set()

    def draw(self) -> None:
        for state in self.pipeline.states:
            if state.stage:
                self._dependencies(state)

    def _dependencies(self, state: StageState) -> None:
        stage = _stage(self.canvas, state, self._within(state))
        code: list[CodeDigest] = []
        for dep in state.deps:
            key = (state.repository, dep.path, dep.digest)
            maker = self._maker(state, dep)
            found = self.in_git.get(key)
            if dep.digest in self.pipeline.doubted:
                self._doubted(stage, state, dep)
            elif maker is not None:
                self._tracked(stage, state, dep, maker)
            elif key in self.members:
                self._member(stage, state, dep, self.members[key])
            elif is_outside(dep.path):
                self._outside(stage, state, dep)
            elif found is None:
                self._untracked(stage, state, dep)
            elif PurePosixPath(dep.path).suffix.lower() in CODE_SUFFIXES:
                code.append(found)
            else:
                self._data_in_git(stage, state, dep, found)
        self._lock_commit(stage, state, code)

    def _maker(self, state: StageState, dep: TrackedPath) -> StageState | None:
        """Return the state that put out a dependency."""
        return maker_of(self.pipeline.states, state, dep)

    def _within(self, state: StageState) -> str:
        """Return the repository of a state, empty for the one with the weights' lock."""
        return state.repository if state.repository != self.home else ""

    def _lock(self, state: StageState) -> str:
        """Return the file that a state stands in, with its repository where it is another."""
        within = self._within(state)
        return f"{within}:{state.file}" if within else state.file

    def _file(self, path: TrackedPath, state: StageState, role: str) -> str:
        within = self._within(state)
        return self.canvas.file(path, role, f"in {within}" if within else "", within)

    def _tracked(self, stage: str, state: StageState, dep: TrackedPath, maker: StageState) -> None:
        node = self._file(dep, maker, "intermediate" if maker.stage else "raw")
        grade = Grade.RECORDED
        method = "the digest in the stage's lock equals the digest where the data was made"
        remote = self.read_again.get((maker.repository, dep.digest))
        if remote is not None:
            grade = Grade.VERIFIED
            method = f"the data in the remote {remote}, read again in this run, has this digest"
        self.canvas.edge(
            stage,
            node,
            Relation.USED,
            grade,
            method,
            f"{self._lock(state)}: {state.stage} uses {dep.path} {dep.digest}",
            f"{self._lock(maker)}: {maker.stage or dep.path} {dep.digest}",
        )
        self._origin(node, maker, dep)

    def _origin(self, node: str, maker: StageState, path: TrackedPath) -> None:
        """Lead a file to the stage that put it out, or to what it was imported from."""
        if maker.stage:
            self.canvas.edge(
                node,
                _stage(self.canvas, maker, self._within(maker)),
                Relation.WAS_GENERATED_BY,
                Grade.RECORDED,
                "the stage's lock names the file as its out",
                f"{self._lock(maker)}: {maker.stage} {path.path} {path.digest}",
            )
        elif maker.imported_from and node not in self.led:
            self.led.add(node)
            found = draw_import(self.canvas, self.pipeline, node, maker)
            if found is not None:
                upstream, out = found
                origin = self._file(out, upstream, "intermediate" if upstream.stage else "raw")
                draw_upstream(self.canvas, self.pipeline, node, maker, origin)
                self._origin(origin, upstream, out)

    def _member(self, stage: str, state: StageState, dep: TrackedPath, member: Member) -> None:
        """Draw the folder that holds a dependency, and lead it to where it came from."""
        maker = self.states[member.state]
        out = next(out for out in maker.outs if out.digest == member.folder_digest)
        node = self._file(out, maker, "intermediate" if maker.stage else "raw")
        self.canvas.edge(
            stage,
            node,
            Relation.USED,
            Grade.RECORDED,
            "the folder's list names the file with the digest in the stage's lock",
            f"{self._lock(state)}: {state.stage} uses {dep.path} {dep.digest}",
            f"{self._lock(maker)}: {maker.stage or out.path} {out.path} {out.digest}",
        )
        self._origin(node, maker, out)

    def _outside(self, stage: str, state: StageState, dep: TrackedPath) -> None:
        """Draw what stands at an address or path outside the repository."""
        node = self.canvas.file(dep, "raw", "outside the repository")
        grade, method = Grade.RECORDED, "the stage's lock names its digest at training"
        if not dep.digest:
            grade, method = Grade.DECLARED, "the stage's lock names it without a digest"
        operand = f"{self._lock(state)}: {state.stage} uses {dep.path} {dep.digest}".strip()
        self.canvas.edge(stage, node, Relation.USED, grade, method, operand)
        reason = f"{dep.path} stands outside the repository, and DVC keeps no copy of it"
        self.canvas.gap(dep.path, reason, "its content at training can be compared, not restored")

    def _data_in_git(
        self, stage: str, state: StageState, dep: TrackedPath, found: CodeDigest
    ) -> None:
        node = self.canvas.file(dep, "raw", "in git", self._within(state))
        method = "the file in git, hashed now, has the digest in the lock"
        operands = (f"{dep.path} {found.lock_digest}", f"commit {found.commit}")
        self.canvas.edge(stage, node, Relation.USED, Grade.VERIFIED, method, *operands)

    def _doubted(self, stage: str, state: StageState, dep: TrackedPath) -> None:
        """Draw a file of which two origins are possible, with a gap behind it."""
        reason = self.pipeline.doubted[dep.digest]
        node = self._file(dep, state, "intermediate")
        method = "the stage's lock names the file as its dependency"
        operand = f"{self._lock(state)}: {state.stage} uses {dep.path} {dep.digest}"
        self.canvas.edge(stage, node, Relation.USED, Grade.RECORDED, method, operand)
        gap = self.canvas.node(
            NodeKind.GAP, dep.digest, f"data behind {dep.path}", detail=reason, role="raw"
        )
        self.canvas.edge(node, gap, Relation.WAS_GENERATED_BY, Grade.MISSING, reason)
        consequence = "the raw data is one of two, and it is not known which"
        self.canvas.gap(f"data behind {dep.path}", reason, consequence)

    def _untracked(self, stage: str, state: StageState, dep: TrackedPath) -> None:
        hindered = self.unfollowed.get((state.repository, dep.path, dep.digest))
        fault = hindered or "but is neither tracked by DVC nor in git"
        reason = f"{dep.path} is used by stage {state.stage}{':' if hindered else ''} {fault}"
        grade = Grade.NOT_CHECKABLE if hindered else Grade.MISSING
        key = f"{state.id}:{dep.path}"
        gap = self.canvas.node(NodeKind.GAP, key, dep.path, detail=dep.digest, role="raw")
        operand = f"{dep.path} {dep.digest}"
        self.canvas.edge(stage, gap, Relation.USED, grade, reason, operand)
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
