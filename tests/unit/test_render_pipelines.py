"""Imports and remarks on stages, in sentences."""

from dataclasses import replace

import pytest
from support.samples import sample_dossier

from audit.facts import DeclaredStage, Import, StageState, UpstreamHolds
from audit.render import pipelines

A, B, SHA = "a" * 32, "b" * 32, "c" * 40
ITEM = Import("s", "https://example.org/shop", SHA, "x.csv", file="x.csv.dvc", imported=A)


@pytest.mark.parametrize(
    ("item", "told"),
    [
        (replace(ITEM, reason="not configured"), "not followed, not configured."),
        (
            replace(ITEM, repository="shop", digest=A, held=UpstreamHolds.TRACKED),
            "shop tracks the same digest there.",
        ),
        (
            replace(ITEM, repository="shop", digest=B, held=UpstreamHolds.TRACKED),
            "shop has other data there",
        ),
        (
            replace(ITEM, repository="shop", digest=A, held=UpstreamHolds.GIT),
            "the same content stands in git in shop, hashed now.",
        ),
        (
            replace(ITEM, repository="shop", digest=B, held=UpstreamHolds.INSIDE, upstream="u"),
            "the folder that shop tracks there lists it",
        ),
        (
            replace(ITEM, repository="shop", digest=B, held=UpstreamHolds.INSIDE, reason="no list"),
            "not followed, no list.",
        ),
    ],
)
def test_what_became_of_an_import(item: Import, told: str) -> None:
    (line,) = pipelines.imports(replace(sample_dossier(), imports=(item,)), 20)
    assert line.startswith("x.csv.dvc imports x.csv of commit ")
    assert told in line


def test_how_stages_came_to_their_results() -> None:
    stage = StageState("s", "churn", "dvc.lock", "train", (SHA,), frozen=True, again_in=(SHA, SHA))
    never = DeclaredStage("churn", "dvc.yaml", "never", SHA, frozen=True)
    dossier = replace(sample_dossier(), stages=(stage,), declared_stages=(never,) * 3)
    frozen, again, declared = pipelines.remarks(dossier, 2)
    assert frozen.startswith("train was frozen")
    assert "and in 1 later commit:" in again
    assert declared.endswith("never (dvc.yaml, frozen), never (dvc.yaml, frozen) and 1 more.")
    plain = replace(dossier, stages=(replace(stage, frozen=False, again_in=()),))
    assert not list(pipelines.remarks(replace(plain, declared_stages=()), 20))
