"""What tags declare beside the record: an import's origin, and data by a team's convention.

A declared origin adds a claim and takes nothing away: it is no link of the chain that the data
took, and no grade of it. A declared digest is drawn only where it contradicts the record.
"""

from __future__ import annotations

from audit.facts import DeclaredOrigin, VersionFacts
from audit.graph import NodeKind, Relation
from audit.lineage.canvas import DECLARED, Canvas
from audit.verdicts import Grade


def draw_declared(canvas: Canvas, facts: VersionFacts, version: str, run: str) -> None:
    """Draw what tags declare of a version; ``run`` is its run's node, empty for none."""
    if facts.declared_origin is not None:
        _origin(canvas, facts.declared_origin, version, run)
    for item in facts.declared_digests:
        target = f"{NodeKind.FILE.value}:{item.contradicts}"
        if run and target in canvas.nodes:
            canvas.edge(
                run,
                target,
                Relation.USED,
                Grade.CONTRADICTED,
                f"the {item.on} {item.key} names another content of the file",
                f"{item.key} {item.value}",
                f"lock {item.contradicts}",
            )


def _origin(canvas: Canvas, origin: DeclaredOrigin, version: str, run: str) -> None:
    """Draw the version, or else the run, that an import says it was made from."""
    method = "mlflow-export-import's tags name it; a client may write such tags"
    operands = (origin.generation, origin.tracking_uri, origin.run_id)
    if origin.model or origin.version:
        key = f"origin:{origin.model}/{origin.version}"
        label = f"{origin.model or 'a model'} v{origin.version or '?'}"
        kind, source = NodeKind.MODEL_VERSION, version
    elif run:
        key, label = f"origin:{origin.run_id}", origin.fields.get("run_name") or origin.run_id
        kind, source = NodeKind.RUN, run
    else:
        return
    detail = "in the registry it was exported from"
    node = canvas.node(kind, key, label, detail=detail, role=DECLARED)
    canvas.edge(source, node, Relation.WAS_DERIVED_FROM, Grade.DECLARED, method, *operands)
