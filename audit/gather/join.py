"""The join by content: from the bytes of a version's artifacts to the data that made them.

The digest of the weights, recomputed now, is looked up among all outs in the history of
the configured repositories. Only the file that is the weights decides, or a folder that
holds it: another one (an encoder, a list of labels) may equal an out that says nothing of
them. Where several states put out the same bytes, the ones that agree with the run's
parameters are kept. If those that remain lead to different data, nothing is attributed: a
wrong answer is worse than none. Nor is it where the stage only copied the bytes, or where
a further file of the model is in none of the locks that the others lead to.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from audit.facts import ArtifactFile, Match, MatchMethod, Pipeline, Run, StageState, Weights
from audit.gather.standing import beside, not_whole, tagged_commit
from audit.gather.twins import DESCRIPTIONS
from audit.gather.upstream import compared, followed
from audit.sources import CodeSource
from audit.sources.dvc.lineage import maker_of, raw_of
from audit.sources.dvc.match import AMBIGUOUS, names_model, names_weights

_WRAPPER = "python_model.pkl"
"""What MLflow pickles around a model that it does not know; smaller than that, it is no model."""
_BESIDE = DESCRIPTIONS | {"registered_model_meta"}
"""Files that are never the weights, whatever their size: MLflow's own, and signatures."""


@dataclass(frozen=True, slots=True)
class _Found:
    """A match, with the closure of states behind it and the source that answered."""

    match: Match
    states: tuple[StageState, ...]
    source: CodeSource

    @property
    def raw(self) -> frozenset[str]:
        """Digests of the data at the start of the closure."""
        return raw_of(self.states)


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
    source, states, doubted = _certain(found, sha)
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
    found: _Found, tagged: str
) -> tuple[CodeSource, tuple[StageState, ...], dict[str, str]]:
    """Return the states that certainly stand behind the weights, and what is in doubt."""
    source, states = found.source, found.states
    doubted = source.doubts(states, found.match.commit, tagged)
    if not doubted:
        return source, states, {}
    kept, waiting = {states[0].id: states[0]}, [states[0]]
    for state in waiting:
        for dep in state.deps:
            maker = maker_of(states, state, dep) if dep.digest not in doubted else None
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
        named = [(source, state) for source in sources for state in _stages(source, digest)]
        made = {s.id for _, s in named if all(dep.digest != digest for dep in s.deps)}
        if named and not made:
            return None, f"a stage put out exactly these bytes and read them too: {digest}"
        found = [
            _closure(source, state, tagged, params, artifact, digest)
            for source in sources
            for state in source.agreeing(
                [state for known, state in named if known is source and state.id in made],
                params,
                tagged,
            )
        ]
        if not found:
            continue
        if len({item.raw for item in found}) > 1:
            reason = (
                f"{len(found)} stage states with different data put out exactly these bytes "
                f"({artifact} {digest})"
            )
            return None, reason
        other = _unexplained(weights, artifact, found[0].states)
        if other:
            reason = (
                f"{artifact} is the out of a stage, but no stage behind it put out {other}, "
                "another file of the model"
            )
            return None, reason
        return found[0], ""
    return None, ""


def _unexplained(weights: Weights, artifact: str, states: Sequence[StageState]) -> str:
    """Return another file of the model that the stages behind one did not put out, or ``""``."""
    matched = next((file.bytes for file in weights.files if file.path == artifact), None)
    outs = {out.digest for state in states for out in state.outs}
    for file in _models(weights):
        if file.path == artifact or file.path.startswith(f"{artifact}/") or artifact == ".":
            continue
        wrapper = posixpath.basename(file.path) == _WRAPPER
        if wrapper and (matched is None or file.bytes < matched):
            continue
        if file.bytes and outs.isdisjoint({file.md5, file.md5_dos2unix}):
            return file.path
    return ""


def _models(weights: Weights) -> list[ArtifactFile]:
    """Return the files that may be the weights: by their names, else the largest of all."""
    files = [file for file in weights.files if file.path not in _BESIDE]
    models = [file for file in files if names_weights(file.path)]
    return models or sorted(files, key=lambda file: (-file.bytes, file.path))[:1]


def _stages(source: CodeSource, digest: str) -> list[StageState]:
    return [state for state in source.states_with_out(digest) if state.stage]


def _artifacts(weights: Weights) -> Iterator[tuple[str, str]]:
    """Yield path and digest of what stands for the weights: their file, and folders around it.

    That is the largest file whose name is that of a model, else the largest of all. Another
    file that a stage put out (an encoder, a vocabulary) says nothing of the weights, nor does
    an empty one.
    """
    models = _models(weights)
    named = [file for file in models if names_model(file.path)]
    largest = min(named or models, key=lambda file: (-file.bytes, file.path), default=None)
    if largest is None or not largest.bytes:
        return
    for folders in (weights.directories, weights.directories_dos2unix):
        for path, digest in sorted(folders.items()):
            if path == "." or largest.path.startswith(f"{path}/"):
                yield path, digest
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
        elif answer.endswith(AMBIGUOUS):
            return None
    if len(answers) != 1:
        return None
    source, state, match = answers[0]
    commit = source.lock_commit(state, tagged)
    return _Found(replace(match, commit=commit), source.upstream(state, commit), source)
