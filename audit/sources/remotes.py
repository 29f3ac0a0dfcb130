"""Whether the data of the history is still in the DVC remotes.

DVC answers which remotes there are and what they hold. It is never pointed at the
repository under audit, because opening one writes into it: it gets an empty project in
a temporary folder, with that repository's configuration and all paths made absolute.

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
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
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
        if unasked is remotes[0] or (unasked and not self._has_default()):
            return found(ObjectState.NOT_CHECKED, unasked.name, unasked.reason)
        reason = next((r.lost[digest] for r in remotes if digest in r.lost), "")
        if self._cached(digest):
            reason = reason or "not in the remote, only in the local cache"
            return found(ObjectState.CACHE_ONLY, names, reason)
        return found(ObjectState.MISSING, names, reason or "not in the remote")

    # --- configuration ----------------------------------------------------------------------

    def _settings(self) -> dict[str, Any]:
        """Return the project's configuration with absolute paths. Raises DVC's ``ConfigError``."""
        merged: dict[str, Any] = {}
        for text, committed in ((self._config.committed, True), (self._config.local, False)):
            for section, values in _parsed(text).items():
                if section == "remote":
                    for name, options in values.items():
                        kept = {k: v for k, v in options.items() if _allowed(k, committed)}
                        merged.setdefault("remote", {}).setdefault(name, {}).update(kept)
                elif section in {"core", "cache"}:
                    merged.setdefault(section, {}).update(values)
        folder = self._config.folder
        for options in merged.get("remote", {}).values():
            for key in ("url", *_CREDENTIAL_FILES):
                if isinstance(options.get(key), str):
                    options[key] = _absolute(options[key], folder)
        return merged

    def _has_default(self) -> bool:
        return bool(self._settings().get("core", {}).get("remote"))

    def _cached(self, digest: str) -> bool:
        """Whether the repository's local cache holds a digest (for a folder: its list)."""
        if self._config.folder is None:
            return False
        place = str(self._settings().get("cache", {}).get("dir", "cache"))
        cache = Path(_absolute(place, self._config.folder))
        return any(
            (cache / layout / digest[:2] / digest[2:]).is_file() for layout in ("files/md5", "")
        )

    # --- asking -----------------------------------------------------------------------------

    def _ask(self, digests: list[str]) -> list[_Remote]:
        """Return what each remote answered, the default one first; at least one comes back."""
        if not self._config.found:
            return [_Remote("", reason="the repository has no DVC project (.dvc/config)")]
        try:
            from dvc.exceptions import DvcException

            settings = self._settings()
            with _project(settings) as project:
                default = project.config["core"].get("remote")
                names = sorted(project.config["remote"], key=lambda name: (name != default, name))
                if not names:
                    return [_Remote("", reason="no DVC remote is configured")]
                remotes: list[_Remote] = []
                for name in names:
                    found = set[str]().union(*(r.held - r.lost.keys() for r in remotes))
                    left = [digest for digest in digests if digest not in found]
                    if left:
                        remotes.append(_answer(project, name, left))
                return remotes
        except (DvcException, OSError) as error:
            return [_Remote("", reason=f"DVC cannot read its configuration: {_line(error)}")]


def _answer(project: Any, name: str, digests: list[str]) -> _Remote:
    """Return what one remote holds of the digests."""
    remote = _Remote(name)
    try:
        place = project.cloud.get_remote(name)
        if place.fs.protocol == "local" and not place.fs.exists(place.path):
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
        remote.reason = f"the remote cannot be asked: {_line(error)}"
    return remote


def _held(odbs: list[Any], digests: Sequence[str]) -> set[str]:
    held: set[str] = set()
    for odb in odbs:
        left = [digest for digest in digests if digest not in held]
        if left:
            held.update(odb.oids_exist(left))
    return held


def _members(odbs: list[Any], folder: str) -> set[str]:
    """Return the digests on a folder's list. Raises ``ValueError`` where it is not intact."""
    for odb in odbs:
        try:
            data = odb.fs.cat_file(odb.oid_to_path(folder))
        except FileNotFoundError:
            continue
        if hashlib.md5(data, usedforsecurity=False).hexdigest() != folder.removesuffix(".dir"):
            raise ValueError("the folder's list in the remote is not what its name says")
        listed = json.loads(data)
        return {entry["md5"] for entry in listed if isinstance(entry.get("md5"), str)}
    raise ValueError("the folder's list cannot be read")


@contextmanager
def _project(settings: Mapping[str, Any]) -> Iterator[Any]:
    """Yield an empty DVC project with these settings in a temporary folder."""
    from dvc.repo import Repo

    with tempfile.TemporaryDirectory(prefix="mlflow-audit-") as scratch:
        (Path(scratch) / ".dvc").mkdir()
        core = {
            **{key: value for key, value in settings.get("core", {}).items() if key == "remote"},
            "analytics": False,
            "check_update": False,
            "no_scm": True,
            "site_cache_dir": str(Path(scratch) / "site"),
        }
        config = {"core": core, "remote": settings.get("remote", {})}
        with Repo(scratch, config=config) as project:
            yield project


def _parsed(text: bytes) -> dict[str, Any]:
    """Return a DVC configuration file as sections. Raises DVC's ``ConfigError``."""
    from dvc.config import Config

    with tempfile.NamedTemporaryFile(prefix="mlflow-audit-", suffix=".ini") as stream:
        stream.write(text)
        stream.flush()
        found: dict[str, Any] = Config.load_file(stream.name)
    return found


def _allowed(option: str, committed: bool) -> bool:
    return not (committed and option in _CREDENTIAL_FILES)


def _absolute(path: str, folder: Path | None) -> str:
    """Return a path made absolute against the ``.dvc`` folder; addresses stay."""
    if is_url(path) or Path(path).is_absolute() or path.startswith("~") or folder is None:
        return path
    return os.path.normpath(folder / path)


def _line(error: BaseException) -> str:
    """Return an error's text in one line, addresses redacted."""
    words = (str(error) or type(error).__name__).split()
    return " ".join(redacted(word) for word in words)[:300]
