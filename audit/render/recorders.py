"""What other recorders say, in rows and sentences: every run with its links, tags as claims."""

from __future__ import annotations

from audit.facts import DeclaredDigest, RecordedRun, Recorder, Run
from audit.render import text, words
from audit.render.listing import Record, Records
from audit.report.model import Dossier, Report
from audit.report.run_tables import RunRow, recorded_by, run_rows

NAMES = {"ailine": "AIline", "mltrace": "mltrace", "registry": "version"}
_FILES = 20
_VALUE = 160
_PROBLEMS = 5
_DETAIL = {
    "python": "Python",
    "platform": "platform",
    "packages": "packages",
    "poetry_lock_sha256": "poetry.lock sha256",
    "dvc_outputs": "DVC outputs",
    "files_in_snapshot": "files in the snapshot",
    "files_left_out": "files left out of it",
    "git_url": "repository",
    "owner": "owner",
    "notes": "notes",
}


def runs(report: Report) -> list[RunRow]:
    """Return every recorded run, the latest first, those without a time at the end."""
    return sorted(run_rows(report), key=lambda row: (row.when, row.source, row.record))[::-1]


def unlinked(report: Report) -> list[Run]:
    """Return the MLflow runs of the period that no version and no record links to."""
    known = recorded_by(report)
    found = [run for run in report.unregistered_runs if run.run_id not in known]
    return sorted(found, key=lambda run: (run.started_at or 0, run.run_id), reverse=True)


def limits(report: Report) -> list[str]:
    """Return what could not be read of other recorders, each a sentence."""
    found = []
    for item in report.recorders:
        name = f"{NAMES.get(item.source, item.source)} database {item.location}"
        if not item.read:
            found.append(f"{name}: {item.reason or 'it could not be read'}.")
        found += [f"{name}: {problem}." for problem in item.problems[:_PROBLEMS]]
        more = len(item.problems) - _PROBLEMS
        if more > 0:
            found.append(f"{name}: {words.counted(more, 'more problem')}, in report.json.")
    return found


def databases(report: Report) -> Records:
    """Return the recorders' databases as they were read."""
    rows = tuple(
        Record(
            (
                NAMES.get(item.source, item.source),
                text.one_line(item.location, 120),
                text.number(item.records) if item.read else "",
                "read" if item.read else "not read",
            ),
            _troubles(item),
            alarm=not item.read,
        )
        for item in report.recorders
    )
    return Records(("Recorder", "Database", ">Records", "State"), rows, len(rows))


def _troubles(item: Recorder) -> str:
    return " ".join(
        f"{text.capitalised(said)}." for said in (item.reason, *item.problems[:3]) if said
    )


# --- one version ---------------------------------------------------------------------------


def records(dossier: Dossier, limit: int) -> Records:
    """Return what other recorders say of the training run, with all of it below each row."""
    rows = tuple(
        Record(
            (
                NAMES.get(item.source, item.source),
                text.one_line(item.name or item.record, 40),
                item.type,
                words.status_word(item.status),
                text.moment(item.started_at),
            ),
            _said(item),
            alarm=bool(item.flagged),
        )
        for item in dossier.recorded[:limit]
    )
    titles = ("Recorder", "Record", "Type", "Status", "When")
    return Records(titles, rows, len(dossier.recorded))


def _said(item: RecordedRun) -> str:
    """Return all that a record says, in sentences."""
    tree = f"The tree differed from commit {item.parent}" if item.type == "snapshot" else ""
    if item.dirty_files:
        left = item.detail.get("more_dirty_files", "")
        more = max(0, len(item.dirty_files) - _FILES) + (int(left) if left.isdecimal() else 0)
        tree += f" in {', '.join(item.dirty_files[:_FILES])}"
        tree += f" and {more} more" if more > 0 else ""
    states = [
        f"{name} {words.status_word(state)}"
        for name, state in (
            ("DVC", item.dvc_linkage_status),
            ("environment", item.env_fingerprint_status),
        )
        if state
    ]
    parts = (
        f"Linked: {item.linked_by}" if item.linked_by else "",
        f"Commit {item.git}" if item.git else "",
        tree,
        f"Its name {item.name} is not the run's, {item.mlflow_run_name}" if _differs(item) else "",
        f"Command: {item.command}" if item.command else "",
        f"Exit code {item.exit_code}" if item.exit_code is not None else "",
        f"As it says: {', '.join(states)}" if states else "",
        f"It came after record {', '.join(item.depends_on[:_FILES])}" if item.depends_on else "",
        f"Inputs: {', '.join(item.inputs[:_FILES])}" if item.inputs else "",
        f"Outputs: {', '.join(item.outputs[:_FILES])}" if item.outputs else "",
        f"Flagged: {', '.join(item.flagged[:_FILES])}" if item.flagged else "",
        *(f"Stale when it began: {reason}" for reason in item.stale),
        *(f"{_DETAIL[key]} {item.detail[key]}" for key in _DETAIL if item.detail.get(key)),
    )
    return " ".join(f"{text.capitalised(part)}." for part in parts if part)


def _differs(item: RecordedRun) -> bool:
    return bool(item.name and item.mlflow_run_name and item.name != item.mlflow_run_name)


def origin(dossier: Dossier) -> str:
    """Return in sentences where an import says that the version came from; empty for none."""
    said = dossier.declared_origin
    if said is None:
        return ""
    where = f" at {said.tracking_uri}" if said.tracking_uri else ""
    if said.model or said.version:
        named = f"{said.model or 'a model'} version {said.version or 'of unknown number'}"
        run = f", made by run {said.run_id}" if said.run_id else ""
        there = f"there it was {named}{where}{run}"
        there += f", registered {text.moment(said.created_at)}" if said.created_at else ""
        here = f"here it was registered {text.moment(dossier.created_at)}"
    else:
        there = f"there its run was {said.run_id}{where}"
        here = f"here it is {dossier.run_id or words.NOT_RECORDED}"
    user = f" The user there was {said.user}." if said.user else ""
    commit = said.fields.get("git_commit", "")
    code = f" The commit there was {commit}." if commit else ""
    return (
        f"Imported from another registry by mlflow-export-import: {there}; {here}.{user}{code} "
        f"So say the tags {said.generation}, which a client may write."
    )


def digests(dossier: Dossier, limit: int) -> Records:
    """Return the tags and parameters that name data, with what they lead to."""
    found = dossier.declared_digests
    rows = tuple(
        Record(
            (
                text.one_line(item.key, 80),
                item.on,
                text.one_line(item.value, _VALUE),
                _leads_to(item),
            ),
            alarm=bool(item.contradicts),
        )
        for item in found[:limit]
    )
    return Records(("Key", "On", "Value", "What it leads to"), rows, len(found))


def _leads_to(item: DeclaredDigest) -> str:
    if item.contradicts:
        path, _, digest = item.contradicts.rpartition("@")
        made = text.short_digest(digest)
        return f"contradicted: another content of {path}; the weights were made from {made}"
    if not item.known:
        return "nothing that a configured repository holds"
    return f"{item.known}; {'in' if item.used else 'not in'} the lineage of this version"
