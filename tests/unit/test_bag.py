"""BagIt tag files, written and read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.archive import bag
from audit.errors import VerificationError

SHA = "0" * 64
portable = st.from_regex(r"data/[A-Za-z0-9_][A-Za-z0-9._-]{0,20}", fullmatch=True)
digests = st.dictionaries(portable, st.text("0123456789abcdef", min_size=64, max_size=64))


@given(digests)
def test_a_manifest_is_read_back(value):
    assert bag.parse_manifest(bag.manifest(value)) == value


@given(st.binary(max_size=200))
def test_bytes_are_read_or_refused(data):
    try:
        found = bag.parse_manifest(data)
    except VerificationError:
        return
    assert all(len(digest) == 64 for digest in found.values())


@pytest.mark.parametrize(
    "line",
    [
        f"{SHA}  ../escape\n",
        f"{SHA}  data/../../escape\n",
        f"{SHA}  /etc/passwd\n",
        f"{SHA}  data/a%0Ab\n",
        f"{SHA}  data/.hidden\n",
        f"{SHA} data/one-space\n",
        f"{SHA} *data/binary-mark\n",
        f"{SHA.replace('0', 'A')}  data/upper\n",
        f"{SHA}  data/a\r\n",
        f"{SHA}  data/no-end",
        f"{SHA}  data/twice\n{SHA}  data/twice\n",
        "\n",
        "é\n",
    ],
)
def test_a_line_out_of_form_is_refused(line):
    with pytest.raises(VerificationError):
        bag.parse_manifest(line.encode())


def test_info_keeps_hostile_values_on_one_line():
    data = bag.info({"Source-Organization": "Example\r\nPayload-Oxum: 0.0", "Empty": ""})
    assert data == b"Source-Organization: Example Payload-Oxum: 0.0\n"


def test_oxum():
    assert bag.oxum([10, 5]) == "15.2"
    assert bag.oxum([]) == "0.0"
