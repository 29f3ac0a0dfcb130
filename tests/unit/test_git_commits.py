"""What a commit object says: message conventions, trailers, and exactly what a signature covers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.sources.git.commits import (
    MAX_MESSAGE,
    parse_commit,
    parse_tag,
    pull_request,
    signed_parts,
    trailers,
)

CHANGE = f"I{'0a' * 20}"


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Merge pull request #12 from models/tenure-cap\n\nCap the tenure", "#12"),
        ("Cap the tenure at eight years (#12)\n\n* more", "#12"),
        ('Revert "Cap the tenure (#12)" (#13)', "#13"),
        ("Merge branch 'x' into 'main'\n\nCap\n\nSee merge request risk/churn!7", "!7"),
        ("Merged in cap (pull request #9)\n\nCap the tenure", "#9"),
        ("Pull request #31: Cap the tenure\n\nMerge in RISK/churn", "#31"),
        ("Merged PR 402: Cap the tenure", "#402"),
        ("Merge pull request 'Cap' (#5) from alice/churn:cap into main", "#5"),
        (f"Cap the tenure\n\nChange-Id: {CHANGE}", CHANGE),
        ('Revert "Cap the tenure (#12)"', ""),
        ("Fix #12", ""),
        ("Cap\n\nas in (#12)", ""),
        ("See merge request risk/churn!7 for the rest", ""),
        ("", ""),
    ],
)
def test_the_conventions_of_pull_requests(message: str, expected: str) -> None:
    assert pull_request(message) == expected


def test_trailers_are_the_last_paragraph_if_all_of_it_is_trailers() -> None:
    last = "Reviewed-by: Carol <carol@example.org>\nSigned-off-by: alice\n  and bob"
    assert trailers(f"Cap\n\nLong: text\nand more\n\n{last}\n") == (
        ("Reviewed-by", "Carol <carol@example.org>"),
        ("Signed-off-by", "alice and bob"),
    )
    for message in (
        "",
        "Reviewed-by: carol",
        "Cap\n\nReviewed-by: carol\nplain text",
        "a\n\n  b: c",
    ):
        assert trailers(message) == ()


def _raw(*signature: str) -> bytes:
    lines = [f"tree {'a' * 40}", "author a <a> 1 +0000", "committer b <b> 2 +0000", *signature]
    return ("\n".join(lines) + "\n\nsubject\n\nbody\n gpgsig\n").encode()


def test_what_is_signed_is_the_object_without_its_signature() -> None:
    signature = (
        "gpgsig -----BEGIN SSH SIGNATURE-----",
        " AAAA",
        " ",
        " -----END SSH SIGNATURE-----",
    )
    found = signed_parts(_raw(*signature))
    assert found is not None
    assert (found.kind, found.several) == ("ssh", False)
    assert found.payload == _raw()
    assert found.signature == (
        b"-----BEGIN SSH SIGNATURE-----\nAAAA\n\n-----END SSH SIGNATURE-----\n"
    )
    assert signed_parts(_raw()) is None


def test_a_signature_of_a_merged_tag_is_not_the_commits_own() -> None:
    tag = ("mergetag object x", " type commit", " gpgsig -----BEGIN PGP SIGNATURE-----", " x")
    assert signed_parts(_raw(*tag)) is None
    signed = signed_parts(_raw(*tag, "gpgsig -----BEGIN PGP SIGNATURE-----", " y"))
    assert signed is not None
    assert signed.payload == _raw(*tag)


def test_two_signatures_are_said_to_be_several() -> None:
    one = ("gpgsig -----BEGIN PGP SIGNATURE-----", " x")
    found = signed_parts(_raw(*one, *one))
    assert found is not None
    assert found.several
    other = signed_parts(_raw(*one, "gpgsig-sha256 -----BEGIN PGP SIGNATURE-----", " z"))
    assert other is not None
    assert not other.several
    assert other.payload == _raw()


@given(st.binary(max_size=400))
def test_any_bytes_are_read_as_far_as_they_go(raw: bytes) -> None:
    commit = parse_commit(raw)
    assert len(commit.message) <= MAX_MESSAGE
    assert isinstance(commit.trailers, tuple)
    assert isinstance(commit.pull_request, str)
    assert parse_tag(raw)[0] == "" or isinstance(parse_tag(raw)[0], str)


@given(st.lists(st.binary(max_size=30).filter(lambda line: b"\n" not in line), max_size=6))
def test_a_signature_is_taken_out_and_nothing_else(lines: list[bytes]) -> None:
    head = [b"tree x", *(b"other " + line for line in lines)]
    plain = b"\n".join(head) + b"\n\nmessage\0\xff\n"
    armour = b"gpgsig -----BEGIN PGP SIGNATURE-----\n " + b"\n ".join(lines)
    found = signed_parts(b"\n".join([head[0], armour, *head[1:]]) + b"\n\nmessage\0\xff\n")
    assert found is not None
    assert found.payload == plain
    assert found.signature == b"\n".join([b"-----BEGIN PGP SIGNATURE-----", *(lines or [b""]), b""])


def test_a_long_message_is_cut() -> None:
    commit = parse_commit(b"tree x\n\n" + b"m" * 10_000)
    assert len(commit.message) == len(commit.subject) == MAX_MESSAGE


def test_a_tag_names_its_object_and_time() -> None:
    raw = f"object {'a' * 40}\ntype commit\ntag v1\ntagger t <t> 7 +0000\n\nobject b\n".encode()
    assert parse_tag(raw) == ("a" * 40, 7000)
    assert parse_tag(b"") == ("", None)


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [
        ("ISO-8859-1", "\N{LATIN SMALL LETTER O WITH DIAERESIS}\\ud800"),
        ("unicode_escape", "\N{REPLACEMENT CHARACTER}\\ud800"),
        ("punycode", "\N{REPLACEMENT CHARACTER}\\ud800"),
        ("../etc/passwd", "\N{REPLACEMENT CHARACTER}\\ud800"),
    ],
)
def test_only_character_sets_are_taken_for_encodings(encoding: str, expected: str) -> None:
    raw = f"tree x\nencoding {encoding}\n\n".encode() + b"\xf6\\ud800"
    assert parse_commit(raw).subject == expected
