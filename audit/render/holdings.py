"""What was found of a version's weights and data sets, said in words: twins, seal, digests."""

from __future__ import annotations

from collections.abc import Iterator

from audit.facts import DatasetCheck, DigestState, ModelSignature, Tie
from audit.render import text, words
from audit.render.listing import Record, Records
from audit.report.model import DatasetRow, Dossier
from audit.verdicts import WeightsStatus

_MOST = 8
_TIES = {
    Tie.COPY: "copies, as the registry says",
    Tie.SAME_PLACE: "registered from the same files",
    Tie.SAME_RUN: "logged again by the same run",
    Tie.OTHER_RUN: "registered from another run",
}
_STATES = {"valid": "✓ valid", "invalid": "✕ invalid", "not_checked": "? not checked"}
_METHODS = {
    "key": ", made with a key",
    "certificate": ", made with a certificate",
    "sigstore": ", made with Sigstore",
}
_PINNED = frozenset({"huggingface", "delta", "s3", "gs"})
"""Kinds of sources whose address can name one content."""


def twins(dossier: Dossier) -> str:
    """Return the other versions with the same weights and how each came by them, or nothing."""
    told = []
    for tie, phrase in _TIES.items():
        keys = [key for key in dossier.twins if dossier.twin_ties.get(key) == tie]
        if keys:
            shown = ", ".join(text.one_line(key.replace("/", " v"), 80) for key in keys[:_MOST])
            more = f" and {len(keys) - _MOST} more" if len(keys) > _MOST else ""
            told.append(f"{phrase}: {shown}{more}")
    return f"Other versions with the same weights, {'; '.join(told)}." if told else ""


def signature(found: ModelSignature) -> str:
    """Return what the model's signature comes to, as sentences."""
    made = _METHODS.get(found.method, "")
    state = _STATES.get(found.state, found.state)
    reason = f", {text.one_line(found.reason, 300)}" if found.reason else ""
    parts = [f"Model signature {text.one_line(found.file, 80)}{made}: {state}{reason}."]
    if found.signer:
        parts.append(f"Signed by {text.one_line(found.signer, 200)}.")
    if found.covered is not None:
        parts.append(f"It names {words.counted(found.covered, 'file')}.")
    if found.uncovered:
        shown = ", ".join(text.one_line(path, 80) for path in found.uncovered[:_MOST])
        more = len(found.uncovered) - _MOST
        parts.append(f"Not among them: {shown}{f' and {more} more' if more > 0 else ''}.")
    return " ".join(parts)


def files(dossier: Dossier, limit: int) -> Records:
    """Return the weights' files with size, digest and state; those that are gone come last."""
    changed, added = frozenset(dossier.weights_changed), frozenset(dossier.weights_added)
    proved = frozenset(dossier.weights_proved)
    status = dossier.statuses.weights
    seen = WeightsStatus.UNCHANGED if dossier.weights_watched else WeightsStatus.FIRST_SEEN
    rows = []
    for item in dossier.files:
        new = item.path in changed
        same = seen if status is WeightsStatus.VERIFIED and item.path not in proved else status
        unchanged = words.WEIGHTS_FILE[same]
        state = ("✕ added" if item.path in added else "✕ changed") if new else unchanged
        cells = (
            text.one_line(item.path, 200),
            text.size(item.bytes),
            text.short_digest(item.sha256),
            state,
        )
        rows.append(Record(cells, alarm=new))
    rows.extend(
        Record((text.one_line(path, 200), "", "", "✕ removed"), alarm=True)
        for path in dossier.weights_removed
    )
    # What differs from the first sight is never among those that a long list leaves out.
    rows.sort(key=lambda row: not row.alarm)
    titles = ("File", ">Size", "SHA-256", "State")
    return Records(titles, tuple(rows[:limit]), len(rows))


def remarks(dossier: Dossier) -> dict[tuple[str, str], str]:
    """Return what was found of each data-set input, by its name and digest."""
    return {(item.name, item.digest): " ".join(_found(item)) for item in dossier.dataset_checks}


def remark(row: DatasetRow, found: dict[tuple[str, str], str]) -> str:
    """Return what was found of a data source; nothing for one that is no data-set input."""
    return found.get((row.name, row.digest), "") if row.kind == "input" else ""


def _found(item: DatasetCheck) -> Iterator[str]:
    if item.source_kind in _PINNED:
        which = "names" if item.pinned else "does not name"
        yield f"Its address ({item.source_kind}) {which} one content."
    file = text.one_line(item.file.rpartition("@")[0], 120)
    match item.state:
        case DigestState.EQUAL:
            yield f"Consistent with {file} as DVC keeps it: the same sample digest ({item.reader})."
        case DigestState.DIFFERENT:
            computed = text.one_line(item.computed, 40)
            yield f"Not the digest of {file} by this reader: {computed} ({item.reader})."
        case _:
            yield f"Digest not computed: {text.one_line(item.reason, 240)}."
    if item.schema_differs:
        yield f"Against the data itself: {_listed(item.schema_differs)}."
    if item.signature_differs:
        yield f"Against the model's signature: {_listed(item.signature_differs)}."


def _listed(phrases: tuple[str, ...]) -> str:
    shown = "; ".join(text.one_line(phrase, 120) for phrase in phrases[:_MOST])
    more = len(phrases) - _MOST
    return f"{shown}; {more} more" if more > 0 else shown
