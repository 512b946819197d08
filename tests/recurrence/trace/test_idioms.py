"""Steps in the idioms in which people write them: traced to their values and gradients, or refused in one line."""

from __future__ import annotations

from types import FunctionType
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.helpers.recurrence.stepping import H, I, assert_traced

R = 2
"""The rank of what is narrow."""


class Parts(nn.Module):
    """Whatever a step below is made of."""

    def __init__(self) -> None:
        super().__init__()
        self.W, self.U, self.V = nn.Linear(I, H), nn.Linear(H, H), nn.Linear(I + H, H)
        self.gates_x, self.gates_h = nn.Linear(I, 4 * H), nn.Linear(H, 4 * H, bias=False)
        self.down, self.up = nn.Linear(H, R), nn.Linear(R, H, bias=False)
        self.down_x, self.up_gates = nn.Linear(I, R, bias=False), nn.Linear(R, 2 * H)
        self.wide, self.back = nn.Linear(I + H, 3 * H), nn.Linear(3 * H, H)
        self.norm, self.norm_gates = nn.LayerNorm(H, eps=1e-3), nn.LayerNorm(4 * H)
        self.group, self.group_gates = nn.GroupNorm(1, H), nn.GroupNorm(4, 4 * H, eps=1e-4)
        self.rms, self.rms_gates = nn.RMSNorm(H), nn.RMSNorm(4 * H, eps=1e-6)
        self.prelu, self.prelu_units = nn.PReLU(), nn.PReLU(H)
        self.batch = nn.BatchNorm1d(H)
        self.gain, self.input_gain = nn.Parameter(torch.randn(H)), nn.Parameter(torch.rand(I) + 0.5)
        self.gamma, self.beta = nn.Parameter(torch.rand(H)), nn.Parameter(torch.randn(H))
        self.register_buffer("mean", torch.randn(I))
        self.register_buffer("std", torch.rand(I) + 0.5)


def quotient(self: Any, x: Tensor, h: Tensor) -> Tensor:
    return self.W(x) / (1 + torch.exp(self.U(h)))


def reciprocal(self: Any, x: Tensor, h: Tensor) -> Tensor:
    return 1 / (1 + (self.W(x) + self.U(h)).exp()) + 2 / (3 + h.square()) - torch.reciprocal(1 + h * h)


def powers(self: Any, x: Tensor, h: Tensor) -> Tensor:
    a = torch.sigmoid(self.W(x) + self.U(h))
    return a**3 - a**0.5 + a**-2 * 0.1 + a**7 - a**1.7 + 2**a + torch.rsqrt(a + 1) - torch.pow(a, a) + a.sqrt()


def logarithms(self: Any, x: Tensor, h: Tensor) -> Tensor:
    a = torch.exp(self.W(x)) + 0.5
    return torch.log(a) + torch.log1p(h.square()) - torch.log2(a) * torch.log10(a) + torch.logaddexp(self.U(h), h) * 0.1


def exponentials(self: Any, x: Tensor, h: Tensor) -> Tensor:
    a = torch.tanh(self.W(x) + self.U(h))
    return torch.sinh(a) - torch.cosh(a) + torch.expm1(a) * torch.exp2(a) - torch.tan(a / 2)


def min_gru_g(self: Any, x: Tensor, h: Tensor) -> Tensor:
    g, z = self.W(x), torch.sigmoid(self.U(h))
    return (1 - z) * h + z * torch.where(g >= 0, g + 0.5, torch.sigmoid(g))


def where_of_two(self: Any, x: Tensor, h: Tensor) -> Tensor:
    a, b = self.W(x), self.U(h)
    return torch.where(a > b, torch.tanh(a), 0.5 * b)


def masks(self: Any, x: Tensor, h: Tensor) -> Tensor:
    a = self.W(x) + self.U(h)
    spiked = (a > 0.25).to(a.dtype)
    return h * (1 - spiked) + a.masked_fill(a < 0, -0.1) * (h <= 0.5)


def signs(self: Any, x: Tensor, h: Tensor) -> Tensor:
    a = self.W(x) + self.U(h)
    return torch.sign(a) * torch.sqrt(a.abs() + 0.1) + torch.where(~(a > 1), 1.0, -1.0) * h


def softsigns(self: Any, x: Tensor, h: Tensor) -> Tensor:
    a = self.W(x) + self.U(h)
    return F.softsign(a) + F.softshrink(a, 0.2) - F.hardshrink(a, 0.3) + F.threshold(a, 0.1, -0.2) + F.tanhshrink(a)


def settings_of_activations(self: Any, x: Tensor, h: Tensor) -> Tensor:
    a = self.W(x) + self.U(h)
    return F.leaky_relu(a, 0.2) + F.gelu(a, approximate="tanh") - 0.5 * F.softplus(a, beta=2.0)


def learned_slopes(self: Any, x: Tensor, h: Tensor) -> Tensor:
    return self.prelu_units(self.W(x)) + self.prelu(self.U(h))


def gated_linear_unit(self: Any, x: Tensor, h: Tensor) -> Tensor:
    return F.glu(torch.cat([self.W(x), self.U(h)], 1), 1)


def bounded_by_numbers(self: Any, x: Tensor, h: Tensor) -> Tensor:
    a = self.W(x) + self.U(h)
    return torch.maximum(a, torch.tensor(-0.5, dtype=a.dtype)) - torch.minimum(a, torch.full_like(a, 0.75))


def low_rank(self: Any, x: Tensor, h: Tensor) -> Tensor:
    return torch.tanh(self.W(x) + self.up(self.down(h)))


def low_rank_gates(self: Any, x: Tensor, h: Tensor) -> Tensor:
    a, z = self.up_gates(self.down_x(x)).chunk(2, 1)
    z = torch.sigmoid(z + self.U(h))
    return z * h + (1 - z) * torch.tanh(a)


def wide_backbone(self: Any, x: Tensor, h: Tensor) -> Tensor:
    return torch.tanh(self.back(F.silu(self.wide(torch.cat([x, h], 1)))))


def scaled_input(self: Any, x: Tensor, h: Tensor) -> Tensor:
    return torch.tanh(self.W(x * self.input_gain) + self.U(h))


def standardized_input(self: Any, x: Tensor, h: Tensor) -> Tensor:
    return torch.tanh(self.V(torch.cat([(x - self.mean) / self.std, h], 1)))


def other_eps(self: Any, x: Tensor, h: Tensor) -> Tensor:
    return torch.tanh(self.norm(self.W(x) + self.U(h)))


def norm_of_all_gates(self: Any, x: Tensor, h: Tensor) -> Tensor:
    i, f, g, o = self.norm_gates(self.gates_x(x) + self.gates_h(h)).chunk(4, 1)
    return torch.sigmoid(f) * h + torch.sigmoid(i) * torch.tanh(g) * torch.sigmoid(o)


def group_norms(self: Any, x: Tensor, h: Tensor) -> Tensor:
    i, f, g, o = self.group_gates(self.gates_x(x) + self.gates_h(h)).chunk(4, 1)
    return self.group(torch.sigmoid(f) * h + torch.sigmoid(i) * torch.tanh(g)) * torch.sigmoid(o)


def rms_norms(self: Any, x: Tensor, h: Tensor) -> Tensor:
    i, f, g, o = self.rms_gates(self.gates_x(x) + self.gates_h(h)).chunk(4, 1)
    return self.rms(torch.sigmoid(f) * h + torch.sigmoid(i) * torch.tanh(g)) * torch.sigmoid(o)


def layer_norm_by_hand(self: Any, x: Tensor, h: Tensor) -> Tensor:
    a = self.W(x) + self.U(h)
    mean = a.mean(-1, keepdim=True)
    variance = (a - mean).pow(2).mean(-1, keepdim=True)
    return torch.tanh(self.gamma * (a - mean) / torch.sqrt(variance + 1e-6) + self.beta)


def layer_norm_by_std(self: Any, x: Tensor, h: Tensor) -> Tensor:
    a = self.W(x) + self.U(h)
    return torch.tanh((a - a.mean(1, keepdim=True)) / (a.std(1, keepdim=True) + 1e-5) * self.gamma)


def linear_of_a_mean(self: Any, x: Tensor, h: Tensor) -> Tensor:
    return torch.tanh(
        self.U(h.mean(-1, keepdim=True).expand_as(h)) + self.V(torch.cat([x, self.W(x).mean(1, True) + h], 1))
    )


def the_same_units_twice(self: Any, x: Tensor, h: Tensor) -> Tensor:
    a = self.U(h)
    return torch.tanh(self.back(torch.cat([h, a, h], 1)) + self.back(torch.cat([a, a, self.W(x)], 1)))


def unit_length(self: Any, x: Tensor, h: Tensor) -> Tensor:
    a = self.W(x) + self.U(h)
    return a / a.norm(dim=-1, keepdim=True) + a / (a.square().sum(-1, keepdim=True) + 1.0)


def softmax_over_units(self: Any, x: Tensor, h: Tensor) -> Tensor:
    return torch.softmax(self.W(x) + self.U(h), -1) * h


def softmax_between_gates(self: Any, x: Tensor, h: Tensor) -> Tensor:
    gates = (self.gates_x(x) + self.gates_h(h)).view(-1, 4, H)
    shares = torch.softmax(gates, 1)
    return shares[:, 0] * h + (shares[:, 1:] * torch.tanh(gates[:, 1:])).sum(1)


def batch_norm(self: Any, x: Tensor, h: Tensor) -> Tensor:
    return torch.tanh(self.batch(self.W(x)) + self.U(h))


def to_the_device(self: Any, x: Tensor, h: Tensor) -> Tensor:
    h = h.to(x.device).to(x.dtype)
    return torch.tanh(self.W(x) + self.U(h).type_as(x))


def expanded_bias(self: Any, x: Tensor, h: Tensor) -> Tensor:
    a = torch.addmm(self.U.bias.unsqueeze(0).expand(x.shape[0], -1), h, self.U.weight.t())
    return torch.tanh(a + self.W(x))


def vector_in_front_of_a_linear(self: Any, x: Tensor, h: Tensor) -> Tensor:
    return torch.tanh(self.W(x) + self.U(self.gain * h))


def exponential_gates(self: Any, x: Tensor, h: Tensor) -> Tensor:
    i, f, g, o = (self.gates_x(x) + self.gates_h(h)).chunk(4, 1)
    m = torch.maximum(F.logsigmoid(f) + h, i)
    return torch.sigmoid(o) * torch.exp(F.logsigmoid(f) - m) * torch.tanh(g) + torch.exp(i - m)


def square_root_of_the_rest(self: Any, x: Tensor, h: Tensor) -> Tensor:
    r, i = torch.sigmoid(self.W(x)), torch.sigmoid(self.U(h))
    a = torch.exp(-8.0 * F.softplus(self.gain) * r)
    return a * h + torch.sqrt(1 - a**2 + 1e-6) * (i * self.W(x))


def euler_step(self: Any, x: Tensor, h: Tensor) -> Tensor:
    dt, tau = 0.1, F.softplus(self.gain) + 0.5
    return h + dt * (-h / tau + torch.tanh(self.W(x) + self.U(h)))


STEPS = [
    quotient,
    reciprocal,
    powers,
    logarithms,
    exponentials,
    min_gru_g,
    where_of_two,
    masks,
    signs,
    softsigns,
    settings_of_activations,
    learned_slopes,
    gated_linear_unit,
    bounded_by_numbers,
    low_rank,
    low_rank_gates,
    wide_backbone,
    scaled_input,
    standardized_input,
    other_eps,
    norm_of_all_gates,
    group_norms,
    rms_norms,
    layer_norm_by_hand,
    layer_norm_by_std,
    linear_of_a_mean,
    the_same_units_twice,
    unit_length,
    softmax_over_units,
    softmax_between_gates,
    batch_norm,
    to_the_device,
    expanded_bias,
    vector_in_front_of_a_linear,
    exponential_gates,
    square_root_of_the_rest,
    euler_step,
]


def module_of(step: FunctionType) -> nn.Module:
    """A module whose forward is the step."""
    forward = FunctionType(step.__code__.replace(co_name="forward"), step.__globals__)
    module = type("Module", (Parts,), {"forward": forward})()
    assert isinstance(module, nn.Module)
    nn.init.normal_(module.batch.running_mean)
    nn.init.uniform_(module.batch.running_var, 0.5, 2)
    return module.eval()


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.__name__)
def test_a_step_is_traced_to_its_values_and_gradients(step: FunctionType) -> None:
    assert_traced(module_of(step), weights=False)
