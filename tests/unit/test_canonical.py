"""Canonical JSON and slugs."""

import hashlib
import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from audit import canonical
from audit.facts import Run, TrackedPath

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(JSON)
def test_canonical_json_reads_back_and_is_stable(value: object) -> None:
    data = canonical.dumps(value)
    assert canonical.loads(data.decode("utf-8", "surrogatepass")) == value
    assert canonical.dumps(json.loads(data.decode("utf-8", "surrogatepass"))) == data


@given(st.dictionaries(st.text(), st.integers()))
def test_the_order_of_keys_does_not_matter(value: dict[str, int]) -> None:
    assert canonical.dumps(dict(reversed(list(value.items())))) == canonical.dumps(value)


@given(st.builds(Run, run_id=st.text(), params=st.dictionaries(st.text(), st.text())))
def test_a_dataclass_reads_back_equal(run: Run) -> None:
    assert canonical.load(Run, canonical.plain(run)) == run


@given(st.lists(st.text(max_size=80), unique=True, max_size=30))
def test_slugs_are_safe_and_never_collide(names: list[str]) -> None:
    slugs = [canonical.slug(name) for name in names]
    assert len(set(slugs)) == len(names)
    for slug in slugs:
        assert slug.strip("abcdefghijklmnopqrstuvwxyz0123456789-_") == ""
        assert 0 < len(slug) <= 80


def test_plain_names_stay_readable() -> None:
    assert canonical.slug("churn") == "churn"
    assert canonical.slug("Churn").startswith("churn-")
    assert canonical.slug("../../etc/passwd").startswith("etc-passwd-")
    assert canonical.slug("").startswith("model-")
    forged = canonical.slug("Churn")
    assert canonical.slug(forged) != forged


def test_digests(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"weights")
    assert canonical.sha256_file(tmp_path / "f") == hashlib.sha256(b"weights").hexdigest()
    one, other = TrackedPath("a"), TrackedPath("a")
    assert canonical.digest_of(one) == canonical.digest_of(other)


def test_digests_are_shortened_the_same_way_everywhere() -> None:
    for digest in ("9b21d07e55c1" + "0" * 28, "md5:9b21d07e55c1", "md5:9b21d07e55c1aa.dir"):
        assert canonical.short_digest(digest) == "9b21 d07e 55c1"
    for other in ("", "HEAD", "1a2b3c4d", "9b21d07e55c1<b>", "m-1"):
        assert canonical.short_digest(other) == other
