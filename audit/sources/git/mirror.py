"""A bare mirror of a remote repository in the cache: the only place where git may connect.

All refs are taken, DVC's experiments (``refs/exps``) among them, and refs that are gone
there go here as well; their commits stay in the object store, where they are found as
unreachable. The address is given to git by the environment: it stands neither in a file
of the mirror nor in the list of processes.
"""

from __future__ import annotations

import re
from pathlib import Path

from audit.canonical import sha256
from audit.errors import SourceError, UsageError
from audit.sources.addresses import is_url, local_path, redacted
from audit.sources.git.store import gitpython, hardened

PROTOCOLS = "file:git:http:https:ssh"
_HELPER = re.compile(r"[A-Za-z0-9+.-]*::|-")
_SECRET = re.compile(r"(?<=://)[^\s/@']*@")


def mirrored(url: str, cache: Path) -> Path:
    """Return the folder of an up-to-date bare mirror of ``url`` below ``cache``.

    The user's own git configuration holds here, for credentials and proxies. Raises
    ``UsageError`` for an address that git would run as a command, ``SourceError`` where
    the repository cannot be reached.
    """
    if _HELPER.match(url):
        raise UsageError(
            "this is not an address of a repository",
            where=redacted(url),
            remedy="Use https://, ssh:// or file://",
        )
    place = local_path(url)
    if place is not None and not is_url(url):
        url = str(place.resolve())
    folder = cache / "mirrors" / f"{sha256(redacted(url).encode())[:20]}.git"
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        if not (folder / "HEAD").exists():
            _run(folder.parent, url, None, "init", "--quiet", "--bare", "--", str(folder))
        _run(
            folder,
            url,
            folder,
            *("fetch", "--quiet", "--prune", "--no-tags", "--no-recurse-submodules"),
            *("--no-auto-maintenance", "--no-write-fetch-head", "--force"),
            *("audited", "+refs/*:refs/*"),
        )
    except OSError as error:
        raise SourceError(
            f"the cache cannot be written ({error.strerror})",
            where=str(cache),
            remedy="Set execute.cache to a folder that can be written",
        ) from error
    return folder


def _run(cwd: Path, url: str, mirror: Path | None, *arguments: str) -> None:
    settings = {"remote.audited.url": url, "protocol.ext.allow": "never"}
    environment = hardened(mirror or cwd, settings)
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM", "GIT_WORK_TREE"):
        del environment[name]
    if mirror is None:
        del environment["GIT_DIR"]
    environment["GIT_ALLOW_PROTOCOL"] = PROTOCOLS
    git = gitpython()
    try:
        git.Git(str(cwd)).execute(["git", *arguments], env=environment)
    except git.GitError as error:
        shown = redacted(url)
        detail = str(getattr(error, "stderr", "") or error).replace(url, shown)
        raise SourceError(
            f"git cannot mirror it: {_SECRET.sub('', detail).strip()}",
            where=shown,
            remedy="Check the address, the network and your credentials",
        ) from error
