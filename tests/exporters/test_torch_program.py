"""The programs answer as the module does at every number of steps and sequences, where there is nothing but torch."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from torch import Tensor

from cellsearch.cell import Cell
from cellsearch.errors import ExportError
from cellsearch.exporters import torch_program
from cellsearch.exporters.torch_program import SEQUENCE, STEP, check, write
from cellsearch.recurrence import RNN
from cellsearch.testing.cells import cells
from cellsearch_search_spaces.zoo import SPACE as ZOO
from tests.helpers.alone import TORCH_EXPORT, run
from tests.helpers.exported import CELLS, SEEDS, assert_agrees, assert_random_cell_agrees, small

USE = """
import sys, torch
program = torch.export.load(sys.argv[1]).module()
x, initial, outputs = (torch.load(sys.argv[2])[name] for name in ("x", "initial", "outputs"))
with torch.no_grad():
    torch.testing.assert_close(program(x, initial)[0], outputs, rtol=1e-5, atol=1e-5)
"""


def states_of(rnn: RNN, batch: int) -> Any:
    dtype = next(rnn.parameters()).dtype
    states = tuple(torch.randn(len(rnn.layers), batch, rnn.hidden_size, dtype=dtype) for _ in rnn.cell.states)
    return states if len(states) > 1 else states[0]


def program(path: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.export.load(path).module()


def last_of(result: Any) -> list[Tensor]:
    return [result[1]] if isinstance(result[1], Tensor) else [*result[1]]


def assert_close(ours: Any, theirs: Any, tolerance: float = 1e-5) -> None:
    for mine, other in zip([ours[0], *last_of(ours)], [theirs[0], *last_of(theirs)], strict=True):
        torch.testing.assert_close(mine, other, rtol=tolerance, atol=tolerance)


def test_programs_agree_with_the_module_and_another_module_is_noticed(tmp_path: Path) -> None:
    rnn = small(SEEDS["rnn"])
    write(rnn, tmp_path)
    check(rnn, tmp_path)
    with torch.no_grad():
        rnn.layers[0].weight_1_h_linear += 1e-3
    with pytest.raises(ExportError, match=r"model.pt2 differs from the module .*; it is not written"):
        check(rnn, tmp_path)


@pytest.mark.slow
def test_a_sequence_and_a_stream_run_with_torch_alone(tmp_path: Path) -> None:
    rnn = small(SEEDS["lstm"], num_layers=2)
    write(rnn, tmp_path)
    (tmp_path / "use.py").write_text(USE)
    x, initial = torch.randn(7, 2, 3), states_of(rnn, 2)
    with torch.no_grad():
        outputs, _ = rnn(x, initial)
        first, _ = rnn(x[:1], initial)
    for name, x_given, wanted in ((SEQUENCE, x, outputs), (STEP, x[0], first[0])):
        torch.save({"x": x_given, "initial": initial, "outputs": wanted}, tmp_path / "given.pt")
        done = run(tmp_path / "use.py", str(tmp_path / name), str(tmp_path / "given.pt"), alone=TORCH_EXPORT)
        assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("name", [*CELLS][::4])
@pytest.mark.parametrize("how", [{}, {"num_layers": 2, "bidirectional": True, "batch_first": True}])
def test_every_number_of_steps_and_sequences_is_answered(name: str, how: dict[str, Any], tmp_path: Path) -> None:
    # Norms over four units lose digits, and two layers lose more; in float64 both agree.
    rounding = 1e-4 if how else 1e-5
    for dtype, tolerance in ((torch.float32, rounding), (torch.float64, 1e-10)):
        rnn = small(CELLS[name], dtype=dtype, **how)
        write(rnn, tmp_path)
        check(rnn, tmp_path)
        sequence = program(tmp_path / SEQUENCE)
        for steps, batch in ((1, 1), (1, 3), (9, 1), (6, 5)):
            x = torch.randn(*((batch, steps) if rnn.batch_first else (steps, batch)), 3, dtype=dtype)
            initial = states_of(rnn, batch)
            with torch.no_grad():
                assert_close(sequence(x, initial), rnn(x, initial), tolerance)


def test_who_reads_both_ways_has_no_program_of_a_step(tmp_path: Path) -> None:
    write(small(SEEDS["rnn"], bidirectional=True), tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == [SEQUENCE]


@pytest.mark.slow
@pytest.mark.parametrize("name", [*ZOO.seeds][::10])  # one takes torch.export ten seconds
def test_published_cells_agree(name: str, tmp_path: Path) -> None:
    assert_agrees(torch_program, small(ZOO.seeds[name]), tmp_path)


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(cell=cells())
def test_random_cells_agree(cell: Cell) -> None:
    assert_random_cell_agrees(torch_program, cell)
