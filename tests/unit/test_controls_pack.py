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

DOCS = Path(__file__).parents[2] / "docs"
PAGES = {"operating-checklist": "controls.md", "registry-governance": "governance.md"}

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
        "sources.schema-matches-signature",
        "training.run-finished",
        "training.hyperparameters",
        "training.commit-recorded",
        "training.commit-exists",
        "training.commit-on-branch",
        "training.commit-signed",
        "training.tree-clean",
        "training.environment-pinned",
        "training.known-vulnerabilities",
        "training.intermediates-in-dvc",
        "training.inputs-fresh",
        "lineage.unbroken",
        "lineage.not-contradicted",
        "lineage.weights-unchanged",
        "archive.previous-verifies",
        "archive.sealed",
        "archive.retention-set",
    ]
    assert all(control.id.startswith(f"{control.family}.") for control in pack.controls)


def test_registry_governance() -> None:
    pack = load_pack("registry-governance")
    assert [family.title for family in pack.families] == [
        "Who promotes",
        "Nothing unexplained",
        "Nothing lost",
        "Watched throughout",
        "Weights that belong to their version",
    ]
    assert [control.id for control in pack.controls] == [
        "promotion.authenticated",
        "promotion.by-another",
        "promotion.approved",
        "completeness.explained",
        "completeness.ledger",
        "loss.version",
        "loss.period",
        "loss.baseline",
        "watch.unbroken",
        "weights.signature",
        "weights.unique",
    ]
    assert all(control.id.startswith(f"{control.family}.") for control in pack.controls)


def test_the_defaults_of_a_pack_reach_the_controls_that_take_them() -> None:
    pack = load_pack("registry-governance")
    protected = {"aliases": ["champion", "production"], "stages": ["Production"]}
    settings = {control.id: control.parameters for control in pack.controls}
    assert settings["promotion.authenticated"] == protected
    assert settings["loss.version"] == protected | {"within": "10y"}
    assert settings["watch.unbroken"] == {"longest": "24h"}
    assert settings["completeness.explained"] == {}


def test_what_a_control_sets_goes_before_the_defaults(tmp_path: Path) -> None:
    defaults = {"minimum": 2, "required": ["C"]}
    path = _write(tmp_path, {"parameters": {"minimum": 3}}, defaults=defaults)
    assert load_pack(path).controls[0].parameters == {"minimum": 3, "required": ["C"]}


def test_a_pack_survives_the_facts_file() -> None:
    rules = Rules(packs=tuple(load_pack(name) for name in shipped()))
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
        ({"check": "§"}, {}, "Checks: approval-before-promotion, baseline-at-registration"),
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
        ({}, {"defaults": {"minimun": 1}}, "defaults: no check of this pack takes the parameter"),
        ({}, {"defaults": {"minimun": 1}}, "Did you mean 'minimum'?"),
        ({}, {"defaults": {"§": 1}}, "'§'. Leave it out"),
        ({}, {"defaults": {"minimum": -1}}, "minimum: input should be greater than or equal"),
        ({"check": "hyperparameter"}, {"defaults": {"minimum": 1}}, "no such check"),
        (
            {"check": "observation-unbroken", "parameters": {"longest": "1y"}},
            {},
            "not a duration: '1y'. Use hours, days or weeks, such as 12h, 3d or 2w",
        ),
        (
            {"check": "approval-before-promotion", "parameters": {"values": "("}},
            {},
            "not a regular expression: missing )",
        ),
        (
            {"check": "approval-before-promotion", "parameters": {"tags": []}},
            {},
            "tags: tuple should have at least 1 item",
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
        ("soc2", "'soc2'. Shipped: operating-checklist, registry-governance; or give"),
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


def test_every_shipped_pack_has_its_page() -> None:
    assert shipped() == tuple(PAGES)


@pytest.mark.parametrize(("name", "page"), PAGES.items())
def test_the_documentation_is_up_to_date(name: str, page: str) -> None:
    written = (DOCS / page).read_text(encoding="utf-8")
    assert written == describe(load_pack(name)), (
        f"write it anew: python -m audit.controls.docs {name} > docs/{page}"
    )


def test_the_documentation_shows_every_parameter(tmp_path: Path) -> None:
    text = describe(load_pack(_write(tmp_path, {"parameters": {"required": ["C"]}})))
    assert "`minimum: 1`, `required: [C]`" in text
    assert "### 1.1 Parameters" in text


def test_packs_are_shipped_beside_the_documented_job_file() -> None:
    for name in shipped():
        assert (resources.PACKS / f"{name}.yaml").is_file()
