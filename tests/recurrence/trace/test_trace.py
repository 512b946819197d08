"""Step modules as people write them, in many idioms: traced, each gives its values, gradients and known graph."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cellsearch.cell import Cell, from_equations
from cellsearch.cell.canonical.identity import identity
from cellsearch.cell.difference.diff import diff
from cellsearch.recurrence.trace.trace import trace
from cellsearch_search_spaces.gated import GRU, LSTM, RNN
from cellsearch_search_spaces.zoo_gru import GRU_RESET_BEFORE, LIGHT_GRU, MINIMAL_GATED_UNIT, UGRNN
from cellsearch_search_spaces.zoo_lstm import COUPLED_LSTM, LAYER_NORM_LSTM, PEEPHOLE_LSTM
from tests.helpers.recurrence.stepping import H, I, assert_traced


def with_bias(cell: Cell, **biases: float) -> Cell:
    """The cell with other initial biases."""
    nodes = {name: replace(node, initial_bias=biases.get(name, node.initial_bias)) for name, node in cell.nodes.items()}
    return Cell(cell.name, nodes, cell.states, cell.output)


PLAIN_LSTM = with_bias(LSTM, forget_gate_linear=0.0)
"""The LSTM as it is where torch drew the forget gate's bias."""


class TutorialGRU(nn.Module):
    """Three nn.Linear on torch.cat, as in the seed document."""

    def __init__(self, gate_bias: float = 1.0) -> None:
        super().__init__()
        self.W_z = nn.Linear(I + H, H)
        self.W_r = nn.Linear(I + H, H)
        self.W = nn.Linear(I + H, H)
        for gate in (self.W_z, self.W_r):
            nn.init.constant_(gate.bias, gate_bias)

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        xh = torch.cat([x, h], dim=-1)
        z = torch.sigmoid(self.W_z(xh))
        r = torch.sigmoid(self.W_r(xh))
        n = torch.tanh(self.W(torch.cat([x, r * h], dim=-1)))
        h = (1 - z) * h + z * n
        return h, h


def test_the_gru_of_tutorials_is_the_gru_with_the_reset_before_the_product() -> None:
    # Theirs takes z of the candidate; the zoo's gate keeps the state with its first operand.
    expected = from_equations(
        "gru",
        """
        r = sigmoid(linear(x, h, bias=1))
        z = sigmoid(linear(x, h, bias=1))
        n = tanh(linear(x, r * h))
        h_next = blend(z, n, h)
        """,
        states=["h"],
        output="h_next",
    )
    traced = assert_traced(TutorialGRU(), expected)
    assert traced.notes == ()
    assert set(traced.cell.nodes) == {"z_linear", "z", "r_linear", "r", "n_product", "n_linear", "n", "h_next"}


class TensorFlowGRU(TutorialGRU):
    """The same with z for the old state, and lerp."""

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        xh = torch.hstack((x, h))
        u, r = self.W_z(xh).sigmoid(), self.W_r(xh).sigmoid()
        candidate = self.W(torch.hstack((x, r * h))).tanh()
        h_next = torch.lerp(candidate, h, u)
        return h_next, h_next


def test_a_gru_with_lerp_is_the_zoos() -> None:
    assert_traced(TensorFlowGRU(), GRU_RESET_BEFORE)


class MergedLSTM(nn.Module):
    """One Linear for input and one for the state, gates by chunk, states in a tuple."""

    form = "tuple"

    def __init__(self) -> None:
        super().__init__()
        self.input_map = nn.Linear(I, 4 * H)
        self.state_map = nn.Linear(H, 4 * H, bias=False)

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        h, c = state
        gates = self.input_map(x) + self.state_map(h)
        i, f, g, o = gates.chunk(4, dim=1)
        i, f, o = torch.sigmoid(i), torch.sigmoid(f), torch.sigmoid(o)
        c_new = f * c + i * torch.tanh(g)
        h_new = o * torch.tanh(c_new)
        return h_new, (h_new, c_new)


def test_an_lstm_of_merged_gates_is_the_lstm() -> None:
    traced = assert_traced(MergedLSTM(), PLAIN_LSTM)
    assert tuple(traced.cell.states) == ("h", "c")
    assert "c_next" in traced.cell.nodes


def test_a_forget_bias_of_one_is_the_cells_initial_bias() -> None:
    module = MergedLSTM()
    nn.init.zeros_(module.input_map.bias)
    with torch.no_grad():
        module.input_map.bias[H : 2 * H] = 1
    assert_traced(module, LSTM)


class MatrixGRU(nn.Module):
    """Parameters with @, torch's GRU spelled out; the constant 1 by ones_like."""

    def __init__(self) -> None:
        super().__init__()
        self.Wr, self.Wz, self.Wn = (nn.Parameter(torch.randn(I, H)) for _ in range(3))
        self.Ur, self.Uz, self.Un = (nn.Parameter(torch.randn(H, H)) for _ in range(3))
        self.br, self.bz, self.bn, self.bu = (nn.Parameter(torch.randn(H)) for _ in range(4))

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        r = torch.sigmoid(x @ self.Wr + h @ self.Ur + self.br)
        z = torch.sigmoid(x @ self.Wz + h @ self.Uz + self.bz)
        n = torch.tanh(x @ self.Wn + self.bn + r * (h @ self.Un + self.bu))
        return torch.ones_like(z).sub(z) * n + z * h


def test_a_gru_of_bare_matrices_is_the_gru() -> None:
    assert_traced(MatrixGRU(), GRU)


class ColumnLSTM(nn.Module):
    """W @ x for columns, the other side of a product, with a bias by addmm and squeezed columns."""

    form = "pair"

    def __init__(self) -> None:
        super().__init__()
        self.W = nn.Parameter(torch.randn(4 * H, I))
        self.U = nn.Parameter(torch.randn(H, 4 * H))
        self.b = nn.Parameter(torch.randn(4 * H))

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        h, c = state
        a = (self.W @ x.unsqueeze(-1)).squeeze(-1) + torch.addmm(self.b, h, self.U)
        i, f, o = torch.sigmoid(a[:, : 3 * H]).split(H, 1)
        c = f * c + i * torch.tanh(a[:, 3 * H :])
        return o * torch.tanh(c), c


def test_an_lstm_of_columns_is_the_lstm() -> None:
    assert_traced(ColumnLSTM(), PLAIN_LSTM)


class EinsumLSTM(nn.Module):
    """All gates in one einsum with a gate axis, taken apart by unbind."""

    form = "tuple"

    def __init__(self) -> None:
        super().__init__()
        self.W = nn.Parameter(torch.randn(4, I, H))
        self.U = nn.Parameter(torch.randn(4, H, H))
        self.b = nn.Parameter(torch.randn(4, H))

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        h, c = state
        gates = torch.einsum("bi,gij->bgj", x, self.W) + torch.einsum("gij,bi->bgj", self.U, h) + self.b
        i, f, o, g = gates.unbind(1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        return h, (h, c)


def test_an_lstm_by_einsum_is_the_lstm() -> None:
    assert_traced(EinsumLSTM(), PLAIN_LSTM)


class PeepholeLSTM(nn.Module):
    """Peephole vectors that start at 0, gates by view, states as arguments of their own."""

    form = "arguments"

    def __init__(self) -> None:
        super().__init__()
        self.gates = nn.Linear(I + H, 4 * H)
        nn.init.zeros_(self.gates.bias)
        self.w_ci, self.w_cf, self.w_co = (nn.Parameter(torch.zeros(H)) for _ in range(3))

    def forward(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        a = self.gates(torch.cat((x, h), 1)).view(x.size(0), 4, -1)
        i = torch.sigmoid(a[:, 0] + self.w_ci * c)
        f = torch.sigmoid(a[:, 1] + self.w_cf * c + 1.0)
        c_next = f * c + i * torch.tanh(a[:, 2])
        o = torch.sigmoid(a[:, 3] + self.w_co * c_next)
        h_next = o * torch.tanh(c_next)
        return h_next, h_next, c_next


def test_a_peephole_lstm_with_a_forget_bias_in_its_equation_is_the_zoos() -> None:
    # The 1 of the equation is in the traced bias, so that scaling all weights scales it too.
    assert_traced(PeepholeLSTM(), PEEPHOLE_LSTM, weights=False)


class LayerNormLSTM(nn.Module):
    """Layer norms of each gate in a ModuleDict, linears without bias, gates by a helper method."""

    form = "tuple"

    def __init__(self) -> None:
        super().__init__()
        self.parts = nn.ModuleDict()
        for gate in "ifgo":
            for source, size in (("x", I), ("h", H)):
                self.parts[gate + source] = nn.Sequential(nn.Linear(size, H, bias=False), nn.LayerNorm(H))
        nn.init.ones_(self.parts["fh"][1].bias)  # type: ignore[index, arg-type]
        self.norm = nn.LayerNorm(H)

    def gate(self, name: str, x: Tensor, h: Tensor) -> Tensor:
        return self.parts[f"{name}x"](x) + self.parts[f"{name}h"](h)  # type: ignore[no-any-return]

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        h, c = state
        i = self.gate("i", x, h).sigmoid()
        f = self.gate("f", x, h).sigmoid()
        g = self.gate("g", x, h).tanh()
        c = f * c + i * g
        h = self.gate("o", x, h).sigmoid() * self.norm(c).tanh()
        return h, (h, c)


def test_a_layer_norm_lstm_is_the_zoos() -> None:
    assert_traced(LayerNormLSTM(), LAYER_NORM_LSTM)


def test_torchs_own_cells_are_the_seeds() -> None:
    assert_traced(nn.RNNCell(I, H), RNN)
    assert_traced(nn.GRUCell(I, H), GRU)
    cell = nn.LSTMCell(I, H)
    cell.form = "pair"  # type: ignore[assignment]
    assert_traced(cell, PLAIN_LSTM)
    assert_traced(nn.GRUCell(I, H, bias=False), with_bias(GRU))


class SlicedGRU(nn.Module):
    """F.linear with slices of one big matrix, as old C code keeps weights."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(3 * H, I + H))
        self.bias = nn.Parameter(torch.randn(3 * H))

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        W, U = self.weight[:, :I], self.weight[:, I:]
        gates = F.linear(x, W[: 2 * H]) + F.linear(h, U[: 2 * H], self.bias[: 2 * H])
        r, z = torch.chunk(torch.sigmoid(gates), 2, -1)
        n = torch.tanh(F.linear(x, W[2 * H :], self.bias[2 * H :]) + F.linear(r * h, U[2 * H :]))
        return n + z * (h - n)


def test_a_gru_of_sliced_weights_is_the_one_with_the_reset_before_the_product() -> None:
    expected = with_bias(GRU_RESET_BEFORE, reset_gate_linear=0.0, update_gate_linear=0.0)
    assert_traced(SlicedGRU(), expected)


class SequentialUGRNN(nn.Module):
    """nn.Sequential for each part, activations as modules."""

    def __init__(self) -> None:
        super().__init__()
        self.candidate = nn.Sequential(nn.Linear(I + H, H), nn.Tanh())
        self.gate = nn.Sequential(nn.Linear(I + H, H), nn.Sigmoid())
        nn.init.ones_(self.gate[0].bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        both = torch.cat([h, x], 1)
        gate = self.gate(both)
        h = gate * h + (1.0 - gate) * self.candidate(both)
        return h, h


def test_a_ugrnn_of_sequentials_is_the_zoos() -> None:
    assert_traced(SequentialUGRNN(), UGRNN)


class DictionaryMGU(nn.Module):
    """A ParameterDict, an inner step method, and the blend written as c - a * (c - b)."""

    def __init__(self) -> None:
        super().__init__()
        shapes = {"Wf": (H, I), "Uf": (H, H), "bf": (H,), "Wh": (H, I), "Uh": (H, H), "bh": (H,)}
        self.p = nn.ParameterDict({name: nn.Parameter(torch.randn(shape)) for name, shape in shapes.items()})

    def project(self, which: str, x: Tensor, h: Tensor) -> Tensor:
        return x.matmul(self.p["W" + which].t()) + h.matmul(self.p["U" + which].T) + self.p["b" + which]

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        f = torch.sigmoid(self.project("f", x, h))
        candidate = torch.tanh(self.project("h", x, f * h))
        return h - f * (h - candidate)


def test_a_minimal_gated_unit_from_a_dictionary_is_the_zoos() -> None:
    assert_traced(DictionaryMGU(), MINIMAL_GATED_UNIT)


class CoupledLSTM(nn.Module):
    """addcmul, a state given back first, and activations by functional names."""

    form = "tuple"

    def __init__(self) -> None:
        super().__init__()
        self.f, self.o, self.g = (nn.Linear(I + H, H) for _ in range(3))
        nn.init.ones_(self.f.bias)

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        h, c = state
        xh = torch.cat([x, h], -1)
        f = F.sigmoid(self.f(xh))
        c = torch.addcmul(torch.mul(1 - f, F.tanh(self.g(xh))), f, c)
        h = F.sigmoid(self.o(xh)) * F.tanh(c)
        return h, (h, c)


def test_a_coupled_lstm_by_addcmul_is_the_zoos() -> None:
    assert_traced(CoupledLSTM(), COUPLED_LSTM)


class LightGRU(nn.Module):
    """A stack of two gates, relu, and a candidate that is used once."""

    def __init__(self) -> None:
        super().__init__()
        self.maps = nn.ModuleList([nn.Linear(I, H), nn.Linear(I, H)])
        self.recurrent = nn.Linear(H, 2 * H, bias=False)

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        inputs = torch.stack([m(x) for m in self.maps], 1)
        a, z = (inputs + self.recurrent(h).reshape(-1, 2, H)).unbind(1)
        z = torch.sigmoid(z)
        h = z * h + (1 - z) * F.relu(a)
        return h, h


def test_a_light_gru_of_stacked_gates_is_the_zoos() -> None:
    assert_traced(LightGRU(), LIGHT_GRU)


class Rest(nn.Module):
    """Every other operation that a cell has, in one step."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Linear(I, H), nn.Linear(H, H), nn.Linear(H, H)
        self.u, self.v, self.d, self.k, self.e = (nn.Parameter(torch.randn(H)) for _ in range(5))
        self.register_buffer("factor", torch.tensor(0.5))
        self.rms = nn.RMSNorm(H, eps=1e-5)
        self.drop = nn.Dropout(0.3)

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        p = self.drop(self.a(x))
        q = self.b(h) * self.factor - self.c(h) / 3
        s = F.silu(p) + F.gelu(p) + F.softplus(p) + torch.exp(-p.square()) + torch.sin(p**2) + F.leaky_relu(p)
        m = torch.maximum(p, q) - torch.minimum(p, q)
        w = torch.sigmoid(self.d) * h + self.u * p + self.v + 2
        n = F.layer_norm(w, (H,)) + F.layer_norm(w, (H,), self.k, self.e) + self.rms(w)
        cumax = torch.cumsum(torch.softmax(q, -1), -1)
        return s * cumax, torch.tanh(n - m - (-q)) + 0.1 * h


def test_every_operation_of_the_table_can_be_traced() -> None:
    traced = assert_traced(Rest().eval(), weights=False)
    ops = {node.op for node in traced.cell.nodes.values()}
    assert ops >= {
        "silu", "gelu", "softplus", "exp", "sine", "leaky_relu", "maximum", "minimum", "static_gate",
        "scale", "bias", "normalize", "layer_norm", "rms_norm", "cumulative_softmax", "times_constant", "product",
    }  # fmt: skip


class Composed(nn.Module):
    """Functions that a cell has no operation of its own for, but others that make them."""

    def __init__(self) -> None:
        super().__init__()
        self.W, self.U = nn.Linear(I, H), nn.Linear(H, H)

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        p, q = self.W(x), self.U(h)
        s = torch.abs(p) + torch.cos(q) + F.logsigmoid(p) + F.mish(q) + F.elu(p, 0.5) + F.selu(q) + F.celu(q, 2)
        s = (
            s
            + p.clamp(-0.5, 0.25)
            + q.clamp(min=0.1)
            - p.clamp(max=0.2)
            + F.hardtanh(q) * F.relu6(3 * p)
            + F.hardswish(p)
        )
        return torch.tanh(s + torch.max(p, q) - torch.min(q, h))


def test_functions_that_operations_of_the_table_make_can_be_traced() -> None:
    assert_traced(Composed())


class InPlace(nn.Module):
    """An LSTM that saves memory wherever torch lets it."""

    form = "tuple"

    def __init__(self) -> None:
        super().__init__()
        self.W, self.U = nn.Linear(I, 4 * H), nn.Linear(H, 4 * H, bias=False)

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        h, c = state
        gates = self.W(x)
        gates += self.U(h)
        gates[:, : 3 * H].sigmoid_()
        i, f, o, g = gates.chunk(4, 1)
        c = (f * c).addcmul_(i, g.tanh())
        h = o * c.tanh()
        return h, (h, c)


class InItsState(InPlace):
    """The same with its next state written over the last."""

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        h, c = state
        i, f, o, g = (self.W(x) + self.U(h)).chunk(4, 1)
        c.mul_(f.sigmoid()).add_(i.sigmoid() * g.tanh())
        h.copy_(o.sigmoid() * c.tanh())
        return h, (h, c)


def test_what_changes_in_place_is_the_cell_that_it_would_be_otherwise() -> None:
    traced = assert_traced(InPlace())
    assert identity(traced.cell) == identity(trace(InItsState(), I, H).cell)
    assert diff(traced.cell, trace(nn.LSTMCell(I, H)).cell) == ()


class Interleaved(nn.Module):
    """Gates unit by unit instead of gate by gate, and a state that is an operand twice."""

    def __init__(self) -> None:
        super().__init__()
        self.gates = nn.Linear(I + 2 * H, 2 * H)

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        z, n = self.gates(torch.cat([h, x, h], 1)).view(-1, H, 2).unbind(-1)
        return torch.sigmoid(z) * torch.tanh(n)


def test_interleaved_gates_are_told_apart() -> None:
    traced = assert_traced(Interleaved())
    assert sorted(node.op for node in traced.cell.nodes.values()) == ["linear", "linear", "product", "sigmoid", "tanh"]


class Heads(nn.Module):
    """A block-diagonal recurrence, a matrix for each head."""

    def __init__(self) -> None:
        super().__init__()
        self.W = nn.Linear(I, 6)
        self.U = nn.Parameter(torch.randn(3, 2, 2))

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        heads = torch.einsum("bhi,hij->bhj", h.view(-1, 3, 2), self.U)
        return torch.tanh(self.W(x) + heads.flatten(1))


def test_a_matrix_for_each_head_is_a_block_linear() -> None:
    module = Heads().double()
    traced = trace(module, I, 6)
    assert {(node.op, node.constant) for node in traced.cell.nodes.values()} >= {("block_linear", 3)}
    x, h = torch.randn(2, 4, I).double(), torch.randn(4, 6).double()
    outputs, _ = traced.rnn(x, h[None])
    assert isinstance(outputs, Tensor)
    torch.testing.assert_close(outputs[1], module(x[1], module(x[0], h)), rtol=0, atol=1e-12)


class HardSigmoid(nn.RNNCell):
    def forward(self, x: Tensor, h: Tensor) -> Tensor:  # type: ignore[override]
        return F.hardsigmoid(F.linear(x, self.weight_ih) + F.linear(h, self.weight_hh, self.bias_hh))


def test_torchs_hard_sigmoid_is_the_tables() -> None:
    # No gradients: torch divides by a 6 of single precision there.
    assert trace(HardSigmoid(I, H)).cell.nodes["h_next"].op == "hard_sigmoid"


def test_sizes_are_the_modules_attributes_and_the_name_is_its_class() -> None:
    traced = trace(nn.LSTMCell(I, H))
    assert (traced.rnn.input_size, traced.rnn.hidden_size) == (I, H)
    assert traced.cell.name == "lstm_cell"
    assert trace(nn.LSTMCell(I, H), name="mine").cell.name == "mine"


@pytest.mark.parametrize("module", [TutorialGRU, InPlace, Composed, Interleaved, InItsState])
def test_sizes_that_a_module_does_not_say_are_those_with_which_it_runs(module: type[nn.Module]) -> None:
    rnn = trace(module()).rnn
    assert (rnn.input_size, rnn.hidden_size) == (I, H)
    rnn = trace(module(), hidden_size=H).rnn
    assert (rnn.input_size, rnn.hidden_size) == (I, H)


def test_single_precision_stays_single() -> None:
    assert {p.dtype for p in trace(MatrixGRU(), I, H).rnn.parameters()} == {torch.float32}


def test_an_output_may_be_another_node_than_the_state() -> None:
    class Cell(nn.RNNCell):
        def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
            h = super().forward(x, h)
            return h.clamp(min=0), h

    traced = assert_traced(Cell(I, H))
    assert traced.cell.output == "output"
    assert traced.cell.states == {"h": "h_next"}


def test_a_state_that_is_passed_on_unchanged_is_an_identity() -> None:
    class Delay(nn.Module):
        form = "tuple"

        def __init__(self) -> None:
            super().__init__()
            self.W = nn.Linear(I, H)

        def forward(self, x: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
            last, before = state
            return torch.tanh(before), (self.W(x), last)

    traced = assert_traced(Delay())
    assert traced.cell.nodes["before_next"].op == "identity"
    assert traced.cell.nodes["before_next"].operands == ("last",)


def test_notes_tell_what_the_cell_learns_otherwise() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.W, self.U = nn.Linear(I, H), nn.Linear(H, H)
            self.gain = nn.Parameter(torch.tensor(0.5))

        def forward(self, x: Tensor, h: Tensor) -> Tensor:
            h = torch.tanh(self.W(x) + self.U(h))
            h = torch.tanh(self.W(x) + self.U(h))
            return h * self.gain.exp()

    again, computed, many = assert_traced(Tied(), weights=False).notes
    assert "`h = torch.tanh(self.W(x) + self.U(h))` uses a parameter once more" in again
    assert "`return h * self.gain.exp()` is computed from parameters" in computed
    assert "uses a parameter for many units" in many


def test_a_traced_cell_trains_on_from_the_modules_weights() -> None:
    traced = trace(MatrixGRU(), I, H)
    before = [p.clone() for p in traced.rnn.parameters()]
    outputs, _ = traced.rnn(torch.randn(4, 2, I))
    assert isinstance(outputs, Tensor)
    outputs.square().mean().backward()
    torch.optim.SGD(traced.rnn.parameters(), 0.1).step()
    assert all(not torch.equal(b, a) for b, a in zip(before, traced.rnn.parameters(), strict=True))


def test_the_module_itself_is_left_alone() -> None:
    module = MatrixGRU()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    traced = trace(module, I, H)
    with torch.no_grad():
        for parameter in traced.rnn.parameters():
            parameter.zero_()
    assert all(torch.equal(tensor, before[name]) for name, tensor in module.state_dict().items())
