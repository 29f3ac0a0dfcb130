"""Facts → report: lineage, checks, counts that add up, exceptions first. A pure function."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from audit import canonical, period
from audit.controls.evaluate import JobSubject, VersionSubject, evaluate
from audit.controls.waivers import state as waiver_state
from audit.facts import Facts, VersionFacts
from audit.graph import Graph
from audit.history.model import Action, History
from audit.history.reconstruct import reconstruct
from audit.history.until import until
from audit.lineage import build as build_lineage
from audit.report import diff, review
from audit.report.dossier import build_dossier, listed, spelled
from audit.report.exceptions import find_exceptions
from audit.report.history import lives, period_history, statement
from audit.report.model import (
    SCHEMA,
    ControlResult,
    Counts,
    Dossier,
    FamilyScore,
    GapRow,
    ModelSection,
    PackInfo,
    Report,
    Seal,
    Source,
    WaiverRow,
)
from audit.verdicts import Verdict, overall

_OPEN = frozenset({Verdict.UNKNOWN, Verdict.ERROR, Verdict.MANUAL})


def build(facts: Facts, facts_sha256: str) -> Report:
    """Return the report that follows from the facts, whose fingerprint is given."""
    job, rules = facts.job, facts.rules
    history = reconstruct(facts.observations)
    told = period_history(history, job)
    then = until(history, job.as_of)
    acts = lives(then)
    dossiers = tuple(_judge(version, facts, then, acts) for version in facts.versions)
    subject = JobSubject(job, facts.previous, history)
    job_results = evaluate(rules.packs, subject, rules.waivers, job.as_of)
    results = (*job_results, *(item for dossier in dossiers for item in dossier.results))
    before = facts.previous_results
    unexplained = sum(len(book.unexplained) for book in told.balances)
    counts = _counts(facts, dossiers)
    unwaived, waived = _scores(results)
    return Report(
        schema=SCHEMA,
        job=job.name,
        title=job.title,
        organisation=job.organisation,
        period=job.period,
        start=job.start,
        end=job.end,
        zone=job.zone,
        as_of=job.as_of,
        interim=job.interim,
        read_on=job.read_on,
        tool_version=job.tool_version,
        facts_sha256=facts_sha256,
        registry=Source(
            facts.registry.uri,
            facts.registry.reader,
            facts.registry.schema_version,
            facts.registry.blind_spots,
        ),
        repositories=facts.repositories,
        previous=facts.previous,
        seal=Seal(job.signing, job.self_issued),
        retain=job.retain,
        retain_until=str(period.retain_until(job.as_of, job.retain)) if job.retain else "",
        scope=job.scope,
        include=job.include,
        exclude=job.exclude,
        left_out=facts.left_out,
        scope_reasons=_scope_reasons(facts, dossiers),
        packs=_packs(facts),
        table_rows=rules.table_rows,
        version_pages=rules.version_pages,
        verdict=overall([*(item.verdict for item in results), *[Verdict.FAIL] * unexplained]),
        headline=_headline(counts, job_results, unexplained),
        counts=counts,
        score_before=unwaived,
        score_after=waived,
        families=_families(facts, results),
        exceptions=find_exceptions(facts, dossiers, job_results, told.balances),
        models=_models(facts, dossiers),
        dossiers=dossiers,
        job_results=job_results,
        waivers=_waivers(facts, results),
        changes=diff.changes(before, results, _keys(dossiers), _packs(facts)),
        compared_with=facts.previous.label if before else "",
        gaps=tuple(GapRow(d.label, d.version, gap) for d in dossiers for gap in d.gaps),
        unregistered_runs=facts.unregistered_runs,
        history_statement=statement(told, job),
        fail_on=rules.fail_on,
        history=told,
        recorders=facts.recorders,
        recorded=facts.recorded,
        advisory_files=facts.advisory_files,
        flags=facts.flags,
        reviews=review.of_flags(_graphs(facts, dossiers), facts.flags).rows,
    )


def _graphs(facts: Facts, dossiers: tuple[Dossier, ...]) -> Iterator[tuple[VersionFacts, Graph]]:
    for version, dossier in zip(facts.versions, dossiers, strict=True):
        yield version, dossier.graph


def _judge(
    version: VersionFacts,
    facts: Facts,
    history: History,
    acts: dict[tuple[str, str, int], tuple[Action, ...]],
) -> Dossier:
    graph = build_lineage(version)
    rules = facts.rules
    subject = VersionSubject(version, graph, history)
    results = evaluate(rules.packs, subject, rules.waivers, facts.job.as_of)
    own = version.version
    done = acts.get((own.workspace, own.model, own.version), ())
    return build_dossier(version, graph, results, rules.packs, done)


def _keys(dossiers: tuple[Dossier, ...]) -> tuple[tuple[str, int], ...]:
    return tuple((dossier.label, dossier.version) for dossier in dossiers)


def _packs(facts: Facts) -> tuple[PackInfo, ...]:
    return tuple(
        PackInfo(pack.id, pack.title, pack.edition, pack.source, canonical.digest_of(pack))
        for pack in facts.rules.packs
    )


def _scope_reasons(facts: Facts, dossiers: tuple[Dossier, ...]) -> dict[str, str]:
    return {
        dossier.slug: facts.scope_reasons.get(version.version.key, "")
        for dossier, version in zip(dossiers, facts.versions, strict=True)
    }


def _counts(facts: Facts, dossiers: tuple[Dossier, ...]) -> Counts:
    tally = Counter(dossier.verdict for dossier in dossiers)
    counts = Counts(
        in_scope=len(dossiers),
        passed=tally[Verdict.PASS],
        failed=tally[Verdict.FAIL],
        waived=tally[Verdict.WAIVED],
        not_evaluated=sum(tally[verdict] for verdict in _OPEN),
        models=len({(dossier.workspace, dossier.model) for dossier in dossiers}),
        tombstones=sum(dossier.deleted for dossier in dossiers),
        left_out=len(facts.left_out),
    )
    total = counts.passed + counts.failed + counts.waived + counts.not_evaluated
    if total != counts.in_scope:
        raise AssertionError(f"the counts do not add up: {counts}")
    return counts


def _scores(results: tuple[ControlResult, ...]) -> tuple[float | None, float | None]:
    """Return the shares of evaluated results that pass, in per cent: before and after waivers."""
    tally = Counter(result.verdict for result in results)
    evaluated = tally[Verdict.PASS] + tally[Verdict.FAIL] + tally[Verdict.WAIVED]
    if not evaluated:
        return None, None
    passed = tally[Verdict.PASS]
    before = round(100 * passed / evaluated, 1)
    return before, round(100 * (passed + tally[Verdict.WAIVED]) / evaluated, 1)


def _headline(counts: Counts, job_results: tuple[ControlResult, ...], unexplained: int) -> str:
    changes = "change" if unexplained == 1 else "changes"
    odd = (
        f" Nothing recorded explains {spelled(unexplained)} {changes} of the registry."
        if unexplained
        else ""
    )
    if not counts.in_scope:
        return f"No model version is in scope of this report.{odd}"
    noun = "model version" if counts.in_scope == 1 else "model versions"
    parts = [
        f"{spelled(number)} {words}"
        for number, words in (
            (counts.passed, "pass every check"),
            (counts.failed, "fail at least one" if counts.failed != 1 else "fails at least one"),
            (counts.waived, "are covered by waivers" if counts.waived != 1 else "is waived"),
            (counts.not_evaluated, "could not be fully evaluated"),
        )
        if number
    ]
    told = listed(parts).replace("one pass every", "one passes every")
    sentence = f"Of {spelled(counts.in_scope)} {noun} in scope, {told}."
    failed = sum(result.verdict is Verdict.FAIL for result in job_results)
    checks = "check" if failed == 1 else "checks"
    archive = f" The archive itself fails {spelled(failed)} {checks}." if failed else ""
    return f"{sentence}{archive}{odd}"


def _families(facts: Facts, results: tuple[ControlResult, ...]) -> tuple[FamilyScore, ...]:
    scores = []
    for pack in facts.rules.packs:
        for family in pack.families:
            mine = [r for r in results if r.pack == pack.id and r.family == family.id]
            tally = Counter(result.verdict for result in mine)
            scores.append(
                FamilyScore(
                    family=family,
                    passed=tally[Verdict.PASS],
                    failed=tally[Verdict.FAIL],
                    waived=tally[Verdict.WAIVED],
                    not_evaluated=sum(tally[verdict] for verdict in _OPEN),
                    not_applicable=tally[Verdict.NOT_APPLICABLE],
                    job_results=tuple(result for result in mine if not result.model),
                )
            )
    return tuple(scores)


def _models(facts: Facts, dossiers: tuple[Dossier, ...]) -> tuple[ModelSection, ...]:
    known = {(model.workspace, model.name): model for model in facts.registry.models}
    sections = []
    for key in sorted({(dossier.workspace, dossier.model) for dossier in dossiers}):
        mine = [d for d in dossiers if (d.workspace, d.model) == key]
        mine.sort(key=lambda dossier: -dossier.version)
        model = known.get(key)
        sections.append(
            ModelSection(
                name=key[1],
                workspace=key[0],
                slug=mine[0].slug.split("/")[0],
                created_at=model.created_at if model else None,
                description=model.description if model else "",
                tags=model.tags if model else {},
                aliases=model.aliases if model else {},
                verdict=overall(dossier.verdict for dossier in mine),
                versions=tuple(dossier.slug for dossier in mine),
            )
        )
    return tuple(sections)


def _waivers(facts: Facts, results: tuple[ControlResult, ...]) -> tuple[WaiverRow, ...]:
    covered = Counter(result.waiver for result in results if result.waiver)
    rows = []
    for waiver in facts.rules.waivers:
        state = waiver_state(waiver, facts.job.as_of)
        if state == "active" and not covered[waiver.id]:
            state = "unused"
        rows.append(
            WaiverRow(
                id=waiver.id,
                control=waiver.control,
                scope=waiver.scope,
                owner=waiver.owner,
                approver=waiver.approver,
                reason=waiver.reason,
                effective=waiver.effective,
                expires=waiver.expires,
                state=state,
                covered=covered[waiver.id],
            )
        )
    return tuple(sorted(rows, key=lambda row: row.id))
