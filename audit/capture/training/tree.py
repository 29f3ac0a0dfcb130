"""The git tree as it is when training begins: its commit, and what differs from it.

Read with two git commands, a third where something differs. Nothing is written, not even
git's index is refreshed, and neither hooks nor a file system monitor run. Filters such as
Git LFS do run, as with any ``git status``: without them every filtered file would differ.
"""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

TIMEOUT = 5.0
"""Seconds that one git command may take."""
MAX_PATCH = 64 * 1024 * 1024
"""Bytes: of a larger difference no digest is made."""
MAX_HASHED = 32 * 1024 * 1024
"""Bytes of untracked files that are hashed; the rest is listed with its size."""
_CHUNK = 1024 * 1024

_WHICH_REPOSITORY = {
    *("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_NAMESPACE"),
    *("GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_PREFIX"),
}
_CALM = {
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "",
    "LC_ALL": "C",
}
_DIFF = (
    *("diff", "HEAD", "--binary", "--full-index", "--no-color", "--no-ext-diff", "--no-textconv"),
    *("--no-renames", "--unified=3", "--inter-hunk-context=0", "--diff-algorithm=myers"),
    *("--indent-heuristic", "--src-prefix=a/", "--dst-prefix=b/", f"-O{os.devnull}"),
    "--ignore-submodules=none",
)
"""All that a user's settings could change is fixed: the same difference, the same bytes."""


class TreeError(Exception):
    """The tree cannot be read; the message is a sentence."""


@dataclass(frozen=True, slots=True)
class Tree:
    """A git tree when training began."""

    commit: str = ""
    """Full SHA of HEAD; empty in a repository without commits."""
    dirty: bool = False
    patch: bytes = b""
    """The difference of tracked files to HEAD, as ``git apply`` takes it."""
    untracked: bytes = b""
    """Files that git does not know and does not ignore, as ``sha256sum`` lists them."""
    unhashed: int = 0
    """How many of them stand there with their size only."""
    problem: str = ""
    """Why the difference could not be read; a sentence, empty if it was."""

    @property
    def digest(self) -> str:
        """SHA-256 of ``patch`` followed by ``untracked``; empty for a clean or unread tree."""
        if not self.dirty or self.problem:
            return ""
        return hashlib.sha256(self.patch + self.untracked).hexdigest()


def top_of(script: str, working: Path) -> tuple[Path | None, Path | None]:
    """Return the repository that a training belongs to, and the script if it stands in there.

    As with MLflow it is the repository around the script; where that is in none, or is a
    tool of the Python installation, the one around the working directory.
    """
    path = working / script if script else None
    if path is not None and path.is_file():
        path = path.resolve()
        tool = path.is_relative_to(Path(sys.prefix).resolve())
        top = None if tool else _around(path.parent)
        if top is not None:
            return top, path
    return _around(working), None


def read(top: Path, script: Path | None = None) -> Tree:
    """Return the tree of the repository at ``top``. Raises ``TreeError``.

    A ``script`` that git ignores counts as an untracked file: what ran is in no commit.
    """
    commit, changed, paths = _status(top)
    if script is not None and _is_ignored(top, script):
        paths.append(os.fsencode(script.relative_to(top)))
    if not changed and not paths:
        return Tree(commit, dirty=False)
    if not commit:
        problem = "the repository has no commit to compare with"
        return Tree(dirty=True, problem=problem)
    try:
        patch = _git(top, *_DIFF) if changed else b""
    except TreeError as error:
        return Tree(commit, dirty=True, problem=str(error))
    listed, unhashed = _listed(top, sorted(paths))
    return Tree(commit, True, patch, listed, unhashed)


def _around(folder: Path) -> Path | None:
    """Return the innermost folder with a ``.git`` (a folder, or a file in a worktree)."""
    for candidate in (folder, *folder.parents):
        if (candidate / ".git").exists():
            return candidate
    return None


def _status(top: Path) -> tuple[str, bool, list[bytes]]:
    """Return HEAD, whether tracked files differ from it, and the untracked paths."""
    text = _git(top, "status", "--porcelain=v2", "--branch", "-z", "--untracked-files=all")
    commit, changed, untracked = "", False, []
    records = iter(text.split(b"\0"))
    for record in records:
        kind = record[:2]
        if record.startswith(b"# branch.oid ") and not record.endswith(b"(initial)"):
            commit = record.rpartition(b" ")[2].decode("ascii")
        elif kind == b"? ":
            untracked.append(record[2:])
        elif kind in (b"1 ", b"2 ", b"u "):
            changed = True
            if kind == b"2 ":
                next(records, None)  # the name before the renaming
    return commit, changed, untracked


def _is_ignored(top: Path, script: Path) -> bool:
    done = _run(top, "check-ignore", "--quiet", "--", os.fspath(script))
    return done[0] == 0


def _listed(top: Path, paths: list[bytes]) -> tuple[bytes, int]:
    """Return untracked files as ``sha256sum`` lists them, and how many were not hashed."""
    lines, left, unhashed = [], MAX_HASHED, 0
    for path in paths:
        digest, size = _digest(os.path.join(os.fsencode(top), path), left)  # noqa: PTH118
        left -= size
        unhashed += not digest
        escaped = path.replace(b"\\", b"\\\\").replace(b"\n", b"\\n")
        mark = b"\\" if escaped != path else b""
        lines.append(mark + (digest or f"not-hashed:{size}".encode()) + b"  " + escaped + b"\n")
        left += 0 if digest else size
    return b"".join(lines), unhashed


def _digest(path: bytes, limit: int) -> tuple[bytes, int]:
    """Return a file's SHA-256, empty if it was not made, and its size in bytes.

    Of a symbolic link the target's name is hashed, as git does; it is never followed.
    """
    try:
        found = os.lstat(path)
        if stat.S_ISLNK(found.st_mode):
            return hashlib.sha256(os.readlink(path)).hexdigest().encode(), found.st_size  # noqa: PTH115
        if not stat.S_ISREG(found.st_mode) or found.st_size > limit:
            return b"", found.st_size
        with os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)), "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest().encode(), found.st_size
    except OSError:
        # Gone or closed to us in the meantime: it is listed, without a digest.
        return b"", 0


def _git(top: Path, *arguments: str) -> bytes:
    code, output, message = _run(top, *arguments)
    if code:
        raise TreeError(f"git {arguments[0]}: {message or f'exit code {code}'}")
    return output


def _run(top: Path, *arguments: str) -> tuple[int, bytes, str]:
    """Run git and return exit code, output and the last line that it complained.

    Raises ``TreeError`` where there is no git, or it takes too long or puts out too much.
    """
    inherited = {k: v for k, v in os.environ.items() if k not in _WHICH_REPOSITORY}
    calm = ("-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}")
    try:
        process = subprocess.Popen(
            ["git", *calm, "-C", os.fspath(top), *arguments],
            env={**inherited, **_CALM},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    except OSError as error:
        raise TreeError(f"git cannot be run: {error.strerror}") from error
    late = threading.Event()

    def stop() -> None:
        late.set()
        process.kill()

    timer = threading.Timer(TIMEOUT, stop)
    timer.daemon = True
    timer.start()
    complaint: list[bytes] = []
    listener = threading.Thread(target=lambda: complaint.append(process.stderr.read()))  # type: ignore[union-attr]
    listener.daemon = True
    listener.start()
    output = bytearray()
    try:
        with process:
            while chunk := process.stdout.read(_CHUNK):  # type: ignore[union-attr]
                output += chunk
                if len(output) > MAX_PATCH:
                    process.kill()
                    raise TreeError(f"git {arguments[0]} put out more than {MAX_PATCH} bytes")
            listener.join(TIMEOUT)
    finally:
        timer.cancel()
    if late.is_set():
        raise TreeError(f"git {arguments[0]} took longer than {TIMEOUT:g} s")
    lines = b"".join(complaint).decode("utf-8", "replace").strip().splitlines()
    return process.returncode, bytes(output), lines[-1] if lines else ""
