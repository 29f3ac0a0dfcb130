"""The wheel: holds what it needs, and works where there is no checkout."""

import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

import audit

ROOT = Path(audit.__file__).resolve().parents[1]


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(
        list(map(str, command)), check=False, cwd=cwd, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=ROOT)
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="module")
def scripts(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ``bin`` folder of an environment with the wheel and, of others, only dependencies."""
    folder = tmp_path_factory.mktemp("installed") / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder.parent)
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    python = folder / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check")
    run(*pip, "install", "--no-deps", "--no-index", "--quiet", wheel, cwd=folder)
    return python.parent


def test_the_wheel_holds_every_shipped_file_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    for folder in ("report_templates", "configs"):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                assert f"audit/_data/{path.relative_to(ROOT).as_posix()}" in names
    for path in (ROOT / "audit").rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            assert path.relative_to(ROOT).as_posix() in names
    metadata = f"mlflow_audit-{audit.__version__}.dist-info/"
    assert {f"{metadata}licenses/LICENSE", f"{metadata}entry_points.txt"} <= names
    assert not [name for name in names if not name.startswith(("audit/", metadata))]
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]


def test_the_installed_command_tells_how_it_is_used(scripts: Path, tmp_path: Path) -> None:
    said = run(scripts / "mlflow-audit", "--help", cwd=tmp_path)
    assert "Usage: mlflow-audit" in said
    assert (
        run(scripts / "mlflow-audit", "--version", cwd=tmp_path).strip().endswith(audit.__version__)
    )


def test_the_installed_package_finds_its_own_files(scripts: Path, tmp_path: Path) -> None:
    code = (
        "from audit import resources as r; from audit.controls.pack import load_pack;"
        "print(len(load_pack('operating-checklist').controls));"
        "print(r.TEMPLATES, r.FONTS, r.PACKS, sep='\\n')"
    )
    count, *folders = run(scripts / "python", "-c", code, cwd=tmp_path).splitlines()
    assert int(count) > 0
    for folder in folders:
        assert Path(folder).is_relative_to(scripts.parent)
        assert any(Path(folder).iterdir())
