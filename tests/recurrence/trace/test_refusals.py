"""What no cell can express is refused with the line of the user's source and the reason, in one line."""

from __future__ import annotations

import inspect
from types import FunctionType
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cellsearch.errors import CellError, TraceError
from cellsearch.recurrence.trace.trace import trace

I, H = 3, 5  # noqa: E741 - the field's letters


class Base(nn.Module):
    """Two linears, and whatever a step may want to misuse."""

    def __init__(self) -> None:
        super().__init__()
        self.W, self.U = nn.Linear(I, H), nn.Linear(H, H)
        self.wide = nn.Linear(H, 2 * H)
        self.squeeze = nn.Linear(H, H - 1)
        self.drop = nn.Dropout(0.5)
        self.batch_norm = nn.BatchNorm1d(H)
        self.norm = nn.LayerNorm(H, eps=1e-3)
        self.conv = nn.Conv1d(1, 1, 3, padding=1)
        self.register_buffer("decay", torch.linspace(0, 1, H))
        self.register_buffer("reservoir", torch.randn(H, H))

    def method(self, a: Tensor) -> Tensor:
        """A helper method."""
        return a.cummax(-1).values  # method


def branch(self: Any, x: Tensor, h: Tensor) -> Any:
    h = self.W(x) + self.U(h)
    if h.sum() > 0:  # here
        return torch.tanh(h)
    return h


def convolution(self: Any, x: Tensor, h: Tensor) -> Any:
    h = self.conv(h.unsqueeze(1)).squeeze(1)  # here
    return torch.tanh(h + self.W(x))


def cut_gates(self: Any, x: Tensor, h: Tensor) -> Any:
    a, b = self.wide(h).chunk(2, 1)
    return torch.tanh(torch.cat([a[:, :3], (a + b)[:, 3:]], 1) + self.W(x))  # here


def reversed_units(self: Any, x: Tensor, h: Tensor) -> Any:
    return torch.tanh(torch.cat([h[:, 2:], h[:, :2]], 1) + self.W(x))  # here


def part_of_it(self: Any, x: Tensor, h: Tensor) -> Any:
    a = self.W(x) + self.U(h)
    a[:, 0] = 0  # here
    return torch.tanh(a)


def into_zeros(self: Any, x: Tensor, h: Tensor) -> Any:
    a = torch.zeros_like(h)
    a[:, :3] = self.U(h)[:, :3]  # here
    return torch.tanh(self.W(x) + a)


def beside_zeros(self: Any, x: Tensor, h: Tensor) -> Any:
    a = torch.cat([torch.zeros_like(h)[:1, :2], self.decay[None, :3]], 1)  # here
    return torch.tanh(self.W(x) + self.U(h) + a)


def counter(self: Any, x: Tensor, h: Tensor) -> Any:
    self.decay += 1  # here
    return torch.tanh(self.W(x) + self.U(h))


def largest(self: Any, x: Tensor, h: Tensor) -> Any:
    most = torch.max(h, 1, keepdim=True)[0]  # here
    return torch.tanh(self.W(x) + most)


def over_time(self: Any, x: Tensor, h: Tensor) -> Any:
    outputs = []
    _, steps, _ = x.shape  # here
    for t in range(steps):
        h = torch.tanh(self.W(x[:, t]) + self.U(h))
        outputs.append(h)
    return torch.stack(outputs, 1), h


def dropped(self: Any, x: Tensor, h: Tensor) -> Any:
    return torch.tanh(self.drop(self.W(x)) + self.U(h))  # here


def batch_normalized(self: Any, x: Tensor, h: Tensor) -> Any:
    return torch.tanh(self.batch_norm(self.W(x)) + self.U(h))  # here


def attention(self: Any, x: Tensor, h: Tensor) -> Any:
    score = h @ self.W(x).t()  # here
    return torch.tanh(score @ h)


def fixed_vector(self: Any, x: Tensor, h: Tensor) -> Any:
    return torch.tanh(self.W(x) + self.decay * h)  # here


def fixed_matrix(self: Any, x: Tensor, h: Tensor) -> Any:
    return torch.tanh(self.W(x) + h @ self.reservoir)  # here


def no_gradient(self: Any, x: Tensor, h: Tensor) -> Any:
    with torch.no_grad():
        a = torch.tanh(self.U(h))  # here
    return a + self.W(x)


def largest_unit(self: Any, x: Tensor, h: Tensor) -> Any:
    return self.W(x) - h.amax(-1, keepdim=True)  # here


def equality(self: Any, x: Tensor, h: Tensor) -> Any:
    return torch.where(h == self.W(x), h, -h)  # here


def both_conditions(self: Any, x: Tensor, h: Tensor) -> Any:
    return torch.where((h > 0) & (h < self.W(x)), h, -h)  # here


def fixed_mask(self: Any, x: Tensor, h: Tensor) -> Any:
    return torch.where(self.decay > 0.5, h, self.W(x))  # here


def half_of_a_gate(self: Any, x: Tensor, h: Tensor) -> Any:
    return self.W(x) - h[:, :3].mean(1, keepdim=True)  # here


def softmax_over_the_batch(self: Any, x: Tensor, h: Tensor) -> Any:
    return self.W(x) * torch.softmax(h, 0)  # here


def softmax_of_the_input(self: Any, x: Tensor, h: Tensor) -> Any:
    return self.W(torch.softmax(x, -1)) + h  # here


def running_maximum(self: Any, x: Tensor, h: Tensor) -> Any:
    return torch.tanh(self.W(x) + self.U(h)).cummax(-1).values  # here


def error_function(self: Any, x: Tensor, h: Tensor) -> Any:
    return torch.erf(self.W(x) + self.U(h))  # here


def rounded(self: Any, x: Tensor, h: Tensor) -> Any:
    return torch.div(self.W(x), torch.exp(h), rounding_mode="floor")  # here


def other_norm(self: Any, x: Tensor, h: Tensor) -> Any:
    return self.W(x) / torch.linalg.vector_norm(h, ord=1, dim=-1, keepdim=True)  # here


def matrix_memory(self: Any, x: Tensor, h: Tensor) -> Any:
    memory = torch.einsum("bi,bj->bij", h, self.W(x))  # here
    return memory.sum(2)


def fast_weights(self: Any, x: Tensor, h: Tensor) -> Any:
    return torch.tanh(torch.bmm(h[:, None, :] * self.W(x)[:, :, None], h[:, :, None]).squeeze(2))  # here


def noise(self: Any, x: Tensor, h: Tensor) -> Any:
    return torch.tanh(self.W(x) + self.U(h) + torch.randn_like(h))  # here


def bottleneck(self: Any, x: Tensor, h: Tensor) -> Any:
    a = torch.relu(self.squeeze(h))  # here
    return torch.tanh(F.pad(a, (0, 1)) + self.W(x))


def detached(self: Any, x: Tensor, h: Tensor) -> Any:
    return torch.tanh(self.W(x) + self.U(h.detach()))  # here


def raw_input(self: Any, x: Tensor, h: Tensor) -> Any:
    a = torch.tanh(x)  # here
    return torch.tanh(self.W(a) + self.U(h))


def mixed_sequences(self: Any, x: Tensor, h: Tensor) -> Any:
    return torch.tanh(self.W(x) + self.U(h) + h.roll(1, 0))  # here


def printed(self: Any, x: Tensor, h: Tensor) -> Any:
    a = float(h.sum())  # here
    return torch.tanh(self.W(x) + self.U(h) + a)


def helper(self: Any, x: Tensor, h: Tensor) -> Any:
    return torch.tanh(self.method(self.W(x)) + self.U(h))


def function(self: Any, x: Tensor, h: Tensor) -> Any:
    return torch.tanh(beside(self.W(x)) + self.U(h))


def beside(a: Tensor) -> Tensor:
    """A function beside the class."""
    return a.cumprod(-1)  # beside


REASONS = {
    branch: "the way taken depends on the numbers",
    convolution: "a convolution shares weights",
    cut_gates: "parts of a product",
    reversed_units: "only some of the 5 units of 'h', or shuffles them",
    part_of_it: "puts parameters or constants beside what changes",
    into_zeros: "puts parameters or constants beside what changes",
    beside_zeros: "cat puts numbers beside other numbers or parameters",
    counter: "it changes 'decay'; what a cell remembers is a state",
    largest: "max runs over all units",
    over_time: "not enough values to unpack",
    dropped: "dropout is no part of a cell",
    batch_normalized: "batch_norm mixes the sequences",
    attention: "matmul of two values that both change",
    fixed_vector: "a cell's vectors are learned",
    fixed_matrix: "a cell's matrices are learned",
    no_gradient: "leave torch.no_grad out",
    largest_unit: "amax looks for the largest",
    equality: "eq compares for equality, which rounding decides; compare with > or <",
    both_conditions: "joins conditions; choose by one after the other",
    fixed_mask: "it chooses by what is no comparison of values",
    half_of_a_gate: "it takes the mean of 3 units, the hidden size is 5",
    softmax_over_the_batch: "runs over the sequences of a batch",
    softmax_of_the_input: "softmax over 3 units, the hidden size is 5",
    running_maximum: "cummax looks for the largest",
    error_function: "those in cellsearch.cell.OPS, or make it one by @cellsearch.op",
    rounded: "it rounds its quotient (floor), which has no gradient; leave it out",
    other_norm: "a cell has the Euclidean norm alone",
    matrix_memory: "two values that both change",
    fast_weights: "two values that both change",
    noise: "draws random numbers",
    bottleneck: "parts of a product",
    detached: "detach cuts the gradient",
    raw_input: "takes 'x' with 3 units, the hidden size is 5",
    mixed_sequences: "roll",
    printed: "the way taken depends on the numbers",
}


@pytest.mark.parametrize("step", REASONS, ids=lambda step: step.__name__)
def test_it_is_refused_with_its_line_and_reason(step: FunctionType, capfd: pytest.CaptureFixture[str]) -> None:
    module = _module(step)
    with pytest.raises(TraceError) as caught:
        trace(module, I, H)
    lines, first = inspect.getsourcelines(step)
    number, text = next((first + i, line.strip()) for i, line in enumerate(lines) if "# here" in line)
    message = str(caught.value)
    assert message.startswith(f"{__file__}:{number}: `{text}`: ")
    assert REASONS[step] in message
    assert "\n" not in message
    assert capfd.readouterr() == ("", "")


def test_states_of_different_sizes_are_refused() -> None:
    class Wide(Base):
        def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
            h = torch.tanh(self.W(x) + self.U(h))
            return h, torch.cat([h, h], 1)

    with pytest.raises(TraceError, match=r"returns states .* all need the hidden size"):
        trace(Wide(), I, H)


def test_an_output_of_another_size_is_refused() -> None:
    class Readout(Base):
        def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
            h = torch.tanh(self.W(x) + self.U(h))
            return self.wide(h), h

    with pytest.raises(TraceError, match=r"returns the output \[7, 10\].*read out outside"):
        trace(Readout(), I, H)


def test_a_module_without_a_state_is_refused() -> None:
    with pytest.raises(TraceError, match=r"takes no state; a step is forward\(x, state\)"):
        trace(nn.Linear(I, H), I, H)


def test_a_module_over_whole_sequences_is_refused() -> None:
    with pytest.raises(TraceError, match=r"GRU takes whole sequences .* use nn\.GRUCell"):
        trace(nn.GRU(I, H))

    class Inner(Base):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(I, H)

        def forward(self, x: Tensor, h: Tensor) -> Tensor:
            return torch.tanh(self.lstm(x[None], (h[None], h[None]))[0][0])

    with pytest.raises(TraceError, match=r"`def forward.*LSTM takes whole sequences"):
        trace(Inner(), I, H)


class Sum(nn.Module):
    """Runs with any size, as long as the two are the same or one is 1."""

    def __init__(self) -> None:
        super().__init__()
        self.unused = nn.Parameter(torch.zeros(4))

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        return torch.tanh(x + h)


def test_sizes_that_cannot_be_found_are_asked_for() -> None:
    with pytest.raises(TraceError, match="Base has no forward; write the step as forward"):
        trace(Base())
    with pytest.raises(
        TraceError, match=r"Sum runs with \(\d, \d\) and with \(\d, \d\); pass input_size and hidden_size"
    ):
        trace(Sum())
    with pytest.raises(
        TraceError, match=r"Sum does not say its sizes, and runs with none that its weights suggest; pass"
    ):
        trace(Sum(), hidden_size=97)
    with pytest.raises(TraceError, match=r"Sum has input_size=0; pass input_size, a whole number of at least 1"):
        trace(Sum(), 0, 5)


def test_a_result_that_ignores_everything_is_refused() -> None:
    class Constant(Base):
        def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
            return torch.tanh(self.W(x) + self.U(h)), torch.zeros_like(h)

    with pytest.raises(TraceError, match="the same for every sequence"):
        trace(Constant(), I, H)


def test_a_state_that_nothing_reads_is_refused() -> None:
    class Dead(Base):
        def forward(self, x: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
            h, c = state
            h = torch.tanh(self.W(x) + self.U(h))
            return h, (h, c + h)

    with pytest.raises(CellError, match=r"'c.*is dead, the output never depends on it"):
        trace(Dead(), I, H)


@pytest.mark.parametrize(("step", "where"), [(helper, Base.method), (function, beside)])
def test_the_line_of_a_helper_is_told(step: FunctionType, where: FunctionType) -> None:
    with pytest.raises(TraceError) as caught:
        trace(_module(step), I, H)
    lines, first = inspect.getsourcelines(where)
    assert str(caught.value).startswith(f"{__file__}:{first + 2}: `{lines[2].strip()}`: ")


def _module(step: FunctionType) -> nn.Module:
    # torch keeps the lines of functions called forward.
    forward = FunctionType(step.__code__.replace(co_name="forward"), step.__globals__)
    module = type("Module", (Base,), {"forward": forward})()
    assert isinstance(module, nn.Module)
    return module
