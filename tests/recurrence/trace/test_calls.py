"""The ways in which steps take their states, constants beside them, scripted modules, and sizes that crash."""

from __future__ import annotations

import importlib.util
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import cellsearch as cs
from cellsearch.cell import identity
from cellsearch.errors import TraceError
from cellsearch.recurrence.trace.trace import Traced, trace
from cellsearch_search_spaces.gated import GRU
from tests.helpers.recurrence.stepping import H, I

B = 4


class Gates(nn.Module):
    """The gates of an LSTM, for steps that take its states in many ways."""

    def __init__(self, width: int = H) -> None:
        super().__init__()
        self.gates = nn.Linear(I + H, 4 * width)

    def step(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        """The next h and c."""
        i, f, g, o = self.gates(torch.cat([x, h], 1)).chunk(4, 1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c


class Nested(Gates):
    def forward(self, x: Tensor, state: Any) -> Any:
        (h, c), n = state
        h, c = self.step(x, h, c)
        n = 0.9 * n + h
        return h + n, ((h, c), n)


class InAList(Gates):
    def forward(self, x: Tensor, state: Any) -> Any:
        h, c = state[0]
        h, c = self.step(x, h, c)
        return h, [(h, c)]


class InADictionary(Gates):
    def forward(self, x: Tensor, state: Any) -> Any:
        h, c = self.step(x, state["h"], state["c"])
        return h, {"h": h, "c": c}


class WithADefault(Gates):
    def forward(self, x: Tensor, state: Any = None) -> Any:
        if state is None:
            zero = x.new_zeros(len(x), H)
            state = {"memory": [zero, zero]}
        h, c = self.step(x, *state["memory"])
        return h, {"memory": [h, c]}


class BySayingIt(Gates):
    def init_state(self, batch: int) -> Any:
        return [torch.zeros(batch, H), (torch.zeros(batch, H),)]

    def forward(self, x: Tensor, state: Any) -> Any:
        flat = [state[0], *state[1]]
        h, c = self.step(x, *flat)
        return h, [h, (c,)]


class StatesFirst(Gates):
    def forward(self, x: Tensor, state: Any) -> Any:
        h, c = self.step(x, *state)
        return (h, c), torch.relu(h)


class Arguments(Gates):
    def forward(self, x: Tensor, h: Tensor, c: Tensor) -> Any:
        h, c = self.step(x, h, c)
        return h, c


def flat(tree: Any) -> list[Tensor]:
    return torch.utils._pytree.tree_leaves(tree)


FORMS: dict[type[nn.Module], Callable[[Any], Any]] = {
    Nested: lambda s: ((s[0], s[1]), s[2]),
    InAList: lambda s: [(s[0], s[1])],
    InADictionary: lambda s: {"h": s[0], "c": s[1]},
    WithADefault: lambda s: {"memory": [s[0], s[1]]},
    BySayingIt: lambda s: [s[0], (s[1],)],
    StatesFirst: lambda s: (s[0], s[1]),
}


@pytest.mark.parametrize("kind", FORMS, ids=lambda kind: kind.__name__)
def test_states_are_taken_apart_in_whatever_form_they_come(kind: type[nn.Module]) -> None:
    torch.manual_seed(0)
    module = kind().double()
    traced = trace(module, I, H)
    states = [torch.randn(B, H, dtype=torch.float64) for _ in traced.cell.states]
    x = torch.randn(B, I, dtype=torch.float64)
    result = module(x, FORMS[kind](states))
    output, following = reversed(result) if kind is StatesFirst else result
    assert_same(traced, x, states, [output, *flat(following)])


def test_the_names_of_nested_states_are_those_that_the_source_unpacks() -> None:
    assert tuple(trace(Nested(), I, H).cell.states) == ("h", "c", "n")
    assert trace(Nested(), I, H).cell.states["n"] == "n_next"


def assert_same(traced: Traced, x: Tensor, states: list[Tensor], expected: list[Tensor]) -> None:
    """The output and the next states of one step are those expected, in order."""
    initial = [state[None] for state in states]
    output, last = traced.rnn(x[None], tuple(initial) if len(initial) > 1 else initial[0])
    found = [output[0], *(each[0] for each in (last if isinstance(last, tuple) else (last,)))]
    for mine, other in zip(found, expected, strict=True):
        torch.testing.assert_close(mine, other, rtol=0, atol=1e-12)


class Projected(nn.Module):
    """Sak et al. 2014: a memory of three hidden sizes, projected back to one."""

    def __init__(self) -> None:
        super().__init__()
        self.gates, self.projection = nn.Linear(I + H, 12 * H), nn.Linear(3 * H, H, bias=False)

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor] | None = None) -> Any:
        h, c = (x.new_zeros(len(x), H), x.new_zeros(len(x), 3 * H)) if state is None else state
        i, f, g, o = self.gates(torch.cat([x, h], 1)).chunk(4, 1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = self.projection(torch.sigmoid(o) * torch.tanh(c))
        return h, (h, c)


def test_a_wide_memory_is_several_states() -> None:
    torch.manual_seed(0)
    module = Projected().double()
    traced = trace(module, I)
    assert len(traced.cell.states) == 4 and traced.rnn.hidden_size == H
    h, c, x = (torch.randn(B, size, dtype=torch.float64) for size in (H, 3 * H, I))
    output, (h_next, c_next) = module(x, (h, c))
    assert_same(traced, x, [h, *c.chunk(3, 1)], [output, h_next, *c_next.chunk(3, 1)])


class Timed(nn.Module):
    """The closed-form idiom: an argument that is no state, between those that are or after them."""

    def __init__(self) -> None:
        super().__init__()
        self.gate, self.a, self.b = (nn.Linear(I + H, H) for _ in range(3))

    def mixed(self, x: Tensor, h: Tensor, ts: Any) -> Tensor:
        """The next state after some time."""
        both = torch.cat([x, h], 1)
        gate = torch.sigmoid(self.gate(both) * ts)
        return torch.tanh(self.a(both)) * (1 - gate) + gate * torch.tanh(self.b(both))

    def forward(self, x: Tensor, h: Tensor, ts: Any) -> Any:
        h = self.mixed(x, h, ts)
        return h, h


class Between(Timed):
    def forward(self, x: Tensor, elapsed: Any, h: Tensor) -> Any:
        return self.mixed(x, h, elapsed)


class Rate(Timed):
    """With a name that tells nothing."""

    def forward(self, x: Tensor, h: Tensor, rate: Any) -> Any:
        h = self.mixed(x, h, rate)
        return h, h


@pytest.mark.parametrize(("kind", "name"), [(Timed, "ts"), (Between, "elapsed"), (Rate, "rate")])
def test_an_argument_that_is_no_state_is_no_state(kind: type[Timed], name: str) -> None:
    module = kind().double()
    with pytest.raises(TraceError, match=rf"takes '{name}' beside .*trace\(module, {name}=1\.0\)"):
        trace(module, I, H)
    traced = trace(module, I, H, **{name: 0.5})
    x, h = torch.randn(B, I, dtype=torch.float64), torch.randn(B, H, dtype=torch.float64)
    expected = module.mixed(x, h, 0.5)
    assert_same(traced, x, [h], [expected, expected])


def test_a_constant_that_no_argument_takes_is_told() -> None:
    with pytest.raises(TraceError, match=r"Timed\.forward has no argument 'td'"):
        trace(Timed(), I, H, td=1.0)


def test_two_states_by_arguments_are_two_states() -> None:
    assert tuple(trace(Arguments(), I, H).cell.states) == ("h", "c")


class Scripted(nn.Module):
    """With a number, a buffer, a frozen parameter and children of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.cells = nn.ModuleList([nn.GRUCell(I, H)])
        self.factor = 0.5

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        for cell in self.cells:
            h = cell(x, h)
        return h * self.factor


def old_style() -> nn.Module:
    """A ScriptModule, which torch calls deprecated."""

    class OldStyle(torch.jit.ScriptModule):
        """As TorchScript's own examples are written."""

        def __init__(self) -> None:
            super().__init__()
            self.W, self.U = nn.Parameter(torch.randn(3 * H, I)), nn.Parameter(torch.randn(3 * H, H))

        @torch.jit.script_method
        def forward(self, x: Tensor, h: Tensor) -> Tensor:
            a, b = F.linear(x, self.W), F.linear(h, self.U)
            r = torch.sigmoid(a[:, :5] + b[:, :5])
            z = torch.sigmoid(a[:, 5:10] + b[:, 5:10])
            return z * h + (1 - z) * torch.tanh(a[:, 10:] + r * b[:, 10:])

    return OldStyle()


@pytest.mark.parametrize("make", [lambda: torch.jit.script(nn.GRUCell(I, H)), old_style])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_scripted_module_is_its_original(make: Callable[[], nn.Module]) -> None:
    module = make().double()
    traced = trace(module, I, H)
    assert identity(traced.cell) == identity(GRU)
    x, h = torch.randn(B, I, dtype=torch.float64), torch.randn(B, H, dtype=torch.float64)
    expected = module(x, h)
    assert_same(traced, x, [h], [expected, expected])


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_scripted_parts_and_attributes_are_kept() -> None:
    module = torch.jit.script(Scripted()).double()
    x, h = torch.randn(B, I, dtype=torch.float64), torch.randn(B, H, dtype=torch.float64)
    expected = module(x, h)
    assert_same(trace(module, I, H), x, [h], [expected, expected])


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_program_without_its_class_is_refused(tmp_path: Path) -> None:
    torch.jit.script(nn.GRUCell(I, H)).save(tmp_path / "cell.pt")
    with pytest.raises(
        TraceError, match=r"GRUCell is a TorchScript program without its Python class; trace the module"
    ):
        trace(torch.jit.load(tmp_path / "cell.pt"), I, H)


class Crashing(nn.Module):
    """Compiled code that takes shapes as they come."""

    def __init__(self, patient: bool) -> None:
        super().__init__()
        self.W, self.U = nn.Parameter(torch.randn(I, H)), nn.Parameter(torch.randn(H, H))
        self.patient = patient

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        if x.shape[1] != I or h.shape[1] != H:
            os.kill(os.getpid(), signal.SIGSEGV)
        return torch.tanh(x @ self.W + h @ self.U)


def test_sizes_that_crash_the_users_code_do_not_crash_the_process() -> None:
    with pytest.raises(TraceError, match=r"Crashing crashes with sizes that it was tried with .*pass input_size"):
        trace(Crashing(patient=False))
    assert trace(Crashing(patient=False), I, H).rnn.hidden_size == H


def test_linears_say_the_sizes_before_shapes_are_tried() -> None:
    class Kernel(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.W, self.U = nn.Linear(I, H), nn.Linear(H, H)

        def forward(self, x: Tensor, h: Tensor) -> Tensor:
            return torch.tanh(self.W(x) + self.U(h))

    rnn = trace(Kernel()).rnn
    assert (rnn.input_size, rnn.hidden_size) == (I, H)


def test_a_package_whose_name_begins_with_torch_is_the_users(tmp_path: Path) -> None:
    folder = tmp_path / "torchlike"
    folder.mkdir()
    (folder / "__init__.py").write_text(
        "import torch\n\n\nclass Cell(torch.nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.W = torch.nn.Linear(8, 5)\n\n    def forward(self, x, h):\n"
        "        return self.W(torch.cat([x, h], 1)).cummax(1).values\n"
    )
    spec = importlib.util.spec_from_file_location("torchlike", folder / "__init__.py")
    assert spec is not None and spec.loader is not None
    source = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(source)
    with pytest.raises(TraceError, match=r"torchlike/__init__\.py:10: `return self\.W.*cummax looks for the largest"):
        trace(source.Cell(), 3, 5)


def test_what_is_wrong_with_the_likeliest_form_is_told() -> None:
    class Misspelt(Gates):
        def forward(self, x: Tensor, state: Any) -> Any:
            h, c = state
            h, c = self.step(x, h, c)
            return h, (h, self.missing(c))

    with pytest.raises(TraceError, match="has no attribute 'missing'"):
        trace(Misspelt(), I, H)


def test_what_a_module_keeps_in_itself_is_told() -> None:
    class Keeping(Gates):
        def forward(self, x: Tensor, h: Tensor) -> Tensor:
            self.memory = getattr(self, "memory", torch.zeros_like(h)) * 0.5 + h
            return self.step(x, h, self.memory)[0]

    with pytest.raises(
        TraceError, match="it keeps 'memory' in itself from step to step; what a cell remembers is a state"
    ):
        trace(Keeping(), I, H)


def test_states_that_are_no_multiples_of_each_other_are_told() -> None:
    class Uneven(WithADefault):
        input_size, hidden_size = I, H

        def forward(self, x: Tensor, state: Any = None) -> Any:
            h, last = (x.new_zeros(len(x), H), torch.zeros_like(x)) if state is None else state
            h, _ = self.step(x + last, h, h)
            return h, (h, x)

    with pytest.raises(
        TraceError, match=r"has states of 5 and 3 units, the hidden size is 5; let each have the hidden"
    ):
        trace(Uneven())


def test_a_backbone_of_no_multiple_of_the_hidden_size_is_told() -> None:
    class Backbone(Gates):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.back = nn.Linear(I + H, 8), nn.Linear(8, H)

        def forward(self, x: Tensor, h: Tensor) -> Tensor:
            return self.back(torch.tanh(0.5 * self.inner(torch.cat([x, h], 1))))

    with pytest.raises(
        TraceError, match=r"it takes 8 units that are no gates, the hidden size is 5; choose a width that"
    ):
        trace(Backbone(), I, H)


def test_a_frozen_parameter_that_learns_from_now_on_is_told() -> None:
    module = nn.GRUCell(I, H)
    module.bias_ih.requires_grad_(False)
    (note,) = trace(module).notes
    assert "uses a parameter that is frozen; the cell learns it" in note


def test_what_is_no_module_is_refused() -> None:
    with pytest.raises(TraceError, match=r"a torch\.nn\.Module is expected, got"):
        trace(nn.GRUCell, I, H)  # type: ignore[arg-type]
    with pytest.raises(TraceError, match="Module has no forward; write the step as"):
        trace(nn.Module(), I, H)
    assert cs.trace is trace
