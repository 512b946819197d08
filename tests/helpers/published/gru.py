"""The published equations of the GRU's relatives, transcribed."""

from __future__ import annotations

import torch
from torch import Tensor, sigmoid, tanh

from tests.helpers.published.transcription import Weights, published

Values = tuple[Tensor, ...]


@published("gru")
def gru(w: Weights, x: Tensor, h: Tensor) -> Values:
    r, z = sigmoid(w.reset_gate(x, h)), sigmoid(w.update_gate(x, h))
    n = tanh(w.candidate_input(x) + r * w.candidate_state(h))
    h = (1 - z) * n + z * h
    return h, h


@published("gru_reset_before", "nasbench_nlp_gru")
def gru_reset_before(w: Weights, x: Tensor, h: Tensor) -> Values:
    r, u = sigmoid(w.reset_gate(x, h)), sigmoid(w.update_gate(x, h))
    c = tanh(w.candidate(x, r * h))
    h = u * h + (1 - u) * c
    return h, h


@published("jozefowicz_gru")
def jozefowicz_gru(w: Weights, x: Tensor, h: Tensor) -> Values:
    r, z = sigmoid(w.reset_gate(x) + w.reset_gate_2(h)), sigmoid(w.update_gate(x) + w.update_gate_2(h))
    candidate = tanh(w.candidate(x) + w.candidate_2(r * h))
    h = z * h + (1 - z) * candidate
    return h, h


@published("mgu")
def mgu(w: Weights, x: Tensor, h: Tensor) -> Values:
    f = sigmoid(w.forget_gate(x, h))
    h = (1 - f) * h + f * tanh(w.candidate(x, f * h))
    return h, h


@published("ugrnn")
def ugrnn(w: Weights, x: Tensor, h: Tensor) -> Values:
    g = sigmoid(w.gate(x, h))
    h = g * h + (1 - g) * tanh(w.candidate(x, h))
    return h, h


@published("intersection_rnn")
def intersection_rnn(w: Weights, x: Tensor, h: Tensor) -> Values:
    y_in, h_in = torch.relu(w.depth_candidate(x, h)), tanh(w.candidate(x, h))
    g_y, g_h = sigmoid(w.depth_gate(x, h)), sigmoid(w.gate(x, h))
    y = g_y * w.embedded(x) + (1 - g_y) * y_in
    h = g_h * h + (1 - g_h) * h_in
    return y, h


@published("layer_norm_gru")
def layer_norm_gru(w: Weights, x: Tensor, h: Tensor) -> Values:
    def normalized(gate: str) -> Tensor:
        of_h = w.layer_norm(f"{gate}_layer_norm", getattr(w, gate)(h))
        return of_h + w.layer_norm(f"{gate}_layer_norm_2", getattr(w, f"{gate}_2")(x))

    z, r = normalized("update_gate"), normalized("reset_gate")
    of_x = w.layer_norm("candidate_layer_norm", w.candidate(x))
    of_h = w.layer_norm("candidate_layer_norm_2", w.candidate_2(h))
    candidate = tanh(of_x + sigmoid(r) * of_h)
    h = (1 - sigmoid(z)) * h + sigmoid(z) * candidate
    return h, h


@published("li_gru")
def li_gru(w: Weights, x: Tensor, h: Tensor) -> Values:
    z = sigmoid(w.update_gate(x, h))
    h = z * h + (1 - z) * torch.relu(w.candidate(x, h))
    return h, h


@published("light_recurrent_unit")
def light_recurrent_unit(w: Weights, x: Tensor, h: Tensor) -> Values:
    f = sigmoid(w.forget_gate(x, h))
    h = (1 - f) * h + f * tanh(w.candidate(x))
    return h, h


@published("minimal_rnn")
def minimal_rnn(w: Weights, x: Tensor, h: Tensor) -> Values:
    z = tanh(w.z(x))
    u = sigmoid(w.update_gate(h, z))
    h = u * h + (1 - u) * z
    return h, h


@published("brc")
def bistable_cell(w: Weights, x: Tensor, h: Tensor) -> Values:
    a = 1 + tanh(w.feedback(x) + w["feedback_scale"] * h)
    c = sigmoid(w.gate(x) + w["gate_scale"] * h)
    h = c * h + (1 - c) * tanh(w.candidate(x) + a * h)
    return h, h


@published("nbrc")
def neuromodulated_bistable_cell(w: Weights, x: Tensor, h: Tensor) -> Values:
    a, c = 1 + tanh(w.feedback(x, h)), sigmoid(w.gate(x, h))
    h = c * h + (1 - c) * tanh(w.candidate(x) + a * h)
    return h, h


@published("janet")
def janet(w: Weights, x: Tensor, h: Tensor) -> Values:
    s, beta = w.s(x, h), 1.0
    h = sigmoid(s) * h + (1 - sigmoid(s - beta)) * tanh(w.candidate(x, h))
    return h, h


@published("atr")
def atr(w: Weights, x: Tensor, h: Tensor) -> Values:
    p, q = w.p(x), w.q(h)
    h = sigmoid(p + q) * p + sigmoid(p - q) * h
    return h, h


@published("cfn")
def chaos_free_network(w: Weights, x: Tensor, h: Tensor) -> Values:
    theta, eta = sigmoid(w.forget_gate(x, h)), sigmoid(w.input_gate(x, h))
    h = theta * tanh(h) + eta * tanh(w.h(x))
    return h, h


@published("ran")
def recurrent_additive_network(w: Weights, x: Tensor, h: Tensor, c: Tensor) -> Values:
    i, f = sigmoid(w.input_gate(x, h)), sigmoid(w.forget_gate(x, h))
    c = i * w.content(x) + f * c
    return tanh(c), tanh(c), c


@published("star")
def star(w: Weights, x: Tensor, h: Tensor) -> Values:
    z, k = tanh(w.z(x)), sigmoid(w.gate(x, h))
    h = tanh((1 - k) * h + k * z)
    return h, h


@published("sru")
def sru(w: Weights, x: Tensor, c: Tensor) -> Values:
    f = sigmoid(w.forget_gate(x) + w["forget_gate_peephole"] * c)
    r = sigmoid(w.reset_gate(x) + w["reset_gate_peephole"] * c)
    c = f * c + (1 - f) * w.c(x)
    h = r * c + (1 - r) * w.embedded(x) * 3**0.5
    return h, c


@published("qrnn")
def qrnn(w: Weights, x: Tensor, c: Tensor) -> Values:
    z, f, o = tanh(w.z(x)), sigmoid(w.forget_gate(x)), sigmoid(w.output_gate(x))
    c = f * c + (1 - f) * z
    return o * c, c


@published("min_gru")
def min_gru(w: Weights, x: Tensor, h: Tensor) -> Values:
    z = sigmoid(w.update_gate(x))
    h = (1 - z) * h + z * w.h(x)
    return h, h


@published("min_lstm")
def min_lstm(w: Weights, x: Tensor, h: Tensor) -> Values:
    f, i = sigmoid(w.log_forget(x)), sigmoid(w.log_input(x))
    h = f / (f + i) * h + i / (f + i) * w.h(x)
    return h, h


@published("diagonal_lru")
def diagonal_lru(w: Weights, x: Tensor, h: Tensor) -> Values:
    diagonal, gain = sigmoid(w["h_static_gate"]), w["h_scale"]
    h = diagonal * h + gain * w.h(x)
    return w.y(h) + w["y_scale"] * w.embedded(x), h


@published("strongly_typed_rnn")
def strongly_typed_rnn(w: Weights, x: Tensor, h: Tensor) -> Values:
    f = sigmoid(w.forget_gate(x))
    h = f * h + (1 - f) * w.h(x)
    return h, h


@published("gilr")
def gilr(w: Weights, x: Tensor, h: Tensor) -> Values:
    g = sigmoid(w.gate(x))
    h = g * h + (1 - g) * tanh(w.impulse(x))
    return h, h
