"""What was done to the registry, in words: one action as when, who, what and how it is known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from audit.facts import Attempt
from audit.history.model import Action, ActionKind, Balance, Gap, Tenure, When
from audit.render import text, words
from audit.render.listing import GAP, WIDTH, Record, Records, widths

_VALUE = 60
_NAME = 60
_CAUSE = 120
_MOMENT, _ACTOR, _WAYS = 19, 26, 25
"""Characters of a column at most, on a page."""


def when(moment: When) -> str:
    """Return a time as ``2026-08-14 10:02:11``, a bracket by both its ends; UTC."""
    if moment.at is not None:
        return _seconds(moment.at)
    if moment.earliest is None:
        return f"before {_minute(moment.latest)}"
    first, last = _minute(moment.earliest), _minute(moment.latest)
    same_day = first[:10] == last[:10]
    return f"{first} to {last[11:] if same_day else last}"


def who(action: Action) -> str:
    """Return the actor as recorded with the grade, or that nobody recorded one."""
    if not action.actor:
        return words.NOT_RECORDED
    return f"{text.one_line(action.actor, _NAME)} ({words.ACTOR_GRADES[action.actor_grade]})"


def what(action: Action, causes: Mapping[str, Action] | None = None) -> str:
    """Return what was done as a phrase, with the action that brought it about."""
    phrase = _phrase(action)
    cause = (causes or {}).get(action.cause)
    return f"{phrase}, because {text.one_line(_done(cause), _CAUSE)}" if cause else phrase


def how(action: Action) -> str:
    """Return how what and when are known, and every way in which it was seen."""
    ways = ", ".join(action.sources)
    grade = words.ACTION_GRADES[action.grade]
    return f"{grade}: {ways}" if ways else grade


def tenure(held: Tenure) -> str:
    """Return a tenure as a sentence."""
    start = f"from {when(held.start)}" if held.start else "from before it was first seen"
    end = f"to {when(held.end)}" if held.end else "still held"
    return f"{text.one_line(held.alias, _NAME)}: version {held.version}, {start}, {end} (UTC)"


def table(actions: Sequence[Action], limit: int, causes: Mapping[str, Action]) -> Records:
    """Return actions as records, the first ``limit`` of them."""
    rows = tuple(
        Record((when(action.when), who(action), what(action, causes), how(action)))
        for action in actions[:limit]
    )
    titles = ("When (UTC)", "Who", "What", "How it is known")
    found = Records(titles, rows, len(actions))
    moments, actors, _, ways = widths(found, 4 * WIDTH)
    fixed = (min(moments, _MOMENT), min(actors, _ACTOR), min(ways, _WAYS))
    left = WIDTH - sum(fixed) - 3 * GAP
    return replace(found, columns=(*fixed[:2], left, fixed[2]))


def causes(actions: Iterable[Action]) -> dict[str, Action]:
    """Return actions by id, for those that name them as their cause."""
    return {action.id: action for action in actions}


def attempts(found: Sequence[Attempt], limit: int) -> Records:
    """Return requests that changed no row of the registry, as records."""
    rows = tuple(
        Record(
            (
                _seconds(item.at),
                text.one_line(item.user, _NAME) or words.NOT_RECORDED,
                f"{item.method} {text.one_line(item.path, 120)}",
                _subject(item),
                f"{item.status} {outcome(item)}",
            )
        )
        for item in found[:limit]
    )
    return Records(("When (UTC)", "Who", "Request", "Of", "Answer"), rows, len(found))


def outcome(item: Attempt) -> str:
    """Return what came of a request, in a word."""
    if item.status in (401, 403):
        return "refused"
    if item.status >= 400:
        return "failed"
    return "uploaded" if "artifacts" in item.path else "nothing changed"


def joined(found: Sequence[Gap]) -> list[tuple[Gap, int]]:
    """Return gaps that follow one another for the same reason as one, and of how many it is."""
    whole: list[tuple[Gap, int]] = []
    for gap in found:
        last, count = whole[-1] if whole else (gap, 0)
        if count and gap.start == last.end and gap.reason == last.reason:
            whole[-1] = (replace(last, end=gap.end), count + 1)
        else:
            whole.append((gap, 1))
    return whole


def gaps(found: Sequence[Gap], limit: int) -> Records:
    """Return the stretches of time that nobody watched, as records."""
    whole = joined(found)
    rows = tuple(
        Record(
            (
                "the beginning" if gap.start is None else _seconds(gap.start),
                _seconds(gap.end),
                text.number(count),
                text.one_line(gap.reason, 200),
            )
        )
        for gap, count in whole[:limit]
    )
    return Records(("From (UTC)", "To", ">Stretches", "Why nobody watched"), rows, len(whole))


def books(found: Sequence[Balance], limit: int) -> Records:
    """Return the books of each model as records, what nothing explains below its row."""
    rows = tuple(
        Record(
            (
                text.one_line(book.label, _NAME),
                "unknown" if book.opening is None else text.number(book.opening),
                text.number(book.actions),
                text.number(book.closing_expected),
                text.number(book.closing_observed),
                text.number(len(book.unexplained)),
            ),
            "; ".join(
                f"{change.what}: expected {change.expected or 'nothing'}, observed "
                f"{change.observed or 'nothing'}"
                for change in book.unexplained
            ),
            alarm=bool(book.unexplained),
        )
        for book in found[:limit]
    )
    titles = ("Model", ">Opening", ">Actions", ">Expected", ">Observed", ">Unexplained")
    return Records(titles, rows, len(found))


def parts(records: Records, size: int = 24) -> list[Records]:
    """Return long records in pieces that a page holds, all with the same columns."""
    if len(records.rows) <= size:
        return [records]
    columns = records.columns or tuple(widths(records))
    return [
        Records(records.titles, records.rows[at : at + size], records.total, columns)
        for at in range(0, len(records.rows), size)
    ]


def _phrase(action: Action) -> str:  # noqa: C901, PLR0911, PLR0912
    kind, before, after = action.kind, _value(action.before), _value(action.after)
    alias, key = text.one_line(action.alias, _NAME), text.one_line(action.key, _NAME)
    version = f"version {action.version}" if action.version is not None else "the model"
    match kind:
        case ActionKind.MODEL_CREATED:
            return "model registered"
        case ActionKind.MODEL_RENAMED:
            return f"model renamed from {before} to {after}"
        case ActionKind.MODEL_DELETED:
            return "model deleted"
        case ActionKind.MODEL_DESCRIPTION_CHANGED | ActionKind.VERSION_DESCRIPTION_CHANGED:
            return _changed(f"description of {version}", before, after)
        case ActionKind.MODEL_TAG_SET | ActionKind.VERSION_TAG_SET:
            was = f", was {before}" if action.before else ""
            return f"tag {key} of {version} set to {after}{was}"
        case ActionKind.MODEL_TAG_DELETED | ActionKind.VERSION_TAG_DELETED:
            return f"tag {key} of {version} deleted, was {before}"
        case ActionKind.VERSION_ADDED:
            return f"{version} registered"
        case ActionKind.VERSION_REMOVED:
            return f"{version} deleted"
        case ActionKind.VERSION_SOURCE_CHANGED:
            return _changed(f"{key.replace('_', ' ') or 'source'} of {version}", before, after)
        case ActionKind.STAGE_CHANGED:
            return f"{version} moved from stage {before} to {after}"
        case ActionKind.ALIAS_ADDED:
            return f"alias {alias} set to version {_number(action.after, action)}"
        case ActionKind.ALIAS_MOVED:
            return f"alias {alias} moved from version {before} to {after}"
        case ActionKind.ALIAS_REMOVED:
            return f"alias {alias} removed from version {_number(action.before, action)}"


def _changed(what: str, before: str, after: str) -> str:
    return f"{what} changed from {before} to {after}"


def _done(action: Action) -> str:
    """Return an action as a clause: ``version 3 was deleted``."""
    passive = {
        ActionKind.MODEL_DELETED: "the model was deleted",
        ActionKind.MODEL_RENAMED: "the model was renamed",
        ActionKind.VERSION_REMOVED: f"version {action.version} was deleted",
    }
    return passive.get(action.kind, f"of this: {_phrase(action)}")


def _number(value: str, action: Action) -> str:
    return value or (str(action.version) if action.version is not None else words.NOT_RECORDED)


def _value(value: str) -> str:
    return text.one_line(value, _VALUE) if value else "nothing"


def _subject(item: Attempt) -> str:
    name = text.one_line(item.model, _NAME)
    return f"{name} v{item.version}" if name and item.version else name


def _seconds(moment: int) -> str:
    return text.moment(moment, seconds=True).removesuffix(" UTC")


def _minute(moment: int) -> str:
    return text.moment(moment).removesuffix(" UTC")
