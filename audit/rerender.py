"""A sealed bundle's report once more from its facts: the same bytes, or what differs.

PDFs are compared before their signature, by the digest that the manifest keeps. The same
bytes can be promised only for the same renderer; where its versions differ, that is said.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from audit import canonical, factsfile
from audit.archive import manifest
from audit.cache import Cache
from audit.errors import UsageError, VerificationError
from audit.render.fingerprint import renderer_versions
from audit.report.build import build
from audit.typeset import Failed, Listener, Page, Settings, check_formats, typeset, workers_for


@dataclass(frozen=True, slots=True)
class Comparison:
    """How many files came out the same, and what did not."""

    same_files: int
    differs: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def same(self) -> bool:
        """Whether every file rendered is byte for byte what was sealed."""
        return not self.differs

    def text(self) -> str:
        """Return the comparison, a line for each thing."""
        lines = [f"same bytes: {self.same_files} files"]
        lines += [f"differs: {item}" for item in self.differs]
        return "\n".join([*lines, *self.notes])


def render(bundle: Path, output: Path | None, settings: Settings, messages: Listener) -> Comparison:
    """Render a bundle's files again, compare them, and write them to ``output`` if given.

    Raises ``UsageError`` where there is no bundle, ``VerificationError`` for one whose
    facts or manifest are not what was sealed.
    """
    check_formats(settings.formats)
    data = bundle / "data"
    try:
        facts = (data / "facts.jsonl").read_bytes()
        listed = manifest.parse((data / manifest.NAME).read_bytes())
    except OSError as error:
        remedy = "Name the folder that holds bagit.txt"
        raise UsageError("not a bundle", where=str(bundle), remedy=remedy) from error
    if canonical.sha256(facts) != listed.facts_sha256:
        raise VerificationError("the facts are not those that were sealed", where=str(data))
    report = build(factsfile.loads(facts, str(data / "facts.jsonl")), listed.facts_sha256)
    known = {item.path: item.unsigned_sha256 or item.sha256 for item in listed.files}
    same, differs = 0, []
    messages.stage(f"rendering {report.period} from its facts")
    with workers_for(settings) as workers:
        for page in typeset(report, facts, settings, Cache(None, b""), workers, messages):
            if isinstance(page, Failed):
                differs.append(f"{page.path} (could not be rendered: {page.reason})")
            elif page.path not in known:
                differs.append(f"{page.path} (not in the bundle)")
            elif canonical.sha256(page.content) != known[page.path]:
                differs.append(page.path)
            else:
                same += 1
            if output is not None and isinstance(page, Page):
                _write(output / page.path, page.content)
    return Comparison(same, tuple(differs), _other_versions(listed.renderer))


def _other_versions(sealed: dict[str, str]) -> tuple[str, ...]:
    now = renderer_versions()
    return tuple(
        f"rendered with another {name}: {before} then, {now.get(name, 'none')} now"
        for name, before in sorted(sealed.items())
        if now.get(name) != before
    )


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise UsageError(f"cannot be written ({error.strerror})", where=str(path)) from error
