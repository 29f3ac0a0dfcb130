"""The remotes that a DVC project names, opened without DVC opening the project.

Opening a repository, DVC writes into it. It gets an empty project in a temporary folder
instead, with that repository's configuration and all paths made absolute.

From configuration that is committed, options that name files with credentials are left
out. Such a file can name a command to run, and a committed one is anybody's. Nothing that
would wait for somebody to type a password is kept from any.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from audit.sources.addresses import is_url

_CREDENTIAL_FILES = (
    "cert_path",
    "configpath",
    "credentialpath",
    "gdrive_service_account_json_file_path",
    "gdrive_user_credentials_file",
    "key_path",
    "keyfile",
)
_QUESTIONS = ("ask_password", "ask_passphrase")
_S3_SECONDS = 10
"""To wait for a connection; it is tried five times, and nobody sits in front of it."""


@dataclass(frozen=True, slots=True)
class ProjectConfig:
    """The configuration of a DVC project, as found."""

    committed: bytes = b""
    """Content of ``.dvc/config``."""
    local: bytes = b""
    """Content of ``.dvc/config.local``, which is never committed."""
    folder: Path | None = None
    """The ``.dvc`` folder that relative paths in them are meant from, where there is one."""
    found: bool = True


@dataclass(frozen=True, slots=True)
class Project:
    """DVC's configuration, and the remotes that it opens."""

    config: Any
    cloud: Any

    @property
    def default(self) -> str:
        """Name of the default remote, ``""`` where none is set."""
        return str(self.config["core"].get("remote", ""))

    @property
    def remotes(self) -> dict[str, dict[str, Any]]:
        """The options of each remote by its name."""
        found: dict[str, dict[str, Any]] = self.config["remote"]
        return found


def merged(config: ProjectConfig) -> dict[str, Any]:
    """Return a project's settings: sections ``core``, ``cache`` and ``remote``, paths absolute.

    Raises DVC's ``ConfigError`` where they cannot be read.
    """
    found: dict[str, Any] = {"core": {}, "cache": {}, "remote": {}}
    for text, committed in ((config.committed, True), (config.local, False)):
        sections = _parsed(text)
        dropped = (*_QUESTIONS, *_CREDENTIAL_FILES) if committed else _QUESTIONS
        for name, options in _section(sections, "remote").items():
            kept = {key: value for key, value in options.items() if key not in dropped}
            found["remote"].setdefault(name, {}).update(kept)
        for section in ("core", "cache"):
            found[section].update(_section(sections, section))
    for options in found["remote"].values():
        for key in ("url", *_CREDENTIAL_FILES):
            if isinstance(options.get(key), str):
                options[key] = _absolute(options[key], config.folder)
    found["cache"]["dir"] = _absolute(str(found["cache"].get("dir", "cache")), config.folder)
    return found


@contextmanager
def opened(settings: Mapping[str, Any]) -> Iterator[Project]:
    """Yield these settings as DVC understands them, beside what the machine's own add."""
    from dvc.config import Config
    from dvc.data_cloud import DataCloud

    core = {key: value for key, value in settings["core"].items() if key == "remote"}
    with tempfile.TemporaryDirectory(prefix="mlflow-audit-") as scratch:
        (Path(scratch) / ".dvc").mkdir()
        config = Config(
            str(Path(scratch) / ".dvc"), config={"core": core, "remote": settings["remote"]}
        )
        # What DVC's cloud asks of a repository; a whole one takes long to come up.
        repository = SimpleNamespace(config=config, site_cache_dir=scratch, data_index=None)
        for options in config["remote"].values():
            if str(options.get("url", "")).startswith("s3://"):
                options.setdefault("connect_timeout", _S3_SECONDS)
        yield Project(config, DataCloud(repository))


def _section(sections: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return a section; of ``remote``, only what is a section itself."""
    found = sections.get(name)
    if not isinstance(found, dict):
        return {}
    nested = name == "remote"
    return {key: value for key, value in found.items() if isinstance(value, dict) is nested}


def _parsed(text: bytes) -> dict[str, Any]:
    """Return a DVC configuration file as sections. Raises DVC's ``ConfigError``."""
    from dvc.config import Config

    with tempfile.NamedTemporaryFile(prefix="mlflow-audit-", suffix=".ini") as stream:
        stream.write(text)
        stream.flush()
        found: dict[str, Any] = Config.load_file(stream.name)
    return found


def _absolute(path: str, folder: Path | None) -> str:
    """Return a path made absolute against the ``.dvc`` folder; addresses stay."""
    if is_url(path) or path.startswith("~"):
        return str(Path(path).expanduser()) if path.startswith("~") else path
    return os.path.normpath(folder / path) if folder is not None else path
