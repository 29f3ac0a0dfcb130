"""The history while it is written: books, and the steps that made them what they are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from audit.facts import State
from audit.history.books import PROMPT_SOURCES, PROMPT_TAG, Book, Books, Local, full_changes
from audit.history.drafts import Draft
from audit.history.gaps import Stretch, unwatched
from audit.history.model import Action, ActionGrade, ActionKind, Unexplained, When
from audit.history.state import ModelKey


@dataclass(frozen=True, slots=True)
class Witness:
    """How a step was seen, and who is said to have done it."""

    sources: tuple[str, ...]
    actor: str = ""
    actor_grade: ActionGrade = ActionGrade.UNKNOWN


@dataclass(frozen=True, slots=True)
class Span:
    """Between two observations something was done that no row tells."""

    since: int | None
    until: int
    prefix: str
    """Of the ids."""
    witness: Witness


@dataclass(slots=True)
class Journal:
    """Books and steps. Every step changes the books as it is written."""

    opening: State
    watch: list[Stretch]
    confirmed: int | None
    """UTC ms of the last snapshot that the books were compared with."""
    doubted: dict[tuple[str, Local], int | None] = field(default_factory=dict)
    """Identity and entry in doubt → the last moment at which it is known to be as in the book."""
    books: Books = field(init=False)
    actions: list[Action] = field(default_factory=list)
    unexplained: list[Unexplained] = field(default_factory=list)
    on_entry: dict[tuple[str, Local], list[int]] = field(default_factory=lambda: defaultdict(list))
    """Identity and entry → positions of the actions that changed it."""
    unconfirmed: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    """Identity → positions of the actions since its last snapshot."""
    prompts: set[str] = field(default_factory=set)
    models: set[str] = field(default_factory=set)
    """Identities that were observed as models, or had a version with its own source."""
    _numbers: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def __post_init__(self) -> None:
        self.books = Books(self.opening)
        self.models.update(self.books.books)

    def record(
        self, book: Book, draft: Draft, action_id: str, when: When, witness: Witness, cause: str
    ) -> Action:
        """Write an action down and carry it out."""
        action = Action(
            id=action_id,
            when=when,
            kind=draft.kind,
            workspace=book.workspace,
            model=book.name,
            identity=book.identity,
            version=int(draft.version) if draft.version.isdecimal() else None,
            alias=draft.alias,
            key=draft.key,
            before=draft.before,
            after=draft.after,
            actor=witness.actor,
            actor_grade=witness.actor_grade,
            cause=cause,
            sources=witness.sources,
            changes=full_changes(book.key, draft.changes),
        )
        position = len(self.actions)
        self.actions.append(action)
        self.unconfirmed[book.identity].append(position)
        for local, _, after in draft.changes:
            self.on_entry[book.identity, local].append(position)
            self._mind_prompts(book, local, after)
        self.books.post(action)
        return action

    def _mind_prompts(self, book: Book, local: Local, after: str | None) -> None:
        if local == ("model_tag", PROMPT_TAG) and after == "true":
            self.prompts.add(book.identity)
        elif local[0] == "version" and local[2] == "source" and after not in PROMPT_SOURCES:
            self.models.add(book.identity)

    def confirm(self, moment: int, doubtful: Mapping[ModelKey, Iterable[Local]]) -> None:
        """Note that the books equal a snapshot, but for entries of which it is not sure yet."""
        unsure = [
            (book.identity, local)
            for key, locals_ in doubtful.items()
            if (book := self.books.find(key)) is not None
            for local in locals_
        ]
        self.doubted = {entry: self.doubted.get(entry, self.confirmed) for entry in unsure}
        self.confirmed = max(moment, self.confirmed or 0)

    def rename(self, book: Book, key: ModelKey) -> Draft:
        """Give a book its new name, and return the draft that tells it."""
        draft = Draft(ActionKind.MODEL_RENAMED, before=book.name, after=key[1])
        if book.workspace != key[0]:
            draft.before, draft.after = ":".join(book.key), ":".join(key)
        self.books.rename(book, key)
        return draft

    def settle(self, book: Book, drafts: list[Draft], span: Span) -> None:
        """Write down what was found done: as actions, or unexplained where triggers watched."""
        for draft in drafts:
            for local, _, _ in draft.changes:
                since = self.doubted.get((book.identity, local), span.since)
                if since is None or (span.since is not None and since < span.since):
                    span = replace(span, since=since)
        parts = [] if span.since is None else unwatched(self.watch, span.since, span.until)
        if span.since is not None and not parts:
            self._leave_unexplained(book, drafts, span)
            return
        earliest, latest = (parts[0][0], parts[-1][1]) if parts else (None, span.until)
        roots = [draft for draft in drafts if draft.cause is None]
        ids: dict[Draft, str] = {}
        whens: dict[Draft, When] = {}
        for draft in (*roots, *(draft for draft in drafts if draft.cause is not None)):
            self._numbers[span.prefix] += 1
            ids[draft] = f"{span.prefix}.{self._numbers[span.prefix]}"
            whens[draft] = (
                whens[draft.cause] if draft.cause in whens else _when(draft, earliest, latest)
            )
        for draft in drafts:
            sources = span.witness.sources
            if whens[draft].grade is ActionGrade.RECORDED and draft.cause is None:
                sources = (*sources, "registry")
            cause = ids[draft.cause] if draft.cause is not None else ""
            witness = Witness(sources)
            self.record(book, draft, ids[draft], whens[draft], witness, cause)

    def _leave_unexplained(self, book: Book, drafts: list[Draft], span: Span) -> None:
        when = When(span.since, span.until, ActionGrade.BRACKETED)
        for draft in drafts:
            if draft.cause is not None:
                continue
            caused = [other for other in drafts if other.cause is draft]
            changes = [change for each in (*caused, draft) for change in each.changes]
            step = Unexplained(
                workspace=book.workspace,
                model=book.name,
                identity=book.identity,
                what=_what(draft),
                expected=draft.before,
                observed=draft.after,
                when=when,
                version=int(draft.version) if draft.version.isdecimal() else None,
                kind=draft.kind,
                changes=full_changes(book.key, changes),
            )
            self.unexplained.append(step)
            for local, _, after in draft.changes:
                self._mind_prompts(book, local, after)
            self.books.post(step)

    def add_source(self, positions: Iterable[int], source: str) -> None:
        """Note another way in which actions were seen."""
        for position in positions:
            action = self.actions[position]
            if source not in action.sources:
                self.actions[position] = replace(action, sources=(*action.sources, source))

    def without_prompts(self) -> tuple[Action, ...]:
        """Return the actions on models, by latest time, then in the order of recording."""
        prompts = self.prompts - self.models
        kept = [action for action in self.actions if action.identity not in prompts]
        return tuple(sorted(kept, key=lambda action: action.when.latest))


def _when(draft: Draft, earliest: int | None, latest: int) -> When:
    """Return when it was done, sharpened by the registry's own times."""
    after = -1 if earliest is None else earliest
    if draft.exact.isdecimal() and after < int(draft.exact) <= latest:
        return When(int(draft.exact), int(draft.exact), ActionGrade.RECORDED)
    if draft.ceiling.isdecimal():
        latest = max(after, min(latest, int(draft.ceiling)))
    if draft.floor.isdecimal() and after < int(draft.floor) <= latest:
        earliest = int(draft.floor)
    return When(earliest, latest, ActionGrade.BRACKETED)


_WHOLE = {
    ActionKind.VERSION_ADDED: "",
    ActionKind.VERSION_REMOVED: "",
    ActionKind.VERSION_DESCRIPTION_CHANGED: "description",
    ActionKind.STAGE_CHANGED: "stage",
    ActionKind.MODEL_RENAMED: "name",
    ActionKind.MODEL_DESCRIPTION_CHANGED: "description",
}


def _what(draft: Draft) -> str:
    """Return in words which entry is not as expected."""
    if draft.alias:
        return f"alias {draft.alias}"
    if draft.kind in _WHOLE:
        part = _WHOLE[draft.kind] if not draft.key else draft.key.replace("_", " ")
    elif draft.kind is ActionKind.VERSION_SOURCE_CHANGED:
        part = draft.key.replace("_", " ")
    else:
        part = f"tag {draft.key}" if draft.key else ""
    if draft.version:
        return f"version {draft.version}: {part}" if part else f"version {draft.version}"
    return part or "model"
