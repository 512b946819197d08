"""Cells of the zoo without gates that remember: plain, residual, highway, multiplicative and oscillating networks.

Biases start at 0 where nothing else is said. Each linear has one bias, also where a paper writes none.
"""

from __future__ import annotations

from typing import Final

from cellsearch.cell import Cell, from_equations

__all__ = ["CELLS", "recurrent_highway"]

RELU_RNN = from_equations(
    "relu_rnn",
    """
    h_next = relu(linear(x, h))
    """,
    states=["h"],
    output="h_next",
)
"""Le, Jaitly & Hinton (2015), A simple way to initialize recurrent networks of rectified linear units, arXiv
1504.00941.

The paper starts the recurrent matrix at the identity, here it is drawn like every other.
"""

INDRNN = from_equations(
    "indrnn",
    """
    h_next = relu(linear(x) + scale(h))
    """,
    states=["h"],
    output="h_next",
)
"""Li, Li, Cook, Zhu & Gao (2018), Independently recurrent neural network (IndRNN), CVPR.

Each unit reads itself alone, by a weight that starts at 1, one of the paper's choices for long memory.
"""

RECURRENT_IDENTITY_NETWORK = from_equations(
    "rin",
    """
    h_next = relu(linear(x, h) + h)
    """,
    states=["h"],
    output="h_next",
)
"""Hu, Huber, Anumula & Liu (2018), Overcoming the vanishing gradient problem in plain recurrent networks, arXiv
1801.06105: a residual connection in time."""

SCRN = from_equations(
    "scrn",
    """
    s_next = 0.05 * linear(x) + 0.95 * s
    h_next = sigmoid(linear(s_next, x, h))
    y = linear(h_next, s_next)
    """,
    states=["h", "s"],
    output="y",
)
"""Mikolov, Joulin, Chopra, Mathieu & Ranzato (2015), Learning longer memory in recurrent neural networks, ICLR
workshop: a slow context s beside a plain network, with the paper's alpha = 0.95."""

FAST_RNN = from_equations(
    "fast_rnn",
    """
    h_next = static_gate(tanh(linear(x, h)), bias=-3) + static_gate(h, bias=3)
    """,
    states=["h"],
    output="h_next",
)
"""Kusupati, Singh, Bhatia, Kumar, Jain & Varma (2018), FastGRNN: A fast, accurate, stable and tiny kilobyte sized gated
recurrent neural network, NeurIPS: a weighted residual connection.

The paper's two weights are scalars, here they are vectors, which start at its values.
"""

FAST_GRNN = from_equations(
    "fast_grnn",
    """
    shared = linear(x, h)
    gate = sigmoid(bias(shared, bias=1))
    candidate = tanh(bias(shared, bias=1))
    h_next = static_gate((1 - gate) * candidate, bias=1) + static_gate(candidate, bias=-4) + gate * h
    """,
    states=["h"],
    output="h_next",
)
"""Kusupati, Singh, Bhatia, Kumar, Jain & Varma (2018), FastGRNN: A fast, accurate, stable and tiny kilobyte sized gated
recurrent neural network, NeurIPS: gate and candidate share their matrices.

The paper's zeta and nu are scalars, here they are vectors, which start at its values.
"""

MULTIPLICATIVE_RNN = from_equations(
    "multiplicative_rnn",
    """
    f = linear(x) * linear(h)
    h_next = tanh(linear(f, x))
    """,
    states=["h"],
    output="h_next",
)
"""Sutskever, Martens & Hinton (2011), Generating text with recurrent neural networks, ICML: the input chooses the
matrix of the state, in factors."""

MULTIPLICATIVE_INTEGRATION_RNN = from_equations(
    "mi_rnn",
    """
    wx = linear(x)
    uh = linear(h)
    h_next = tanh(scale(wx * uh) + scale(uh) + scale(wx))
    """,
    states=["h"],
    output="h_next",
)
"""Wu, Zhang, Zhang, Bengio & Salakhutdinov (2016), On multiplicative integration with recurrent neural networks,
NeurIPS.

Its vectors alpha, beta 1 and beta 2 start at 1; the bias is those of the two linears.
"""

CORNN = from_equations(
    "cornn",
    """
    z_next = z + 0.042 * (tanh(linear(x, y, z)) - 2.7 * y - 4.7 * z)
    y_next = y + 0.042 * z_next
    """,
    states=["y", "z"],
    output="y_next",
)
"""Rusch & Mishra (2021), Coupled oscillatory recurrent neural network (coRNN), ICLR.

A unit is a damped driven oscillator of position y and speed z; step, frequency and damping are those that the paper
found for sequential MNIST.
"""

UNICORNN = from_equations(
    "unicornn",
    """
    rate = static_gate(0 * y + 1)
    z_next = z - 0.19 * (rate * (tanh(linear(x) + scale(y)) + 30.65 * y))
    y_next = y + 0.19 * (rate * z_next)
    """,
    states=["y", "z"],
    output="y_next",
)
"""Rusch & Mishra (2021), UnICORNN: A recurrent model for learning very long time dependencies, ICML.

Undamped oscillators that do not read one another; the rate is a learned vector that both equations share, hence the
static gate on ones. Step and alpha are those that the paper found for permuted sequential MNIST.
"""

LONG_EXPRESSIVE_MEMORY = from_equations(
    "lem",
    """
    fast_rate = sigmoid(linear(x, y))
    slow_rate = sigmoid(linear(x, y))
    z_next = blend(fast_rate, tanh(linear(x, y)), z)
    y_next = blend(slow_rate, tanh(linear(x, z_next)), y)
    """,
    states=["y", "z"],
    output="y_next",
)
"""Rusch, Mishra, Erichson & Mahoney (2022), Long expressive memory for sequence modeling, ICLR, with time step 1."""

GATED_FEEDBACK_RNN = from_equations(
    "gated_feedback_rnn",
    """
    low_to_low = sigmoid(linear(x, low, high))
    high_to_low = sigmoid(linear(x, low, high))
    low_next = tanh(linear(x) + low_to_low * linear(low) + high_to_low * linear(high))
    low_to_high = sigmoid(linear(low_next, low, high))
    high_to_high = sigmoid(linear(low_next, low, high))
    high_next = tanh(linear(low_next) + low_to_high * linear(low) + high_to_high * linear(high))
    """,
    states=["high", "low"],
    output="high_next",
)
"""Chung, Gülçehre, Cho & Bengio (2015), Gated feedback recurrent neural networks, ICML: two layers of tanh units.

Gates decide how much each layer of the step before tells each layer. The paper's gates are scalars, here vectors.
"""


def recurrent_highway(depth: int) -> Cell:
    """Zilly, Srivastava, Koutník & Schmidhuber (2017), Recurrent highway networks, ICML: `depth` layers a step.

    Carry and transform gate are coupled, as in the paper's experiments; transform biases start at -2, its value for the
    Penn Treebank (`init_T_bias` in theano_rhn_train.py of github.com/jzilly/RecurrentHighwayNetworks; -4 for enwik8).
    """
    lines = []
    for layer in range(1, depth + 1):
        read, below = ("x, h", "h") if layer == 1 else (f"s{layer - 1}", f"s{layer - 1}")
        lines.append(f"t{layer} = sigmoid(linear({read}, bias=-2))")
        lines.append(f"s{layer} = blend(t{layer}, tanh(linear({read})), {below})")
    lines[-1] = lines[-1].replace(f"s{depth}", "h_next", 1)
    return from_equations(f"rhn_{depth}", "\n".join(lines), states=["h"], output="h_next")


CELLS: Final = {
    RELU_RNN: "Le et al. 2015",
    INDRNN: "Li et al. 2018",
    RECURRENT_IDENTITY_NETWORK: "Hu et al. 2018",
    SCRN: "Mikolov et al. 2015",
    FAST_RNN: "Kusupati et al. 2018",
    FAST_GRNN: "Kusupati et al. 2018",
    MULTIPLICATIVE_RNN: "Sutskever et al. 2011",
    MULTIPLICATIVE_INTEGRATION_RNN: "Wu et al. 2016",
    CORNN: "Rusch & Mishra 2021",
    UNICORNN: "Rusch & Mishra 2021",
    LONG_EXPRESSIVE_MEMORY: "Rusch et al. 2022",
    GATED_FEEDBACK_RNN: "Chung et al. 2015",
    recurrent_highway(2): "Zilly et al. 2017",
    recurrent_highway(3): "Zilly et al. 2017",
    recurrent_highway(5): "Zilly et al. 2017",
    recurrent_highway(10): "Zilly et al. 2017",
}
"""Every cell of this file and the publication that it is from."""
