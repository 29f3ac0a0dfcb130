"""Tags that name data, held against a real DVC history of which the test knows the truth."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.dvcworld import Training, World, world

from audit.config import Code
from audit.config.sections import CONVENTIONS
from audit.facts import (
    ArtifactFile,
    DeclaredDigest,
    ModelVersion,
    Run,
    VersionFacts,
    Weights,
)
from audit.gather.join import join
from audit.lineage import build
from audit.sources.recorders.conventions import declared_digests
from audit.sources.repositories import DvcRepository, open_code
from audit.verdicts import Grade


@pytest.fixture(scope="module")
def churn(tmp_path_factory: pytest.TempPathFactory) -> World:
    return world(tmp_path_factory)


@pytest.fixture(scope="module")
def code(churn: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DvcRepository]:
    opened = open_code(Code(path=churn.repository), tmp_path_factory.mktemp("cache"))[0]
    yield opened
    opened.close()


def facts(training: Training, code: DvcRepository, tags: dict[str, str]) -> VersionFacts:
    weights = Weights(files=(ArtifactFile("model.pkl", 9, "", training.weights),), read=True)
    run = Run("r1", tags={"mlflow.source.git.commit": training.tagged, **tags})
    version = ModelVersion("churn", 1, run_id="r1")
    return VersionFacts(version, run=run, weights=weights, pipeline=join(weights, run, [code]))


def told(own: VersionFacts, code: DvcRepository) -> DeclaredDigest:
    (found,) = declared_digests(own, CONVENTIONS, [code])
    return found


def test_the_data_that_was_really_used_is_found(churn: World, code: DvcRepository) -> None:
    for training in churn.trainings:
        found = told(facts(training, code, {"dvc_data_md5": training.raw}), code)
        assert (found.used, found.contradicts) == (True, ""), training
        assert found.known


def test_the_data_of_another_training_contradicts(churn: World, code: DvcRepository) -> None:
    """What a script does that logs the digest before it pulls the data."""
    contradicted = 0
    for training in churn.trainings:
        for other in {item.raw for item in churn.trainings} - {training.raw}:
            own = facts(training, code, {"dvc_data_md5": other})
            found = told(own, code)
            assert not found.used
            if not found.contradicts:
                continue
            contradicted += 1
            assert found.contradicts.endswith(f"@{training.raw}")
            graph = build(VersionFacts(
                own.version, run=own.run, weights=own.weights, pipeline=own.pipeline,
                declared_digests=(found,),
            ))  # fmt: skip
            assert any(edge.grade is Grade.CONTRADICTED for edge in graph.edges)
            assert not any(other in node.digest for node in graph.nodes)
    assert contradicted


def test_a_commit_of_the_lineage(churn: World, code: DvcRepository) -> None:
    training = churn.trainings[0]
    found = told(facts(training, code, {"dvc_commit": training.lock}), code)
    assert (found.known, found.used) == ("commit of churn", True)
