"""The lock of a job's output folder."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from audit.archive.lock import hold
from audit.errors import EXIT_LOCKED, LockedError, UsageError


def test_a_second_run_is_refused_with_its_exit_code(tmp_path):
    with hold(tmp_path / "quarterly") as lock:
        assert lock.folder == tmp_path / "quarterly"
        again = hold(tmp_path / "quarterly")
        with pytest.raises(LockedError, match=f"process {os.getpid()}") as caught, again:
            pass
        assert caught.value.exit_code == EXIT_LOCKED == 5
    with hold(tmp_path / "quarterly"):
        pass


def test_two_jobs_do_not_wait_for_each_other(tmp_path):
    with hold(tmp_path / "one"), hold(tmp_path / "two"):
        pass


def test_a_killed_holder_leaves_no_lock(tmp_path):
    code = (
        "import sys, time; from pathlib import Path; from audit.archive.lock import hold\n"
        "with hold(Path(sys.argv[1])):\n    print('held', flush=True); time.sleep(60)"
    )
    child = subprocess.Popen([sys.executable, "-c", code, tmp_path], stdout=subprocess.PIPE)
    assert child.stdout.readline() == b"held\n"
    with pytest.raises(LockedError, match=f"process {child.pid}"), hold(tmp_path):
        pass
    child.kill()
    child.wait()
    child.stdout.close()
    with hold(tmp_path):
        pass


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot write there"), hold(tmp_path / "file" / "job"):
        pass
