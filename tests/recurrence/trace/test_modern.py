"""Recurrences since 2021 as people write them in torch: traced to their values, and to the zoo's graph if it is one."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cellsearch.cell import Cell
from cellsearch.errors import TraceError
from cellsearch.recurrence.trace.trace import trace
from cellsearch_search_spaces.zoo_modern import CLOSED_FORM_CONTINUOUS_TIME, MIN_GRU_LOG_SPACE, STABILISED_SLSTM
from cellsearch_search_spaces.zoo_plain import LONG_EXPRESSIVE_MEMORY
from tests.helpers.recurrence.stepping import H, I, assert_traced

States = tuple[Tensor, ...]


class SLSTM(nn.Module):
    """xLSTM's sLSTM with exponential gates, its four states in a tuple."""

    form = "tuple"

    def __init__(self) -> None:
        super().__init__()
        self.W = nn.Linear(I, 4 * H)
        self.R = nn.Linear(H, 4 * H, bias=False)

    def forward(self, x: Tensor, state: States) -> tuple[Tensor, States]:
        h, c, n, m = state
        z, i, f, o = (self.W(x) + self.R(h)).chunk(4, dim=-1)
        log_f = self.log_forget(f)
        m_new = torch.max(log_f + m, i)
        i = torch.exp(i - m_new)
        f = torch.exp(log_f + m - m_new)
        c = f * c + i * torch.tanh(z)
        n = f * n + i
        h = torch.sigmoid(o) * (c / n)
        return h, (h, c, n, m_new)

    def log_forget(self, f: Tensor) -> Tensor:
        return f


class SigmoidSLSTM(SLSTM):
    """The same with the forget gate a sigmoid, in its logarithm."""

    def log_forget(self, f: Tensor) -> Tensor:
        return F.logsigmoid(f)


class RGLRU(nn.Module):
    """Griffin's recurrence on an embedded input, by the logarithm of a."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(I, H)
        self.input_gate, self.recurrence_gate = nn.Linear(H, H), nn.Linear(H, H)
        self.a_param = nn.Parameter(torch.linspace(-5.0, -4.0, H))

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        x = self.embed(x)
        i = torch.sigmoid(self.input_gate(x))
        r = torch.sigmoid(self.recurrence_gate(x))
        log_a = -8.0 * r * F.softplus(self.a_param)
        a = torch.exp(log_a)
        h = a * h + torch.sqrt(1 - torch.exp(2 * log_a)) * (i * x)
        return h, h


class PowerRGLRU(RGLRU):
    """The same as the paper writes it: a = sigmoid(L) ** (8 r)."""

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        x = self.embed(x)
        i = torch.sigmoid(self.input_gate(x))
        r = torch.sigmoid(self.recurrence_gate(x))
        a = torch.sigmoid(self.a_param) ** (8 * r)
        h = a * h + (1 - a**2) ** 0.5 * (i * x)
        return h, h


class HGRN(nn.Module):
    """A complex state in two parts, a lower bound and a gated norm over both parts."""

    form = "tuple"

    def __init__(self) -> None:
        super().__init__()
        self.input_proj, self.gate_proj = nn.Linear(I, 2 * H), nn.Linear(I, 2 * H)
        self.forget_proj = nn.Linear(I, H)
        self.out_proj = nn.Linear(2 * H, H)
        self.norm = nn.LayerNorm(2 * H)
        self.theta = nn.Parameter(torch.linspace(1.0, 0.1, H))
        self.lower_bound = nn.Parameter(torch.zeros(H))

    def forward(self, x: Tensor, state: States) -> tuple[Tensor, States]:
        re, im = self.turned(x, *state)
        gate = F.silu(self.gate_proj(x))
        out = self.out_proj(self.norm(torch.cat([re, im], -1)) * gate)
        return out, (re, im)

    def turned(self, x: Tensor, re: Tensor, im: Tensor) -> States:
        bound = torch.sigmoid(self.lower_bound)
        decay = bound + (1 - bound) * torch.sigmoid(self.forget_proj(x))
        u, v = F.silu(self.input_proj(x)).chunk(2, -1)
        cos, sin = torch.cos(self.theta), torch.sin(self.theta)
        return decay * (cos * re - sin * im) + (1 - decay) * u, decay * (sin * re + cos * im) + (1 - decay) * v


class RealHGRN(HGRN):
    """The same with a norm for each part."""

    def __init__(self) -> None:
        super().__init__()
        self.norm_re, self.norm_im = nn.LayerNorm(H), nn.LayerNorm(H)
        self.out_re, self.out_im = nn.Linear(H, H), nn.Linear(H, H)
        del self.norm, self.out_proj

    def forward(self, x: Tensor, state: States) -> tuple[Tensor, States]:
        re, im = self.turned(x, *state)
        g_re, g_im = F.silu(self.gate_proj(x)).chunk(2, -1)
        return self.out_re(self.norm_re(re) * g_re) + self.out_im(self.norm_im(im) * g_im), (re, im)


class LEM(nn.Module):
    """Long expressive memory, its linears merged, the step's length a number."""

    form = "tuple"

    def __init__(self, dt: float = 1.0) -> None:
        super().__init__()
        self.dt = dt
        self.inp2hid = nn.Linear(I, 4 * H)
        self.hid2hid = nn.Linear(H, 3 * H, bias=False)
        self.transform_z = nn.Linear(H, H, bias=False)

    def forward(self, x: Tensor, state: States) -> tuple[Tensor, States]:
        y, z = state
        i_dt1, i_dt2, i_z, i_y = self.inp2hid(x).chunk(4, 1)
        h_dt1, h_dt2, h_y = self.hid2hid(y).chunk(3, 1)
        ms_dt_bar = self.dt * torch.sigmoid(i_dt1 + h_dt1)
        ms_dt = self.dt * torch.sigmoid(i_dt2 + h_dt2)
        z = (1 - ms_dt) * z + ms_dt * torch.tanh(i_y + h_y)
        y = (1 - ms_dt_bar) * y + ms_dt_bar * torch.tanh(self.transform_z(z) + i_z)
        return y, (y, z)


class CoRNN(nn.Module):
    """Coupled oscillators: position and speed, one linear on all three."""

    form = "tuple"

    def __init__(self) -> None:
        super().__init__()
        self.dt, self.gamma, self.epsilon = 0.05, 2.0, 4.0
        self.i2h = nn.Linear(I + 2 * H, H)

    def forward(self, x: Tensor, state: States) -> tuple[Tensor, States]:
        hy, hz = state
        pull = torch.tanh(self.i2h(torch.cat((x, hz, hy), 1)))
        hz = hz + self.dt * (pull - self.gamma * hy - self.epsilon * hz)
        hy = hy + self.dt * hz
        return hy, (hy, hz)


class CfC(nn.Module):
    """Closed form in time, a backbone in a Sequential, the time of a step an argument with a default."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = nn.Sequential(nn.Linear(I + H, H), nn.Tanh())
        self.g, self.h, self.time = nn.Linear(H, H), nn.Linear(H, H), nn.Linear(H, H)

    def forward(self, x: Tensor, h: Tensor, ts: float = 1.0) -> tuple[Tensor, Tensor]:
        z = self.backbone(torch.cat([x, h], 1))
        gate = torch.sigmoid(-self.time(z) * ts)
        new = torch.tanh(self.g(z)) * gate + torch.tanh(self.h(z)) * (1.0 - gate)
        return new, new


class LeCun(nn.Module):
    """The tanh of LeCun."""

    def forward(self, x: Tensor) -> Tensor:
        return 1.7159 * torch.tanh(0.666 * x)


class LeCunCfC(CfC):
    """The same with the tanh of LeCun, which makes it the zoo's."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone[1] = LeCun()


class PureCfC(nn.Module):
    """The solution without gates: -A exp(-t (|w| + |f|)) f + A."""

    def __init__(self) -> None:
        super().__init__()
        self.f = nn.Linear(I + H, H)
        self.w_tau, self.A = nn.Parameter(torch.linspace(-1, 1, H)), nn.Parameter(torch.ones(H))

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        f = self.f(torch.cat([x, h], 1))
        new = -self.A * torch.exp(-(torch.abs(self.w_tau) + torch.abs(f))) * f + self.A
        return new, new


class LTC(nn.Module):
    """One fused step of the liquid time-constant cell."""

    def __init__(self) -> None:
        super().__init__()
        self.W, self.U = nn.Linear(I, H), nn.Linear(H, H, bias=False)
        self.log_tau, self.A = nn.Parameter(torch.zeros(H)), nn.Parameter(torch.ones(H))
        self.dt = 1.0

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        f = torch.sigmoid(self.W(x) + self.U(h))
        h = (h + self.dt * f * self.A) / (1 + self.dt * (torch.exp(-self.log_tau) + f))
        return h, h


class UnfoldedLTC(LTC):
    """Three steps of the solver with the same weights."""

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        for _ in range(3):
            f = torch.sigmoid(self.W(x) + self.U(h))
            h = (h + f * self.A / 3) / (1 + (torch.exp(-self.log_tau) + f) / 3)
        return h, h


class MinGRU(nn.Module):
    """The minGRU with the candidate of its log-space form."""

    def __init__(self) -> None:
        super().__init__()
        self.to_hidden_and_gate = nn.Linear(I, 2 * H)

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        hidden, gate = self.to_hidden_and_gate(x).chunk(2, dim=-1)
        z = gate.sigmoid()
        h = (1 - z) * h + z * torch.where(hidden > 0, hidden + 0.5, hidden.sigmoid())
        return h, h


class ReluMinGRU(MinGRU):
    """The same with g written by the relu: relu(x) + sigmoid(-relu(-x))."""

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        hidden, gate = self.to_hidden_and_gate(x).chunk(2, dim=-1)
        g = F.relu(hidden) + (-F.relu(-hidden)).sigmoid()
        h = torch.lerp(h, g, gate.sigmoid())
        return h, h


class MinLSTM(nn.Module):
    """The minLSTM, its gates divided by their sum."""

    def __init__(self) -> None:
        super().__init__()
        self.f, self.i, self.hidden = nn.Linear(I, H), nn.Linear(I, H), nn.Linear(I, H)

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        f, i, hidden = torch.sigmoid(self.f(x)), torch.sigmoid(self.i(x)), self.hidden(x)
        total = f + i
        g = torch.where(hidden >= 0, hidden + 0.5, torch.sigmoid(hidden))
        h = f / total * h + i / total * g
        return h, h


class MCLSTM(nn.Module):
    """Mass conserving: what is kept moves between units by a matrix whose rows a softmax makes sum to 1."""

    def __init__(self) -> None:
        super().__init__()
        self.W = nn.Linear(I, H)
        self.out = nn.Linear(I, H)
        self.R = nn.Parameter(torch.eye(H))

    def forward(self, x: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        moved = c @ torch.softmax(self.R, dim=-1)
        total = moved + torch.softmax(self.W(x), dim=-1)
        o = torch.sigmoid(self.out(x))
        return o * total, (1 - o) * total


class InputMCLSTM(MCLSTM):
    """The same with a matrix that the input makes."""

    def __init__(self) -> None:
        super().__init__()
        self.to_matrix = nn.Linear(I, H * H)

    def forward(self, x: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        matrix = torch.softmax(self.to_matrix(x).view(-1, H, H), dim=-1)
        total = torch.bmm(c.unsqueeze(1), matrix).squeeze(1) + torch.softmax(self.W(x), dim=-1)
        o = torch.sigmoid(self.out(x))
        return o * total, (1 - o) * total


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        (SLSTM, STABILISED_SLSTM),
        (LEM, LONG_EXPRESSIVE_MEMORY),
        (LeCunCfC, CLOSED_FORM_CONTINUOUS_TIME),
        (MinGRU, MIN_GRU_LOG_SPACE),
    ],
)
def test_a_modern_recurrence_is_the_zoos(module: type[nn.Module], expected: Cell) -> None:
    assert_traced(module(), expected)


@pytest.mark.parametrize("module", [SigmoidSLSTM, CoRNN, CfC, ReluMinGRU, MinLSTM])
def test_a_modern_recurrence_traces(module: type[nn.Module]) -> None:
    assert_traced(module())


@pytest.mark.parametrize("module", [RGLRU, HGRN, RealHGRN, PureCfC, LTC])
def test_a_modern_recurrence_with_functions_of_its_vectors_traces(module: type[nn.Module]) -> None:
    assert_traced(module(), weights=False)


def test_a_step_of_another_length_traces() -> None:
    assert_traced(LEM(dt=0.4))


def test_a_power_of_a_learned_gate_traces() -> None:
    assert_traced(PowerRGLRU(), weights=False)


@pytest.mark.parametrize("module", [UnfoldedLTC, MCLSTM])
def test_weights_that_are_shared_or_computed_are_arrays_of_their_own_which_is_noted(module: type[nn.Module]) -> None:
    assert assert_traced(module(), weights=False).notes


def test_a_matrix_that_the_input_makes_is_refused_with_its_line() -> None:
    with pytest.raises(TraceError) as raised:
        trace(InputMCLSTM(), I, H)
    assert "`total = torch.bmm(c.unsqueeze(1), matrix).squeeze(1) +" in str(raised.value)
    assert "bmm of two values that both change" in str(raised.value)
    assert "\n" not in str(raised.value)
