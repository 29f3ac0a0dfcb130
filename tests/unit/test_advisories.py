"""Advisories in OSV format: which versions they concern, how gravely, and hostile files."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from audit.errors import ConfigError
from audit.gather.advisories import of_package
from audit.sources.advisories import cvss, files
from audit.sources.advisories.files import AdvisoryFiles
from audit.sources.advisories.osv import MalformedError, finding, parse
from audit.sources.artifacts.requirements import Pin

LATER = 1_800_000_000_000


def record(
    *events: dict[str, str], name: str = "Foo_Bar", versions: tuple[str, ...] = (), **more: Any
) -> dict[str, Any]:
    """A record of one package of PyPI."""
    affected = {
        "package": {"ecosystem": "PyPI", "name": name},
        "ranges": [{"type": "ECOSYSTEM", "events": list(events)}],
        "versions": list(versions),
    }
    return {"id": "PYSEC-1", "modified": "2026-09-20T08:00:00Z", "affected": [affected]} | more


def hit(raw: dict[str, Any], version: str) -> bool:
    return finding(parse(raw), Pin("foo-bar", version)) is not None


# --- ranges ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("events", "inside", "outside"),
    [
        ([{"introduced": "0"}], ["0", "0.0.dev1", "1!3"], []),
        (
            [{"introduced": "0"}, {"fixed": "1.0.2"}],
            ["1.0.1", "1.0.2rc1"],
            ["1.0.2", "1.0.2.post1"],
        ),
        ([{"introduced": "1"}, {"last_affected": "2.1"}], ["1", "2.1", "2.1.0"], ["0.9", "2.1.1"]),
        (
            [{"fixed": "3.2.5"}, {"introduced": "1.0"}, {"introduced": "3.0"}, {"fixed": "1.0.2"}],
            ["1.0.1", "3.0", "3.2.4"],
            ["0.9", "1.0.2", "2.0", "3.2.5"],
        ),
        ([{"introduced": "1"}, {"limit": "2"}, {"limit": "1.5"}], ["1", "1.9"], ["2", "0.1"]),
        ([{"introduced": "1"}, {"limit": "*"}], ["1", "99"], ["0.9"]),
        ([], [], ["1"]),
    ],
)
def test_a_range_is_evaluated_as_the_format_says(
    events: list[dict[str, str]], inside: list[str], outside: list[str]
) -> None:
    assert [version for version in inside if not hit(record(*events), version)] == []
    assert [version for version in outside if hit(record(*events), version)] == []


def test_a_local_build_is_its_public_version() -> None:
    raw = record({"introduced": "0"}, {"last_affected": "2.1.0"}, versions=("1.0",))
    assert hit(raw, "2.1.0+cu118")
    assert hit(record(versions=("1.0",)), "1.0.0+local")


def test_versions_are_listed_in_any_form() -> None:
    assert hit(record(versions=("1.0rc1", "none", "2")), "1.0.0c1")
    assert hit(record(versions=("1.0",)), "v1.0.0")


RELEASES = st.tuples(*[st.integers(0, 4)] * 3).map(lambda numbers: ".".join(map(str, numbers)))
SUFFIXES = st.sampled_from(["", "", "rc1", ".dev2", ".post1", "a1"])
VERSIONS = st.builds(str.__add__, RELEASES, SUFFIXES)


@given(VERSIONS, VERSIONS, VERSIONS)
def test_ranges_agree_with_packaging(low: str, high: str, version: str) -> None:
    fixed = hit(record({"fixed": high}, {"introduced": low}), version)
    last = hit(record({"introduced": low}, {"last_affected": high}), version)
    least, found = Version(low), Version(version)
    # packaging's ">" and "<" leave out post and pre-releases of the bound itself; ">=" does not.
    above = SpecifierSet(f">={low}").contains(version, prereleases=True)
    upto = SpecifierSet(f"<={high}").contains(version, prereleases=True)
    at_high = SpecifierSet(f">={high}").contains(version, prereleases=True)
    if least < Version(high):
        assert fixed == (above and not at_high)
    if least <= Version(high):
        assert last == (above and upto)
    assert hit(record({"introduced": low}), version) == (found >= least)


@given(st.lists(st.sampled_from(["introduced", "fixed"]), max_size=4), st.data())
def test_the_order_of_events_does_not_matter(kinds: list[str], data: st.DataObject) -> None:
    numbers = data.draw(
        st.lists(st.integers(0, 9), min_size=len(kinds), max_size=len(kinds), unique=True)
    )
    events = [{kind: str(number)} for kind, number in zip(kinds, numbers, strict=True)]
    shuffled = data.draw(st.permutations(events))
    assert all(
        hit(record(*events), str(number)) == hit(record(*shuffled), str(number))
        for number in range(10)
    )


def test_only_versions_that_mend_it_are_fixes() -> None:
    raw = record(
        *({"introduced": "1"}, {"fixed": "1.5"}, {"introduced": "2"}, {"fixed": "2.10"}),
        *({"introduced": "3"}, {"fixed": "3.1"}),
    )
    found = finding(parse(raw), Pin("foo-bar", "2.9"))
    assert found is not None
    assert found.fixed == ("2.10", "3.1")


def test_other_ecosystems_and_commits_say_nothing() -> None:
    raw = record({"introduced": "0"})
    raw["affected"][0]["package"]["ecosystem"] = "npm"
    assert not hit(raw, "1")
    raw = record({"introduced": "0"})
    raw["affected"][0]["ranges"][0]["type"] = "GIT"
    assert not hit(raw, "1")


# --- severity -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("vector", "score", "word"),
    [
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 9.8, "critical"),
        ("CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:C/C:H/I:N/A:N", 6.8, "medium"),
        ("CVSS:3.0/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", 6.1, "medium"),
        ("CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:H/I:H/A:H", 9.9, "critical"),
        ("CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H/E:P", 7.8, "high"),
        ("CVSS:3.1/AV:L/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N", 1.8, "low"),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N", 0.0, "low"),
    ],
)
def test_base_scores(vector: str, score: float, word: str) -> None:
    assert cvss.base_score(vector) == score
    assert cvss.word(score) == word


@pytest.mark.parametrize(
    "vector",
    [
        *("", "7.5", "CVSS:3.1", "CVSS:3.1/AV:N", "CVSS:3.1/AV:X/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"),
        "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N",
    ],
)
def test_what_is_no_vector_of_version_three_has_no_score(vector: str) -> None:
    assert cvss.base_score(vector) is None


def test_a_database_may_say_how_grave_it_is() -> None:
    vectors = [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}]
    assert parse(record(severity=vectors)).severity == "critical"
    said = {"severity": "MODERATE"}
    assert parse(record(severity=vectors, database_specific=said)).severity == "medium"
    assert parse(record()).severity == ""


# --- one package ----------------------------------------------------------------------------


def told(*raws: dict[str, Any], as_of: int = LATER) -> list[tuple[str, str, bool]]:
    found = of_package(Pin("foo-bar", "1.0"), [parse(raw) for raw in raws], as_of)
    return [(item.id, item.severity, item.withdrawn) for item in found]


def test_records_of_one_vulnerability_are_one() -> None:
    grave = {"severity": "HIGH"}
    every = {"introduced": "0"}
    raws = (
        record(every, id="PYSEC-1", aliases=["CVE-1"]),
        record(every, id="OTHER-1", aliases=["X-1"]),
        record(every, id="GHSA-1", aliases=["CVE-1", "X-1"], database_specific=grave),
        record(every, id="PYSEC-2", aliases=["CVE-2"]),
    )
    assert told(*raws) == [("GHSA-1", "high", False), ("PYSEC-2", "", False)]
    (first, _) = of_package(Pin("foo-bar", "1.0"), map(parse, raws), LATER)
    assert first.aliases == ("CVE-1", "OTHER-1", "PYSEC-1", "X-1")


def test_what_came_after_the_moment_reported_is_not_known_yet() -> None:
    raw = record(
        {"introduced": "0"}, published="2026-09-01T00:00:00Z", withdrawn="2026-10-01T00:00:00Z"
    )
    august, september, november = 1_785_542_400_000, 1_789_000_000_000, 1_793_491_200_000
    assert told(raw, as_of=august) == []
    assert told(raw, as_of=september) == [("PYSEC-1", "", False)]
    assert told(raw, as_of=november) == [("PYSEC-1", "", True)]


# --- files ----------------------------------------------------------------------------------


def write(path: Path, value: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))
    return path


def zipped(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def test_one_list_folder_and_zip_say_the_same(tmp_path: Path) -> None:
    raws = [record({"introduced": "0"}), record({"introduced": "0"}, name="other", id="PYSEC-2")]
    documents = {f"{raw['id']}.json": json.dumps(raw).encode() for raw in raws}
    for name, data in documents.items():
        (tmp_path / "folder" / "deep").mkdir(parents=True, exist_ok=True)
        (tmp_path / "folder" / "deep" / name).write_bytes(data)
    places = [
        write(tmp_path / "list.json", raws),
        write(tmp_path / "answer.json", {"vulns": raws}),
        tmp_path / "folder",
        zipped(tmp_path / "all.zip", documents),
    ]
    for place in places:
        index, (about,) = AdvisoryFiles([place]).read({"foo-bar"})
        assert [found.id for found in index["foo-bar"]] == ["PYSEC-1"]
        assert "other" not in index
        assert (about.advisories, about.problems, about.name) == (2, (), place.name)
        assert about.newest_at == 1_789_891_200_000
        assert len(about.sha256) == 64


def test_the_newer_of_two_records_of_one_id_counts(tmp_path: Path) -> None:
    old = write(tmp_path / "old.json", record({"introduced": "0"}))
    new = write(tmp_path / "new.json", record({"introduced": "5"}, modified="2026-09-21T00:00:00Z"))
    for places in ([old, new], [new, old]):
        index, _ = AdvisoryFiles(places).read({"foo-bar"})
        (found,) = index["foo-bar"]
        assert finding(found, Pin("foo-bar", "1")) is None


def test_a_path_that_is_not_there_is_a_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no such file or folder of advisories"):
        AdvisoryFiles([tmp_path / "none.zip"])


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "x.json is not JSON."),
        (b"{", "x.json is not JSON."),
        (b"[" * 100_000, "x.json is not JSON."),
        (b"1" * 10_000, "x.json is not JSON."),
        (b"\xff\xfe\x00", "x.json is not JSON."),
        (b"7", "x.json: it is no OSV record: it has no id."),
        (b'{"id": 7}', "x.json: it is no OSV record: it has no id."),
        (b"[]", "It holds no advisory."),
        (b'{"id": "X", "affected": 5}', "None of its advisories is of a package of PyPI."),
    ],
)
def test_a_malformed_file_is_one_problem(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(content)
    for place in (path, zipped(tmp_path / "x.zip", {"x.json": content})):
        index, (about,) = AdvisoryFiles([place]).read({"foo-bar"})
        assert index == {}
        assert about.problems == (problem,)


def test_a_bound_that_is_no_version_is_told(tmp_path: Path) -> None:
    path = write(tmp_path / "x.json", record({"introduced": "0"}, {"fixed": "newer"}))
    index, (about,) = AdvisoryFiles([path]).read({"foo-bar"})
    assert about.problems == ("PYSEC-1: a range of foo-bar has a bound that is no version.",)
    assert finding(index["foo-bar"][0], Pin("foo-bar", "1")) is None


def test_a_damaged_zip_is_one_problem(tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.zip", {"a.json": json.dumps(record()).encode() * 50})
    data = bytearray(path.read_bytes())
    data[40:60] = b"\xff" * 20
    path.write_bytes(data)
    _, (about,) = AdvisoryFiles([path]).read({"foo-bar"})
    assert about.problems == ("a.json cannot be unpacked.",)


def test_what_is_too_large_is_not_read(tmp_path: Path) -> None:
    bomb = zipped(tmp_path / "x.zip", {"a.json": b" " * (files.MAX_FILE + 1)})
    assert bomb.stat().st_size < 100_000
    _, (about,) = AdvisoryFiles([bomb]).read({"foo-bar"})
    assert about.problems == (f"a.json is larger than {files.MAX_FILE:,} bytes: not read.",)


def test_links_in_a_folder_are_not_followed(tmp_path: Path) -> None:
    write(tmp_path / "outside" / "a.json", record({"introduced": "0"}))
    folder = tmp_path / "folder"
    write(folder / "b.json", record({"introduced": "0"}, id="PYSEC-2"))
    (folder / "a.json").symlink_to(tmp_path / "outside" / "a.json")
    (folder / "all").symlink_to(tmp_path / "outside")
    index, _ = AdvisoryFiles([folder]).read({"foo-bar"})
    assert [found.id for found in index["foo-bar"]] == ["PYSEC-2"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | VERSIONS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("id", "affected", "package", "ecosystem", "name", "ranges", "type", "events"),
                    *("introduced", "fixed", "limit", "versions", "severity", "score", "modified"),
                ]
            ),
            inner | st.sampled_from(["PyPI", "foo-bar", "ECOSYSTEM", "0"]),
            max_size=6,
        )
    ),
    max_leaves=20,
)


@given(JSON)
def test_any_json_is_a_record_or_refused(raw: Any) -> None:
    try:
        found = parse(raw)
    except MalformedError:
        return
    finding(found, Pin("foo-bar", "1.0"))
