"""Periods: labels, zones, neighbours, and the sums of dates."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit import period
from audit.errors import UsageError

YEARS = st.integers(1971, 2200)


def at(text: str) -> int:
    return int(dt.datetime.fromisoformat(text).timestamp() * 1000)


def test_a_quarter_begins_at_midnight_of_its_own_zone() -> None:
    quarter = period.parse("2026-Q3", "Europe/Berlin")
    assert quarter.start == at("2026-07-01T00:00:00+02:00")
    assert quarter.end == at("2026-10-01T00:00:00+02:00")


@pytest.mark.parametrize(
    ("label", "first", "last"),
    [
        ("2026-07", "2026-07-01", "2026-07-31"),
        ("2026", "2026-01-01", "2026-12-31"),
        ("2026-07-01/2026-09-30", "2026-07-01", "2026-09-30"),
        ("2024-02", "2024-02-01", "2024-02-29"),
        ("2026-q4", "2026-10-01", "2026-12-31"),
    ],
)
def test_labels(label: str, first: str, last: str) -> None:
    found = period.parse(label)
    assert found.start == at(f"{first}T00:00:00+00:00")
    assert found.end == at(f"{last}T00:00:00+00:00") + 86_400_000


@pytest.mark.parametrize(
    "label", ["", "2026-Q5", "2026-13", "Q3", "2026-07-32/2026-08-01", "last", "2026-Q3/2026-Q4"]
)
def test_a_bad_label_is_refused_with_the_forms(label: str) -> None:
    with pytest.raises(UsageError, match="2026-Q3"):
        period.parse(label)


def test_a_period_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(UsageError, match="ends before it starts"):
        period.parse("2026-09-30/2026-07-01")


def test_an_unknown_zone_is_refused() -> None:
    with pytest.raises(UsageError, match="Europe/Berlin"):
        period.parse("2026", "Mars/Olympus")


@given(
    year=YEARS,
    quarter=st.integers(1, 4),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "Asia/Tokyo"]),
)
def test_the_period_before_ends_where_this_one_starts(year: int, quarter: int, zone: str) -> None:
    this = period.parse(f"{year}-Q{quarter}", zone)
    before = this.previous()
    assert before.end == this.start
    assert period.containing(before.start, "quarter", zone) == before


@pytest.mark.parametrize("label", ["2026-03", "2026", "2026-07-01/2026-07-10"])
def test_periods_of_other_kinds_have_neighbours_too(label: str) -> None:
    this = period.parse(label)
    assert this.previous().end == this.start


@given(
    moment=st.integers(0, 4_000_000_000_000), every=st.sampled_from(["month", "quarter", "year"])
)
def test_the_containing_period_contains(moment: int, every: str) -> None:
    assert moment in period.containing(moment, every)


def test_a_period_is_due_when_it_has_settled() -> None:
    now = at("2026-10-02T00:00:00+00:00")
    assert period.last_closed(now, "quarter").label == "2026-Q3"
    assert period.last_closed(now, "quarter", settle_ms=period.duration_ms("3d")).label == "2026-Q2"


@pytest.mark.parametrize(("text", "hours"), [("12h", 12), ("3d", 72), (" 2w ", 336)])
def test_durations(text: str, hours: int) -> None:
    assert period.duration_ms(text) == hours * 3_600_000


@pytest.mark.parametrize("text", ["", "12", "1y", "1.5h", "-1d", "10000h", "3 d"])
def test_a_bad_duration_is_refused_with_the_forms(text: str) -> None:
    with pytest.raises(UsageError, match="12h, 3d or 2w"):
        period.duration_ms(text)


@pytest.mark.parametrize(
    ("day", "retain", "until"),
    [
        ("2024-02-29", "10y", "2034-02-28"),
        ("2026-02-28", "1y", "2027-02-28"),
        ("2026-08-31", "18m", "2028-02-29"),
        ("2026-02-28", "90d", "2026-05-29"),
    ],
)
def test_retention_keeps_the_day_where_the_month_has_it(day: str, retain: str, until: str) -> None:
    assert str(period.retain_until(at(f"{day}T12:00:00+00:00"), retain)) == until


@pytest.mark.parametrize("text", ["10", "y", "10 years", "-1y"])
def test_a_bad_retention_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="10y"):
        period.retain_until(0, text)


@given(st.integers(0, 10**14 // 400))
def test_iso_keeps_milliseconds(ms: int) -> None:
    text = period.iso(ms)
    assert text.endswith("Z")
    assert round(dt.datetime.fromisoformat(text).timestamp() * 1000) == ms


def test_unknown_time_is_empty() -> None:
    assert period.iso(None) == ""
