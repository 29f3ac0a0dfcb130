"""One run's reading: registry, weights, repositories and remotes, put together as facts."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from audit.config import JobFile, bytes_of
from audit.facts import (
    Facts,
    JobFacts,
    ModelVersion,
    Observations,
    PreviousBundle,
    PreviousResults,
    Registry,
    Rules,
    VersionFacts,
    Weights,
)
from audit.gather import as_of
from audit.gather.advisories import with_advisories
from audit.gather.baseline import with_baseline
from audit.gather.consumers import Uses, with_stages
from audit.gather.datasets import with_datasets
from audit.gather.flags import standing
from audit.gather.folders import with_members
from audit.gather.fresher import with_fresher
from audit.gather.join import join
from audit.gather.objects import with_objects
from audit.gather.observe import observe
from audit.gather.recall import thinned, until
from audit.gather.recorders import Recorders
from audit.gather.registry import RegistryIndex
from audit.gather.scope import holders, select
from audit.gather.since import with_since
from audit.gather.twins import with_twins
from audit.history.model import History
from audit.history.moments import state_at
from audit.history.reconstruct import reconstruct
from audit.history.state import state_of
from audit.ledger import Ledger
from audit.period import Clock, Period
from audit.sources import CodeSource, DataSource
from audit.sources.advisories.files import AdvisoryFiles
from audit.sources.artifacts.signature import Trusted
from audit.sources.artifacts.weights import ArtifactReader
from audit.sources.dvc.rehash import Rehash
from audit.sources.registry.readers import open_registry
from audit.sources.repositories import open_code


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be read: the job, its rules, the period, and what came before."""

    job: JobFile
    facts: JobFacts
    rules: Rules
    period: Period
    now: int
    previous: PreviousBundle
    previous_results: PreviousResults | None = None
    clock: Clock | None = None
    """Tells when the reading ended; without it that is ``now``."""


def collect(request: Request, ledger: Ledger) -> Facts:
    """Return the facts of one run. New weights are noted in the ledger with their digests.

    Raises ``AuditError`` where a whole source cannot be asked; what cannot be read for one
    version is a fact about that version.
    """
    job, asked = request.job, request.facts
    # Files that the job names and that are not there end the run before anything is read.
    advisories = AdvisoryFiles(job.sources.advisories)
    trusted = Trusted(job.data.model_signing.keys, job.data.model_signing.certificates)
    read, observations = _observed(request, ledger)
    history = reconstruct(thinned(observations))
    registry = _turned_back(read, history, asked.as_of) if asked.as_of < request.now else read
    chosen = select(
        registry,
        request.period,
        asked.as_of,
        rule=asked.scope,
        include=asked.include,
        exclude=asked.exclude,
        held=holders(history, request.period.start, asked.as_of),
    )
    index = RegistryIndex(registry, Uses(registry, asked.as_of, job.sources.endpoints))
    artifacts = _Artifacts(job, trusted, index)
    weights = artifacts.watched(chosen.versions, ledger, request.now, asked.as_of)
    others = Recorders(job.sources, registry.runs, asked.as_of)
    with _repositories(job) as (sources, remotes):

        def facts_of(version: ModelVersion) -> VersionFacts:
            facts = artifacts.facts(version, weights.get(index.location(version)))
            return replace(facts, pipeline=join(facts.weights, facts.run, sources))

        versions = [facts_of(version) for version in chosen.versions]
        versions = _followed(versions, job, asked.as_of, sources, remotes)
        versions = with_twins(with_datasets(versions, remotes, job.data))
        asked_remotes = _to_be_asked(job, remotes).values()
        versions = with_since(versions, registry, sources, facts_of, asked_remotes)
        versions = [others.told(facts, sources) for facts in versions]
        # Last, as a repository's problems are those of all that was read of it.
        about = tuple(code.describe() for code in sources)
    versions, advisory_files = with_advisories(versions, advisories, asked.as_of)
    unregistered = index.unregistered(request.period)
    return Facts(
        job=asked,
        rules=request.rules,
        registry=replace(registry, versions=(), runs=(), logged_models=(), traces=()),
        previous=request.previous,
        previous_results=request.previous_results,
        repositories=about,
        versions=tuple(versions),
        scope_reasons=chosen.reasons,
        left_out=chosen.left_out,
        unregistered_runs=unregistered,
        recorders=others.about,
        recorded=others.records(request.period, versions, unregistered),
        # What was observed later than needed would make a report of the past another one.
        observations=thinned(until(observations, asked.as_of)),
        flags=standing(ledger, job.registry.uri, asked.as_of),
        advisory_files=advisory_files,
    )


class _Artifacts:
    """What stands at the storage locations of versions, each read once."""

    def __init__(self, job: JobFile, trusted: Trusted, index: RegistryIndex) -> None:
        self._index = index
        self._reader = ArtifactReader(
            mode=job.data.weights,
            cache=job.execute.cache,
            tracking_uri=job.registry.uri,
            trusted=trusted,
        )

    def watched(
        self, versions: Iterable[ModelVersion], ledger: Ledger, now: int, as_of: int
    ) -> dict[str, Weights]:
        """Return the weights of versions by location, held against those first seen there."""
        places = [self._index.location(version) for version in versions]
        return with_baseline(self._reader.read(places), ledger, now, as_of)

    def facts(self, version: ModelVersion, watched: Weights | None) -> VersionFacts:
        """Return a version's facts, but for what the repositories hold about it.

        A version out of scope, which another is compared with, is not ``watched``.
        """
        place = self._index.location(version)
        weights = watched or self._reader.read([place])[place]
        environment = self._reader.environments([place])[place]
        facts = self._index.facts(version, weights, environment)
        return replace(facts, model_signature=self._reader.signatures([place])[place])


@contextlib.contextmanager
def _repositories(job: JobFile) -> Iterator[tuple[list[CodeSource], dict[str, DataSource]]]:
    """Give the configured repositories, and the remotes of each by its name.

    Each is closed in the end, also where a later one cannot be opened.
    """
    rehash = Rehash(job.data.rehash, bytes_of(job.data.rehash_most), job.execute.cache)
    with contextlib.ExitStack() as closing:
        sources: list[CodeSource] = []
        remotes: dict[str, DataSource] = {}
        for entry in job.code:
            code, data = open_code(entry, job.execute.cache, rehash)
            closing.callback(code.close)
            sources.append(code)
            remotes[code.name] = data
        yield sources, remotes


def _to_be_asked(job: JobFile, remotes: dict[str, DataSource]) -> dict[str, DataSource]:
    """Return the remotes by repository, none where the job does not have them asked."""
    return remotes if job.data.remotes == "check" else {}


def _followed(
    versions: Sequence[VersionFacts],
    job: JobFile,
    as_of: int,
    sources: Sequence[CodeSource],
    remotes: dict[str, DataSource],
) -> list[VersionFacts]:
    """Return the versions with all that is found along their pipelines.

    Folders come first: they lead to further stages, of which all the others tell.
    """
    asked = _to_be_asked(job, remotes)
    found = with_members(versions, sources, asked)
    found = [with_stages(facts, sources, as_of) for facts in found]
    found = with_fresher(found, sources)
    return with_objects(found, asked) if job.data.remotes == "check" else found


def _observed(request: Request, ledger: Ledger) -> tuple[Registry, Observations]:
    """Read the registry, note what was found, and return both with all that is on record."""
    settings = request.job.registry
    registry = open_registry(settings.uri, settings.reader).read()
    ended = request.clock() if request.clock else request.now
    # An interim report is as of now: what this reading finds has to count as found by then.
    return registry, observe(registry, settings.uri, ledger, request.now, ended)


def _turned_back(registry: Registry, history: History, moment: int) -> Registry:
    """Return the registry as it stood at a moment, as it is where nothing was observed by then."""
    # What may have been done by then stays as it was read: it is not known to be later.
    then = state_at(history, moment, undecided=True)
    if then is None:
        return registry
    return as_of.at(registry, state_of(registry, registry.reader), then)
