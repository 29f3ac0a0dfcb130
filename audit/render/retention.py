"""What became of a version's data in its remotes, said in words: folders, files gone, bytes."""

from __future__ import annotations

from audit.facts import DataObject, FolderList, ObjectState
from audit.render import text, words
from audit.report.model import Dossier

LOST = frozenset({ObjectState.MISSING, ObjectState.CACHE_ONLY, ObjectState.DAMAGED})
_NAMED = 8


def remarks(dossier: Dossier) -> dict[tuple[str, str], str]:
    """Return by repository and digest what is to be said of a data object beside its state.

    Under an empty name it stands as well: older bundles do not name a row's repository.
    """
    folders = {(folder.repository, folder.digest): folder for folder in dossier.folders}
    told = {
        (item.repository, item.digest): _remark(item, folders.get((item.repository, item.digest)))
        for item in dossier.objects
    }
    return {**{("", digest): remark for (_, digest), remark in told.items()}, **told}


def _remark(item: DataObject, folder: FolderList | None) -> str:
    parts = []
    if folder is not None and folder.total is not None and not item.lost:
        parts.append(f"A folder of {words.counted(folder.total, 'file')}.")
    if item.checked == "rehashed":
        parts.append("Read again in full: its bytes have the digest.")
    if item.reason:
        parts.append(_reason(item))
    if folder is not None and folder.total is None and folder.reason not in {"", item.reason}:
        parts.append(f"What is in it is not known: {text.one_line(folder.reason, 200)}.")
    return " ".join(parts)


def _reason(item: DataObject) -> str:
    """Return the reason of a state as a sentence, with the first files that a folder lost."""
    reason = text.one_line(item.reason, 300)
    if item.state is ObjectState.NOT_APPLICABLE:
        return f"Belongs in no remote: {reason}."
    if not item.lost:
        return f"{reason[:1].upper()}{reason[1:]}."
    shown = ", ".join(text.one_line(path, 80) for path in item.lost[:_NAMED])
    first = "the first of them: " if len(item.lost) > _NAMED else ""
    return f"{reason}: {first}{shown}."
