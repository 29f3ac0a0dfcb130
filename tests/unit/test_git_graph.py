"""Walks of the history, each against the plainest way to know the answer."""

from hypothesis import given
from hypothesis import strategies as st

from audit.sources.git.graph import CommitGraph


@st.composite
def histories(draw: st.DrawFn) -> dict[str, tuple[str, ...]]:
    """Draw commits with parents among the older ones, the newest first."""
    count = draw(st.integers(1, 12))
    parents = {}
    for number in range(count):
        older = [str(place) for place in range(number)]
        drawn = draw(st.lists(st.sampled_from(older), max_size=3, unique=True)) if older else []
        parents[str(number)] = tuple(drawn)
    return dict(reversed(parents.items()))


def _above(parents: dict[str, tuple[str, ...]], sha: str) -> set[str]:
    return {sha}.union(*(_above(parents, parent) for parent in parents[sha]))


@given(histories())
def test_commits_between(parents: dict[str, tuple[str, ...]]) -> None:
    graph = CommitGraph(parents)
    above = {sha: _above(parents, sha) for sha in parents}
    for before in parents:
        for after in parents:
            old, new = len(above[before] - above[after]), len(above[after] - above[before])
            assert graph.between(before, after) == (None if old and new else new - old)
    assert graph.between("0", "unknown") is None


@given(histories(), st.data())
def test_holders(parents: dict[str, tuple[str, ...]], data: st.DataObject) -> None:
    graph = CommitGraph(parents)
    tips = data.draw(st.lists(st.sampled_from(sorted(parents)), max_size=6))
    found = graph.holders(tips, most=3)
    for sha in parents:
        held = [number for number, tip in enumerate(tips) if sha in _above(parents, tip)]
        assert list(found.get(sha, ())) == held[:3]


@given(histories())
def test_a_shallow_history_ends_where_it_ends(parents: dict[str, tuple[str, ...]]) -> None:
    oldest = next(reversed(parents))
    graph = CommitGraph({**parents, oldest: ("beyond",)})
    for sha in parents:
        assert graph.between(oldest, sha) is None or graph.between(oldest, sha) >= 0
    assert oldest in graph.reach([oldest])
