"""What was read: the frozen facts that everything after the sources is computed from.

Times are UTC milliseconds since 1970, ``None`` where the source has none. Sizes
are bytes. Digests are full lower-case hex. An empty string is "not recorded":
MLflow's SQL ``NULL`` and REST ``''`` are the same here.

``Facts`` is the whole of one run's reading; ``VersionFacts`` is the slice that
one version's lineage, checks and dossier are computed from, and from nothing else.
"""

from audit.facts.advisories import Advisory, AdvisoryFile
from audit.facts.code import (
    CodeDigest,
    Commit,
    CommitSignature,
    CommitState,
    Repository,
    SignatureState,
)
from audit.facts.datasets import DatasetCheck, DigestState, ModelSignature
from audit.facts.flags import Flag
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
    DataObject,
    DeclaredStage,
    FolderList,
    Fresher,
    Import,
    Match,
    MatchMethod,
    Member,
    ObjectState,
    Pipeline,
    StageState,
    TrackedPath,
    Unfollowed,
    UpstreamHolds,
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
from audit.facts.recorded import DeclaredDigest, DeclaredOrigin, RecordedRun, Recorder
from audit.facts.registry import (
    COMMIT_TAGS,
    DatasetInput,
    LoggedModel,
    ModelVersion,
    RegisteredModel,
    Registry,
    Run,
    TraceUse,
    model_label,
)
from audit.facts.rules import (
    Control,
    Family,
    Pack,
    Rules,
    Waiver,
)
from audit.facts.since import DataChange, FileChange, Since, ValueChange
from audit.facts.weights import (
    ArtifactFile,
    Environment,
    Tie,
    Weights,
)

__all__ = [
    "COMMIT_TAGS",
    "SQL_FIELDS",
    "VERSION_FIELDS",
    "Advisory",
    "AdvisoryFile",
    "ArtifactFile",
    "Attempt",
    "CaptureCheck",
    "CapturedRow",
    "Change",
    "CodeDigest",
    "Commit",
    "CommitSignature",
    "CommitState",
    "Consumer",
    "Control",
    "DataChange",
    "DataObject",
    "DatasetCheck",
    "DatasetInput",
    "DeclaredDigest",
    "DeclaredOrigin",
    "DeclaredStage",
    "Delivery",
    "DigestState",
    "Entry",
    "Environment",
    "Facts",
    "Family",
    "FileChange",
    "Flag",
    "FolderList",
    "Fresher",
    "Import",
    "JobFacts",
    "LoggedModel",
    "Match",
    "MatchMethod",
    "Member",
    "ModelSignature",
    "ModelVersion",
    "ObjectState",
    "Observations",
    "OutOfScope",
    "Pack",
    "Pipeline",
    "PreviousBundle",
    "PreviousResults",
    "RecordedRun",
    "Recorder",
    "RegisteredModel",
    "Registry",
    "Rename",
    "Repository",
    "Rules",
    "Run",
    "RunState",
    "SignatureState",
    "Since",
    "Snapshot",
    "StageState",
    "State",
    "Tie",
    "TraceUse",
    "TrackedPath",
    "Unfollowed",
    "UpstreamHolds",
    "ValueChange",
    "VersionFacts",
    "Waiver",
    "Weights",
    "model_label",
]
