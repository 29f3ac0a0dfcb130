"""A believable history of the sample registry in its period: every way in, every kind of action."""

from __future__ import annotations

from support.sample_parts import ms

from audit.facts import Attempt
from audit.history.model import (
    Action,
    ActionGrade,
    ActionKind,
    Balance,
    Gap,
    Tenure,
    Unexplained,
    When,
)
from audit.report.model import PeriodHistory

_K, _G = ActionKind, ActionGrade
_PLUGIN = ("plugin", "trigger", "snapshot")


def exact(moment: str, grade: ActionGrade = _G.RECORDED) -> When:
    """Return an exact time."""
    return When(ms(moment), ms(moment), grade)


def bracket(earliest: str | None, latest: str) -> When:
    """Return a time between two observations."""
    return When(ms(earliest) if earliest else None, ms(latest), _G.BRACKETED)


def act(number: int, moment: When, kind: ActionKind, model: str, **more: object) -> Action:
    """Return an action; the model's name is its identity."""
    given: dict[str, object] = {"sources": _PLUGIN, "identity": f"default/{model}#1", **more}
    return Action(f"row:{number}", moment, kind, "default", model, **given)  # type: ignore[arg-type]


def _alice(name: str = "alice") -> dict[str, object]:
    return {"actor": name, "actor_grade": _G.AUTHENTICATED}


_SEEN = {"sources": ("snapshot",)}
_ROUND = {"actor": "mlflow", "actor_grade": _G.RECORDED, "sources": ("trigger", "snapshot")}

ACTIONS = (
    act(1, bracket("2026-06-28T06:00:00", "2026-07-02T06:00:00"), _K.ALIAS_MOVED, "fraud",
        version=4, alias="champion", before="3", after="4", **_SEEN),
    act(2, exact("2026-07-06T08:41:09"), _K.VERSION_ADDED, "fraud", version=5, after="5",
        sources=("registry", "snapshot")),
    act(3, bracket("2026-07-06T06:00:00", "2026-07-09T06:00:00"), _K.ALIAS_ADDED, "fraud",
        version=5, alias="challenger", after="5", **_SEEN),
    act(4, exact("2026-07-20T09:30:00.120", _G.AUTHENTICATED), _K.ALIAS_MOVED, "fraud", version=5,
        alias="champion", before="4", after="5", **_alice()),
    act(5, exact("2026-07-20T09:30:04", _G.AUTHENTICATED), _K.ALIAS_REMOVED, "fraud", version=5,
        alias="challenger", before="5", **_alice()),
    act(6, exact("2026-07-22T13:02:51", _G.AUTHENTICATED), _K.VERSION_ADDED, "fraud", version=6,
        after="6", **_alice("bob")),
    act(7, exact("2026-07-23T10:15:00", _G.AUTHENTICATED), _K.VERSION_TAG_SET, "fraud", version=6,
        key="approved_by", after="Model Risk Committee", **_alice("carol")),
    act(8, exact("2026-08-02T07:00:00", _G.AUTHENTICATED), _K.ALIAS_MOVED, "fraud", version=6,
        alias="champion", before="5", after="6", **_alice("bob")),
    act(9, exact("2026-08-02T16:44:10"), _K.ALIAS_MOVED, "fraud", version=5, alias="champion",
        before="6", after="5", **_ROUND),
    act(10, exact("2026-08-11T10:02:00", _G.AUTHENTICATED), _K.VERSION_ADDED, "fraud", version=7,
        after="7", **_alice("bob")),
    act(11, exact("2026-08-14T10:00:00", _G.AUTHENTICATED), _K.ALIAS_MOVED, "fraud", version=7,
        alias="champion", before="5", after="7", **_alice()),
    act(12, exact("2026-08-14T10:01:30", _G.AUTHENTICATED), _K.STAGE_CHANGED, "fraud", version=7,
        before="Staging", after="Production", **_alice()),
    act(13, exact("2026-08-30T11:11:11", _G.AUTHENTICATED), _K.VERSION_REMOVED, "churn", version=1,
        before="1", **_alice("carol")),
    act(14, exact("2026-08-30T11:11:11", _G.AUTHENTICATED), _K.ALIAS_REMOVED, "churn", version=1,
        alias="previous", before="1", cause="row:13", **_alice("carol")),
    act(15, exact("2026-09-01T12:00:00"), _K.VERSION_DESCRIPTION_CHANGED, "churn", version=2,
        before="Retail churn, first edition", after="Retail churn, second edition", **_ROUND),
    act(16, bracket("2026-09-30T06:00:00", "2026-10-04T06:00:00"), _K.ALIAS_MOVED, "churn",
        version=3, alias="champion", before="2", after="3", **_SEEN),
)  # fmt: skip


def held(
    model: str, alias: str, version: int, start: When | None, end: When | None, seen: str
) -> Tenure:
    """Return a tenure first seen at a moment."""
    return Tenure("default", model, f"default/{model}#1", alias, version, start, end, ms(seen))


_FIRST = "2026-06-28T06:00:00"
_BY = {action.id: action.when for action in ACTIONS}
TENURES = (
    held("fraud", "champion", 3, None, _BY["row:1"], _FIRST),
    held("fraud", "champion", 4, _BY["row:1"], _BY["row:4"], "2026-07-02T06:00:00"),
    held("fraud", "champion", 5, _BY["row:4"], _BY["row:8"], "2026-07-20T09:30:00"),
    held("fraud", "champion", 6, _BY["row:8"], _BY["row:9"], "2026-08-02T07:00:00"),
    held("fraud", "champion", 5, _BY["row:9"], _BY["row:11"], "2026-08-02T16:44:10"),
    held("fraud", "champion", 7, _BY["row:11"], None, "2026-08-14T10:00:00"),
    held("fraud", "challenger", 5, _BY["row:3"], _BY["row:5"], "2026-07-09T06:00:00"),
    held("churn", "champion", 2, None, _BY["row:16"], _FIRST),
    held("churn", "previous", 1, None, _BY["row:14"], _FIRST),
)

GAPS = (
    Gap(None, ms(_FIRST), "nothing was observed before the first snapshot"),
    Gap(ms(_FIRST), ms("2026-07-10T08:00:00"), "only snapshots, before capture was installed"),
    Gap(ms("2026-09-05T02:00:00"), ms("2026-09-12T06:00:00"),
        "a migration dropped the triggers of model_versions"),
)  # fmt: skip

UNEXPLAINED = Unexplained(
    "default", "churn", "default/churn#1", "version 2: source", "models:/m-41", "s3://other/model",
    bracket("2026-09-12T06:00:00", "2026-09-19T06:00:00"), 2,
)  # fmt: skip

BALANCES = (
    Balance("default", "churn", "default/churn#1", 31, 3, 27, 27, (UNEXPLAINED,)),
    Balance("default", "fraud", "default/fraud#1", 58, 12, 88, 88),
    Balance("default", "onboarding", "default/onboarding#1", None, 0, 14, 14),
)

ATTEMPTS = (
    Attempt(ms("2026-07-30T08:15:00"), "bob", "DELETE",
            "/api/2.0/mlflow/registered-models/delete", 403, "fraud"),
    Attempt(ms("2026-08-11T10:01:12"), "bob", "PUT",
            "/api/2.0/mlflow-artifacts/artifacts/4/models/m-41/artifacts/model.pkl", 200),
    Attempt(ms("2026-08-20T22:40:19"), "", "POST", "/api/2.0/mlflow/registered-models/alias", 401,
            "fraud", "3"),
)  # fmt: skip


def life(model: str, version: int) -> tuple[Action, ...]:
    """Return what was done to a version."""
    number = str(version)
    return tuple(
        action
        for action in ACTIONS
        if action.model == model
        and (
            action.version == version or (action.alias and number in (action.before, action.after))
        )
    )


HISTORY = PeriodHistory(
    first_observed=ms(_FIRST),
    last_observed=ms("2026-10-04T06:00:00"),
    sources=("snapshot", "trigger", "plugin"),
    actions=ACTIONS,
    tenures=TENURES,
    balances=BALANCES,
    gaps=GAPS[1:],
    attempts=ATTEMPTS,
)
