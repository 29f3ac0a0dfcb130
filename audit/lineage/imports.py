"""Where imported data came from: the repository upstream, or the address alone."""

from __future__ import annotations

from audit.facts import Import, Pipeline, StageState, TrackedPath, UpstreamHolds
from audit.graph import NodeKind, Relation
from audit.lineage.canvas import Canvas
from audit.verdicts import Grade

_DERIVED = Relation.WAS_DERIVED_FROM
_UNKNOWN_DATA = "what the data is derived from cannot be shown"


def draw_import(
    canvas: Canvas, pipeline: Pipeline, node: str, state: StageState
) -> tuple[StageState, TrackedPath] | None:
    """Lead an imported file, whose node is given, to its origin.

    Returned are the state and the out upstream from which the way goes on, ``None`` where it
    ends here.
    """
    item = next((item for item in pipeline.imports if item.state == state.id), None)
    if item is None:
        _address(canvas, node, state)
        return None
    upstream = next((s for s in pipeline.states if s.id == item.upstream), None)
    if upstream is not None:
        out = next((out for out in upstream.outs if out.digest == item.digest), None)
        if out is not None:
            return upstream, out
    _ended(canvas, node, state, item)
    return None


def draw_upstream(
    canvas: Canvas, pipeline: Pipeline, node: str, state: StageState, origin: str
) -> None:
    """Draw the edge from an imported file to the file upstream that it is."""
    item = next(item for item in pipeline.imports if item.state == state.id)
    method = "the commit that the import is locked to tracks the digest that was imported"
    if item.held is UpstreamHolds.INSIDE:
        method = "the list of the folder that the locked commit tracks has the imported digest"
    canvas.edge(node, origin, _DERIVED, Grade.RECORDED, method, *_operands(state, item))


def _ended(canvas: Canvas, node: str, state: StageState, item: Import) -> None:
    """Draw the origin of an import that leads to no state upstream, graded by what is known."""
    grade, method = _graded(state, item)
    where = f"in {item.repository}" if item.repository else "not configured"
    in_git = "in git" if item.held is UpstreamHolds.GIT else ""
    at = f"commit {item.revision}" if item.revision else ""
    detail = ", ".join(filter(None, (where, in_git, at)))
    label = f"{item.address} {item.path}"
    origin = canvas.node(
        NodeKind.DATASET,
        f"{label}@{item.revision}",
        label,
        detail=detail,
        role="import",
    )
    canvas.edge(node, origin, _DERIVED, grade, method, *_operands(state, item))
    if grade in (Grade.MISSING, Grade.CONTRADICTED):
        canvas.gap(f"origin of {state.outs[0].path}", method, _UNKNOWN_DATA)


def _graded(state: StageState, item: Import) -> tuple[Grade, str]:
    says = f"{state.file} says where it was imported from"
    reason = f"{says}; {item.reason}" if item.reason else says
    if item.held in (UpstreamHolds.NO_COMMIT, UpstreamHolds.NOTHING):
        return Grade.MISSING, reason
    if item.held is UpstreamHolds.UNKNOWN:
        # A configured repository that cannot tell is another thing than one nobody named.
        return (Grade.NOT_CHECKABLE if item.repository else Grade.DECLARED), reason
    if item.held is UpstreamHolds.INSIDE or not item.digest:
        return Grade.DECLARED, reason
    if item.digest != state.outs[0].digest:
        return Grade.CONTRADICTED, "the commit that the import is locked to has other data"
    if item.held is UpstreamHolds.GIT:
        method = "what git holds at the locked commit, hashed now, has the imported digest"
        return Grade.VERIFIED, method
    return Grade.RECORDED, "the commit that the import is locked to tracks the digest"


def _operands(state: StageState, item: Import) -> tuple[str, ...]:
    out = state.outs[0]
    there = f"{item.repository or item.address} {item.path} {item.digest}".strip()
    return f"{state.file}: {out.path} {out.digest}", f"{there} in commit {item.revision}"


def _address(canvas: Canvas, node: str, state: StageState) -> None:
    """Lead a file to the address that it was taken from; nobody holds what stood there then."""
    address = state.imported_from
    marks = [
        f"{dep.path} {mark}"
        for dep in state.deps
        for mark in (
            f"{dep.hash_name} {dep.digest}" if dep.digest else "",
            f"etag {dep.etag}" if dep.etag else "",
            f"version {dep.version_id}" if dep.version_id else "",
        )
        if mark
    ]
    origin = canvas.node(
        NodeKind.DATASET, address, address, detail="; ".join(marks)[:300], role="import"
    )
    method = f"{state.file} says where it was imported from"
    canvas.edge(node, origin, _DERIVED, Grade.DECLARED, method, address, *marks)
