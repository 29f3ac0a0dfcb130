"""``dvc.lock``, ``*.dvc`` and ``dvc.yaml`` as records."""

import contextlib
import io
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from audit.facts import TrackedPath
from audit.sources.artifacts.hashing import folder_digest
from audit.sources.dvc import files as dvc_files
from audit.sources.dvc.declared import Declared, parse_yaml
from audit.sources.dvc.files import StageRecord
from audit.sources.dvc.yaml12 import MalformedError

A, B, C = "a" * 32, "b" * 32, "c" * 32

_NAMES = st.from_regex(r"[a-z][a-z0-9_@-]{0,10}", fullmatch=True)
_PATHS = st.lists(_NAMES, min_size=1, max_size=3).map("/".join)
_DIGESTS = st.from_regex(r"[0-9a-f]{32}(\.dir)?", fullmatch=True)
_TRACKED = st.builds(
    TrackedPath,
    path=_PATHS,
    digest=_DIGESTS,
    hash_name=st.sampled_from(["md5", "md5-dos2unix"]),
    size=st.none() | st.integers(0, 2**60),
    files=st.none() | st.integers(0, 10**6),
)
_KEYS = (
    *("schema", "stages", "cmd", "wdir", "deps", "outs", "params", "path", "md5"),
    *("repo", "files", "relpath", "do"),
)
_PARAMS = st.dictionaries(
    st.tuples(_PATHS, _NAMES),
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text("abc 1e-:"),
    max_size=4,
)


def _entry(path: TrackedPath) -> dict[str, Any]:
    entry: dict[str, Any] = {"path": path.path}
    if path.hash_name == "md5":
        entry["hash"] = "md5"
    entry["md5"] = path.digest
    if path.size is not None:
        entry["size"] = path.size
    if path.files is not None:
        entry["nfiles"] = path.files
    return entry


def _written(value: Any) -> bytes:
    stream = io.BytesIO()
    YAML().dump(value, stream)
    return stream.getvalue()


@given(
    _NAMES,
    st.lists(_TRACKED, max_size=3),
    st.lists(_TRACKED, max_size=3),
    _PARAMS,
    st.sampled_from(["1", "2"]),
)
def test_a_lock_comes_back_as_it_was_written(
    name: str,
    deps: list[TrackedPath],
    outs: list[TrackedPath],
    params: dict[tuple[str, str], Any],
    schema: str,
) -> None:
    grouped: dict[str, dict[str, Any]] = {}
    for (file, key), value in params.items():
        grouped.setdefault(file, {})[key] = value
    stage = {
        "cmd": "python x.py && *.csv",
        "deps": [_entry(item) for item in deps],
        "params": grouped,
        "outs": [_entry(item) for item in outs],
    }
    stages = {f"s{name}": stage}
    document = {"schema": "2.0", "stages": stages} if schema == "2" else stages
    data = _written(document)
    parsed = dvc_files.parse_lock(data, "dvc.lock")
    assert not parsed.problems
    assert parsed.stages == (
        StageRecord(
            stage=f"s{name}",
            command="python x.py && *.csv",
            deps=tuple(deps),
            outs=tuple(outs),
            params={
                f"{file}:{key}": dvc_files.json_text(value) for (file, key), value in params.items()
            },
        ),
    )
    assert {item.digest for item in (*deps, *outs)} <= dvc_files.digests_in(data)


@given(st.binary(max_size=400))
def test_no_bytes_make_a_parser_raise(data: bytes) -> None:
    dvc_files.parse_lock(data, "dvc.lock")
    dvc_files.parse_dvc(data, "a.dvc")
    dvc_files.digests_in(data)


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.text(max_size=5)
        | st.sampled_from([A, "2.0"]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(_KEYS),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_no_shape_makes_a_parser_raise(value: Any) -> None:
    data = json.dumps(value).encode()
    for parsed in (dvc_files.parse_lock(data, "dvc.lock"), dvc_files.parse_dvc(data, "x.dvc")):
        for stage in parsed.stages:
            assert all(isinstance(item.path, str) for item in (*stage.deps, *stage.outs))
    with contextlib.suppress(MalformedError):
        parse_yaml(data)


def _one(text: str, file: str = "dvc.lock", **declared: Declared) -> StageRecord:
    parsed = dvc_files.parse_lock(text.encode(), file, declared)
    assert not parsed.problems
    return parsed.stages[0]


def test_paths_are_relative_to_the_root_whatever_the_working_directory() -> None:
    text = f"schema: '2.0'\nstages:\n  s@x:\n    outs:\n    - {{path: ../../v.txt, md5: {A}}}\n"
    assert _one(text, "sub/dvc.lock", s=Declared("scripts")).outs[0].path == "v.txt"
    assert _one(text, "sub/dvc.lock").outs[0].path == "../v.txt"
    absolute = text.replace("../../v.txt", "/srv/../srv/v.txt")
    assert _one(absolute, "sub/dvc.lock").outs[0].path == "/srv/v.txt"


def test_legacy_and_other_digests_keep_their_names() -> None:
    text = (
        f"s:\n  deps:\n  - {{path: a, md5: {A}}}\n  - {{path: b, etag: '\"x-1\"'}}\n"
        "  - {path: c, checksum: 00ff}\n  - {path: d}\n  cmd: [one, two]\n"
    )
    record = _one(text)
    names = [(dep.hash_name, dep.digest) for dep in record.deps]
    assert names == [("md5-dos2unix", A), ("etag", '"x-1"'), ("checksum", "00ff"), ("md5", "")]
    assert record.command == "one\ntwo"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("s:\n  outs:\n  - {path: a, md5: 12345678901234567890123456789012}", "digest of 'a'"),
        ("s:\n  outs:\n  - {path: a, md5: ../../etc/passwd}", "digest of 'a'"),
        ("s:\n  outs:\n  - {path: a, etag: [1]}", "digest of 'a'"),
        ("s:\n  outs:\n  - {path: a, files: [{md5: x}]}", "digest of 'a'"),
        ("s:\n  outs:\n  - {md5: x}", "has no path"),
        ("s: 1", "stage 's' is not a mapping"),
        ("s:\n  params: [a]", "parameters of its stage"),
        ("[1]", "not a mapping"),
        ("schema: '9.0'", "schema '9.0' is not known"),
        ("schema: '2.0'\nstages: [1]", "stages are not a mapping"),
        ("a: b: c", "not valid YAML"),
    ],
)
def test_what_is_malformed_is_told_and_the_rest_is_read(text: str, problem: str) -> None:
    parsed = dvc_files.parse_lock(text.encode(), "dvc.lock")
    assert all(not out.digest for stage in parsed.stages for out in stage.outs)
    assert len(parsed.problems) == 1
    assert problem in parsed.problems[0]


def test_a_dvc_file_s_own_checksum_is_not_its_data_s() -> None:
    text = f"md5: {A}\nouts:\n- md5: {B}.dir\n  size: 5\n  nfiles: 2\n  hash: md5\n  path: raw\n"
    parsed = dvc_files.parse_dvc(text.encode(), "data/raw.dvc")
    assert parsed.stages[0].outs == (TrackedPath("data/raw", f"{B}.dir", "md5", 5, 2),)
    assert parsed.stages[0].imported_from == ""


def test_imports_name_where_they_came_from_without_secrets() -> None:
    text = (
        "frozen: true\ndeps:\n- path: vocab.txt\n  repo:\n"
        f"    url: https://bob:s3cret@example.org/r.git\n    rev_lock: {C}\nouts:\n"
        f"- {{md5: {A}, hash: md5, path: v.txt}}\n"
    )
    record = dvc_files.parse_dvc(text.encode(), "data/v.txt.dvc").stages[0]
    assert record.imported_from.endswith(f"@example.org/r.git@{C}")
    assert "s3cret" not in record.imported_from
    assert record.deps[0].path == "vocab.txt"
    assert "imported" in record.elsewhere["data/v.txt"]
    text = (
        "deps:\n- path: https://bob:s3cret@example.org/x.csv\n  etag: abc\n"
        f"outs:\n- {{md5: {A}, hash: md5, path: x.csv}}\n"
    )
    record = dvc_files.parse_dvc(text.encode(), "x.csv.dvc").stages[0]
    assert record.imported_from == record.deps[0].path
    assert "s3cret" not in record.imported_from
    assert not record.elsewhere


def test_a_stage_of_the_oldest_dvc_is_no_import() -> None:
    text = (
        f"cmd: make\ndeps:\n- {{path: a.py, md5: {A}}}\nouts:\n- {{path: b, md5: {B}}}\nwdir: ..\n"
    )
    record = dvc_files.parse_dvc(text.encode(), "x/y/b.dvc").stages[0]
    assert (record.command, record.imported_from, record.deps[0].path) == ("make", "", "x/a.py")


def test_a_dvc_yaml_adds_working_directories_and_what_no_remote_holds() -> None:
    declared = parse_yaml(
        b"stages:\n  a: {wdir: src, outs: [x, {y: {push: false}}]}\n"
        b"  b:\n    foreach: [1, 2]\n    do:\n      wdir: ${dir}\n"
        b"      metrics: [{'out/${item}.json': {cache: false}}]\n  c: 7\n"
    )
    assert declared["a"] == Declared("src", (("y", "never pushed (push: false)"),))
    assert declared["b"].folder == "${dir}"
    text = f"b@1:\n  outs:\n  - {{path: out/1.json, md5: {A}}}\n  - {{path: out/m.bin, md5: {B}}}\n"
    record = dvc_files.parse_lock(text.encode(), "p/dvc.lock", declared).stages[0]
    assert record.elsewhere == {"p/${dir}/out/1.json": "not kept by DVC (cache: false)"}
    tracked = b"outs:\n- {path: a, md5: " + A.encode() + b", push: false}\n"
    assert dvc_files.parse_dvc(tracked, "a.dvc").stages[0].elsewhere == {
        "a": "never pushed (push: false)"
    }


def test_a_folder_s_digest_is_dvc_s() -> None:
    from dvc_data.hashfile.hash_info import HashInfo
    from dvc_data.hashfile.tree import Tree

    members = [("z/ä.txt", A), ("a.txt", B), ("z.txt", C)]
    tree = Tree()
    for path, digest in members:
        tree.add(tuple(path.split("/")), None, HashInfo("md5", digest))
    tree.digest()
    assert folder_digest(members) == tree.hash_info.value
    files = ", ".join(f"{{relpath: {path}, md5: {digest}}}" for path, digest in members)
    record = _one(f"s:\n  outs:\n  - {{path: d, files: [{files}]}}\n")
    assert record.outs[0].digest == tree.hash_info.value


def test_parameter_values_are_canonical_json() -> None:
    assert dvc_files.json_text({"b": [1, None], "a": math.nan}) == '{"a":"nan","b":[1,null]}'
    assert dvc_files.json_text(math.inf) == '"inf"'
