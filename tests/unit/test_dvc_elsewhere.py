"""Imports between repositories made by hand, files inside folders, and what lies outside."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from support.gitrepo import GitRepo, lock, md5, tracked

from audit import lineage
from audit.config import Code
from audit.facts import (
    ArtifactFile,
    Import,
    ModelVersion,
    Pipeline,
    UpstreamHolds,
    VersionFacts,
    Weights,
)
from audit.gather.folders import with_members
from audit.gather.join import join
from audit.graph import Graph, NodeKind
from audit.sources.artifacts.hashing import folder_digest
from audit.sources.dvc.declared import parse_yaml
from audit.sources.dvc.elsewhere import inside
from audit.sources.dvc.files import parse_dvc, parse_lock
from audit.sources.repositories import DvcRepository, open_code
from audit.verdicts import Grade, LineageStatus

A, B, C, OUT = "a" * 32, "b" * 32, "c" * 32, "d" * 32


def _imported(url: str, revision: str, path: str, digest: str, out: str = "x.csv") -> str:
    return (
        f"frozen: true\ndeps:\n- path: {path}\n  repo: {{url: {url}, rev_lock: {revision}}}\n"
        f"outs:\n- {{md5: {digest}, hash: md5, path: {out}}}\n"
    )


def _pipeline(sources: Sequence[DvcRepository]) -> VersionFacts:
    file = ArtifactFile(path="model.pkl", bytes=1, sha256="0" * 64, md5=OUT)
    weights = Weights(location="here", read=True, files=(file,))
    version = ModelVersion(model="m", version="1", source="here")
    return VersionFacts(version, weights=weights, pipeline=join(weights, None, sources))


class _Repos:
    """Repositories in one folder, by name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.made: dict[str, GitRepo] = {}

    def __getitem__(self, name: str) -> GitRepo:
        if name not in self.made:
            self.made[name] = GitRepo(self.folder / name)
        return self.made[name]

    def train(self, revision: str, path: str, digest: str = A, url: str = "../shop") -> str:
        stages = {"train": ({"x.csv": digest}, {"model.pkl": OUT})}
        files = {"x.csv.dvc": _imported(url, revision, path, digest), "dvc.lock": lock(stages)}
        return self["churn"].commit(dict(files))

    def facts(self, *names: str) -> VersionFacts:
        cache = self.folder / "cache"
        sources = [open_code(Code(path=self[name].path), cache)[0] for name in names]
        found = _pipeline(sources)
        for source in sources:
            source.close()
        return found


@pytest.fixture
def repos(tmp_path: Path) -> _Repos:
    return _Repos(tmp_path)


def _origin(facts: VersionFacts) -> tuple[Import, Grade, Graph]:
    graph = lineage.build(facts)
    (item,) = facts.pipeline.imports
    edges = [e for e in graph.edges if e.source == f"file:x.csv@{item.imported}"]
    (edge,) = (e for e in edges if e.relation.value == "was_derived_from")
    return item, edge.grade, graph


def test_an_import_that_names_other_data_is_contradicted(repos: _Repos) -> None:
    commit = repos["shop"].commit({"x.csv.dvc": tracked("x.csv", B)})
    repos.train(commit, "x.csv")
    facts = repos.facts("churn", "shop")
    item, grade, graph = _origin(facts)
    assert (item.held, item.digest, item.upstream) == (UpstreamHolds.TRACKED, B, "")
    assert grade is Grade.CONTRADICTED
    assert graph.status is LineageStatus.CONTRADICTED
    # Data that did not make these weights is no node of them.
    assert not [node for node in graph.nodes if B in node.digest]
    assert {state.repository for state in facts.pipeline.states} == {"churn"}


@pytest.mark.parametrize(
    ("path", "held", "grade"),
    [
        ("vocab.txt", UpstreamHolds.GIT, Grade.VERIFIED),
        ("folder", UpstreamHolds.GIT, Grade.VERIFIED),
        ("gone.csv", UpstreamHolds.NOTHING, Grade.MISSING),
        ("data/raw/part.csv", UpstreamHolds.INSIDE, Grade.DECLARED),
        (".", UpstreamHolds.UNKNOWN, Grade.NOT_CHECKABLE),
        ("link", UpstreamHolds.UNKNOWN, Grade.NOT_CHECKABLE),
        ("sub/x.csv", UpstreamHolds.UNKNOWN, Grade.NOT_CHECKABLE),
    ],
)
def test_what_an_import_leads_to_decides_its_grade(
    repos: _Repos, path: str, held: UpstreamHolds, grade: Grade
) -> None:
    shop = repos["shop"]
    shop.path.joinpath("link").symlink_to("/etc/passwd")
    shop.commit(
        {
            "vocab.txt": "one\n",
            "folder/a.txt": "a",
            "folder/deep/b.txt": "b",
            "data/raw.dvc": tracked("raw", f"{C}.dir"),
        }
    )
    shop.git("update-index", "--add", "--cacheinfo", f"160000,{shop.head()},sub")
    shop.git("commit", "--quiet", "--no-gpg-sign", "--message", "submodule")
    members = [("a.txt", md5("a")), ("deep/b.txt", md5("b"))]
    digest = {"vocab.txt": md5("one\n"), "folder": folder_digest(members)}.get(path, A)
    repos.train(shop.head(), path, digest)
    item, found, _ = _origin(repos.facts("churn", "shop"))
    assert (item.held, found) == (held, grade)


def test_an_import_of_content_that_git_has_otherwise_is_contradicted(repos: _Repos) -> None:
    repos.train(repos["shop"].commit({"vocab.txt": "two\n"}), "vocab.txt", md5("one\n"))
    assert _origin(repos.facts("churn", "shop"))[1] is Grade.CONTRADICTED


def test_a_commit_that_nobody_holds_is_missing_only_from_a_known_repository(
    repos: _Repos,
) -> None:
    repos["shop"].commit({"x.csv.dvc": tracked("x.csv", A)})
    repos.train("e" * 40, "x.csv")
    assert _origin(repos.facts("churn"))[1] is Grade.DECLARED
    item, grade, _ = _origin(repos.facts("churn", "shop"))
    assert (item.repository, grade) == ("shop", Grade.MISSING)


@pytest.mark.parametrize(
    ("known", "url"),
    [
        ("git@example.org:team/shop.git", "https://bob:secret@example.org/team/shop"),
        ("https://example.org/team/shop.git", "ssh://git@example.org:22/team/shop.git"),
        ("https://example.org/team/shop", "git@EXAMPLE.org:team/shop"),
    ],
)
def test_a_repository_is_known_by_any_form_of_its_address(
    repos: _Repos, known: str, url: str
) -> None:
    repos["shop"].commit({"x.csv.dvc": tracked("x.csv", A)})
    repos["shop"].git("remote", "add", "origin", known)
    repos.train("e" * 40, "x.csv", url=url)
    item, _, graph = _origin(repos.facts("churn", "shop"))
    assert item.repository == "shop"
    assert "secret" not in f"{item}{graph}"


def _prepared(raw: str) -> dict[str, str | bytes | None]:
    """Return a lock upstream whose stage puts out the same ``A`` from other raw data."""
    return {
        "raw.csv.dvc": tracked("raw.csv", raw),
        "dvc.lock": lock({"prepare": ({"raw.csv": raw}, {"x.csv": A})}),
    }


@pytest.mark.parametrize("other", [True, False])
def test_content_imported_from_two_revisions_with_other_data_behind_it_is_in_doubt(
    repos: _Repos, other: bool
) -> None:
    first = repos["shop"].commit(_prepared("1" * 32))
    second = repos["shop"].commit({**_prepared(("2" if other else "1") * 32), "n.txt": "later"})
    repos.train(first, "x.csv")
    repos.train(second, "x.csv")
    facts = repos.facts("churn", "shop")
    item = facts.pipeline.imports[0]
    upstream = {state.repository for state in facts.pipeline.states} - {"churn"}
    if other:
        assert not upstream
        assert item.upstream == ""
        assert "was imported from" in item.reason
        assert _origin(facts)[1] is Grade.DECLARED
    else:
        assert upstream == {"shop"}
        assert item.reason == ""


def test_imports_that_go_round_in_a_circle_end(repos: _Repos) -> None:
    commit = repos["churn"].commit({"x.csv.dvc": _imported("../shop", "e" * 40, "x.csv", A)})
    upstream = repos["shop"].commit({"x.csv.dvc": _imported("../churn", commit, "x.csv", A)})
    repos.train(upstream, "x.csv")
    pipeline = repos.facts("churn", "shop").pipeline
    assert [item.repository for item in pipeline.imports] == ["shop", "churn", "shop"]
    assert pipeline.imports[-1].held is UpstreamHolds.NO_COMMIT


def test_an_import_across_ways_of_hashing_is_not_called_other_data(repos: _Repos) -> None:
    old = f"outs:\n- md5: {B}\n  path: x.csv\n"
    repos.train(repos["shop"].commit({"x.csv.dvc": old}), "x.csv")
    item, grade, _ = _origin(repos.facts("churn", "shop"))
    assert grade is Grade.DECLARED
    assert "md5-dos2unix there" in item.reason


# --- files inside folders ---------------------------------------------------------------------


def test_a_member_is_found_on_its_folder_s_list() -> None:
    files = {"a.csv": A, "deep/b.csv": B, "deep/er/c.csv": C}
    assert inside("data/raw", files, "data/raw/a.csv") == A
    assert inside("data/raw", files, "data/raw/deep") == folder_digest(
        [("b.csv", B), ("er/c.csv", C)]
    )
    assert inside("data/raw", files, "data/raw/other.csv") == ""


def _members(repos: _Repos, files: Mapping[str, str]) -> tuple[Pipeline, Graph]:
    """Return what comes of a stage that reads one file of a folder whose members are listed."""
    listed = "".join(f"  - {{relpath: {path}, md5: {md5_}}}\n" for path, md5_ in files.items())
    stages = {"train": ({"data/raw/a.csv": A}, {"model.pkl": OUT})}
    repos["churn"].commit({"data/raw.dvc": f"outs:\n- path: raw\n  files:\n{listed}"})
    repos["churn"].commit({"dvc.lock": lock(stages)})
    source = open_code(Code(path=repos["churn"].path), repos.folder)[0]
    (facts,) = with_members([_pipeline([source])], [source], {})
    source.close()
    return facts.pipeline, lineage.build(facts)


def test_a_file_of_a_folder_leads_to_what_tracks_the_folder(repos: _Repos) -> None:
    pipeline, graph = _members(repos, {"a.csv": A, "b.csv": B})
    (member,) = pipeline.members
    # The folder may have had another digest at the commit: nothing is compared by the path.
    assert not pipeline.tree
    assert (member.folder, member.folder_digest) == (
        "data/raw",
        folder_digest([("a.csv", A), ("b.csv", B)]),
    )
    assert [state.file for state in pipeline.states] == ["dvc.lock", "data/raw.dvc"]
    (edge,) = (e for e in graph.edges if e.target.startswith("file:data/raw@"))
    assert edge.grade is Grade.RECORDED
    assert f"data/raw/a.csv {A}" in edge.operands[0]


@pytest.mark.parametrize(("listed", "grade"), [(A, Grade.RECORDED), (B, Grade.CONTRADICTED)])
def test_an_import_of_one_file_of_a_folder_is_held_against_the_folder_s_list(
    repos: _Repos, listed: str, grade: Grade
) -> None:
    text = f"outs:\n- path: raw\n  files:\n  - {{relpath: x.csv, md5: {listed}}}\n"
    repos.train(repos["shop"].commit({"raw.dvc": text}), "raw/x.csv")
    sources = [open_code(Code(path=repos[name].path), repos.folder)[0] for name in repos.made]
    (facts,) = with_members([_pipeline(sources)], sources, {})
    for source in sources:
        source.close()
    assert _origin(facts)[1] is grade
    followed = [state.file for state in facts.pipeline.states if state.repository == "shop"]
    assert followed == (["raw.dvc"] if grade is Grade.RECORDED else [])


def test_a_folder_that_lists_other_content_is_not_taken(repos: _Repos) -> None:
    pipeline, graph = _members(repos, {"a.csv": B})
    assert not pipeline.members
    assert not [state for state in pipeline.states if not state.stage]
    (gap,) = (node for node in graph.of_kind(NodeKind.GAP) if node.role == "raw")
    assert gap.label == "data/raw/a.csv"


# --- outside, and kept by a cloud -------------------------------------------------------------


def test_what_stands_outside_has_the_digest_of_the_lock_and_a_remark(repos: _Repos) -> None:
    text = (
        "schema: '2.0'\nstages:\n  train:\n    cmd: x\n    deps:\n"
        '    - {path: "s3://bucket/raw.csv", etag: \'"12-3"\', size: 4, version_id: v7}\n'
        f"    - {{path: /srv/lake/x.csv, hash: md5, md5: {A}}}\n"
        "    - {path: 'remote://lake/y.csv'}\n"
        f"    outs:\n    - {{path: model.pkl, hash: md5, md5: {OUT}}}\n"
    )
    repos["churn"].commit({"dvc.lock": text})
    graph = lineage.build(repos.facts("churn"))
    grades = {e.target.partition("@")[0]: e.grade for e in graph.edges if "stage:" in e.source}
    assert grades["file:s3://bucket/raw.csv"] is Grade.RECORDED
    assert grades["file:/srv/lake/x.csv"] is Grade.RECORDED
    assert grades["file:remote://lake/y.csv"] is Grade.DECLARED
    outside = [gap for gap in graph.gaps if "outside the repository" in gap.reason]
    assert len(outside) == 3


def test_what_a_cloud_keeps_says_where_and_in_which_version() -> None:
    text = (
        "outs:\n"
        f"- {{path: a.csv, hash: md5, md5: {A}, cloud: {{s3: {{etag: e1, version_id: v1}}}}}}\n"
        f"- {{path: b.csv, hash: md5, md5: {B}, remote: lake}}\n"
        "- path: raw\n  hash: md5\n  files:\n"
        f"  - {{relpath: x/1, md5: {A}, size: 3, cloud: {{s3: {{version_id: v2}}}}}}\n"
        f"  - {{relpath: x/0, md5: {B}, cloud: {{s3: {{version_id: 3}}}}}}\n"
    )
    (record,) = parse_dvc(text.encode(), "data/a.dvc").stages
    one, two, folder = record.outs
    assert (one.remote, one.version_id, one.etag) == ("s3", "v1", "e1")
    assert (two.remote, two.version_id) == ("lake", "")
    assert folder.digest == folder_digest([("x/0", B), ("x/1", A)])
    members = record.members[folder.digest]
    assert [(item.path, item.version_id) for item in members] == [("x/0", "3"), ("x/1", "v2")]


def test_a_folder_of_a_cloud_is_found_by_a_digest_that_stands_in_no_file(repos: _Repos) -> None:
    digest = folder_digest([("1", A)])
    listed = f"outs:\n- path: raw\n  files:\n  - {{relpath: '1', md5: {A}}}\n"
    stages = {"train": ({"raw": digest}, {"model.pkl": OUT})}
    repos["churn"].commit({"raw.dvc": listed, "dvc.lock": lock(stages)})
    states = repos.facts("churn").pipeline.states
    assert [state.file for state in states] == ["dvc.lock", "raw.dvc"]


def test_an_import_url_of_a_folder_without_digests_is_no_fault() -> None:
    text = (
        "deps:\n- path: s3://bucket/raw\n  files:\n"
        "  - {relpath: a, etag: e, size: 1, version_id: v}\n"
        f"outs:\n- {{md5: {A}.dir, hash: md5, path: raw}}\n"
    )
    parsed = parse_dvc(text.encode(), "raw.dvc")
    assert not parsed.problems
    assert parsed.stages[0].imported_from == "s3://bucket/raw"


def test_a_dvc_yaml_names_remotes_frozen_and_always_changed_stages() -> None:
    declared = parse_yaml(
        b"vars: [{a: 1}]\nstages:\n  a:\n    frozen: true\n    outs: [{'m-${item}.bin': "
        b"{remote: lake}}]\n  b: {matrix: {x: [1]}, cmd: c, always_changed: true}\n"
        b"metrics: [m.json]\nplots: [{p: {x: a}}]\nartifacts: {m: {path: x}}\nparams: [p.yaml]\n"
    )
    assert declared["a"].frozen
    assert declared["b"].always_changed
    text = f"a@new-york:\n  outs:\n  - {{path: m-1.bin, md5: {A}}}\n  - {{path: n, md5: {B}}}\n"
    (record,) = parse_lock(text.encode(), "dvc.lock", declared).stages
    assert record.frozen
    assert [out.remote for out in record.outs] == ["lake", ""]


def test_a_dependency_in_a_submodule_is_not_called_missing(repos: _Repos) -> None:
    churn = repos["churn"]
    churn.commit({"a": "a"})
    churn.git("update-index", "--add", "--cacheinfo", f"160000,{churn.head()},lib")
    stages = {"train": ({"lib/train.py": A}, {"model.pkl": OUT})}
    # As a whole, without the work tree, which would take the submodule for deleted.
    (churn.path / "dvc.lock").write_text(lock(stages))
    churn.git("add", "dvc.lock")
    churn.git("commit", "--quiet", "--no-gpg-sign", "--message", "train")
    source = open_code(Code(path=churn.path), repos.folder)[0]
    (facts,) = with_members([_pipeline([source])], [source], {})
    source.close()
    (item,) = facts.pipeline.unfollowed
    assert item.reason == "it stands in the submodule lib, which is not followed"
    assert not facts.pipeline.tree
    edges = [e for e in lineage.build(facts).edges if e.target.startswith("gap:")]
    assert Grade.NOT_CHECKABLE in {edge.grade for edge in edges}
