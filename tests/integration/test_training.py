"""Trainings with the plugin installed: plain, under DVC, under ``track``, and disturbed."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run
from support.gitrepo import GitRepo

TRAIN = """\
import sys, pathlib, mlflow
with mlflow.start_run():
    mlflow.log_param("C", 1)
pathlib.Path("model.txt").write_text("weights")
sys.exit(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
"""
DVC_YAML = """\
stages:
  train:
    cmd: {python} train.py
    deps: [train.py]
    outs: [model.txt]
"""
IGNORED = "mlflow.db*\nmlruns\n/.dvc/tmp\n"


class Training:
    """A repository with a training script, and MLflow in a SQLite file beside it."""

    def __init__(self, folder: Path) -> None:
        self.repo = GitRepo(folder / "r")
        self.path = self.repo.path
        self.repo.commit({"train.py": TRAIN, ".gitignore": IGNORED + "model.txt\n"})
        self.uri = f"sqlite:///{self.path}/mlflow.db"

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.path,
            env={**self.environment(), **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    def environment(self) -> dict[str, str]:
        quiet = {"MLFLOW_TRACKING_URI": "sqlite:///mlflow.db", "DVC_NO_ANALYTICS": "1"}
        return {**self.repo.environment(), **quiet}

    def track(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return self.run(sys.executable, "-m", "audit", "track", "--", *command, **environment)

    def runs(self) -> list[Run]:
        return list(MlflowClient(self.uri).search_runs(["0"], order_by=["start_time ASC"]))

    def tags(self) -> dict[str, str]:
        return ours(self.runs()[-1])


def ours(run: Run) -> dict[str, str]:
    head = "mlflow_audit."
    return {key.removeprefix(head): v for key, v in run.data.tags.items() if key.startswith(head)}


@pytest.fixture
def training(tmp_path: Path) -> Training:
    return Training(tmp_path)


def test_a_training_carries_the_tags(training: Training) -> None:
    done = training.run(sys.executable, "train.py", "0", "--password", "hunter2")
    assert done.returncode == 0, done.stderr
    assert "provider" not in done.stderr
    tags = training.tags()
    assert tags.pop("host")
    assert len(tags.pop("environment.sha256")) == 64
    assert int(tags.pop("environment.packages")) > 50
    assert tags == {
        "git.commit": training.repo.head(),
        "git.dirty": "false",
        "command": '["train.py", "0", "--password", "<removed>"]',
        "environment.python": sys.version.split()[0],
    }


def test_track_keeps_the_difference_in_the_run(training: Training) -> None:
    with (training.path / "train.py").open("a") as file:
        file.write("# changed\n")
    (training.path / "helper.py").write_text("x = 1\n")
    done = training.track(sys.executable, "train.py", "3")
    assert done.returncode == 3
    assert "mlflow-audit" not in done.stderr
    [run] = training.runs()
    tags = ours(run)
    kept = Path(MlflowClient(training.uri).get_run(run.info.run_id).info.artifact_uri)
    kept = (training.path / kept / "mlflow_audit").resolve()
    assert {path.name for path in kept.iterdir()} == {
        "difference.patch",
        "untracked.txt",
        "environment.txt",
    }
    both = (kept / "difference.patch").read_bytes() + (kept / "untracked.txt").read_bytes()
    assert hashlib.sha256(both).hexdigest() == tags["git.diff_sha256"]
    listed = (kept / "environment.txt").read_bytes()
    assert hashlib.sha256(listed).hexdigest() == tags["environment.sha256"]
    assert tags["git.dirty"] == "true"
    assert tags["exit_code"] == "3"
    assert int(tags["duration_ms"]) > 0
    assert "left_out" not in tags


def test_stages_and_experiments_of_dvc(training: Training) -> None:
    def dvc(*arguments: str) -> subprocess.CompletedProcess[str]:
        return training.run(sys.executable, "-m", "dvc", *arguments, "--quiet")

    assert dvc("init").returncode == 0
    yaml = DVC_YAML.format(python=sys.executable)
    training.repo.commit({"dvc.yaml": yaml, ".gitignore": IGNORED})
    first = dvc("repro")
    assert first.returncode == 0, first.stderr
    training.repo.commit({}, "lock")
    before = (training.path / "dvc.lock").read_bytes()
    (training.path / "train.py").write_text(TRAIN + "# again\n")
    done = training.track(sys.executable, "-m", "dvc", "exp", "run", "--quiet", "--name", "warm")
    assert done.returncode == 0, done.stderr
    of_repro, of_experiment = training.runs()
    assert ours(of_repro)["dvc.stage"] == "train"
    assert "dvc.lock_sha256" not in ours(of_repro)
    tags = ours(of_experiment)
    assert (tags["dvc.stage"], tags["dvc.exp"], tags["git.dirty"]) == ("train", "warm", "true")
    assert tags["dvc.lock_sha256"] == hashlib.sha256(before).hexdigest()
    names = MlflowClient(training.uri).list_artifacts(of_experiment.info.run_id, "mlflow_audit")
    assert "mlflow_audit/dvc.lock" in [item.path for item in names]


def test_switched_off(training: Training) -> None:
    resolve = "from mlflow.tracking.context.registry import resolve_tags; print(*resolve_tags())"
    assert "mlflow_audit.host" in training.run(sys.executable, "-c", resolve).stdout
    done = training.track(sys.executable, "-c", resolve, MLFLOW_AUDIT_TRAINING="off")
    assert done.returncode == 0
    assert "mlflow_audit." not in done.stdout
    assert "made no MLflow run" in done.stderr
    assert "MLFLOW_AUDIT_TRAINING=off" in done.stderr


def test_a_training_outlives_whatever_is_wrong(training: Training, tmp_path: Path) -> None:
    (training.path / ".git" / "HEAD").write_text("rubbish")
    done = training.run(sys.executable, "train.py", "4")
    assert done.returncode == 4
    tags = training.tags()
    assert tags["git.problem"].startswith("git status: ")
    assert tags["environment.python"]
    assert not {"git.dirty", "git.commit"} & tags.keys()
    code = "from audit.capture.training.collect import collect; print(collect())"
    done = training.run(sys.executable, "-c", code, PATH=str(tmp_path))
    assert "'git cannot be run: No such file or directory'" in done.stdout


def test_no_run_and_no_command(training: Training) -> None:
    done = training.track(sys.executable, "-c", "raise SystemExit(9)")
    assert done.returncode == 9
    assert done.stderr.strip() == (
        "mlflow-audit track: the command made no MLflow run that carries the plugin's tags"
    )
    done = training.track("no-such-command")
    assert done.returncode == 127
    assert done.stderr.strip() == "mlflow-audit track: no-such-command: No such file or directory"


def test_a_store_that_is_gone_afterwards_changes_no_exit_code(training: Training) -> None:
    (training.path / "train.py").write_text(
        TRAIN.replace("sys.exit(", "pathlib.Path('mlflow.db').write_text('x' * 9999)\nsys.exit(")
    )
    done = training.track(sys.executable, "train.py", "6")
    assert done.returncode == 6
    assert "nothing more was kept, the store cannot be used: " in done.stderr
    assert "Traceback" not in done.stderr


WAITING = """\
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
print("ready", flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize(
    ("script", "code"), [(WAITING, 7), (WAITING.replace("sys.exit(7)", "9 / 0"), 1)]
)
def test_signals_reach_the_child(training: Training, script: str, code: int) -> None:
    command = [sys.executable, "-m", "audit", "track", "--", sys.executable, "-c", script]
    with subprocess.Popen(
        command,
        cwd=training.path,
        env=training.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == code


def test_a_child_that_a_signal_ends(training: Training) -> None:
    kill = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    assert training.track(sys.executable, "-c", kill).returncode == 128 + signal.SIGKILL


def test_importing_is_light() -> None:
    heavy = ["pandas", "pydantic", "sqlalchemy", "weasyprint", "mlflow", "click", "dvc"]
    code = f"""
import json, sys, audit.capture.training.collect as collect
print(json.dumps([name for name in {heavy} if name in sys.modules]))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ
    )
    assert json.loads(done.stdout) == []
