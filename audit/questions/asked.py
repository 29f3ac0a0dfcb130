"""Which bundle and which version a question is about."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from pathlib import Path

from audit import canonical, factsfile
from audit.archive import manifest
from audit.errors import UsageError, VerificationError
from audit.facts import Facts, VersionFacts
from audit.period import parse
from audit.questions.wording import inert

_NAMED = re.compile(r"(?:models:/)?(?P<model>.+?)(?:/v?(?P<number>\d{1,9})|@(?P<alias>[^@/]+))")
_REVISION = re.compile(r"(.+?)(?:\.r([1-9]\d{0,5}))?")


def is_bundle(path: Path) -> bool:
    """Return whether a folder is a bundle by its looks."""
    return (path / "data" / "facts.jsonl").is_file()


def newest(job_folder: Path, zone: str) -> Path:
    """Return the bundle of the latest period in ``output/<job>``, its latest revision.

    Raises ``UsageError`` where there is none.
    """
    found: list[tuple[int, int, Path]] = []
    for path in job_folder.iterdir() if job_folder.is_dir() else ():
        match = _REVISION.fullmatch(path.name)
        if match is None or not is_bundle(path):
            continue
        try:
            end = parse(match[1].replace("_", "/"), zone).end
        except UsageError:
            continue  # a folder of another name is not a bundle of this job
        found.append((end, int(match[2] or 1), path))
    if not found:
        raise UsageError(
            "the job has no bundle yet",
            where=str(job_folder),
            remedy="Run mlflow-audit run, or name a bundle with --bundle",
        )
    return max(found)[2]


def read(bundle: Path) -> Facts:
    """Return a bundle's facts.

    Raises ``UsageError`` where there is no bundle, ``VerificationError`` for one whose
    facts are not those that its manifest names. The signatures are left to ``verify``.
    """
    data = bundle / "data"
    try:
        facts = (data / "facts.jsonl").read_bytes()
        listed = manifest.parse((data / manifest.NAME).read_bytes())
    except OSError as error:
        remedy = "Name the folder that holds bagit.txt"
        raise UsageError("not a bundle", where=str(bundle), remedy=remedy) from error
    if canonical.sha256(facts) != listed.facts_sha256:
        raise VerificationError("the facts are not those that were sealed", where=str(data))
    return factsfile.loads(facts, str(data / "facts.jsonl"))


def version_named(facts: Facts, text: str) -> VersionFacts:
    """Return the version that ``models:/churn@champion``, ``models:/churn/4`` or ``churn/4`` names.

    Raises ``UsageError`` for a name of none, with those near it.
    """
    match = _NAMED.fullmatch(text.strip())
    if match is None:
        raise UsageError(
            f"not the name of a version: {inert(text)}",
            remedy="Write models:/churn@champion, models:/churn/4 or churn/4",
        )
    label, number, alias = match["model"], match["number"], match["alias"]
    own = [item for item in facts.versions if item.version.label == label]
    for item in own:
        if item.version.version == int(number) if number else alias in item.aliases:
            return item
    if not own:
        labels = sorted({item.version.label for item in facts.versions})
        what = f"no model of this name is in the bundle: {inert(label)}"
        raise UsageError(what, remedy=near(label, labels))
    wanted = f"version {number}" if number else f"alias {inert(alias)}"
    for left in facts.left_out:
        if number and (left.model, left.version) == (label, int(number)):
            why = f"{inert(label)} {wanted} is not in this report: {inert(left.reason)}"
            raise UsageError(why)
    there = [f"{label}/{item.version.version}" for item in own]
    there += [f"{label}@{name}" for item in own for name in item.aliases]
    raise UsageError(
        f"{inert(label)} has no {wanted} in the bundle",
        remedy=near(f"{label}/{number}" if number else f"{label}@{alias}", there),
    )


def near(text: str, names: Iterable[str]) -> str:
    """Return the names like ``text`` as a remedy, empty where none is like it."""
    known = dict.fromkeys(names)
    ends = [name for name in known if name.endswith(f"/{text}")]
    like = difflib.get_close_matches(text, known, n=3, cutoff=0.5)
    found = list(dict.fromkeys([*ends, *like]))[:3]
    return f"Near it: {', '.join(map(inert, found))}" if found else ""
