"""Real keys of SSH and OpenPGP, commits signed with them, and the auditor's files of keys."""

from __future__ import annotations

import subprocess
from pathlib import Path

from support import services
from support.gitrepo import GitRepo

FAKED = "20260110T000000"
"""When the short-lived OpenPGP key is made; it lasts ten days."""


class Keys:
    """Makes keys in a folder, and signs commits of a repository with them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._keygen = services.tool("ssh-keygen", "openssh-client")
        self._gpg = services.tool("gpg", "gnupg")
        self._home = folder / "gnupg"
        self._home.mkdir(mode=0o700)

    def ssh(self, name: str) -> str:
        """Make an SSH key; return its public half as a signers file has it."""
        path = self.folder / name
        command = ("-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(path))
        subprocess.run([self._keygen, *command], check=True)
        return " ".join(path.with_suffix(".pub").read_text().split()[:2])

    def pgp(self, user: str, lasts: str = "never", made: str = "20260101T000000") -> None:
        """Make an OpenPGP key."""
        at = ("--faked-system-time", made)
        self.gpg(*at, "--quick-gen-key", user, "ed25519", "sign", lasts)

    def revoke(self, user: str) -> None:
        """Revoke an OpenPGP key with the certificate that was made with it."""
        listed = self.gpg("--with-colons", "--list-keys", user).decode().splitlines()
        key = next(line.split(":")[9] for line in listed if line.startswith("fpr"))
        text = (self._home / "openpgp-revocs.d" / f"{key}.rev").read_text()
        self.gpg("--import", data=text.replace(":-----BEGIN", "-----BEGIN").encode())

    def gpg(self, *arguments: str, data: bytes = b"") -> bytes:
        """Return what gpg prints."""
        fixed = ("--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", "")
        command = [self._gpg, "--homedir", str(self._home), *fixed, *arguments]
        return subprocess.run(command, input=data, capture_output=True, check=True).stdout

    def sign_ssh(self, repo: GitRepo, key: str, message: str = "signed") -> str:
        """Commit, signed with an SSH key; return the commit."""
        return self._commit(repo, "ssh", self._keygen, str(self.folder / key), message)

    def sign_pgp(self, repo: GitRepo, user: str, message: str = "signed", at: str = "") -> str:
        """Commit, signed with an OpenPGP key (with gpg's clock at ``at``); return the commit."""
        program = self.folder / "gpg-for-git"
        clock = f"--faked-system-time {at}" if at else ""
        program.write_text(f'#!/bin/sh\nexec {self._gpg} --homedir {self._home} {clock} "$@"\n')
        program.chmod(0o755)
        return self._commit(repo, "openpgp", str(program), user, message)

    def _commit(self, repo: GitRepo, kind: str, program: str, key: str, message: str) -> str:
        repo.clock += 60
        name = "gpg.ssh.program" if kind == "ssh" else "gpg.program"
        settings = (f"gpg.format={kind}", f"{name}={program}", f"user.signingkey={key}")
        options = [part for setting in settings for part in ("-c", setting)]
        repo.git(*options, "commit", "--quiet", "--allow-empty", "-S", "--message", message)
        return repo.head()

    def close(self) -> None:
        """End the agent that gpg started for the secret keys."""
        subprocess.run(["gpgconf", "--homedir", str(self._home), "--kill", "all"], check=False)


def altered(repo: GitRepo, commit: str, old: bytes, new: bytes) -> str:
    """Return a commit with some bytes changed and the signature kept."""
    raw = subprocess.run(
        ["git", "cat-file", "commit", commit], cwd=repo.path, capture_output=True, check=True
    ).stdout
    assert old in raw
    return repo.git("hash-object", "-t", "commit", "-w", "--stdin", stdin=raw.replace(old, new, 1))
