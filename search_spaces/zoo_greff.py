"""The vanilla LSTM of Greff et al. and its eight variants, each of which leaves out or adds one thing.

Greff, Srivastava, Koutník, Steunebrink & Schmidhuber (2015), LSTM: A search space odyssey, IEEE TNNLS 28(10). The
paper draws all weights from a normal distribution of deviation 0.1, biases and peepholes among them; here these start
at its mean 0, so that a forget gate is half open.
"""

from __future__ import annotations

from typing import Final

from cellsearch.cell import from_equations

__all__ = ["CELLS"]

VANILLA = from_equations(
    "greff_vanilla",
    """
    block_input = tanh(linear(x, h))
    input_gate = sigmoid(linear(x, h) + peephole(c))
    forget_gate = sigmoid(linear(x, h) + peephole(c))
    c_next = block_input * input_gate + c * forget_gate
    output_gate = sigmoid(linear(x, h) + peephole(c_next))
    h_next = tanh(c_next) * output_gate
    """,
    states=["h", "c"],
    output="h_next",
)
"""Greff et al. (2015): the LSTM with a forget gate and peepholes, of Graves & Schmidhuber (2005)."""

NO_INPUT_GATE = from_equations(
    "greff_nig",
    """
    block_input = tanh(linear(x, h))
    forget_gate = sigmoid(linear(x, h) + peephole(c))
    c_next = block_input + c * forget_gate
    output_gate = sigmoid(linear(x, h) + peephole(c_next))
    h_next = tanh(c_next) * output_gate
    """,
    states=["h", "c"],
    output="h_next",
)
"""Greff et al. (2015), NIG: no input gate."""

NO_FORGET_GATE = from_equations(
    "greff_nfg",
    """
    block_input = tanh(linear(x, h))
    input_gate = sigmoid(linear(x, h) + peephole(c))
    c_next = block_input * input_gate + c
    output_gate = sigmoid(linear(x, h) + peephole(c_next))
    h_next = tanh(c_next) * output_gate
    """,
    states=["h", "c"],
    output="h_next",
)
"""Greff et al. (2015), NFG: no forget gate."""

NO_OUTPUT_GATE = from_equations(
    "greff_nog",
    """
    block_input = tanh(linear(x, h))
    input_gate = sigmoid(linear(x, h) + peephole(c))
    forget_gate = sigmoid(linear(x, h) + peephole(c))
    c_next = block_input * input_gate + c * forget_gate
    h_next = tanh(c_next)
    """,
    states=["h", "c"],
    output="h_next",
)
"""Greff et al. (2015), NOG: no output gate."""

NO_INPUT_ACTIVATION = from_equations(
    "greff_niaf",
    """
    block_input = linear(x, h)
    input_gate = sigmoid(linear(x, h) + peephole(c))
    forget_gate = sigmoid(linear(x, h) + peephole(c))
    c_next = block_input * input_gate + c * forget_gate
    output_gate = sigmoid(linear(x, h) + peephole(c_next))
    h_next = tanh(c_next) * output_gate
    """,
    states=["h", "c"],
    output="h_next",
)
"""Greff et al. (2015), NIAF: no activation of the block's input."""

NO_OUTPUT_ACTIVATION = from_equations(
    "greff_noaf",
    """
    block_input = tanh(linear(x, h))
    input_gate = sigmoid(linear(x, h) + peephole(c))
    forget_gate = sigmoid(linear(x, h) + peephole(c))
    c_next = block_input * input_gate + c * forget_gate
    output_gate = sigmoid(linear(x, h) + peephole(c_next))
    h_next = c_next * output_gate
    """,
    states=["h", "c"],
    output="h_next",
)
"""Greff et al. (2015), NOAF: no activation of the memory on its way out."""

COUPLED_GATES = from_equations(
    "greff_cifg",
    """
    block_input = tanh(linear(x, h))
    input_gate = sigmoid(linear(x, h) + peephole(c))
    forget_gate = 1 - input_gate
    c_next = block_input * input_gate + c * forget_gate
    output_gate = sigmoid(linear(x, h) + peephole(c_next))
    h_next = tanh(c_next) * output_gate
    """,
    states=["h", "c"],
    output="h_next",
)
"""Greff et al. (2015), CIFG: coupled input and forget gate."""

NO_PEEPHOLES = from_equations(
    "greff_np",
    """
    block_input = tanh(linear(x, h))
    input_gate = sigmoid(linear(x, h))
    forget_gate = sigmoid(linear(x, h))
    c_next = block_input * input_gate + c * forget_gate
    output_gate = sigmoid(linear(x, h))
    h_next = tanh(c_next) * output_gate
    """,
    states=["h", "c"],
    output="h_next",
)
"""Greff et al. (2015), NP: no peepholes, which is the seed `lstm` with its forget bias at 0."""

FULL_GATE_RECURRENCE = from_equations(
    "greff_fgr",
    """
    block_input = tanh(linear(x, h))
    i_next = sigmoid(linear(x, h, i, f, o) + peephole(c))
    f_next = sigmoid(linear(x, h, i, f, o) + peephole(c))
    c_next = block_input * i_next + c * f_next
    o_next = sigmoid(linear(x, h, i, f, o) + peephole(c_next))
    h_next = tanh(c_next) * o_next
    """,
    states=["h", "c", "i", "f", "o"],
    output="h_next",
)
"""Greff et al. (2015), FGR: full gate recurrence, each gate reads all three gates of the step before (LSTM of 1997)."""

CELLS: Final = {
    VANILLA: "Greff et al. 2015",
    NO_INPUT_GATE: "Greff et al. 2015",
    NO_FORGET_GATE: "Greff et al. 2015",
    NO_OUTPUT_GATE: "Greff et al. 2015",
    NO_INPUT_ACTIVATION: "Greff et al. 2015",
    NO_OUTPUT_ACTIVATION: "Greff et al. 2015",
    COUPLED_GATES: "Greff et al. 2015",
    NO_PEEPHOLES: "Greff et al. 2015",
    FULL_GATE_RECURRENCE: "Greff et al. 2015",
}
"""Every cell of this file and the publication that it is from."""
