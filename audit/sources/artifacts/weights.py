"""The bytes at a version's storage location: listed, hashed, and never trusted.

A location is what a client once wrote into the registry. Only absolute paths, ``file:``
addresses, object stores and the audited MLflow server itself are read; an ``http(s)``
address of another host would be sent the account's password. Symbolic links are not
followed: a location that holds one is unreadable, with the reason, as its files are not
all there.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, TypeAlias
from urllib.parse import unquote, urlsplit

from audit.errors import SourceError
from audit.facts import ArtifactFile, Environment, ModelSignature, Weights
from audit.sources.artifacts import environment as environments
from audit.sources.artifacts import signature as signatures
from audit.sources.artifacts.hashing import DigestCache, folder_digests, hash_file
from audit.sources.artifacts.signature import MARK
from audit.sources.uris import redact_uri

Mode = Literal["always", "new", "never"]

_Look: TypeAlias = tuple[Weights, Environment, ModelSignature | None]

MAX_FILES = 100_000
NEVER = "The job says not to read weights (data.weights: never)."

_OBJECT_STORES = frozenset({"s3", "r2", "b2", "gs", "wasbs", "abfss", "hdfs", "viewfs"})
_WEB = frozenset({"http", "https"})
_SERVER_SCHEMES = _WEB | {"mlflow-artifacts"}


class ArtifactReader:
    """Hashes artifact folders and reads their environment files, each location once.

    Args:
        tracking_uri: Where ``mlflow-artifacts:`` locations are, and the only ``http(s)``
            host that is asked. If it is no server, ``MLFLOW_TRACKING_URI`` is taken.
        mode: ``new`` uses the digests of unchanged local files from ``cache``,
            ``always`` reads every byte, ``never`` none. What is not local is always read.
        cache: Folder of the digest cache.
        jobs: Files hashed at the same time.
        trusted: The keys and certificates that a model's signature is verified against.
    """

    def __init__(
        self,
        tracking_uri: str = "",
        *,
        mode: Mode = "new",
        cache: Path | None = None,
        jobs: int | None = None,
        trusted: signatures.Trusted | None = None,
    ) -> None:
        # A registry read from its database does not tell which server keeps its artifacts.
        known = urlsplit(tracking_uri).scheme in _WEB
        self._tracking_uri = tracking_uri if known else os.environ.get("MLFLOW_TRACKING_URI", "")
        self._mode = mode
        self._cache = cache if mode == "new" else None
        self._jobs = jobs or os.cpu_count() or 1
        self._trusted = trusted or signatures.Trusted()
        self._seen: dict[str, _Look] = {}

    def read(self, locations: Iterable[str]) -> dict[str, Weights]:
        """Return the digests at each location; an unreadable one says why."""
        return {location: found[0] for location, found in self._look(locations).items()}

    def environments(self, locations: Iterable[str]) -> dict[str, Environment]:
        """Return the environment described by the files at each location."""
        return {location: found[1] for location, found in self._look(locations).items()}

    def signatures(self, locations: Iterable[str]) -> dict[str, ModelSignature | None]:
        """Return the model signature at each location, verified, ``None`` where there is none."""
        return {location: found[2] for location, found in self._look(locations).items()}

    def _look(self, locations: Iterable[str]) -> dict[str, _Look]:
        wanted = dict.fromkeys(locations)
        missing = [location for location in wanted if location not in self._seen]
        if missing:
            cache = DigestCache(self._cache) if self._cache else None
            try:
                with ThreadPoolExecutor(self._jobs) as threads:
                    for location in missing:
                        self._seen[location] = self._look_at(location, cache, threads)
            finally:
                if cache:
                    cache.close()
        return {location: self._seen[location] for location in wanted}

    def _look_at(
        self, location: str, cache: DigestCache | None, threads: ThreadPoolExecutor
    ) -> _Look:
        environment, signature = Environment(), None
        try:
            if self._mode == "never" and local_path(location) is None:
                return Weights(location=location, reason=NEVER), environment, None
            with self._folder(location) as (root, local):
                listed = list_files(root)
                environment = _environment(listed)
                if self._mode == "never":
                    signature = signatures.unread(listed, "the job says not to read weights")
                    return Weights(location=location, reason=NEVER), environment, signature
                files = _hash_all(listed, cache if local else None, threads)
                signature = signatures.verify(root, listed, self._trusted)
        except (SourceError, OSError) as error:
            return Weights(location=location, reason=_sentence(error)), environment, signature
        return weights_of(location, files), environment, signature

    @contextmanager
    def _folder(self, location: str) -> Iterator[tuple[Path, bool]]:
        """Give the local folder (or file) of a location, and whether it is the original."""
        path = local_path(location)
        if path is not None:
            yield path, True
            return
        self._refuse_foreign(location)
        with tempfile.TemporaryDirectory(prefix="mlflow-audit-") as folder:
            yield self._download(location, Path(folder)), False

    def _refuse_foreign(self, location: str) -> None:
        """Raise ``SourceError`` for an address that an audit has no business to ask."""
        if not location:
            raise SourceError("the registry records no storage location")
        parts = urlsplit(location)
        if parts.scheme in _OBJECT_STORES:
            return
        if parts.scheme not in _SERVER_SCHEMES:
            raise SourceError("the location is neither an absolute path nor in an artifact store")
        server = urlsplit(self._tracking_uri)
        if server.scheme not in _WEB:
            raise SourceError(
                "only the MLflow server knows this location, and MLFLOW_TRACKING_URI names none"
            )
        if parts.netloc and parts.netloc != server.netloc.rpartition("@")[2]:
            raise SourceError("the location is on another host than the registry, not asked")

    def _download(self, location: str, folder: Path) -> Path:
        """Return a copy of a remote location. Raises ``SourceError`` if there is none."""
        os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        try:
            repository = get_artifact_repository(location, tracking_uri=self._tracking_uri)
            return Path(repository.download_artifacts("", dst_path=str(folder)))
        except Exception as error:
            # Each store raises errors of its own; whatever it is, it becomes the reason.
            lines = str(error).strip().splitlines() or [type(error).__name__]
            raise SourceError(f"the artifact store did not give it ({lines[0][:300]})") from error


def local_path(location: str) -> Path | None:
    """Return the absolute path that a location names, ``None`` for all other locations.

    A relative path is none: it would mean another folder wherever the audit runs.
    """
    if location.startswith("file:"):
        parts = urlsplit(location)
        if parts.netloc not in {"", "localhost"}:
            return None
        location = unquote(parts.path)
    return Path(location) if location.startswith("/") and "\0" not in location else None


def list_files(root: Path) -> dict[str, Path]:
    """Return all files below ``root`` by their path in it, sorted; nothing is opened.

    A file as ``root`` is one file under its own name. Raises ``SourceError`` for a link,
    a special file, a name that is no single line of UTF-8, and more than ``MAX_FILES``.
    """
    root = root.resolve()
    if not root.exists() or root.is_relative_to("/proc") or root.is_relative_to("/dev"):
        raise SourceError("there is nothing at this location on this machine")
    if root.is_file():
        return {_name(root.name): root}
    found: dict[str, Path] = {}
    for name, path in _walk(root):
        if name != MARK:
            found[name] = path
        if len(found) > MAX_FILES:
            raise SourceError(f"there are more than {MAX_FILES} files at this location")
    if not found:
        raise SourceError("the folder at this location holds no files")
    return dict(sorted(found.items()))


def _walk(root: Path) -> Iterator[tuple[str, Path]]:
    """Yield path in ``root`` and path of all files below. Raises as ``list_files``."""
    folders = [(root, "")]
    while folders:
        folder, prefix = folders.pop()
        with os.scandir(folder) as entries:
            for entry in entries:
                name = prefix + _name(entry.name)
                if entry.is_symlink():
                    raise SourceError(f"the symbolic link {name} in it is not followed")
                if entry.is_dir(follow_symlinks=False):
                    folders.append((Path(entry.path), f"{name}/"))
                elif entry.is_file(follow_symlinks=False):
                    yield name, Path(entry.path)
                else:
                    raise SourceError(f"the special file {name} in it is not read")


def weights_of(location: str, files: Iterable[ArtifactFile]) -> Weights:
    """Return the digests of a location from those of its files.

    ``sha256`` is that of all lines ``<sha256>  <path>`` sorted by path, each with a line
    feed: the form that ``sha256sum`` prints and checks.
    """
    ordered = tuple(sorted(files, key=lambda file: file.path))
    manifest = "".join(f"{file.sha256}  {file.path}\n" for file in ordered)
    folders = folder_digests({file.path: file.md5 for file in ordered})
    unix = folder_digests({file.path: file.md5_dos2unix or file.md5 for file in ordered})
    return Weights(
        location=location,
        read=True,
        sha256=hashlib.sha256(manifest.encode()).hexdigest(),
        files=ordered,
        directories=folders,
        directories_dos2unix={
            folder: digest for folder, digest in unix.items() if folders[folder] != digest
        },
    )


def _hash_all(
    listed: Mapping[str, Path], cache: DigestCache | None, threads: ThreadPoolExecutor
) -> list[ArtifactFile]:
    """Return the digests of all files, those unchanged since the cache was written from it."""
    known: list[ArtifactFile] = []
    unknown: list[tuple[str, Path]] = []
    for name, path in listed.items():
        file = cache.get(path, name, path.lstat()) if cache else None
        if file:
            known.append(file)
        else:
            unknown.append((name, path))
    hashed = threads.map(lambda item: (item[1], *hash_file(item[1], item[0])), unknown)
    for path, file, identity in hashed:
        known.append(file)
        if cache:
            cache.put(path, file, identity)
    return known


def _environment(listed: Mapping[str, Path]) -> Environment:
    """Return what the environment files among the listed say, at most so many bytes of each."""
    files: dict[str, bytes] = {}
    for name in environments.FILES:
        if name in listed:
            with listed[name].open("rb") as stream:
                files[name] = stream.read(environments.MAX_BYTES + 1)
    return environments.read_environment(files)


def _name(name: str) -> str:
    """Return a file's name. Raises ``SourceError`` if it could not stand in a manifest."""
    if len(name.splitlines()) != 1 or any(0xD800 <= ord(sign) <= 0xDFFF for sign in name):
        raise SourceError(f"the file name {name!a} is not a single line of UTF-8")
    return name


def _sentence(error: Exception) -> str:
    """Return why a location could not be read, as one sentence without secrets."""
    if isinstance(error, OSError):
        text = f"the location cannot be read ({error.strerror or type(error).__name__})"
    else:
        text = redact_uri(str(error))
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."
