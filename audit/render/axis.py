"""A time axis: which moments to name on it, so that they are sensible and do not touch."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

_DAY = 86_400_000
_HOURS = (1, 2, 3, 6, 12)
_DAYS = (1, 2, 7, 14)
_MONTHS = (1, 2, 3, 6)
_YEARS = (1, 2, 5, 10, 25, 50, 100, 250, 500, 1000)
_LONGEST_IN_DAYS = 75
"""A stretch of more days than that is told by months."""

_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_EARLIEST, _LATEST = -62_135_596_800_000, 253_402_300_799_999


def marks(start: int, end: int, most: int) -> list[tuple[int, str]]:
    """Return at most ``most`` moments from ``start`` to ``end`` (UTC ms) with their names.

    Moments are whole hours, days, weeks (Mondays), months or years, as the length asks for.
    The year is said where it begins and at the first mark.
    """
    start, end = max(start, _EARLIEST), min(end, _LATEST)
    if end <= start or most < 1:
        return []
    first, last = _utc(start), _utc(end)
    for moments in _scales(first, end - start, most):
        found = [moment for moment in moments if first <= moment <= last]
        if 0 < len(found) <= most:
            return [
                (_ms(moment), _name(moment, number == 0, end - start))
                for number, moment in enumerate(found)
            ]
    return [(start, _name(first, True, end - start))]


def _scales(first: dt.datetime, length: int, most: int) -> Iterator[Iterator[dt.datetime]]:
    """Yield rows of moments from the densest that may fit to the sparsest."""
    day = first.replace(hour=0, minute=0, second=0, microsecond=0)
    for hours in _HOURS:
        if length / (hours * _DAY / 24) <= most + 1:
            yield _every(day, dt.timedelta(hours=hours), length)
    for days in _DAYS if length <= _LONGEST_IN_DAYS * _DAY else ():
        if length / (days * _DAY) <= most + 1:
            monday = day - dt.timedelta(days=min(day.weekday(), day.toordinal() - 1))
            yield _every(monday if days > 2 else day, dt.timedelta(days=days), length)
    for months in _MONTHS:
        if length / (months * 28 * _DAY) <= most + 2:
            yield _months(day, months, length)
    for years in _YEARS:
        yield _years(day, years, length)


def _every(at: dt.datetime, step: dt.timedelta, length: int) -> Iterator[dt.datetime]:
    for number in range(int(length / (step.total_seconds() * 1000)) + 9):
        try:
            yield at + number * step
        except OverflowError:
            return


def _months(at: dt.datetime, step: int, length: int) -> Iterator[dt.datetime]:
    first = at.year * 12 + (at.month - 1) // step * step
    for number in range(0, length // (28 * _DAY) + 2 * step + 1, step):
        year, month = divmod(first + number, 12)
        if 1 <= year <= dt.MAXYEAR:
            yield dt.datetime(year, month + 1, 1, tzinfo=dt.UTC)


def _years(at: dt.datetime, step: int, length: int) -> Iterator[dt.datetime]:
    for year in range(at.year // step * step, at.year + length // (365 * _DAY) + 2, step):
        if 1 <= year <= dt.MAXYEAR:
            yield dt.datetime(year, 1, 1, tzinfo=dt.UTC)


def _name(moment: dt.datetime, first: bool, length: int) -> str:
    if moment.hour or moment.minute:
        day = f"{moment.day} {_NAMES[moment.month - 1]} " if first else ""
        return f"{day}{moment:%H:%M}"
    if moment.month == moment.day == 1 and length > 700 * _DAY:
        return str(moment.year)
    name = _NAMES[moment.month - 1]
    if moment.day != 1 or length <= _LONGEST_IN_DAYS * _DAY:
        name = f"{moment.day} {name}"
    return f"{name} {moment.year}" if first or moment.month == moment.day == 1 else name


def _utc(ms: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(0, dt.UTC) + dt.timedelta(milliseconds=ms)


def _ms(moment: dt.datetime) -> int:
    return (moment - dt.datetime.fromtimestamp(0, dt.UTC)) // dt.timedelta(milliseconds=1)
