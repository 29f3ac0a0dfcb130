"""The join by content: from the bytes of a version's artifacts to the data that made them.

The digests of the artifacts, recomputed now, are looked up among all outs in the history
of the configured repositories. Only the largest artifact that is found decides: small
files (an input example, a list of requirements) may equal an out that has nothing to do
with training. Where several states put out the same bytes, the ones that agree with the
run's parameters are kept, then the one whose lock stands at the tagged commit. If those
that remain lead to different data, nothing is attributed: a wrong answer is worse than
none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from audit.facts import Commit, CommitState, Match, MatchMethod, Pipeline, Run, StageState, Weights
from audit.sources import CodeSource
from audit.sources.git.store import is_sha

COMMIT_TAG = "mlflow.source.git.commit"
_MLFLOW_FILES = frozenset(
    {"MLmodel", "conda.yaml", "python_env.yaml", "requirements.txt", "registered_model_meta"}
    | {"input_example.json", "serving_input_example.json"}
)


@dataclass(frozen=True, slots=True)
class _Found:
    """A match, with the closure of states behind it and the source that answered."""

    match: Match
    states: tuple[StageState, ...]
    source: CodeSource

    @property
    def raw(self) -> frozenset[str]:
        """Digests of the data at the start of the closure."""
        made = {out.digest for state in self.states if state.stage for out in state.outs}
        used = {dep.digest for state in self.states if state.stage for dep in state.deps}
        return frozenset(used - made)


def join(weights: Weights, run: Run | None, sources: Sequence[CodeSource]) -> Pipeline:
    """Return what the repositories hold about one version, but for its data objects."""
    tagged = tagged_commit(run, sources)
    if not weights.read:
        return Pipeline(tagged=tagged)
    sha = tagged.sha if tagged else ""
    found, reason = _by_bytes(weights, run, sha, sources)
    if found is None and not reason and run is not None:
        found = _by_parameters(run, sha, sources)
    if found is None:
        return Pipeline(tagged=tagged, problems=(reason,) if reason else _not_whole(sources))
    source, states = found.source, found.states
    at = dict.fromkeys((found.match.commit, *((sha,) if sha else ())))
    tree = [item for commit in at for state in states for item in source.compare(state, commit)]
    proved = {(item.path, item.lock_digest) for item in tree if item.equal}
    for state in states:
        # A stage that did not run again may have its code in the commit that first ran it only.
        if any((dep.path, dep.digest) not in proved for dep in state.deps):
            tree += [item for commit in state.commits[:1] for item in source.compare(state, commit)]
    shas = dict.fromkeys(
        [found.match.commit, *(item.commit for item in tree), *(s.commits[0] for s in states)]
    )
    return Pipeline(
        matches=(found.match,),
        states=states,
        tagged=tagged,
        commits=tuple(commit for name in shas if name and (commit := source.commit(name))),
        tree=tuple(dict.fromkeys(tree)),
    )


def tagged_commit(run: Run | None, sources: Sequence[CodeSource]) -> Commit | None:
    """Return the commit that the run's tag names, wherever it stands; ``None`` without a tag."""
    sha = run.tags.get(COMMIT_TAG, "") if run else ""
    if not sha:
        return None
    if not is_sha(sha):
        return Commit(sha, CommitState.MALFORMED)
    for source in sources:
        commit = source.commit(sha)
        if commit is not None:
            return commit
    whole = bool(sources) and not _not_whole(sources)
    return Commit(sha, CommitState.MISSING if whole else CommitState.NOT_CHECKABLE)


def _not_whole(sources: Sequence[CodeSource]) -> tuple[str, ...]:
    """Return why the repositories cannot rule something out; empty if they can."""
    if not sources:
        return ("no repository is configured",)
    reasons = []
    for about in (source.describe() for source in sources):
        if not about.readable:
            reasons.append(f"the repository {about.name} could not be read: {about.reason}")
        elif about.shallow or about.partial:
            kind = "shallow" if about.shallow else "partial"
            reasons.append(f"the repository {about.name} is a {kind} clone")
    return tuple(reasons)


def _by_bytes(
    weights: Weights, run: Run | None, tagged: str, sources: Sequence[CodeSource]
) -> tuple[_Found | None, str]:
    """Return the state that put out the largest artifact that any lock names, or a reason."""
    params = run.params if run else {}
    for artifact, digest in _artifacts(weights):
        found = [
            _closure(source, state, tagged, params, artifact, digest)
            for source in sources
            for state in source.agreeing(_stages(source, digest), params, tagged)
        ]
        if not found:
            continue
        if len({item.raw for item in found}) > 1:
            reason = (
                f"{len(found)} stage states with different data put out exactly these bytes "
                f"({artifact} {digest})"
            )
            return None, reason
        return found[0], ""
    return None, ""


def _stages(source: CodeSource, digest: str) -> list[StageState]:
    return [state for state in source.states_with_out(digest) if state.stage]


def _artifacts(weights: Weights) -> Iterator[tuple[str, str]]:
    """Yield path and digest of what may be an out of a stage: folders, then files by size."""
    yield from sorted(weights.directories.items())
    yield from sorted(weights.directories_dos2unix.items())
    files = [file for file in weights.files if file.path not in _MLFLOW_FILES]
    for file in sorted(files, key=lambda file: (-file.bytes, file.path)):
        yield file.path, file.md5
        if file.md5_dos2unix:
            yield file.path, file.md5_dos2unix


def _closure(
    source: CodeSource,
    state: StageState,
    tagged: str,
    params: dict[str, str],
    artifact: str,
    digest: str,
) -> _Found:
    commit = source.lock_commit(state, tagged)
    out = next(out.path for out in state.outs if out.digest == digest)
    match = Match(
        state=state.id,
        method=MatchMethod.BYTES,
        commit=commit,
        out=out,
        artifact=artifact,
        digest=digest,
        differs=source.differences(state, params),
    )
    return _Found(match, source.upstream(state, commit), source)


def _by_parameters(run: Run, tagged: str, sources: Sequence[CodeSource]) -> _Found | None:
    """Return the one state that the run's parameters and metrics lead to, if there is one."""
    answers = []
    for source in sources:
        answer = source.infer(run.params, run.metrics)
        if not isinstance(answer, str):
            answers.append((source, *answer))
    if len(answers) != 1:
        return None
    source, state, match = answers[0]
    commit = source.lock_commit(state, tagged)
    return _Found(replace(match, commit=commit), source.upstream(state, commit), source)
