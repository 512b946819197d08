"""The picture of a cell: it renders, says what it must, and no text leaves its box."""

from __future__ import annotations

import re
import struct
from itertools import pairwise
from pathlib import Path
from random import Random
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings

from cellsearch import plugins
from cellsearch.cell import Cell, Node, equations, from_equations
from cellsearch.errors import CellsearchError
from cellsearch.inspect.picture.picture import dot, png, save_picture, svg
from cellsearch.inspect.picture.shapes import shapes
from cellsearch.testing.cells import cells
from cellsearch_search_spaces.gated import GRU, LSTM, RNN

SVG = "{http://www.w3.org/2000/svg}"

ODD = from_equations(
    "odd",
    """
    square = h * h
    keep_gate = sigmoid(layer_norm(linear(x, h, m, bias=1)))
    m_next = blend(keep_gate, m, relu(linear(square, x, x)))
    twice = m_next + m_next
    h_next = (twice - square) - identity(scale(1 - keep_gate))
    """,
    states=["h", "m"],
    output="twice",
)

LONG = Cell(
    "L" * 200,
    {
        "W" * 64: Node("linear", ("x", "M" * 64, "x", "M" * 64, "x") * 8),
        "a_name_of_64_characters_that_goes_on_and_on_until_it_is_complete": Node("sigmoid", ("W" * 64,)),
    },
    {"M" * 64: "a_name_of_64_characters_that_goes_on_and_on_until_it_is_complete"},
    "W" * 64,
)

CELLS = (RNN, LSTM, GRU, ODD, LONG)


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        (LSTM, ["f", "forget gate of c", "bf starts at 1", "i", "output gate", "c̃", "tanh(c′)", "c′", "h′", "output"]),
        (GRU, ["r", "reset gate of h", "z", "update gate of h", "1−", "⊙", "+", "h′"]),
        (RNN, ["tanh(Wh x + Uh h + bh)"]),
        (ODD, ["v1", "wv1 ⊙ normalize(…) + bv1_2", "square", "−", "relu(Um square + Wm1 x + Wm2 x + bm)"]),
        (plugins.seed("sru"), ["wf ⊙ c", "1.732 x", "h"]),
    ],
)
def test_svg_shows_gates_formulas_and_next_states(cell: Cell, words: list[str]) -> None:
    shown = texts(svg(cell))
    assert set(words) <= set(shown)
    assert cell.name in shown


def test_lstm_has_a_shape_for_each_step_of_a_textbook() -> None:
    shapes = [box for box, _ in boxes(svg(LSTM))]
    assert len(shapes) == 3 + 9 + 3, "sources; four gates, three products, a sum, a tanh; next states and output"


@pytest.mark.parametrize("cell", [*CELLS[:4], *(plugins.seed(name) for name in ("sru", "mut1", "scrn", "darts_v1"))])
def test_pictures_have_the_symbols_of_the_equations(cell: Cell) -> None:
    """Every word of a formula or heading stands in the equations too, with a prime of another sort."""
    words = re.compile(r"[^\W\d]\w*[\u0303\w]*")
    known = {*words.findall(" ".join(equations(cell))), "where", "identity", "output"}
    for shape in shapes(cell):
        assert {*words.findall(f"{shape.name} {shape.formula}")} <= known, shape
    assert not any(re.search(r"\bk\b", shape.formula) for shape in shapes(cell))


def test_a_line_breaks_within_no_symbol_that_fits_one() -> None:
    drawn = plugins.load(plugins.SPACES, "nasbench_nlp").sample(Random(1))
    words = {word.strip("()") for line in texts(svg(drawn)) for word in line.replace("(", " ").split()}
    assert {"activation12", "Uactivation_14_1", "bactivation_14"} <= words


def test_automatic_names_are_not_written() -> None:
    assert not any("product" in text or "linear" in text for text in texts(svg(LSTM)))


def test_a_blend_is_drawn_as_the_products_and_the_sum_that_it_is() -> None:
    nameless = from_equations("nameless", "h_next = blend(sigmoid(x), 1 - h, x - h)", ["h"], "h_next")
    kept, rest, taken, mixed = (shape for shape in shapes(nameless) if shape.node == "h_next")
    assert [shape.formula for shape in (kept, rest, taken, mixed)] == ["⊙", "1−", "⊙", "+"]
    gate, one, other = nameless.nodes["h_next"].operands
    assert kept.operands == (gate, one)
    assert rest.operands == (gate,)
    assert taken.operands == (rest.key, other)
    assert mixed.operands == (kept.key, taken.key)


def test_what_is_subtracted_has_its_sign_at_the_arrow() -> None:
    drawn = svg(from_equations("less", "h_next = tanh(x - h)", ["h"], "h_next"))
    signs = [text for text in texts(drawn) if text in ("+", "−", "a", "b")]
    assert sorted(signs) == ["+", "−", "−"], "the circle's and the two arrows'"


def test_letters_stand_only_at_what_has_no_sign_of_its_own() -> None:
    for cell in (LSTM, GRU, ODD):
        assert not {"a", "b"} & {*texts(svg(cell))}


def test_a_legend_names_the_roles_that_the_picture_has_and_no_other() -> None:
    gates = {"forget gate", "input gate", "output gate", "update gate", "reset gate"}
    assert gates & {*texts(svg(LSTM))} == {"forget gate", "input gate", "output gate"}
    assert gates & {*texts(svg(GRU))} == {"update gate", "reset gate"}


@pytest.mark.parametrize("name", ["lstm", "gru", "peephole_lstm", "mut1"])
def test_time_flows_to_the_right_and_a_memory_goes_straight_through(name: str) -> None:
    cell = plugins.seed(name)
    places = {box[0].text or "": box[1] for box in groups(svg(cell))}
    carried = "c" if "c" in cell.states else "h"
    assert float(places[f"{carried}′"].attrib["y"]) == pytest.approx(float(places[carried].attrib["y"]), abs=2)
    leftmost = min(float(rectangle.attrib["x"]) for rectangle in places.values())
    assert float(places["x"].attrib["x"]) < leftmost + 60
    for one, other in cell.graph.edges():
        if one in places and other in places:
            assert middle(places[one]) < middle(places[other]), f"{one} to {other}"


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name[:8])
def test_text_stays_in_its_box_and_boxes_apart_and_in_the_picture(cell: Cell) -> None:
    assert_sound(svg(cell))


@settings(max_examples=15)
@given(cells(most_nodes=24))
def test_random_cells_render(cell: Cell) -> None:
    assert_sound(svg(cell))
    assert png(cell, scale=1).startswith(b"\x89PNG")


@pytest.mark.parametrize("cell", (RNN, LSTM, GRU, ODD))
def test_png_has_a_size_that_fits_a_page(cell: Cell) -> None:
    image = png(cell)
    width, height = struct.unpack(">II", image[16:24])
    assert image.startswith(b"\x89PNG\r\n\x1a\n")
    assert 300 <= width <= 2400
    assert 300 <= height <= 1600


def test_png_is_painted_with_text_on_any_machine() -> None:
    image = pixels(png(RNN))
    title = image[:60, :110]
    assert (title.min(axis=-1) < 0.5).sum() > 200, "the title's letters are dark"


def test_equal_cells_have_equal_pictures_whatever_the_order_of_their_nodes() -> None:
    again = Cell(LSTM.name, dict(reversed(LSTM.nodes.items())), dict(LSTM.states), LSTM.output)
    assert again == LSTM
    assert dot(again) == dot(LSTM)
    assert svg(again) == svg(LSTM) == svg(LSTM)
    assert png(again) == png(LSTM)


@pytest.mark.parametrize(
    "name", ["<b>&amp;\"'\\", "]]><!--", '"]; x [label="', "漢字 🙂", "x " * 100, "\\N", " ", "-" * 200]
)
def test_any_text_can_name_a_cell(name: str) -> None:
    cell = RNN.renamed(name)
    assert_sound(svg(cell))
    assert png(cell).startswith(b"\x89PNG")


def test_a_state_may_be_called_output_and_a_node_like_a_word_of_graphviz() -> None:
    nodes = {"node": Node("linear", ("x", "output")), "edge": Node("tanh", ("node",)), "graph": Node("relu", ("edge",))}
    drawing = svg(Cell("words", nodes, {"output": "edge"}, "graph"))
    assert_sound(drawing)
    assert {"output", "output′"} <= set(texts(drawing))


def test_a_repeated_operand_has_two_curves() -> None:
    cell = from_equations("square", "h_next = tanh(linear(x, h)) * tanh(linear(x, h))\ny = h_next * h_next", ["h"], "y")
    assert dot(cell).count('"h_next" -> "y"') == 2


@pytest.mark.parametrize("ending", [".svg", ".png", ".PNG"])
def test_the_ending_chooses_the_format(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"cell{ending}"
    save_picture(GRU, path)
    assert path.read_bytes() == (svg(GRU).encode() if ending == ".svg" else png(GRU))


@pytest.mark.parametrize("name", ["cell.pdf", "cell"])
def test_another_ending_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    with pytest.raises(CellsearchError, match=r"ends in neither \.svg nor \.png") as error:
        save_picture(GRU, tmp_path / name)
    assert "\n" not in str(error.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_cell_beyond_any_search_space_is_drawn() -> None:
    nodes = {f"n{i}": Node("linear", ("x", *(["h"] if i == 0 else [f"n{i - 1}", f"n{i // 2}"]))) for i in range(80)}
    cell = Cell("large", nodes, {"h": "n79"}, "n79")
    assert_sound(svg(cell))
    assert png(cell).startswith(b"\x89PNG")


def assert_sound(drawing: str) -> None:
    """Every text fits in its box by the font's true widths, boxes do not overlap, nothing is clipped."""
    root = ElementTree.fromstring(drawing)
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    left, top = (float(number) for number in root.attrib["viewBox"].split()[:2])
    rectangles = []
    for rectangle, lines in boxes(drawing):
        x, y, w, h = (float(rectangle.attrib[key]) for key in ("x", "y", "width", "height"))
        rectangles.append((x, y, x + w, y + h))
        for line in lines:
            half = true_width(line) / 2
            assert x + 1 <= float(line.attrib["x"]) - half, f"{line.text} leaves its box on the left"
            assert float(line.attrib["x"]) + half <= x + w - 1, f"{line.text} leaves its box on the right"
            base, size = float(line.attrib["y"]), float(line.attrib["font-size"])
            assert y <= base - 0.73 * size and base + 0.24 * size <= y + h + 0.5, f"{line.text} leaves its box"
        bases = [float(line.attrib["y"]) for line in lines]
        assert all(below - above >= 9 for above, below in pairwise(bases)), "lines of text overlap"
    for place, one in enumerate(rectangles):
        assert left <= one[0] and one[2] <= left + width and one[3] <= height, "a box leaves the picture"
        for other in rectangles[place + 1 :]:
            apart = one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
            assert apart, "boxes overlap"
    for line in root.findall(f"{SVG}text"):
        assert true_width(line) <= left + width, "the title is clipped"
    assert top < 0


def true_width(line: ElementTree.Element) -> float:
    """By Pillow, in the fonts that resvg is given."""
    from matplotlib import get_data_path
    from PIL import ImageFont

    def width(text: str | None, part: ElementTree.Element) -> float:
        style = ("Bold" if "font-weight" in line.attrib else "") + ("Oblique" if "font-style" in part.attrib else "")
        name = f"DejaVuSans-{style}.ttf" if style else "DejaVuSans.ttf"
        font = ImageFont.truetype(f"{get_data_path()}/fonts/ttf/{name}", 100)
        return font.getlength(text or "") * float(part.get("font-size", line.attrib["font-size"])) / 100

    return width(line.text, line) + sum(width(part.text, part) + width(part.tail, line) for part in line)


def boxes(drawing: str) -> list[tuple[ElementTree.Element, list[ElementTree.Element]]]:
    """Each shape's rectangle with its lines of text."""
    return [(group[1], group.findall(f"{SVG}text")) for group in groups(drawing)]


def groups(drawing: str) -> list[ElementTree.Element]:
    """The shapes, each with its title first."""
    found = ElementTree.fromstring(drawing).iter(f"{SVG}g")
    return [group for group in found if len(group) and group[0].tag == f"{SVG}title"]


def middle(rectangle: ElementTree.Element) -> float:
    return float(rectangle.attrib["x"]) + float(rectangle.attrib["width"]) / 2


def texts(drawing: str) -> list[str]:
    """What is written: a box's lines of equal size and weight are read as one, since long ones are broken."""
    root = ElementTree.fromstring(drawing)
    written = ["".join(line.itertext()) for line in root.iter(f"{SVG}text")]
    for _, lines in boxes(drawing):
        plain = ["".join(line.itertext()) for line in lines if line.attrib["font-size"] == "12"]
        written.append(" ".join(plain))
    return written


def pixels(image: bytes):  # type: ignore[no-untyped-def]
    import io

    from matplotlib.image import imread

    return imread(io.BytesIO(image))[..., :3]
