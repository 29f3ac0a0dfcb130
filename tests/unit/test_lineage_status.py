"""What is known of a version, in the words of its map and its list of files."""

from dataclasses import replace

from support.subjects import good_version

from audit import lineage
from audit.facts import ArtifactFile, Consumer, Match, MatchMethod, Pipeline, Weights
from audit.graph import NodeKind


def test_files_that_a_lock_names_alone_or_in_a_folder_are_proved() -> None:
    files = [ArtifactFile(p, 1, "", "") for p in ("MLmodel", "model/a", "model/b", "model.sig")]
    match = Match("s", MatchMethod.BYTES, artifact="model")
    facts = replace(
        good_version(), weights=Weights(files=tuple(files)), pipeline=Pipeline(matches=(match,))
    )
    assert lineage.proved_files(facts) == ("model/a", "model/b")
    guessed = replace(match, method=MatchMethod.PARAMETERS)
    assert lineage.proved_files(replace(facts, pipeline=Pipeline(matches=(guessed,)))) == ()


def test_the_map_says_one_package_and_dvc_stage() -> None:
    own = good_version()
    facts = replace(
        own,
        environment=replace(own.environment, packages=("numpy==2.0",)),
        consumers=(Consumer("dvc_stage", "score of dvc.lock", id="s"),),
    )
    details = {node.kind: node.detail for node in lineage.build(facts).nodes}
    assert details[NodeKind.ENVIRONMENT] == "1 package"
    assert details[NodeKind.CONSUMER] == "DVC stage"
