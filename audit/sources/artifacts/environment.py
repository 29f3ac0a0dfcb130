"""What a version's own files say of the environment that it needs.

MLflow writes ``python_env.yaml``, ``requirements.txt`` and ``conda.yaml`` beside each
model, and the model's signature into ``MLmodel``. They are a client's files: any of
them may be missing, malformed or hostile, which is noted and never an exception.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from audit.facts import Environment
from audit.sources.artifacts.requirements import parsed

FILES = ("python_env.yaml", "requirements.txt", "conda.yaml", "MLmodel")
MAX_BYTES = 2**20
"""Larger files are not read: MLflow's are a few kilobytes."""

_COMMENT = re.compile(r"(?:^|\s)#.*$")
_LINE_OPTIONS = re.compile(r"\s--?[A-Za-z][\w-]*(?:[= ].*)?$")
_EDITABLE = re.compile(r"(?:-e|--editable)[= ]\s*(.+)")
_ARCHIVE = re.compile(r"\.(?:whl|zip|tar\.gz|tar\.bz2|tar\.xz|tgz)(?:[?#]|$)")
_HASHED = re.compile(r"#(?:.*&)?(?:sha256|sha384|sha512)=[0-9a-f]{64,}")
_VCS_COMMIT = re.compile(r"^(?:git|hg)\+.*@[0-9a-f]{40}(?:#|$)")
_CONDA = re.compile(r"(?P<name>[\w.:/-]+)\s*(?P<rest>.*)")
_CONDA_EXACT = re.compile(r"(?:===?\s*[\w.!+-]+|=\s*[\w.!+-]+=[\w.+-]+)")


def read_environment(files: Mapping[str, bytes]) -> Environment:
    """Return the environment that the named files describe; unknown names are ignored.

    Packages are the lines of ``requirements.txt``, without it the pip part of
    ``conda.yaml``; Conda's own packages are added where there are any.
    """
    problems: list[str] = []
    python_env = _mapping("python_env.yaml", files, problems)
    conda = _mapping("conda.yaml", files, problems)
    ml_model = _mapping("MLmodel", files, problems)
    conda_lines, conda_pip = _conda_lines(conda)
    pip_lines = conda_pip
    if "requirements.txt" in files:
        pip_lines = list(requirement_lines(_text("requirements.txt", files, problems)))
    conda_python = [line for line in conda_lines if _conda_name(line) == "python"]
    packages = [line for line in conda_lines if _conda_name(line) not in {"python", "pip"}]
    unpinned = [line for line in packages if not conda_is_pinned(line)]
    return Environment(
        sources=tuple(name for name in FILES[:3] if name in files),
        python=_scalar(python_env.get("python", ""))
        or next((line.removeprefix("python").strip("= ") for line in conda_python), ""),
        packages=(*pip_lines, *packages),
        unpinned=(*(line for line in pip_lines if not is_pinned(line)), *unpinned),
        signature=_signature(ml_model),
        problems=tuple(problems),
    )


def requirement_lines(text: str) -> Iterator[str]:
    """Yield the requirements of a pip requirements file, as written.

    Without comments, blank lines and options; lines continued by a backslash are one.
    """
    for raw in re.sub(r"\\\r?\n", " ", text).splitlines():
        line = _COMMENT.sub("", raw).strip()
        if editable := _EDITABLE.fullmatch(line):
            yield editable[1].strip()
        elif line and not line.startswith("-"):
            yield " ".join(line.split())


def is_pinned(line: str) -> bool:
    """Whether a pip requirement names one exact version, archive or commit.

    ``==`` without a wildcard (PEP 440), ``===``, an address of an archive or one with
    its hash, or a version control address at a full commit (PEP 508, PEP 610).
    """
    line = _LINE_OPTIONS.sub("", line).strip()
    requirement = parsed(line)
    if requirement is None:
        return _is_exact_address(line.partition(";")[0].strip())
    if requirement.url:
        return _is_exact_address(requirement.url)
    return any(
        clause.operator in {"==", "==="} and not clause.version.endswith(".*")
        for clause in requirement.specifier
    )


def conda_is_pinned(line: str) -> bool:
    """Whether a Conda match specification is exact: ``==1.2`` or ``=1.2=build``.

    A single ``=1.2`` also means ``1.2.3``.
    """
    match = _CONDA.fullmatch(line)
    return bool(match and _CONDA_EXACT.fullmatch(match["rest"].strip()))


def _is_exact_address(address: str) -> bool:
    if _VCS_COMMIT.search(address) or _HASHED.search(address):
        return True
    return "+" not in address.partition("://")[0] and bool(_ARCHIVE.search(address))


def _conda_lines(conda: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Return Conda's own dependencies and those that it hands to pip."""
    own: list[str] = []
    pip: list[str] = []
    dependencies = conda.get("dependencies")
    for item in dependencies if isinstance(dependencies, list) else ():
        if isinstance(item, str):
            own.append(" ".join(item.split()))
        elif isinstance(item, dict) and isinstance(item.get("pip"), list):
            lines = "\n".join(line for line in item["pip"] if isinstance(line, str))
            pip += requirement_lines(lines)
    return own, pip


def _conda_name(line: str) -> str:
    return re.split(r"[\s=<>!~]", line, maxsplit=1)[0].rpartition("::")[2].lower()


def _signature(ml_model: Mapping[str, Any]) -> str:
    """Return the model signature as JSON: inputs, outputs and params, each if present."""
    signature = ml_model.get("signature")
    if not isinstance(signature, dict):
        return ""
    parts: dict[str, Any] = {}
    for key in ("inputs", "outputs", "params"):
        value = signature.get(key)
        if isinstance(value, str):
            # MLflow nests JSON as text; what is not JSON stays the text that it is.
            with contextlib.suppress(ValueError, RecursionError):
                value = json.loads(value)
        if value:
            parts[key] = value
    return json.dumps(parts, ensure_ascii=False, sort_keys=True, default=str) if parts else ""


def _text(name: str, files: Mapping[str, bytes], problems: list[str]) -> str:
    data = files.get(name, b"")
    if len(data) > MAX_BYTES:
        problems.append(f"{name} is larger than {MAX_BYTES} bytes and was not read.")
        return ""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        problems.append(f"{name} is not UTF-8.")
        return ""


def _mapping(name: str, files: Mapping[str, bytes], problems: list[str]) -> dict[str, Any]:
    text = _text(name, files, problems)
    try:
        found = yaml.load(text, Loader=_PlainLoader) if text else {}  # noqa: S506 - strings only
    except (yaml.YAMLError, ValueError, RecursionError):
        problems.append(f"{name} is not valid YAML.")
        return {}
    if not isinstance(found, dict):
        problems.append(f"{name} is not a mapping.")
        return {}
    return found


def _scalar(value: object) -> str:
    return value if isinstance(value, str) else ""


class _PlainLoader(yaml.BaseLoader):
    """YAML of strings only, as Python 3.10 is not 3.1.

    Without aliases, by which a small file can unfold to gigabytes.
    """

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not accepted here")
        return super().compose_node(parent, index)
