"""What changed from the version before: code, parameters, data, schema, environment.

The version before is that of the next lower number of the same model of which anything can
still be read. What is not known of one of the two is said, never taken for equal or other.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from audit.facts import (
    Commit,
    CommitState,
    FileChange,
    ModelVersion,
    Pipeline,
    Registry,
    RunState,
    Since,
    ValueChange,
    VersionFacts,
)
from audit.gather.since_data import Whole, data_changes, unread
from audit.gather.since_schema import datasets_of, schema_of
from audit.sources import CodeSource, DataSource
from audit.sources.artifacts.requirements import package_of, without_name
from audit.sources.git.store import UnreadableError

_MOST_UNREADABLE = 20
"""So many versions in a row are looked at before it is said that none can be read."""
_HELD = frozenset({CommitState.REACHABLE, CommitState.OTHER_REF, CommitState.UNREACHABLE})
_DATA = "data set "
_NO_RUN = {
    RunState.NONE: "names no run",
    RunState.GONE: "has lost its run",
    RunState.NOT_VISIBLE: "has a run that this reader cannot see",
}


def with_since(
    versions: Sequence[VersionFacts],
    registry: Registry,
    sources: Sequence[CodeSource],
    read: Callable[[ModelVersion], VersionFacts],
    remotes: Iterable[DataSource] = (),
) -> list[VersionFacts]:
    """Return the versions with what changed since the one before each.

    ``remotes`` are asked for the lists of folders that the facts do not hold to their end.
    ``read`` returns the facts of a version that is not among them; it is asked only for
    those that are somebody's version before.
    """
    lines = defaultdict[tuple[str, str], list[ModelVersion]](list)
    for item in sorted(registry.versions, key=lambda item: -item.version):
        lines[item.workspace, item.model].append(item)
    known = {facts.version.key: facts for facts in versions}

    def facts_of(version: ModelVersion) -> VersionFacts:
        if version.key not in known:
            known[version.key] = read(version)
        return known[version.key]

    found = []
    for facts in versions:
        own = facts.version
        line = lines[own.workspace, own.model]
        first = bisect_right(line, -own.version, key=lambda item: -item.version)
        found.append(_before(line[first : first + _MOST_UNREADABLE], facts_of))
    both = [(item.facts, facts) for item, facts in zip(found, versions, strict=True) if item]
    code = CodeComparison(sources)
    code.ahead((before, after) for before, after in both if before is not None)
    data = tuple(remotes)

    def whole(folder: str) -> Mapping[str, str] | None:
        return next((files for source in data if (files := source.whole(folder)) is not None), None)

    return [
        replace(facts, since=_since(item, facts, code, whole)) if item else facts
        for item, facts in zip(found, versions, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class _Before:
    """The version before: the first of which anything is left, and what to say of that."""

    nearest: str
    facts: VersionFacts | None
    notes: tuple[str, ...] = ()


def _before(
    earlier: Sequence[ModelVersion], facts_of: Callable[[ModelVersion], VersionFacts]
) -> _Before | None:
    notes = []
    for version in earlier:
        facts = facts_of(version)
        if _says_something(facts):
            if version.deleted:
                notes.append(f"{_named(facts)} has been deleted; what is left of it is compared.")
            return _Before(earlier[0].key, facts, tuple(notes))
        gone = "was deleted, and nothing" if version.deleted else "is there, but nothing"
        notes.append(f"{_named(facts)} {gone} of it can be read.")
    return _Before(earlier[0].key, None, tuple(notes)) if earlier else None


def _since(item: _Before, after: VersionFacts, code: CodeComparison, whole: Whole) -> Since:
    if item.facts is None:
        return Since(version=item.nearest, unknown=item.notes)
    return compared(item.facts, after, code, item.notes, whole)


def _says_something(facts: VersionFacts) -> bool:
    return facts.run is not None or facts.weights.read or bool(facts.environment.sources)


def compared(
    before: VersionFacts,
    after: VersionFacts,
    code: CodeComparison,
    notes: Iterable[str] = (),
    whole: Whole = unread,
) -> Since:
    """Return what differs between two versions. ``notes`` come first among what is unknown."""
    unknown = list(notes)
    difference = code.difference(before, after, unknown)
    return Since(
        version=before.version.key,
        before=difference.before,
        after=difference.after,
        commits=difference.commits,
        files=difference.files,
        more_files=difference.more,
        params=_params(before, after, unknown),
        data=data_changes(before, after, unknown, whole),
        schema=_schema(before, after, unknown),
        environment=_environment(before, after, unknown),
        unknown=tuple(unknown),
    )


def _named(facts: VersionFacts) -> str:
    return f"Version {facts.version.version}"


def _values(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[ValueChange, ...]:
    """Return the names whose value is another one, in the order of ``before``, then ``after``."""
    return tuple(
        ValueChange(name, before.get(name, ""), after.get(name, ""))
        for name in dict.fromkeys((*before, *after))
        if before.get(name) != after.get(name)
    )


# --- the run, the schema, the environment ---------------------------------------------------


def _params(
    before: VersionFacts, after: VersionFacts, unknown: list[str]
) -> tuple[ValueChange, ...]:
    if before.run is None or after.run is None:
        facts = before if before.run is None else after
        why = _NO_RUN.get(facts.run_state, "has no run that could be read")
        unknown.append(f"Parameters cannot be compared: {_named(facts).lower()} {why}.")
        return ()
    first, second = (dict(sorted(run.params.items())) for run in (before.run, after.run))
    return _values(first, second)


def _schema(
    before: VersionFacts, after: VersionFacts, unknown: list[str]
) -> tuple[ValueChange, ...]:
    files = True
    for facts in (before, after):
        if not (facts.weights.read or facts.environment.sources or facts.environment.signature):
            name = _named(facts).lower()
            unknown.append(f"Model signatures cannot be compared: that of {name} was not read.")
            files = False
    first, second = (schema_of(facts, files=files) for facts in (before, after))
    if before.run is None or after.run is None:
        return tuple(item for item in _values(first, second) if not item.name.startswith(_DATA))
    old, new = (datasets_of(facts) for facts in (before, after))
    # Of a data set that only one of the two has, its columns say nothing more.
    alone = old.keys() ^ new.keys()
    sets = tuple(item for item in _values(old, new) if item.name in alone)
    columns = (
        item for item in _values(first, second) if item.name.rpartition(", column ")[0] not in alone
    )
    return (*columns, *sets)


def _environment(
    before: VersionFacts, after: VersionFacts, unknown: list[str]
) -> tuple[ValueChange, ...]:
    for facts in (before, after):
        if not facts.environment.sources:
            name = _named(facts).lower()
            unknown.append(f"The environment cannot be compared: none is recorded for {name}.")
            return ()
    return _values(_packages(before), _packages(after))


def _packages(facts: VersionFacts) -> dict[str, str]:
    """Return ``python`` and packages with their exact versions, else with what the line says."""
    found = defaultdict[str, list[str]](list)
    for line in sorted(facts.environment.packages):
        name, version = package_of(line)
        found[name].append(version or without_name(line, name))
    python = {"python": facts.environment.python} if facts.environment.python else {}
    return python | {name: "; ".join(found[name]) for name in sorted(found)}


# --- the code ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Difference:
    before: str = ""
    after: str = ""
    commits: int | None = None
    files: tuple[FileChange, ...] = ()
    more: int = 0


class CodeComparison:
    """Compares commits of the configured repositories, each pair once."""

    def __init__(self, sources: Iterable[CodeSource]) -> None:
        self._sources = {source.name: source for source in sources}
        self._pairs: dict[tuple[str, str, str], _Difference | str] = {}

    def ahead(self, pairs: Iterable[tuple[VersionFacts, VersionFacts]]) -> None:
        """Compare the commits of many pairs of versions at once, to be asked for later."""
        wanted = defaultdict[str, list[tuple[str, str]]](list)
        for before, after in pairs:
            first, second = _commits(before.pipeline, after.pipeline)
            if first and second and first.sha != second.sha and self._held(first, second):
                wanted[first.repository].append((first.sha, second.sha))
        for repository, commits in wanted.items():
            source = self._sources[repository]
            for (old, new), (files, more) in source.changed_in_pairs(commits).items():
                between = source.commits_between(old, new)
                self._pairs[repository, old, new] = _Difference(old, new, between, files, more)

    def _held(self, *commits: Commit) -> bool:
        """Whether the commits are in one repository that can be asked."""
        return len({commit.repository for commit in commits}) == 1 and all(
            commit.state in _HELD and commit.repository in self._sources for commit in commits
        )

    def difference(
        self, before: VersionFacts, after: VersionFacts, unknown: list[str]
    ) -> _Difference:
        """Return how the code of two versions differs, and say in ``unknown`` what is not."""
        first, second = _commits(before.pipeline, after.pipeline)
        if first is None or second is None:
            name = _named(before if first is None else after).lower()
            unknown.append(f"The code cannot be compared: no commit is known for {name}.")
            return _Difference()
        known = _Difference(first.sha, second.sha)
        for commit, facts in ((first, before), (second, after)):
            if commit.state not in _HELD or commit.repository not in self._sources:
                unknown.append(
                    f"The code cannot be compared: the commit of {_named(facts).lower()} is in "
                    "no configured repository that can be read."
                )
                return known
        if first.repository != second.repository:
            unknown.append(
                "The code cannot be compared: the commits are of two repositories, "
                f"{first.repository} and {second.repository}."
            )
            return known
        answer = self._pair(first.repository, first.sha, second.sha)
        if isinstance(answer, str):
            unknown.append(f"The code cannot be compared: {answer}.")
            return known
        return answer

    def _pair(self, repository: str, before: str, after: str) -> _Difference | str:
        if before == after:
            return _Difference(before, after, 0)
        key = (repository, before, after)
        if key not in self._pairs:
            source = self._sources[repository]
            try:
                files, more = source.changed_files(before, after)
                between = source.commits_between(before, after)
                self._pairs[key] = _Difference(before, after, between, files, more)
            except UnreadableError as error:
                self._pairs[key] = str(error).rstrip(".")
        return self._pairs[key]


def _commits(before: Pipeline, after: Pipeline) -> tuple[Commit | None, Commit | None]:
    """Return the commits to compare: both that hold the locks, else both that are tagged.

    Like is compared with like where that is possible: the tagged commit may be the parent
    of the one that holds the lock.
    """
    locks, tagged = (_lock(before), _lock(after)), (before.tagged, after.tagged)
    if all(locks):
        return locks
    if all(tagged):
        return tagged
    return locks[0] or tagged[0], locks[1] or tagged[1]


def _lock(pipeline: Pipeline) -> Commit | None:
    sha = next((match.commit for match in pipeline.matches if match.commit), "")
    return next((commit for commit in pipeline.commits if sha and commit.sha == sha), None)
