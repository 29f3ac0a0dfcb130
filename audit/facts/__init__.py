"""What was read: the frozen facts that everything after the sources is computed from.

Times are UTC milliseconds since 1970, ``None`` where the source has none. Sizes
are bytes. Digests are full lower-case hex. An empty string is "not recorded":
MLflow's SQL ``NULL`` and REST ``''`` are the same here.

``Facts`` is the whole of one run's reading; ``VersionFacts`` is the slice that
one version's lineage, checks and dossier are computed from, and from nothing else.
"""

from audit.facts.observed import (
    SQL_FIELDS,
    VERSION_FIELDS,
    Attempt,
    CaptureCheck,
    CapturedRow,
    Change,
    Delivery,
    Entry,
    Observations,
    Rename,
    Snapshot,
    State,
)
from audit.facts.pipeline import (
    CodeDigest,
    Commit,
    CommitState,
    DataObject,
    Match,
    MatchMethod,
    ObjectState,
    Pipeline,
    Repository,
    StageState,
    TrackedPath,
)
from audit.facts.reading import (
    Consumer,
    Facts,
    JobFacts,
    OutOfScope,
    PreviousBundle,
    PreviousResults,
    RunState,
    VersionFacts,
)
from audit.facts.registry import (
    DatasetInput,
    LoggedModel,
    ModelVersion,
    RegisteredModel,
    Registry,
    Run,
    model_label,
)
from audit.facts.rules import (
    Control,
    Family,
    Pack,
    Rules,
    Waiver,
)
from audit.facts.weights import (
    ArtifactFile,
    Environment,
    Weights,
)

__all__ = [
    "SQL_FIELDS",
    "VERSION_FIELDS",
    "ArtifactFile",
    "Attempt",
    "CaptureCheck",
    "CapturedRow",
    "Change",
    "CodeDigest",
    "Commit",
    "CommitState",
    "Consumer",
    "Control",
    "DataObject",
    "DatasetInput",
    "Delivery",
    "Entry",
    "Environment",
    "Facts",
    "Family",
    "JobFacts",
    "LoggedModel",
    "Match",
    "MatchMethod",
    "ModelVersion",
    "ObjectState",
    "Observations",
    "OutOfScope",
    "Pack",
    "Pipeline",
    "PreviousBundle",
    "PreviousResults",
    "RegisteredModel",
    "Registry",
    "Rename",
    "Repository",
    "Rules",
    "Run",
    "RunState",
    "Snapshot",
    "StageState",
    "State",
    "TrackedPath",
    "VersionFacts",
    "Waiver",
    "Weights",
    "model_label",
]
