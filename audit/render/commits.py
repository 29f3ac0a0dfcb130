"""The commits of one version in words: where each stands, how it got there, who signed it.

A signature is never called good without what it was held against, and what a message or a
tag says is said to come from there.
"""

from __future__ import annotations

from collections.abc import Iterable

from audit.facts import CodeDigest, Commit, CommitSignature, CommitState, SignatureState
from audit.render import text, words
from audit.render.listing import Record, Records
from audit.report.model import Dossier

_KINDS = {"ssh": "SSH", "gpg": "OpenPGP", "x509": "X.509"}
_ALARMS = frozenset({SignatureState.BAD, SignatureState.REVOKED})
_SHORT = {
    SignatureState.NONE: "none",
    SignatureState.GOOD: "good",
    SignatureState.UNKNOWN_SIGNER: "unknown signer",
    SignatureState.BAD: "✕ bad",
    SignatureState.EXPIRED: "key expired",
    SignatureState.REVOKED: "✕ key revoked",
    SignatureState.NOT_CHECKED: "not checked",
}
_PLURAL = "dependencies"
_NAMES = 4
_FILES = 6
_TRAILERS = 6


def commits(dossier: Dossier, limit: int) -> Records:
    """Return each commit once: what it is to the version, where it stands, who vouches for it."""
    found = roles(dossier)
    rows = [
        Record(
            (
                text.short_digest(commit.sha),
                role,
                _where(commit),
                _SHORT[_state(commit)],
                text.moment(commit.authored_at),
            ),
            "\n".join(_told(commit, dossier)),
            alarm=commit.signature.state in _ALARMS,
        )
        for commit, role in found[:limit]
    ]
    titles = ("Commit", "What it is", "Where it stands", "Signature", "Written")
    return Records(titles, tuple(rows), len(found))


def roles(dossier: Dossier) -> list[tuple[Commit, str]]:
    """Return each commit once, with what it is to the version; the one that the run names first."""
    found: dict[str, tuple[Commit, list[str]]] = {}
    if dossier.tagged_commit is not None:
        found[dossier.tagged_commit.sha] = (dossier.tagged_commit, ["named by the run"])
    for commit in dossier.commits:
        found.setdefault(commit.sha, (commit, []))[1].append(_role(commit, dossier))
    return [
        (commit, ", ".join(filter(None, told)) or "holds a file of the lineage")
        for commit, told in found.values()
    ]


def _role(commit: Commit, dossier: Dossier) -> str:
    """Return which lock of the lineage a commit holds, ``""`` if none."""
    if commit.sha == dossier.commits[0].sha:
        return "holds the lock"
    stages = [stage.stage for stage in dossier.stages if commit.sha in stage.commits]
    more = f" and {len(stages) - 1} more" if len(stages) > 1 else ""
    return f"first locked {_line(stages[0], 60)}{more}" if stages else ""


def apart(dossier: Dossier) -> str:
    """Return how far the commit with the lock is from the one that the run names, in words."""
    tagged, distance = dossier.tagged_commit, dossier.distance
    lock = next((commit for commit in dossier.commits if tagged), None)
    if tagged is None or lock is None:
        return ""
    if distance is None:
        if tagged.repository != lock.repository:
            return ""
        return (
            f"Of {text.short_digest(tagged.sha)}, which the run names, and "
            f"{text.short_digest(lock.sha)}, which holds the lock, neither is known to descend "
            "from the other."
        )
    if not distance:
        return "The commit that the run names holds the lock itself."
    far = words.counted(abs(distance), "commit")
    if distance > 0:
        return f"The lock was committed {far} after the one that the run names."
    return f"The lock was committed {far} before the one that the run names."


def _state(commit: Commit) -> SignatureState:
    """Return the state of a signature; in older facts only its kind is on record."""
    if commit.signed and not commit.signature.kind:
        return SignatureState.NOT_CHECKED
    return commit.signature.state


def _where(commit: Commit) -> str:
    state = words.commit_word(commit.state.value)
    return f"{state}: {_line(', '.join(commit.branches), 60)}" if commit.branches else state


def _told(commit: Commit, dossier: Dossier) -> Iterable[str]:
    """Yield what is known of a commit, a line for each matter."""
    if commit.author or commit.subject:
        yield f"{_line(commit.message or commit.subject, 300)} · by {_written(commit)}"
    if commit.signature.state is not SignatureState.NONE:
        yield f"Signature: {_signature(commit.signature)}."
    if brought := _brought(commit):
        yield brought
    names = [*_listed("tag", commit.tags), *_listed("", commit.other_branches)]
    if names:
        yield f"{'Also held' if commit.branches else 'Held'} by {'; '.join(names)}."
    if commit.trailers:
        shown = [f"{name}: {value}" for name, value in commit.trailers[:_TRAILERS]]
        yield f"The message adds {_line('; '.join(shown), 300)}."
    if tree := _tree([item for item in dossier.tree if item.commit == commit.sha], dossier):
        yield tree
    if commit.reason and not (names and commit.state is CommitState.OTHER_REF):
        yield f"Where it stands: {_line(commit.reason, 300)}."


def _written(commit: Commit) -> str:
    author = _line(commit.author, 60) or words.NOT_RECORDED
    same = commit.committer in ("", commit.author)
    if same and commit.committed_at in (None, commit.authored_at):
        return author
    who = "" if same else f" by {_line(commit.committer, 60)}"
    return f"{author}, committed {text.moment(commit.committed_at)}{who}"


def _signature(found: CommitSignature) -> str:
    """Return in words what a signature comes to, and what it was held against."""
    kind = _KINDS.get(found.kind, found.kind)
    key = f"{kind} key {_line(found.key, 60)}" if found.key else f"{kind} signature"
    signer = f" of {_line(found.signer, 80)}" if found.signer else ""
    against = f", held against {_against(found)}" if found.against else ""
    if found.state is SignatureState.GOOD:
        return f"good, by the {key}{signer}{against} as of the time that the commit names"
    reason = f": {_line(found.reason, 160)}" if found.reason else ""
    return f"{_SHORT[found.state].removeprefix('✕ ')}, {key}{signer}{reason}{against}"


def _against(found: CommitSignature) -> str:
    """Return the auditor's files, their digests abbreviated."""
    files = [item.rpartition(" sha256:") for item in found.against.split(", ")]
    shown = [f"{_line(name, 60)} ({text.short_digest(digest)})" for name, _, digest in files]
    return " and ".join(shown)


def _brought(commit: Commit) -> str:
    request = _line(commit.pull_request, 60)
    if not commit.merged_by:
        return f"Its message names the request {request}." if request else ""
    merged = f"Brought in by the merge {text.short_digest(commit.merged_by)}"
    when = f" of {text.moment(commit.merged_at)}" if commit.merged_at is not None else ""
    return f"{merged}{when}{f'; a message names the request {request}' if request else ''}."


def _listed(noun: str, names: tuple[str, ...]) -> Iterable[str]:
    if not names:
        return
    shown = ", ".join(_line(name, 60) for name in names[:_NAMES])
    more = " and more" if len(names) > _NAMES else ""
    title = f"{noun if len(names) == 1 else noun + 's'} " if noun else ""
    yield f"{title}{shown}{more}"


def _tree(compared: list[CodeDigest], dossier: Dossier) -> str:
    """Return in words how the tree of a commit compares with what the locks say ran."""
    made = {out.digest for stage in dossier.stages for out in stage.outs if out.digest}
    compared = [item for item in compared if item.lock_digest not in made]
    if not compared:
        return ""
    differ = [item for item in compared if not item.equal]
    compare = "Compared by digest with what ran:"
    if not differ:
        return f"{compare} {words.counted(len(compared), 'dependency', _PLURAL)}, all equal."
    shown = ", ".join(
        _line(item.path, 80) + ("" if item.commit_digest else " (absent)")
        for item in differ[:_FILES]
    )
    more = f" and {len(differ) - _FILES} more" if len(differ) > _FILES else ""
    count = words.counted(len(compared), "dependency", _PLURAL)
    return f"{compare} {len(differ)} of {count} not equal: {shown}{more}."


def _line(value: str, limit: int = 90) -> str:
    return text.one_line(value, limit)
