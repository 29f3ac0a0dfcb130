"""Periods of a report: quarters, months, years and ranges of dates, in a named zone.

Inside, all times are UTC milliseconds since 1970. A period is half open: it
holds ``start <= t < end``.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
import time
from collections.abc import Callable
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from audit.errors import UsageError

Clock = Callable[[], int]
"""Returns now, in UTC milliseconds. Injected wherever time matters."""

_FORMS = "2026-Q3, 2026-07, 2026 or 2026-07-01/2026-09-30"
_UNITS = {"h": "hours", "d": "days", "w": "weeks"}


def system_clock() -> int:
    """Return the machine's time in UTC milliseconds."""
    return time.time_ns() // 1_000_000


def iso(ms: int | None) -> str:
    """Return UTC milliseconds as ``2026-08-14T10:02:11.090Z``; empty for unknown."""
    if ms is None:
        return ""
    moment = dt.datetime.fromtimestamp(ms // 1000, dt.UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}Z"


def zone_of(name: str) -> ZoneInfo:
    """Return the IANA time zone ``name``. Raises ``UsageError`` if there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UsageError(
            f"no such time zone: {name!r}", remedy="Use an IANA name such as Europe/Berlin or UTC"
        ) from error


@dataclasses.dataclass(frozen=True, slots=True)
class Period:
    """A stretch of time with a label: ``start`` inclusive, ``end`` exclusive, UTC ms."""

    label: str
    start: int
    end: int
    zone: str = "UTC"

    def __contains__(self, moment: object) -> bool:
        """Tell whether a UTC-millisecond time lies in the period."""
        return isinstance(moment, int) and self.start <= moment < self.end

    def previous(self) -> Period:
        """Return the period of the same kind right before this one."""
        first = self._first_day()
        if "/" in self.label:
            last = dt.date.fromisoformat(self.label.split("/")[1])
            days = (last - first).days
            end = first - dt.timedelta(days=1)
            return parse(f"{end - dt.timedelta(days=days)}/{end}", self.zone)
        before = first - dt.timedelta(days=1)
        if "Q" in self.label:
            return parse(f"{before.year}-Q{(before.month - 1) // 3 + 1}", self.zone)
        if "-" in self.label:
            return parse(f"{before:%Y-%m}", self.zone)
        return parse(f"{before.year}", self.zone)

    def _first_day(self) -> dt.date:
        return dt.datetime.fromtimestamp(self.start / 1000, ZoneInfo(self.zone)).date()

    @property
    def slug(self) -> str:
        """The label as a folder name."""
        return self.label.replace("/", "_")


def parse(label: str, zone: str = "UTC") -> Period:
    """Return the period that a label names. Raises ``UsageError`` for a bad label."""
    label = label.strip()
    try:
        first, last = _days(label)
    except ValueError as error:
        raise UsageError(f"not a period: {label!r}", remedy=f"Use {_FORMS}") from error
    if last < first:
        raise UsageError(f"the period {label} ends before it starts", remedy=f"Use {_FORMS}")
    return Period(label.upper(), _midnight(first, zone), _midnight(last, zone, plus=1), zone)


def containing(moment: int, every: str, zone: str = "UTC") -> Period:
    """Return the ``month``, ``quarter`` or ``year`` that holds a UTC-millisecond time."""
    day = dt.datetime.fromtimestamp(moment / 1000, zone_of(zone)).date()
    labels = {
        "month": f"{day:%Y-%m}",
        "quarter": f"{day.year:04d}-Q{(day.month - 1) // 3 + 1}",
        "year": f"{day.year:04d}",
    }
    return parse(labels[every], zone)


def last_closed(now: int, every: str, zone: str = "UTC", settle_ms: int = 0) -> Period:
    """Return the newest period that is over and settled at ``now`` (UTC ms)."""
    return containing(now - settle_ms, every, zone).previous()


def duration_ms(text: str) -> int:
    """Return a duration such as ``12h``, ``3d`` or ``2w`` in milliseconds."""
    match = re.fullmatch(r"(\d{1,4})([hdw])", text.strip())
    if not match:
        remedy = "Use hours, days or weeks, such as 12h, 3d or 2w"
        raise UsageError(f"not a duration: {text!r}", remedy=remedy)
    return int(dt.timedelta(**{_UNITS[match[2]]: int(match[1])}).total_seconds() * 1000)


def instant(text: str, zone: str) -> int:
    """Return an ISO 8601 time in UTC milliseconds; one without an offset is in ``zone``."""
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError as error:
        remedy = "Use ISO 8601, such as 2026-08-14T10:00Z"
        raise UsageError(f"not a time: {text!r}", remedy=remedy) from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone_of(zone))
    return int(moment.timestamp() * 1000)


def retain_until(moment: int, text: str) -> dt.date:
    """Return the UTC date a retention time (``10y``, ``18m`` or ``90d``) after ``moment``."""
    match = re.fullmatch(r"(\d{1,4})([ymd])", text.strip())
    if not match:
        raise UsageError(f"not a retention time: {text!r}", remedy="Use 10y, 18m or 90d")
    day = dt.datetime.fromtimestamp(moment / 1000, dt.UTC).date()
    count = int(match[1])
    if match[2] == "d":
        return day + dt.timedelta(days=count)
    months = day.year * 12 + day.month - 1 + count * (12 if match[2] == "y" else 1)
    year, month = divmod(months, 12)
    for last in (day.day, 30, 29, 28):
        try:
            return dt.date(year, month + 1, last)
        except ValueError:
            continue
    raise AssertionError("unreachable: every month has 28 days")


def _days(label: str) -> tuple[dt.date, dt.date]:
    """Return the first and last day of a label. Raises ``ValueError``."""
    if match := re.fullmatch(r"(\d{4})-[Qq]([1-4])", label):
        year, month = int(match[1]), int(match[2]) * 3 - 2
        return dt.date(year, month, 1), _month_end(year, month + 2)
    if match := re.fullmatch(r"(\d{4})-(\d{2})", label):
        year, month = int(match[1]), int(match[2])
        return dt.date(year, month, 1), _month_end(year, month)
    if re.fullmatch(r"\d{4}", label):
        return dt.date(int(label), 1, 1), dt.date(int(label), 12, 31)
    first, slash, last = label.partition("/")
    if not slash:
        raise ValueError(label)
    return dt.date.fromisoformat(first), dt.date.fromisoformat(last)


def _month_end(year: int, month: int) -> dt.date:
    following = dt.date(year + month // 12, month % 12 + 1, 1)
    return following - dt.timedelta(days=1)


def _midnight(day: dt.date, zone: str, plus: int = 0) -> int:
    moment = dt.datetime.combine(day + dt.timedelta(days=plus), dt.time(), zone_of(zone))
    return int(moment.timestamp()) * 1000
