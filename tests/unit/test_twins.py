"""The same weights registered twice, told apart by how that came about."""

from dataclasses import replace

from support.subjects import good_version, sha256

from audit.facts import ArtifactFile, Tie, VersionFacts
from audit.gather.twins import with_twins


def version(
    number: int, *, run: str, place: str, weights: str = "w", origin: str = ""
) -> VersionFacts:
    facts = good_version()
    files = (
        ArtifactFile("MLmodel", 9, sha256(f"MLmodel of {place}"), ""),
        ArtifactFile("model.pkl", 9, sha256(weights), ""),
    )
    return replace(
        facts,
        version=replace(facts.version, version=number, run_id=run),
        weights=replace(facts.weights, location=place, files=files),
        origin=(origin,) if origin else (),
    )


def ties(*versions: VersionFacts) -> dict[str, dict[str, Tie]]:
    found = {facts.version.key: facts for facts in with_twins(versions)}
    assert all(facts.twins == tuple(facts.twin_ties) for facts in found.values())
    return {key: dict(facts.twin_ties) for key, facts in found.items()}


def test_each_way_to_the_same_weights_is_told_from_both_sides() -> None:
    found = ties(
        version(1, run="a", place="/1"),
        version(2, run="a", place="/1"),
        version(3, run="a", place="/3"),
        version(4, run="b", place="/4"),
        version(5, run="b", place="/5", origin="churn/1"),
        version(6, run="c", place="/6", weights="others"),
    )
    assert found["churn/1"] == {
        "churn/2": Tie.SAME_PLACE,
        "churn/3": Tie.SAME_RUN,
        "churn/4": Tie.OTHER_RUN,
        "churn/5": Tie.COPY,
    }
    assert found["churn/5"]["churn/1"] is Tie.COPY
    assert found["churn/4"]["churn/1"] is Tie.OTHER_RUN
    assert found["churn/6"] == {}


def test_copies_of_the_same_version_are_copies_of_each_other() -> None:
    found = ties(
        version(2, run="a", place="/2", origin="churn/1"),
        version(3, run="b", place="/3", origin="churn/1"),
    )
    assert found["churn/2"] == {"churn/3": Tie.COPY}


def test_versions_without_a_run_are_of_no_common_run() -> None:
    found = ties(version(1, run="", place="/1"), version(2, run="", place="/2"))
    assert found["churn/1"] == {"churn/2": Tie.OTHER_RUN}


def test_of_many_twins_a_hundred_are_named() -> None:
    found = ties(*(version(number, run=str(number), place=f"/{number}") for number in range(300)))
    assert {len(names) for names in found.values()} == {100}


def test_weights_that_were_not_read_are_like_no_others() -> None:
    lost = [
        replace(facts, weights=replace(facts.weights, read=False, files=()))
        for facts in (version(1, run="a", place="/1"), version(2, run="a", place="/1"))
    ]
    assert ties(*lost) == {"churn/1": {}, "churn/2": {}}


def test_models_that_are_nothing_but_descriptions_are_compared_by_them() -> None:
    def bare(number: int, content: str) -> VersionFacts:
        facts = version(number, run=str(number), place=f"/{number}")
        files = (ArtifactFile("MLmodel", 9, sha256(content), ""),)
        return replace(facts, weights=replace(facts.weights, files=files))

    found = ties(bare(1, "one"), bare(2, "two"), bare(3, "one"))
    assert found == {
        "churn/1": {"churn/3": Tie.OTHER_RUN},
        "churn/2": {},
        "churn/3": {"churn/1": Tie.OTHER_RUN},
    }
