"""The commits of a version in words: never more than is known, and against what."""

from dataclasses import replace

import pytest
from support.hostile import hostile
from support.sample_dossiers import sample_dossier

from audit.facts import CodeDigest, Commit, CommitSignature, CommitState, SignatureState
from audit.render.commits import apart, commits
from audit.report.model import Dossier

LOCK, TAGGED = "a1" * 20, "b2" * 20
KEY = f"SHA256:{'k' * 43}"
AGAINST = f"allowed_signers sha256:{'c' * 64}"


@pytest.fixture
def dossier() -> Dossier:
    base = sample_dossier()
    lock = Commit(LOCK, CommitState.REACHABLE, "churn", author="alice", branches=("main",))
    tagged = replace(lock, sha=TAGGED, subject="Train again", message="Train again")
    return replace(base, tagged_commit=tagged, commits=(lock,), stages=(), tree=(), distance=None)


def _told(dossier: Dossier, **changes: object) -> str:
    tagged = replace(dossier.tagged_commit or Commit("", CommitState.MISSING), **changes)
    return commits(replace(dossier, tagged_commit=tagged), 10).rows[0].remark


@pytest.mark.parametrize(
    ("state", "reason", "expected"),
    [
        (
            SignatureState.GOOD,
            "",
            (
                f"good, by the SSH key {KEY} of alice@example.org, held against allowed_signers "
                "(cccc cccc cccc) as of the time that the commit names."
            ),
        ),
        (
            SignatureState.UNKNOWN_SIGNER,
            "the allowed signers do not hold the key",
            (
                f"unknown signer, SSH key {KEY} of alice@example.org: the allowed signers do not "
                "hold the key, held against allowed_signers (cccc cccc cccc)."
            ),
        ),
        (SignatureState.BAD, "it is not over this commit", "bad, SSH key"),
        (SignatureState.EXPIRED, "until then", "key expired, SSH key"),
        (SignatureState.REVOKED, "so it is", "key revoked, SSH key"),
        (SignatureState.NOT_CHECKED, "gpg is not installed", ": gpg is not installed, held"),
    ],
)
def test_a_signature_is_told_with_what_it_was_held_against(
    dossier: Dossier, state: SignatureState, reason: str, expected: str
) -> None:
    signature = CommitSignature("ssh", state, "alice@example.org", KEY, reason, AGAINST)
    told = _told(dossier, signature=signature)
    assert f"Signature: {expected}" in told or expected in told
    assert "verified" not in told
    tagged = replace(dossier.commits[0], sha=TAGGED, signature=signature)
    row = commits(replace(dossier, tagged_commit=tagged), 10).rows[0]
    assert row.alarm == (state in (SignatureState.BAD, SignatureState.REVOKED))


def test_an_unsigned_commit_says_so_in_its_column_alone(dossier: Dossier) -> None:
    row = commits(dossier, 10).rows[0]
    assert row.cells[3] == "none"
    assert "Signature" not in row.remark
    older = replace(dossier.commits[0], signed="ssh", signature=CommitSignature())
    assert commits(replace(dossier, tagged_commit=older), 10).rows[0].cells[3] == "not checked"


def test_how_a_commit_got_there(dossier: Dossier) -> None:
    told = _told(
        dossier,
        merged_by="d" * 40,
        merged_at=1_780_000_000_000,
        pull_request="#12",
        tags=("v1", "v2", "v3", "v4", "v5"),
        other_branches=("work",),
        trailers=(("Reviewed-by", "carol"),),
    ).splitlines()
    assert told == [
        "Train again · by alice",
        (
            "Brought in by the merge dddd dddd dddd of 2026-05-28 20:26 UTC; a message names the "
            "request #12."
        ),
        "Also held by tags v1, v2, v3, v4 and more; work.",
        "The message adds Reviewed-by: carol.",
    ]
    assert "Its message names the request !7." in _told(dossier, pull_request="!7")


def test_the_tree_is_told_by_digests(dossier: Dossier) -> None:
    tree = tuple(
        CodeDigest(sha, path, "1" * 32, digest)
        for sha, path, digest in (
            (LOCK, "src/train.py", "1" * 32),
            (TAGGED, "src/train.py", "2" * 32),
            (TAGGED, "gone.py", ""),
            (TAGGED, "same.py", "1" * 32),
        )
    )
    tagged, lock = commits(replace(dossier, tree=tree), 10).rows
    told = "Compared by digest with what ran: "
    differ = "2 of 3 dependencies not equal: src/train.py, gone.py (absent)."
    assert tagged.remark.endswith(f"{told}{differ}")
    assert lock.remark.endswith(f"{told}1 dependency, all equal.")


@pytest.mark.parametrize(
    ("distance", "expected"),
    [
        (0, "The commit that the run names holds the lock itself."),
        (1, "The lock was committed 1 commit after the one that the run names."),
        (-3, "The lock was committed 3 commits before the one that the run names."),
        (None, "neither is known to descend from the other"),
    ],
)
def test_how_far_the_lock_is(dossier: Dossier, distance: int | None, expected: str) -> None:
    assert expected in apart(replace(dossier, distance=distance))


def test_nothing_is_said_of_a_distance_between_two_repositories(dossier: Dossier) -> None:
    elsewhere = replace(dossier.commits[0], sha=TAGGED, repository="other")
    assert apart(replace(dossier, tagged_commit=elsewhere)) == ""
    assert apart(replace(dossier, tagged_commit=None)) == ""
    assert apart(replace(dossier, commits=())) == ""


def test_a_commit_that_is_not_there_says_why(dossier: Dossier) -> None:
    reason = "churn holds it as the commit of its submodule libs/common"
    bare = Commit(TAGGED, CommitState.SUBMODULE, "churn", reason=reason)
    row = commits(replace(dossier, tagged_commit=bare), 10).rows[0]
    assert row.cells[2] == "commit of a submodule"
    assert row.remark == f"Where it stands: {reason}."


def test_hostile_text_stays_on_its_line(dossier: Dossier) -> None:
    found = commits(hostile(dossier), 10)
    assert all(len(row.remark.splitlines()) < 12 for row in found.rows)
