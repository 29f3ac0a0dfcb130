"""Requirement lines as packages."""

import pytest

from audit.sources.artifacts.environment import is_pinned
from audit.sources.artifacts.requirements import Pin, package_of, pins, without_name


@pytest.mark.parametrize(
    ("line", "package"),
    [
        ("scikit_Learn==1.7.2", ("scikit-learn", "1.7.2")),
        ("numpy>=1", ("numpy", "")),
        ("numpy==1.2 --hash=sha256:00", ("numpy", "1.2")),
        ("numpy=1.2=py311", ("numpy", "1.2=py311")),
        ("git+https://example.org/x", ("git+https://example-org/x", "")),
    ],
)
def test_a_requirement_is_a_name_and_a_version(line: str, package: tuple[str, str]) -> None:
    assert package_of(line) == package


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Scikit.Learn==1.7.2", [Pin("scikit-learn", "1.7.2")]),
        ("torch===2.1.0+cu118", [Pin("torch", "2.1.0+cu118")]),
        ('numpy==2.4.6; python_version>="3.11" --hash=sha256:00', [Pin("numpy", "2.4.6")]),
        ("numpy==2.*", []),
        ("numpy>=2", []),
        ("numpy", []),
        ("numpy===whatever", []),
        ("x @ https://example.org/x-1.0-py3-none-any.whl", []),
        ("numpy=1.26=py311", []),
        ("git+https://example.org/x@" + "a" * 40, []),
        ("", []),
    ],
)
def test_only_an_exact_release_is_a_pin(line: str, expected: list[Pin]) -> None:
    assert list(pins([line])) == expected


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("Scikit_Learn>=1.5", ">=1.5"),
        ("numpy", "any version"),
        ("numpy ; python_version<'3.12'", "; python_version<'3.12'"),
        ("git+https://example.org/x", "git+https://example.org/x"),
    ],
)
def test_what_a_line_says_beside_its_name(line: str, said: str) -> None:
    assert without_name(line, package_of(line)[0]) == said


@pytest.mark.parametrize(
    "line",
    [
        f"x; {'(' * 50_000}python_version=='3'{')' * 50_000}",
        f"x=={'9' * 100_000}",
        f"x=={'1.' * 50_000}1",
        "\ud800==1",
        "x==1\0",
        "[",
    ],
)
def test_hostile_lines_are_no_error(line: str) -> None:
    package_of(line)
    assert is_pinned(line) in (True, False)
    assert len(pins([line])) < 2
    without_name(line, "x")
