"""The alias timeline: to scale, within its frame, without overlap, and legible."""

from __future__ import annotations

import dataclasses
import re
from xml.etree import ElementTree

from hypothesis import given, settings
from hypothesis import strategies as st
from support.hostile import hostile
from support.sample_history import GAPS, TENURES, bracket, exact, held
from support.sample_parts import ms

from audit.history.model import ActionGrade, Gap, Tenure, When
from audit.render import acts
from audit.render.axis import marks
from audit.render.lettering import SMALL
from audit.render.signs import key_svg
from audit.render.timeline import MOST_ROWS, Window, place, timeline_svg

DAY = 86_400_000
START, END = ms("2026-07-01T00:00:00"), ms("2026-10-01T00:00:00")
WINDOW = Window(START, END, END, ms("2026-06-28T06:00:00"))
SVG = "{http://www.w3.org/2000/svg}"

_moments = st.integers(START - 400 * DAY, END + 400 * DAY)


@st.composite
def whens(draw: st.DrawFn) -> When:
    latest = draw(_moments)
    earliest = draw(st.none() | st.just(latest) | st.integers(latest - 90 * DAY, latest))
    return When(earliest, latest, ActionGrade.BRACKETED)


_tenures = st.builds(
    Tenure,
    st.just("default"),
    st.just("fraud"),
    st.just("1"),
    st.sampled_from(["champion", "challenger", "x" * 200, "\u202eé"]),
    st.integers(1, 10**6),
    st.none() | whens(),
    st.none() | whens(),
    _moments,
)
_gaps = st.builds(Gap, st.none() | _moments, _moments, st.just("nobody"))


def rects(svg: str, *looks: str) -> list[dict[str, str]]:
    found = ElementTree.fromstring(svg).iter(f"{SVG}rect")
    return [element.attrib for element in found if element.get("class") in looks]


@given(st.lists(_tenures, max_size=12), st.integers(0, 92))
def test_bars_of_a_row_are_in_order_inside_and_never_overlap(
    tenures: list[Tenure], days: int
) -> None:
    window = dataclasses.replace(WINDOW, until=START + days * DAY)
    bars = place(tenures, window, 140.0)
    assert len(bars) == len(tenures)
    edge = 0.0
    for bar in bars:
        assert edge <= bar.left <= bar.right <= 140.0
        assert bar.bracket_left is None or 0 <= bar.bracket_left <= bar.left
        assert bar.bracket_right is None or bar.right <= bar.bracket_right <= 140.0
        edge = bar.right


@settings(max_examples=60)
@given(st.lists(_tenures, min_size=1, max_size=12), st.lists(_gaps, max_size=4), st.booleans())
def test_everything_is_inside_the_frame_and_no_letter_is_too_small(
    tenures: list[Tenure], gaps: list[Gap], screen: bool
) -> None:
    root = ElementTree.fromstring(timeline_svg(tenures, gaps, WINDOW, 174, screen=screen))
    wide, high = (float(size) for size in root.attrib["viewBox"].split()[2:])
    for element in root.iter():
        if element.tag == f"{SVG}rect":
            left, top, width, height = (
                float(element.attrib[name]) for name in ("x", "y", "width", "height")
            )
            assert left >= 0
            assert top >= 0
            assert left + width <= wide + 0.02
            assert top + height <= high
        elif element.tag == f"{SVG}path":
            for x, y in re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", element.attrib["d"]):
                assert -0.02 <= float(x) <= wide + 0.02
                assert -0.02 <= float(y) <= high
        elif element.tag == f"{SVG}text":
            assert float(element.attrib["font-size"]) >= round(SMALL, 2)


def test_bars_are_to_scale_and_numbered() -> None:
    fraud = [tenure for tenure in TENURES if tenure.model == "fraud"]
    svg = timeline_svg(fraud, GAPS, WINDOW, 174)
    (now,) = rects(svg, "now")
    share = float(now["width"]) / (174 - 30 - 2)
    expected = (END - ms("2026-08-14T10:00:00")) / (WINDOW.right - WINDOW.left)
    assert abs(share - expected) < 0.001
    texts = [element.text for element in ElementTree.fromstring(svg).iter(f"{SVG}text")]
    assert [word for word in texts if word in set("34567")] == ["5", "4", "5", "5", "7"]
    assert "2 bars are too narrow for a number. All tenures stand in tenures.csv." in texts


def test_an_exact_end_has_a_tick_an_uncertain_one_a_bracket_an_open_one_neither() -> None:
    first, second = exact("2026-08-01T00:00:00"), bracket("2026-09-01T00:00:00", "2026-09-08T00:00")
    bars = place(
        [
            held("m", "a", 1, None, first, "2026-05-01T00:00:00"),
            held("m", "a", 2, first, second, "2026-08-01T00:00:00"),
            held("m", "a", 3, second, None, "2026-09-08T00:00"),
        ],
        WINDOW,
        100.0,
    )
    assert [(bar.tick_left, bar.tick_right) for bar in bars] == [
        (False, True), (True, False), (False, False)
    ]  # fmt: skip
    assert bars[0].left == 0
    assert bars[1].bracket_right == bars[2].left
    assert bars[2].bracket_left == bars[1].right


def test_thousands_of_short_tenures_stay_small_and_are_counted() -> None:
    moments = [When(START + n * 60_000, START + n * 60_000, ActionGrade.RECORDED)
               for n in range(5001)]  # fmt: skip
    tenures = [
        Tenure("default", "m", "1", "a", n, moments[n], moments[n + 1], moments[n].latest)
        for n in range(5000)
    ]
    svg = timeline_svg(tenures, (), WINDOW, 174)
    assert len(svg) < 30_000
    assert "5,000 bars are too narrow" in svg


def test_many_aliases_are_cut_with_their_count() -> None:
    tenures = [held("m", f"alias-{n}", 1, None, None, "2026-07-01T00:00:00") for n in range(40)]
    svg = timeline_svg(tenures, (), WINDOW, 174)
    assert len(rects(svg, "now")) == MOST_ROWS
    assert f"{MOST_ROWS} of 40 aliases drawn" in svg


def test_nothing_held_draws_nothing_and_hostile_names_are_inert() -> None:
    assert timeline_svg((), GAPS, WINDOW, 174) == ""
    for screen in (False, True):
        root = ElementTree.fromstring(timeline_svg(hostile(TENURES), GAPS, WINDOW, 174,
                                                   screen=screen))  # fmt: skip
        tags = {element.tag.removeprefix(SVG) for element in root.iter()}
        assert tags <= {"svg", "title", "g", "rect", "path", "text"}


def test_the_key_fits_its_width() -> None:
    root = ElementTree.fromstring(key_svg(174))
    assert max(float(text.attrib["x"]) for text in root.iter(f"{SVG}text")) < 150


@given(st.integers(-(2**45), 2**47), st.integers(1, 2**45), st.integers(1, 20))
def test_an_axis_names_few_moments_in_order(start: int, length: int, most: int) -> None:
    found = marks(start, start + length, most)
    moments = [moment for moment, _ in found]
    assert len(found) <= most
    assert moments == sorted(moments)
    assert all(start <= moment <= start + length for moment in moments)


def test_an_axis_says_months_weeks_days_or_hours_as_its_length_asks() -> None:
    def names(first: str, last: str) -> list[str]:
        return [name for _, name in marks(ms(first), ms(last), 9)]

    assert names("2026-06-25T00:00", "2026-10-03T00:00") == ["Jul 2026", "Aug", "Sep", "Oct"]
    assert names("2026-07-01T00:00", "2026-07-31T00:00")[:2] == ["6 Jul 2026", "13 Jul"]
    assert names("2026-07-01T00:00", "2026-07-05T00:00")[0] == "1 Jul 2026"
    assert names("2026-07-01T00:00", "2026-07-01T12:00")[:2] == ["1 Jul 2026", "02:00"]
    assert names("2015-02-01T00:00", "2027-01-01T00:00")[-1] == "2026"
    assert names("2025-11-15T00:00", "2026-03-15T00:00") == ["Dec 2025", "Jan 2026", "Feb", "Mar"]


def test_gaps_that_follow_one_another_are_listed_as_one() -> None:
    gaps = [Gap(n, n + 1, "between two snapshots") for n in range(9)] + [Gap(9, 12, "other")]
    assert [(gap.start, gap.end, count) for gap, count in acts.joined(gaps)] == [
        (0, 9, 9), (9, 12, 1)
    ]  # fmt: skip
