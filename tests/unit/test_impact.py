"""Impact by what is not a file: ranges, members, stages, versions; ancestry; drawings; members."""

import dataclasses
import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from support.gitrepo import GitRepo
from support.subjects import COMMIT, good_job, good_version, md5

from audit import canonical
from audit.config import Code
from audit.errors import UsageError
from audit.facts import (
    Advisory,
    Commit,
    CommitState,
    Consumer,
    Facts,
    FolderList,
    Registry,
    Rules,
    TrackedPath,
    VersionFacts,
)
from audit.questions import asked, difference, impact, picture, trace
from audit.questions.ancestry import Ancestry, ancestry

GOOD = good_version()
FOLDER = "d" * 32 + ".dir"


def version(number: int, model: str = "churn", **changes) -> VersionFacts:
    named = dataclasses.replace(GOOD.version, model=model, version=number)
    return dataclasses.replace(GOOD, version=named, **{"aliases": (), **changes})


def facts_of(*versions: VersionFacts) -> Facts:
    job = good_job()
    registry = Registry("sqlite:///registry.db", "sql")
    return Facts(job.job, Rules(), registry, job.previous, versions=versions)


def with_packages(number: int, *packages: str) -> VersionFacts:
    environment = dataclasses.replace(GOOD.environment, packages=packages)
    return version(number, environment=environment)


def of_folder(number: int, digest: str = FOLDER, **files: str) -> VersionFacts:
    """Return a version made from a raw folder; without files its list could not be read."""
    raw = md5("data/raw.csv")
    text = json.dumps(canonical.plain(version(number))).replace(raw, digest)
    facts = canonical.load(VersionFacts, json.loads(text.replace("data/raw.csv", "data/images")))
    members = tuple(TrackedPath(f"{name}.png", md5(content)) for name, content in files.items())
    known = FolderList(digest, "churn", len(members), members)
    listed = known if files else FolderList(digest, "churn", reason="the remote is gone")
    pipeline = dataclasses.replace(facts.pipeline, folders=(listed,))
    return dataclasses.replace(facts, pipeline=pipeline)


def found(what: str, facts: Facts) -> list[str]:
    return [item.version.version.key for item in impact.impact(facts, what).found]


# --- packages, stages, versions, advisories ---------------------------------------------------


@pytest.mark.parametrize(
    ("what", "versions", "unsure"),
    [
        ("scikit-learn<1.5", ["churn/1"], ["churn/3"]),
        ("scikit-learn>=1.4,<2", ["churn/2", "churn/1"], ["churn/3"]),
        ("scikit-learn==1.4.*", ["churn/1"], ["churn/3"]),
        ("package:scikit_learn!=1.4.2", ["churn/2"], ["churn/3"]),
        ("scikit-learn<1", [], ["churn/3"]),
        ("scikit-learn", ["churn/3", "churn/2", "churn/1"], []),
        ("python>=3.11", ["churn/3", "churn/2", "churn/1"], []),
    ],
)
def test_a_package_goes_by_a_range_of_versions(what, versions, unsure):
    facts = facts_of(
        with_packages(1, "scikit-learn==1.4.2"),
        with_packages(2, "scikit-learn==1.5.0"),
        with_packages(3, "scikit-learn>=1.3"),
    )
    answer = impact.impact(facts, what)
    assert [item.version.version.key for item in answer.found] == versions
    assert [key for key, _ in answer.undecided] == unsure


def test_a_requirement_nested_without_end_is_the_name_of_nothing():
    with pytest.raises(UsageError, match="nothing in the lineage"):
        found("x; " + "(" * 5000, facts_of(with_packages(1, "scikit-learn==1.4.2")))


def test_a_stage_a_command_a_parameter_and_a_user_have_names():
    run = dataclasses.replace(GOOD.run, user="alice")
    facts = facts_of(version(1, run=run), version(2))
    train = next(state for state in GOOD.pipeline.states if state.stage == "train")
    assert found("train", facts) == found(f"stage:{train.id}", facts) == ["churn/2", "churn/1"]
    assert found("command:python src/train.py", facts) == ["churn/2", "churn/1"]
    assert found("param:C=0.5", facts) == ["churn/2", "churn/1"]
    assert found("user:alice", facts) == ["churn/1"]
    with pytest.raises(UsageError, match="nothing in the lineage"):
        found("alice", facts)


def test_a_data_set_goes_by_its_digest_as_a_review_names_it():
    (data,) = GOOD.run.datasets
    facts = facts_of(version(1))
    for name in (f"dataset:{data.digest}", data.digest, data.name):
        assert found(name, facts) == ["churn/1"]


def test_what_was_built_on_a_version_descends_from_it_and_it_not_from_itself():
    small = version(1, "small", bases=("churn/1", "m-old"))
    tiny = version(1, "tiny", bases=("small/1",))
    copy = version(1, "eu", origin=("churn/1",))
    base = version(1, consumers=(Consumer("copy", "eu v1", "eu/1"),))
    facts = facts_of(base, version(2), small, tiny, copy)
    for name in ("churn/1", "models:/churn/1", "version:churn/v1"):
        assert sorted(found(name, facts)) == ["eu/1", "small/1", "tiny/1"]
    assert sorted(found("version:m-old", facts)) == ["small/1", "tiny/1"]
    assert found("churn/2", facts) == []


def test_what_descends_from_data_descends_through_the_versions_built_on_it():
    other = json.dumps(canonical.plain(version(1, "small"))).replace(md5("data/raw.csv"), md5("x"))
    small = dataclasses.replace(canonical.load(VersionFacts, json.loads(other)), bases=("churn/1",))
    facts = facts_of(version(1), small)
    assert sorted(found(md5("data/raw.csv"), facts)) == ["churn/1", "small/1"]


def test_an_advisory_goes_by_its_id_and_by_its_aliases():
    advisory = Advisory("GHSA-1", "scikit-learn", "1.7.2", aliases=("CVE-2026-1",))
    facts = facts_of(version(1, advisories=(advisory,)), version(2))
    assert found("GHSA-1", facts) == found("advisory:CVE-2026-1", facts) == ["churn/1"]


def test_an_advisory_does_not_clear_who_names_no_exact_version_of_its_package():
    advisory = Advisory("GHSA-1", "scikit-learn", "1.7.2", aliases=("CVE-2026-1",))
    other = Advisory("GHSA-2", "numpy", "2.0.0")
    facts = facts_of(
        version(1, advisories=(advisory,)),
        with_packages(2, "Scikit_Learn>=1.3", "numpy>=2"),
        with_packages(3, "scikit-learn==1.8.0"),
        version(4, advisories=(other,)),
    )
    answer = impact.impact(facts, "CVE-2026-1")
    reason = "its environment names no exact version: Scikit_Learn>=1.3"
    assert answer.undecided == (("churn/2", reason),)


# --- members of folders -------------------------------------------------------------------------


def test_a_file_of_a_folder_goes_by_its_path_and_by_its_digest():
    facts = facts_of(of_folder(1, a="A", b="B"), of_folder(2, "e" * 32 + ".dir", a="A2", b="B"))
    assert found("data/images/a.png", facts) == ["churn/2", "churn/1"]
    assert found(md5("A"), facts) == ["churn/1"]
    (item,) = impact.impact(facts, md5("A")).found
    assert item.hops[0].edge.method == "DVC's list of the folder data/images names it"


def test_a_folder_whose_list_is_not_known_leaves_the_question_open():
    facts = facts_of(of_folder(1, a="A"), of_folder(2, "e" * 32 + ".dir"))
    answer = impact.impact(facts, md5("A"))
    assert [item.version.version.key for item in answer.found] == ["churn/1"]
    assert answer.undecided == (("churn/2", "it may be a file of data/images: the remote is gone"),)
    assert impact.impact(facts, "src/train.py").undecided == ()
    assert len(impact.impact(facts, "data/images/*").undecided) == 1


def test_the_files_that_differ_between_two_folders_are_named():
    before, after = of_folder(1, a="A", b="B"), of_folder(2, "e" * 32 + ".dir", b="B", c="C")
    parts = {p.name: p for p in difference.compare(facts_of(before, after), before, after).parts}
    told = [(item.what, item.before, item.after) for item in parts["files of folders"].differences]
    assert told == [
        ("data/images/a.png", f"md5:{md5('A')}", ""),
        ("data/images/c.png", "", f"md5:{md5('C')}"),
    ]
    lost = of_folder(3, "f" * 32 + ".dir")
    parts = {p.name: p for p in difference.compare(facts_of(before, lost), before, lost).parts}
    assert "could not be read" in parts["files of folders"].unknown
    same = difference.compare(facts_of(before, version(9)), before, version(9))
    assert "files of folders" not in {part.name for part in same.parts}


# --- ancestry -----------------------------------------------------------------------------------


def at_commit(number: int, sha: str) -> VersionFacts:
    facts = canonical.load(
        VersionFacts,
        json.loads(json.dumps(canonical.plain(version(number))).replace(COMMIT, sha)),
    )
    tagged = Commit(sha, CommitState.REACHABLE, "churn", subject=f"commit {number}")
    pipeline = dataclasses.replace(facts.pipeline, tagged=tagged, commits=(tagged,))
    return dataclasses.replace(facts, pipeline=pipeline)


@pytest.fixture
def repo(tmp_path: Path) -> GitRepo:
    return GitRepo(tmp_path / "churn")


def read(repo: GitRepo, what: str) -> Ancestry:
    return ancestry((Code(path=repo.path),), repo.path / "cache", what)


def test_versions_whose_code_was_made_on_top_of_a_commit_descend_from_it(repo: GitRepo):
    first, second = repo.commit({"a": "1"}), repo.commit({"a": "2"})
    repo.git("switch", "--quiet", "--create", "side", first)
    side = repo.commit({"b": "1"})
    repo.git("switch", "--quiet", "main")
    third = repo.commit({"a": "3"})
    gone = "e" * 40
    facts = facts_of(
        *(at_commit(n, sha) for n, sha in enumerate((first, second, side, third, gone)))
    )
    answer = impact.impact(facts, second[:9], read(repo, second[:9]))
    assert [item.version.version.version for item in answer.found] == [3, 1]
    assert [key for key, _ in answer.undecided] == ["churn/4"]
    assert "git: made on top of it" in answer.found[0].hops[0].edge.method
    assert answer.found[1].hops[0].node.id != f"commit:{second}"
    every = impact.impact(facts, first, read(repo, first))
    assert [item.version.version.version for item in every.found] == [3, 2, 1, 0]


def test_a_clone_that_is_cut_off_clears_nobody(repo: GitRepo, tmp_path: Path):
    repo.commit({"a": "1"})
    old, new = repo.commit({"a": "2"}), repo.commit({"a": "3"})
    repo.git("clone", "--quiet", "--depth", "2", f"file://{repo.path}", str(tmp_path / "shallow"))
    cut = ancestry((Code(path=tmp_path / "shallow"),), tmp_path / "cache", new)
    facts = facts_of(at_commit(1, old), at_commit(2, new))
    answer = impact.impact(facts, new, cut)
    assert [item.version.version.version for item in answer.found] == [2]
    assert [key for key, _ in answer.undecided] == ["churn/1"]


@pytest.mark.parametrize(
    ("what", "told"),
    [("zzzzzzz", "not a commit"), ("abc", "7 digits"), ("0" * 8, "in no configured repository")],
)
def test_a_commit_that_cannot_be_found_is_refused(repo: GitRepo, what: str, told: str):
    repo.commit({"a": "1"})
    with pytest.raises(UsageError, match=told):
        read(repo, what)


# --- drawings -----------------------------------------------------------------------------------


def test_a_trace_is_drawn_with_what_it_is_of_and_no_more():
    consumers = (Consumer("copy", "eu v1", "eu/1"),)
    champion = version(1, aliases=("champion",), consumers=consumers)
    facts = facts_of(champion, version(1, "eu", origin=("churn/1",), aliases=("champion",)))
    answer = trace.trace(facts, asked.version_named(facts, "churn/1"))
    for up, down, kinds in ((True, False, {"file"}), (False, True, {"alias"}), (True, True, set())):
        title, graph = picture.of_trace(answer, up=up, down=down)
        assert title == "Lineage of churn/1"
        ids = set(graph.by_id())
        assert all({edge.source, edge.target} <= ids for edge in graph.edges)
        assert kinds <= {node.kind.value for node in graph.nodes}
        svg = ET.fromstring(picture.drawn((title, graph), "svg"))
        assert svg.tag == "{http://www.w3.org/2000/svg}svg"


def test_an_impact_is_drawn_from_the_piece_to_the_versions():
    facts = facts_of(version(1), version(2, aliases=("champion",)))
    for what in ("data/raw.csv", "src/train.py", "scikit-learn", "param:C=0.5"):
        answer = impact.impact(facts, what)
        title, graph = picture.of_impact(answer)
        ids = set(graph.by_id())
        assert all({edge.source, edge.target} <= ids for edge in graph.edges)
        assert {"model_version:churn/1", "model_version:churn/2"} <= ids
        page = picture.drawn((title, graph), "html")
        assert page.count("<svg") == 1
        assert "<script" not in page
    with pytest.raises(UsageError, match="nothing to draw"):
        picture.of_impact(impact.impact(facts, "churn/2"))


def test_a_drawing_shows_text_of_others_as_text():
    facts = facts_of(version(1))
    answer = dataclasses.replace(impact.impact(facts, "data/raw.csv"), asked="<script>x\x1b")
    page = picture.drawn(picture.of_impact(answer), "html")
    assert "<script" not in page
    assert "\x1b" not in page
