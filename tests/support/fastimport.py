"""Writing a history by ``git fast-import``: thousands of commits in a second."""

from __future__ import annotations

import subprocess
from pathlib import Path

from support.gitrepo import GitRepo


class Importer:
    """Writes a history by ``git fast-import``, and knows the commits' SHAs when they are made."""

    def __init__(self, path: Path) -> None:
        self.repository = GitRepo(path)
        self.count = 0
        self.tips: dict[str, str] = {}
        self.marks: dict[str, int] = {}
        self.forgotten: list[str] = []
        self.process = subprocess.Popen(
            ["git", "fast-import", "--quiet", "--done"],
            cwd=path,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=self.repository.environment(),
        )

    def tip(self, branch: str) -> str:
        return self.tips[branch]

    def forget(self, branch: str) -> None:
        self.forgotten.append(branch)

    def commit(
        self, branch: str, subject: str, at: int, files: dict[str, bytes], onto: str, merge: str
    ) -> None:
        self.count += 1
        ref = branch if branch.startswith("refs/") else f"refs/heads/{branch}"
        person = f"alice <alice@example.org> {at} +0000"
        lines = [f"commit {ref}", f"mark :{self.count}", f"author {person}", f"committer {person}"]
        lines += [f"data {len(subject.encode())}", subject]
        parent = onto or self.tips.get(branch, "")
        lines += [f"from :{self.marks[parent]}"] if parent else []
        lines += [f"merge :{self.marks[self.tips[merge]]}"] if merge else []
        stream = "\n".join(lines).encode() + b"\n"
        for path, data in files.items():
            stream += b"M 100644 inline %s\ndata %d\n%s\n" % (path.encode(), len(data), data)
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(stream + b"\nget-mark :%d\n" % self.count)
        self.process.stdin.flush()
        sha = self.process.stdout.readline().decode().strip()
        self.tips[branch] = sha
        self.marks[sha] = self.count

    def finish(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(b"done\n")
        self.process.stdin.close()
        if self.process.wait():
            raise RuntimeError("git fast-import failed")
        for branch in self.forgotten:
            self.repository.git("update-ref", "-d", f"refs/heads/{branch}")
        self.repository.git("reset", "--quiet", "--hard")
