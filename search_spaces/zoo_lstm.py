"""LSTMs of the zoo: cells that keep a memory c beside the output h and write it through gates.

Where the sources do not say, the forget gate's bias starts at 1 (Gers et al. 2000, Jozefowicz et al. 2015) and
every other bias at 0. Each linear has one bias, also where a paper writes none.
"""

from __future__ import annotations

from typing import Final

from cellsearch.cell import from_equations

__all__ = ["CELLS"]

LSTM_1997 = from_equations(
    "lstm_1997",
    """
    input_gate = sigmoid(linear(x, h))
    output_gate = sigmoid(linear(x, h))
    candidate = 4 * sigmoid(linear(x, h)) - 2
    c_next = c + input_gate * candidate
    h_next = output_gate * (2 * sigmoid(c_next) - 1)
    """,
    states=["h", "c"],
    output="h_next",
)
"""Hochreiter & Schmidhuber (1997), Long short-term memory, Neural Computation 9(8).

There is no forget gate yet; the squashing functions are the paper's, logistic ones from -2 to 2 and from -1 to 1. For
some of its tasks the paper starts output gates with negative biases, here they start at 0.
"""

PEEPHOLE_LSTM = from_equations(
    "peephole_lstm",
    """
    input_gate = sigmoid(linear(x, h) + peephole(c))
    forget_gate = sigmoid(linear(x, h, bias=1) + peephole(c))
    candidate = tanh(linear(x, h))
    c_next = forget_gate * c + input_gate * candidate
    output_gate = sigmoid(linear(x, h) + peephole(c_next))
    h_next = output_gate * tanh(c_next)
    """,
    states=["h", "c"],
    output="h_next",
)
"""Gers & Schmidhuber (2000), Recurrent nets that time and count, IJCNN.

The input and forget gates peep at the old memory, the output gate at the new one. The paper draws the peephole
weights from a small interval around 0, here they start at 0.
"""

COUPLED_LSTM = from_equations(
    "coupled_lstm",
    """
    forget_gate = sigmoid(linear(x, h, bias=1))
    candidate = tanh(linear(x, h))
    output_gate = sigmoid(linear(x, h))
    c_next = blend(forget_gate, c, candidate)
    h_next = output_gate * tanh(c_next)
    """,
    states=["h", "c"],
    output="h_next",
)
"""Greff, Srivastava, Koutník, Steunebrink & Schmidhuber (2015), LSTM: A search space odyssey, without peepholes.

What is forgotten makes room for what comes in: the input gate is 1 - the forget gate.
"""

PROJECTED_LSTM = from_equations(
    "projected_lstm",
    """
    input_gate = sigmoid(linear(x, h) + peephole(c))
    forget_gate = sigmoid(linear(x, h, bias=1) + peephole(c))
    candidate = tanh(linear(x, h))
    c_next = forget_gate * c + input_gate * candidate
    output_gate = sigmoid(linear(x, h) + peephole(c_next))
    h_next = linear(output_gate * tanh(c_next))
    """,
    states=["h", "c"],
    output="h_next",
)
"""Sak, Senior & Beaufays (2014), Long short-term memory recurrent neural network architectures for large scale acoustic
modeling, Interspeech: a recurrent projection.

The paper projects to fewer units than the memory has, here to as many.
"""

LAYER_NORM_LSTM = from_equations(
    "layer_norm_lstm",
    """
    input_gate = sigmoid(layer_norm(linear(x)) + layer_norm(linear(h)))
    forget_gate = sigmoid(layer_norm(linear(x)) + layer_norm(linear(h), bias=1))
    candidate = tanh(layer_norm(linear(x)) + layer_norm(linear(h)))
    output_gate = sigmoid(layer_norm(linear(x)) + layer_norm(linear(h)))
    c_next = forget_gate * c + input_gate * candidate
    h_next = output_gate * tanh(layer_norm(c_next))
    """,
    states=["h", "c"],
    output="h_next",
)
"""Ba, Kiros & Hinton (2016), Layer normalization, arXiv 1607.06450, supplement.

The paper normalises the four gates' sums together, here each gate's is normalised alone, as in TensorFlow's
LayerNormBasicLSTMCell. The linears' own biases come before the normalisation, beside the paper's after it; in the first
step, where h is 0, they are all that is normalised, so that the first steps of training are steep.
"""

RESIDUAL_LSTM = from_equations(
    "residual_lstm",
    """
    input_gate = sigmoid(linear(x, h) + peephole(c))
    forget_gate = sigmoid(linear(x, h, bias=1) + peephole(c))
    candidate = tanh(linear(x, h))
    c_next = forget_gate * c + input_gate * candidate
    output_gate = sigmoid(linear(x, h) + peephole(c_next))
    h_next = output_gate * (linear(tanh(c_next)) + x)
    """,
    states=["h", "c"],
    output="h_next",
)
"""Kim, El-Khamy & Lee (2017), Residual LSTM: Design of a deep recurrent architecture, Interspeech.

The input is added past the memory; where its size differs it is projected, as in the paper.
"""

MULTIPLICATIVE_LSTM = from_equations(
    "multiplicative_lstm",
    """
    m = linear(x) * linear(h)
    candidate = tanh(linear(x, m))
    input_gate = sigmoid(linear(x, m))
    output_gate = sigmoid(linear(x, m))
    forget_gate = sigmoid(linear(x, m, bias=1))
    c_next = forget_gate * c + input_gate * candidate
    h_next = output_gate * tanh(c_next)
    """,
    states=["h", "c"],
    output="h_next",
)
"""Krause, Lu, Murray & Renals (2016), Multiplicative LSTM for sequence modelling, arXiv 1609.07959."""

MOGRIFIER_LSTM = from_equations(
    "mogrifier_lstm",
    """
    x_1 = 2 * sigmoid(linear(h)) * x
    h_2 = 2 * sigmoid(linear(x_1)) * h
    x_3 = 2 * sigmoid(linear(h_2)) * x_1
    h_4 = 2 * sigmoid(linear(x_3)) * h_2
    x_5 = 2 * sigmoid(linear(h_4)) * x_3
    input_gate = sigmoid(linear(x_5, h_4))
    forget_gate = sigmoid(linear(x_5, h_4, bias=1))
    candidate = tanh(linear(x_5, h_4))
    output_gate = sigmoid(linear(x_5, h_4))
    c_next = forget_gate * c + input_gate * candidate
    h_next = output_gate * tanh(c_next)
    """,
    states=["h", "c"],
    output="h_next",
)
"""Melis, Kočiský & Blunsom (2020), Mogrifier LSTM, ICLR, with its 5 rounds.

In the paper the gates on x have the input's size and no biases; here an input of another size is projected to the
hidden size first.
"""

NESTED_LSTM = from_equations(
    "nested_lstm",
    """
    input_gate = sigmoid(linear(x, h))
    forget_gate = sigmoid(linear(x, h, bias=1))
    output_gate = sigmoid(linear(x, h))
    inner_x = input_gate * tanh(linear(x, h))
    inner_h = forget_gate * c
    inner_input_gate = sigmoid(linear(inner_x, inner_h))
    inner_forget_gate = sigmoid(linear(inner_x, inner_h, bias=1))
    inner_output_gate = sigmoid(linear(inner_x, inner_h))
    inner_candidate = tanh(linear(inner_x, inner_h))
    inner_c_next = inner_forget_gate * inner_c + inner_input_gate * inner_candidate
    c_next = inner_output_gate * tanh(inner_c_next)
    h_next = output_gate * tanh(c_next)
    """,
    states=["h", "c", "inner_c"],
    output="h_next",
)
"""Moniz & Krueger (2017), Nested LSTMs, ACML: an LSTM in place of the sum that makes the next memory."""

WORKING_MEMORY_LSTM = from_equations(
    "working_memory_lstm",
    """
    input_gate = sigmoid(linear(x, h) + tanh(linear(c)))
    forget_gate = sigmoid(linear(x, h, bias=1) + tanh(linear(c)))
    candidate = tanh(linear(x, h))
    c_next = forget_gate * c + input_gate * candidate
    output_gate = sigmoid(linear(x, h) + tanh(linear(c_next)))
    h_next = output_gate * tanh(c_next)
    """,
    states=["h", "c"],
    output="h_next",
)
"""Landi, Baraldi, Cornia & Cucchiara (2021), Working memory connections for LSTM, Neural Networks 144."""

ORDERED_NEURONS_LSTM = from_equations(
    "ordered_neurons_lstm",
    """
    input_gate = sigmoid(linear(x, h))
    forget_gate = sigmoid(linear(x, h, bias=1))
    candidate = tanh(linear(x, h))
    output_gate = sigmoid(linear(x, h))
    master_forget = cumulative_softmax(linear(x, h))
    master_input = 1 - cumulative_softmax(linear(x, h))
    overlap = master_forget * master_input
    forget = forget_gate * overlap + (master_forget - overlap)
    write = input_gate * overlap + (master_input - overlap)
    c_next = forget * c + write * candidate
    h_next = output_gate * tanh(c_next)
    """,
    states=["h", "c"],
    output="h_next",
)
"""Shen, Tan, Sordoni & Courville (2019), Ordered neurons, ICLR.

The paper shares each master gate's value among a chunk of neighbouring units, here each unit has its own (chunk 1).
"""

SLSTM = from_equations(
    "slstm",
    """
    candidate = tanh(linear(x, h))
    output_gate = sigmoid(linear(x, h))
    log_input = linear(x, h)
    log_kept = log_n - softplus(-linear(x, h, bias=1))
    kept_share = sigmoid(log_kept - log_input)
    ratio_next = blend(kept_share, ratio, candidate)
    log_n_next = log_input + softplus(log_kept - log_input)
    h_next = output_gate * ratio_next
    """,
    states=["h", "ratio", "log_n"],
    output="h_next",
)
"""Beck, Pöppel, Spanring, Auer et al. (2024), xLSTM: Extended long short-term memory, NeurIPS; one head's sLSTM.

The paper has c' = f c + i z, n' = f n + i and h' = o c' / n' with i = exp, f = sigmoid, and scales c and n by a
stabiliser. Here the states are ratio = c / n and log_n = log n, the same numbers without overflow: the kept share of
the ratio is f n / n' = sigmoid(log f + log n - log i). A state of zeros means n = 1, where the paper begins with 0.
"""

CELLS: Final = {
    LSTM_1997: "Hochreiter & Schmidhuber 1997",
    PEEPHOLE_LSTM: "Gers & Schmidhuber 2000",
    COUPLED_LSTM: "Greff et al. 2015",
    PROJECTED_LSTM: "Sak et al. 2014",
    LAYER_NORM_LSTM: "Ba et al. 2016",
    RESIDUAL_LSTM: "Kim et al. 2017",
    MULTIPLICATIVE_LSTM: "Krause et al. 2016",
    MOGRIFIER_LSTM: "Melis et al. 2020",
    NESTED_LSTM: "Moniz & Krueger 2017",
    WORKING_MEMORY_LSTM: "Landi et al. 2021",
    ORDERED_NEURONS_LSTM: "Shen et al. 2019",
    SLSTM: "Beck et al. 2024",
}
"""Every cell of this file and the publication that it is from."""
