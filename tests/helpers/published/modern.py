"""The published equations of the zoo's cells since 2021, transcribed with torch's own functions."""

from __future__ import annotations

import torch
from torch import Tensor, sigmoid, tanh
from torch.nn import functional as F

from tests.helpers.published.transcription import Weights, published

Values = tuple[Tensor, ...]


@published("slstm_stabilised")
def slstm_stabilised(w: Weights, x: Tensor, h: Tensor, c: Tensor, n: Tensor, m: Tensor) -> Values:
    # Gates without a stabiliser, as in the paper's first form: c and n are the state's times exp(m).
    f, i = torch.exp(w.log_kept(x, h)), torch.exp(w.log_input(x, h))
    whole_c = f * c * torch.exp(m) + i * tanh(w.z(x, h))
    whole_n = f * n * torch.exp(m) + i
    m = torch.maximum(f.log() + m, i.log())
    h = sigmoid(w.output_gate(x, h)) * whole_c / whole_n
    return h, h, whole_c * torch.exp(-m), whole_n * torch.exp(-m), m


@published("rg_lru")
def rg_lru(w: Weights, x: Tensor, h: Tensor) -> Values:
    r, i = sigmoid(w.r(x)), sigmoid(w.i(x))
    a = sigmoid(-w["decay_bias"]) ** (8 * r)
    h = a * h + (1 - a**2).sqrt() * (i * w.embedded(x))
    return h, h


@published("hgrn")
def hgrn(w: Weights, x: Tensor, re: Tensor, im: Tensor) -> Values:
    bound = sigmoid(w["lower_bound"])
    forget = bound + (1 - bound) * sigmoid(w.gate(x))
    turn = torch.exp(1j * w["angle"])
    written = torch.complex(F.silu(w.re_written(x)), F.silu(w.im_written(x)))
    h = forget * turn * torch.complex(re, im) + (1 - forget) * written
    parts = torch.cat([h.real, h.imag], -1)
    gain = torch.cat([w["y_scale"], w["y_scale_2"]])
    shift = torch.cat([w["y_bias"], w["y_bias_2"]])
    normed = F.layer_norm(parts, parts.shape[-1:], gain, shift, 1e-5)
    gated = normed * F.silu(torch.cat([w.re_gate(x), w.im_gate(x)], -1))
    return w.y(*gated.chunk(2, -1)), h.real, h.imag


@published("cfc")
def cfc(w: Weights, x: Tensor, h: Tensor) -> Values:
    backbone = 1.7159 * tanh(0.666 * w.backbone(x, h))
    t = sigmoid(-w.time_gate(backbone))
    h = t * tanh(w.g(backbone)) + (1 - t) * tanh(w.h_late(backbone))
    return h, h


@published("ltc")
def ltc(w: Weights, x: Tensor, h: Tensor) -> Values:
    f, tau = sigmoid(w.f(x, h)), 1 / F.softplus(w["leak_bias"])
    h = (h + f * w["h_scale"]) / (1 + (1 / tau + f))
    return h, h


def positive(z: Tensor) -> Tensor:
    """The g of minGRU and minLSTM in log space."""
    return torch.where(z >= 0, z + 0.5, sigmoid(z))


@published("min_gru_log_space")
def min_gru_log_space(w: Weights, x: Tensor, h: Tensor) -> Values:
    z = sigmoid(w.update_gate(x))
    h = (1 - z) * h + z * positive(w.raw(x))
    return h, h


@published("min_lstm_log_space")
def min_lstm_log_space(w: Weights, x: Tensor, h: Tensor) -> Values:
    f, i = sigmoid(w.log_forget(x)), sigmoid(w.log_input(x))
    h = f / (f + i) * h + i / (f + i) * positive(w.raw(x))
    return h, h
