import random
from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.render.layering import Link, closing, cuts, layers, stars
from audit.render.layout import SHEET, arrange, arrange_down
from audit.render.ordering import ordered, settled
from audit.render.places import Sheet

WIDTH, HEIGHT = 173.4, 212.0
BOX_HEIGHT = SHEET.across


def links_of(pairs, groups="ab"):
    return [Link(a, b, groups[n % len(groups)]) for n, (a, b) in enumerate(pairs)]


@st.composite
def graphs(draw):
    count = draw(st.integers(1, 30))
    node = st.integers(0, count - 1)
    return count, links_of(draw(st.lists(st.tuples(node, node), max_size=70)))


def assert_sound(count: int, links: list[Link], sheets: list[Sheet]) -> None:
    """Every box once, every link once and whole, nothing overlapping or off the sheet."""
    placed = [box.node for sheet in sheets for box in sheet.boxes]
    assert sorted(placed) == list(range(count))
    outward = [n for s in sheets for end in s.continuations if end.outward for n in end.links]
    inward = [n for s in sheets for end in s.continuations if not end.outward for n in end.links]
    assert sorted(outward) == sorted(inward)
    drawn = [line.link for sheet in sheets for line in sheet.lines]
    assert sorted([*drawn, *outward]) == list(range(len(links)))
    for sheet in sheets:
        for box in sheet.boxes:
            assert box.height >= BOX_HEIGHT
            assert -0.01 <= box.x <= box.x + box.width <= sheet.width + 0.01
            assert -0.01 <= box.y <= box.y + box.height <= sheet.height + 0.01
        for one, two in combinations(sheet.boxes, 2):
            beside = one.x + one.width <= two.x or two.x + two.width <= one.x
            above = one.y + one.height <= two.y or two.y + two.height <= one.y
            assert beside or above
        for line in sheet.lines:
            assert all(x1 <= x2 for (x1, _), (x2, _) in pairwise(line.points))
            assert not any(crosses(box, line.points) for box in sheet.boxes)


def crosses(box, points):
    """Whether a line passes through a box; between two points it stays within their frame."""
    return any(
        x1 < box.x + box.width - 0.01
        and x2 > box.x + 0.01
        and min(y1, y2) < box.y + box.height
        and max(y1, y2) > box.y
        for (x1, y1), (x2, y2) in pairwise(points)
    )


@settings(max_examples=60, deadline=None)
@given(graphs())
def test_any_graph_is_laid_out_soundly(graph):
    count, links = graph
    sheets = arrange(count, links, WIDTH, HEIGHT)
    assert_sound(count, links, sheets)
    assert all(sheet.height <= HEIGHT for sheet in sheets)


@pytest.mark.parametrize("seed", range(3))
def test_two_hundred_nodes_are_laid_out_on_sheets_of_the_asked_height(seed):
    chance = random.Random(seed)
    pairs = [(n, min(n + chance.randint(1, 9), 199)) for n in range(199) for _ in range(2)]
    links = links_of(pairs, "abc")
    sheets = arrange(200, links, WIDTH, HEIGHT)
    assert len(sheets) > 1
    assert_sound(200, links, sheets)
    assert all(sheet.height <= HEIGHT for sheet in sheets)


@settings(max_examples=40, deadline=None)
@given(graphs())
def test_any_graph_flows_down_in_a_narrow_width(graph):
    count, links = graph
    sheet = arrange_down(count, links, 85.2)
    assert sheet.down
    assert sorted(box.node for box in sheet.boxes) == list(range(count))
    assert all(0 <= box.x <= box.x + box.width <= sheet.width + 0.01 for box in sheet.boxes)
    tops = {box.node: box.y for box in sheet.boxes}
    for line in sheet.lines:
        link = links[line.link]
        assert tops[link.start] < tops[link.end]
        assert all(y1 <= y2 for (_, y1), (_, y2) in pairwise(line.points))
    ends = [number for end in sheet.continuations if end.outward for number in end.links]
    assert sorted([*(line.link for line in sheet.lines), *ends]) == list(range(len(links)))


def test_a_chain_flows_down_in_one_straight_line():
    sheet = arrange_down(5, links_of([(n, n + 1) for n in range(4)], "a"), 85.2)
    assert (sheet.width, len(sheet.lines), sheet.continuations) == (85.2, 4, ())
    assert len({round(x, 6) for line in sheet.lines for x, _ in line.points}) == 1
    assert arrange_down(0, [], 85.2) is None


def test_what_a_box_needs_beyond_the_usual_is_given_to_it():
    links = links_of([(0, 1)])
    (sheet,) = arrange(2, links, WIDTH, HEIGHT, (0.0, 3.6))
    assert [round(box.height, 2) for box in sheet.boxes] == [12.2, 15.8]


def test_the_same_input_gives_the_same_sheets():
    links = links_of([(0, 2), (1, 2), (2, 3), (3, 4), (0, 4), (4, 5), (5, 6)])
    assert arrange(7, links, WIDTH, HEIGHT) == arrange(7, links, WIDTH, HEIGHT)


def test_nothing_to_draw_is_no_sheet():
    assert arrange(0, [], WIDTH, HEIGHT) == []


def test_a_short_chain_is_one_straight_line_with_boxes_of_full_width():
    (sheet,) = arrange(3, links_of([(0, 1), (1, 2)]), WIDTH, HEIGHT)
    assert {box.width for box in sheet.boxes} == {38.0}
    assert len({y for line in sheet.lines for _, y in line.points}) == 1
    assert not sheet.continuations


def test_a_long_chain_folds_into_bands_joined_by_letters():
    (sheet,) = arrange(10, links_of([(n, n + 1) for n in range(9)], "a"), WIDTH, HEIGHT)
    assert len(sheet.rules) == 2
    assert [(end.letter, end.outward) for end in sheet.continuations] == [
        ("A", True),
        ("A", False),
        ("B", True),
        ("B", False),
    ]
    assert min(box.width for box in sheet.boxes) > 28


def test_a_letter_tells_on_which_sheet_it_goes_on():
    pairs = [(n, n + 1) for n in range(79)]
    sheets = arrange(80, links_of(pairs, "a"), WIDTH, HEIGHT)
    last = [end for end in sheets[0].continuations if end.outward][-1]
    assert last.sheets == (1,)
    assert [end.letter for end in sheets[1].continuations if 0 in end.sheets] == [last.letter]


def test_a_cycle_is_cut_where_it_closes():
    links = links_of([(0, 1), (1, 2), (2, 0)])
    assert closing(3, links) == {2}
    (sheet,) = arrange(3, links, WIDTH, HEIGHT)
    assert len(sheet.lines) == 2
    assert {end.links for end in sheet.continuations} == {(2,)}


@given(graphs(), st.integers(1, 13))
def test_layers_follow_the_links_and_keep_the_bound(graph, cap):
    count, links = graph
    cyclic = closing(count, links)
    layer = layers(count, links, cyclic, cap)
    assert all(
        layer[link.start] < layer[link.end]
        for number, link in enumerate(links)
        if number not in cyclic
    )
    assert max(layer.count(one) for one in layer) <= cap
    assert sorted(set(layer)) == list(range(max(layer) + 1))


def test_a_source_stands_just_before_what_it_feeds():
    pairs = [(0, 1), (1, 2), (2, 3), (4, 5), (5, 3)]
    assert layers(6, links_of(pairs), set(), 13) == [0, 1, 2, 3, 1, 2]


def test_bands_are_cut_where_the_fewest_links_cross():
    links = links_of([(0, 1), (0, 2), (1, 3), (2, 3), (3, 4), (4, 5)])
    assert cuts(5, 4, [0, 1, 1, 2, 3, 4], links) == [0, 3, 5]


def test_letters_stand_for_the_largest_stars():
    links = [Link(0, 9, "a"), Link(1, 9, "a"), Link(2, 9, "a"), Link(0, 8, "a"), Link(1, 9, "b")]
    found = stars(links, [0, 1, 2, 3, 4])
    assert [(star.hub, star.outward, star.links) for star in found] == [
        (9, False, (0, 1, 2)),
        (0, True, (3,)),
        (1, True, (4,)),
    ]


def test_crossings_are_undone():
    columns = [[0, 1, 2], [3, 4, 5]]
    assert ordered(columns, [[0, 5], [1, 4], [2, 3]]) in (
        [[0, 1, 2], [5, 4, 3]],
        [[2, 1, 0], [3, 4, 5]],
    )


@given(st.lists(st.integers(1, 8), min_size=1, max_size=5), st.data())
def test_items_keep_their_order_and_their_distance(sizes, data):
    items = iter(range(sum(sizes)))
    columns = [[next(items) for _ in range(size)] for size in sizes]
    joins = [
        (data.draw(st.sampled_from(a)), data.draw(st.sampled_from(b)), 1.5)
        for a, b in pairwise(columns)
        for _ in range(3)
    ]
    heights = dict.fromkeys(range(sum(sizes)), BOX_HEIGHT)
    middle = settled(columns, heights, joins, sum(sizes))
    for column in columns:
        assert all(middle[b] - middle[a] > BOX_HEIGHT + 3.3 for a, b in pairwise(column))
