"""A trained module as programs of `torch.export`: a sequence with any number of steps, and a step for a stream.

A program is called as the module is, with states that are always given: `program(x, initial)`. Its time loop is one
operation, `scan`, so that the program is as long for a thousand steps as for one.

x: [T, B, I], or [B, T, I] if the module is batch_first; of a step [B, I]; states: [layers * directions, B, H]
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
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
    with loaded(source(rnn.cell, "model", rnn), Path("model.py")) as file:
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
    """What an exported file's `scan` computes, as one operation; copies, since no result of it may be an operand.

    The operation itself is called, with all that a step reads: torch's function of its name would follow every line of
    Python to find that out, which takes as long as all the rest.
    """
    from torch._higher_order_ops.scan import scan_op

    assert rows is None
    once, of_x, stacked, states = _Once(cell), cell.of_input(x), cell.stacked(), initial.unbind()
    learned = dict(once.named_parameters())

    def step(*given: Tensor) -> list[Tensor]:
        given_states, now, matrices, own = _split(given, len(states), len(of_x), len(stacked), len(learned))
        arguments = (list(now), list(matrices), given_states)
        output, following = torch.func.functional_call(once, dict(zip(learned, own, strict=True)), arguments)
        return [each.clone() for each in (*following, output)]

    if backward:
        of_x = [each.flip(0) for each in of_x]
    *last, outputs = scan_op(step, [state.clone() for state in states], of_x, (*stacked, *learned.values()))
    return outputs.flip(0) if backward else outputs, torch.stack(last)


class _Once(nn.Module):
    """A step of a cell as what a module is called for."""

    def __init__(self, cell: Any) -> None:
        super().__init__()
        self.cell = cell

    def forward(self, of_x: list[Tensor], stacked: list[Tensor], states: tuple[Tensor, ...]) -> Any:
        return self.cell.step(of_x, stacked, states)


def _split(values: tuple[Tensor, ...], *counts: int) -> Iterator[tuple[Tensor, ...]]:
    rest = iter(values)
    return (tuple(islice(rest, count)) for count in counts)


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
