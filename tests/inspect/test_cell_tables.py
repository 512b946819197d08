"""What `cellsearch show` and `cellsearch list cells` print, at the widths of real terminals."""

from __future__ import annotations

import pytest
from rich.cells import cell_len
from typer.testing import CliRunner

from cellsearch.cell import complexity
from cellsearch.cell.notation.equations import equations
from cellsearch.cli.commands import app
from cellsearch.inspect.cell_tables import cell_list, cell_sheet
from cellsearch_search_spaces.gated import LSTM, SPACE
from cellsearch_search_spaces.zoo import SPACE as ZOO
from tests.helpers.printed import printed


def test_a_sheet_shows_equations_meanings_and_costs() -> None:
    text = printed(cell_sheet(LSTM, 128, 128), 100)
    assert "  f = σ(W_f x + U_f h + b_f)\n" in text
    assert "  f: forget gate of c (forget_gate)\n" in text
    assert "parameters     131,584 at input size 128, hidden size 128\n" in text
    assert "multiply-adds  131,072 a step\n" in text
    assert "state          1,024 bytes a sequence in float32\n" in text
    assert "longest path   6 operations, 1 dependent matrix products a step\n" in text


@pytest.mark.parametrize("width", [80, 100, 120])
def test_the_list_has_two_lines_a_cell_at_every_width(width: int) -> None:
    lines = printed(cell_list([SPACE, ZOO]), width).splitlines()
    assert len(lines) == 2 + 2 * len(SPACE.seeds | ZOO.seeds)
    assert max(map(cell_len, lines)) <= width


def test_the_list_has_source_cost_and_equation() -> None:
    lines = printed(cell_list([SPACE, ZOO]), 100).splitlines()
    for space in (SPACE, ZOO):
        for name, cell in space.seeds.items():
            place = next(i for i, line in enumerate(lines) if line.split()[:1] == [name])
            cost = complexity(cell, 128, 128)
            wanted = f"{name} {cost.parameters:,} {cost.multiply_adds:,} {space.sources[name]}"
            assert " ".join(lines[place].split()) == wanted
            assert " = " in lines[place + 1]
    assert "    c' = f ⊙ c + i ⊙ c\N{COMBINING TILDE},  h' = o ⊙ tanh(c')" in [line.rstrip() for line in lines]


def test_the_command_lists_the_cells() -> None:
    result = CliRunner().invoke(app, ["list", "cells"])
    assert result.exit_code == 0
    assert all(f"\n{name}" in result.output for name in ZOO.seeds)


def test_the_command_shows_latex_alone() -> None:
    result = CliRunner().invoke(app, ["show", "lstm", "--latex"])
    assert result.output.splitlines() == list(equations(LSTM, latex=True))
