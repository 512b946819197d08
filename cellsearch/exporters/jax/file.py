"""The text of the exported file of JAX from top to bottom: docstring, imports, cell, sequence, weights, check."""

from __future__ import annotations

from typing import Final

from cellsearch.cell import Cell
from cellsearch.cell.ops import BLOCK_LINEAR
from cellsearch.exporters.docstring import described, states_in_words
from cellsearch.exporters.expected import BATCH, STEPS, expected
from cellsearch.exporters.jax import template
from cellsearch.exporters.jax.cell_class import cell_class, reading
from cellsearch.exporters.names import class_name, printable
from cellsearch.recurrence import RNN

__all__ = ["source"]

TOLERANCE: Final = "1e-9"


def source(trained: RNN, stem: str, weights: str) -> str:
    """The text of the module `stem` for a trained RNN whose arrays are in the file `weights` beside it.

    Raises CellError if JAX has no form of an operation, DivergenceError as `expected` does.
    """
    cell, name = trained.cell, class_name(trained.cell)
    parts = [
        _docstring(trained, stem) + "\n\n" + _imports(cell),
        cell_class(cell, name),
        _sequence_class(cell, name),
        *([template.BLOCKS] if _has_blocks(cell) else []),
        _load(trained, name, weights),
        _check(trained),
    ]
    return "\n\n".join(parts)


def _docstring(trained: RNN, stem: str) -> str:
    cell = trained.cell
    text = [f'"""{printable(cell.name)}: a recurrent cell in JAX, as a module of Equinox.', ""]
    text += described(cell, trained)
    shape = f"[B, T, {trained.input_size}]" if trained.batch_first else f"[T, B, {trained.input_size}]"
    states = states_in_words(cell) if len(cell.states) > 1 else f"({states_in_words(cell)},)"
    text += ["", f"    from {stem} import load", "", "    module = load()"]
    text += [f"    outputs, {states} = module(x)  # x: {shape}", ""]
    zeros = f"(jnp.zeros((B, {trained.hidden_size})),) * {len(cell.states)}"
    text += [f"    cell, states = module.cells[0], {zeros}  # a stream"]
    text += [f"    output, states = cell(x_t, states)  # one step of it, x_t: [B, {trained.input_size}]", ""]
    text += ["The input's matrix products are computed for all steps at once, and the matrices that multiply"]
    text += ["one value are stacked: the variable `U_f_h` is U_f h, and a product with x holds its bias."]
    text += ["All arrays are leaves that eqx.filter_grad differentiates; eqx.filter_jit compiles the module.", ""]
    text += ["Shapes: T steps, B sequences, I input size, H hidden size. Run as a program, this file checks"]
    text += ["itself against numbers of the cell that it was exported from.", '"""']
    return "\n".join(text)


def _imports(cell: Cell) -> str:
    text = template.IMPORTS.substitute(states=", ".join(["Array"] * len(cell.states)))
    return text if _has_blocks(cell) else text.replace("from jax.scipy.linalg import block_diag\n", "")


def _has_blocks(cell: Cell) -> bool:
    return any(node.op == BLOCK_LINEAR for node in cell.nodes.values())


def _sequence_class(cell: Cell, name: str) -> str:
    return template.SEQUENCE.substitute(Name=name, states=states_in_words(cell), count=len(cell.states))


def _load(trained: RNN, name: str, weights: str) -> str:
    dtype = next((str(array.dtype).removeprefix("torch.") for array in trained.parameters()), "float32")
    return template.LOAD.substitute(
        Name=name,
        weights=weights,
        cells=len(trained.layers),
        input_size=trained.input_size,
        hidden_size=trained.hidden_size,
        batch_first=trained.batch_first,
        directions=trained.directions,
        reading=reading(trained.cell, name),
        dtype=dtype,
    )


def _check(trained: RNN) -> str:
    rows, swapped = expected(trained), ".swapaxes(0, 1)" if trained.batch_first else ""
    return template.CHECK.substitute(
        steps=STEPS,
        batch=BATCH,
        count=len(trained.cell.states),
        states=states_in_words(trained.cell),
        expected="\n".join(f"    [{', '.join(f'{value:.12g}' for value in row)}]," for row in rows),
        x=f"x{swapped}",
        outputs=f"outputs{swapped}",
        name=printable(trained.cell.name),
        tolerance=TOLERANCE,
    )
