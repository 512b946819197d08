"""The published equations of the LSTMs, transcribed."""

from __future__ import annotations

import torch
from torch import Tensor, sigmoid, tanh

from tests.helpers.published.transcription import Weights, published

Values = tuple[Tensor, ...]


@published("lstm")
def lstm(w: Weights, x: Tensor, h: Tensor, c: Tensor) -> Values:
    i, f = sigmoid(w.input_gate(x, h)), sigmoid(w.forget_gate(x, h))
    c = f * c + i * tanh(w.candidate(x, h))
    h = sigmoid(w.output_gate(x, h)) * tanh(c)
    return h, h, c


@published("lstm_1997")
def lstm_1997(w: Weights, x: Tensor, h: Tensor, c: Tensor) -> Values:
    def g(z: Tensor) -> Tensor:
        return 4 / (1 + torch.exp(-z)) - 2

    def squash(z: Tensor) -> Tensor:
        return 2 / (1 + torch.exp(-z)) - 1

    c = c + sigmoid(w.input_gate(x, h)) * g(w.candidate(x, h))
    h = sigmoid(w.output_gate(x, h)) * squash(c)
    return h, h, c


@published("peephole_lstm")
def peephole_lstm(w: Weights, x: Tensor, h: Tensor, c: Tensor) -> Values:
    i = sigmoid(w.input_gate(x, h) + w["input_gate_peephole"] * c)
    f = sigmoid(w.forget_gate(x, h) + w["forget_gate_peephole"] * c)
    c = f * c + i * tanh(w.candidate(x, h))
    o = sigmoid(w.output_gate(x, h) + w["output_gate_peephole"] * c)
    h = o * tanh(c)
    return h, h, c


@published("projected_lstm")
def projected_lstm(w: Weights, x: Tensor, r: Tensor, c: Tensor) -> Values:
    i = sigmoid(w.input_gate(x, r) + w["input_gate_peephole"] * c)
    f = sigmoid(w.forget_gate(x, r) + w["forget_gate_peephole"] * c)
    c = f * c + i * tanh(w.candidate(x, r))
    m = sigmoid(w.output_gate(x, r) + w["output_gate_peephole"] * c) * tanh(c)
    r = w.h_next(m)
    return r, r, c


@published("coupled_lstm")
def coupled_lstm(w: Weights, x: Tensor, h: Tensor, c: Tensor) -> Values:
    f = sigmoid(w.forget_gate(x, h))
    c = f * c + (1 - f) * tanh(w.candidate(x, h))
    h = sigmoid(w.output_gate(x, h)) * tanh(c)
    return h, h, c


def greff(w: Weights, x: Tensor, h: Tensor, c: Tensor, without: str = "") -> Values:
    """The equations of the paper's section 2, with what a variant leaves out."""

    def peep(gate: str, value: Tensor) -> Tensor | float:
        return 0.0 if without == "peepholes" else w[f"{gate}_gate_peephole"] * value

    z, i, f, o = w.block_input(x, h), 1.0, 1.0, 1.0
    if without != "input activation":
        z = tanh(z)
    if without != "input gate":
        i = sigmoid(w.input_gate(x, h) + peep("input", c))
    if without == "forget gate of its own":
        f = 1 - i
    elif without != "forget gate":
        f = sigmoid(w.forget_gate(x, h) + peep("forget", c))
    c = z * i + c * f
    if without != "output gate":
        o = sigmoid(w.output_gate(x, h) + peep("output", c))
    h = (c if without == "output activation" else tanh(c)) * o
    return h, h, c


@published("greff_vanilla")
def vanilla(w: Weights, x: Tensor, h: Tensor, c: Tensor) -> Values:
    return greff(w, x, h, c)


@published("greff_nig")
def no_input_gate(w: Weights, x: Tensor, h: Tensor, c: Tensor) -> Values:
    return greff(w, x, h, c, without="input gate")


@published("greff_nfg")
def no_forget_gate(w: Weights, x: Tensor, h: Tensor, c: Tensor) -> Values:
    return greff(w, x, h, c, without="forget gate")


@published("greff_nog")
def no_output_gate(w: Weights, x: Tensor, h: Tensor, c: Tensor) -> Values:
    return greff(w, x, h, c, without="output gate")


@published("greff_niaf")
def no_input_activation(w: Weights, x: Tensor, h: Tensor, c: Tensor) -> Values:
    return greff(w, x, h, c, without="input activation")


@published("greff_noaf")
def no_output_activation(w: Weights, x: Tensor, h: Tensor, c: Tensor) -> Values:
    return greff(w, x, h, c, without="output activation")


@published("greff_cifg")
def coupled_gates(w: Weights, x: Tensor, h: Tensor, c: Tensor) -> Values:
    return greff(w, x, h, c, without="forget gate of its own")


@published("greff_np")
def no_peepholes(w: Weights, x: Tensor, h: Tensor, c: Tensor) -> Values:
    return greff(w, x, h, c, without="peepholes")


@published("greff_fgr")
def full_gate_recurrence(w: Weights, x: Tensor, *states: Tensor) -> Values:
    h, c, *gates = states
    z = tanh(w.block_input(x, h))
    i = sigmoid(w.i(x, h, *gates) + w["i_peephole"] * c)
    f = sigmoid(w.f(x, h, *gates) + w["f_peephole"] * c)
    c = z * i + c * f
    o = sigmoid(w.o(x, h, *gates) + w["o_peephole"] * c)
    h = tanh(c) * o
    return h, h, c, i, f, o


@published("layer_norm_lstm")
def layer_norm_lstm(w: Weights, x: Tensor, h: Tensor, c: Tensor) -> Values:
    def normalized(gate: str) -> Tensor:
        of_x = w.layer_norm(f"{gate}_layer_norm", getattr(w, gate)(x))
        return of_x + w.layer_norm(f"{gate}_layer_norm_2", getattr(w, f"{gate}_2")(h))

    f, i, o, g = map(normalized, ("forget_gate", "input_gate", "output_gate", "candidate"))
    c = sigmoid(f) * c + sigmoid(i) * tanh(g)
    h = sigmoid(o) * tanh(w.layer_norm("h_layer_norm", c))
    return h, h, c


@published("residual_lstm")
def residual_lstm(w: Weights, x: Tensor, h: Tensor, c: Tensor) -> Values:
    i = sigmoid(w.input_gate(x, h) + w["input_gate_peephole"] * c)
    f = sigmoid(w.forget_gate(x, h) + w["forget_gate_peephole"] * c)
    c = f * c + i * tanh(w.candidate(x, h))
    o = sigmoid(w.output_gate(x, h) + w["output_gate_peephole"] * c)
    m = w.h(tanh(c))
    h = o * (m + w.embedded(x))
    return h, h, c


@published("multiplicative_lstm")
def multiplicative_lstm(w: Weights, x: Tensor, h: Tensor, c: Tensor) -> Values:
    m = w.m(x) * w.m_2(h)
    i, f, o = sigmoid(w.input_gate(x, m)), sigmoid(w.forget_gate(x, m)), sigmoid(w.output_gate(x, m))
    c = f * c + i * tanh(w.candidate(x, m))
    h = o * tanh(c)
    return h, h, c


@published("mogrifier_lstm")
def mogrifier_lstm(w: Weights, x: Tensor, h: Tensor, c: Tensor) -> Values:
    x = w.embedded(x)
    x = 2 * sigmoid(w.x_1(h)) * x
    h = 2 * sigmoid(w.h_2(x)) * h
    x = 2 * sigmoid(w.x_3(h)) * x
    h = 2 * sigmoid(w.h_4(x)) * h
    x = 2 * sigmoid(w.x_5(h)) * x
    return lstm(w, x, h, c)


@published("nested_lstm")
def nested_lstm(w: Weights, x: Tensor, h: Tensor, c: Tensor, inner_c: Tensor) -> Values:
    i, f, o = sigmoid(w.input_gate(x, h)), sigmoid(w.forget_gate(x, h)), sigmoid(w.output_gate(x, h))
    inner_h, inner_x = f * c, i * tanh(w.inner_x(x, h))
    inner_i = sigmoid(w.inner_input_gate(inner_x, inner_h))
    inner_f = sigmoid(w.inner_forget_gate(inner_x, inner_h))
    inner_o = sigmoid(w.inner_output_gate(inner_x, inner_h))
    inner_c = inner_f * inner_c + inner_i * tanh(w.inner_candidate(inner_x, inner_h))
    c = inner_o * tanh(inner_c)
    h = o * tanh(c)
    return h, h, c, inner_c


@published("working_memory_lstm")
def working_memory_lstm(w: Weights, x: Tensor, h: Tensor, c: Tensor) -> Values:
    i = sigmoid(w.input_gate(x, h) + tanh(w.input_gate_2(c)))
    f = sigmoid(w.forget_gate(x, h) + tanh(w.forget_gate_2(c)))
    c = f * c + i * tanh(w.candidate(x, h))
    o = sigmoid(w.output_gate(x, h) + tanh(w.output_gate_2(c)))
    h = o * tanh(c)
    return h, h, c


@published("ordered_neurons_lstm")
def ordered_neurons_lstm(w: Weights, x: Tensor, h: Tensor, c: Tensor) -> Values:
    def cumax(z: Tensor) -> Tensor:
        return torch.cumsum(torch.softmax(z, -1), -1)

    f, i, o = sigmoid(w.forget_gate(x, h)), sigmoid(w.input_gate(x, h)), sigmoid(w.output_gate(x, h))
    master_f, master_i = cumax(w.master_forget(x, h)), 1 - cumax(w.master_input(x, h))
    overlap = master_f * master_i
    f = f * overlap + (master_f - overlap)
    i = i * overlap + (master_i - overlap)
    c = f * c + i * tanh(w.candidate(x, h))
    h = o * tanh(c)
    return h, h, c


@published("slstm")
def slstm(w: Weights, x: Tensor, h: Tensor, ratio: Tensor, log_n: Tensor) -> Values:
    """The paper's equations 8 to 14, before it scales them; its c is ratio * n."""
    n = torch.exp(log_n)
    c = ratio * n
    i, f = torch.exp(w.log_input(x, h)), sigmoid(w.log_kept(x, h))
    c = f * c + i * tanh(w.candidate(x, h))
    n = f * n + i
    h = sigmoid(w.output_gate(x, h)) * (c / n)
    return h, h, c / n, torch.log(n)


@published("jozefowicz_lstm")
def jozefowicz_lstm(w: Weights, x: Tensor, h: Tensor, c: Tensor) -> Values:
    i = tanh(w.input_gate(x) + w.input_gate_2(h))
    j = sigmoid(w.candidate(x) + w.candidate_2(h))
    f = sigmoid(w.forget_gate(x) + w.forget_gate_2(h))
    o = tanh(w.output_gate(x) + w.output_gate_2(h))
    c = c * f + i * j
    h = tanh(c) * o
    return h, h, c


@published("nasbench_nlp_lstm")
def nasbench_nlp_lstm(w: Weights, x: Tensor, h: Tensor, c: Tensor) -> Values:
    i, j = tanh(w.input_gate(x, h)), sigmoid(w.candidate(x, h))
    f, o = sigmoid(w.forget_gate(x, h)), tanh(w.output_gate(x, h))
    c = c * f + i * j
    h = tanh(c) * o
    return h, h, c
