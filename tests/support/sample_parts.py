"""The parts that the sample dossiers are put together from."""

from __future__ import annotations

import datetime as dt
import hashlib

from audit.facts import (
    ArtifactFile,
    Consumer,
    DataObject,
    DatasetInput,
    Environment,
    Family,
    ObjectState,
    Run,
    StageState,
    TrackedPath,
)
from audit.graph import Edge, Gap, Graph, Node, NodeKind, Relation
from audit.report.model import ControlResult, DatasetRow
from audit.verdicts import Grade, LineageStatus, Severity, Verdict, weakest

FAMILIES = (
    Family("sources", "Data sources registered", "Every data source is known by its content."),
    Family("training", "Training captured", "Code, parameters and environment are on record."),
    Family("lineage", "Lineage complete", "Raw data leads to the weights without a break."),
    Family("archive", "Reports archived", "Reports are sealed, kept, and follow one another."),
)

_HIGH, _MEDIUM, _LOW = Severity.HIGH, Severity.MEDIUM, Severity.LOW
_CONTROLS = (
    ("sources.input-recorded", "Data set with digest, schema and source on the run", _MEDIUM,
     "run: transactions, schema of 5 columns"),
    ("sources.raw-tracked", "Raw data under DVC", _HIGH, "2 of 2 raw files in dvc.lock"),
    ("sources.objects-present", "Every data digest still in its remote", _HIGH, "14 of 14 objects"),
    ("training.run-finished", "Training run finished", _HIGH, "status FINISHED"),
    ("training.parameters-logged", "Hyperparameters logged", _MEDIUM, "20 parameters"),
    ("training.commit-recorded", "Code commit recorded", _HIGH, "tag mlflow.source.git.commit"),
    ("training.commit-exists", "Commit exists in a configured repository", _HIGH, "fraud-pipeline"),
    ("training.commit-reachable", "Commit reachable from a configured branch", _HIGH, "main"),
    ("training.tree-clean", "Tree clean at training", _MEDIUM, "proved: 11 of 11 digests equal"),
    ("training.environment-pinned", "Environment recorded with pinned versions", _MEDIUM,
     "requirements.txt: 14 packages"),
    ("training.intermediates-tracked", "Intermediate artifacts known to DVC", _LOW, "3 of 3 files"),
    ("lineage.unbroken", "Unbroken path from raw data to weights", _HIGH, "9 edges, all recorded"),
    ("lineage.not-contradicted", "No contradiction on the path", Severity.CRITICAL, "none"),
    ("lineage.weights-unchanged", "Weights unchanged", Severity.CRITICAL,
     "unchanged since 2026-08-11"),
)  # fmt: skip


def ms(text: str) -> int:
    """Return an ISO time in UTC as milliseconds."""
    moment = dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)
    return round(moment.timestamp() * 1000)


def digest(text: str, length: int = 64) -> str:
    """Return hex digits that depend on ``text`` alone."""
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def results(
    model: str, version: int, changed: dict[str, tuple[Verdict, str]]
) -> tuple[ControlResult, ...]:
    """Return the results of all controls that speak of a version."""
    found = []
    for control, title, severity, evidence in _CONTROLS:
        verdict, reason = changed.get(control, (Verdict.PASS, ""))
        waived = verdict is Verdict.WAIVED
        found.append(
            ControlResult(
                pack="operating-checklist",
                control=control,
                title=title,
                family=control.split(".")[0],
                check=control.split(".")[1].replace("-", "_"),
                severity=severity,
                verdict=verdict,
                unwaived=Verdict.FAIL if waived else verdict,
                reason=reason or "As it should be",
                evidence=(evidence,),
                remedy="Record it with the next training and register the version again"
                if verdict is not Verdict.PASS
                else "",
                waiver="W-3" if waived else "",
                model=model,
                version=version,
            )
        )
    return tuple(found)


def job_results() -> tuple[ControlResult, ...]:
    """Return the results of the controls that speak of the job."""
    rows = (
        ("archive.previous-verifies", "Previous period's bundle verifies", Verdict.PASS,
         "2026-Q2 verifies"),
        ("archive.sealed", "This bundle is sealed", Verdict.PASS, "a seal is configured"),
        ("archive.retention-set", "Retention is set", Verdict.UNKNOWN, "no object store is named"),
    )  # fmt: skip
    return tuple(
        ControlResult(
            "operating-checklist", control, title, "archive", control.split(".")[1], _MEDIUM,
            verdict, verdict, reason,
        )
        for control, title, verdict, reason in rows
    )  # fmt: skip


def run(key: str) -> Run:
    """Return the training run of a version: twenty parameters, eight metrics."""
    names = (
        "C", "class_weight", "fit_intercept", "max_iter", "n_jobs", "penalty", "random_state",
        "solver", "tol", "warm_start", "features.window_days", "features.vendor", "split.seed",
        "split.test_size", "train.balance", "train.calibrate", "train.cv_folds", "train.early_stop",
        "train.learning_rate", "train.objective",
    )  # fmt: skip
    values = ("0.5", "balanced", "True", "1000", "4", "l2", "20260811", "lbfgs", "0.0001", "False")
    return Run(
        digest(key + "run", 32),
        name="train-42",
        experiment_id="3",
        experiment="fraud/training",
        user="alice",
        status="FINISHED",
        started_at=ms("2026-08-11T07:02:10.004"),
        ended_at=ms("2026-08-11T07:14:48.930"),
        artifact_uri=f"s3://models/3/{digest(key + 'run', 32)}/artifacts",
        params={name: values[index % 10] for index, name in enumerate(names)},
        metrics={
            "accuracy": 0.9812,
            "brier": 0.0131,
            "calls": 1204551.0,
            "f1": 0.7731,
            "log_loss": 0.0502,
            "precision": 0.8127,
            "recall": 0.7371,
            "roc_auc": 0.99213,
        },
        tags={
            "mlflow.source.git.commit": digest(key + "tag", 40),
            "mlflow.source.name": "src/train.py",
            "mlflow.user": "alice",
        },
    )


def files(key: str) -> tuple[ArtifactFile, ...]:
    """Return a version's weights files."""
    sizes = (("MLmodel", 1_204), ("model.pkl", 18_441_216), ("python_env.yaml", 122),
             ("requirements.txt", 388))  # fmt: skip
    return tuple(
        ArtifactFile(path, size, digest(key + path), digest(key + path, 32)) for path, size in sizes
    )


def stages(key: str) -> tuple[StageState, ...]:
    """Return the three stages that lead to the weights."""

    def path(name: str, size: int, count: int | None = None) -> TrackedPath:
        suffix = ".dir" if count else ""
        return TrackedPath(name, digest(key + name, 32) + suffix, size=size, files=count)

    raw = (path("data/transactions.csv", 734_003_211), path("data/labels.csv", 9_120_443))
    prepared = path("prepared", 411_209_314, 12)
    features = path("features", 208_113_902, 4)
    model = path("model/model.pkl", 18_441_216)
    lock = (digest(key + "lock", 40),)
    chain = (
        ("prepare", "python src/prepare.py", raw, (prepared,), {}),
        ("featurize@train", "python src/featurize.py --split train", (prepared,), (features,), {}),
        ("train", "python src/train.py", (features, path("src/train.py", 4_121)), (model,),
         {"params.yaml:train.C": "0.5", "params.yaml:train.seed": "20260811"}),
    )  # fmt: skip
    return tuple(
        StageState(digest(key + name), "fraud-pipeline", "dvc.lock", name, lock, command, deps,
                   outs, params)
        for name, command, deps, outs, params in chain
    )  # fmt: skip


_SCHEMA = (
    ("transaction_id", "string"),
    ("amount", "double"),
    ("merchant_category", "string"),
    ("booked_at", "datetime"),
    ("is_fraud", "boolean"),
)


def datasets(key: str) -> tuple[DatasetRow, ...]:
    """Return the data sources of a version."""
    rows = (
        ("data/transactions.csv", "raw", 734_003_211, 5_120_331, "present", _SCHEMA),
        ("data/labels.csv", "raw", 9_120_443, 311_204, "present", ()),
        ("prepared", "intermediate", 411_209_314, None, "cache_only", ()),
        ("features", "intermediate", 208_113_902, None, "present", ()),
    )
    tracked = tuple(
        DatasetRow(name, kind, digest(key + name, 32), "md5", columns, f"dvc.lock: {name}", size,
                   count, state)
        for name, kind, size, count, state, columns in rows
    )  # fmt: skip
    logged = DatasetRow(
        "transactions", "input", digest(key + "mlflow", 8), "mlflow sample", _SCHEMA,
        "s3://lake/transactions/2026-07/", None, 5_120_331, "",
    )  # fmt: skip
    return (*tracked, logged)


def objects(key: str) -> tuple[DataObject, ...]:
    """Return what the remotes said of the data."""
    return (
        DataObject(digest(key + "data/transactions.csv", 32), "fraud-pipeline", "eu-store",
                   ObjectState.PRESENT),
        DataObject(digest(key + "prepared", 32), "fraud-pipeline", "eu-store",
                   ObjectState.CACHE_ONLY, "in the local cache, not in the remote"),
    )  # fmt: skip


def inputs(key: str) -> tuple[DatasetInput, ...]:
    """Return the data set that the run logged."""
    return (
        DatasetInput("transactions", digest(key + "mlflow", 8), "s3",
                     "s3://lake/transactions/2026-07/", "", "", "training"),
    )  # fmt: skip


def environment() -> Environment:
    """Return an environment of fourteen packages, two of them not pinned."""
    pinned = (
        "cloudpickle==3.1.1", "mlflow==3.17.2", "numpy==2.3.4", "pandas==3.1.0", "psutil==7.1.0",
        "pyarrow==22.0.0", "scikit-learn==1.8.0", "scipy==1.17.0", "skops==0.13.0",
        "threadpoolctl==3.6.0", "typing-extensions==4.15.0", "xgboost==3.1.1",
    )  # fmt: skip
    loose = ("bank-features>=4", "bank-risk-commons")
    return Environment(
        ("python_env.yaml", "requirements.txt"), "3.11.7", (*loose, *pinned), loose,
        '{"inputs": [{"name": "amount", "type": "double"}]}',
    )  # fmt: skip


def consumers(key: str) -> tuple[Consumer, ...]:
    """Return a run that evaluated the version and a copy of it."""
    return (
        Consumer("run", "evaluate Q3", digest(key + "evaluate", 32), ms("2026-08-15T06:00:00"),
                 Grade.RECORDED, "experiment evaluation"),
        Consumer("copy", "fraud-eu/1", "fraud-eu/1", None, Grade.DECLARED, ""),
    )  # fmt: skip


def graph(model: str, version: int, broken: str = "") -> Graph:
    """Return a version's lineage: whole, or with a ``missing`` or ``contradicted`` end."""
    key = f"{model}/{version}"
    gap = Gap(
        "the vendor feed" if broken == "contradicted" else "the training of this version",
        "it stands in no lock of any configured repository"
        if broken == "contradicted"
        else "the version names no run and no lock holds its bytes",
        "its content at training cannot be shown",
    )
    weights = Node("weights", NodeKind.WEIGHTS, "model.pkl", f"sha256:{digest(key + 'weights')}",
                   "18.4 MB")  # fmt: skip
    this = Node(key, NodeKind.MODEL_VERSION, f"{model} v{version}", "", "registered 2026-08-11")
    if broken == "missing":
        hole = Node("gap:training", NodeKind.GAP, "no training recorded", "", gap.reason)
        edges = (
            Edge("weights", hole.id, Relation.WAS_GENERATED_BY, Grade.MISSING, gap.reason),
            Edge("weights", key, Relation.REGISTERED_AS, Grade.RECORDED, "registry: source"),
        )
        return Graph((hole, weights, this), edges, (0, 1), (gap,), LineageStatus.GAPS,
                     Grade.MISSING)  # fmt: skip
    sha = digest(key + "lock", 40)
    nodes = [
        Node("file:transactions", NodeKind.FILE, "transactions.csv",
             f"md5:{digest(key + 'data/transactions.csv', 32)}", "734.0 MB", "raw"),
        Node("file:labels", NodeKind.FILE, "labels.csv",
             f"md5:{digest(key + 'data/labels.csv', 32)}", "9.1 MB", "raw"),
        Node("stage:prepare", NodeKind.STAGE, "prepare", "", "dvc.lock"),
        Node("file:prepared", NodeKind.FILE, "prepared/", f"md5:{digest(key + 'prepared', 32)}.dir",
             "12 files", "intermediate"),
        Node("stage:featurize", NodeKind.STAGE, "featurize@train", "", "dvc.lock"),
        Node("file:features", NodeKind.FILE, "features/", f"md5:{digest(key + 'features', 32)}.dir",
             "4 files", "intermediate"),
        Node("stage:train", NodeKind.STAGE, "train", "", "dvc.lock"),
        Node("commit:lock", NodeKind.COMMIT, sha[:12], sha, "holds the lock", "lock"),
        Node("commit:tag", NodeKind.COMMIT, digest(key + "tag", 12), digest(key + "tag", 40),
             "named by the run", "tagged"),
        Node("dataset:transactions", NodeKind.DATASET, "transactions", digest(key + "mlflow", 8),
             "MLflow input"),
        Node("run", NodeKind.RUN, "train-42", "", "2026-08-11 07:02 UTC"),
        Node("environment", NodeKind.ENVIRONMENT, "Python 3.11.7", "", "14 packages"),
        weights,
        Node("logged_model", NodeKind.LOGGED_MODEL, f"m-{digest(key + 'lm', 8)}", "", "sklearn"),
        this,
        Node("alias:champion", NodeKind.ALIAS, "champion", "", "when read"),
        Node("consumer:evaluate", NodeKind.CONSUMER, "evaluate Q3", "", "run"),
        Node("consumer:copy", NodeKind.CONSUMER, "fraud-eu/1", "", "copy"),
    ]  # fmt: skip
    used, made, derived = Relation.USED, Relation.WAS_GENERATED_BY, Relation.WAS_DERIVED_FROM
    recorded, lock = Grade.RECORDED, "dvc.lock"
    edges_ = [
        Edge("stage:prepare", "file:transactions", used, recorded, lock, ("prepare: deps",)),
        Edge("stage:prepare", "file:labels", used, recorded, lock, ("prepare: deps",)),
        Edge("file:prepared", "stage:prepare", made, recorded, lock),
        Edge("stage:featurize", "file:prepared", used, recorded, "digests equal",
             (digest(key + "prepared", 32), digest(key + "prepared", 32))),
        Edge("file:features", "stage:featurize", made, recorded, lock),
        Edge("stage:train", "file:features", used, recorded, lock),
        Edge("weights", "stage:train", made, Grade.VERIFIED, "artifact bytes = DVC out",
             (digest(key + "model/model.pkl", 32),)),
        Edge("weights", "logged_model", made, recorded, "registry: source"),
        Edge("weights", key, Relation.REGISTERED_AS, recorded, "registry: source"),
        Edge("stage:train", "commit:lock", derived, Grade.VERIFIED, "git blob = lock dependency"),
        Edge("run", "commit:tag", used, Grade.DECLARED, "tag mlflow.source.git.commit"),
        Edge("run", "dataset:transactions", used, recorded, "MLflow inputs"),
        Edge("weights", "run", made, recorded, "MLflow outputs"),
        Edge("run", "environment", used, Grade.INFERRED, "requirements.txt beside the weights"),
        Edge("alias:champion", key, Relation.POINTS_TO, recorded, "registry"),
        Edge(key, "consumer:evaluate", Relation.CONSUMED_BY, recorded, "MLflow inputs"),
        Edge(key, "consumer:copy", Relation.CONSUMED_BY, Grade.DECLARED, "source of the copy"),
    ]  # fmt: skip
    status, gaps = LineageStatus.COMPLETE, ()
    if broken == "contradicted":
        nodes += [
            Node("file:vendor", NodeKind.FILE, "vendor feed", "", "other digest in the run", "raw"),
            Node("gap:vendor", NodeKind.GAP, "vendor contract", "", gap.reason),
        ]
        edges_ += [
            Edge(
                "stage:prepare",
                "file:vendor",
                used,
                Grade.CONTRADICTED,
                "digests differ",
                (f"run {digest('v1', 32)}", f"lock {digest('v2', 32)}"),
            ),
            Edge("file:vendor", "gap:vendor", derived, Grade.MISSING, gap.reason),
        ]
        status, gaps = LineageStatus.CONTRADICTED, (gap,)
    chain = tuple(range(9)) + tuple(range(17, len(edges_)))
    return Graph(tuple(nodes), tuple(edges_), chain, gaps, status,
                 weakest(edges_[index].grade for index in chain))  # fmt: skip
