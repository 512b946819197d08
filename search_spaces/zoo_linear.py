"""Cells of the zoo that are linear in their state, so that a parallel scan can run them: gates see the input alone.

SRU's gates also read the state, by a vector. Biases start at 0 where nothing else is said.
"""

from __future__ import annotations

from typing import Final

from cellsearch.cell import from_equations

__all__ = ["CELLS"]

SRU = from_equations(
    "sru",
    """
    forget_gate = sigmoid(linear(x) + peephole(c))
    reset_gate = sigmoid(linear(x) + peephole(c))
    c_next = blend(forget_gate, c, linear(x))
    h = blend(reset_gate, c_next, 1.7320508075688772 * x)
    """,
    states=["c"],
    output="h",
)
"""Lei, Zhang, Wang, Dai & Artzi (2018), Simple recurrent units for highly parallelizable recurrence, EMNLP.

The input is scaled by sqrt(3), the paper's correction for gate biases that start at 0. The paper draws the vectors on
c, here they start at 0; an input of another size is projected.
"""

QRNN = from_equations(
    "qrnn",
    """
    z = tanh(linear(x))
    forget_gate = sigmoid(linear(x))
    output_gate = sigmoid(linear(x))
    c_next = blend(forget_gate, c, z)
    h = output_gate * c_next
    """,
    states=["c"],
    output="h",
)
"""Bradbury, Merity, Xiong & Socher (2017), Quasi-recurrent neural networks, ICLR: fo-pooling with a kernel of 1."""

MIN_GRU = from_equations(
    "min_gru",
    """
    update_gate = sigmoid(linear(x))
    h_next = (1 - update_gate) * h + update_gate * linear(x)
    """,
    states=["h"],
    output="h_next",
)
"""Feng, Tung, Ahmed, Bengio & Hajimirsadeghi (2024), Were RNNs all we needed?, arXiv 2410.01201."""

MIN_LSTM = from_equations(
    "min_lstm",
    """
    log_forget = -softplus(-linear(x))
    log_input = -softplus(-linear(x))
    h_next = blend(sigmoid(log_forget - log_input), h, linear(x))
    """,
    states=["h"],
    output="h_next",
)
"""Feng, Tung, Ahmed, Bengio & Hajimirsadeghi (2024), Were RNNs all we needed?, arXiv 2410.01201.

Both gates are divided by their sum: f / (f + i) is sigmoid(log f - log i), as in the paper's log-space form.
"""

DIAGONAL_LRU = from_equations(
    "diagonal_lru",
    """
    h_next = static_gate(h, bias=3) + scale(linear(x))
    y = linear(h_next) + scale(x)
    """,
    states=["h"],
    output="y",
)
"""Orvieto, Smith, Gu, Fernando, Gülçehre, Pascanu & De (2023), Resurrecting recurrent neural networks for long
sequences, ICML: a linear recurrence with a diagonal.

The paper's diagonal is complex and drawn on a ring, lambda = exp(-exp(nu) + i theta); here it is real, sigmoid(nu),
and starts at 0.95. The vector on the input starts at 1, the paper's at sqrt(1 - |lambda|^2).
"""

STRONGLY_TYPED_RNN = from_equations(
    "strongly_typed_rnn",
    """
    forget_gate = sigmoid(linear(x))
    h_next = blend(forget_gate, h, linear(x))
    """,
    states=["h"],
    output="h_next",
)
"""Balduzzi & Ghifary (2016), Strongly-typed recurrent neural networks, ICML: the T-RNN."""

GILR = from_equations(
    "gilr",
    """
    gate = sigmoid(linear(x))
    impulse = tanh(linear(x))
    h_next = blend(gate, h, impulse)
    """,
    states=["h"],
    output="h_next",
)
"""Martin & Cundy (2018), Parallelizing linear recurrent neural nets over sequence length, ICLR: gated impulse linear
recurrence."""

CELLS: Final = {
    SRU: "Lei et al. 2018",
    QRNN: "Bradbury et al. 2017",
    MIN_GRU: "Feng et al. 2024",
    MIN_LSTM: "Feng et al. 2024",
    DIAGONAL_LRU: "Orvieto et al. 2023",
    STRONGLY_TYPED_RNN: "Balduzzi & Ghifary 2016",
    GILR: "Martin & Cundy 2018",
}
"""Every cell of this file and the publication that it is from."""
