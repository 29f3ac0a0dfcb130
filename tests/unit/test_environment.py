import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.sources.artifacts.environment import (
    FILES,
    MAX_BYTES,
    conda_is_pinned,
    is_pinned,
    read_environment,
    requirement_lines,
)

SHA = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("line", "pinned"),
    [
        ("mlflow==3.17.2", True),
        ("scikit-learn == 1.5.0 ; python_version >= '3.11'", True),
        ("pandas[excel]==2.2", True),
        ("torch===2.3.0+cu121", True),
        ("numpy>=1,==1.26.4", True),
        (f"numpy==1.26.4 --hash=sha256:{SHA}", True),
        ("numpy==1.26.*", False),
        ("numpy>=1.26", False),
        ("numpy~=1.26.0", False),
        ("numpy", False),
        ("numpy==", False),
        ("numpy == 1 == 2 ; nonsense", False),
        ("own @ https://host/own-1.0-py3-none-any.whl", True),
        (f"own @ https://host/own#sha256={SHA}", True),
        ("own @ https://host/latest", False),
        ("own @ git+https://host/own", False),
        ("own @ git+https://host/own@main", False),
        ("own @ git+https://host/own.zip@main", False),
        (f"own @ git+https://host/own@{SHA[:40]}", True),
        (f"git+https://host/own@{SHA[:40]}#egg=own", True),
        ("https://host/own-1.0.tar.gz", True),
        ("./dist/own-1.0-py3-none-any.whl", True),
        ("./own", False),
        ("", False),
    ],
)
def test_pinned(line: str, pinned: bool) -> None:
    assert is_pinned(line) is pinned


NAMES = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,10}[A-Za-z0-9])?", fullmatch=True)
VERSIONS = st.from_regex(r"[0-9]{1,3}(\.[0-9]{1,3}){0,3}((a|b|rc|\.post)[0-9])?", fullmatch=True)


@given(NAMES, VERSIONS, st.sampled_from(["", " ; python_version > '3'", "  # why", " \\\n"]))
def test_an_exact_version_is_pinned_however_it_is_written(
    name: str, version: str, end: str
) -> None:
    (line,) = requirement_lines(f"# first\n\n{name}=={version}{end}\n-r other.txt\n")
    assert is_pinned(line)
    assert not is_pinned(line.replace("==", ">="))
    assert not is_pinned(f"{name}==1.*")


@given(st.text())
def test_any_line_is_taken(text: str) -> None:
    for line in requirement_lines(text):
        is_pinned(line)
        conda_is_pinned(line)


def test_lines_of_a_requirements_file() -> None:
    text = (
        "--index-url https://host\r\n-r base.txt\n-c constraints.txt\n"
        f"numpy==1.26.4 \\\n    --hash=sha256:{SHA}\n"
        "# a comment\nown @ https://host/own#sha256=x  # another\n-e git+https://host/own\n\n"
    )
    assert list(requirement_lines(text)) == [
        f"numpy==1.26.4 --hash=sha256:{SHA}",
        "own @ https://host/own#sha256=x",
        "git+https://host/own",
    ]


@pytest.mark.parametrize(
    ("line", "pinned"),
    [
        ("pytorch==2.3.0", True),
        ("conda-forge::pytorch=2.3.0=cpu_py311_0", True),
        ("pytorch=2.3.0", False),
        ("pytorch=2.3.*", False),
        ("pytorch>=2", False),
        ("pytorch", False),
        ("", False),
    ],
)
def test_pinned_by_conda(line: str, pinned: bool) -> None:
    assert conda_is_pinned(line) is pinned


def test_the_files_that_mlflow_writes() -> None:
    conda = (
        b"channels: [conda-forge]\ndependencies:\n- python=3.10\n- pip<=24\n- libgomp==1.2\n"
        b"- pip:\n  - mlflow==3.0\n  - pandas\nname: mlflow-env\n"
    )
    both = {
        "python_env.yaml": b"python: 3.10\ndependencies:\n- -r requirements.txt\n",
        "requirements.txt": "\ufeffmlflow==3.17.2\nscipy\n".encode(),
        "conda.yaml": conda,
        "MLmodel": b'signature:\n  inputs: \'[{"type": "long"}]\'\n  outputs: null\n',
        "model.pkl": b"\x80",
    }
    found = read_environment(both)
    assert found.sources == ("python_env.yaml", "requirements.txt", "conda.yaml")
    assert found.python == "3.10"
    assert found.packages == ("mlflow==3.17.2", "scipy", "libgomp==1.2")
    assert found.unpinned == ("scipy",)
    assert json.loads(found.signature) == {"inputs": [{"type": "long"}]}
    assert found.problems == ()

    found = read_environment({"conda.yaml": conda})
    assert found.python == "3.10"
    assert found.packages == ("mlflow==3.0", "pandas", "libgomp==1.2")
    assert found.unpinned == ("pandas",)

    assert read_environment({}).sources == ()


@pytest.mark.parametrize(
    ("name", "data", "problem"),
    [
        ("conda.yaml", b"dependencies: [", "conda.yaml is not valid YAML."),
        ("conda.yaml", b"- a list", "conda.yaml is not a mapping."),
        ("conda.yaml", b"a: &a [x, x]\nb: [*a, *a]", "conda.yaml is not valid YAML."),
        ("conda.yaml", b"[" * 100_000, "conda.yaml is not valid YAML."),
        ("conda.yaml", b"a: \x00", "conda.yaml is not valid YAML."),
        ("MLmodel", b"\xff\xfe", "MLmodel is not UTF-8."),
        ("requirements.txt", b"\xff", "requirements.txt is not UTF-8."),
        ("python_env.yaml", b"!!python/object:os.system x", "python_env.yaml is not a mapping."),
        ("MLmodel", b"x" * (MAX_BYTES + 1), f"MLmodel is larger than {MAX_BYTES} bytes"),
    ],
)
def test_a_malformed_file_is_noted(name: str, data: bytes, problem: str) -> None:
    (found,) = read_environment({name: data}).problems
    assert found.startswith(problem)


@pytest.mark.parametrize(
    "text", ["signature: x", "signature: {inputs: [1, {a: b}]}", "signature: {inputs: '[['}"]
)
def test_an_odd_signature_is_taken_as_it_is(text: str) -> None:
    found = read_environment({"MLmodel": text.encode()}).signature
    assert found == "" or json.loads(found)


@given(st.dictionaries(st.sampled_from(FILES), st.binary(max_size=80)))
def test_no_bytes_raise(files: dict[str, bytes]) -> None:
    read_environment(files)
