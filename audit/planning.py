"""What a run would do, told before it is done. Nothing is written."""

from __future__ import annotations

from audit import period
from audit.archive.bundle import next_revision
from audit.archive.manifest import folder_name
from audit.archive.previous import find_previous
from audit.config import JobFile
from audit.gather.scope import Selection, select
from audit.pipeline import Moment, Request, asked, load_rules, settle
from audit.sources.registry.readers import open_registry
from audit.sources.uris import redact_uri


def plan(job: JobFile, request: Request, clock: period.Clock = period.system_clock) -> str:
    """Return what ``run`` would do with this job and request, a line for each thing.

    Raises ``AuditError`` for all that would stop the run before it reads versions.
    """
    moment = settle(job, request, clock())
    rules = load_rules(job)
    registry = open_registry(job.registry.uri, job.registry.reader).read()
    question = asked(job, request, moment, None)
    chosen = select(
        registry,
        moment.period,
        moment.as_of,
        rule=question.scope,
        include=question.include,
        exclude=question.exclude,
    )
    controls = sum(len(pack.controls) for pack in rules.packs)
    models = {(item.workspace, item.model) for item in chosen.versions}
    state = "interim" if moment.interim else "final"
    rows = [
        ("period", f"{moment.period.label}, as of {period.iso(moment.as_of)} ({state})"),
        ("registry", f"{redact_uri(job.registry.uri)} by {registry.reader}"),
        *(("", f"cannot see: {spot}") for spot in registry.blind_spots),
        ("scope", f"{len(chosen.versions)} versions of {len(models)} models"),
        *_versions(chosen),
        ("code", ", ".join(entry.label for entry in job.code) or "no repository"),
        ("checklist", f"{controls} controls, {len(rules.waivers)} waivers"),
        ("formats", ", ".join(job.report.formats)),
        ("dossiers", ", ".join(job.report.dossiers) or "none"),
        *_bundle(job, moment),
    ]
    return "\n".join(f"{name:<10} {text}" for name, text in rows)


def _versions(chosen: Selection) -> list[tuple[str, str]]:
    rows = [("", f"{key}: {reason}") for key, reason in chosen.reasons.items()]
    left = [("", f"left out {o.model}/{o.version}: {o.reason}") for o in chosen.left_out]
    return rows + left


def _bundle(job: JobFile, moment: Moment) -> list[tuple[str, str]]:
    folder, label = job.archive.path / job.job.name, moment.period.label
    revision = next_revision(folder, label)
    before = find_previous(folder, moment.period.previous().label)
    note = ""
    if revision > 1:
        note = f" ({folder_name(label, revision - 1)} is sealed already: needs --force)"
    return [
        ("chained to", before.name if before else "nothing: no bundle of the period before"),
        ("bundle", f"{folder / folder_name(label, revision)}{note}"),
    ]
