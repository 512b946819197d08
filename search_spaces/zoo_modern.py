"""Cells of the zoo since 2021 with exponential gates, lower bounds and time constants: sLSTM, RG-LRU, HGRN, CfC, LTC.

Biases start at 0 where nothing else is said. A learned vector by itself is `bias(0 * gate, bias=where it starts)`.

MC-LSTM (Hoedt et al. 2021) is not here: its state is multiplied by a matrix whose columns a softmax makes sum to 1, so
that no mass is lost, in its paper's variants; a cell's matrices are learned as they are. All but the sLSTM, CfC and LTC
are linear in their states, so that a parallel scan can run them.
"""

from __future__ import annotations

from typing import Final

from cellsearch.cell import from_equations

__all__ = ["CELLS"]

STABILISED_SLSTM = from_equations(
    "slstm_stabilised",
    """
    z = tanh(linear(x, h))
    output_gate = sigmoid(linear(x, h))
    log_input = linear(x, h)
    log_kept = linear(x, h) + m
    m_next = maximum(log_kept, log_input)
    kept = exp(log_kept - m_next)
    added = exp(log_input - m_next)
    c_next = kept * c + added * z
    n_next = kept * n + added
    h_next = output_gate * (c_next / n_next)
    """,
    states=["h", "c", "n", "m"],
    output="h_next",
)
"""Beck, Pöppel, Spanring, Auer et al. (2024), xLSTM: Extended long short-term memory, NeurIPS; one head's sLSTM with
the paper's normaliser n and stabiliser m, and exponential input and forget gates.

The seed `slstm` has the paper's other forget gate, a sigmoid, and keeps the ratio of c and n. The first step has
m = max(log f, log i), where the authors' code has log i; h is the same, as it is for any m.
"""

RG_LRU = from_equations(
    "rg_lru",
    """
    r = sigmoid(linear(x))
    i = sigmoid(linear(x))
    decay = softplus(bias(0 * r, bias=-5))
    a = exp(-8 * (r * decay))
    admitted = sqrt(1 - a * a)
    h_next = a * h + admitted * (i * x)
    """,
    states=["h"],
    output="h_next",
)
"""De, Smith, Fernando, Botev et al. (2024), Griffin: Mixing gated linear recurrences with local attention for efficient
language models, arXiv 2402.19427: the real-gated linear recurrent unit.

The paper's a = sigmoid(L)^(8 r) is exp(-8 r softplus(-L)); the learned vector here is -L. It starts at -5, so that
a is 0.948 where r is 1; the paper draws that from 0.9 to 0.999. The gates' matrices are whole, the paper's have blocks;
an input of another size is projected. The authors' code bounds the gradient of the square root, a cell does not.
"""

HGRN = from_equations(
    "hgrn",
    """
    gate = sigmoid(linear(x))
    lower_bound = static_gate(0 * gate + 1)
    forget_gate = lower_bound + (1 - lower_bound) * gate
    angle = bias(0 * gate, bias=0.015625)
    cosine = sine(angle + 1.5707963267948966)
    re_written = silu(linear(x))
    im_written = silu(linear(x))
    re_next = blend(forget_gate, cosine * re - sine(angle) * im, re_written)
    im_next = blend(forget_gate, sine(angle) * re + cosine * im, im_written)
    centre = mean(0.5 * (re_next + im_next))
    re_apart = re_next - centre
    im_apart = im_next - centre
    variance = mean(0.5 * (re_apart * re_apart + im_apart * im_apart))
    deviation = sqrt(variance + 0.00001)
    re_gate = silu(linear(x))
    im_gate = silu(linear(x))
    y = linear(bias(scale(re_apart / deviation)) * re_gate, bias(scale(im_apart / deviation)) * im_gate)
    """,
    states=["re", "im"],
    output="y",
)
"""Qin, Yang & Zhong (2023), Hierarchically gated recurrent neural network for sequence modeling, NeurIPS.

The state is complex, re + i im, and turns by a learned angle; both parts are normalised together. Gate and norm of the
output are those of the authors' code (hgru1d.py of github.com/Doraemonzzz/hgru-pytorch). There a layer's forget gate
has a lower bound that all layers' vectors make by a cumulative softmax, so that it rises from 0; a cell knows no other
layer, and its bound is the sigmoid of a vector of its own, which starts at 0.5. The angles start at 1 / 64, the paper's
fall from 1 from unit to unit.
"""

CLOSED_FORM_CONTINUOUS_TIME = from_equations(
    "cfc",
    """
    backbone = 1.7159 * tanh(0.666 * linear(x, h))
    time_gate = sigmoid(-linear(backbone))
    g = tanh(linear(backbone))
    h_late = tanh(linear(backbone))
    h_next = blend(time_gate, g, h_late)
    """,
    states=["h"],
    output="h_next",
)
"""Hasani, Lechner, Amini, Liebenwein, Ray, Tschaikowski, Teschl & Rus (2022), Closed-form continuous-time neural
networks, Nature Machine Intelligence 4.

A step lasts 1, so that the time in sigmoid(-f t) falls away. The backbone is the authors' code's, one layer with the
tanh of LeCun, here of the hidden size.
"""

LIQUID_TIME_CONSTANT = from_equations(
    "ltc",
    """
    f = sigmoid(linear(x, h))
    leak = softplus(bias(0 * f, bias=0.5))
    h_next = (h + scale(f)) / (1 + leak + f)
    """,
    states=["h"],
    output="h_next",
)
"""Hasani, Lechner, Amini, Rus & Grosu (2021), Liquid time-constant networks, AAAI: one step of the paper's fused
solver, h' = (h + dt f A) / (1 + dt (1 / tau + f)) with dt = 1.

The paper takes several steps with the same weights, which the nodes of a cell do not share. Its f is a tanh, here a
sigmoid as in the synapses of the authors' code, so that nothing is divided by 0; 1 / tau stays positive as a softplus
and starts at 0.97, the vector A at 1.
"""

MIN_GRU_LOG_SPACE = from_equations(
    "min_gru_log_space",
    """
    update_gate = sigmoid(linear(x))
    raw = linear(x)
    candidate = where(raw, raw + 0.5, sigmoid(raw))
    h_next = (1 - update_gate) * h + update_gate * candidate
    """,
    states=["h"],
    output="h_next",
)
"""Feng, Tung, Ahmed, Bengio & Hajimirsadeghi (2024), Were RNNs all we needed?, arXiv 2410.01201, appendix: the minGRU
for training in log space, whose candidate, the paper's g, is positive. There the first state passes through g too.
"""

MIN_LSTM_LOG_SPACE = from_equations(
    "min_lstm_log_space",
    """
    log_forget = -softplus(-linear(x))
    log_input = -softplus(-linear(x))
    raw = linear(x)
    candidate = where(raw, raw + 0.5, sigmoid(raw))
    h_next = blend(sigmoid(log_forget - log_input), h, candidate)
    """,
    states=["h"],
    output="h_next",
)
"""Feng, Tung, Ahmed, Bengio & Hajimirsadeghi (2024), Were RNNs all we needed?, arXiv 2410.01201, appendix: the minLSTM
for training in log space, whose candidate, the paper's g, is positive; gates as in the seed `min_lstm`."""

CELLS: Final = {
    STABILISED_SLSTM: "Beck et al. 2024",
    RG_LRU: "De et al. 2024",
    HGRN: "Qin et al. 2023",
    CLOSED_FORM_CONTINUOUS_TIME: "Hasani et al. 2022",
    LIQUID_TIME_CONSTANT: "Hasani et al. 2021",
    MIN_GRU_LOG_SPACE: "Feng et al. 2024",
    MIN_LSTM_LOG_SPACE: "Feng et al. 2024",
}
"""Every cell of this file and the publication that it is from."""
