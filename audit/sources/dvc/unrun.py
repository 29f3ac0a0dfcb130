"""Stages that a pipeline declares and that no lock of the same commit has."""

from __future__ import annotations

import posixpath

from audit.facts import DeclaredStage, StageState
from audit.sources.dvc.history import DvcHistory
from audit.sources.git.store import UnreadableError


def never_run(history: DvcHistory, state: StageState, commit: str) -> tuple[DeclaredStage, ...]:
    """Return what the DVC project of a state declares at a commit and never ran.

    Looked into are the ``dvc.yaml`` beside the state's lock, and those with no lock at all.
    Of a loop (``foreach``, ``matrix``) a stage counts as run where one of its items was.
    """
    if not state.stage:
        return ()
    project = _project(history, state.file, commit)
    found = []
    for file in history.log.pipelines:
        lock = posixpath.join(posixpath.dirname(file), "dvc.lock")
        if lock != state.file and (
            _stands(history, lock, commit) or _project(history, file, commit) != project
        ):
            continue
        ran = {other.stage.partition("@")[0] for other in history.states_at(commit, lock)}
        found += [
            DeclaredStage(history.git.name, file, name, commit, frozen=declared.frozen)
            for name, declared in history.declarations(commit, lock).items()
            if name not in ran
        ]
    return tuple(found)


def _project(history: DvcHistory, file: str, commit: str) -> str:
    """Return the folder of the DVC project that a file belongs to."""
    folder = posixpath.dirname(file)
    while folder and not _stands(history, posixpath.join(folder, ".dvc/config"), commit):
        folder = posixpath.dirname(folder)
    return folder


def _stands(history: DvcHistory, file: str, commit: str) -> bool:
    try:
        return history.git.entry(commit, file) is not None
    except UnreadableError:
        return False
