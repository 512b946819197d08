"""The models answer in onnxruntime as the module does, at every number of steps and sequences."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from hypothesis import given, settings
from torch import Tensor

import cellsearch as cs
from cellsearch.cell import Cell
from cellsearch.errors import CellError, ExportError
from cellsearch.exporters.onnx import model as onnx_model
from cellsearch.exporters.onnx.model import SEQUENCE, STEP, check, write
from cellsearch.recurrence import RNN
from cellsearch.testing.cells import cells
from cellsearch_search_spaces.zoo import SPACE as ZOO
from tests.helpers.alone import run
from tests.helpers.exported import CELLS, SEEDS, assert_agrees, assert_random_cell_agrees, small

RUNTIME = (
    "onnxruntime",
    "numpy",
    "flatbuffers",
    "google",
    "packaging",
    "sympy",
    "mpmath",
    "coloredlogs",
    "humanfriendly",
)

USE = """
import sys, numpy, onnxruntime
given = dict(numpy.load(sys.argv[2]))
outputs = given.pop("outputs")
found = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"]).run(None, given)[0]
numpy.testing.assert_allclose(found, outputs, rtol=1e-5, atol=1e-5)
"""

BOTH_WAYS = {"num_layers": 2, "bidirectional": True, "batch_first": True}


def session(path: Path) -> Any:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def answer(rnn: RNN, x: Tensor, *initial: Tensor) -> list[Tensor]:
    with torch.no_grad():
        outputs, last = rnn(x, (initial if len(initial) > 1 else initial[0]) if initial else None)
    return [outputs, *([last] if isinstance(last, Tensor) else last)]


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("how", [{}, BOTH_WAYS])
def test_every_number_of_steps_and_sequences_is_answered(name: str, how: dict[str, Any], tmp_path: Path) -> None:
    rnn = small(CELLS[name], **how)
    write(rnn, tmp_path)
    check(rnn, tmp_path)
    running = session(tmp_path / SEQUENCE)
    states = [each.name for each in running.get_overridable_initializers()]
    for steps, batch in ((1, 1), (1, 3), (9, 1), (6, 5)):
        x = torch.randn(*((batch, steps) if rnn.batch_first else (steps, batch)), 3)
        initial = [torch.randn(len(rnn.layers), batch, 4) for _ in rnn.cell.states]
        for states_given in ([], initial):
            found = running.run(
                None, {"x": x.numpy(), **dict(zip(states, (s.numpy() for s in states_given), strict=False))}
            )
            for mine, other in zip(found, answer(rnn, x, *states_given), strict=True):
                # Norms over four units make rounding larger from step to step.
                torch.testing.assert_close(torch.from_numpy(mine), other, rtol=2e-4, atol=2e-4)


@pytest.mark.parametrize("name", ["lstm", "three states, raw x, every operation", "raw x alone"])
def test_double_precision_is_exact(name: str, tmp_path: Path) -> None:
    rnn = small(CELLS[name], dtype=torch.float64)
    write(rnn, tmp_path)
    check(rnn, tmp_path)


def test_a_sequence_and_a_stream_run_with_onnxruntime_alone(tmp_path: Path) -> None:
    rnn = small(SEEDS["lstm"], num_layers=2)
    write(rnn, tmp_path)
    (tmp_path / "use.py").write_text(USE)
    x, h, c = torch.randn(7, 2, 3), torch.randn(2, 2, 4), torch.randn(2, 2, 4)
    for name, of_x, outputs in ((SEQUENCE, x, answer(rnn, x, h, c)[0]), (STEP, x[0], answer(rnn, x[:1], h, c)[0][0])):
        np.savez(tmp_path / "given.npz", x=of_x, h=h, c=c, outputs=outputs)
        done = run(tmp_path / "use.py", str(tmp_path / name), str(tmp_path / "given.npz"), alone=RUNTIME)
        assert done.returncode == 0, done.stderr


def test_another_module_is_noticed_and_who_reads_both_ways_has_no_step(tmp_path: Path) -> None:
    rnn = small(SEEDS["gru"], bidirectional=True)
    write(rnn, tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == [SEQUENCE]
    with torch.no_grad():
        next(rnn.parameters())[0, 0] += 1e-2
    with pytest.raises(ExportError, match=r"model.onnx differs from the module"):
        check(rnn, tmp_path)


@pytest.mark.parametrize("name", ['"x" {y} <z>', "\u65e5\u672c", "a" * 200])
def test_no_name_breaks_out(name: str, tmp_path: Path) -> None:
    write(small(SEEDS["lstm"].renamed(name)), tmp_path)
    named = onnx.load(tmp_path / SEQUENCE).graph
    write(small(SEEDS["lstm"]), tmp_path)
    assert onnx.load(tmp_path / SEQUENCE).graph == named


def test_what_onnx_cannot_hold_is_one_clear_line(table_of_operations: None, tmp_path: Path) -> None:
    cs.op(own_bend)
    own = cs.from_equations("own", "h_next = own_bend(linear(x, h))", states=["h"], output="h_next")
    with pytest.raises(CellError, match="operation 'own_bend' has no form in onnx: it is written for torch alone"):
        write(small(own), tmp_path)
    with pytest.raises(ExportError, match=r"onnx takes weights of float32 or float64, got torch.float16; convert"):
        write(small(SEEDS["rnn"], dtype=torch.float16), tmp_path)
    gelu = small(
        cs.from_equations("g", "h_next = gelu(linear(x, h))", states=["h"], output="h_next"), dtype=torch.float64
    )
    write(gelu, tmp_path)
    with pytest.raises(ExportError, match=r"onnxruntime refuses model.onnx in float64: .*Erf"):
        check(gelu, tmp_path)


def own_bend(a: Tensor) -> Tensor:
    return a / (1 + a.abs())


@pytest.mark.slow
@pytest.mark.parametrize("name", ZOO.seeds)
def test_every_published_cell_agrees(name: str, tmp_path: Path) -> None:
    for kind, how in (("one layer", {}), ("two layers both ways", BOTH_WAYS)):
        folder = tmp_path / kind  # or the step of one layer would be taken for that of two
        folder.mkdir()
        assert_agrees(onnx_model, small(ZOO.seeds[name], **how), folder)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(cell=cells())
def test_random_cells_agree(cell: Cell) -> None:
    assert_random_cell_agrees(onnx_model, cell)
