"""The one place that chains the stages: settle, read, judge, typeset, seal, archive.

Every stage is resumed for nothing: hashes of weights, finished pages and signatures are
kept in the cache, so that a run after an interrupted one makes only what is missing.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable, Iterator, MutableMapping
from dataclasses import dataclass, replace
from pathlib import Path

from cryptography.hazmat.primitives import serialization

from audit import __version__, canonical, factsfile, period
from audit.archive.bundle import Payload, next_revision, write_bundle
from audit.archive.lock import JobLock, hold
from audit.archive.manifest import LedgerHead, Manifest, folder_name
from audit.archive.previous import previous_bundle
from audit.cache import Cache
from audit.config import JobFile
from audit.controls.pack import load_pack
from audit.controls.waivers import load_waivers, refuse_unknown
from audit.errors import EXIT_OK, EXIT_UNREAD, UsageError
from audit.facts import Facts, JobFacts, Rules, Waiver
from audit.gather import Request as Reading
from audit.gather import collect
from audit.ledger import BUNDLE_SEALED, Event, Ledger
from audit.period import Clock
from audit.render.fingerprint import renderer_versions
from audit.report.build import build
from audit.report.diff import read_previous
from audit.report.model import Report
from audit.report.outcome import exit_code
from audit.seal.keys import Sealer, load_sealer
from audit.seal.trust import trust_of
from audit.typeset import Failed, Listener, Page, Settings, check_formats, typeset, workers_for


@dataclass(frozen=True, slots=True)
class Request:
    """What the command line asks beyond the job file."""

    period: str = ""
    as_of: str = ""
    only: tuple[str, ...] = ()
    force: bool = False


@dataclass(frozen=True, slots=True)
class Moment:
    """The period reported, the moment it is reported as of, and now (UTC ms)."""

    period: period.Period
    as_of: int
    interim: bool
    now: int
    clock: Clock | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """Where the bundle is and what it comes to."""

    path: Path
    exit_code: int
    headline: str
    problems: tuple[str, ...] = ()
    report: Report | None = None


def settle(job: JobFile, request: Request, now: int) -> Moment:
    """Return the period and moment that a request means at ``now`` (UTC ms).

    Without a period it is the last one that is over and settled; one that is still open
    is reported as of now, as interim. Raises ``UsageError`` for one that has not begun.
    """
    rule = job.period
    if request.period:
        chosen = period.parse(request.period, rule.zone)
    else:
        wait = period.duration_ms(rule.settle)
        chosen = period.last_closed(now, rule.every, rule.zone, wait)
    as_of = min(chosen.end, now)
    if request.as_of:
        as_of = period.instant(request.as_of, rule.zone)
    if as_of <= chosen.start or as_of > now:
        what = f"as of {period.iso(as_of)} there is nothing to report of {chosen.label}"
        remedy = "Name a moment inside the period that has passed, or an earlier period"
        raise UsageError(what, remedy=remedy)
    return Moment(chosen, min(as_of, chosen.end), as_of < chosen.end, now)


def run(
    job: JobFile, request: Request, *, clock: period.Clock = period.system_clock, messages: Listener
) -> Result:
    """Make the bundle of one period and return where it is.

    A period that is sealed already is left as it is, unless a new revision is forced.
    Raises ``AuditError`` where the run cannot be done; nothing half done is left.
    """
    moment = replace(settle(job, request, clock()), clock=clock)
    rules = load_rules(job)
    check_formats(job.report.formats)
    sealer = _sealer(job, moment.now)
    with hold(job.archive.path / job.job.name) as lock:
        label = moment.period.label
        revision = next_revision(lock.folder, label)
        if revision > 1 and not request.force:
            sealed = lock.folder / folder_name(label, revision - 1)
            note = f"{label} is sealed already; --force makes revision {revision}"
            return Result(sealed, EXIT_OK, note)
        messages.stage(f"reading {label} as of {period.iso(moment.as_of)}")
        cache = Cache(job.execute.cache / "pages", _secret(sealer))
        settings = Settings(
            job.report.formats, job.report.dossiers, job.execute.executor, job.execute.jobs
        )
        with contextlib.closing(Ledger(job.ledger)) as ledger, workers_for(settings) as workers:
            if cache.empty and "pdf" in settings.formats:
                # Every page will have to be made: the processes come up while this one reads.
                workers.warm()
            facts = _read(job, request, moment, rules, sealer, lock, ledger)
            # Of what this run read, all stands in the ledger by now.
            head, events = ledger.head()
            messages.stage(f"judging {len(facts.versions)} model versions")
            data = factsfile.dumps(facts)
            report = build(facts, canonical.sha256(data))
            messages.stage("rendering and sealing")
            pages = typeset(report, data, settings, cache, workers, messages)
            seen = LedgerHead(head, events) if head else None
            result = _seal(report, pages, seen, sealer, lock, moment.now, cache)
            details = {"period": label, "facts_sha256": report.facts_sha256}
            subject = f"{job.job.name}/{result.path.name}"
            ledger.append([Event(moment.now, BUNDLE_SEALED, subject, details)])
            return result


def load_rules(job: JobFile) -> Rules:
    """Return control packs, waivers and limits of a job. Raises ``ConfigError``."""
    packs = tuple(load_pack(name) for name in job.controls.packs)
    waivers: tuple[Waiver, ...] = ()
    if job.controls.waivers:
        waivers = load_waivers(job.controls.waivers)
        refuse_unknown(waivers, packs, job.controls.waivers)
    report = job.report
    return Rules(
        packs=packs,
        waivers=waivers,
        fail_on=job.controls.fail_on,
        table_rows=report.table_rows,
        version_pages=report.version_pages,
        language=report.language,
    )


def _sealer(job: JobFile, now: int) -> Sealer:
    signing = job.signing
    if not signing.key:
        remedy = "Name signing.key; mlflow-audit keys new keys makes one for a first run"
        raise UsageError("no key to seal with is configured", remedy=remedy)
    return load_sealer(signing.key, signing.certificate, signing.chain, now)


def asked(job: JobFile, request: Request, moment: Moment, sealer: Sealer | None) -> JobFacts:
    """Return what a run asks, as facts: they are the same for ``plan`` and ``run``."""
    models = job.registry.models
    return JobFacts(
        name=job.job.name,
        title=job.job.title,
        organisation=job.job.organisation,
        period=moment.period.label,
        start=moment.period.start,
        end=moment.period.end,
        zone=moment.period.zone,
        as_of=moment.as_of,
        interim=moment.interim,
        read_on=period.iso(moment.now)[:10],
        scope=job.scope.versions,
        include=request.only or models.include,
        exclude=models.exclude,
        retain=job.archive.retain,
        signing=sealer.subject if sealer else "",
        self_issued=sealer.self_issued if sealer else False,
        tool_version=__version__,
    )


def _read(
    job: JobFile,
    request: Request,
    moment: Moment,
    rules: Rules,
    sealer: Sealer,
    lock: JobLock,
    ledger: Ledger,
) -> Facts:
    """Return the run's facts, the bundle of the period before verified among them."""
    previous = previous_bundle(lock.folder, moment.period.previous(), trust_of(sealer), ledger)
    results = None
    if previous.verified:
        data = (lock.folder / previous.path / "data" / "report.json").read_bytes()
        results = read_previous(data)
    question = asked(job, request, moment, sealer)
    return collect(
        Reading(job, question, rules, moment.period, moment.now, previous, results, moment.clock),
        ledger,
    )


def _seal(
    report: Report,
    pages: Iterable[Page | Failed],
    ledger: LedgerHead | None,
    sealer: Sealer,
    lock: JobLock,
    now: int,
    cache: Cache,
) -> Result:
    """Sign the pages as they are made, write the bundle, and return what it comes to."""
    failed: list[Failed] = []
    draft = Manifest(
        job=lock.folder.name,
        period=report.period,
        sealed_at="",
        facts_sha256=report.facts_sha256,
        organisation=report.organisation,
        retain_until=report.retain_until,
        previous_bundle=report.previous.path,
        previous_manifest_sha256=report.previous.manifest_sha256,
        renderer=renderer_versions(),
        ledger=ledger,
    )
    payload = _signed(pages, sealer, now, cache, failed)
    bundle = write_bundle(lock, draft, payload, sealer, now, _Signatures(cache))
    code = exit_code(report)
    return Result(
        path=bundle.path,
        exit_code=EXIT_UNREAD if failed and code == EXIT_OK else code,
        headline=report.headline,
        problems=tuple(f"{item.path} could not be rendered: {item.reason}" for item in failed),
        report=report,
    )


def _signed(
    pages: Iterable[Page | Failed], sealer: Sealer, now: int, cache: Cache, failed: list[Failed]
) -> Iterator[Payload]:
    """Yield the pages as payload, PDFs with their signature inside; note those that failed."""
    for page in pages:
        if isinstance(page, Failed):
            failed.append(page)
        elif page.path.endswith(".pdf"):
            unsigned = canonical.sha256(page.content)
            key = canonical.sha256(f"pades\0{sealer.fingerprint}\0{unsigned}".encode())
            content = cache.get(key)
            if content is None:
                # pyHanko takes a third of a second to import, which a run of known pages spares.
                from audit.seal.pades import sign_pdf

                content = sign_pdf(page.content, sealer, now)
                cache.put(key, content)
            yield Payload(page.path, content, unsigned_sha256=unsigned)
        else:
            yield Payload(page.path, page.content, needs_cms=True)


def _secret(sealer: Sealer) -> bytes:
    """Return a secret for the cache that only the holder of the seal key can derive."""
    der = sealer.key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return hashlib.sha256(b"mlflow-audit cache\0" + der).digest()


class _Signatures(MutableMapping[tuple[str, str], bytes]):
    """Detached signatures kept in the cache, by content and seal.

    The cache gives back only what a holder of the seal key put in, so that what is found
    here need not be verified again.
    """

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    @staticmethod
    def _name(key: tuple[str, str]) -> str:
        return canonical.sha256("\0".join(("cms", *key)).encode())

    def __getitem__(self, key: tuple[str, str]) -> bytes:
        found = self._cache.get(self._name(key))
        if found is None:
            raise KeyError(key)
        return found

    def __setitem__(self, key: tuple[str, str], signature: bytes) -> None:
        self._cache.put(self._name(key), signature)

    def __delitem__(self, key: tuple[str, str]) -> None:
        raise KeyError(key)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(())

    def __len__(self) -> int:
        return 0
