"""Runs that die, and disks that are full or read-only: never half a bundle."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from support import bundles

from audit.archive.bundle import Payload, write_bundle
from audit.archive.lock import hold
from audit.errors import UsageError

SLOW_WRITER = """
import sys, time
from pathlib import Path
from audit.archive.bundle import Payload, write_bundle
from audit.archive.lock import hold
from audit.archive.manifest import Manifest

def items():
    for number in range(10_000):
        yield Payload(f"file{number}.html", b"x" * 1000)
        if number == 20:
            print("writing", flush=True)
        if number >= 20:
            time.sleep(0.01)

with hold(Path(sys.argv[1])) as lock:
    draft = Manifest(job="quarterly", period="2024-Q4", facts_sha256="0" * 64)
    write_bundle(lock, draft, items(), None, 0)
"""


def test_a_killed_run_leaves_no_half_bundle_and_the_next_one_goes_through(tmp_path):
    child = subprocess.Popen([sys.executable, "-c", SLOW_WRITER, tmp_path], stdout=subprocess.PIPE)
    assert child.stdout.readline() == b"writing\n"
    child.kill()
    child.wait()
    child.stdout.close()
    left = {entry.name for entry in tmp_path.iterdir()}
    assert "2024-Q4" not in left
    assert any(name.startswith(".partial-2024-Q4-") for name in left)
    bundles.write(tmp_path, None)
    assert {entry.name for entry in tmp_path.iterdir()} == {".lock", "2024-Q4"}


@contextmanager
def small_disk(folder: Path, *options: str):
    """Mount a tmpfs of 1 MiB at ``folder``; needs root and the right to mount."""
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", ",".join(["size=1m", *options]), "tmpfs", folder],
        capture_output=True,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"cannot mount a small disk here: {done.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        for _ in range(20):
            if not subprocess.run(["umount", folder], capture_output=True, check=False).returncode:
                break
            time.sleep(0.05)


def write(folder):
    with hold(folder) as lock:
        items = [Payload(f"file{number}.bin", b"x" * 100_000) for number in range(20)]
        return write_bundle(lock, bundles.draft(), items, None, bundles.WHEN)


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")


@needs_root
def test_a_full_disk_is_told_in_one_line_and_left_clean(tmp_path):
    with small_disk(tmp_path / "disk") as disk:
        with pytest.raises(UsageError, match="No space left on device") as caught:
            write(disk / "quarterly")
        assert str(disk / "quarterly") in str(caught.value)
        assert caught.value.exit_code == 2
        assert [entry.name for entry in (disk / "quarterly").iterdir()] == [".lock"]


@needs_root
def test_a_read_only_disk(tmp_path):
    with small_disk(tmp_path / "disk", "ro") as disk:
        with pytest.raises(UsageError, match="Read-only file system") as caught:
            write(disk / "quarterly")
        assert caught.value.exit_code == 2


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_the_right_to_write(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(UsageError, match="Permission denied"):
            write(tmp_path / "quarterly")
    finally:
        tmp_path.chmod(0o700)
