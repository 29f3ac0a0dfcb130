"""Packages by the names of their folders, against importlib.metadata; the lock of a stage."""

import hashlib
import importlib.metadata
import platform
import re
from pathlib import Path

from audit.capture.training import drop, surroundings


def test_the_same_packages_as_importlib_finds() -> None:
    expected = {
        f"{re.sub('[-_.]+', '-', item.name).lower()}=={item.version}"
        for item in importlib.metadata.distributions()
    }
    assert set(surroundings.packages().lines) == expected


def test_the_digest_is_of_the_file(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    (first / "My_Package-1.0.dist-info").mkdir(parents=True)
    (second / "my.package-2.0.dist-info").mkdir(parents=True)
    (second / "old-0.1-py3.11.egg-info").mkdir()
    (second / "pkg-1.0rc1+local.dist-info").mkdir()
    found = surroundings.packages([str(first), str(second), str(tmp_path / "none"), __file__])
    assert found.lines == ("my-package==1.0", "old==0.1", "pkg==1.0rc1+local")
    assert found.text.startswith(f"python=={platform.python_version()}\nmy-package==1.0\n".encode())
    assert found.digest == hashlib.sha256(found.text).hexdigest()


def test_the_lock_of_a_stage_is_beside_its_file(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "dvc.lock").write_text("top")
    (tmp_path / "sub" / "dvc.lock").write_text("sub")

    def lock(environment: dict[str, str], working: str) -> bytes:
        return surroundings.stage(environment, tmp_path / working, tmp_path).lock

    root = {"DVC_ROOT": str(tmp_path)}
    assert lock({**root, "DVC_STAGE": "train"}, "sub") == b"top"
    assert lock({**root, "DVC_STAGE": "sub/dvc.yaml:train"}, "") == b"sub"
    assert lock({}, "sub") == b"sub"
    assert lock({}, "") == b"top"
    (tmp_path / "sub" / "dvc.lock").unlink()
    assert lock({}, "sub") == b"top"
    outside = surroundings.stage({}, tmp_path.parent, tmp_path)
    assert outside.lock == b"top"
    assert surroundings.stage({}, tmp_path, None) == surroundings.Stage()


def test_what_is_left_is_found_by_its_digest_alone(tmp_path: Path) -> None:
    digest = hashlib.sha256(b"x").hexdigest()
    drop.leave(tmp_path, digest, ".patch", b"x")
    drop.leave(tmp_path, "", ".patch", b"x")
    assert [path.name for path in tmp_path.iterdir()] == [f"{digest}.patch"]
    assert drop.found(tmp_path, digest, ".patch") == tmp_path / f"{digest}.patch"
    for wrong in ("", "0" * 64, "../" * 20 + "etc/passwd", "/" * 64):
        assert drop.found(tmp_path, wrong, ".patch") is None


def test_without_track_there_is_no_folder(tmp_path: Path) -> None:
    assert drop.folder_of({}) is None
    assert drop.folder_of({drop.TRACK_FOLDER: str(tmp_path)}) is None
    assert drop.folder_of({drop.TRACK_ID: "1", drop.TRACK_FOLDER: "relative"}) is None
    assert drop.folder_of({drop.TRACK_ID: "1", drop.TRACK_FOLDER: str(tmp_path)}) == tmp_path
