"""The demo's story as data: who trained what, when, and how it was committed.

Times are UTC, ``YYYY-MM-DD HH:MM``. The n-th registered training of a project is
version n of the model of that name.
"""

from __future__ import annotations

import datetime as dt
import enum
from dataclasses import dataclass

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def moment(text: str) -> int:
    """Return ``YYYY-MM-DD HH:MM`` (UTC) in UTC milliseconds."""
    return int(dt.datetime.fromisoformat(f"{text}+00:00").timestamp()) * 1000


class Season(enum.StrEnum):
    """The world is built in two parts; between them the second quarter is reported."""

    SPRING = "spring"
    SUMMER = "summer"

    def has(self, at: str) -> bool:
        """Whether a moment of the story lies in this part."""
        return (at < REPORTED) is (self is Season.SPRING)


REPORTED = "2026-07-06 06:00"
"""When the second quarter is reported."""


class Workflow(enum.StrEnum):
    """When people commit; it decides what the run's commit tag is worth."""

    AFTER = "after"
    """Edit, train, commit: the tag names the parent, the tree was dirty."""
    BEFORE = "before"
    """Commit the edit, train, commit the lock: the lock at the tag is stale."""
    RERUN = "rerun"
    """Train, commit all, train again: the tag is right."""
    BRANCH = "branch"
    """Like ``after``, on a branch that a pull request merges."""


class Oddity(enum.StrEnum):
    """What is wrong on purpose, so that a report has something to find."""

    NO_DATASET = "no data-set input logged"
    RAW_LOST = "raw data deleted from the DVC remote"
    UNPINNED = "requirements not pinned"
    TAMPERED = "weights changed after the first report"
    UNMERGED = "trained on a branch that was never merged"
    UNTRACKED_INPUT = "reads a file that neither git nor DVC holds"
    RUN_GONE = "its run was purged from the tracking store"
    DELETED = "version and run deleted"
    NO_RUN = "registered from a folder, without a run"
    COPY = "copied from another version"


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace ``old``, which stands once in the file, by ``new``."""

    path: str
    old: str
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """One registered training: what changed before it and how it was committed."""

    at: str
    workflow: Workflow
    subject: str
    """Of the commit that holds the change."""
    edits: tuple[Edit, ...] = ()
    raw: dict[str, int] | None = None
    """New editions of raw tables, by file name in ``data/raw``."""
    branch: str = ""
    pull_request: int = 0
    """Number of the pull request that merged the branch; 0 if none did."""
    oddities: tuple[Oddity, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A repository with one model: its author, its first commit and its trainings."""

    name: str
    author: str
    founded: str
    trainings: tuple[Training, ...]
    backtested: int
    """The version that monitoring scored again, which makes that run its consumer."""
    backtest: str
    """When it did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Handmade:
    """A version that no training of the story registered: a copy, or a bare folder."""

    model: str
    version: int
    at: str
    copy_of: str = ""
    """``model/version``; empty for a version registered from a folder."""
    oddity: Oddity = Oddity.COPY


_LOG_DATASET = Edit(
    "src/train.py",
    "        mlflow.log_params(params)\n",
    '        path = "data/raw/customers.csv"\n'
    '        raw = mlflow.data.from_pandas(pd.read_csv(path), source=path, name="customers")\n'
    '        mlflow.log_input(raw, context="training")\n'
    "        mlflow.log_params(params)\n",
)
_LOOSEN = Edit("requirements.txt", "scikit-learn=={scikit-learn}", "scikit-learn>=1.5")
_IGNORE_VENDOR = Edit(".gitignore", "__pycache__/\n", "__pycache__/\nvendor_feed.csv\n")
_VENDOR = (
    Edit(
        "dvc.yaml",
        "src/features.py data/joined.csv data/features\n    deps:\n      - data/joined.csv\n",
        "src/features.py data/joined.csv data/features data/vendor_feed.csv\n"
        "    deps:\n      - data/joined.csv\n      - data/vendor_feed.csv\n",
    ),
    Edit(
        "src/features.py",
        "def main(joined: str, folder: str) -> None:\n",
        "def main(joined: str, folder: str, vendor: str) -> None:\n"
        '    with open(vendor, newline="") as file:\n'
        '        risk = {row["category"]: row["risk"] for row in csv.DictReader(file)}\n',
    ),
    Edit(
        "src/features.py",
        "    table = [features(row, params)"
        ' | {"charged_back": row["charged_back"]} for row in rows]\n',
        "    table = [\n"
        "        features(row, params)\n"
        '        | {"vendor_risk": risk[row["category"]], "charged_back": row["charged_back"]}\n'
        "        for row in rows\n"
        "    ]\n",
    ),
)


def _undone(edits: tuple[Edit, ...]) -> tuple[Edit, ...]:
    return tuple(Edit(edit.path, edit.new, edit.old) for edit in edits)


CHURN = Project(
    name="churn",
    author="alice",
    founded="2026-04-02 08:15",
    trainings=(
        Training(
            at="2026-04-08 09:30",
            workflow=Workflow.AFTER,
            subject="Train the first churn model on the April extract",
            raw={"customers.csv": 1},
            oddities=(Oddity.NO_DATASET, Oddity.RAW_LOST),
        ),
        Training(
            at="2026-05-06 13:05",
            workflow=Workflow.BEFORE,
            subject="Log the raw data set, train on the May extract",
            edits=(_LOG_DATASET, _LOOSEN, Edit("params.yaml", "C: 1.0", "C: 0.5")),
            raw={"customers.csv": 2},
            oddities=(Oddity.UNPINNED,),
        ),
        Training(
            at="2026-06-10 10:20",
            workflow=Workflow.RERUN,
            subject="Balance the classes and pin scikit-learn again",
            edits=(
                *_undone((_LOOSEN,)),
                Edit("params.yaml", "class_weight: none", "class_weight: balanced"),
            ),
            oddities=(Oddity.TAMPERED,),
        ),
        Training(
            at="2026-07-21 14:40",
            workflow=Workflow.BRANCH,
            subject="Cap the tenure at eight years, train on the July extract",
            edits=(Edit("params.yaml", "tenure_cap_months: 120", "tenure_cap_months: 96"),),
            raw={"customers.csv": 3},
            branch="tenure-cap",
            pull_request=12,
        ),
        Training(
            at="2026-08-18 08:50",
            workflow=Workflow.BEFORE,
            subject="Try a much weaker penalty",
            edits=(Edit("params.yaml", "C: 0.5", "C: 25.0"),),
            branch="weak-penalty",
            oddities=(Oddity.UNMERGED,),
        ),
    ),
    backtest="2026-09-01 06:00",
    backtested=4,
)

FRAUD = Project(
    name="fraud",
    author="bob",
    founded="2026-04-14 12:30",
    trainings=(
        Training(
            at="2026-04-21 15:10",
            workflow=Workflow.AFTER,
            subject="Train the first fraud model",
            raw={"transactions.csv": 1, "labels.csv": 1},
            oddities=(Oddity.RUN_GONE,),
        ),
        Training(
            at="2026-05-19 09:45",
            workflow=Workflow.BRANCH,
            subject="Add the vendor's merchant risk as a feature",
            edits=(_IGNORE_VENDOR, *_VENDOR),
            raw={"labels.csv": 2},
            branch="vendor-risk",
            pull_request=4,
            oddities=(Oddity.UNTRACKED_INPUT,),
        ),
        Training(
            at="2026-06-16 11:30",
            workflow=Workflow.BEFORE,
            subject="Drop the vendor feed, grow deeper trees",
            edits=(*_undone(_VENDOR), Edit("params.yaml", "max_depth: 5", "max_depth: 9")),
            raw={"transactions.csv": 2},
            oddities=(Oddity.DELETED,),
        ),
        Training(
            at="2026-07-28 16:25",
            workflow=Workflow.RERUN,
            subject="Take June's chargebacks in, sixty shallower trees",
            edits=(
                Edit("params.yaml", "max_depth: 9", "max_depth: 6"),
                Edit("params.yaml", "n_estimators: 40", "n_estimators: 60"),
            ),
            raw={"labels.csv": 3},
        ),
    ),
    backtest="2026-09-02 06:00",
    backtested=4,
)

PROJECTS = {project.name: project for project in (CHURN, FRAUD)}

HANDMADE = (
    Handmade(model="fraud-eu", version=1, at="2026-08-04 10:00", copy_of="fraud/4"),
    Handmade(model="fraud", version=5, at="2026-09-08 14:15", oddity=Oddity.NO_RUN),
    Handmade(model="fraud-eu", version=2, at="2026-09-15 09:10", copy_of="fraud-eu/1"),
)

ALIASES = (
    ("2026-04-10 09:00", "churn", "champion", 1),
    ("2026-04-23 14:20", "fraud", "champion", 1),
    ("2026-05-07 08:40", "churn", "challenger", 2),
    ("2026-05-13 11:10", "churn", "champion", 2),
    ("2026-05-21 10:05", "fraud", "challenger", 2),
    ("2026-05-27 16:45", "fraud", "champion", 2),
    ("2026-06-11 09:15", "churn", "challenger", 3),
    ("2026-06-17 13:30", "churn", "champion", 3),
    ("2026-06-18 12:00", "fraud", "challenger", 3),
    ("2026-07-22 09:50", "churn", "challenger", 4),
    ("2026-07-27 10:30", "churn", "champion", 4),
    ("2026-07-30 09:20", "fraud", "champion", 4),
    ("2026-08-05 15:00", "fraud-eu", "champion", 1),
    ("2026-08-19 08:05", "churn", "challenger", 5),
    ("2026-09-16 10:40", "fraud-eu", "champion", 2),
)
"""Every setting of an alias, in order: when, model, alias, version."""

DESCRIPTIONS = {
    "churn": "Chance that a retail customer closes the account within six months.",
    "fraud": "Chance that a card transaction is charged back.",
    "fraud-eu": "The fraud model as released to the European card entity.",
}
OWNERS = {"churn": "risk-models", "fraud": "payments-risk", "fraud-eu": "payments-risk"}

APPROVALS = {
    "churn/1": "carol",
    "churn/2": "carol",
    "churn/3": "carol",
    "churn/4": "carol",
    "fraud/1": "carol",
    "fraud/2": "alice",
    "fraud/4": "carol",
    "fraud-eu/2": "alice",
}
"""Version to the approver that its tag names."""

NOTES = {
    "churn/1": "First model of the new pipeline.",
    "churn/3": "Balanced classes: fewer missed leavers at the same precision.",
    "churn/4": "Retention campaign of the third quarter runs on this version.",
    "fraud/2": "With the vendor's merchant risk; contract under review.",
    "fraud/5": "Handed over by the vendor as a file.",
}
"""Version descriptions, written an hour after the version was made."""

DELETED = ("fraud", 3, "2026-07-30 07:55")
PURGED = ("fraud", 1)
RAW_LOST = ("churn", 1, "customers.csv")
TAMPERED = ("churn", 3)
