"""What changed since the version before: compared fact by fact, and told in words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.gitrepo import GitRepo
from support.subjects import good_version, md5, subject_for

from audit.config import Code
from audit.controls.registry import VersionSubject
from audit.facts import (
    Commit,
    CommitState,
    DatasetInput,
    FileChange,
    FolderList,
    ModelVersion,
    Pipeline,
    Registry,
    RunState,
    Since,
    TrackedPath,
    ValueChange,
    VersionFacts,
    Weights,
)
from audit.gather.since import CodeComparison, compared, with_since
from audit.gather.since_data import MAX_MEMBERS
from audit.report import since as words
from audit.sources.repositories import open_code

SIGNATURE = '{"inputs": [{"name": "x", "type": "double", "required": true}], "outputs": [%s]}'


def facts(**given: Any) -> VersionFacts:
    """The good version with changes; ``__`` in a name stands for a dot."""
    paths = {f"facts.{name.replace('__', '.')}": value for name, value in given.items()}
    subject = subject_for("version", paths)
    assert isinstance(subject, VersionSubject)
    return subject.facts


def difference(before: VersionFacts, after: VersionFacts) -> Since:
    return compared(before, after, CodeComparison([]))


def pairs(found: tuple[ValueChange, ...]) -> list[tuple[str, str, str]]:
    return [(item.name, item.before, item.after) for item in found]


# --- the run, the schema, the environment ---------------------------------------------------


def test_parameters_by_name() -> None:
    found = difference(
        facts(run__params={"C": "0.5", "old": "1", "same": "2"}),
        facts(run__params={"C": "1.0", "same": "2", "new": "x"}),
    )
    assert pairs(found.params) == [("C", "0.5", "1.0"), ("old", "1", ""), ("new", "", "x")]


def test_without_a_run_parameters_are_unknown_and_not_gone() -> None:
    without = replace(good_version(), run=None, run_state=RunState.GONE)
    for sides in ((without, good_version()), (good_version(), without)):
        found = difference(*sides)
        assert found.params == ()
        assert "Parameters cannot be compared: version 3 has lost its run." in found.unknown


def test_columns_of_the_signature_and_of_data_sets() -> None:
    one, two = '{"type": "long"}', '{"type": "tensor", "tensor-spec": {"dtype": "float32"}}'
    schema = '{"mlflow_colspec": [{"type": "float", "name": "amount"}]}'
    before = facts(environment__signature=SIGNATURE % one)
    after = facts(environment__signature=SIGNATURE % two, run__datasets__0__schema=schema)
    assert pairs(difference(before, after).schema) == [
        ("output 1", "long", "tensor of float32, shape null"),
        ("data set raw, column amount", "double", "float"),
        ("data set raw, column y", "long", ""),
    ]


def test_a_new_data_set_is_one_change_with_its_number_of_columns() -> None:
    after = good_version()
    assert after.run is not None
    other = DatasetInput("holdout", "99aa88bb", schema=after.run.datasets[0].schema)
    more = replace(after, run=replace(after.run, datasets=(*after.run.datasets, other)))
    assert pairs(difference(after, more).schema) == [("data set holdout", "", "2 columns")]
    assert pairs(difference(more, after).schema) == [("data set holdout", "2 columns", "")]


def test_a_signature_that_was_not_read_is_unknown() -> None:
    blind = facts(environment={"signature": ""}, weights={"reason": "bucket not reachable"})
    found = difference(facts(environment__signature=SIGNATURE % ""), blind)
    assert found.schema == ()
    assert "Model signatures cannot be compared: that of version 3 was not read." in found.unknown


def test_packages_by_exact_version_and_others_by_their_text() -> None:
    before = facts(
        environment__python="3.11.9",
        environment__packages=["Scikit_Learn==1.5.0", "numpy>=2", "gone==1", "same==1"],
    )
    after = facts(
        environment__python="3.12.1",
        environment__packages=["scikit-learn==1.5.2", "numpy", "same==1", "new==2"],
    )
    assert pairs(difference(before, after).environment) == [
        ("python", "3.11.9", "3.12.1"),
        ("gone", "1", ""),
        ("numpy", ">=2", "any version"),
        ("scikit-learn", "1.5.0", "1.5.2"),
        ("new", "", "2"),
    ]


def test_an_environment_that_is_not_recorded_is_unknown() -> None:
    found = difference(facts(environment={}), good_version())
    assert found.environment == ()
    assert "The environment cannot be compared: none is recorded for version 3." in found.unknown


# --- data -----------------------------------------------------------------------------------

RAW = "data/raw.csv"


def with_raw(digest: str, path: str = RAW, **more: Any) -> VersionFacts:
    """The good version, made from other raw data (of the state ``prepare``)."""
    good = good_version()
    train, prepare, tracked = good.pipeline.states
    dep = TrackedPath(path, digest, **more)
    states = (
        train,
        replace(prepare, deps=(dep, *prepare.deps[1:])),
        replace(tracked, outs=(dep,)),
    )
    return replace(good, pipeline=replace(good.pipeline, states=states))


def test_raw_data_by_content() -> None:
    (change,) = difference(with_raw(md5("a")), with_raw(md5("b"))).data
    assert (change.path, change.before, change.after) == (RAW, md5("a"), md5("b"))
    assert difference(with_raw(md5("a")), with_raw(md5("a"))).data == ()


def test_the_same_content_by_another_name_is_no_change() -> None:
    assert difference(with_raw(md5("a")), with_raw(md5("a"), "data/other.csv")).data == ()


def test_other_data_by_another_name_is_one_gone_and_one_added() -> None:
    found = difference(with_raw(md5("a")), with_raw(md5("b"), "data/other.csv")).data
    assert [(item.path, item.before, item.after) for item in found] == [
        ("data/other.csv", "", md5("b")),
        (RAW, md5("a"), ""),
    ]


def test_intermediate_data_and_code_are_no_raw_data() -> None:
    good = good_version()
    train, *others = good.pipeline.states
    prepared, code = train.deps
    other = replace(train, deps=(prepared, replace(code, digest=md5("other code"))))
    after = replace(good, pipeline=replace(good.pipeline, states=(other, *others)))
    assert difference(good, after).data == ()


def test_digests_of_two_kinds_are_not_compared() -> None:
    found = difference(with_raw(md5("a"), hash_name="md5-dos2unix"), with_raw(md5("b")))
    assert found.data == ()
    assert any("two kinds, md5-dos2unix and md5" in sentence for sentence in found.unknown)


def folder(name: str, *members: str, total: int | None = None, reason: str = "") -> FolderList:
    paths = tuple(TrackedPath(*member.split("=")) for member in members)
    count = len(paths) if total is None else total
    return FolderList(f"{md5(name)}.dir", "churn", None if reason else count, paths, reason)


def with_folder(*lists: FolderList) -> VersionFacts:
    found = with_raw(lists[0].digest, "data/images")
    return replace(found, pipeline=replace(found.pipeline, folders=lists))


def test_the_members_of_a_folder_that_differ_are_named() -> None:
    before = with_folder(folder("one", "a.png=1", "b.png=2", "c.png=3"))
    after = with_folder(folder("two", "a.png=1", "b.png=9", "d.png=4"))
    (change,) = difference(before, after).data
    assert [(member.path, member.change) for member in change.members] == [
        ("b.png", "changed"),
        ("c.png", "removed"),
        ("d.png", "added"),
    ]
    assert (change.more, change.reason) == (0, "")
    assert words.data_change(change) == "data/images changed (3 files in it)"


def test_of_many_members_the_first_are_named_and_the_rest_counted() -> None:
    many = [f"{number:03}.png={number}" for number in range(MAX_MEMBERS + 7)]
    (change,) = difference(with_folder(folder("one")), with_folder(folder("two", *many))).data
    assert (len(change.members), change.more) == (MAX_MEMBERS, 7)
    assert words.data_change(change) == "data/images changed (57 files in it)"


def test_a_list_that_the_facts_do_not_hold_to_its_end_is_asked_for() -> None:
    lists = {"one": {"a.png": "1", "b.png": "2"}, "two": {"a.png": "1", "b.png": "9"}}
    by_digest = {folder(name).digest: files for name, files in lists.items()}
    sides = (with_folder(folder("one", total=5000)), with_folder(folder("two", reason="Gone.")))
    found = compared(*sides, CodeComparison([]), whole=by_digest.get)
    assert found.data[0].members == (FileChange("b.png", "changed"),)


@pytest.mark.parametrize(
    ("lists", "reason"),
    [
        ((), "the list of its files before could not be read"),
        ((folder("one", reason="the remote holds no list"),), "the remote holds no list"),
        ((folder("one", "a=1", total=5000),), "is too long to be kept (5,000 files)"),
    ],
)
def test_members_that_are_not_known_have_a_reason(lists: Any, reason: str) -> None:
    before = replace(
        (bare := with_raw(folder("one").digest, "data/images")),
        pipeline=replace(bare.pipeline, folders=lists),
    )
    (change,) = difference(before, with_folder(folder("two", "a=2"))).data
    assert change.members == ()
    assert reason in change.reason


def test_without_a_pipeline_samples_are_compared_and_said_to_be_samples() -> None:
    before = replace(good_version(), pipeline=Pipeline())
    after = facts(run__datasets__0__digest="ffffffff")
    found = difference(before, after)
    assert [(item.path, item.before, item.after) for item in found.data] == [
        ("data set raw", "1a2b3c4d", "ffffffff")
    ]
    assert any("pipeline of version 3 is not known" in item for item in found.unknown)
    assert any("digests of samples" in item for item in found.unknown)


def test_doubt_of_where_data_came_from_is_said() -> None:
    doubted = with_raw(md5("a"))
    pipeline = replace(doubted.pipeline, doubted={md5("a"): "two commits tell it differently"})
    found = difference(replace(doubted, pipeline=pipeline), with_raw(md5("a")))
    told = f"What {RAW} of version 3 came from is in doubt: two commits tell it differently."
    assert told in found.unknown


# --- code -----------------------------------------------------------------------------------


def at(sha: str, state: CommitState = CommitState.REACHABLE) -> VersionFacts:
    """A version whose run names a commit, of which nothing else is known."""
    return replace(good_version(), pipeline=Pipeline(tagged=Commit(sha, state, "churn")))


def test_files_lines_and_commits_of_a_real_repository(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path / "churn")
    first = repo.commit({"src/train.py": "a\nb\n", "old.bin": b"\0\1", "name.py": "x\n" * 9})
    repo.commit({"note.md": "1\n"})
    last = repo.commit({"src/train.py": "a\nc\nd\n", "old.bin": None})
    code, _ = open_code(Code(path=repo.path), tmp_path)
    comparison = CodeComparison([code])
    try:
        found = compared(at(first), at(last), comparison)
        backwards = compared(at(last), at(first), comparison)
        same = compared(at(first), at(first), comparison)
    finally:
        code.close()
    assert (found.before, found.after, found.commits) == (first, last, 2)
    assert set(found.files) == {
        FileChange("src/train.py", "changed", 2, 1),
        FileChange("note.md", "added", 1, 0),
        FileChange("old.bin", "removed", None, None),
    }
    assert words.changes(found).startswith("2 commits, 3 files changed (src/train.py +2 −1, ")
    assert backwards.commits == -2
    assert words.distance(backwards) == "a commit that is 2 commits older"
    assert (same.commits, same.files) == (0, ())
    assert words.changes(same) == "no difference was found (the same commit)."


def test_many_pairs_at_once_are_what_each_is_alone(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path / "churn")
    shas = [repo.commit({"a b.py": "x\n" * 9, "f" * 40: "1", ":100644 x": "1\n"})]
    shas.append(repo.commit({"a b.py": None, "new\tname\n.py": "x\n" * 9, "f" * 40: "2"}))
    shas.append(repo.commit({}))
    shas.append(repo.commit({":100644 x": "2\n", "b.bin": b"\0", "é.py": "1\n"}))
    code, _ = open_code(Code(path=repo.path), tmp_path)
    pairs = [(old, new) for old in shas for new in shas]
    try:
        found = code.changed_in_pairs([*pairs, (shas[0], "a" * 40), ("main", shas[0])])
        alone = {pair: code.changed_files(*pair) for pair in pairs}
    finally:
        code.close()
    assert found == alone
    assert FileChange("new\tname\n.py", "renamed", 0, 0, "a b.py") in found[shas[0], shas[1]][0]


@pytest.mark.parametrize(
    ("before", "reason"),
    [
        (at("a" * 40, CommitState.MISSING), "is in no configured repository that can be read"),
        (at("a" * 40), "is in no configured repository that can be read"),
        (replace(good_version(), pipeline=Pipeline()), "no commit is known for version 3"),
    ],
)
def test_code_that_cannot_be_compared_says_why(before: VersionFacts, reason: str) -> None:
    found = difference(before, at("b" * 40))
    assert found.files == ()
    assert found.commits is None
    assert any(reason in sentence for sentence in found.unknown)
    assert "another line of history" not in words.changes(found)


def test_commits_of_two_repositories_are_not_compared(tmp_path: Path) -> None:
    repos = [GitRepo(tmp_path / name) for name in ("churn", "fraud")]
    shas = [repo.commit({"a": repo.path.name}) for repo in repos]
    sources = [open_code(Code(path=repo.path), tmp_path)[0] for repo in repos]
    other = replace(
        good_version(), pipeline=Pipeline(tagged=Commit(shas[1], CommitState.REACHABLE, "fraud"))
    )
    found = compared(at(shas[0]), other, CodeComparison(sources))
    for source in sources:
        source.close()
    assert any("two repositories, churn and fraud" in item for item in found.unknown)


# --- which version is the one before ---------------------------------------------------------


def numbered(number: int, *, deleted: bool = False, readable: bool = True) -> VersionFacts:
    good = good_version()
    version = replace(good.version, version=number, deleted=deleted)
    if readable:
        return replace(good, version=version)
    return VersionFacts(version, run_state=RunState.GONE, weights=Weights(reason="Gone."))


def befores(*every: VersionFacts, scope: set[int]) -> dict[int, Since | None]:
    """What ``with_since`` says of the versions in scope, in a registry that holds all."""
    asked: list[str] = []
    by_key = {item.version.key: item for item in every}

    def read(version: ModelVersion) -> VersionFacts:
        assert version.version not in scope
        assert version.key not in asked
        asked.append(version.key)
        return by_key[version.key]

    registry = Registry("sqlite://", "sql", versions=tuple(item.version for item in every))
    chosen = [item for item in every if item.version.version in scope]
    found = with_since(chosen, registry, [], read)
    return {item.version.version: item.since for item in found}


def test_the_first_version_of_a_model_has_none_before() -> None:
    found = befores(numbered(1), numbered(4), scope={1, 4})
    assert found[1] is None
    assert found[4] is not None
    assert found[4].version == "churn/1"
    assert words.told(found[1]) == ""


def test_a_version_out_of_scope_is_read_only_where_it_is_needed() -> None:
    found = befores(*map(numbered, range(1, 6)), scope={3, 4})
    assert found[3] is not None
    assert found[3].version == "churn/2"


def test_a_deleted_version_of_which_something_is_left_is_compared_and_named() -> None:
    found = befores(numbered(1), numbered(2, deleted=True), numbered(3), scope={3})[3]
    assert found is not None
    assert found.version == "churn/2"
    assert found.unknown[0] == "Version 2 has been deleted; what is left of it is compared."


def test_a_version_that_cannot_be_read_is_passed_over_and_named() -> None:
    gone = numbered(2, deleted=True, readable=False)
    found = befores(numbered(1), gone, numbered(3), scope={3})[3]
    assert found is not None
    assert found.version == "churn/1"
    assert found.unknown[0] == "Version 2 was deleted, and nothing of it can be read."
    alone = befores(numbered(2, readable=False), numbered(3), scope={3})[3]
    assert alone is not None
    assert words.told(alone) == (
        "Since version 2: no difference was found in what could be compared. "
        "Version 2 is there, but nothing of it can be read."
    )


def test_models_of_another_workspace_are_other_models() -> None:
    other = numbered(1)
    other = replace(other, version=replace(other.version, workspace="team"))
    assert befores(other, numbered(3), scope={3})[3] is None


# --- words ----------------------------------------------------------------------------------


def test_the_sentence() -> None:
    since = Since(
        "churn/3",
        "a" * 40,
        "b" * 40,
        4,
        files=(
            FileChange("dvc.lock", "changed", 90, 80),
            FileChange("src/train.py", "changed", 12, 3),
        ),
        params=(ValueChange("C", "0.5", "1.0"), ValueChange("seed", "", "7")),
        data=difference(with_raw(md5("a")), with_raw(md5("b"))).data,
        environment=(ValueChange("scikit-learn", "1.5.0", "1.5.2"),),
        unknown=("The model's signature is not known.",),
    )
    assert words.told(since) == (
        "Since version 3: 4 commits, 2 files changed (src/train.py +12 −3, dvc.lock +90 −80), "
        "parameter C 0.5 → 1.0, parameter seed added (7), data/raw.csv changed, "
        "scikit-learn 1.5.0 → 1.5.2. The model's signature is not known."
    )


TEXT = st.text(max_size=90)
CHANGES = st.lists(st.builds(ValueChange, TEXT, TEXT, TEXT), max_size=9).map(tuple)
FILES = st.lists(
    st.builds(
        FileChange,
        TEXT,
        st.sampled_from(["added", "removed", "changed", "renamed"]),
        st.none() | st.integers(0, 9999),
        st.none() | st.integers(0, 9999),
    ),
    max_size=9,
).map(tuple)


@given(
    st.builds(
        Since,
        st.just("churn/3"),
        st.sampled_from(["", "a"]),
        st.sampled_from(["", "a", "b"]),
        st.none() | st.integers(-3, 3),
        FILES,
        st.integers(0, 9),
        params=CHANGES,
        schema=CHANGES,
        environment=CHANGES,
    )
)
def test_any_difference_is_one_line_without_none(since: Since) -> None:
    told = words.told(since)
    assert told.startswith("Since version 3: ")
    assert told.endswith(".")
    assert len(told.splitlines()) == 1
    assert len(told) < 4000
