"""One model's history as text, CSV and JSON: what was done to it, or how it stood at a moment."""

from __future__ import annotations

import difflib
import json as jsonlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from audit import canonical
from audit.errors import SourceError, UsageError
from audit.facts import State
from audit.history.lives import Life, lives
from audit.history.model import Action, ActionGrade, ActionKind, Gap, History, Tenure, When
from audit.history.moments import state_at, straddling, tenures
from audit.history.rows import ACTION_COLUMNS, action_row
from audit.render.csv import render_csv
from audit.render.text import moment, one_line
from audit.report.tables import Table

_NOBODY = "not recorded"
_STATE_COLUMNS = ("model", "version", "what", "key", "value", "identity")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of a history: a model's name, and limits (UTC ms) and filters of actions."""

    model: str
    since: int | None = None
    until: int | None = None
    actor: str | None = None
    action: str | None = None


@dataclass(frozen=True, slots=True)
class Chapter:
    """One model that had the name, with what is told of it."""

    life: Life
    actions: tuple[Action, ...]
    tenures: tuple[Tenure, ...]
    state: State
    """Its entries at the moment asked; empty without one, and where it was not there."""
    uncertain: tuple[Action, ...] = ()
    """Actions that may have happened before or after the moment asked."""


@dataclass(frozen=True, slots=True)
class Told:
    """The answer: the models that had the name, and what was not observed meanwhile."""

    history: History
    chapters: tuple[Chapter, ...]
    gaps: tuple[Gap, ...]
    at: int | None = None


def told(history: History, wanted: Wanted, at: int | None) -> Told:
    """Return what the history holds about a model, under any name that it ever had.

    Raises ``UsageError`` for a name that no model had, ``SourceError`` for a moment before
    the first observation.
    """
    if history.first_observed is None:
        raise SourceError(
            "nothing was observed of this registry yet", remedy="Run mlflow-audit snapshot"
        )
    models = lives(history)
    found = [life for life in models.values() if wanted.model in life.labels]
    if not found:
        names = sorted({name for life in models.values() for name in life.labels})
        near = difflib.get_close_matches(wanted.model, names, n=3, cutoff=0.4)
        raise UsageError(
            f"no model of this name was ever observed: {wanted.model!r}",
            remedy=f"Near it: {', '.join(near)}" if near else "",
        )
    state = state_at(history, at) if at is not None else {}
    if state is None:
        first = moment(history.first_observed, seconds=True)
        raise SourceError(
            f"the registry was first observed at {first}; how it stood before is not known"
        )
    all_tenures = tenures(history)
    unsure = straddling(history, at) if at is not None else ()
    chapters = []
    for life in found:
        own = [action for action in history.actions if action.identity == life.identity]
        held = [tenure for tenure in all_tenures if tenure.identity == life.identity]
        part: State = {}
        if at is not None:
            key = (life.workspace, life.name_at(at))
            part = {e: text for e, text in state.items() if e[1:3] == key and life.there_at(at)}
            held = [tenure for tenure in held if _holds(tenure, at)]
        else:
            held = [tenure for tenure in held if _within(tenure, wanted)]
        chapters.append(
            Chapter(
                life,
                tuple(action for action in own if _asked(action, wanted)),
                tuple(held),
                part,
                tuple(action for action in unsure if action.identity == life.identity),
            )
        )
    gaps = tuple(
        gap
        for gap in history.gaps
        if (wanted.since is None or gap.end > wanted.since)
        and (wanted.until is None or (gap.start or 0) < wanted.until)
        and (at is None or (gap.start or 0) <= at < gap.end)
    )
    return Told(history, tuple(chapters), gaps, at)


def _asked(action: Action, wanted: Wanted) -> bool:
    """Whether an action may have happened between the limits, and passes the filters."""
    when = action.when
    return (
        (wanted.since is None or when.latest >= wanted.since)
        and (wanted.until is None or (when.earliest or 0) < wanted.until)
        and (wanted.actor is None or action.actor == wanted.actor)
        and (wanted.action is None or action.kind == wanted.action)
    )


def _holds(tenure: Tenure, at: int) -> bool:
    """Whether a version is taken to hold the alias at a moment, as ``state_at`` takes it."""
    begun = tenure.start is None or tenure.start.latest <= at
    return begun and (tenure.end is None or tenure.end.latest > at)


def _within(tenure: Tenure, wanted: Wanted) -> bool:
    begun = tenure.start.latest if tenure.start else 0
    return (wanted.until is None or begun < wanted.until) and (
        wanted.since is None or tenure.end is None or tenure.end.latest >= wanted.since
    )


def csv(answer: Told) -> str:
    """Return actions in the columns of ``actions.csv``, or with a moment the state's entries."""
    if answer.at is None:
        rows = [action_row(action) for part in answer.chapters for action in part.actions]
        found = Table("actions", ACTION_COLUMNS, tuple(rows))
    else:
        found = Table("state", _STATE_COLUMNS, tuple(_state_rows(answer.chapters)))
    return render_csv(found).decode("utf-8").rstrip("\n")


def _state_rows(chapters: Iterable[Chapter]) -> list[tuple[str | int | None, ...]]:
    rows: list[tuple[str | int | None, ...]] = []
    for part in chapters:
        for (kind, _, model, *rest), text in sorted(part.state.items()):
            of_version = kind in ("version", "version_tag")
            number = int(rest[0]) if of_version else None
            rows.append((model, number, kind, rest[-1], text, part.life.identity))
    return rows


def json(answer: Told) -> str:
    """Return all fields of the answer as JSON."""
    models = []
    for part in answer.chapters:
        about: dict[str, Any] = {
            "identity": part.life.identity,
            "workspace": part.life.workspace,
            "names": list(part.life.labels),
            "tenures": canonical.plain(part.tenures),
        }
        if answer.at is None:
            about["actions"] = canonical.plain(part.actions)
        else:
            about["there"] = part.life.there_at(answer.at)
            about["state"] = [
                dict(zip(_STATE_COLUMNS, row, strict=True)) for row in _state_rows([part])
            ]
            about["uncertain"] = canonical.plain(part.uncertain)
        models.append(about)
    whole = {
        "first_observed": answer.history.first_observed,
        "last_observed": answer.history.last_observed,
        "at": answer.at,
        "models": models,
        "gaps": canonical.plain(answer.gaps),
    }
    return jsonlib.dumps(whole, ensure_ascii=False, indent=2)


def table(answer: Told) -> str:
    """Return the answer as text for a terminal."""
    history, blocks = answer.history, []
    for part in answer.chapters:
        blocks.append(_heading(part.life, answer))
        blocks += _moment(part, answer.at) if answer.at is not None else _course(part)
    if answer.gaps:
        blocks.append(_block("not observed", _unseen(answer.gaps)))
    first, last = (
        moment(ms, seconds=True) for ms in (history.first_observed, history.last_observed)
    )
    blocks.append([f"observed from {first} to {last}"])
    return "\n\n".join("\n".join(lines) for lines in blocks)


def _heading(life: Life, answer: Told) -> list[str]:
    labels = life.labels
    named = f", earlier {', '.join(map(one_line, labels[1:]))}" if labels[1:] else ""
    head = f"{one_line(labels[0])}{named}"
    if life.created is not None:
        head += f", made {_when(life.created.when)}"
    if life.deleted is not None:
        head += f", deleted {_when(life.deleted.when)}"
    if answer.at is not None:
        there = "" if life.there_at(answer.at) else ": not there"
        return [f"{head}", f"at {moment(answer.at, seconds=True)}{there}"]
    return [head]


def _course(part: Chapter) -> list[list[str]]:
    actions = [
        (_when(a.when), _who(a), a.kind.value, _what(a), ", ".join(a.sources)) for a in part.actions
    ]
    held = [
        (
            t.alias,
            f"version {t.version}",
            f"began {_when(t.start)}" if t.start else "stood when first observed",
            f"ended {_when(t.end)}" if t.end else "holds it",
        )
        for t in part.tenures
    ]
    return [
        _block("actions", actions) if actions else ["no action on record"],
        *([_block("aliases", held)] if held else []),
    ]


def _moment(part: Chapter, at: int) -> list[list[str]]:
    if not part.life.there_at(at):
        return []
    aliases = [
        (
            t.alias,
            f"version {t.version}",
            f"began {_when(t.start)}" if t.start else "stood when first observed",
        )
        for t in sorted(part.tenures, key=lambda item: item.alias)
    ]
    fields: dict[int, dict[str, str]] = {}
    tags: dict[int, list[str]] = {}
    model: list[tuple[str, ...]] = []
    for (kind, _, _, *rest), text in sorted(part.state.items()):
        if kind == "version":
            fields.setdefault(int(rest[0]), {})[rest[1]] = text
        elif kind == "version_tag":
            tags.setdefault(int(rest[0]), []).append(f"{rest[1]}={text}")
        elif kind == "model_tag":
            model.append(("tag", f"{rest[0]}={one_line(text)}"))
        elif kind == "model" and rest[0] == "description":
            model.append(("description", one_line(text)))
    versions = [
        (
            str(number),
            "deleted" if "created_at" not in found else found.get("stage", ""),
            one_line(found.get("description", "")),
            one_line("; ".join(tags.get(number, ()))),
        )
        for number, found in sorted(fields.items())
    ]
    unsure = [(_what(a), a.kind.value, _when(a.when)) for a in part.uncertain]
    return [
        _block(title, rows)
        for title, rows in (
            ("model", model),
            ("aliases", aliases),
            ("versions", versions),
            ("not certain, as it may have been before or after", unsure),
        )
        if rows
    ]


def _block(title: str, rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows below a title, in columns that are as wide as they need to be."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        title,
        *(
            "  " + "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ),
    ]


def _when(when: When) -> str:
    if when.at is not None:
        return moment(when.at, seconds=True)
    latest = moment(when.latest, seconds=True)
    if when.earliest is None:
        return f"not after {latest}"
    return f"between {moment(when.earliest, seconds=True)} and {latest}"


def _unseen(gaps: Sequence[Gap]) -> list[tuple[str, str]]:
    """Return a line for each gap; those that follow one another for one reason share theirs."""
    lines: list[tuple[Gap, int]] = []
    for gap in gaps:
        if lines and lines[-1][0].reason == gap.reason and lines[-1][0].end == gap.start:
            before, count = lines.pop()
            lines.append((Gap(before.start, gap.end, gap.reason), count + 1))
        else:
            lines.append((gap, 1))
    return [
        (_stretch(gap), gap.reason if count == 1 else f"{gap.reason} ({count} stretches)")
        for gap, count in lines
    ]


def _stretch(gap: Gap) -> str:
    start = moment(gap.start, seconds=True) if gap.start is not None else "the beginning"
    return f"{start} to {moment(gap.end, seconds=True)}"


def _who(action: Action) -> str:
    if not action.actor:
        return _NOBODY
    if action.actor_grade is ActionGrade.RECORDED:
        return f"{one_line(action.actor)} (database account)"
    return f"{one_line(action.actor)} ({action.actor_grade.value})"


def _what(action: Action) -> str:
    """Return an action's object and values: ``champion 3 → 4``, ``version 2: tag risk: low``."""
    subject = [f"version {action.version}"] if action.version is not None else []
    if action.alias:
        subject = [action.alias]
    elif action.key:
        subject.append(action.key)
    shown = ""
    if action.kind not in (ActionKind.VERSION_ADDED, ActionKind.VERSION_REMOVED):
        before, after = (one_line(text, 40) or "(none)" for text in (action.before, action.after))
        shown = f"{before} → {after}" if action.before or action.after else ""
    return " ".join([*subject, shown]).strip()
