"""Which bundle and which version a question is about."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from audit import canonical, factsfile
from audit.archive import manifest
from audit.errors import UsageError, VerificationError
from audit.facts import Facts, Registry, VersionFacts, model_label
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
    except VerificationError as error:
        raise VerificationError(error.what, where=str(data / manifest.NAME)) from error
    if canonical.sha256(facts) != listed.facts_sha256:
        raise VerificationError("the facts are not those that were sealed", where=str(data))
    return factsfile.loads(facts, str(data / "facts.jsonl"))


def version_named(facts: Facts, text: str) -> VersionFacts:
    """Return the version that ``models:/churn@champion``, ``models:/churn/4`` or ``churn/4`` names.

    Raises ``UsageError`` for a name of none, with those near it.
    """
    known = {item.version.key: item for item in facts.versions}
    names = {(item.version.label, item.version.version): item.aliases for item in facts.versions}
    left_out = {(left.model, left.version): left.reason for left in facts.left_out}
    return known[key_named(text, names, "the bundle", left_out)]


def registered(registry: Registry, text: str) -> str:
    """Return the key (``model/version``) of the version of a registry that a text names.

    Raises ``UsageError`` for a name of none, with those near it.
    """
    aliases: dict[tuple[str, int], list[str]] = {}
    for model in registry.models:
        label = model_label(model.name, model.workspace)
        for alias, number in model.aliases.items():
            aliases.setdefault((label, number), []).append(alias)
    names = {
        (item.label, item.version): aliases.get((item.label, item.version), ())
        for item in registry.versions
    }
    return key_named(text, names, "the registry")


def numbered(text: str) -> str:
    """Return the key (``model/version``) that a text names by number, empty for any other."""
    match = _NAMED.fullmatch(text.strip())
    return f"{match['model']}/{int(match['number'])}" if match and match["number"] else ""


def key_named(
    text: str,
    known: Mapping[tuple[str, int], Collection[str]],
    where: str,
    left_out: Mapping[tuple[str, int], str] = MappingProxyType({}),
) -> str:
    """Return the key of the one version among ``known`` (with their aliases) that a text names.

    Raises ``UsageError`` for a name of none, with those near it.
    """
    match = _NAMED.fullmatch(text.strip())
    if match is None:
        raise UsageError(
            f"not the name of a version: {inert(text)}",
            remedy="Write models:/churn@champion, models:/churn/4 or churn/4",
        )
    label, number, alias = match["model"], match["number"], match["alias"]
    own = {version: aliases for (model, version), aliases in known.items() if model == label}
    for version, aliases in own.items():
        if version == int(number) if number else alias in aliases:
            return f"{label}/{version}"
    if not own:
        labels = sorted({model for model, _ in known})
        what = f"no model of this name is in {where}: {inert(label)}"
        raise UsageError(what, remedy=near(label, labels))
    wanted = f"version {number}" if number else f"alias {inert(alias)}"
    if number and (why := left_out.get((label, int(number)))) is not None:
        raise UsageError(f"{inert(label)} {wanted} is not in this report: {inert(why)}")
    what = f"{inert(label)} has no {wanted} in {where}"
    if number:
        raise UsageError(what, remedy=near(f"{label}/{number}", [f"{label}/{v}" for v in own]))
    there = sorted({f"{label}@{name}" for aliases in own.values() for name in aliases})
    known_by = f"Its aliases: {inert(', '.join(there[:8]))}" if there else "It has no alias"
    raise UsageError(what, remedy=near(f"{label}@{alias}", there) or known_by)


def near(text: str, names: Iterable[str]) -> str:
    """Return the names like ``text`` as a remedy, empty where none is like it."""
    known = dict.fromkeys(names)
    ends = [name for name in known if name.endswith(f"/{text}")]
    like = difflib.get_close_matches(text, known, n=3, cutoff=0.5)
    found = list(dict.fromkeys([*ends, *like]))[:3]
    return f"Near it: {', '.join(map(inert, found))}" if found else ""
