"""What both registry readers share: from rows as they were read to a ``Registry``.

MLflow's registry hides four things that an audit needs. Here they are settled once,
so that the SQL and the REST reader cannot answer differently:

- a version's logged model is named only inside an address;
- a deleted version keeps its row with the source blacked out, but not its storage
  location, from which its logged model and run are found again;
- prompts stand in the same tables as models and are told apart by a tag that anyone
  may set, therefore also by the source that MLflow's own clients give them;
- ``runs:/…`` is an address relative to a run's artifact root.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TypeVar

from audit.facts import LoggedModel, ModelVersion, RegisteredModel, Registry, Run
from audit.sources.uris import redact_uri

PROMPT_TAG = "mlflow.prompt.is_prompt"
DELETED_STAGE = "Deleted_Internal"
"""The stage of MLflow's tombstones; its API never returns it."""

_NO_STAGE = frozenset({"None", DELETED_STAGE})
"""What MLflow writes where a version has no stage."""

NO_RUNS = (
    "The registry's versions name runs, but its store holds none: the runs are tracked "
    "elsewhere, and what this report says of runs is limited to that."
)

_ADDRESS_TAGS = frozenset({"mlflow.source.git.repoURL", "mlflow.gitRepoURL", "mlflow.source.name"})
"""Where MLflow writes the address of a repository as git has it, a token in it included."""

_Tagged = TypeVar("_Tagged", Run, LoggedModel)

_PROMPT_SOURCES = frozenset({"", "dummy-source", "prompt-template"})
_REDACTED = frozenset({"REDACTED-SOURCE-PATH", "REDACTED-RUN-ID", "REDACTED-RUN-LINK"})
_MODEL_URI = re.compile(r"models:/+(m-[0-9a-f]{32})")
_MODEL_FOLDER = re.compile(r"/models/(m-[0-9a-f]{32})/artifacts(?:/|$)")
_RUN_URI = re.compile(r"runs:/+([0-9a-f]{32})/(.+)")
_RUN_FOLDER = re.compile(r"/([0-9a-f]{32})/artifacts(?:/|$)")


def logged_model_id(source: str, storage_location: str) -> str:
    """Return the id of the logged model that a version was made from, or ``""``.

    Taken from a source ``models:/m-…``, else from a storage location
    ``…/models/m-…/artifacts``: MLflow keeps no column for it.
    """
    if match := _MODEL_URI.fullmatch(source):
        return match[1]
    match = _MODEL_FOLDER.search(storage_location)
    return match[1] if match else ""


def finite(value: float | None) -> bool:
    """Whether a metric is a number: MLflow stores infinities as the largest float."""
    return value is not None and abs(value) < sys.float_info.max


def runs_in_use(
    versions: Iterable[ModelVersion], logged_models: Iterable[LoggedModel], runs: Iterable[Run]
) -> set[str]:
    """Return the ids of runs that a version or logged model came from, or that used one."""
    return (
        {version.run_id for version in versions}
        | {model.source_run_id for model in logged_models}
        | {run.run_id for run in runs if run.model_inputs}
    ) - {""}


def assemble(read: Registry) -> Registry:
    """Return the registry as the rest of the program sees it, from what was read.

    Prompts are left out; tombstones are marked and their lineage recovered; storage
    locations and logged model ids are filled in; ``params`` and ``metrics`` stay only
    on runs in use; everything is sorted by workspace, name, version or id.
    """
    runs = {run.run_id: run for run in read.runs}
    logged = {model.model_id: model for model in read.logged_models}
    prompts = _prompts(read.models, read.versions)
    versions = [
        _complete(version, logged, runs)
        for version in read.versions
        if (version.workspace, version.model) not in prompts
    ]
    used = runs_in_use(versions, logged.values(), runs.values())
    unknown = not runs and any(version.run_id for version in versions)
    return replace(
        read,
        blind_spots=(*read.blind_spots, NO_RUNS) if unknown else read.blind_spots,
        models=tuple(
            sorted(
                (model for model in read.models if (model.workspace, model.name) not in prompts),
                key=lambda model: (model.workspace, model.name),
            )
        ),
        versions=tuple(
            sorted(versions, key=lambda item: (item.workspace, item.model, item.version))
        ),
        runs=tuple(
            _redacted(run if run_id in used else replace(run, params={}, metrics={}))
            for run_id, run in sorted(runs.items())
        ),
        logged_models=tuple(_redacted(model) for _, model in sorted(logged.items())),
    )


def _redacted(item: _Tagged) -> _Tagged:
    """Return a run or logged model without the secrets in its tags that hold an address."""
    found = {key: redact_uri(item.tags[key]) for key in _ADDRESS_TAGS & item.tags.keys()}
    return replace(item, tags={**item.tags, **found}) if found else item


def _prompts(
    models: Iterable[RegisteredModel], versions: Iterable[ModelVersion]
) -> set[tuple[str, str]]:
    """Return workspace and name of the prompts.

    A model with the tag is a prompt only if no version of it has a source of its own:
    the tag can be set on any model, a version's source cannot be changed.
    """
    with_source = {
        (version.workspace, version.model)
        for version in versions
        if version.source not in _PROMPT_SOURCES | _REDACTED
        or version.storage_location not in _PROMPT_SOURCES
    }
    tagged = {
        (model.workspace, model.name) for model in models if model.tags.get(PROMPT_TAG) == "true"
    }
    return tagged - with_source


def _complete(
    version: ModelVersion, logged: Mapping[str, LoggedModel], runs: Mapping[str, Run]
) -> ModelVersion:
    """Return a version with its storage location, logged model and deletion settled."""
    source, run_id, run_link = (
        "" if text in _REDACTED else text
        for text in (version.source, version.run_id, version.run_link)
    )
    deleted = version.stage == DELETED_STAGE
    own_place = "" if source.startswith("models:") else source
    location = _absolute(version.storage_location or own_place, runs)
    model_id = logged_model_id(source, location)
    if deleted:
        source_run = logged[model_id].source_run_id if model_id in logged else ""
        run_id = run_id or source_run or _run_of_folder(location, runs)
    return replace(
        version,
        stage="" if version.stage in _NO_STAGE else version.stage,
        source=source,
        run_id=run_id,
        run_link=run_link,
        storage_location=location,
        logged_model_id=model_id,
        deleted=deleted,
        deleted_at=version.updated_at if deleted else None,
    )


def _absolute(location: str, runs: Mapping[str, Run]) -> str:
    """Return a ``runs:/<id>/<path>`` location below the run's artifact root."""
    match = _RUN_URI.fullmatch(location)
    run = runs.get(match[1]) if match else None
    if not match or run is None or not run.artifact_uri or ".." in match[2].split("/"):
        return location
    return f"{run.artifact_uri.rstrip('/')}/{match[2]}"


def _run_of_folder(location: str, runs: Mapping[str, Run]) -> str:
    """Return the id of the run in whose artifact root a location lies, or ``""``."""
    match = _RUN_FOLDER.search(location)
    run = runs.get(match[1]) if match else None
    inside = run is not None and run.artifact_uri and location.startswith(run.artifact_uri)
    return match[1] if match and inside else ""
