"""The documents of the house against what they speak of."""

import re
import tomllib
from pathlib import Path

import pytest

import audit
from audit import errors
from audit.cli import cli

ROOT = Path(__file__).parents[2]
DOCUMENTS = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), ROOT / "output" / "README.md"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(document):
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8"))
    for link in links:
        if not link.startswith("https://"):
            assert (document.parent / link).exists(), link


def test_the_readme_names_every_command_and_no_other():
    assert set(re.findall(r"^\| `([a-z]+)` \|", read("README.md"), re.MULTILINE)) == set(
        cli.commands
    )


def test_the_readme_names_every_exit_code_and_no_other():
    named = {int(code) for code in re.findall(r"^\| (\d+) \|", read("README.md"), re.MULTILINE)}
    assert named == {value for name, value in vars(errors).items() if name.startswith("EXIT_")}


def test_commands_shown_in_the_readme_exist():
    for command in re.findall(r"^mlflow-audit ([a-z]+)", read("README.md"), re.MULTILINE):
        assert command in cli.commands
    for target in re.findall(r"`?make ([a-z-]+)", read("README.md") + read("CONTRIBUTING.md")):
        assert re.search(rf"^{target}:", read("Makefile"), re.MULTILINE), target


def test_the_architecture_names_the_rooms_in_the_order_of_the_contract():
    layers = PROJECT["tool"]["importlinter"]["contracts"][0]["layers"]
    table = re.findall(r"^\| (`[^|]+`) \|", read("docs/architecture.md"), re.MULTILINE)
    rooms = [room for row in table for room in re.findall(r"`([a-z]+)`", row)]
    assert sorted(rooms) == sorted(
        room.removeprefix("audit.") for layer in layers for room in layer.split(" | ")
    )
    order = {
        room.removeprefix("audit."): place
        for place, layer in enumerate(layers)
        for room in layer.split(" | ")
    }
    places = [order[room] for room in rooms]
    assert places == sorted(places)


def test_the_version_is_the_same_everywhere():
    assert PROJECT["project"]["version"] == audit.__version__
    assert f"## [{audit.__version__}]" in read("CHANGELOG.md")
