"""Registering checks: what is refused, and checks that other packages bring."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from audit.controls.checks import catalogue
from audit.controls.registry import Outcome, VersionSubject, check, passed

ROOT = Path(__file__).parents[2]

PLUGIN = '''
from audit.controls.registry import JobSubject, Outcome, check, passed

@check("bank-owner", scope="job")
def bank_owner(subject: JobSubject, *, team: str = "risk") -> Outcome:
    """The job has an owner."""
    return passed(team)
'''
ASK = """
from audit.controls.checks import catalogue, find
from audit.errors import ConfigError
print(find("bank-owner").run(None, {"team": "audit"}).reason, len(catalogue()))
try:
    find("bank-ownr")
except ConfigError as error:
    print(error)
"""


def test_a_name_is_taken_once() -> None:
    assert "run-finished" in catalogue()
    with pytest.raises(ValueError, match="two checks are named 'run-finished'"):

        @check("run-finished")
        def again(subject: VersionSubject) -> Outcome:
            """Same name."""
            return passed("")


def test_a_check_says_what_it_checks() -> None:
    with pytest.raises(ValueError, match="no docstring"):

        @check("test-silent")
        def silent(subject: VersionSubject) -> Outcome:
            return passed("")


def test_every_parameter_has_a_default() -> None:
    with pytest.raises(ValueError, match="the parameter 'minimum' of 'test-bare' has no default"):

        @check("test-bare")
        def bare(subject: VersionSubject, *, minimum: int) -> Outcome:
            """Checks."""
            return passed("")


def test_checks_of_other_packages(tmp_path: Path) -> None:
    (tmp_path / "bank_checks.py").write_text(PLUGIN, encoding="utf-8")
    about = tmp_path / "bank_checks-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: bank-checks\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(
        "[mlflow_audit.checks]\nbank = bank_checks\nlost = bank_lost\n", encoding="utf-8"
    )
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    done = subprocess.run(
        [sys.executable, "-c", ASK],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    first, second = done.stdout.splitlines()
    assert first == f"audit {len(catalogue()) + 1}"
    assert "Did you mean 'bank-owner'?" in second
    assert "the plug-in lost (bank_lost) cannot be loaded: No module named 'bank_lost'" in second
