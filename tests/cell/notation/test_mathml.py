"""Equations as MathML: whole elements, the symbols of the text, and names that stay text."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given, settings

from cellsearch import plugins
from cellsearch.cell import Cell, equations
from cellsearch.cell.notation.mathml import mathml
from cellsearch.testing.cells import cells
from cellsearch_search_spaces.gated import LSTM

ALLOWED = {"math", "mrow", "mi", "mo", "mn", "msub", "msup", "mover", "mspace"}


def read(line: str) -> str:
    """What is written in a line, without spaces; tildes and primes stand behind their letters."""
    return "".join("".join(ElementTree.fromstring(line).itertext()).split())


@pytest.mark.parametrize("name", ["lstm", "gru", "sru", "mut1", "scrn", "darts_v1", "cfc"])
def test_each_line_says_what_the_equation_says(name: str) -> None:
    cell = plugins.seed(name)
    for line, text in zip(mathml(cell), equations(cell), strict=True):
        plain = text.replace("\u0303", "~").replace("'", "′")
        assert read(line).replace("_", "") == "".join(plain.replace("_", "").split())


def test_a_gate_has_an_index_at_its_matrix_and_a_next_state_a_prime() -> None:
    lines = " ".join(mathml(LSTM))
    assert "<msub><mi>W</mi><mi>f</mi></msub>" in lines
    assert "<msup><mi>c</mi><mo>′</mo></msup>" in lines
    assert '<mover accent="true"><mi>c</mi><mo>~</mo></mover>' in lines


@settings(max_examples=20)
@given(cells(most_nodes=16))
def test_any_cell_is_whole_elements_of_mathml(cell: Cell) -> None:
    for line in mathml(cell):
        assert {each.tag for each in ElementTree.fromstring(line).iter()} <= ALLOWED
