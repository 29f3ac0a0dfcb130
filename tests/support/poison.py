"""A repository that tries everything to have a command run, a host asked or a file changed.

Each trap names the same script, which leaves a mark in a folder that nobody else writes to.
``armed`` shows that the traps would work: plain git, run as a careless user would, springs
some of them.
"""

from __future__ import annotations

import contextlib
import hashlib
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from support.gitrepo import GitRepo

_COMMANDS = (
    *("core.fsmonitor", "core.pager", "core.sshCommand", "core.editor", "core.askPass"),
    *("core.gitProxy", "core.alternateRefsCommand", "sequence.editor", "credential.helper"),
    *("diff.external", "diff.evil.command", "diff.evil.textconv", "merge.evil.driver"),
    *("filter.evil.clean", "filter.evil.smudge", "filter.evil.process"),
    *("gpg.program", "gpg.openpgp.program", "gpg.ssh.program", "gpg.x509.program"),
    *("gpg.ssh.defaultKeyCommand", "trailer.evil.command", "trailer.evil.cmd"),
    *("uploadpack.packObjectsHook", "interactive.diffFilter", "remote.evil.uploadpack"),
    *("pager.log", "pager.diff-tree", "pager.cat-file", "pager.config"),
)
_ALIASES = ("log", "rev-list", "cat-file", "diff-tree", "for-each-ref", "rev-parse", "config")
_HOOKS = (
    *("post-checkout", "reference-transaction", "pre-auto-gc", "post-index-change"),
    *("post-merge", "post-rewrite", "fsmonitor-watchman", "pre-commit", "pre-push"),
)
_SETTINGS = {
    "log.showSignature": "true",
    "log.showRoot": "false",
    "log.follow": "true",
    "log.diffMerges": "off",
    "color.ui": "always",
    "diff.renames": "copies",
    "format.pretty": "oneline",
    "gc.auto": "1",
    "core.worktree": "/nonexistent",
    "extensions.partialClone": "evil",
    "remote.evil.promisor": "true",
    "protocol.allow": "always",
    "protocol.ext.allow": "always",
    "submodule.recurse": "true",
    "fetch.recurseSubmodules": "true",
}
_MESSAGES = (
    "encoding ../../etc/passwd\n\nsubject\0after a NUL \x1b[31m\n",
    f"gpgsig -----BEGIN SSH SIGNATURE-----\n {'A' * 90}\n -----END SSH SIGNATURE-----\n\nx\n",
    "gpgsig -----BEGIN PGP SIGNATURE-----\n \n x\n -----END PGP SIGNATURE-----\n\nx\n",
    "gpgsig -----BEGIN SIGNED MESSAGE-----\n x\n -----END SIGNED MESSAGE-----\n\nx\n",
    "encoding utf-16\n\n\ufeff--output=x\n\nReviewed-by: $(touch x)\n",
)
"""Ends of commit objects: what stands after the committer."""


@dataclass(frozen=True, slots=True)
class Poisoned:
    """The repository, where marks would be, and a port on which nobody may knock."""

    path: Path
    marks: Path
    listener: socket.socket

    def sprung(self) -> list[str]:
        """Return what ran, with its arguments, and whether a host was asked."""
        ran = sorted(file.read_text() for file in self.marks.iterdir())
        with contextlib.suppress(BlockingIOError):
            self.listener.accept()[0].close()
            ran.append("a connection to the promisor")
        return ran

    def state(self) -> dict[str, str]:
        """Return every file and folder of the repository, with mode and digest."""
        found = {}
        for path in sorted(self.path.rglob("*")):
            content = str(path.readlink()).encode() if path.is_symlink() else b""
            if path.is_file() and not path.is_symlink():
                content = path.read_bytes()
            digest = hashlib.sha256(content).hexdigest()
            found[str(path.relative_to(self.path))] = f"{path.lstat().st_mode:o} {digest}"
        return found

    def armed(self) -> list[str]:
        """Return what a careless reading springs: call it last."""
        git = ["git", f"--work-tree={self.path}"]
        for command in (["status"], ["log", "-1", "--patch"], ["log", "-1", "--format=%G?"]):
            subprocess.run([*git, *command], cwd=self.path, capture_output=True, check=False)
        return self.sprung()


@contextlib.contextmanager
def poisoned(repo: GitRepo, folder: Path) -> Iterator[Poisoned]:
    """Set every trap in a repository that has commits; ``folder`` takes scripts and marks."""
    marks, script = folder / "marks", folder / "evil.sh"
    marks.mkdir(parents=True)
    script.write_text(f"#!/bin/sh\necho \"$0 $@\" > '{marks}'/$$\ncat\n")
    script.chmod(0o755)
    git_dir = repo.path / ".git"
    _objects(repo)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.setblocking(False)
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/evil.git"
        lines = [f'[include]\n\tpath = "{folder / "included"}"\n']
        lines += [f'[includeIf "gitdir:/"]\n\tpath = "{folder / "included"}"\n']
        (folder / "included").write_text(f'[core]\n\tfsmonitor = "{script}"\n')
        for key in _COMMANDS:
            repo.git("config", key, str(script))
        for name in _ALIASES:
            repo.git("config", f"alias.{name}", f"!{script}")
        for name in ("evil", "origin"):
            repo.git(
                "config", f"remote.{name}.url", address if name == "evil" else f"ext::{script}"
            )
        repo.git("config", f"url.ext::{script}.insteadOf", "https://")
        repo.git("config", "submodule.lib.update", f"!{script}")
        (git_dir / "hooks").mkdir(exist_ok=True)
        for name in _HOOKS:
            (git_dir / "hooks" / name).write_bytes(script.read_bytes())
            (git_dir / "hooks" / name).chmod(0o755)
        repo.git("config", "core.hooksPath", str(git_dir / "hooks"))
        (git_dir / "info").mkdir(exist_ok=True)
        (git_dir / "info" / "attributes").write_text("* filter=evil diff=evil merge=evil\n")
        for key, value in _SETTINGS.items():
            repo.git("config", key, value)
        with (git_dir / "config").open("a") as config:
            config.writelines(lines)
        # What is gone looks like left out of a partial clone, to be fetched from the promisor.
        pack = git_dir / "objects" / "pack"
        pack.mkdir(exist_ok=True)
        (pack / f"pack-{'0' * 40}.promisor").touch()
        for mark in marks.iterdir():
            mark.unlink()
        with contextlib.suppress(BlockingIOError):
            listener.accept()
        yield Poisoned(repo.path, marks, listener)


def _objects(repo: GitRepo) -> None:
    """Add hostile commits and refs: odd names, odd bytes, a forged and a replaced history."""
    head = repo.head()
    tree = repo.git("rev-parse", "HEAD^{tree}")
    attributes = repo.git("hash-object", "-w", "--stdin", stdin=b"* filter=evil diff=evil\n")
    listing = f"{repo.git('ls-tree', 'HEAD')}\n100644 blob {attributes}\t.gitattributes\n"
    with_attributes = repo.git("mktree", "--missing", stdin=listing.encode())
    people = "author evil <e@example.org> 1780000000 +0000\ncommitter e <e> 99999999999 +9999"
    for number, extra in enumerate(_MESSAGES):
        root = with_attributes if number else tree
        raw = f"tree {root}\nparent {head}\n{people}\n{extra}".encode()
        head = repo.git("hash-object", "-t", "commit", "-w", "--literally", "--stdin", stdin=raw)
    for ref in ("refs/heads/--output=x", "refs/heads/ünï–code", "refs/tags/--upload-pack=x"):
        repo.git("update-ref", ref, head)
    repo.git("update-ref", "refs/heads/main", head)
    forged = repo.git("commit-tree", tree, "-m", "forged")
    repo.git("replace", head, forged)
    (repo.path / ".git" / "info").mkdir(exist_ok=True)
    (repo.path / ".git" / "info" / "grafts").write_text(f"{head}\n")
