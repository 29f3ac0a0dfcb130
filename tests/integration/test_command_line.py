"""The command line as a user meets it: bad input is one line and exit 2, never a traceback."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.quarters import Quarters, quarters
from support.world import demo_world

from audit.cli import cli, main
from audit.demo.world import World

__all__ = ["demo_world", "quarters"]
pytestmark = pytest.mark.xdist_group("quarters")

Outcome = tuple[int, str, str]


def run(*arguments: object) -> Outcome:
    """Run the command in a process of its own, without a terminal."""
    done = subprocess.run(
        [sys.executable, "-m", "audit", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    return done.returncode, done.stdout, done.stderr


def here(capsys: pytest.CaptureFixture[str], *arguments: object) -> Outcome:
    """Run the command in this process."""
    code = main([str(item) for item in arguments])
    out, err = capsys.readouterr()
    return code, out, err


def refused(outcome: Outcome, *expected: str, code: int = 2) -> None:
    """Check that there is one line on standard error that says all of ``expected``."""
    found, out, err = outcome
    lines = [line for line in err.splitlines() if line.startswith("mlflow-audit: ")]
    assert found == code, err
    assert len(lines) == 1, err
    assert "Traceback" not in err
    assert out == ""
    for text in expected:
        assert text in lines[0]


@pytest.fixture
def job(quarters: Quarters, tmp_path: Path) -> Path:
    """A copy of the demo's job file that reads the world and writes elsewhere."""
    text = quarters.world.job_file.read_text(encoding="utf-8")
    text = text.replace("../", f"{quarters.world.folder}/")
    text = text.replace(f"{quarters.world.folder}/output", str(tmp_path / "output"))
    path = tmp_path / "job.yaml"
    shutil.copy(quarters.world.job_file.parent / "waivers.yaml", tmp_path)
    path.write_text(text, encoding="utf-8")
    return path


def changed(job: Path, old: str, new: str) -> Path:
    text = job.read_text(encoding="utf-8")
    assert old in text
    job.write_text(text.replace(old, new), encoding="utf-8")
    return job


def test_no_such_job_file(tmp_path: Path) -> None:
    refused(run("run", tmp_path / "absent.yaml"), "no such job file", "absent.yaml")


def test_no_job_file_named(capsys: pytest.CaptureFixture[str]) -> None:
    refused(here(capsys, "run"), "no job file is named")


def test_an_unknown_option_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    refused(here(capsys, "run", "--perod", "2026-Q3"), "--perod")


def test_a_bad_period(job: Path, capsys: pytest.CaptureFixture[str]) -> None:
    refused(here(capsys, "run", job, "-p", "2026-Q5"), "not a period", "2026-Q3")


def test_a_period_that_has_not_begun(job: Path, capsys: pytest.CaptureFixture[str]) -> None:
    refused(here(capsys, "run", job, "-p", "2199"), "nothing to report of 2199")


def test_a_bad_moment(job: Path, capsys: pytest.CaptureFixture[str]) -> None:
    refused(here(capsys, "run", job, "-p", "2026-Q3", "--as-of", "noon"), "not a time")


def test_an_unknown_key_names_the_nearest(job: Path, capsys: pytest.CaptureFixture[str]) -> None:
    refused(here(capsys, "run", changed(job, "archive:", "archiv:")), "Did you mean 'archive'?")


def test_an_unreachable_registry(job: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = job.read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if line.strip().startswith("uri:"))
    changed(job, line, "  uri: http://127.0.0.1:9")
    refused(here(capsys, "run", job, "-p", "2026-Q3"), "127.0.0.1:9")


def test_not_a_git_repository(
    job: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    world = next(
        line for line in job.read_text().splitlines() if "/churn" in line and "path" in line
    )
    changed(job, world, f"  - {{path: {tmp_path / 'empty'}}}")
    refused(here(capsys, "run", job, "-p", "2026-Q3"), "not a git repository", "empty")


def test_no_such_control_pack(job: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changed(job, "operating-checklist", "operating-cheklist")
    refused(here(capsys, "run", job, "-p", "2026-Q3"), "operating-checklist")


def test_a_key_that_others_can_read(
    quarters: Quarters, job: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = tmp_path / "seal.key"
    shutil.copy(quarters.world.keys / "seal.key", key)
    key.chmod(0o644)
    changed(job, f"file:{quarters.world.keys}/seal.key", f"file:{key}")
    refused(here(capsys, "run", job, "-p", "2026-Q3"), f"chmod 600 {key}")


def test_a_key_of_another_certificate(
    quarters: Quarters, job: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changed(job, f"file:{quarters.world.keys}/seal.key", f"file:{quarters.world.keys}/ca.key")
    refused(here(capsys, "run", job, "-p", "2026-Q3"), "key")


def test_output_that_cannot_be_written(
    job: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way")
    outcome = here(capsys, "run", job, "-p", "2026-Q3", "-o", tmp_path / "file" / "output")
    refused(outcome, "file/output")


def test_a_plan_tells_what_would_be_done_and_writes_nothing(
    job: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = here(capsys, "plan", job, "-p", "2026-Q3", "--only", "fraud*")
    assert code == 0
    assert "fraud/4: registered in the period" in out
    assert "left out churn/1: the job file leaves this model out" in out
    assert not (tmp_path / "output").exists()
    assert here(capsys, "run", job, "-p", "2026-Q3", "--dry-run", "--only", "fraud*")[1] == out


def test_a_run_prints_the_bundle_and_exits_by_its_verdict(job: Path, tmp_path: Path) -> None:
    arguments = ("run", job, "-p", "2026-Q3", "--only", "fraud-eu", "--format", "html,csv")
    code, out, err = run(*arguments)
    bundle = Path(out.strip())
    assert code == 0, err
    assert bundle == tmp_path / "output" / "quarterly" / "2026-Q3"
    assert (bundle / "data" / "index.html").exists()
    assert not list(bundle.rglob("*.pdf"))
    assert "\r" not in err
    assert "Traceback" not in err


def test_an_open_period_is_interim(job: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("run", job, "-p", "2026", "--as-of", "2026-07-01T00:00Z", "--only", "churn")
    code, out, err = here(capsys, *arguments, "--format", "csv,html", "--executor", "inline")
    assert code in (1, 3), err
    html = (Path(out.strip()) / "data" / "index.html").read_text(encoding="utf-8")
    assert "nterim" in html


def test_the_environment_mirrors_options(
    job: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_AUDIT_PERIOD", "2026-Q2")
    monkeypatch.setenv("MLFLOW_AUDIT_CONFIG", str(job))
    code, out, _ = here(capsys, "plan")
    assert code == 0
    assert "2026-Q2" in out


def test_a_job_that_is_typed_goes_before_the_environment(
    job: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_AUDIT_CONFIG", str(tmp_path / "other.yaml"))
    refused(here(capsys, "plan"), "other.yaml")
    refused(here(capsys, "plan", tmp_path / "typed.yaml"), "typed.yaml")
    assert here(capsys, "plan", "-c", job)[0] == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_output_that_cannot_be_written_is_one_line(job: Path) -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(
            [sys.executable, "-m", "audit", "plan", str(job)],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 3
    assert done.stderr.splitlines()[-1] == "mlflow-audit: No space left on device"
    assert "Traceback" not in done.stderr


def test_doctor_says_what_is_well_and_what_to_do(
    job: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = here(capsys, "doctor", job)
    assert "ok   registry" in out
    assert "repository churn" in out
    assert code == (3 if "NOT" in out else 0)
    changed(job, "seal.pem", "absent.pem")
    code, out, _ = here(capsys, "doctor", job)
    assert code == 3
    assert "NOT  seal" in out


def test_doctor_looks_at_advisories_and_keys_of_model_signatures(
    job: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "osv.json").write_text('{"no": "record"}', encoding="utf-8")
    with job.open("a", encoding="utf-8") as file:
        file.write("sources: {advisories: [osv.json]}\n")
        file.write("data: {model_signing: {keys: [osv.json]}}\n")
    code, out, _ = here(capsys, "doctor", job)
    assert code == 3
    assert "NOT  advisories        osv.json: it is no OSV record" in out
    assert "NOT  model signing" in out
    assert "not a public key in PEM" in out


def test_keys_and_init_make_a_first_job(
    demo_world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(demo_world.folder / "mlflow.db", tmp_path)
    (tmp_path / "churn").symlink_to(demo_world.repositories["churn"])
    assert here(capsys, "keys", "new", tmp_path / "keys", "--organisation", "Example Bank")[0] == 0
    assert (tmp_path / "keys" / "seal.key").stat().st_mode & 0o077 == 0
    code, out, err = here(capsys, "init", tmp_path)
    assert code == 0
    job = Path(out.strip())
    assert "doctor" in err
    assert "path: ../churn" in job.read_text(encoding="utf-8")
    assert here(capsys, "plan", job, "-p", "2026-Q3")[0] == 0
    refused(here(capsys, "init", tmp_path), "there is a job file already")
    assert here(capsys, "init", tmp_path / "to" / "be" / "made")[0] == 0
    refused(here(capsys, "init", job), "cannot be written (Not a directory)")
    refused(here(capsys, "keys", "new", tmp_path / "keys"), "exists already")


def test_not_a_bundle(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    refused(here(capsys, "verify", tmp_path), "not a bundle")
    refused(here(capsys, "render", tmp_path), "not a bundle")


def test_every_command_has_help(capsys: pytest.CaptureFixture[str]) -> None:
    for name, command in cli.commands.items():
        assert command.help, name
        code, out, _ = here(capsys, name, "--help")
        assert code == 0
        assert out.startswith("Usage: mlflow-audit")
