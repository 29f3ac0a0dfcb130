"""Control packs: what they say, and every way in which one can be wrong."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from audit import resources
from audit.canonical import load, plain
from audit.controls.docs import describe
from audit.controls.pack import load_pack, shipped
from audit.errors import EXIT_USAGE, ConfigError
from audit.facts import Rules
from audit.verdicts import Severity

DOCS = Path(__file__).parents[2] / "docs" / "controls.md"

CONTROL = {
    "id": "own.parameters",
    "title": "Parameters",
    "check": "hyperparameters",
    "severity": "high",
    "rationale": "Because.",
    "evidence": "The run.",
    "remedy": "Log them.",
}
PACK = {
    "id": "own",
    "title": "Own checklist",
    "edition": "2026",
    "source": "Example Bank",
    "families": [{"id": "one", "title": "One", "controls": [CONTROL]}],
}


def _write(folder: Path, control: dict[str, Any] | None = None, **pack: Any) -> str:
    families = [{**PACK["families"][0], "controls": [{**CONTROL, **(control or {})}]}]
    path = folder / "own.yaml"
    path.write_text(yaml.safe_dump({**PACK, "families": families, **pack}), encoding="utf-8")
    return str(path)


def test_the_operating_checklist() -> None:
    pack = load_pack("operating-checklist")
    assert shipped() == ("operating-checklist",)
    assert [family.title for family in pack.families] == [
        "Sources registered",
        "Training captured",
        "Lineage complete",
        "Archived",
    ]
    assert [control.id for control in pack.controls] == [
        "sources.dataset-input",
        "sources.raw-data-in-dvc",
        "sources.data-in-remote",
        "training.run-finished",
        "training.hyperparameters",
        "training.commit-recorded",
        "training.commit-exists",
        "training.commit-on-branch",
        "training.tree-clean",
        "training.environment-pinned",
        "training.intermediates-in-dvc",
        "lineage.unbroken",
        "lineage.not-contradicted",
        "lineage.weights-unchanged",
        "archive.previous-verifies",
        "archive.sealed",
        "archive.retention-set",
    ]
    assert all(control.id.startswith(f"{control.family}.") for control in pack.controls)


def test_a_pack_survives_the_facts_file() -> None:
    rules = Rules(packs=(load_pack("operating-checklist"),))
    assert load(Rules, plain(rules)) == rules


def test_an_own_pack_by_path(tmp_path: Path) -> None:
    pack = load_pack(_write(tmp_path, {"parameters": {"minimum": 3}}))
    assert pack.controls[0].parameters == {"minimum": 3}
    assert pack.controls[0].severity is Severity.HIGH
    assert pack.controls[0].family == "one"


@pytest.mark.parametrize(
    ("control", "pack", "message"),
    [
        ({"check": "hyperparameter"}, {}, "no such check: 'hyperparameter'. Did you mean"),
        ({"check": "§"}, {}, "Checks: commit-exists, commit-on-branch"),
        ({"severity": "grave"}, {}, "severity: input should be 'critical'"),
        ({"remedi": "x"}, {}, "unknown key. Did you mean 'remedy'?"),
        ({"rationale": ""}, {}, "rationale: string should have at least 1 character"),
        ({"parameters": {"minimun": 1}}, {}, "parameters: minimun: unknown key. Did you mean"),
        ({"parameters": {"minimum": -1}}, {}, "minimum: input should be greater than or equal"),
        ({"parameters": {"minimum": "few"}}, {}, "minimum: input should be a valid integer"),
        (
            {"check": "retention-set", "parameters": {"at_least": "ten years"}},
            {},
            "not a retention time: 'ten years'. Use 10y, 18m or 90d",
        ),
        ({"id": "Own Parameters"}, {}, "string should match pattern"),
        ({}, {"edition": ""}, "edition: string should have at least 1 character"),
        ({}, {"families": []}, "families: tuple should have at least 1 item"),
        ({}, {"families": PACK["families"] * 2}, "the id one is given twice"),
        (
            {},
            {"families": [{"id": "one", "title": "One", "controls": [CONTROL, CONTROL]}]},
            "the id own.parameters is given twice",
        ),
    ],
)
def test_a_wrong_pack_says_where_and_what(
    tmp_path: Path, control: dict[str, Any], pack: dict[str, Any], message: str
) -> None:
    path = _write(tmp_path, control, **pack)
    with pytest.raises(ConfigError) as caught:
        load_pack(path)
    assert message in str(caught.value)
    assert str(caught.value).startswith(path)
    assert caught.value.exit_code == EXIT_USAGE


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("operating-checklst", "Did you mean 'operating-checklist'? Shipped: operating-checklist"),
        ("soc2", "no such control pack: 'soc2'. Shipped: operating-checklist"),
        ("../controls/operating-checklist", "no such control pack"),
        ("own/missing.yaml", "own/missing.yaml: no such control pack"),
    ],
)
def test_a_pack_that_is_not_there(name: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_pack(name)
    assert message in str(caught.value)


@pytest.mark.parametrize("text", ["", "[]", "- a\n- b", "id: [", "42"])
def test_a_file_that_is_no_pack(tmp_path: Path, text: str) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"own\.yaml"):
        load_pack(str(path))


def test_the_documentation_is_up_to_date() -> None:
    written = DOCS.read_text(encoding="utf-8")
    assert written == describe(load_pack("operating-checklist")), (
        "write it anew: python -m audit.controls.docs operating-checklist > docs/controls.md"
    )


def test_the_documentation_shows_every_parameter(tmp_path: Path) -> None:
    text = describe(load_pack(_write(tmp_path, {"parameters": {"required": ["C"]}})))
    assert "`minimum: 1`, `required: [C]`" in text
    assert "### 1.1 Parameters" in text


def test_packs_are_shipped_beside_the_documented_job_file() -> None:
    assert (resources.PACKS / "operating-checklist.yaml").is_file()
