"""A trained module as programs of `torch.export`: a sequence with any number of steps, and a step for a stream.

A program is called as the module is, with states that are always given: `program(x, initial)`. Its time loop is one
operation, `scan`, so that the program is as long for a thousand steps as for one.

x: [T, B, I], or [B, T, I] if the module is batch_first; of a step [B, I]; states: [layers * directions, B, H]
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn

from cellsearch.exporters.expected import Probe, agree, ordered, probes, rounding
from cellsearch.exporters.loaded import loaded
from cellsearch.exporters.names import class_name
from cellsearch.exporters.source.file import source
from cellsearch.exporters.weights import exported_arrays
from cellsearch.recurrence import RNN

__all__ = ["SEQUENCE", "STEP", "check", "write"]

SEQUENCE: Final = "model.pt2"
STEP: Final = "model_step.pt2"


def write(rnn: RNN, folder: Path) -> None:
    """Write the programs, that of a step only if the module reads one way."""
    batch, steps = (torch.export.Dim(name, min=1) for name in ("batch", "steps"))
    states: Any = ({1: batch},) * len(rnn.cell.states)
    states = states if len(states) > 1 else states[0]
    example = next(probes(rnn))
    with _plain(rnn) as (file, module), torch.no_grad(), _quiet():
        if not rnn.bidirectional:
            _save(folder / STEP, _Step(module), _given(rnn, example, example.x[0]), ({0: batch}, states))
        file.scan = _scan
        free = {0: batch, 1: steps} if rnn.batch_first else {0: steps, 1: batch}
        _save(folder / SEQUENCE, module, _given(rnn, example, ordered(rnn, example.x)), (free, states))


def check(rnn: RNN, folder: Path) -> None:
    """Read the programs back and run them. Raises ExportError if one disagrees."""
    programs = {name: torch.export.load(folder / name) for name in (SEQUENCE, STEP) if (folder / name).is_file()}
    with torch.no_grad(), _quiet():
        for probe in probes(rnn):
            outputs, last = programs[SEQUENCE].module()(*_given(rnn, probe, ordered(rnn, probe.x)))
            _agree(rnn, SEQUENCE, probe, ordered(rnn, outputs), last)
            if STEP in programs and len(probe.x) == 1:
                output, last = programs[STEP].module()(*_given(rnn, probe, probe.x[0]))
                _agree(rnn, STEP, probe, output.unsqueeze(0), last)


class _Step(nn.Module):
    """A step of a module of any number of layers: x [B, I] and the states to the output [B, H] and the next states."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module
        self.time = 1 if module.batch_first else 0

    def forward(self, x: Tensor, initial: Any) -> tuple[Tensor, Any]:
        outputs, last = self.module(x.unsqueeze(self.time), initial)
        return outputs.squeeze(self.time), last


@contextmanager
def _plain(rnn: RNN) -> Iterator[tuple[Any, nn.Module]]:
    """The exported source as a module of Python, and its module of torch with the weights."""
    with loaded(source(rnn.cell, "model"), Path("model.py")) as file:
        module: nn.Module = getattr(file, class_name(rnn.cell))(
            rnn.input_size,
            rnn.hidden_size,
            rnn.num_layers,
            batch_first=rnn.batch_first,
            bidirectional=rnn.bidirectional,
        )
        module.to(next(rnn.parameters()).dtype).load_state_dict(exported_arrays(rnn))
        yield file, module.eval()


def _scan(cell: Any, x: Tensor, rows: list[int] | None, initial: Tensor, backward: bool) -> tuple[Tensor, Tensor]:
    """What an exported file's `scan` computes, as one operation; copies, since no result of it may be an operand."""
    from torch._higher_order_ops.scan import scan

    assert rows is None
    stacked = cell.stacked()

    def step(states: tuple[Tensor, ...], of_x: tuple[Tensor, ...]) -> tuple[tuple[Tensor, ...], Tensor]:
        output, following = cell.step(list(of_x), stacked, states)
        return tuple(state.clone() for state in following), output.clone()

    states = tuple(state.clone() for state in initial.unbind())
    last, outputs = scan(step, states, tuple(cell.of_input(x)), reverse=backward)
    return outputs, torch.stack(last)


def _save(path: Path, module: nn.Module, given: tuple[Any, ...], free: tuple[Any, ...]) -> None:
    torch.export.save(torch.export.export(module, given, dynamic_shapes=free), path)


def _given(rnn: RNN, probe: Probe, x: Tensor) -> tuple[Tensor, Any]:
    """The arguments of a program, in the module's precision."""
    dtype = next(rnn.parameters()).dtype
    states = tuple(state.to(dtype) for state in probe.initial)
    return x.to(dtype), states if len(states) > 1 else states[0]


def _agree(rnn: RNN, name: str, probe: Probe, outputs: Tensor, last: Any) -> None:
    states = (last,) if isinstance(last, Tensor) else tuple(last)
    agree(name, probe.difference(outputs, states), rounding(rnn))


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the warnings that torch gives of its own parts."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
