"""Whether the data of the history is still in the DVC remotes.

DVC answers which remotes there are, how they are laid out and what they hold. It is
never pointed at the repository under audit, because opening one writes into it: it gets
an empty project in a temporary folder, with that repository's configuration and all paths
made absolute. Folders on this machine are looked into without it: asked whether a local
object exists, DVC changes its mode, and deletes it where its content is not intact.

From configuration that is committed, options that name files with credentials are left
out. Such a file can name a command to run, and a committed one is anybody's.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from audit.facts import DataObject, ObjectState
from audit.sources.addresses import is_url, redacted

_MD5 = re.compile(r"[0-9a-f]{32}(\.dir)?")
_CREDENTIAL_FILES = (
    "cert_path",
    "configpath",
    "credentialpath",
    "gdrive_service_account_json_file_path",
    "gdrive_user_credentials_file",
    "key_path",
    "keyfile",
)
_LAYOUTS = ("md5", "md5-dos2unix")
"""Of DVC 3 (``files/md5/ab/cdef…``) and of DVC 2 (``ab/cdef…``)."""


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


@dataclass(slots=True)
class _Remote:
    """What one remote answered."""

    name: str
    held: set[str] = field(default_factory=set)
    lost: dict[str, str] = field(default_factory=dict)
    """Folders whose list or members are gone, with the reason."""
    reason: str = ""
    """Why it could not be asked; empty where it was."""


class DvcRemotes:
    """The data source of one repository."""

    def __init__(
        self,
        repository: str,
        config: ProjectConfig,
        elsewhere: Callable[[str], str] = lambda _: "",
    ) -> None:
        """``repository`` is its name in the report.

        ``elsewhere`` returns why no remote is meant to hold a digest, ``""`` for data.
        """
        self._repository = repository
        self._config = config
        self._elsewhere = elsewhere
        self._default = ""
        self._cache: Path | None = None

    def exist(self, digests: Sequence[str]) -> tuple[DataObject, ...]:
        """Return for each digest whether a remote holds it, asked in one batch a remote.

        The default remote is asked first, the others for what it does not hold. A folder
        (``….dir``) is there if its list is, unaltered, and all files on it. What only the
        local cache holds is ``cache_only``. What cannot be asked is ``not_checked`` with
        the reason; nothing is raised.
        """
        wanted = tuple(dict.fromkeys(digests))
        exempt = {digest: reason for digest in wanted if (reason := self._elsewhere(digest))}
        asked = [digest for digest in wanted if digest not in exempt and _MD5.fullmatch(digest)]
        remotes = self._ask(asked) if asked else []
        return tuple(
            DataObject(digest, self._repository, "", ObjectState.NOT_APPLICABLE, exempt[digest])
            if digest in exempt
            else self._object(digest, remotes)
            for digest in wanted
        )

    def _object(self, digest: str, remotes: list[_Remote]) -> DataObject:
        def found(state: ObjectState, remote: str = "", reason: str = "") -> DataObject:
            return DataObject(digest, self._repository, remote, state, reason)

        if not _MD5.fullmatch(digest):
            return found(ObjectState.NOT_CHECKED, reason="its digest is not an MD5 of DVC's")
        for remote in remotes:
            if digest in remote.held and digest not in remote.lost:
                return found(ObjectState.PRESENT, remote.name)
        names = ", ".join(remote.name for remote in remotes)
        unasked = next((remote for remote in remotes if remote.reason), None)
        if unasked is not None and (unasked is remotes[0] or not self._default):
            return found(ObjectState.NOT_CHECKED, unasked.name, unasked.reason)
        reason = next((r.lost[digest] for r in remotes if digest in r.lost), "")
        if self._cached(digest):
            reason = reason or "not in the remote, only in the local cache"
            return found(ObjectState.CACHE_ONLY, names, reason)
        return found(ObjectState.MISSING, names, reason or "not in the remote")

    def _cached(self, digest: str) -> bool:
        """Whether the repository's local cache holds a digest (for a folder: its list)."""
        return self._cache is not None and any(
            (self._cache / layout / digest[:2] / digest[2:]).is_file()
            for layout in ("files/md5", "")
        )

    def _ask(self, digests: list[str]) -> list[_Remote]:
        """Return what each remote answered, the default one first; at least one comes back."""
        if not self._config.found:
            return [_Remote("", reason="the repository has no DVC project (.dvc/config)")]
        from dvc.exceptions import DvcException

        try:
            settings = merged(self._config)
            with _project(settings) as project:
                self._default = project.config["core"].get("remote", "")
                if self._config.folder is not None:
                    self._cache = Path(settings["cache"]["dir"])
                names = dict.fromkeys(
                    [*([self._default] if self._default else []), *sorted(project.config["remote"])]
                )
                remotes: list[_Remote] = []
                for name in names:
                    found = set[str]().union(*(r.held - r.lost.keys() for r in remotes))
                    left = [digest for digest in digests if digest not in found]
                    if left:
                        remotes.append(_answer(project, name, left))
                return remotes or [_Remote("", reason="no DVC remote is configured")]
        except (DvcException, OSError) as error:
            return [_Remote("", reason=f"DVC cannot read its configuration: {_line(error)}")]


@dataclass(frozen=True, slots=True)
class _Project:
    """DVC's configuration, and the remotes that it opens."""

    config: Any
    cloud: Any


def merged(config: ProjectConfig) -> dict[str, Any]:
    """Return a project's settings: sections ``core``, ``cache`` and ``remote``, paths absolute.

    Raises DVC's ``ConfigError`` where they cannot be read.
    """
    found: dict[str, Any] = {"core": {}, "cache": {}, "remote": {}}
    for text, committed in ((config.committed, True), (config.local, False)):
        sections = _parsed(text)
        for name, options in _section(sections, "remote").items():
            dropped = _CREDENTIAL_FILES if committed else ()
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


def _section(sections: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return a section; of ``remote``, only what is a section itself."""
    found = sections.get(name)
    if not isinstance(found, dict):
        return {}
    nested = name == "remote"
    return {key: value for key, value in found.items() if isinstance(value, dict) is nested}


def _answer(project: _Project, name: str, digests: list[str]) -> _Remote:
    """Return what one remote holds of the digests."""
    remote = _Remote(name)
    try:
        url = project.config["remote"].get(name, {}).get("url", "")
        if not is_url(url) and not Path(url).is_absolute():
            remote.reason = f"there is no folder from which its address is meant: {url}"
            return remote
        place = project.cloud.get_remote(name)
        if place.fs.protocol == "local" and not Path(place.path).is_dir():
            remote.reason = f"the folder of the remote does not exist: {place.path}"
            return remote
        odbs = [project.cloud.get_remote_odb(name, hash_name=layout) for layout in _LAYOUTS]
        members: dict[str, set[str]] = {}
        remote.held = _held(odbs, digests)
        for folder in sorted(digest for digest in remote.held if digest.endswith(".dir")):
            try:
                members[folder] = _members(odbs, folder)
            except ValueError as error:
                remote.lost[folder] = str(error)
        files = _held(odbs, sorted(set[str]().union(*members.values())))
        for folder, names in members.items():
            if gone := len(names - files):
                remote.lost[folder] = f"{gone} of the folder's {len(names)} files are gone"
    except Exception as error:  # noqa: BLE001 - each kind of remote has errors of its own
        remote.held.clear()
        remote.reason = f"the remote cannot be asked: {_line(error)}"
    return remote


def _held(odbs: list[Any], digests: Sequence[str]) -> set[str]:
    """Return those of the digests that the remote holds in any layout."""
    held: set[str] = set()
    for odb in odbs:
        left = [digest for digest in digests if digest not in held]
        if odb.fs.protocol == "local":
            held.update(digest for digest in left if Path(odb.oid_to_path(digest)).is_file())
        elif left:
            held.update(odb.oids_exist(left))
    missing = next((digest for digest in digests if digest not in held), "")
    if missing:
        _be_sure(odbs[0], missing)
    return held


def _be_sure(odb: Any, digest: str) -> None:
    """Raise where a missing object is one that the remote did not answer for.

    Over HTTP every failure looks like an absent file; only the cause of the error tells.
    """
    try:
        odb.fs.info(odb.oid_to_path(digest))
    except FileNotFoundError as error:
        cause = error.__cause__
        if cause is not None and odb.fs.protocol in {"http", "https"}:
            status = getattr(cause, "status", 0)
            if status not in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
                raise cause from error


def _members(odbs: list[Any], folder: str) -> set[str]:
    """Return the digests on a folder's list. Raises ``ValueError`` where it is not intact."""
    data = None
    for odb in odbs:
        with suppress(FileNotFoundError):
            data = data or odb.fs.cat_file(odb.oid_to_path(folder))
    if data is None:
        raise ValueError("the folder's list cannot be read")
    if hashlib.md5(data, usedforsecurity=False).hexdigest() != folder.removesuffix(".dir"):
        raise ValueError("the folder's list in the remote is not what its name says")
    try:
        return {_text(entry["md5"]) for entry in json.loads(data)}
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ValueError("the folder's list in the remote is not a list of files") from error


def _text(value: Any) -> str:
    if not isinstance(value, str) or not _MD5.fullmatch(value):
        raise ValueError(value)
    return value


@contextmanager
def _project(settings: Mapping[str, Any]) -> Iterator[_Project]:
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
        yield _Project(config, DataCloud(repository))


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


def _line(error: BaseException) -> str:
    """Return an error's text in one line, addresses redacted."""
    words = (str(error) or type(error).__name__).split()
    return " ".join(redacted(word) for word in words)[:300]
