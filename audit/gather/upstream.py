"""``dvc import`` followed into the repository that it came from, where that is configured.

An import names an address, a commit and a path. Which configured clone is meant is told by
the commit, which is a digest of all that it holds; the address decides where several hold
it, and names the repository where none does. What the commit has at the path must carry
the digest that was imported, or nothing behind it is joined.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Sequence
from dataclasses import replace

from audit.facts import CodeDigest, Import, Pipeline, StageState, UpstreamHolds
from audit.gather.standing import not_whole, place
from audit.sources import CodeSource
from audit.sources.addresses import local_path
from audit.sources.dvc.elsewhere import Wanted, wanted
from audit.sources.dvc.lineage import raw_of

_MOST = 200
"""Imports of one version that are followed."""


def followed(pipeline: Pipeline, sources: Sequence[CodeSource]) -> Pipeline:
    """Return a version's pipeline with what its imports, and theirs in turn, came from."""
    done = {item.state for item in pipeline.imports}
    waiting = list(pipeline.states)
    for state in waiting:
        asked = wanted(state) if state.id not in done else None
        if asked is None or len(pipeline.imports) >= _MOST:
            continue
        item, source, states = _follow(state, asked, sources)
        pipeline = replace(pipeline, imports=(*pipeline.imports, item))
        if source is not None and states:
            known = {state.id for state in pipeline.states}
            waiting += [state for state in states if state.id not in known]
            pipeline = grown(pipeline, source, states, (asked.revision,))
    return pipeline


def grown(
    pipeline: Pipeline, source: CodeSource, states: Iterable[StageState], at: Sequence[str]
) -> Pipeline:
    """Return a pipeline with further states of a repository, their code and their commits.

    ``at`` are the commits that their dependencies are compared with.
    """
    known = {state.id for state in pipeline.states}
    new = [state for state in states if state.id not in known]
    tree = compared(source, new, at)
    held = {commit.sha for commit in pipeline.commits}
    shas = dict.fromkeys(
        [*at, *(item.commit for item in tree), *(sha for s in new for sha in s.commits[:1])]
    )
    found = [source.commit(sha) for sha in shas if sha and sha not in held]
    return replace(
        pipeline,
        states=(*pipeline.states, *new),
        tree=tuple(dict.fromkeys((*pipeline.tree, *tree))),
        commits=(*pipeline.commits, *(commit for commit in found if commit is not None)),
    )


def compared(
    source: CodeSource, states: Sequence[StageState], at: Iterable[str]
) -> list[CodeDigest]:
    """Return the dependencies of states against commits, and against those that first had them."""
    tree = [item for commit in at for state in states for item in source.compare(state, commit)]
    proved = {(item.path, item.lock_digest) for item in tree if item.equal}
    for state in states:
        # A stage that did not run again may have its code in the commit that first ran it only.
        if any((dep.path, dep.digest) not in proved for dep in state.deps):
            tree += [item for commit in state.commits[:1] for item in source.compare(state, commit)]
    return tree


def _follow(
    state: StageState, asked: Wanted, sources: Sequence[CodeSource]
) -> tuple[Import, CodeSource | None, tuple[StageState, ...]]:
    """Return what became of an import, and the states upstream that it certainly came from."""
    item = Import(
        state.id,
        asked.address,
        asked.revision,
        asked.path,
        file=state.file,
        imported=asked.out.digest,
    )
    home = next((source for source in sources if source.name == state.repository), None)
    address = _address(asked.address, home)
    named = [
        source
        for source in sources
        if address and any(_place(known) == address for known in source.addresses)
    ]
    if not asked.revision:
        return replace(item, reason="the import is not locked to a commit"), None, ()
    source = next((s for s in (*named, *sources) if s.commit(asked.revision) is not None), None)
    if source is None and not named:
        return replace(item, reason="its repository is not among the configured ones"), None, ()
    if source is None:
        item = replace(item, repository=named[0].name)
        if reasons := not_whole(named):
            return replace(item, reason="; ".join(reasons)), None, ()
        reason = "the commit is not in the configured clone, which is whole"
        return replace(item, held=UpstreamHolds.NO_COMMIT, reason=reason), None, ()
    found = source.imported(asked)
    item = replace(
        item,
        repository=source.name,
        digest=found.digest,
        held=found.holds,
        reason=found.reason,
        upstream=found.state.id if found.state is not None else "",
    )
    if found.state is None or found.digest != asked.out.digest:
        # Only that the path leads into a folder is known, or it had another content.
        return replace(item, upstream=""), source, ()
    states = source.upstream(found.state, asked.revision)
    if other := _imported_otherwise(state, asked, states, sources):
        reason = (
            f"the same content was imported from {other[:10]} as well, where other data is behind "
            "it, and nothing tells which import was used"
        )
        item, states = replace(item, upstream="", digest="", reason=reason), ()
    return item, source, states


def _imported_otherwise(
    state: StageState,
    asked: Wanted,
    states: Sequence[StageState],
    sources: Sequence[CodeSource],
) -> str:
    """Return a commit that the same content was imported from too, made from other data there.

    An import that is updated may bring the very same bytes: the lock of a stage that used
    them does not change, and does not say from which of the two it was.
    """
    home = next((source for source in sources if source.name == state.repository), None)
    raw = raw_of(states)
    for other in home.states_with_out(asked.out.digest) if home is not None else ():
        also = wanted(other) if not other.stage else None
        if also is None or also.revision in ("", asked.revision):
            continue
        source = next((s for s in sources if s.commit(also.revision) is not None), None)
        found = source.imported(also) if source is not None else None
        if source is None or found is None or found.state is None:
            continue
        if raw_of(source.upstream(found.state, also.revision)) != raw:
            return also.revision
    return ""


def _address(address: str, home: CodeSource | None) -> str:
    """Return the comparable form of an import's address; a relative path is meant from home."""
    folder = local_path(address)
    if folder is not None and not folder.is_absolute() and home is not None:
        folders = [known for known in home.addresses if posixpath.isabs(known)]
        address = posixpath.join(folders[0], address) if folders else address
    return _place(address)


def _place(address: str) -> str:
    try:
        return place(address)
    except ValueError:
        return ""
