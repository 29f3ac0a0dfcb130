import re
from itertools import combinations
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from support.geometry import Drawn, overlap, read, runs_through
from support.graphs import any_graph, hostile_graph, hundred, many_files, typical

from audit.graph import Edge, Graph, Node, NodeKind, Relation
from audit.render import captions
from audit.render.drawing import NARROW, SHEET_HEIGHT, draw, lineage_svg, narrow_svg
from audit.render.lettering import PT, SMALL, width
from audit.render.places import Continuation
from audit.render.stacks import legend
from audit.render.strokes import key, sample
from audit.verdicts import Grade

SVG = "{http://www.w3.org/2000/svg}"


def parsed(graph: Graph, *, screen: bool = True) -> list[ElementTree.Element]:
    return [ElementTree.fromstring(sheet) for sheet in lineage_svg(graph, 174.0, screen=screen)]


def groups(sheets: list[ElementTree.Element], kind: str) -> list[ElementTree.Element]:
    return [
        one
        for sheet in sheets
        for one in sheet.iter()
        if one is not sheet and (one.get("class") or "").startswith(kind)
    ]


def texts(element: ElementTree.Element) -> list[str]:
    return ["".join(text.itertext()) for text in element.iter(f"{SVG}text")]


def test_every_node_and_edge_is_drawn_with_a_text_for_the_reader():
    graph = typical()
    sheets = parsed(graph)
    nodes = groups(sheets, "node")
    assert {texts(node)[1] for node in nodes} >= {"prepare", "train", "fraud v7", "champion"}
    assert len(nodes) == len(graph.nodes)
    titles = " ".join(g.findtext(f"{SVG}title") for g in groups(sheets, "edge"))
    described = " ".join(sheet.findtext(f"{SVG}desc") for sheet in parsed(graph, screen=False))
    for edge in graph.edges:
        source, target = (graph.by_id()[end].label for end in (edge.source, edge.target))
        said = f"{source} {edge.relation.replace('_', ' ')} {target}"
        assert said in titles
        assert said in described


def test_a_sheet_is_an_image_with_a_name_and_a_description():
    (sheet,) = parsed(typical(), screen=False)
    assert sheet.get("role") == "img"
    ids = [element.get("id") for element in sheet.iter() if element.get("id")]
    assert ids == [sheet.get("aria-labelledby"), sheet.get("aria-describedby")]
    assert sheet.findtext(f"{SVG}title") == "Lineage of fraud v7"
    said = sheet.findtext(f"{SVG}desc")
    assert said.startswith("Nodes: 1 alias, 1 consumer, 1 data set, 1 environment, 2 file, ")
    assert "prepare used vendor feed (contradicted; dvc.lock: a1; b2). " in said


def test_ids_differ_between_graphs_and_between_sheets():
    drawings = [*lineage_svg(typical(), 174.0), *lineage_svg(hundred(), 174.0)]
    ids = [found for svg in drawings for found in re.findall(r' id="([^"]+)"', svg)]
    assert len(ids) == len(set(ids)) > 4


@pytest.mark.parametrize("make", [typical, hundred, hostile_graph])
def test_no_letter_is_smaller_than_six_and_a_half_points_and_none_leaves_its_box(make):
    for sheet in parsed(make(), screen=False):
        assert float(sheet.get("width").removesuffix("mm")) == 174.0
        assert sheet.get("viewBox").split()[2] == "174"
        assert all(
            float(text.get("font-size")) >= 6.5 * PT - 0.005 for text in sheet.iter(f"{SVG}text")
        )
        for node in sheet.iter(f"{SVG}g"):
            box = node.find(f"{SVG}rect")
            for text in node.findall(f"{SVG}text") if box is not None else ():
                mono = "Mono" in text.get("font-family", "")
                wide = width("".join(text.itertext()), float(text.get("font-size")), mono=mono)
                assert wide <= max(float(box.get("width")), 3.4)


def test_a_hundred_nodes_go_on_from_sheet_to_sheet():
    sheets = parsed(hundred())
    assert len(sheets) > 1
    assert len(groups(sheets, "node")) == len(hundred().nodes)
    assert all(
        float(sheet.get("height").removesuffix("mm")) <= SHEET_HEIGHT + 6 for sheet in sheets
    )
    assert sheets[0].findtext(f"{SVG}title") == f"Lineage of large v1, sheet 1 of {len(sheets)}"
    assert texts(sheets[0])[-1] == f"Sheet 1 of {len(sheets)} · A to data/0.parquet on sheet 2"
    assert "A from stage-0 on sheet 1" in texts(sheets[1])[-1]


def test_sheets_keep_to_the_height_that_a_page_has_left():
    for svg in lineage_svg(hundred(), 174.0, height_mm=130.0):
        assert float(ElementTree.fromstring(svg).get("height").removesuffix("mm")) <= 136


def test_the_same_graph_gives_the_same_bytes():
    assert lineage_svg(hundred(), 174.0) == lineage_svg(hundred(), 174.0)


def test_an_empty_graph_is_no_drawing():
    assert lineage_svg(Graph(), 174.0) == []
    assert legend(Graph()) == []


def test_hostile_text_is_inert_and_hidden_characters_are_written_out():
    wide = lineage_svg(hostile_graph(), 174.0, screen=True)
    drawings = [(True, svg) for svg in (*wide, narrow_svg(hostile_graph()))]
    drawings += [(False, svg) for svg in lineage_svg(hostile_graph(), 174.0)]
    drawings += [(False, svg) for svg in draw(hostile_graph())]
    for screen, svg in drawings:
        root = ElementTree.fromstring(svg)
        tags = {element.tag.removeprefix(SVG) for element in root.iter()}
        assert tags <= {"svg", "title", "desc", "g", "a", "rect", "path", "text"}
        names = {name for element in root.iter() for name in element.attrib}
        assert not names & {"style", "onload", "onerror", "src"}
        links = [element.get("href") for element in root.iter(f"{SVG}a")]
        assert all(re.fullmatch(r"#node-\d+", link) for link in links)
        assert bool(links) == screen
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800]", svg)
        assert "url(" not in re.sub('>[^<]*<| aria-label="[^"]*"', "><", svg)
        assert len(svg) < 300_000


def test_an_end_that_is_no_node_becomes_a_gap():
    node = Node("s", NodeKind.STAGE, "prepare")
    edge = Edge("s", "gone", Relation.USED, Grade.MISSING, "dvc.lock")
    (sheet,) = parsed(Graph((node,), (edge,)))
    assert texts(groups([sheet], "node gap")[0]) == ["GAP", "gone", "! missing"]


def test_alike_files_are_a_stack_only_beyond_the_limit():
    assert len(groups(parsed(many_files(7)), "node")) == 8
    stack, stage = groups(parsed(many_files(12)), "node")
    assert texts(stack) == ["RAW FILE", "12 files", "in lineage_nodes.csv"]
    assert len(stack.findall(f"{SVG}rect")) == 2
    assert texts(stage) == ["STAGE", "prepare"]
    assert len(groups(parsed(many_files(12)), "edge")) == 1


def test_files_with_edges_of_different_grades_are_not_one_stack():
    graph = many_files(12)
    odd = Edge("prepare", "r3", Relation.USED, Grade.CONTRADICTED, "dvc.lock")
    nodes = groups(parsed(Graph(graph.nodes, (*graph.edges, odd))), "node")
    assert sorted(texts(node)[1] for node in nodes) == ["11 files", "prepare", "raw/3.csv"]


def test_a_grade_is_told_by_stroke_and_sign_not_by_colour_alone():
    looks = set()
    for grade, word in legend(typical()):
        root = ElementTree.fromstring(sample(grade, word))
        path = root.find(f"{SVG}g/{SVG}path")
        looks.add((path.get("stroke-width"), path.get("stroke-dasharray"), *texts(root)))
        assert root.findtext(f"{SVG}title") == word
    assert len(looks) == 7


def test_the_key_names_only_grades_that_occur_the_strongest_first():
    assert [word for _, word in legend(many_files(2))] == ["recorded 2"]
    words = legend(typical())
    assert [word for _, word in words][:3] == ["verified 4", "recorded 7", "declared 3"]
    printed = ElementTree.fromstring(key(words, 174.0))
    assert [text for text in texts(printed) if len(text) > 1] == [word for _, word in words]


def test_a_screen_drawing_lets_scripts_walk_the_lineage():
    graph = typical()
    sheets = parsed(graph)
    numbers = {node.get("data-node") for node in groups(sheets, "node")}
    assert numbers == {str(place) for place in range(len(graph.nodes))}
    for edge in groups(sheets, "edge"):
        assert set(f"{edge.get('data-from')} {edge.get('data-to')}".split()) <= numbers
    assert "data-node" not in lineage_svg(graph, 174.0)[0]


def test_the_map_of_a_typical_version_reads_like_this():
    (sheet,) = parsed(typical(), screen=False)
    assert " | ".join(texts(sheet)).split(" | ") == " | ".join(
        [
            "? | A | A | C | C | × | !B | !B",
            "IMPORT DATA SET | s3://fee…/2026-08",
            "RAW FILE | …/transactions.csv | c04d 77e1 9ab0",
            "RAW FILE | …/raw/labels.csv | c04d 77e1 9ab0",
            "RAW GAP | vendor feed | no DVC record | × contradicted",
            "STAGE | prepare | dvc.lock 88c18a6",
            "FILE | data/train.parquet | c04d 77e1 9ab0",
            "FILE | data/test.parquet | c04d 77e1 9ab0 | ! missing",
            "STAGE | train | dvc.lock 9b21d07",
            "TAGGED COMMIT | Tune the threshold | 9b21 9b21 9b21",
            "ENVIRONMENT | Python 3.11.9 | 41 packages",
            "RUN | train-42 | 2026-08-11 07:16 UTC",
            "DATA SET | fraud-train | MLflow sample 1a2b…",
            "WEIGHTS | weights | c04d 77e1 c04d",
            "LOGGED MODEL | model | m-0a1b2c3d",
            "MODEL VERSION | fraud v7 | ready",
            "ALIAS | champion",
            "CONSUMER | evaluate | run",
        ]
    ).split(" | ")


@settings(max_examples=40, deadline=None)
@given(any_graph())
def test_any_graph_is_drawn_as_well_formed_xml(graph):
    sheets = parsed(graph)
    assert bool(sheets) == bool(graph.nodes or graph.edges)
    drawn = groups(sheets, "edge")
    assert bool(drawn) == bool(graph.edges)


@pytest.mark.parametrize("make", [typical, hundred, hostile_graph, lambda: many_files(12)])
def test_nothing_covers_anything_else(make):
    graph = make()
    assert_clear([read(svg) for svg in lineage_svg(graph, 174.0, screen=True)])
    assert_clear([read(narrow_svg(graph))])


@settings(max_examples=40, deadline=None)
@given(any_graph())
def test_nothing_covers_anything_else_in_any_graph(graph):
    wide = [read(svg) for svg in lineage_svg(graph, 174.0, screen=True)]
    assert_clear(wide)
    if wide:
        assert_clear([read(narrow_svg(graph))])


def assert_clear(sheets: list[Drawn]) -> None:
    for sheet in sheets:
        boxes = list(sheet.boxes.values())
        for one, two in combinations([*boxes, *sheet.frames], 2):
            assert not overlap(one, two)
        for left, top, right, bottom in [*boxes, *sheet.frames]:
            assert sheet.page[0] <= left <= right <= sheet.page[2]
            assert sheet.page[1] <= top <= bottom <= sheet.page[3]
        for ends, line in sheet.strokes:
            others = [box for node, box in sheet.boxes.items() if node not in ends]
            assert not any(runs_through(line, frame) for frame in [*others, *sheet.frames])


def test_what_is_wrong_is_named_at_its_box_and_on_its_line():
    for svg in (lineage_svg(typical(), 174.0, screen=True)[0], narrow_svg(typical())):
        root = ElementTree.fromstring(svg)
        (gap,) = groups([root], "node gap")
        assert texts(gap) == ["RAW GAP", "vendor feed", "no DVC record", "× contradicted"]
        (file,) = [node for node in groups([root], "node file") if "! missing" in texts(node)]
        assert "test.parquet" in texts(file)[1]
        assert {t[0] for g in groups([root], "edge contradicted") for t in texts(g)} == {"×"}
        assert {t[0] for g in groups([root], "edge missing") for t in texts(g)} == {"!"}
        assert gap.find(f"{SVG}rect").get("stroke-dasharray")


def test_a_narrow_drawing_holds_the_same_nodes_and_edges_on_one_sheet():
    for graph in (typical(), hundred(), many_files(12)):
        wide = parsed(graph)
        narrow = [ElementTree.fromstring(narrow_svg(graph))]
        for name in ("data-node", "data-from"):
            kind = "node" if name == "data-node" else "edge"
            one, two = ({g.get(name) for g in groups(sheets, kind)} for sheets in (wide, narrow))
            assert one == two
        assert narrow[0].get("width") == f"{NARROW:g}mm"
    assert narrow_svg(Graph()) == ""


def test_a_drawing_that_stands_alone_is_whole_or_on_sheets():
    (one,) = draw(hundred(), whole=True)
    sheets = draw(hundred())
    assert len(sheets) > 1
    root = ElementTree.fromstring(one)
    assert len(groups([root], "node")) == len(hundred().nodes)
    assert texts(root)[-2:] == ["verified 79", "recorded 11"]
    assert root.findtext(f"{SVG}title") == "Lineage of large v1"
    assert "href" not in one
    assert draw(Graph()) == ()


def test_a_caption_counts_what_it_has_no_room_for():
    ends = [
        (Continuation(chr(65 + n), 0, (0,), 0, 0, outward=True, sheets=(1,), others=(1,), wide=3.4),
         [f"a rather long label of a box, number {n}"])
        for n in range(26)
    ]  # fmt: skip
    found = captions.lines(ends, (1, 2), 174.0, 1.0)
    assert len(found) == 3
    assert re.search(r" · and \d+ more$", found[-1])
    assert all(width(line, SMALL) <= 174.0 for line in found)
