"""Every check against its file of cases."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.subjects import subject_for

from audit.controls.checks import catalogue

CASES = Path(__file__).parent.parent / "cases"


def _cases() -> list[Any]:
    return [
        pytest.param(path.stem, case, id=f"{path.stem}: {case['name']}")
        for path in sorted(CASES.glob("*.yaml"))
        for case in yaml.safe_load(path.read_text(encoding="utf-8"))
    ]


@pytest.mark.parametrize(("name", "case"), _cases())
def test_case(name: str, case: dict[str, Any]) -> None:
    assert case.keys() <= {"name", "given", "parameters", "expect"}
    check = catalogue()[name]
    subject = subject_for(check.scope, case.get("given", {}))
    outcome = check.run(subject, case.get("parameters", {}))
    assert outcome.verdict == case["expect"]["verdict"], outcome
    assert re.search(case["expect"]["reason"], outcome.reason), outcome
    assert outcome.reason.rstrip(".") == outcome.reason
    assert all(isinstance(reference, str) and reference for reference in outcome.evidence)


def test_every_check_has_cases_and_the_first_is_a_pass() -> None:
    files = {path.stem: yaml.safe_load(path.read_text()) for path in CASES.glob("*.yaml")}
    assert set(files) == set(catalogue())
    for cases in files.values():
        assert "given" not in cases[0]
        assert cases[0]["expect"]["verdict"] == "pass"
        assert len({case["name"] for case in cases}) == len(cases)


def test_every_check_has_a_case_for_each_way_to_end() -> None:
    """A pass and a failure for all, and not knowing for all that can be without evidence."""
    always_known = {"sealed", "retention-set", "previous-verifies"}
    for path in CASES.glob("*.yaml"):
        found = {case["expect"]["verdict"] for case in yaml.safe_load(path.read_text())}
        assert found >= {"pass", "fail"}, path.stem
        assert ("unknown" in found) == (path.stem not in always_known), path.stem
