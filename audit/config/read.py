"""Reading the files that people write: strict, with the place and the remedy in one line."""

from __future__ import annotations

import difflib
import os
import re
import types
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pydantic
import yaml
from pydantic import BaseModel

from audit.config.sections import JobFile
from audit.errors import ConfigError, UsageError

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")


def load(path: Path) -> JobFile:
    """Return the job file at ``path``, variables replaced and paths made absolute.

    Raises ``ConfigError`` with the place and the remedy for anything that is wrong.
    """
    raw = read_yaml(path, "job file")
    if not isinstance(raw, dict):
        raise ConfigError(
            "a job file is a mapping", where=str(path), remedy="See mlflow-audit init"
        )
    raw = _absolute(_interpolate(raw, str(path)), path.resolve().parent)
    job = validate(JobFile, raw, path)
    uri = job.registry.uri or os.environ.get("MLFLOW_REGISTRY_URI", "")
    uri = uri or os.environ.get("MLFLOW_TRACKING_URI", "")
    if not uri:
        raise ConfigError(
            "no registry is named",
            where=f"{path}: registry.uri",
            remedy="Set registry.uri, or MLFLOW_REGISTRY_URI or MLFLOW_TRACKING_URI",
        )
    return job.model_copy(update={"registry": job.registry.model_copy(update={"uri": uri})})


_SAFE: typing.Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The safe loader in C, where PyYAML has it: a control pack is read in a tenth of the time."""


class _Loader(_SAFE):  # type: ignore[misc]
    """The safe loader, but a key that stands twice is refused: YAML would take the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> Any:
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and (key.tag, key.value) in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value!r} stands twice", key.start_mark
                )
            seen.add((key.tag, str(key.value)))
        return super().construct_mapping(node, deep)


def read_yaml(path: Path, what: str) -> Any:
    """Return the YAML in a file that people write. Raises ``ConfigError``."""
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506 - a safe one
    except FileNotFoundError as error:
        raise ConfigError(
            f"no such {what}", where=str(path), remedy="Check the path, or make one with init"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"this {what} cannot be read ({error})", where=str(path)) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
        problem = getattr(error, "problem", None) or "not YAML"
        raise ConfigError(f"not valid YAML: {problem}", where=place) from error


Model = typing.TypeVar("Model", bound=BaseModel)
_PLAIN = {
    "model_type": "give a mapping of keys",
    "path_type": "give a path",
    "tuple_type": "give a list: [one, two]",
}
"""What is told where pydantic would name types of Python."""


def validate(model: type[Model], raw: Any, path: Path | str) -> Model:
    """Return ``raw`` as ``model``. Raises ``ConfigError`` for the first thing wrong in it."""
    try:
        return model.model_validate(raw)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        where = f"{path}: {place}" if place else str(path)
        if first["type"] == "extra_forbidden":
            raise _unknown_key(model, first["loc"], where) from error
        if first["type"] == "missing":
            raise ConfigError("this key is required", where=where) from error
        message = _PLAIN.get(first["type"]) or first["msg"].removeprefix("Value error, ")
        given = first.get("input")
        shown = f" (given: {given!r})" if isinstance(given, str | int | float | bool) else ""
        raise ConfigError(message[:1].lower() + message[1:] + shown, where=where) from error
    except UsageError as error:
        raise ConfigError(error.what, where=str(path), remedy=error.remedy) from error


def _unknown_key(
    model: type[BaseModel], location: tuple[int | str, ...], where: str
) -> ConfigError:
    """Return the error for a key that no section has, naming the nearest that it has."""
    section: type[BaseModel] | None = model
    for part in location[:-1]:
        if isinstance(part, str) and section is not None:
            found = section.model_fields.get(part)
            section = _section_of(found.annotation) if found else None
    known = sorted(section.model_fields) if section else []
    near = difflib.get_close_matches(str(location[-1]), known, n=1, cutoff=0.5)
    remedy = f"Did you mean {near[0]!r}?" if near else f"Known keys: {', '.join(known)}"
    return ConfigError("unknown key", where=where, remedy=remedy)


def _section_of(annotation: Any) -> type[BaseModel] | None:
    """Return the section type inside an annotation such as ``tuple[Code, ...]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if isinstance(annotation, types.UnionType) or typing.get_args(annotation):
        found = (_section_of(part) for part in typing.get_args(annotation))
        return next((section for section in found if section), None)
    return None


def _interpolate(value: Any, where: str) -> Any:
    """Replace ``${NAME}`` and ``${NAME:-default}`` in all strings of a value."""
    if isinstance(value, dict):
        return {key: _interpolate(item, f"{where}: {key}") for key, item in value.items()}
    if isinstance(value, list):
        return [_interpolate(item, where) for item in value]
    if not isinstance(value, str):
        return value

    def replace(match: re.Match[str]) -> str:
        name, default = match[1], match[2]
        found = os.environ.get(name, default)
        if found is None:
            raise ConfigError(
                f"the environment variable {name} is not set",
                where=where,
                remedy=f"Set it, or give a default: ${{{name}:-value}}",
            )
        return found

    return _VARIABLE.sub(replace, value)


_PATHS = (
    ("code", "path"),
    ("code", "allowed_signers"),
    ("code", "keyring"),
    ("controls", "waivers"),
    ("sources", "ailine"),
    ("sources", "advisories"),
    ("signing", "certificate"),
    ("signing", "chain"),
    ("archive", "path"),
    ("execute", "cache"),
)
_URIS = (("registry", "uri"), ("signing", "key"))


def _absolute(raw: dict[str, Any], base: Path) -> dict[str, Any]:
    """Return the raw job file with every path in it made absolute against ``base``.

    Values of the wrong type are left for pydantic to refuse.
    """
    raw = {
        "ledger": "sqlite:///audit-ledger.db",
        **raw,
        "archive": _with_default(raw.get("archive"), "path", "../output"),
        "execute": _with_default(raw.get("execute"), "cache", "../.cache/mlflow-audit"),
    }
    for name, key in _PATHS:
        _change(raw.get(name), key, lambda text: _absolute_path(text, base))
    for name, key in _URIS:
        _change(raw.get(name), key, lambda text: _absolute_uri(text, base))
    data = raw.get("data")
    for key in ("keys", "certificates"):
        signing = data.get("model_signing") if isinstance(data, dict) else None
        _change(signing, key, lambda text: _absolute_path(text, base))
    _change(raw, "ledger", lambda text: _absolute_uri(text, base))
    _change(
        raw.get("controls"),
        "packs",
        lambda text: _absolute_path(text, base) if text.endswith(".yaml") else text,
    )
    return raw


def _with_default(section: Any, key: str, value: str) -> Any:
    return {key: value, **section} if isinstance(section, dict) else section or {key: value}


def _change(sections: Any, key: str, change: Callable[[str], str]) -> None:
    """Change the strings at ``key`` in a mapping, or in each mapping of a list."""
    for section in sections if isinstance(sections, list) else [sections]:
        if not isinstance(section, dict) or key not in section:
            continue
        value = section[key]
        if isinstance(value, str):
            section[key] = change(value)
        elif isinstance(value, list):
            section[key] = [change(item) if isinstance(item, str) else item for item in value]


def _absolute_path(text: str, base: Path) -> str:
    return str((base / Path(text).expanduser()).resolve())


def _absolute_uri(uri: str, base: Path) -> str:
    """Return a ``sqlite:///…``, ``file:…`` or ``pkcs12:…`` URI with an absolute path."""
    for scheme in ("sqlite:///", "file:", "pkcs12:"):
        if uri.startswith(scheme) and not uri.startswith("file://"):
            rest = uri[len(scheme) :]
            path, mark, query = rest.partition("?")
            if path and path != ":memory:" and not path.startswith("file:"):
                return f"{scheme}{(base / Path(path).expanduser()).resolve()}{mark}{query}"
    return uri
