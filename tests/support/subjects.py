"""The smallest version and job for which every control passes, and how to spoil them.

The version was trained by two DVC stages at the commit that its run names; its weights
are the out of the second one. alice registered it, carol approved it, bob promoted it.
"""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

from audit import canonical, lineage
from audit.controls.registry import JobSubject, Subject, VersionSubject
from audit.facts import (
    AdvisoryFile,
    ArtifactFile,
    CodeDigest,
    Commit,
    CommitSignature,
    CommitState,
    DataObject,
    DatasetCheck,
    DatasetInput,
    Environment,
    JobFacts,
    LoggedModel,
    Match,
    MatchMethod,
    ModelSignature,
    ModelVersion,
    ObjectState,
    Pipeline,
    PreviousBundle,
    Run,
    RunState,
    SignatureState,
    StageState,
    TrackedPath,
    VersionFacts,
    Weights,
)
from audit.graph import Graph
from audit.history.model import History

AS_OF = 1_790_812_800_000
"""2026-10-01T00:00:00Z."""
COMMIT = "9b21d07e55c1" + "0" * 28
RUN = "f1c077ab03d2" + "0" * 20
SCHEMA = '{"mlflow_colspec": [{"type": "double", "name": "amount"}, {"type": "long", "name": "y"}]}'


def md5(text: str) -> str:
    """Return the MD5 of a text: a digest that belongs to a path of the sample."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def sha256(text: str) -> str:
    """Return the SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def _tracked(*paths: str) -> tuple[TrackedPath, ...]:
    return tuple(TrackedPath(path, md5(path)) for path in paths)


def _state(stage: str, file: str, deps: tuple[str, ...], outs: tuple[str, ...]) -> StageState:
    command = f"python src/{stage}.py" if stage else ""
    where = {"repository": "churn", "file": file, "stage": stage, "command": command}
    name = stage or file
    return StageState(
        id=sha256(name), commits=(COMMIT,), deps=_tracked(*deps), outs=_tracked(*outs), **where
    )


def _pipeline() -> Pipeline:
    code = ("src/train.py", "src/prepare.py")
    model, prepared, raw = "models/model.pkl", "data/prepared.csv", "data/raw.csv"
    train = _state("train", "dvc.lock", (prepared, code[0]), (model,))
    prepare = _state("prepare", "dvc.lock", (raw, code[1]), (prepared,))
    imported = _state("", "data/raw.csv.dvc", (), (raw,))
    commit = Commit(
        COMMIT,
        CommitState.REACHABLE,
        "churn",
        committed_at=AS_OF - 3 * 86_400_000,
        subject="Train again",
        branches=("main",),
        signed="ssh",
        signature=CommitSignature(
            kind="ssh",
            state=SignatureState.GOOD,
            signer="alice@example.org",
            key=f"SHA256:{'a' * 43}",
            against=f"allowed_signers sha256:{sha256('allowed_signers')}",
        ),
    )
    return Pipeline(
        matches=(
            Match(
                train.id,
                MatchMethod.BYTES,
                commit=COMMIT,
                out=model,
                artifact="model.pkl",
                digest=md5(model),
            ),
        ),
        states=(train, prepare, imported),
        tagged=commit,
        commits=(commit,),
        tree=(
            *(CodeDigest(COMMIT, path, md5(path), md5(path)) for path in code),
            CodeDigest(COMMIT, raw, md5(raw), md5(raw), "data"),
        ),
        objects=tuple(
            DataObject(md5(path), "churn", "store", ObjectState.PRESENT)
            for path in (raw, prepared, model)
        ),
    )


def good_version() -> VersionFacts:
    """Return a version for which every control of the shipped pack passes."""
    location = "mlartifacts/1/models/m-1/artifacts"
    return VersionFacts(
        version=ModelVersion(
            "churn",
            3,
            created_at=AS_OF - 86_400_000,
            source="models:/m-1",
            storage_location=location,
            run_id=RUN,
            logged_model_id="m-1",
            status="READY",
        ),
        aliases=("champion",),
        run=Run(
            RUN,
            name="train",
            status="FINISHED",
            started_at=AS_OF - 2 * 86_400_000,
            params={"C": "0.5", "seed": "7"},
            metrics={"accuracy": 0.9},
            tags={"mlflow.source.git.commit": COMMIT},
            datasets=(
                DatasetInput(
                    "raw", "1a2b3c4d", "local", '{"uri": "data/raw.csv"}', SCHEMA, "", "training"
                ),
            ),
        ),
        run_state=RunState.PRESENT,
        logged_model=LoggedModel("m-1", name="churn", source_run_id=RUN),
        logged_model_state=RunState.PRESENT,
        weights=Weights(
            location=location,
            read=True,
            sha256=sha256("weights"),
            files=(ArtifactFile("model.pkl", 9, sha256("model.pkl"), md5("models/model.pkl")),),
            first_seen_at=AS_OF - 86_400_000,
            first_sha256=sha256("weights"),
            watched=True,
        ),
        environment=Environment(
            ("requirements.txt", "python_env.yaml"),
            "3.11.9",
            ("scikit-learn==1.7.2",),
            signature='{"inputs": [{"name": "amount", "type": "double", "required": true}]}',
        ),
        datasets=(DatasetCheck("raw", "1a2b3c4d", file=f"data/raw.csv@{md5('data/raw.csv')}"),),
        model_signature=ModelSignature(
            "model.sig", "valid", "key", f"key SHA-256 {sha256('key')}", covered=3
        ),
        pipeline=_pipeline(),
        advisory_files=(AdvisoryFile("pypi.zip", sha256("pypi.zip"), 20_000, AS_OF - 86_400_000),),
    )


def good_graph() -> Graph:
    """Return the lineage of ``good_version``: complete, without a gap."""
    return lineage.build(good_version())


def good_job() -> JobSubject:
    """Return a job for which every control of the shipped pack passes."""
    job = JobFacts(
        name="quarterly",
        title="Quarterly model audit",
        organisation="Example Bank",
        period="2026-Q3",
        start=AS_OF - 92 * 86_400_000,
        end=AS_OF,
        zone="UTC",
        as_of=AS_OF,
        interim=False,
        read_on="2026-10-04",
        scope="all",
        include=("*",),
        exclude=(),
        retain="10y",
        signing="CN=Example Bank audit seal",
    )
    previous = PreviousBundle(
        "2026-Q2", "2026-Q2", True, True, "", sha256("manifest"), ledger="continues"
    )
    return JobSubject(job, previous, good_history())


_GOOD_HISTORY: dict[str, Any] = {
    "history.first_observed": -2400,
    "history.last_observed": 24,
    "history.sources": ["snapshot", "trigger", "plugin"],
    "history.unexplained": [],
    "history.gaps": [],
    "history.opening": [],
    "history.actions": [
        {"kind": "model_created", "at": -48, "by": "alice", "version": None},
        {"kind": "version_added", "at": -24, "by": "alice"},
        {
            "kind": "version_tag_set",
            "at": -23,
            "by": "carol",
            "key": "approved_by",
            "after": "carol",
        },
        {"kind": "alias_added", "at": -22, "by": "bob", "alias": "champion", "after": "3"},
    ],
}


def good_history() -> History:
    """Return the history of ``good_version``, wholly observed."""
    return history_for({})


def history_for(given: dict[str, Any]) -> History:
    """Return the good history with fields changed; times are hours from the moment reported.

    ``history.actions`` are told in short: see ``_action``. A gap is its start and end, an
    entry of ``history.opening`` a list with its value at the end.
    """
    told = _GOOD_HISTORY | given
    assert told.keys() == _GOOD_HISTORY.keys(), given
    told = {name.removeprefix("history."): value for name, value in told.items()}
    opening = {tuple(entry[:-1]): entry[-1] for entry in told["opening"]}
    plain = {
        "first_observed": _hour(told["first_observed"]),
        "last_observed": _hour(told["last_observed"]),
        "sources": told["sources"],
        "opening": {},
        "actions": [_action(number, item) for number, item in enumerate(told["actions"], 1)],
        "gaps": [
            {"start": _hour(start), "end": _hour(end), "reason": "the triggers were not there"}
            for start, end in told["gaps"]
        ],
        "unexplained": [
            {"workspace": "default", "model": "churn", "identity": "churn#", **item}
            | {"when": _when(item["when"])}
            for item in told["unexplained"]
        ],
    }
    return dataclasses.replace(canonical.load(History, plain), opening=opening)


def _action(number: int, told: dict[str, Any]) -> dict[str, Any]:
    """Return an action of version 3 of churn, told by what is particular about it.

    ``at`` is an hour or two that it lies between, ``by`` a user whom the server
    authenticated; without one, nobody is known.
    """
    by = told.get("by", "")
    sources = ["trigger", "plugin"] if by else ["trigger"]
    common = {
        "id": f"trigger:{number}",
        "workspace": "default",
        "model": "churn",
        "identity": "churn#",
        "version": 3,
        "actor": by,
        "actor_grade": "authenticated" if by else "unknown",
        "sources": ["snapshot"] if isinstance(told["at"], list) else sources,
    }
    particular = {name: value for name, value in told.items() if name not in ("at", "by")}
    return common | particular | {"when": _when(told["at"])}


def _when(at: Any) -> dict[str, Any]:
    if isinstance(at, list):
        return {"earliest": _hour(at[0]), "latest": _hour(at[1]), "grade": "bracketed"}
    return {"earliest": _hour(at), "latest": _hour(at), "grade": "recorded"}


def _hour(hour: float | None) -> int | None:
    return None if hour is None else AS_OF + round(hour * 3_600_000)


def subject_for(scope: str, given: dict[str, Any]) -> Subject:
    """Return the good version (its lineage built anew) or job with values changed.

    ``given`` maps dotted paths, such as ``facts.run.status`` or
    ``facts.pipeline.objects.0.state``, to plain values. Changes of ``graph`` come last.
    A path that does not exist is refused. What starts with ``history.`` goes to
    ``history_for``.
    """
    history = history_for({path: new for path, new in given.items() if path[:8] == "history."})
    if scope == "job":
        job = good_job()
        return JobSubject(
            _changed(job.job, "job", given), _changed(job.previous, "previous", given), history
        )
    facts = _changed(good_version(), "facts", given)
    return VersionSubject(facts, _changed(lineage.build(facts), "graph", given), history)


def _changed(value: Any, root: str, given: dict[str, Any]) -> Any:
    tree = canonical.plain(value)
    for path, new in given.items():
        first, *keys, last = path.split(".")
        if first != root:
            continue
        target = tree
        for key in keys:
            target = target[_key(target, key)]
        target[_key(target, last)] = new
    changed = canonical.load(type(value), tree)
    assert canonical.plain(changed) == _completed(tree, canonical.plain(changed)), given
    return changed


def _key(target: Any, key: str) -> Any:
    found = int(key) if isinstance(target, list) else key
    assert isinstance(found, int) or found in target, f"no such field: {key}"
    return found


def _completed(tree: Any, full: Any) -> Any:
    """Return ``tree`` with the defaults of ``full``; keys that ``full`` has not remain."""
    if isinstance(tree, dict) and isinstance(full, dict):
        return full | {key: _completed(item, full.get(key)) for key, item in tree.items()}
    if isinstance(tree, list) and isinstance(full, list):
        return [_completed(item, other) for item, other in zip(tree, full, strict=True)]
    return tree
