"""One git repository's object store, read as evidence: no checkout, no network, no trust.

A repository under audit is foreign input. Its configuration can name commands
(``core.fsmonitor``, hooks, filters, ``diff.external``), its ``refs/replace``, grafts
and commit-graph can show a history that its objects do not hold, and its files can
hold bytes that their name does not stand for. So GitPython only opens it; the
environment set here takes every such setting away, only commands that run nothing
(``log --raw``, ``rev-list``, ``for-each-ref``, ``rev-parse``, ``cat-file``) are used,
and each object read is hashed again.

Not safe for threads or forks: one object holds two persistent ``git cat-file``.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audit.errors import SourceError, UsageError

MAX_FILE = 64 * 1024 * 1024
"""Bytes: larger blobs are not read."""
MAX_STRUCTURE = 16 * 1024 * 1024
"""Bytes: larger commits and trees are not read."""
MAX_ENTRIES = 200_000
"""Files and folders: of larger folders no digest is made, and no more are kept in memory."""

_SHA = re.compile(r"[0-9a-f]{40}")


class UnreadableError(Exception):
    """One object cannot be read; the message is a sentence for the report."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One name in a git tree."""

    mode: str
    oid: str

    @property
    def is_tree(self) -> bool:
        """Whether it is a folder."""
        return self.mode == "40000"

    @property
    def is_file(self) -> bool:
        """Whether it is a plain file: neither a symbolic link nor a submodule."""
        return self.mode.startswith("100")


def is_sha(text: str) -> bool:
    """Whether a text is a full commit SHA; nothing else is ever handed to git as one."""
    return _SHA.fullmatch(text) is not None


def hardened(git_dir: Path, config: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment under which git reads ``git_dir`` and nothing else.

    ``config`` are further settings, which stand above the repository's own.
    """
    settings = {
        "advice.graftFileDeprecated": "false",
        "core.fsmonitor": "false",
        "core.hooksPath": os.devnull,
        "core.attributesFile": os.devnull,
        "core.commitGraph": "false",
        "diff.external": "",
        "log.diffMerges": "separate",
        "log.showRoot": "true",
        "log.showSignature": "false",
        "log.mailmap": "false",
        "safe.directory": str(git_dir),
        **(config or {}),
    }
    environment = {
        "GIT_ALLOW_PROTOCOL": "",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_PARAMETERS": "",
        "GIT_CONFIG_COUNT": str(len(settings)),
        "GIT_DIR": str(git_dir),
        "GIT_GRAFT_FILE": os.devnull,
        "GIT_LITERAL_PATHSPECS": "0",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        # A bare repository with core.worktree set is otherwise refused by git itself.
        "GIT_WORK_TREE": str(git_dir),
        "LC_ALL": "C",
    }
    for number, (key, value) in enumerate(settings.items()):
        environment[f"GIT_CONFIG_KEY_{number}"] = key
        environment[f"GIT_CONFIG_VALUE_{number}"] = value
    return environment


def gitpython() -> Any:
    """Return GitPython. Raises ``SourceError`` where there is no git for it to use."""
    try:
        import git
    except ImportError as error:
        raise SourceError("git is not installed", remedy="Install git") from error
    return git


class ObjectStore:
    """Runs the few git commands and reads objects by their id."""

    def __init__(self, path: Path) -> None:
        """Open the repository at ``path`` (its top folder, or a bare repository).

        Raises ``UsageError`` where there is none.
        """
        self.location = str(path)
        git = gitpython()
        try:
            with git.Repo(path, search_parent_directories=False, expand_vars=False) as repo:
                self._git_dir = Path(repo.git_dir).resolve()
                self._common_dir = Path(repo.common_dir).resolve()
        except (git.InvalidGitRepositoryError, git.NoSuchPathError) as error:
            raise UsageError(
                "not a git repository",
                where=str(path),
                remedy="Name the top folder of a clone, or use url: to have it mirrored",
            ) from error
        except (git.GitError, OSError, ValueError) as error:
            raise SourceError(f"git cannot open it ({error})", where=str(path)) from error
        self._git = git.Git(str(self._git_dir))
        self._git.update_environment(**hardened(self._git_dir))
        self._trees: OrderedDict[str, dict[str, Entry]] = OrderedDict()
        self._cached = 0

    def close(self) -> None:
        """End the persistent git processes."""
        self._git.clear_cache()

    def run(self, *arguments: str) -> bytes:
        """Return what a git command prints. Raises ``SourceError`` where it fails."""
        try:
            out: bytes = self._git.execute(
                ["git", *arguments], stdout_as_string=False, strip_newline_in_stdout=False
            )
        except gitpython().GitError as error:
            detail = str(getattr(error, "stderr", "") or error).strip()
            raise SourceError(
                f"git {arguments[0]} failed: {detail}",
                where=self.location,
                remedy="Check it with git fsck",
            ) from error
        return out

    def run_alone(self, *arguments: str, seconds: float, stdin: bytes = b"") -> bytes:
        """Return what a git command prints that sees the objects of this repository only.

        It runs in an empty repository that borrows the objects: no configuration, attributes,
        refs, hooks or promisor of the repository are in its sight. Raises ``SourceError``
        where it fails or takes longer than ``seconds``.
        """
        with tempfile.TemporaryDirectory(prefix="mlflow-audit-git-") as folder:
            empty = Path(folder)
            (empty / "refs").mkdir()
            (empty / "objects").mkdir()
            (empty / "HEAD").write_text("ref: refs/heads/none\n")
            environment = hardened(empty, {"core.bigFileThreshold": str(MAX_STRUCTURE)})
            environment["GIT_OBJECT_DIRECTORY"] = str(self._common_dir / "objects")
            given = empty / "given"
            given.write_bytes(stdin)
            try:
                with given.open("rb") as stream:
                    out: bytes = (
                        gitpython()
                        .Git(folder)
                        .execute(
                            ["git", *arguments],
                            env=environment,
                            istream=stream,
                            kill_after_timeout=seconds,
                            stdout_as_string=False,
                            strip_newline_in_stdout=False,
                        )
                    )
            except gitpython().GitError as error:
                detail = str(getattr(error, "stderr", "") or error).strip()
                raise SourceError(f"git {arguments[0]} failed: {detail}") from error
        return out

    @property
    def shallow(self) -> bool:
        """Whether the clone holds only a part of the history."""
        return (self._common_dir / "shallow").exists()

    @property
    def partial(self) -> bool:
        """Whether the clone was made with a filter, so that objects may be left out."""
        packs = self._common_dir / "objects" / "pack"
        return packs.is_dir() and any(packs.glob("*.promisor"))

    def kind(self, oid: str) -> str:
        """Return the type of an object, empty where the store does not hold it.

        Raises ``UnreadableError`` where git cannot tell.
        """
        header = self._header(oid)
        return header[0] if header else ""

    def read(self, oid: str, kind: str, limit: int) -> bytes:
        """Return an object's bytes, hashed again.

        Raises ``UnreadableError`` where it is absent, of another type, larger than ``limit``
        bytes, or not what its id says.
        """
        header = self._header(oid)
        if header is None:
            raise UnreadableError(f"the {kind} {oid[:10]} is not in the object store")
        found, size = header
        if found != kind:
            raise UnreadableError(f"the object {oid[:10]} is a {found}, not a {kind}")
        if size > limit:
            raise UnreadableError(f"it has {size:,} bytes; more than {limit:,} are not read")
        try:
            data: bytes = self._git.get_object_data(oid)[3]
        except (ValueError, OSError) as error:
            self._git.clear_cache()
            raise UnreadableError(f"the {kind} {oid[:10]} is damaged") from error
        seal = hashlib.sha1(b"%s %d\0" % (kind.encode(), len(data)), usedforsecurity=False)
        seal.update(data)
        if seal.hexdigest() != oid:
            self._git.clear_cache()
            raise UnreadableError(f"the {kind} {oid[:10]} does not hold what its id says")
        return data

    def blob(self, oid: str, limit: int = MAX_FILE) -> bytes:
        """Return a file's bytes by its object id. Raises ``UnreadableError``."""
        return self.read(oid, "blob", limit)

    def tree(self, oid: str) -> dict[str, Entry]:
        """Return a folder's entries by name. Raises ``UnreadableError``."""
        if oid in self._trees:
            self._trees.move_to_end(oid)
            return self._trees[oid]
        entries = dict(_tree_entries(self.read(oid, "tree", MAX_STRUCTURE)))
        self._trees[oid] = entries
        self._cached += len(entries)
        while self._cached > MAX_ENTRIES and len(self._trees) > 1:
            self._cached -= len(self._trees.popitem(last=False)[1])
        return entries

    def entry(self, root: str, path: str) -> Entry | None:
        """Return what stands at a path below a root tree, ``None`` where nothing does."""
        entry = Entry("40000", root)
        for name in path.split("/"):
            if not entry.is_tree:
                return None
            found = self.tree(entry.oid).get(name)
            if found is None:
                return None
            entry = found
        return entry

    def files(self, folder: str) -> Iterator[tuple[str, Entry]]:
        """Yield ``(path, entry)`` of all but folders below a tree, paths relative to it.

        Raises ``UnreadableError`` past ``MAX_ENTRIES``: a few small trees that name each
        other can stand for billions of files.
        """
        waiting = [("", folder)]
        seen = 0
        while waiting:
            prefix, oid = waiting.pop()
            for name, entry in self.tree(oid).items():
                seen += 1
                if seen > MAX_ENTRIES:
                    raise UnreadableError(f"it holds more than {MAX_ENTRIES:,} files")
                if entry.is_tree:
                    waiting.append((f"{prefix}{name}/", entry.oid))
                else:
                    yield f"{prefix}{name}", entry

    def _header(self, oid: str) -> tuple[str, int] | None:
        """Return type and size of an object, ``None`` where the store does not hold it."""
        if not is_sha(oid):
            return None
        for _ in range(2):
            try:
                _, kind, size = self._git.get_object_header(oid)
            except ValueError as error:
                if "missing" in str(error):
                    return None
            except OSError:
                pass
            else:
                # GitPython says text and hands out bytes.
                return os.fsdecode(kind), size
            # The process ended, on this object or on the one before: once more with a new one.
            self._git.clear_cache()
        if self.partial:
            # An object that was left out of the clone: git ends where it may not fetch it.
            return None
        raise UnreadableError(f"git cannot read the object {oid[:10]}")


def _tree_entries(data: bytes) -> Iterator[tuple[str, Entry]]:
    """Yield the entries of a raw tree: mode, space, name, NUL, 20 bytes of id, repeated.

    Names that are not UTF-8 come back with their odd bytes written as escapes.
    """
    position = 0
    while position < len(data):
        space = data.index(b" ", position)
        end = data.index(b"\0", space)
        name = data[space + 1 : end].decode("utf-8", "backslashreplace")
        mode = data[position:space].decode("ascii", "replace")
        position = end + 21
        yield name, Entry(mode, data[end + 1 : position].hex())
