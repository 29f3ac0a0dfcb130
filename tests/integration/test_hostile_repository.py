"""A whole run on a repository that tries everything: nothing runs, nobody is asked."""

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.gitrepo import GitRepo
from support.poison import poisoned
from support.signers import Keys
from support.world import demo_world

from audit.demo.world import World
from audit.period import system_clock
from audit.seal.authority import new_authority

__all__ = ["demo_world"]
pytestmark = pytest.mark.xdist_group("quarters")

JOB = """\
job: {{name: hostile}}
registry: {{uri: "{uri}", models: {{include: [churn]}}}}
period: {{zone: Europe/Berlin}}
code:
  - path: churn
    allowed_signers: allowed_signers
    keyring: committers.asc
ledger: sqlite:///ledger.db
report: {{formats: [csv, html], dossiers: []}}
signing:
  key: file:keys/seal.key
  certificate: keys/seal.pem
  chain: [keys/ca.pem, keys/ca.crl.pem]
archive: {{path: output}}
execute: {{executor: inline, cache: cache}}
"""


def test_a_whole_run_leaves_no_mark(demo_world: World, tmp_path: Path) -> None:
    shutil.copytree(demo_world.repositories["churn"], tmp_path / "churn", symlinks=True)
    repo = GitRepo.__new__(GitRepo)
    repo.path, repo.clock = tmp_path / "churn", 1_790_000_000
    keys = Keys(tmp_path)
    (tmp_path / "allowed_signers").write_text(f"alice@example.org {keys.ssh('key')}\n")
    keys.pgp("alice <alice@example.org>")
    (tmp_path / "committers.asc").write_bytes(keys.gpg("--armor", "--export"))
    keys.close()
    new_authority(tmp_path / "keys", "Example Bank", system_clock())
    job = JOB.format(uri=demo_world.registry_uri)
    (tmp_path / "job.yaml").write_text(job, encoding="utf-8")
    with poisoned(repo, tmp_path / "traps") as poison:
        before = poison.state()
        command = [sys.executable, "-m", "audit", "run", str(tmp_path / "job.yaml")]
        done = subprocess.run(
            [*command, "-p", "2026-Q3", "--force"],
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode in (1, 3), done.stderr
        assert "Traceback" not in done.stderr
        assert poison.sprung() == []
        assert poison.state() == before
        assert len(poison.armed()) > 1
    data = tmp_path / "output" / "hostile" / "2026-Q3" / "data"
    # The repository was read all the same: its commits are found and told apart.
    rows = list(csv.DictReader((data / "csv" / "versions.csv").open(encoding="utf-8")))
    assert {row["git_status"] for row in rows} == {"reachable", "other_ref"}
    facts = (data / "facts.jsonl").read_text(encoding="utf-8")
    assert "--upload-pack=x" in facts
    signed = [
        row
        for row in csv.DictReader((data / "csv" / "controls.csv").open(encoding="utf-8"))
        if row["control"] == "training.commit-signed"
    ]
    assert {row["verdict"] for row in signed} == {"fail"}
    assert all("is not signed" in row["reason"] for row in signed)
    assert json.loads((data / "report.json").read_text(encoding="utf-8"))
