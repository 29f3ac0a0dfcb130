"""What other recorders and tags say of the runs, joined to the runs of MLflow.

A record that names its MLflow run, or is named by a tag of it, is linked by a client's word.
Where neither says so, time and commit together may still lead to one run: that link is
inferred and says so. A link never changes what content proves.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from audit.capture.training.command import without_secrets
from audit.config.sections import Sources
from audit.facts import RecordedRun, Recorder, Run, VersionFacts
from audit.period import Period, zone_of
from audit.sources import CodeSource
from audit.sources.recorders.ailine import read_ailine
from audit.sources.recorders.conventions import declared_digests
from audit.sources.recorders.exim import declared_origin
from audit.sources.recorders.mltrace import read_mltrace

_SLACK_MS = 30_000
_SHORT_SHA = 7
_MOST_WORDS, _MAX_WORD = 200, 2000
"""Words and characters shown of a command."""
_CORRELATION = "ailine.correlation_id"


class Recorders:
    """Every configured recorder, read once and joined to MLflow's runs."""

    def __init__(self, settings: Sources, runs: Iterable[Run], as_of: int) -> None:
        """Read them; what began at ``as_of`` (UTC ms) or later is left out."""
        self._settings = settings
        zone = zone_of(settings.zone)
        read = [read_ailine(path, zone) for path in settings.ailine]
        read += [read_mltrace(uri) for uri in settings.mltrace]
        self.about: tuple[Recorder, ...] = tuple(about for about, _ in read)
        records = [
            record
            for _, found in read
            for record in found
            if record.started_at is None or record.started_at < as_of
        ]
        self._records = linked(records, tuple(runs) if records else ())
        self._of_run = defaultdict[str, list[RecordedRun]](list)
        for record in self._records:
            if record.mlflow_run:
                self._of_run[record.mlflow_run].append(record)

    def told(self, facts: VersionFacts, sources: Sequence[CodeSource]) -> VersionFacts:
        """Return a version's facts with all that others say of it and of its run."""
        return replace(
            facts,
            recorded=tuple(self._of_run.get(_run_of(facts), ())),
            declared_origin=declared_origin(
                facts.version.tags, facts.run.tags if facts.run else None
            ),
            declared_digests=declared_digests(facts, self._settings.conventions, sources),
        )

    def records(
        self, period: Period, versions: Iterable[VersionFacts], others: Iterable[Run]
    ) -> tuple[RecordedRun, ...]:
        """Return the records of the period, and those of the versions' and the other runs."""
        runs = {run.run_id for run in others} | {_run_of(facts) for facts in versions}
        return tuple(
            item
            for item in self._records
            if item.started_at in period or (item.mlflow_run and item.mlflow_run in runs)
        )


def linked(records: Iterable[RecordedRun], runs: Sequence[Run]) -> tuple[RecordedRun, ...]:
    """Return records with the MLflow runs that they belong to, commands without secrets."""
    by_id = {run.run_id: run for run in runs}
    tagged = defaultdict[tuple[str, str], list[Run]](list)
    for run in runs:
        for tag in ("snapshot", "commit"):
            if run.tags.get(tag):
                tagged[tag, run.tags[tag]].append(run)
    found = []
    for record in records:
        named = by_id.get(record.mlflow_run)
        tag = {"snapshot": "snapshot", "git": "commit"}.get(record.type, "")
        pointing = tagged[tag, record.record] if tag and record.source == "ailine" else []
        if record.mlflow_run:
            how = "the record names the run"
            how += _more(record, named, tag)
            linking = replace(record, linked_by=how, mlflow_run_name=named.name if named else "")
        elif len(pointing) == 1:
            how = f"the run's tag {tag} names the record"
            linking = _joined(record, pointing[0], how)
        else:
            linking = record
        found.append(replace(linking, command=_clean(linking.command)))
    return _by_time(found, runs)


def _more(record: RecordedRun, run: Run | None, tag: str) -> str:
    """Return what of the run speaks for the link that its record claims."""
    if run is None:
        return ", which MLflow does not have"
    if tag and run.tags.get(tag) == record.record:
        return f", and its tag {tag} the record"
    if record.source == "ailine" and run.tags.get(_CORRELATION):
        return ", which began under AIline"
    return ""


def _by_time(records: Sequence[RecordedRun], runs: Sequence[Run]) -> tuple[RecordedRun, ...]:
    """Link what nobody links, where one run and one record have the same commit and time."""
    taken = {record.mlflow_run for record in records if record.mlflow_run}
    free = defaultdict[str, list[Run]](list)
    for run in runs:
        commit = run.commit[1].lower()
        if run.run_id not in taken and len(commit) >= _SHORT_SHA:
            free[commit[:_SHORT_SHA]].append(run)
    options = {
        index: [run for run in free.get(_commit(record)[:_SHORT_SHA], []) if _fits(record, run)]
        for index, record in enumerate(records)
        if not record.mlflow_run and len(_commit(record)) >= _SHORT_SHA
    }
    claims = defaultdict[str, int](int)
    for candidates in options.values():
        for run in candidates:
            claims[run.run_id] += 1
    how = "inferred: the same commit, and the run began within 30 seconds of the record's time"
    return tuple(
        replace(_joined(record, options[index][0], how), inferred=True)
        if len(options.get(index, ())) == 1 and claims[options[index][0].run_id] == 1
        else record
        for index, record in enumerate(records)
    )


def _commit(record: RecordedRun) -> str:
    return (record.git or record.parent).lower()


def _fits(record: RecordedRun, run: Run) -> bool:
    """Whether a run has a record's commit and began between its start and end, give or take."""
    commit, tagged = _commit(record), run.commit[1].lower()
    if not (tagged.startswith(commit) or commit.startswith(tagged)):
        return False
    if record.started_at is None or run.started_at is None:
        return False
    end = max(record.ended_at or record.started_at, record.started_at)
    return record.started_at - _SLACK_MS <= run.started_at <= end + _SLACK_MS


def _joined(record: RecordedRun, run: Run, how: str) -> RecordedRun:
    return replace(record, mlflow_run=run.run_id, mlflow_run_name=run.name, linked_by=how)


def _clean(command: str) -> str:
    """Return a command without its secrets; a JSON list of words keeps its form."""
    try:
        words = json.loads(command)
    except (ValueError, RecursionError):
        words = None
    if isinstance(words, list) and all(isinstance(word, str) for word in words):
        words = [word[:_MAX_WORD] for word in words[:_MOST_WORDS]]
    else:
        words = command[:_MAX_WORD].split(" ")
    return " ".join(without_secrets(words))[:_MAX_WORD]


def _run_of(facts: VersionFacts) -> str:
    return facts.run.run_id if facts.run else facts.version.run_id
