"""Relatives of the GRU in the zoo: gates decide how much of one state is replaced by a candidate.

Biases start at 0 where nothing else is said. Each linear has one bias, also where a paper writes none.
"""

from __future__ import annotations

from typing import Final

from cellsearch.cell import from_equations

__all__ = ["CELLS"]

GRU_RESET_BEFORE = from_equations(
    "gru_reset_before",
    """
    reset_gate = sigmoid(linear(x, h, bias=1))
    update_gate = sigmoid(linear(x, h, bias=1))
    candidate = tanh(linear(x, reset_gate * h))
    h_next = blend(update_gate, h, candidate)
    """,
    states=["h"],
    output="h_next",
)
"""Cho, van Merriënboer, Gülçehre, Bahdanau, Bougares, Schwenk & Bengio (2014), Learning phrase representations using
RNN encoder-decoder, EMNLP: the reset gate before the product.

As in TensorFlow's GRUCell, h' = u h + (1 - u) c with both gates' biases at 1. The form of cuDNN and torch, with the
reset gate after the product, is the seed `gru` of the space `gated`.
"""

MINIMAL_GATED_UNIT = from_equations(
    "mgu",
    """
    forget_gate = sigmoid(linear(x, h))
    candidate = tanh(linear(x, forget_gate * h))
    h_next = blend(forget_gate, candidate, h)
    """,
    states=["h"],
    output="h_next",
)
"""Zhou, Wu, Zhang & Zhou (2016), Minimal gated unit for recurrent neural networks, IJAC 13(3).

The forget gate writes: close to 1 it replaces the state.
"""

UGRNN = from_equations(
    "ugrnn",
    """
    candidate = tanh(linear(x, h))
    gate = sigmoid(linear(x, h, bias=1))
    h_next = blend(gate, h, candidate)
    """,
    states=["h"],
    output="h_next",
)
"""Collins, Sohl-Dickstein & Sussillo (2017), Capacity and trainability in recurrent neural networks, ICLR: the update
gate RNN. The forget bias starts at 1 as in TensorFlow's UGRNNCell."""

INTERSECTION_RNN = from_equations(
    "intersection_rnn",
    """
    depth_candidate = relu(linear(x, h))
    candidate = tanh(linear(x, h))
    depth_gate = sigmoid(linear(x, h, bias=1))
    gate = sigmoid(linear(x, h, bias=1))
    y = blend(depth_gate, x, depth_candidate)
    h_next = blend(gate, h, candidate)
    """,
    states=["h"],
    output="y",
)
"""Collins, Sohl-Dickstein & Sussillo (2017), Capacity and trainability in recurrent neural networks, ICLR: the +RNN.

One gate in time, one in depth: the output y passes the input on. Forget biases start at 1 and an input of another size
is projected, as in TensorFlow's IntersectionRNNCell.
"""

LAYER_NORM_GRU = from_equations(
    "layer_norm_gru",
    """
    update_gate = sigmoid(layer_norm(linear(h)) + layer_norm(linear(x)))
    reset_gate = sigmoid(layer_norm(linear(h)) + layer_norm(linear(x)))
    candidate = tanh(layer_norm(linear(x)) + reset_gate * layer_norm(linear(h)))
    h_next = blend(update_gate, candidate, h)
    """,
    states=["h"],
    output="h_next",
)
"""Ba, Kiros & Hinton (2016), Layer normalization, arXiv 1607.06450, supplement.

The paper normalises both gates' sums together, here each gate's is normalised alone. The linears' own biases come
before the normalisation.
"""

LIGHT_GRU = from_equations(
    "li_gru",
    """
    update_gate = sigmoid(linear(x, h))
    candidate = relu(linear(x, h))
    h_next = blend(update_gate, h, candidate)
    """,
    states=["h"],
    output="h_next",
)
"""Ravanelli, Brakel, Omologo & Bengio (2018), Light gated recurrent units for speech recognition, IEEE TETCI 2(2).

The paper normalises W x over the batch, which a cell cannot; here it is W x + b.
"""

LIGHT_RECURRENT_UNIT = from_equations(
    "light_recurrent_unit",
    """
    candidate = tanh(linear(x))
    forget_gate = sigmoid(linear(x, h))
    h_next = blend(forget_gate, candidate, h)
    """,
    states=["h"],
    output="h_next",
)
"""Ye, Zhang, Liu, Li, Chang & Zheng (2024), Light recurrent unit, Electronics 13(16)."""

MINIMAL_RNN = from_equations(
    "minimal_rnn",
    """
    z = tanh(linear(x))
    update_gate = sigmoid(linear(h, z))
    h_next = blend(update_gate, h, z)
    """,
    states=["h"],
    output="h_next",
)
"""Chen (2017), MinimalRNN: Toward more interpretable and trainable recurrent neural networks, arXiv 1711.06788."""

BISTABLE_CELL = from_equations(
    "brc",
    """
    feedback = 1 + tanh(linear(x) + scale(h))
    gate = sigmoid(linear(x) + scale(h))
    candidate = tanh(linear(x) + feedback * h)
    h_next = blend(gate, h, candidate)
    """,
    states=["h"],
    output="h_next",
)
"""Vecoven, Ernst & Drion (2021), A bio-inspired bistable recurrent cell allows for long-lasting memory, PLOS ONE 16(6).

A unit whose feedback is above 1 has two stable states. The vectors on h start at 1.
"""

NEUROMODULATED_BISTABLE_CELL = from_equations(
    "nbrc",
    """
    feedback = 1 + tanh(linear(x, h))
    gate = sigmoid(linear(x, h))
    candidate = tanh(linear(x) + feedback * h)
    h_next = blend(gate, h, candidate)
    """,
    states=["h"],
    output="h_next",
)
"""Vecoven, Ernst & Drion (2021), A bio-inspired bistable recurrent cell allows for long-lasting memory, PLOS ONE 16(6):
the cell whose units modulate one another."""

JANET = from_equations(
    "janet",
    """
    s = linear(x, h, bias=1)
    candidate = tanh(linear(x, h))
    h_next = sigmoid(s) * h + (1 - sigmoid(s - 1)) * candidate
    """,
    states=["h"],
    output="h_next",
)
"""van der Westhuizen & Lasenby (2018), The unreasonable effectiveness of the forget gate, arXiv 1804.04849, beta = 1.

An LSTM with nothing but its forget gate. The paper starts the forget bias by the longest dependency expected in the
data (chrono initialisation); here it starts at 1.
"""

ATR = from_equations(
    "atr",
    """
    p = linear(x)
    q = linear(h)
    input_gate = sigmoid(p + q)
    forget_gate = sigmoid(p - q)
    h_next = input_gate * p + forget_gate * h
    """,
    states=["h"],
    output="h_next",
)
"""Zhang, Xiong, Su, Lin & Zhang (2018), Simplifying neural machine translation with addition-subtraction twin-gated
recurrent networks, EMNLP."""

CHAOS_FREE_NETWORK = from_equations(
    "cfn",
    """
    forget_gate = sigmoid(linear(x, h, bias=1))
    input_gate = sigmoid(linear(x, h, bias=-1))
    h_next = forget_gate * tanh(h) + input_gate * tanh(linear(x))
    """,
    states=["h"],
    output="h_next",
)
"""Laurent & von Brecht (2016), A recurrent neural network without chaos, arXiv 1612.06212, with its initial biases."""

RECURRENT_ADDITIVE_NETWORK = from_equations(
    "ran",
    """
    content = linear(x)
    input_gate = sigmoid(linear(x, h))
    forget_gate = sigmoid(linear(x, h))
    c_next = input_gate * content + forget_gate * c
    h_next = tanh(c_next)
    """,
    states=["h", "c"],
    output="h_next",
)
"""Lee, Levy & Zettlemoyer (2017), Recurrent additive networks, arXiv 1705.07393."""

STAR = from_equations(
    "star",
    """
    z = tanh(linear(x))
    gate = sigmoid(linear(x, h))
    h_next = tanh(blend(gate, z, h))
    """,
    states=["h"],
    output="h_next",
)
"""Turkoglu, D'Aronco, Wegner & Schindler (2021), Gating revisited: Deep multi-layer RNNs that can be trained, IEEE
TPAMI 44(8): the stackable recurrent cell."""

CELLS: Final = {
    GRU_RESET_BEFORE: "Cho et al. 2014",
    MINIMAL_GATED_UNIT: "Zhou et al. 2016",
    UGRNN: "Collins et al. 2017",
    INTERSECTION_RNN: "Collins et al. 2017",
    LAYER_NORM_GRU: "Ba et al. 2016",
    LIGHT_GRU: "Ravanelli et al. 2018",
    LIGHT_RECURRENT_UNIT: "Ye et al. 2024",
    MINIMAL_RNN: "Chen 2017",
    BISTABLE_CELL: "Vecoven et al. 2021",
    NEUROMODULATED_BISTABLE_CELL: "Vecoven et al. 2021",
    JANET: "van der Westhuizen & Lasenby 2018",
    ATR: "Zhang et al. 2018",
    CHAOS_FREE_NETWORK: "Laurent & von Brecht 2016",
    RECURRENT_ADDITIVE_NETWORK: "Lee et al. 2017",
    STAR: "Turkoglu et al. 2021",
}
"""Every cell of this file and the publication that it is from."""
