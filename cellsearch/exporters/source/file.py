"""The exported file's text from top to bottom: docstring, imports, cell, sequence, weights, check."""

from __future__ import annotations

from typing import Final

from cellsearch.cell import Cell
from cellsearch.cell.ops import BLOCK_LINEAR
from cellsearch.exporters.docstring import described, states_in_words
from cellsearch.exporters.expected import BATCH, STEPS, UNTRAINED, expected, filled
from cellsearch.exporters.names import class_name, printable
from cellsearch.exporters.source import template
from cellsearch.exporters.source.cell_class import cell_class
from cellsearch.exporters.source.own_operations import own_operations_source
from cellsearch.recurrence import RNN

__all__ = ["source"]

TOLERANCE: Final = "1e-9"
"""Far above the rounding of float64, far below what one wrong weight does."""


def source(cell: Cell, stem: str, trained: RNN | None = None) -> str:
    """The text of the module `stem` for a cell, or for a trained RNN of it whose weights are `stem`.safetensors."""
    own = own_operations_source(cell)
    name = class_name(cell)
    parts = [
        _docstring(cell, name, stem, trained) + "\n\n" + _imports(cell, trained),
        *([own] if own else []),
        *([template.BLOCK_DIAGONAL] if any(n.op == BLOCK_LINEAR for n in cell.nodes.values()) else []),
        cell_class(cell, name),
        _sequence_class(cell, name),
        *([_load(trained, name)] if trained else []),
        _check(cell, name, trained),
    ]
    return "\n\n".join(parts)


def _docstring(cell: Cell, name: str, stem: str, trained: RNN | None) -> str:
    shown = printable(cell.name)
    text = [f'"""{shown}: a recurrent cell in plain PyTorch, called like torch.nn.LSTM.', ""]
    text += described(cell, trained)
    text += ["", f"    from {stem} import {'load' if trained else name}", ""]
    size = trained.input_size if trained else 32
    shape = f"[B, T, {size}]" if trained and trained.batch_first else f"[T, B, {size}]"
    made = "load()" if trained else f"{name}(input_size=32, hidden_size=64)"
    text += [f"    module = {made}", f"    outputs, {states_in_words(cell)} = module(x)  # x: {shape}", ""]
    count, hidden = len(cell.states), trained.hidden_size if trained else 64
    text += [f"    cell, states = module.cells[0], (torch.zeros(B, {hidden}),) * {count}  # a stream"]
    text += [f"    output, states = cell(x_t, states)  # one step of it, x_t: [B, {size}]", ""]
    text += ["The input's matrix products are computed for all steps at once, and the matrices that multiply"]
    text += ["one value are stacked: the variable `U_f_h` is U_f h, and a product with x holds its bias."]
    text += [f"torch.compile and torch.export take both classes, torch.jit.script {name}Cell.", ""]
    text += ["Shapes: T steps, B sequences, I input size, H hidden size. Run as a program, this file checks"]
    text += ["itself against numbers of the cell that it was exported from.", '"""']
    return "\n".join(text)


def _imports(cell: Cell, trained: RNN | None) -> str:
    standard = ["import json", "import math", "import sys"] if trained else ["import math", "import sys"]
    standard += ["from pathlib import Path"] if trained else []
    states = ", ".join(["Tensor"] * len(cell.states))
    return template.IMPORTS.substitute(standard="\n".join(standard) + "\n", states=states)


def _sequence_class(cell: Cell, name: str) -> str:
    single = len(cell.states) == 1
    return template.SEQUENCE.substitute(
        Name=name,
        states=states_in_words(cell),
        each="" if single else " each",
        type=_type(cell),
        count=len(cell.states),
        pack="initial.unsqueeze(0)" if single else "torch.stack(initial)",
        unpack="last[0]" if single else "last.unbind()",
    )


def _type(cell: Cell) -> str:
    count = len(cell.states)
    return "Tensor" if count == 1 else "tuple[Tensor, Tensor]" if count == 2 else "tuple[Tensor, ...]"


def _load(trained: RNN, name: str) -> str:
    dtype = next((str(array.dtype).removeprefix("torch.") for array in trained.parameters()), "float32")
    return template.LOAD.substitute(
        Name=name,
        input_size=trained.input_size,
        hidden_size=trained.hidden_size,
        num_layers=trained.num_layers,
        batch_first=trained.batch_first,
        dropout=trained.dropout,
        bidirectional=trained.bidirectional,
        to="" if dtype == "float32" else f".to(torch.{dtype})",
        dtype=dtype,
    )


def _check(cell: Cell, name: str, trained: RNN | None) -> str:
    rows = expected(trained or filled(cell))
    return template.CHECK.substitute(
        steps=STEPS,
        batch=BATCH,
        states=states_in_words(cell),
        expected="\n".join(f"    [{', '.join(f'{value:.12g}' for value in row)}]," for row in rows),
        module=_module(name, trained),
        fill="" if trained else template.FILL,
        kinds="" if len(cell.states) == 1 else f"{len(cell.states)}, ",
        unbind="" if len(cell.states) == 1 else ".unbind()",
        last="last" if len(cell.states) == 1 else "*last",
        main=_main(cell, trained),
    )


def _module(name: str, trained: RNN | None) -> str:
    """The lines that make the module which `check` runs, time first."""
    if not trained:
        input_size, hidden_size, *named = UNTRAINED.items()
        arguments = [str(input_size[1]), str(hidden_size[1]), *(f"{key}={value}" for key, value in named)]
        return f"{name}({', '.join(arguments)}).double()"
    return "load().double().eval()" + ("\n    module.batch_first = False" if trained.batch_first else "")


def _main(cell: Cell, trained: RNN | None) -> str:
    main = template.MAIN_TRAINED if trained else template.MAIN
    return main.substitute(name=printable(cell.name), tolerance=TOLERANCE)
