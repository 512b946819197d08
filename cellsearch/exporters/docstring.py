"""What the docstring of an exported file tells of its cell, whatever the language: equations, names, size."""

from __future__ import annotations

import textwrap
from collections import Counter

from cellsearch.cell import INPUT, Cell, equations, identity
from cellsearch.cell.notation.symbols import legend
from cellsearch.cell.ops import BLOCK_LINEAR, LOW_RANK_LINEAR
from cellsearch.exporters.layout import WIDTH
from cellsearch.exporters.names import printable, uses_raw_input, variables
from cellsearch.recurrence import RNN, parameter_count

__all__ = ["described", "states_in_words", "step_in_words"]


def described(cell: Cell, trained: RNN | None) -> list[str]:
    """The lines of the equations, what their letters mean, whence the file is, and the parameters."""
    text: list[str] = []
    for equation in equations(cell):
        text += textwrap.wrap(equation, WIDTH, initial_indent="    ", subsequent_indent="        ")
    text += ["", "W multiplies the input x or what comes from it alone, U what comes from a state; ⊙ multiplies"]
    text += ["elementwise, σ is the sigmoid, and ' marks the next value of a state."]
    if uses_raw_input(cell):
        text += ["Where x stands outside of a matrix product and has not the hidden size, it is projected to it."]
    meanings = [line for each in legend(cell) for line in textwrap.wrap(each, WIDTH, subsequent_indent="    ")]
    text += ["", *meanings] if meanings else []
    text += ["", f"Exported by cellsearch: cell {printable(cell.name)}, identity {identity(cell)}."]
    return [*text, _size(cell, trained)]


def states_in_words(cell: Cell) -> str:
    """The states as a caller writes them; a long list is given by its ends."""
    names = [variables(cell)[state] for state in cell.states]
    if sum(map(len, names)) > 30:
        names = [name[:12] for name in (names[0], names[-1])] if len(names) > 1 else [names[0]]
    return names[0] if len(cell.states) == 1 else f"({', '.join(names)})"


def step_in_words(cell: Cell) -> list[str]:
    """The docstring of the class of a step."""
    named = ", ".join(variables(cell)[state] for state in cell.states)
    states = f"state {named}" if len(cell.states) == 1 else f"states ({named})"
    text = f"One step: x [B, I] and the {states} [B, H] to the output and the next {states.split()[0]}."
    if len(text) + 10 <= WIDTH:
        return [f'    """{text}"""']
    wrapped = textwrap.wrap(text, WIDTH, initial_indent='    """', subsequent_indent="    ")
    return [*wrapped, '    """']


def _size(cell: Cell, trained: RNN | None) -> str:
    counts = _counts(cell)
    about = "about " if any(" / " in size for size in counts) else ""
    formula = about + " + ".join(
        f"{count if count > 1 else ''} {size}".strip() for size, count in counts.items() if count
    )
    if not trained:
        return f"Parameters of a layer: {formula}."
    return (
        f"Trained: {trained.input_size} inputs, {trained.hidden_size} hidden units, {trained.num_layers} "
        f"layer{'s' if trained.num_layers > 1 else ''}{', both directions' if trained.bidirectional else ''}, "
        f"{parameter_count(trained):,} parameters."
    )


def _counts(cell: Cell) -> dict[str, int]:
    counts = Counter({"I H": 0, "H H": 0, "H": 0})
    for node in cell.nodes.values():
        counts["H"] += len(node.row.parameters)
        for operand in node.operands if node.row.is_linear else ():
            size = "I" if operand == INPUT else "H"
            if node.op == LOW_RANK_LINEAR:
                counts["H"] += int(node.constant)
                counts[size] += int(node.constant)
            else:
                counts[f"{size} H" + (f" / {node.constant:g}" if node.op == BLOCK_LINEAR else "")] += 1
    return counts
