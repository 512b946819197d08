"""The published equations of searched, plain, highway and oscillating cells, transcribed."""

from __future__ import annotations

import torch
from torch import Tensor, relu, sigmoid, tanh

from tests.helpers.published.transcription import Weights, published

Values = tuple[Tensor, ...]

ACTIVATIONS = {"tanh": tanh, "relu": relu, "sigmoid": sigmoid, "identity": lambda z: z}

DARTS_V1 = "relu 0, relu 1, tanh 2, relu 3, relu 4, identity 1, relu 5, relu 1"
DARTS_V2 = "sigmoid 0, relu 1, relu 1, identity 1, tanh 2, sigmoid 5, tanh 3, relu 5"
"""The authors' genotypes: each node's activation and the node that it reads."""

ENAS = "0 0 0 1 1 2 1 2 0 2 0 5 1 1 0 6 1 8 1 8 1 8 1"
"""The authors' fixed architecture: the first node's function, then each node's predecessor and function."""


@published("rnn")
def rnn(w: Weights, x: Tensor, h: Tensor) -> Values:
    h = tanh(w.h(x, h))
    return h, h


@published("plain")
def plain(w: Weights, x: Tensor, h: Tensor) -> Values:
    h = tanh(w.mixed(x, h))
    return h, h


@published("mut1")
def mut1(w: Weights, x: Tensor, h: Tensor) -> Values:
    z, r = sigmoid(w.update_gate(x)), sigmoid(w.reset_gate(x, h))
    h = tanh(w.candidate(r * h) + tanh(w.embedded(x))) * z + h * (1 - z)
    return h, h


@published("mut2")
def mut2(w: Weights, x: Tensor, h: Tensor) -> Values:
    z, r = sigmoid(w.update_gate(x, h)), sigmoid(w.embedded(x) + w.reset_gate(h))
    h = tanh(w.candidate(x, r * h)) * z + h * (1 - z)
    return h, h


@published("mut3")
def mut3(w: Weights, x: Tensor, h: Tensor) -> Values:
    z, r = sigmoid(w.update_gate(x, tanh(h))), sigmoid(w.reset_gate(x, h))
    h = tanh(w.candidate(x, r * h)) * z + h * (1 - z)
    return h, h


@published("nas_cell")
def nas_cell(w: Weights, x: Tensor, h: Tensor, c: Tensor) -> Values:
    base = [
        sigmoid(w.first_1(x, h)),
        relu(w.first_2(x, h)),
        sigmoid(w.first_3(x, h)),
        relu(w.first_4(x) * w.first_4_2(h)),
        tanh(w.first_5(x, h)),
        sigmoid(w.first_6(x, h)),
        tanh(w.first_7(x, h)),
        sigmoid(w.first_8(x, h)),
    ]
    layer_2 = [
        tanh(base[0] * base[1]),
        tanh(base[2] + base[3]),
        tanh(base[4] * base[5]),
        sigmoid(base[6] + base[7]),
    ]
    c = tanh(layer_2[0] + c) * layer_2[1]
    h = tanh(c * tanh(layer_2[2] + layer_2[3]))
    return h, h, c


def highway_nodes(w: Weights, x: Tensor, h: Tensor, nodes: list[tuple[str, int]]) -> list[Tensor]:
    """The nodes of a recurrent cell of DARTS or ENAS: s + c * (activation - s), s the node that each reads."""
    c, candidate = sigmoid(w.s0(x, h)), tanh(w.s0_2(x, h))
    values = [h + c * (candidate - h)]
    for place, (activation, predecessor) in enumerate(nodes, start=1):
        s = values[predecessor]
        c = sigmoid(getattr(w, f"s{place}")(s))
        candidate = ACTIVATIONS[activation](getattr(w, f"s{place}_2")(s))
        values.append(s + c * (candidate - s))
    return values


def darts(w: Weights, x: Tensor, h: Tensor, genotype: str) -> Values:
    pairs = [pair.split() for pair in genotype.split(", ")]
    values = highway_nodes(w, x, h, [(activation, int(predecessor)) for activation, predecessor in pairs])
    h = torch.stack(values[1:]).mean(0)
    return h, h


@published("darts_v1")
def darts_v1(w: Weights, x: Tensor, h: Tensor) -> Values:
    return darts(w, x, h, DARTS_V1)


@published("darts_v2")
def darts_v2(w: Weights, x: Tensor, h: Tensor) -> Values:
    return darts(w, x, h, DARTS_V2)


@published("enas_cell")
def enas_cell(w: Weights, x: Tensor, h: Tensor) -> Values:
    first, *rest = map(int, ENAS.split())
    assert first == 0, "the first function is tanh"
    read = rest[::2]
    nodes = [(("tanh", "relu", "identity", "sigmoid")[f], p) for p, f in zip(read, rest[1::2], strict=True)]
    values = highway_nodes(w, x, h, nodes)
    h = torch.stack([value for place, value in enumerate(values) if place not in read]).mean(0)
    return h, h


@published("bc3")
def bc3(w: Weights, x: Tensor, h: Tensor, c: Tensor) -> Values:
    f = sigmoid(w.f(x, h))
    z = w.z(c) * w.z_2(x)
    c = tanh(f * w.c(x) + (1 - f) * z)
    h = w.o(x, h) * c
    return h, h, c


@published("relu_rnn")
def relu_rnn(w: Weights, x: Tensor, h: Tensor) -> Values:
    h = relu(w.h(x, h))
    return h, h


@published("indrnn")
def indrnn(w: Weights, x: Tensor, h: Tensor) -> Values:
    h = relu(w.h(x) + w["h_scale"] * h)
    return h, h


@published("rin")
def recurrent_identity_network(w: Weights, x: Tensor, h: Tensor) -> Values:
    h = relu(w.h(x, h) + h)
    return h, h


@published("scrn")
def scrn(w: Weights, x: Tensor, h: Tensor, s: Tensor) -> Values:
    alpha = 0.95
    s = (1 - alpha) * w.s(x) + alpha * s
    h = sigmoid(w.h(s, x, h))
    return w.y(h, s), h, s


@published("fast_rnn")
def fast_rnn(w: Weights, x: Tensor, h: Tensor) -> Values:
    alpha, beta = sigmoid(w["h_static_gate"]), sigmoid(w["h_static_gate_2"])
    h = alpha * tanh(w.h(x, h)) + beta * h
    return h, h


@published("fast_grnn")
def fast_grnn(w: Weights, x: Tensor, h: Tensor) -> Values:
    zeta, nu = sigmoid(w["h_static_gate"]), sigmoid(w["h_static_gate_2"])
    shared = w.shared(x, h)
    z, candidate = sigmoid(shared + w["gate_bias"]), tanh(shared + w["candidate_bias"])
    h = (zeta * (1 - z) + nu) * candidate + z * h
    return h, h


@published("multiplicative_rnn")
def multiplicative_rnn(w: Weights, x: Tensor, h: Tensor) -> Values:
    f = w.f(x) * w.f_2(h)
    h = tanh(w.h(f, x))
    return h, h


@published("mi_rnn")
def multiplicative_integration_rnn(w: Weights, x: Tensor, h: Tensor) -> Values:
    wx, uh = w.wx(x), w.uh(h)
    h = tanh(w["h_scale"] * wx * uh + w["h_scale_2"] * uh + w["h_scale_3"] * wx)
    return h, h


@published("cornn")
def cornn(w: Weights, x: Tensor, y: Tensor, z: Tensor) -> Values:
    dt, gamma, epsilon = 0.042, 2.7, 4.7
    z = z + dt * tanh(w.z(x, y, z)) - dt * gamma * y - dt * epsilon * z
    y = y + dt * z
    return y, y, z


@published("unicornn")
def unicornn(w: Weights, x: Tensor, y: Tensor, z: Tensor) -> Values:
    dt, alpha = 0.19 * sigmoid(w["rate"]), 30.65
    z = z - dt * (tanh(w["z_scale"] * y + w.z(x)) + alpha * y)
    y = y + dt * z
    return y, y, z


@published("lem")
def long_expressive_memory(w: Weights, x: Tensor, y: Tensor, z: Tensor) -> Values:
    fast, slow = sigmoid(w.fast_rate(x, y)), sigmoid(w.slow_rate(x, y))
    z = (1 - fast) * z + fast * tanh(w.z(x, y))
    y = (1 - slow) * y + slow * tanh(w.y(x, z))
    return y, y, z


@published("gated_feedback_rnn")
def gated_feedback_rnn(w: Weights, x: Tensor, high: Tensor, low: Tensor) -> Values:
    to_low = sigmoid(w.low_to_low(x, low, high)) * w.low_2(low)
    to_low = to_low + sigmoid(w.high_to_low(x, low, high)) * w.low_3(high)
    new_low = tanh(w.low(x) + to_low)
    to_high = sigmoid(w.low_to_high(new_low, low, high)) * w.high_2(low)
    to_high = to_high + sigmoid(w.high_to_high(new_low, low, high)) * w.high_3(high)
    new_high = tanh(w.high(new_low) + to_high)
    return new_high, new_high, new_low


@published("rhn_2", "rhn_3", "rhn_5", "rhn_10")
def recurrent_highway(w: Weights, x: Tensor, h: Tensor) -> Values:
    s, layer = h, 1
    while w.has(f"t{layer}"):
        last = not w.has(f"t{layer + 1}")
        read = (x, s) if layer == 1 else (s,)
        candidate = tanh(getattr(w, "h" if last else f"s{layer}")(*read))
        t = sigmoid(getattr(w, f"t{layer}")(*read))
        s, layer = candidate * t + s * (1 - t), layer + 1
    return s, s
