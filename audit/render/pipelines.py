"""Where imported data came from, and how the stages came to their results, each in a sentence."""

from __future__ import annotations

from collections.abc import Iterator

from audit.facts import Import, StageState, UpstreamHolds
from audit.render import text
from audit.report.model import Dossier

_NAME = 120


def imports(dossier: Dossier, limit: int) -> Iterator[str]:
    """Yield a sentence for each ``dvc import`` behind the weights, and what became of it."""
    for item in dossier.imports[:limit]:
        at = f" of commit {text.short_digest(item.revision)}" if item.revision else ""
        yield (
            f"{text.one_line(item.file, _NAME)} imports {text.one_line(item.path, _NAME)}{at} from "
            f"{text.one_line(item.address, _NAME)}: {_outcome(item)}."
        )


def _outcome(item: Import) -> str:
    there = text.one_line(item.repository, 60)
    reason = text.one_line(item.reason, 200)
    if not item.digest or (item.held is UpstreamHolds.INSIDE and not item.upstream):
        return f"not followed, {reason}" if reason else "not followed"
    if item.held is UpstreamHolds.INSIDE:
        return f"the folder that {there} tracks there lists it with the same digest"
    if item.digest != item.imported:
        return (
            f"{there} has other data there ({text.short_digest(item.digest)}, "
            f"imported was {text.short_digest(item.imported)})"
        )
    if item.held is UpstreamHolds.GIT:
        return f"the same content stands in git in {there}, hashed now"
    return f"{there} tracks the same digest there"


def remarks(dossier: Dossier, limit: int) -> Iterator[str]:
    """Yield what is to be known of how stages came to their results, and of those that never ran.

    At most ``limit`` sentences for stages that ran; those that never ran are one.
    """
    told = [sentence for stage in dossier.stages for sentence in _of(stage)]
    yield from told[:limit]
    if dossier.declared_stages:
        shown = [
            f"{text.one_line(item.stage, 60)} ({text.one_line(item.file, 80)}"
            f"{', frozen' if item.frozen else ''})"
            for item in dossier.declared_stages[:limit]
        ]
        more = len(dossier.declared_stages) - len(shown)
        yield (
            f"Declared in dvc.yaml at the commit of the lock, and in no lock of it: "
            f"{', '.join(shown)}{f' and {more} more' if more > 0 else ''}."
        )


def _of(stage: StageState) -> Iterator[str]:
    name = text.one_line(stage.stage, 60)
    if stage.frozen:
        yield f"{name} was frozen: DVC did not run it again, whatever its dependencies came to."
    if stage.always_changed:
        yield f"{name} is run each time (always_changed)."
    if stage.again_in:
        count = len(stage.again_in)
        first = text.short_digest(stage.again_in[0])
        often = "" if count == 1 else f" and in {count - 1} later commit{'s' * (count > 2)}"
        yield (
            f"The result of {name} came back in commit {first}{often}: restored from DVC's run "
            "cache or from git, or made again with the same outcome; the lock does not say which."
        )
