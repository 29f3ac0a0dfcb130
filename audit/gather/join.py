"""The join by content: from the bytes of a version's artifacts to the data that made them.

The digest of the weights, recomputed now, is looked up among all outs in the history of
the configured repositories. Only the file that is the weights decides, or a folder that
holds it: another one (an encoder, a list of labels) may equal an out that says nothing of
them. Where several states put out the same bytes, the ones that agree with the run's
parameters are kept, then the one whose lock stands at the tagged commit. If those that
remain lead to different data, nothing is attributed: a wrong answer is worse than none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from audit.facts import Match, MatchMethod, Pipeline, Run, StageState, Weights
from audit.gather.standing import beside, not_whole, tagged_commit
from audit.gather.upstream import compared, followed
from audit.sources import CodeSource
from audit.sources.dvc.match import names_model

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
        return Pipeline(tagged=tagged, problems=(reason,) if reason else not_whole(sources))
    source, states, doubted = _certain(found, run, sha)
    at = dict.fromkeys((found.match.commit, *((sha,) if sha else ())))
    tree = compared(source, states, at)
    shas = dict.fromkeys(
        [found.match.commit, *(item.commit for item in tree), *(s.commits[0] for s in states)]
    )
    pipeline = Pipeline(
        matches=(found.match,),
        states=states,
        tagged=beside(tagged, source, states[0].repository),
        commits=tuple(commit for name in shas if name and (commit := source.commit(name))),
        tree=tuple(dict.fromkeys(tree)),
        doubted=doubted,
        distance=source.commits_between(sha, found.match.commit) if sha else None,
        declared=source.never_run(states[0], found.match.commit),
    )
    return followed(pipeline, sources)


def _certain(
    found: _Found, run: Run | None, tagged: str
) -> tuple[CodeSource, tuple[StageState, ...], dict[str, str]]:
    """Return the states that certainly stand behind the weights, and what is in doubt.

    A run whose tag names a commit before the lock's was followed by that very commit. One on
    the lock's own commit, or without a tag, may have read what was committed later.
    """
    source, states = found.source, found.states
    if tagged and found.match.commit != tagged:
        return source, states, {}
    doubted = source.doubts(states, found.match.commit, run.started_at if run else None)
    if not doubted:
        return source, states, {}
    made = {out.digest: state for state in reversed(states) for out in state.outs}
    kept, waiting = {states[0].id: states[0]}, [states[0]]
    for state in waiting:
        for dep in state.deps:
            maker = made.get(dep.digest) if dep.digest not in doubted else None
            if maker is not None and maker.id not in kept:
                kept[maker.id] = maker
                waiting.append(maker)
    return source, tuple(kept.values()), doubted


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
    """Yield path and digest of what stands for the weights: their file, and folders around it.

    That is the largest file whose name is that of a model, else the largest of all. Another
    file that a stage put out (an encoder, a vocabulary) says nothing of the weights.
    """
    files = [file for file in weights.files if file.path not in _MLFLOW_FILES]
    models = [file for file in files if names_model(file.path)]
    largest = min(models or files, key=lambda file: (-file.bytes, file.path), default=None)
    for folders in (weights.directories, weights.directories_dos2unix):
        for path, digest in sorted(folders.items()):
            if path == "." or largest is None or largest.path.startswith(f"{path}/"):
                yield path, digest
    if largest is not None:
        yield largest.path, largest.md5
        if largest.md5_dos2unix:
            yield largest.path, largest.md5_dos2unix


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
