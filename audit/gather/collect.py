"""One run's reading: registry, weights, repositories and remotes, put together as facts."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace

from audit.config import JobFile
from audit.facts import (
    Facts,
    JobFacts,
    Observations,
    PreviousBundle,
    PreviousResults,
    Registry,
    Rules,
)
from audit.gather import as_of
from audit.gather.baseline import with_baseline
from audit.gather.join import join
from audit.gather.objects import with_objects
from audit.gather.observe import observe
from audit.gather.recall import thinned, until
from audit.gather.registry import RegistryIndex
from audit.gather.scope import holders, select
from audit.history.model import History
from audit.history.moments import state_at
from audit.history.reconstruct import reconstruct
from audit.history.state import state_of
from audit.ledger import Ledger
from audit.period import Clock, Period
from audit.sources.artifacts.weights import ArtifactReader
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
    index = RegistryIndex(registry, asked.as_of)
    places = {version.key: index.location(version) for version in chosen.versions}
    artifacts = ArtifactReader(
        mode=job.data.weights, cache=job.execute.cache, tracking_uri=job.registry.uri
    )
    environments = artifacts.environments(places.values())
    weights = with_baseline(artifacts.read(places.values()), ledger, request.now, asked.as_of)
    with contextlib.ExitStack() as closing:
        repositories = [open_code(entry, job.execute.cache) for entry in job.code]
        sources = [code for code, _ in repositories]
        for code in sources:
            closing.callback(code.close)
        versions = []
        for version in chosen.versions:
            place = places[version.key]
            facts = index.facts(version, weights[place], environments[place])
            versions.append(replace(facts, pipeline=join(facts.weights, facts.run, sources)))
        if job.data.remotes == "check":
            versions = with_objects(
                versions, {code.describe().name: data for code, data in repositories}
            )
        about = tuple(code.describe() for code in sources)
    return Facts(
        job=asked,
        rules=request.rules,
        registry=replace(registry, versions=(), runs=(), logged_models=()),
        previous=request.previous,
        previous_results=request.previous_results,
        repositories=about,
        versions=tuple(versions),
        scope_reasons=chosen.reasons,
        left_out=chosen.left_out,
        unregistered_runs=index.unregistered(request.period),
        # What was observed later than needed would make a report of the past another one.
        observations=thinned(until(observations, asked.as_of)),
    )


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
