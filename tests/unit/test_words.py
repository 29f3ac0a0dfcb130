"""Every code that a report can hold has a word, and every verdict a sign."""

import enum

import pytest

from audit.facts import CommitState, ObjectState, RunState
from audit.render import words
from audit.render.text import glyphs
from audit.verdicts import Grade, LineageStatus, Verdict, WeightsStatus


@pytest.mark.parametrize(
    ("table", "kind"),
    [
        (words.VERDICTS, Verdict),
        (words.VERDICT_SIGNS, Verdict),
        (words.VERDICT_MEANINGS, Verdict),
        (words.GRADES, Grade),
        (words.GRADE_MEANINGS, Grade),
        (words.WEIGHTS, WeightsStatus),
        (words.WEIGHTS_FILE, WeightsStatus),
        (words.WEIGHTS_MEANINGS, WeightsStatus),
        (words.LINEAGE, LineageStatus),
    ],
)
def test_every_member_has_its_word(table: dict[enum.Enum, str], kind: type[enum.Enum]):
    assert list(table) == list(kind)
    assert all(table.values())


@pytest.mark.parametrize("kind", [CommitState, ObjectState, RunState, LineageStatus, WeightsStatus])
def test_every_status_of_the_facts_has_words(kind):
    known = words.COMMITS if kind is CommitState else words.STATUSES
    assert {member.value for member in kind} <= set(known)


def test_signs_differ_and_can_be_shown():
    signs = list(words.VERDICT_SIGNS.values())
    assert len(set(signs)) == len(signs)
    assert {ord(sign) for sign in signs} <= glyphs()


def test_unknown_codes_are_told_as_they_are():
    assert words.status_word("brand_new") == "brand new"
    assert words.status_word("") == words.NOT_RECORDED


def test_counts_agree_with_their_nouns():
    assert words.counted(1, "version") == "1 version"
    assert words.counted(2301, "version") == "2,301 versions"
    assert words.counted(2, "entry", "entries") == "2 entries"


def test_the_same_word_of_commits_weights_and_data_is_not_the_same_status():
    assert words.commit_word("missing") == "in no configured repository"
    assert words.status_word("missing") == "missing"
    assert words.commit_word("unreachable") == "on no branch or tag"
    assert words.status_word("unreachable") == "unreachable"
    assert words.commit_word("malformed") == "malformed"
