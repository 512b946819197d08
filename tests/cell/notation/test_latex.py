"""Every line of LaTeX is set by mathtext, and the seeds' are the textbook's."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from matplotlib.mathtext import MathTextParser

from cellsearch.cell import OPS, Cell, Node, equations, from_equations
from cellsearch.cell.notation.symbols import learned, symbols
from cellsearch.testing.cells import cells
from cellsearch_search_spaces.gated import GRU, LSTM, RNN, SPACE
from cellsearch_search_spaces.zoo import SPACE as ZOO

PARSER: MathTextParser[object] = MathTextParser("path")

GOLDEN = {
    RNN: r"""
        h_{t} = \tanh\left(W_{h} \, x_{t} + U_{h} \, h_{t-1} + b_{h}\right)
        y_{t} = h_{t}
    """,
    LSTM: r"""
        i_{t} = \sigma\left(W_{i} \, x_{t} + U_{i} \, h_{t-1} + b_{i}\right)
        f_{t} = \sigma\left(W_{f} \, x_{t} + U_{f} \, h_{t-1} + b_{f}\right)
        \tilde{c}_{t} = \tanh\left(W_{c} \, x_{t} + U_{c} \, h_{t-1} + b_{c}\right)
        o_{t} = \sigma\left(W_{o} \, x_{t} + U_{o} \, h_{t-1} + b_{o}\right)
        c_{t} = f_{t} \odot c_{t-1} + i_{t} \odot \tilde{c}_{t}
        h_{t} = o_{t} \odot \tanh\left(c_{t}\right)
        y_{t} = h_{t}
    """,
    GRU: r"""
        r_{t} = \sigma\left(W_{r} \, x_{t} + U_{r} \, h_{t-1} + b_{r}\right)
        z_{t} = \sigma\left(W_{z} \, x_{t} + U_{z} \, h_{t-1} + b_{z}\right)
        \tilde{h}_{t} = \tanh\left(W_{h} \, x_{t} + b_{h1} + r_{t} \odot \left(U_{h} \, h_{t-1} + b_{h2}\right)\right)
        h_{t} = z_{t} \odot h_{t-1} + \left(1 - z_{t}\right) \odot \tilde{h}_{t}
        y_{t} = h_{t}
    """,
}


def is_set(cell: Cell) -> None:
    lines = equations(cell, latex=True)
    assert len(lines) == len(equations(cell))
    for line in lines:
        PARSER.parse(f"${line}$")


@pytest.mark.parametrize("cell", GOLDEN, ids=lambda cell: cell.name)
def test_the_seeds_are_the_textbooks(cell: Cell) -> None:
    assert list(equations(cell, latex=True)) == [line.strip() for line in GOLDEN[cell].strip().splitlines()]


@pytest.mark.parametrize("cell", (SPACE.seeds | ZOO.seeds).values(), ids=lambda cell: cell.name)
def test_a_seed_compiles(cell: Cell) -> None:
    is_set(cell)


@given(cells())
def test_a_random_cell_compiles(cell: Cell) -> None:
    is_set(cell)


@given(cells())
def test_no_two_names_look_alike(cell: Cell) -> None:
    defined = [line.partition(" = ")[0] for line in equations(cell, latex=True)]
    assert len(set(defined)) == len(defined)


@pytest.mark.parametrize("op", OPS)
def test_every_operation_has_latex(op: str) -> None:
    row = OPS[op]
    operands = ("x", *["h"] * ((row.most or 3) - 1))
    is_set(
        Cell(
            "one",
            {"first": Node(op, operands, constant=2.0 if row.constant else 1.0), "last": Node("sum", ("first", "h"))},
            {"h": "last"},
            "last",
        )
    )


def test_names_are_letters_with_indices_or_upright_words() -> None:
    text = """
        mixed_up = tanh(linear(x, h1, long_state))
        n3 = relu(linear(mixed_up)) * mixed_up
        h1_next = n3 - 0.00001 * mixed_up
        long_state_next = exp(linear(n3))
        state_2_next = sigmoid(linear(n3, state_2))
        y_next = linear(long_state_next, state_2, y, h1)
    """
    cell = from_equations("names", text, states=["h1", "long_state", "state_2", "y"], output="y_next")
    lines = equations(cell, latex=True)
    assert lines[0] == (
        r"\mathrm{mixed\_up}_{t} = \tanh\left(W_{\mathrm{mixed},\mathrm{up}} \, x_{t}"
        r" + U_{\mathrm{mixed},\mathrm{up},1} \, h_{1,t-1}"
        r" + U_{\mathrm{mixed},\mathrm{up},2} \, \mathrm{long\_state}_{t-1} + b_{\mathrm{mixed},\mathrm{up}}\right)"
    )
    assert r"h_{1,t} = n_{3,t} - 1 \cdot 10^{-5} \, \mathrm{mixed\_up}_{t}" in lines
    assert lines[-1] == r"\mathrm{output}_{t} = y_{t}"
    assert any(line.startswith(r"\mathrm{state}_{2,t} = \sigma") for line in lines)
    is_set(cell)


def test_h1_beside_h_1_is_told_apart() -> None:
    cell = from_equations(
        "alike", "h1_next = tanh(linear(x, h1, h_1))\nh_1_next = relu(h1_next)", ["h1", "h_1"], "h1_next"
    )
    defined = [line.partition(" = ")[0] for line in equations(cell, latex=True)]
    assert len(set(defined)) == len(defined)
    is_set(cell)


def test_every_symbol_of_the_text_is_in_the_latex_as_often() -> None:
    for cell in ZOO.seeds.values():
        text, latex = " ".join(equations(cell)), " ".join(equations(cell, latex=True))
        assert text.count("⊙") == latex.count(r"\odot")
        assert text.count("(") == latex.count(r"\left(")
        arrays = [name for names in learned(cell).values() for name in names]
        assert len(re.findall(r"\b[WUbw]_", text)) >= len(arrays)
        assert len(symbols(cell)) <= len(cell.nodes) + len(cell.sources)


def test_quotients_decisions_and_means_are_written_as_in_the_text() -> None:
    cell = from_equations(
        "quotient", "a = exp(linear(x, h))\nh_next = where(h, mean(h) / a, -2 / a)\nout = a * h_next", ["h"], "out"
    )
    assert r"h_{t} = \mathrm{where}\left(h_{t-1}, \mathrm{mean}\left(h_{t-1}\right) / a_{t}, -2 / a_{t}\right)" in (
        equations(cell, latex=True)
    )
    is_set(cell)
