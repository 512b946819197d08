"""The space of gated cells: what LSTM and GRU are made of, in any arrangement."""

from cellsearch.cell import from_equations
from cellsearch.space import SearchSpace

RNN = from_equations(
    "rnn",
    """
    h_next = tanh(linear(x, h))
    """,
    states=["h"],
    output="h_next",
)
"""Elman (1990), Finding structure in time, Cognitive Science 14(2)."""

LSTM = from_equations(
    "lstm",
    """
    input_gate = sigmoid(linear(x, h))
    forget_gate = sigmoid(linear(x, h, bias=1))
    candidate = tanh(linear(x, h))
    output_gate = sigmoid(linear(x, h))
    c_next = forget_gate * c + input_gate * candidate
    h_next = output_gate * tanh(c_next)
    """,
    states=["h", "c"],
    output="h_next",
)
"""Gers, Schmidhuber & Cummins (2000), Learning to forget; the forget bias starts at 1 (Jozefowicz et al. 2015)."""

GRU = from_equations(
    "gru",
    """
    reset_gate = sigmoid(linear(x, h))
    update_gate = sigmoid(linear(x, h))
    candidate_input = linear(x)
    candidate_state = linear(h)
    candidate = tanh(candidate_input + reset_gate * candidate_state)
    h_next = blend(update_gate, h, candidate)
    """,
    states=["h"],
    output="h_next",
)
"""Cho et al. (2014) in the form of cuDNN and torch: the reset gate after the product, z close to 1 keeps the state."""

SPACE = SearchSpace(
    name="gated",
    seeds={cell.name: cell for cell in (RNN, LSTM, GRU)},
    sources={"rnn": "Elman 1990", "lstm": "Gers et al. 2000", "gru": "Cho et al. 2014"},
    operations=(
        "linear",
        "sum",
        "product",
        "difference",
        "blend",
        "one_minus",
        "sigmoid",
        "tanh",
        "relu",
        "leaky_relu",
        "identity",
        "scale",
        "bias",
        "layer_norm",
    ),
    most_nodes=24,
    most_states=3,
)
