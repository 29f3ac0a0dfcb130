"""Whether the data of the history is still in the DVC remotes, and what its folders hold."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from audit.facts import DataObject, FolderList, ObjectState
from audit.sources.dvc.answers import Answer, Fault, guarded, line, opened
from audit.sources.dvc.contents import from_cache, from_remote
from audit.sources.dvc.holdings import Holdings
from audit.sources.dvc.members import LAYOUTS, Listing, cached
from audit.sources.dvc.rehash import Rehash
from audit.sources.dvc.remote_project import Project, ProjectConfig, merged
from audit.sources.dvc.remote_project import opened as opened_project
from audit.sources.dvc.versioned import Kept, Versioned

__all__ = ["DvcRemotes", "ProjectConfig", "merged"]

_MD5 = re.compile(r"[0-9a-f]{32}(\.dir)?")
_NO_REMOTE = "no DVC remote is configured"
_NO_DIGEST = "its digest is not an MD5 of DVC's"


@dataclass(slots=True)
class _Asking:
    """The remotes of one question."""

    project: Project
    names: tuple[str, ...]
    """The default one first."""
    kept: Callable[[str], Kept]
    opened: dict[str, Holdings | Versioned] = field(default_factory=dict)

    def where(self, name: str) -> str:
        """Return a digest of a remote's address."""
        options = self.project.remotes[name]
        address = f"{options.get('url')} {options.get('endpointurl')}"
        return hashlib.sha256(address.encode()).hexdigest()

    def remote(self, name: str) -> Holdings | Versioned:
        """Return a remote, opened at the first question to it."""
        if name not in self.opened:
            found = opened(self.project, name)
            versioned = found.worktree or found.fs.version_aware
            self.opened[name] = Versioned(found, self.kept) if versioned else Holdings(found)
        return self.opened[name]


class DvcRemotes:
    """The data source of one repository."""

    def __init__(
        self,
        repository: str,
        config: ProjectConfig,
        elsewhere: Callable[[str], str] = lambda _: "",
        kept: Callable[[str], Kept] = lambda _: Kept(),
        rehash: Rehash | None = None,
    ) -> None:
        """``repository`` is its name in the report.

        ``elsewhere`` returns why no remote is meant to hold a digest, ``""`` for data, and
        ``kept`` what the history says of where it is kept. ``rehash`` reads bytes again.
        """
        self._repository = repository
        self._config = config
        self._elsewhere = elsewhere
        self._kept = kept
        self._rehash = rehash or Rehash()
        self._default = ""
        self._cache: Path | None = None
        self._lists: dict[str, Listing] = {}
        self._unlisted: dict[str, str] = {}

    # --- is it there ------------------------------------------------------------------------

    def exist(self, digests: Sequence[str]) -> tuple[DataObject, ...]:
        """Return for each digest whether a remote holds it, asked in one batch a remote.

        The default remote is asked first, the others for what it does not hold. A folder
        (``….dir``) is there if its list is, unaltered, and all files on it. What only the
        local cache holds is ``cache_only``. What cannot be asked is ``not_checked`` with
        the reason; nothing is raised.
        """
        wanted = tuple(dict.fromkeys(digests))
        exempt = {digest: reason for digest in wanted if (reason := self._elsewhere(digest))}
        asked = [digest for digest in wanted if digest not in exempt and _MD5.fullmatch(digest)]
        answers, deciding = self._ask(asked) if asked else ({}, {})
        found = tuple(
            DataObject(digest, self._repository, "", ObjectState.NOT_APPLICABLE, exempt[digest])
            if digest in exempt
            else self._object(digest, answers, deciding.get(digest, ""))
            for digest in wanted
        )
        # A list that no remote gave stands in the cache, or nowhere.
        self._unlisted.update(
            (item.digest, item.reason)
            for item in found
            if item.digest.endswith(".dir") and item.digest in deciding
            if not self._listed(item.digest)
        )
        return found

    def _object(self, digest: str, answers: Mapping[str, Answer], deciding: str) -> DataObject:
        """Return what became of an object; its ``deciding`` remote is the one meant to hold it."""

        def found(state: ObjectState, remote: str, fault: Fault | None = None) -> DataObject:
            reason, lost = (fault.reason, fault.lost) if fault else ("", ())
            checked = "" if state is ObjectState.NOT_CHECKED else "exists"
            return DataObject(digest, self._repository, remote, state, reason, checked, lost)

        if not _MD5.fullmatch(digest):
            return DataObject(digest, self._repository, reason=_NO_DIGEST)
        ordered = sorted(answers.values(), key=lambda answer: answer.name != deciding)
        for answer in ordered:
            if answer.has(digest):
                reason = answer.unread.get(digest, "")
                checked = "rehashed" if digest in answer.rehashed else "exists"
                here = DataObject(digest, self._repository, answer.name, ObjectState.PRESENT)
                return replace(here, reason=reason, checked=checked)
        for answer in ordered:
            if answer.reason and deciding in {"", answer.name}:
                fault = Fault(ObjectState.NOT_CHECKED, answer.reason)
                return found(fault.state, answer.name, fault)
        names = ", ".join(answer.name for answer in ordered)
        gone = Fault(ObjectState.MISSING, "not in the remote")
        fault = next((a.faults[digest] for a in ordered if digest in a.faults), gone)
        if fault.state is ObjectState.MISSING and self._cached(digest):
            reason = fault.reason if fault.lost else "not in the remote, only in the local cache"
            return found(ObjectState.CACHE_ONLY, names, replace(fault, reason=reason))
        return found(fault.state, names, fault)

    def _cached(self, digest: str) -> bool:
        """Whether the repository's local cache holds an object: of a folder, every file too."""
        if self._cache is None:
            return False
        listing = self._lists.get(digest)
        return all(
            any(
                (self._cache / layout / wanted[:2] / wanted[2:]).is_file()
                for layout in LAYOUTS.values()
            )
            for wanted in (digest, *(listing.digests if listing else ()))
        )

    def _ask(self, digests: list[str]) -> tuple[dict[str, Answer], dict[str, str]]:
        """Return what each remote answered, and by digest which of them is meant to hold it.

        That one is asked first, then the others for what it does not hold.
        """
        with self._asking() as asking:
            if isinstance(asking, str):
                return {"": Answer("", reason=asking)}, dict.fromkeys(digests, "")
            deciding = {d: min(self._kept(d).remotes, default=self._default) for d in digests}
            answers: dict[str, Answer] = {}
            for name in sorted(set(deciding.values()) - {""}):
                meant = [digest for digest in digests if deciding[digest] == name]
                self._answer(asking, answers.setdefault(name, Answer(name)), meant)
            for name in asking.names:
                left = [
                    digest
                    for digest in digests
                    if deciding[digest] != name and not any(a.has(digest) for a in answers.values())
                ]
                if left:
                    self._answer(asking, answers.setdefault(name, Answer(name)), left)
            return answers, deciding

    def _answer(self, asking: _Asking, answer: Answer, digests: list[str]) -> None:
        """Add to an answer what its remote says of some digests."""
        if answer.reason:
            return
        with guarded(answer):
            remote = asking.remote(answer.name)
            remote.ask(answer, digests, self._lists)
            self._rehash.check(remote, asking.where(answer.name), answer, self._lists)

    @contextmanager
    def _asking(self) -> Iterator[_Asking | str]:
        """Yield the remotes, or why there are none to be asked."""
        if not self._config.found:
            yield "the repository has no DVC project (.dvc/config)"
            return
        from dvc.exceptions import DvcException

        with ExitStack() as closing:
            try:
                settings = merged(self._config)
                project = closing.enter_context(opened_project(settings))
            except (DvcException, OSError) as error:
                yield f"DVC cannot read its configuration: {line(error)}"
                return
            if self._config.folder is not None:
                self._cache = Path(settings["cache"]["dir"])
            self._default = project.default
            names = dict.fromkeys([*filter(None, [project.default]), *sorted(project.remotes)])
            yield _Asking(project, tuple(names), self._kept) if names else _NO_REMOTE

    # --- its bytes -----------------------------------------------------------------------------

    def read(self, digest: str, most: int) -> bytes | str:
        """Return the bytes of a file under DVC, from the local cache or a remote, else why not.

        They have the digest and are at most ``most``. Nothing is raised.
        """
        if not _MD5.fullmatch(digest) or digest.endswith(".dir"):
            return _NO_DIGEST
        if reason := self._elsewhere(digest):
            return reason
        with self._asking() as asking:
            data = from_cache(self._cache, digest, most) if self._cache is not None else None
            if data is not None:
                return data
            if isinstance(asking, str):
                return asking
            for name in asking.names:
                answer = Answer(name)
                with guarded(answer):
                    data = from_remote(asking.remote(name), digest, most)
                if isinstance(data, bytes):
                    return data
                data = answer.reason or data
            return data or _NO_REMOTE

    # --- what folders hold ------------------------------------------------------------------

    def members(self, digests: Sequence[str]) -> Mapping[str, FolderList]:
        """Return of each folder (``….dir``) its members, from the local cache or a remote.

        A list counts only if its bytes have the folder's digest. The first thousand members
        are named, all are counted. What cannot be read says why; nothing is raised.
        """
        folders = sorted({digest for digest in digests if digest.endswith(".dir")})
        left = [d for d in folders if d not in self._lists and d not in self._unlisted]
        if left:
            self._list([digest for digest in left if _MD5.fullmatch(digest)])
        return {digest: self._folder(digest) for digest in folders}

    def whole(self, folder: str) -> Mapping[str, str] | None:
        """Return the digests of all files of a folder by path, ``None`` where it is not known."""
        if folder not in self._lists:
            self.members([folder])
        return dict(self._lists[folder].files) if folder in self._lists else None

    def _folder(self, digest: str) -> FolderList:
        if digest in self._lists:
            return self._lists[digest].shown(digest, self._repository)
        reason = self._unlisted.get(digest, _NO_DIGEST)
        return FolderList(digest, self._repository, reason=reason)

    def _listed(self, folder: str) -> bool:
        """Whether a folder's list is known, or the local cache has it."""
        if folder not in self._lists and self._cache is not None:
            found = cached(self._cache, folder)
            if found is not None:
                self._lists[folder] = found
        return folder in self._lists

    def _list(self, folders: list[str]) -> None:
        """Note the lists of folders, or why there is none."""
        with self._asking() as asking:
            for folder in folders:
                if not self._listed(folder):
                    self._unlisted[folder] = self._elsewhere(folder)
            # What no remote is meant to hold is not looked for there.
            left = [folder for folder in folders if self._unlisted.get(folder) == ""]
            if isinstance(asking, str):
                self._unlisted.update(dict.fromkeys(left, asking))
                return
            for name in asking.names:
                left = [folder for folder in left if folder not in self._lists]
                if not left:
                    break
                answer = Answer(name)
                with guarded(answer):
                    for folder, found in asking.remote(name).lists(left).items():
                        if isinstance(found, Listing):
                            self._lists[folder] = found
                        else:
                            answer.faults[folder] = found
                for folder in left:
                    fault = answer.faults.get(folder)
                    self._unlisted[folder] = fault.reason if fault else answer.reason
