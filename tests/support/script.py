"""A scripted quarter: what several people do to a registry, each through a client of their own.

``support.book`` writes the truth of it down. At the marks somebody may look at the registry:
``deeds.net`` tells what one who only looks then can know to have changed between two marks.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from support.book import Book
from support.hands import Cast, Hand

BUCKET = "s3://models.example/"
"""Nobody reads it: sources that MLflow's server takes as they are."""


def play(book: Book, cast: Cast) -> None:
    """Play the quarter, with a mark after each chapter and some within."""
    for chapter in (
        _founding, _promotion, _words, _renaming, _deletion, _second_of_its_name, _copies,
        _crowd, _round_the_server, _by_sql, _there_and_back,
    ):  # fmt: skip
        chapter(book, cast)
        book.mark(chapter.__name__.removeprefix("_"))


def _founding(book: Book, cast: Cast) -> None:
    book.create_model(
        cast.alice, "churn", tags={"owner": "carol", "tier": "1"}, description="Who leaves?"
    )
    book.add_version(cast.alice, "churn", f"{BUCKET}churn/1")
    book.add_version(
        cast.bob, "churn", f"{BUCKET}churn/2", tags={"data": "2026-Q2"}, description="second"
    )
    book.alias(cast.alice, "churn", "champion", 1)
    book.alias(cast.bob, "churn", "challenger", 2)


def _promotion(book: Book, cast: Cast) -> None:
    book.stage(cast.alice, "churn", 1, "Staging")
    book.stage(cast.alice, "churn", 1, "Production")
    book.refused(
        cast.carol, "churn", lambda her: her.set_registered_model_alias("churn", "champion", "2")
    )
    book.alias(cast.bob, "churn", "champion", 2)
    book.alias(cast.alice, "churn", "champion", 1)
    book.alias(cast.bob, "churn", "champion", 1)  # as it is: nothing happens
    book.alias(cast.bob, "churn", "champion", 2)
    book.stage(cast.archivist, "churn", 2, "Production", archive=True)
    book.stage(cast.bob, "churn", 2, "Production")  # as it is
    book.stage(cast.alice, "churn", 1, "None")
    book.stage(cast.alice, "churn", 1, "Archived")
    book.unalias(cast.alice, "churn", "challenger")
    book.unalias(cast.alice, "churn", "challenger")  # not there any more
    book.alias(cast.alice, "churn", "challenger", 1)


def _words(book: Book, cast: Cast) -> None:
    book.tag_model(cast.alice, "churn", "reviewed", "no")
    book.tag_model(cast.bob, "churn", "reviewed", 'yes: "größer" = 1, 2')
    book.tag_model(cast.bob, "churn", "reviewed", 'yes: "größer" = 1, 2')  # as it is
    book.untag_model(cast.alice, "churn", "tier")
    book.untag_model(cast.alice, "churn", "tier")  # not there any more
    book.describe(cast.bob, "churn", "Who leaves, and why?\nAsk Carol's team.")
    book.describe(cast.bob, "churn", "")
    book.describe(cast.alice, "churn", "Which customers leave")
    book.tag_version(cast.bob, "churn", 2, "approved", "pending")
    book.tag_version(cast.alice, "churn", 2, "approved", "by alice")
    book.untag_version(cast.alice, "churn", 2, "data")
    book.untag_version(cast.alice, "churn", 2, "data")  # not there any more
    book.describe_version(cast.bob, "churn", 1, "the first")
    book.describe_version(cast.alice, "churn", 1, "the very first")
    book.describe_version(cast.bob, "churn", 1, "")


def _renaming(book: Book, cast: Cast) -> None:
    book.create_model(cast.carol, "uplift")
    book.rename(cast.alice, "churn", "churn eu")
    book.alias(cast.bob, "churn eu", "champion", 1)
    book.tag_version(cast.bob, "churn eu", 1, "renamed", "once")
    book.refused(cast.bob, "uplift", lambda his: his.rename_registered_model("churn eu", "uplift"))
    book.mark("renamed")
    book.rename(cast.bob, "churn eu", "churn")
    book.alias(cast.alice, "churn", "champion", 2)


def _deletion(book: Book, cast: Cast) -> None:
    """A version goes while it holds two aliases; its number is not given again."""
    third = book.add_version(
        cast.alice, "churn", f"{BUCKET}churn/3", tags={"data": "2026-Q3"}, description="third"
    )
    book.alias(cast.alice, "churn", "candidate", third)
    book.alias(cast.bob, "churn", "challenger", third)
    book.stage(cast.alice, "churn", third, "Staging")
    book.delete_version(cast.bob, "churn", third)
    fourth = book.add_version(cast.alice, "churn", f"{BUCKET}churn/4")
    assert fourth == third + 1
    book.alias(cast.alice, "churn", "candidate", fourth)


def _second_of_its_name(book: Book, cast: Cast) -> None:
    """A model is deleted whole and another made under its name."""
    book.create_model(cast.carol, "fraud", tags={"owner": "carol"}, description="Is it fraud?")
    first = book.add_version(cast.carol, "fraud", f"{BUCKET}fraud/1", tags={"data": "may"})
    book.add_version(cast.alice, "fraud", f"{BUCKET}fraud/2")
    book.describe(cast.carol, "fraud", "Is it a fraud?")
    gone = book.add_version(cast.alice, "fraud", f"{BUCKET}fraud/3")
    book.alias(cast.carol, "fraud", "champion", first)
    book.delete_version(cast.alice, "fraud", gone)
    book.mark("fraud stands")
    book.delete_model(cast.carol, "fraud")
    book.create_model(cast.bob, "fraud", tags={"owner": "bob"})
    again = book.add_version(cast.bob, "fraud", f"{BUCKET}fraud/again")
    assert again == first
    book.alias(cast.bob, "fraud", "champion", again)
    book.create_model(cast.carol, "passing")  # made and gone between two looks
    book.delete_model(cast.carol, "passing")


def _copies(book: Book, cast: Cast) -> None:
    book.copy_version(cast.alice, "churn", 2, "churn live")
    book.copy_version(cast.alice, "churn", 4, "churn live")


def _crowd(book: Book, cast: Cast) -> None:
    """Three people at once: each a model of their own, and all of them one model."""
    people = (cast.alice, cast.bob, cast.carol)
    book.create_model(cast.bob, "shared")
    for number in (1, 2):
        book.add_version(cast.bob, "shared", f"{BUCKET}shared/{number}")

    def work(hand: Hand) -> None:
        mine = f"of {hand.actor or 'anybody'} {people.index(hand)}"
        book.create_model(hand, mine)
        book.add_version(hand, mine, f"{BUCKET}{mine}")
        alias = f"for-{people.index(hand)}"
        for turn in range(3):
            book.alias(hand, "shared", alias, 1 + turn % 2)
            book.tag_model(hand, "shared", alias, str(turn))
            book.tag_version(hand, "shared", 1, alias, str(turn))
            book.tag_version(hand, mine, 1, "turn", str(turn))
        book.unalias(hand, "shared", alias)

    with ThreadPoolExecutor(len(people)) as pool:
        list(pool.map(work, people))


def _round_the_server(book: Book, cast: Cast) -> None:
    """A client that opens the database itself: nobody is authenticated."""
    fifth = book.add_version(cast.direct, "churn", f"{BUCKET}churn/5", tags={"data": "own"})
    book.alias(cast.direct, "churn", "champion", fifth)
    book.tag_version(cast.direct, "churn", fifth, "approved", "surely")
    book.describe(cast.direct, "churn live", "Served")
    book.alias(cast.alice, "churn", "champion", 2)  # a named user right after


def _by_sql(book: Book, cast: Cast) -> None:
    book.sql_source(cast.raw, "churn", 4, f"{BUCKET}other/4")
    book.sql_delete_version(cast.raw, "churn", 5)
    book.sql_alias(cast.raw, "churn", "candidate", 1)


def _there_and_back(book: Book, cast: Cast) -> None:
    """All of it is undone before the next look: one who only looks sees nothing."""
    book.alias(cast.bob, "churn", "champion", 1)
    book.alias(cast.bob, "churn", "champion", 2)
    book.rename(cast.alice, "churn live", "churn dead")
    book.rename(cast.alice, "churn dead", "churn live")
    book.tag_model(cast.alice, "churn", "passing", "through")
    book.untag_model(cast.alice, "churn", "passing")
    book.sql_alias(cast.raw, "churn", "candidate", 2, 1)
