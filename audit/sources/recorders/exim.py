"""Where mlflow-export-import says that an imported version came from, by the tags it leaves.

Three forms of tags, as its own releases wrote them:

- ``mlflow_exim.field.*`` on versions, with ``mlflow_exim.run_info.*`` and
  ``mlflow_exim.mlflow_tag.*`` on runs (since the end of 2022);
- ``mlflow_exim.src_version.*``, ``.src_client.*`` and ``.src_run.*`` on copied versions, with
  ``_`` in the place of every dot in Unity Catalog;
- ``mlflow_export_import.run_info.*``, ``.mlflow.*`` and ``.metadata.*`` on runs (2022), and
  ``mlflow_tools.metadata.*`` before that.

Anybody who may set tags may have written them. The values ``None`` stand for nothing there.
"""

from __future__ import annotations

from collections.abc import Mapping

from audit.facts import DeclaredOrigin
from audit.sources.uris import redact_uri

_MAX_TEXT = 300
_EXIM, _OLD, _OLDEST = "mlflow_exim", "mlflow_export_import", "mlflow_tools"
_OF_VERSION = (
    "source", "current_stage", "status", "description", "aliases", "last_updated_timestamp",
    "_experiment_name", "model_id",
)  # fmt: skip
_OF_RUN = ("run_name", "status", "start_time", "end_time", "experiment_id", "artifact_uri")
_CODE = "source.git.commit"


def declared_origin(
    version: Mapping[str, str], run: Mapping[str, str] | None = None
) -> DeclaredOrigin | None:
    """Return the origin that the tags of a version and of its run declare, ``None`` for none."""
    run = run or {}
    return _imported(version, run) or _copied(version) or _of_run(run)


def _imported(version: Mapping[str, str], run: Mapping[str, str]) -> DeclaredOrigin | None:
    """Return the origin by ``mlflow_exim.field`` on the version."""
    fields = _below(version, f"{_EXIM}.field.")
    if not (fields.get("name") or fields.get("version") or fields.get("run_id")):
        return None
    info, tags = _below(run, f"{_EXIM}.run_info."), _below(run, f"{_EXIM}.mlflow_tag.")
    return DeclaredOrigin(
        generation=f"{_EXIM}.field",
        model=fields.get("name", ""),
        version=fields.get("version", ""),
        run_id=fields.get("run_id", ""),
        user=fields.get("user_id", "") or info.get("user_id", "") or tags.get("user", ""),
        created_at=_ms(fields.get("creation_timestamp", "")),
        fields=_chosen(fields, _OF_VERSION) | _code(tags.get(_CODE, "")),
    )


def _copied(version: Mapping[str, str]) -> DeclaredOrigin | None:
    """Return the origin by ``mlflow_exim.src_version`` on the version."""
    for dot in (".", "_"):
        found = _below(version, f"{_EXIM}{dot}src_version{dot}")
        if not found:
            continue
        run = _below(version, f"{_EXIM}{dot}src_run{dot}mlflow{dot}")
        there = _below(version, f"{_EXIM}{dot}src_client{dot}")
        return DeclaredOrigin(
            generation=f"{_EXIM}.src_version",
            model=found.get("name", ""),
            version=found.get("version", ""),
            run_id=found.get("run_id", ""),
            user=run.get("user", ""),
            tracking_uri=redact_uri(there.get(f"tracking{dot}uri", there.get("tracking_uri", ""))),
            fields=_chosen(
                {name.replace("_", "."): value for name, value in run.items()},
                ("databricks.workspaceURL", "databricks.workspaceID"),
            ),
        )
    return None


def _of_run(run: Mapping[str, str]) -> DeclaredOrigin | None:
    """Return the origin that only the run's tags declare: a run, of no version."""
    for root, mark in ((_EXIM, "mlflow_tag"), (_OLD, "mlflow")):
        info, tags = _below(run, f"{root}.run_info."), _below(run, f"{root}.{mark}.")
        about = _below(run, f"{root}.metadata.")
        run_id = info.get("run_id", "") or about.get("run-id", "")
        if run_id:
            return DeclaredOrigin(
                generation=f"{root}.run_info",
                run_id=run_id,
                user=info.get("user_id", "") or tags.get("user", ""),
                tracking_uri=redact_uri(about.get("tracking_uri", "")),
                fields=_chosen(info, _OF_RUN)
                | _chosen(about, ("experiment_name", "timestamp_nice"))
                | _code(tags.get(_CODE, "")),
            )
    about = _below(run, f"{_OLDEST}.metadata.")
    if not about.get("run-id"):
        return None
    return DeclaredOrigin(
        generation=f"{_OLDEST}.metadata",
        run_id=about["run-id"],
        tracking_uri=redact_uri(about.get("tracking_uri", "")),
        fields=_chosen(about, ("experiment-name", "timestamp_nice")),
    )


def _below(tags: Mapping[str, str], prefix: str) -> dict[str, str]:
    """Return the tags below a prefix, shortened, without those that say nothing."""
    return {
        key.removeprefix(prefix): value[:_MAX_TEXT].strip()
        for key, value in tags.items()
        if key.startswith(prefix) and value.strip() not in ("", "None", "[]")
    }


def _chosen(fields: Mapping[str, str], names: tuple[str, ...]) -> dict[str, str]:
    return {name: fields[name] for name in names if name in fields}


def _code(commit: str) -> dict[str, str]:
    return {"git_commit": commit} if commit else {}


def _ms(text: str) -> int | None:
    """Return milliseconds as MLflow writes them; ``None`` for what is no such number."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 15 else None
