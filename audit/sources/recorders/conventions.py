"""Tags and parameters by which teams name their data, held against what DVC and git know.

There is no standard: the patterns of keys are the job file's. A value that is a digest of the
DVC history, or a commit of it, is known; one that the version's lineage holds is used.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from audit.facts import DeclaredDigest, MatchMethod, Pipeline, VersionFacts
from audit.sources import CodeSource

_DIGEST = re.compile(r"(?:md5:)?([0-9a-f]{32}(?:\.dir)?)")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_SPEAKS_OF_DATA = re.compile(r"data.*(?:md5|hash|digest)", re.IGNORECASE)
_MAX_VALUE = 300
_MOST = 50
_OWN = ("mlflow.", "mlflow_audit.", "mlflow_exim.", "mlflow_export_import.")


def declared_digests(
    facts: VersionFacts, patterns: Sequence[str], sources: Sequence[CodeSource]
) -> tuple[DeclaredDigest, ...]:
    """Return what a version's tags and parameters say of its data, at most fifty of them.

    A pattern has to match a whole key, in either case. Keys that MLflow, this tool or
    mlflow-export-import write are no convention of a team.
    """
    wanted = [re.compile(pattern, re.IGNORECASE) for pattern in patterns]
    run = facts.run
    places: tuple[tuple[str, Mapping[str, str]], ...] = (
        ("run tag", run.tags if run else {}),
        ("run param", run.params if run else {}),
        ("version tag", facts.version.tags),
    )
    found = []
    for on, values in places:
        for key, value in sorted(values.items()):
            if key.startswith(_OWN) or not any(pattern.fullmatch(key) for pattern in wanted):
                continue
            found.append(_judged(key, value.strip(), on, facts.pipeline, sources))
    return tuple(found[:_MOST])


def _judged(
    key: str, value: str, on: str, pipeline: Pipeline, sources: Sequence[CodeSource]
) -> DeclaredDigest:
    digest = _DIGEST.fullmatch(value.lower())
    if digest:
        places = set(_places(digest[1], sources))
        paths = sorted({path for _, path in places})
        used = digest[1] in _lineage(pipeline)
        against = "" if used else _contradicted(key, places, pipeline, sources)
        known = ", ".join(paths[:3]) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")
        return DeclaredDigest(key, value, on, known, used, against)
    if _COMMIT.fullmatch(value.lower()):
        held = (commit for source in sources if (commit := source.commit(value.lower())))
        commit = next(held, None)
        if commit is not None:
            shas = {item.sha for item in pipeline.commits}
            shas |= {pipeline.tagged.sha} if pipeline.tagged else set()
            known = f"commit of {commit.repository}" if commit.repository else "commit"
            return DeclaredDigest(key, value, on, known, commit.sha in shas)
    return DeclaredDigest(key, value[:_MAX_VALUE], on)


def _places(digest: str, sources: Sequence[CodeSource]) -> Iterator[tuple[str, str]]:
    """Yield every repository and path that has a digest somewhere in its history."""
    for source in sources:
        for state in source.states_with_out(digest):
            yield from ((state.repository, out.path) for out in state.outs if out.digest == digest)


def _lineage(pipeline: Pipeline) -> dict[str, str]:
    """Return the digests of a version's lineage with a path of each."""
    return {
        tracked.digest: tracked.path
        for state in pipeline.states
        for tracked in (*state.deps, *state.outs)
        if tracked.digest
    }


def _contradicted(
    key: str, places: set[tuple[str, str]], pipeline: Pipeline, sources: Sequence[CodeSource]
) -> str:
    """Return the content that the weights were made from where a tag names another of that file.

    Only where nothing else is possible: the key speaks of data, the digest is known in one
    place, of the repository that the weights come from, none of their data is in doubt, and
    their bytes are the out of one stage state in all of the history.
    """
    by_bytes = [match for match in pipeline.matches if match.method is MatchMethod.BYTES]
    if not _SPEAKS_OF_DATA.search(key) or len(places) != 1 or pipeline.doubted:
        return ""
    if not by_bytes or len({match.state for match in pipeline.matches}) != 1:
        return ""
    ((repository, path),) = places
    makers = [state for source in sources for state in source.states_with_out(by_bytes[0].digest)]
    used = {digest for digest, of in _lineage(pipeline).items() if of == path}
    if [state.repository for state in makers] != [repository] or len(used) != 1:
        return ""
    return f"{path}@{next(iter(used))}"
