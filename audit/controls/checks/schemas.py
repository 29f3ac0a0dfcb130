"""What a model asks for, beside what the data sets that were logged with it have."""

from __future__ import annotations

from audit.controls.checks.common import counted, naming, run_label, run_of
from audit.controls.registry import Outcome, VersionSubject, check, failed, passed, unknown
from audit.facts import DatasetInput, Run, VersionFacts
from audit.facts.schema import Column, Unmet, columns_of, inputs_of, unmet
from audit.verdicts import Verdict


@check("dataset-schema")
def dataset_schema(subject: VersionSubject, *, accept_derived: bool = True) -> Outcome:
    """The columns that the model's signature asks for are those of a logged data set.

    With ``accept_derived`` this does not concern a version whose pipeline makes other data
    out of what was logged before it trains on it: its columns are then meant to differ.
    """
    facts = subject.facts
    needed = inputs_of(facts.environment.signature)
    if not needed:
        reason = "the model has no signature with named columns"
        return Outcome(Verdict.NOT_APPLICABLE, reason)
    run = run_of(facts)
    if isinstance(run, Outcome):
        # That the run is missing fails where runs are judged; here it leaves nothing to compare.
        return unknown(run.reason, *run.evidence)
    label = run_label(facts, run)
    found = {data.name: columns_of(data.schema) for data in run.datasets}
    found = {name: columns for name, columns in found.items() if columns}
    if not found:
        return unknown(f"{label} logged no data set with a schema of columns")
    lacking = _lacking(needed, list(found.values()))
    names = naming(found)
    if not lacking:
        evidence = [f"run {run.run_id} inputs {data.name} {data.digest}" for data in run.datasets]
        return passed(f"{counted(len(needed), 'column')} of the signature in {names}", *evidence)
    told = f"{len(lacking)} of the signature's {counted(len(needed), 'column')} not in {names}"
    lacks = [f"{item.needed.name} ({item.needed.type})" for item in lacking]
    return _lacks(told, lacks, _used_as_logged(facts, run) if accept_derived else True)


def _lacks(told: str, lacks: list[str], as_logged: bool | None) -> Outcome:
    """Return what lacking columns come to, by whether the training read what was logged."""
    if as_logged is None:
        why = "the stage behind the weights is not known, nor whether it read what was logged"
        return unknown(f"{told}; {why}", *lacks)
    if not as_logged:
        why = "stages of the pipeline made the training data from what was logged"
        return Outcome(Verdict.NOT_APPLICABLE, f"{told}; {why}")
    return failed(f"{told}: {naming(lacks)}", *lacks)


def _lacking(needed: tuple[Column, ...], found: list[tuple[Column, ...]]) -> list[Unmet]:
    """Return the columns that no data set has as the signature asks for them."""
    first, *others = [unmet(needed, columns) for columns in found]
    names = [{item.needed.name for item in each} for each in others]
    return [item for item in first if all(item.needed.name in each for each in names)]


def _used_as_logged(facts: VersionFacts, run: Run) -> bool | None:
    """Whether a data set with a schema is what the stage behind the weights itself read.

    Without a known stage nothing tells: ``None``.
    """
    states = {state.id: state for state in facts.pipeline.states}
    made = [states[match.state] for match in facts.pipeline.matches if match.state in states]
    read = {f"{dep.path}@{dep.digest}" for state in made for dep in state.deps}
    files = [
        check.file
        for check, data in zip(facts.datasets, run.datasets, strict=False)
        if _has_columns(data)
    ]
    if not made:
        return None
    return not any(files) or any(file in read for file in files)


def _has_columns(data: DatasetInput) -> bool:
    return bool(columns_of(data.schema))
