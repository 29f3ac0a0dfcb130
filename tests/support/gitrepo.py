"""Small real git repositories for tests, made commit by commit."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path


class GitRepo:
    """A repository in a folder; its clock moves a minute with each commit."""

    def __init__(self, path: Path, *, bare: bool = False) -> None:
        self.path = path
        self.clock = 1_780_000_000
        path.mkdir(parents=True, exist_ok=True)
        self.git("init", "--quiet", "--initial-branch", "main", *(["--bare"] if bare else []))

    def git(self, *arguments: str, stdin: bytes | None = None) -> str:
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.path,
            env=self.environment(),
            input=stdin,
            capture_output=True,
            check=True,
        )
        return done.stdout.decode().strip()

    def environment(self) -> dict[str, str]:
        date = f"{self.clock} +0200"
        people = {
            f"GIT_{role}_{key}": value
            for role in ("AUTHOR", "COMMITTER")
            for key, value in (("NAME", "alice"), ("EMAIL", "alice@example.org"), ("DATE", date))
        }
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
        return {**inherited, **people, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}

    def commit(self, files: dict[str, str | bytes | None], subject: str = "change") -> str:
        """Write files (``None`` deletes), commit them, and return the commit."""
        self.clock += 60
        for name, content in files.items():
            file = self.path / name
            if content is None:
                file.unlink()
                continue
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content.encode() if isinstance(content, str) else content)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--no-gpg-sign", "--message", subject)
        return self.head()

    def head(self) -> str:
        return self.git("rev-parse", "HEAD")


def md5(content: str | bytes) -> str:
    data = content.encode() if isinstance(content, str) else content
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def lock(
    stages: dict[str, tuple[dict[str, str], dict[str, str]]],
    params: dict[str, dict[str, object]] | None = None,
    *,
    legacy: bool = False,
) -> str:
    """Return a ``dvc.lock``: stage to its deps and outs, each path to digest."""
    lines = ["schema: '2.0'", "stages:"]
    for name, (deps, outs) in stages.items():
        lines += [f"  {name}:", f"    cmd: python {name}.py"]
        for kind, paths in (("deps", deps), ("outs", outs)):
            lines += [f"    {kind}:"] if paths else []
            for path, digest in paths.items():
                lines += [f"    - path: {path}", *([] if legacy else ["      hash: md5"])]
                lines += [f"      md5: '{digest}'"]
        if params and name in params:
            lines += ["    params:", "      params.yaml:"]
            lines += [f"        {key}: {value}" for key, value in params[name].items()]
    return "\n".join(lines) + "\n"


def tracked(path: str, digest: str) -> str:
    """Return the ``.dvc`` file of one tracked path."""
    return f"outs:\n- md5: '{digest}'\n  size: 1\n  hash: md5\n  path: {path}\n"
