"""manifest.json: canonical, strict when read."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import bundles

from audit.archive import manifest
from audit.archive.manifest import ListedFile, TagFile
from audit.errors import VerificationError

SHA = "0" * 64
paths = st.from_regex(
    r"[A-Za-z0-9_][A-Za-z0-9._-]{0,10}(/[A-Za-z0-9_][a-z0-9.]{0,5})?", fullmatch=True
)
whole = st.builds(
    dataclasses.replace,
    st.just(bundles.draft()),
    organisation=st.text(max_size=30).filter(lambda text: text.isprintable()),
    revision=st.integers(1, 99),
    renderer=st.dictionaries(st.text("abc", min_size=1), st.text("0123.")),
    files=st.lists(
        st.builds(ListedFile, paths, st.just(SHA), st.integers(0, 1 << 40)),
        unique_by=lambda entry: entry.path,
    ).map(lambda entries: tuple(sorted(entries, key=lambda entry: entry.path))),
    tag_files=st.just((TagFile("VERIFY.md", SHA),)),
)


@given(whole)
def test_what_is_written_is_read_back(value):
    data = manifest.dump(value)
    assert manifest.parse(data) == value
    assert (
        data
        == json.dumps(
            json.loads(data), sort_keys=True, separators=(",", ":"), ensure_ascii=False
        ).encode()
    )


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_but_a_verification_error(data):
    with pytest.raises(VerificationError):
        manifest.parse(data)


def edited(**changes):
    value = json.loads(manifest.dump(bundles.draft()))
    return json.dumps(value | changes, sort_keys=True, separators=(",", ":")).encode()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (edited(schema="mlflow-audit/manifest/2"), "not a manifest of the schema"),
        (edited(extra=1), "canonical"),
        (edited() + b"\n", "canonical"),
        (edited().replace(b'"job":"quarterly"', b'"job":"x","job":"quarterly"'), "canonical"),
        (edited(revision="two"), "cannot be read"),
        (edited(files=[{"path": "a"}]), "cannot be read"),
        (edited(tag_files=[{"path": "../a", "sha256": SHA}]), "out of form"),
        (edited(tag_files=[{"path": "/etc/passwd", "sha256": SHA}]), "out of form"),
        (edited(tag_files=[{"path": "a", "sha256": "x"}]), "out of form"),
        (edited(tag_files=[{"path": "a", "sha256": SHA}] * 2), "lists a path twice"),
        (b"[" * 100_000, "cannot be read"),
        (b"[]", "not a manifest"),
    ],
)
def test_what_is_not_a_manifest(data, words):
    with pytest.raises(VerificationError, match=words):
        manifest.parse(data)


def test_folder_names():
    assert manifest.folder_name("2026-Q3") == "2026-Q3"
    assert manifest.folder_name("2026-07-01/2026-09-30", 2) == "2026-07-01_2026-09-30.r2"
    assert dataclasses.replace(bundles.draft(), revision=3).folder == "2024-Q4.r3"
